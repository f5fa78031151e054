"""A project edited at random, and quire at work on it."""
