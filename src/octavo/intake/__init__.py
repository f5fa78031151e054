"""A folder of notebooks, or a script that calls papermill, taken in as a pipeline: its pipeline.yaml is proposed."""
