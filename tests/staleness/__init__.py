"""A project edited at random, and octavo at work on it."""
