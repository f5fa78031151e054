"""What pipeline.yaml says: read, checked, its placeholders filled in, and multiplied into tasks."""
