"""See which environment variables a task's own code reads: they make nothing stale, and that is said."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator

from ...secrets.names import is_secret
from .frames import Asker
from .hook import Arguments, Hear, Quiet

#: Variables of systems and shells, which say where and for whom a process runs, and that nobody takes for inputs.
_USUAL = frozenset(
    (
        *(
            "HOME",
            "PATH",
            "USER",
            "LOGNAME",
            "USERNAME",
            "SHELL",
            "PWD",
            "OLDPWD",
            "TERM",
            "LANG",
            "LANGUAGE",
        ),
        *("TMPDIR", "TEMP", "TMP", "HOSTNAME", "DISPLAY", "COLUMNS", "LINES", "VIRTUAL_ENV", "CI"),
    )
)
_FAMILIES = ("LC_", "OCTAVO_", "PYTHON", "XDG_", "CONDA_", "JPY_", "OMP_", "MKL_", "SLURM_")
_CLASS = type(os.environ)


class Variables:
    """Replaces how ``os.environ`` is read while a task is observed; ``read`` are the names of what was."""

    def __init__(self, quiet: Quiet) -> None:
        self._quiet = quiet
        self.read: dict[str, None] = {}
        #: Those that the task itself has set, and those that are about to be copied with all others.
        self._own: set[str] = set()
        self._copied: set[str] = set()
        self._real: dict[str, Callable[..., object]] = {}

    def hears(self) -> dict[str, Hear]:
        """Return what is to be told of which audited events."""
        return {"os.putenv": self._put}

    def begin(self) -> None:
        """Look on from now."""
        item, names = _CLASS.__getitem__, _CLASS.__iter__
        self._real = {"__getitem__": item, "__iter__": names}
        ours = {"__getitem__": self._item(item), "__iter__": self._names(names)}
        for name, real in self._real.items():
            setattr(_CLASS, name, functools.wraps(real)(ours[name]))

    def end(self) -> None:
        """Put back what was replaced."""
        for name, real in self._real.items():
            if getattr(getattr(_CLASS, name), "__wrapped__", None) is real:
                setattr(_CLASS, name, real)
        self._real.clear()

    def _put(self, arguments: Arguments) -> None:
        self._own.add(os.fsdecode(arguments[0]))

    def _item(self, real: Callable[..., object]) -> Callable[..., object]:
        def item(variables: object, key: object) -> object:
            if key in self._copied:
                self._copied.discard(str(key))
            elif isinstance(key, str) and key not in self.read and key not in _USUAL:
                self._note(key)
            return real(variables, key)

        return item

    def _names(self, real: Callable[..., Iterator[object]]) -> Callable[..., Iterator[object]]:
        def names(variables: object) -> Iterator[object]:
            found = [*real(variables)]
            self._copied = {*map(str, found)}
            return iter(found)

        return names

    def _note(self, key: str) -> None:
        if self._quiet or key in self._own or key.startswith(_FAMILIES) or is_secret(key):
            return
        if Asker().is_own():
            self.read[key] = None
