"""What code says, read and never run: declarations, names, digests, the sources of tasks."""
