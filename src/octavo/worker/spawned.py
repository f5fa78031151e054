"""The door of a worker that is a new interpreter; its only argument are its descriptors: ``FD,FD,FD,FD,FD,FD``."""

from __future__ import annotations

import sys

from .worker import work


def main() -> None:
    """Run the task that arrives."""
    work([int(number) for number in sys.argv[1].split(",")])
