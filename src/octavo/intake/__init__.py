"""Propose a pipeline.yaml for a folder of notebooks or a script that calls papermill."""
