"""Notebooks in several formats: converted, paired as jupytext pairs them, and kept the same."""
