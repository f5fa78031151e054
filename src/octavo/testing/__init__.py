"""Test notebooks: as tests of pytest, and their functions from Python."""
