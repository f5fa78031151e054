"""Give a process that was started without standard streams (``>&-``, some daemons) streams that lead nowhere."""

from __future__ import annotations

import os
import sys


def ensure_streams() -> None:
    """Open the descriptors 0 to 2 where they are closed, and the streams of ``sys`` for them where they are None.

    Otherwise the next file or socket that is opened gets such a number, and what is printed is written to it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(number, True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
