"""``python -m quire``: the same as the command ``quire``."""

from .cli import entry

if __name__ == "__main__":
    entry()
