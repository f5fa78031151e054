"""``python -m octavo``: the same as the command ``octavo``."""

from .cli import entry

if __name__ == "__main__":
    entry()
