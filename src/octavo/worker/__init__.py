"""The side that runs one task: its process, and what surrounds the user's code in it."""
