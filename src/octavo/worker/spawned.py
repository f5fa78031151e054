"""The entry point of workers that are new interpreters; takes descriptors as its argument: FD,FD,FD,FD,FD,FD."""

from __future__ import annotations

import sys

from .worker import work


def main() -> None:
    """Run the task that arrives."""
    work([int(number) for number in sys.argv[1].split(",")])
