"""What a person sees and does in a browser: one browser and one server of each JupyterLab for all of these tests."""
