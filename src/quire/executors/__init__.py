"""Where tasks run: local (a warm server that forks a worker per task) or inline (one after another, in this process)."""
