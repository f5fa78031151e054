"""A process of a project: how it starts, and what it becomes before it runs the user's code."""
