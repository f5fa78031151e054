"""Words and pictures that every surface shares."""
