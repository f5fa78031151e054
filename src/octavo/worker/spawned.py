"""The entry point of workers that are new interpreters; takes descriptors as its argument: FD,FD,FD,FD,FD,FD."""

from __future__ import annotations

# the warm server has these, and its workers find the same as this one
import contextvars  # noqa: F401
import logging  # noqa: F401
import sys

from .worker import work


def main() -> None:
    """Run the task that arrives."""
    work([int(number) for number in sys.argv[1].split(",")])
