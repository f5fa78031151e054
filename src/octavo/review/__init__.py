"""Review: notebooks in git that people can read, compare, merge and commit without their outputs."""
