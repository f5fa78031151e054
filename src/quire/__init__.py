"""quire takes notebooks to production."""

__version__ = "0.1.0"
