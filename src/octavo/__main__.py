"""``python -m octavo``: the same as the command ``octavo``."""

import os
import sys

if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
    # the command does not look for modules here, and what a project calls json.py is not Python's own
    del sys.path[0]

from .cli import entry

if __name__ == "__main__":
    entry()
