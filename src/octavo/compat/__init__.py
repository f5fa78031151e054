"""What remains of Ploomber and papermill: adopted results, migration, papermill's engine."""
