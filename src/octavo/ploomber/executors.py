"""Ploomber's executors, mapped to the number of octavo's workers."""

from __future__ import annotations

import os

from ..dataclass import dataclass
from ..process.ploomber_names import absent

__all__ = ["Parallel", "ParallelDill", "Serial"]
__getattr__ = absent(__name__)


@dataclass
class Serial:
    """One task after another.

    With ``build_in_subprocess=False`` functions run in this very process, and with ``catch_exceptions=False`` besides
    the first exception is raised as it is, so that a debugger finds the place. Warnings are shown as they come.
    """

    build_in_subprocess: bool = True
    catch_exceptions: bool = True
    catch_warnings: bool = True

    @property
    def jobs(self) -> int:
        """How many tasks run at a time."""
        return 1


@dataclass
class Parallel:
    """Several tasks at a time: ``processes``, or as many as there are processors.

    The other arguments are taken and have no effect: nothing spins, and progress is the build's.
    """

    processes: int | None = None
    print_progress: bool = False
    start_method: str | None = None

    @property
    def jobs(self) -> int:
        """How many tasks run at a time."""
        return self.processes or os.cpu_count() or 1


class ParallelDill(Parallel):
    """The same; functions of a notebook need no pickling here."""


def executor_of(value: Serial | Parallel | str) -> Serial | Parallel:
    """Return the executor that is meant: an object, or "serial" or "parallel"."""
    if isinstance(value, Serial | Parallel):
        return value
    if value in ("serial", "parallel"):
        return Serial() if value == "serial" else Parallel()
    raise TypeError(f'an executor is Serial(), Parallel(), "serial" or "parallel", not {value!r}')
