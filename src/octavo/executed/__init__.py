"""The executed notebook: written while it runs, marked with its provenance, exported, and refreshed."""
