"""Where tasks run: local (a warm server forks a worker for each) or inline (one after another, in this process)."""
