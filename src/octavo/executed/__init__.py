"""The executed notebook: written while it runs, marked with what it was made from, exported, and refreshed."""
