"""Answer single requests with the functions of a pipeline: the same tasks, computed in memory for a row or a few."""
