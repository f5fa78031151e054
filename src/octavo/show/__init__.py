"""Text and pictures for every surface."""
