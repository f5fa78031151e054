"""Read what code says without running it: declarations, names, digests, and the sources of tasks."""
