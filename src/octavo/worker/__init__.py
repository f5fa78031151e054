"""The side that runs one task: a process of the project, and what surrounds the user's code in it."""
