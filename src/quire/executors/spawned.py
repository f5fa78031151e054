"""The door of a worker that is a new interpreter: ``python -m quire.executors.spawned FD,FD,FD,FD,FD,FD``."""

import sys

from .worker import work

if __name__ == "__main__":
    work([int(number) for number in sys.argv[1].split(",")])
