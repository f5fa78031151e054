"""What remains of Ploomber and papermill: adopting their results, migrating their projects, papermill's engine."""
