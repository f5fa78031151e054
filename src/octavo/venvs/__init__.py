"""Environments of tasks: packages apart from octavo's own, made once of what a file or a notebook says, and reused."""
