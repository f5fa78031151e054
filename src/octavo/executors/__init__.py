"""Executors run tasks: local (in forked workers) or inline (one at a time, in this process)."""
