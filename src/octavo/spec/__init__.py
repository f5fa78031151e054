"""pipeline.yaml, from text to tasks: parsed, checked, placeholders filled in, grids expanded."""
