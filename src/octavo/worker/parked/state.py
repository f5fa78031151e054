"""What a process has only one of, and an import should leave as it is."""

from __future__ import annotations

import builtins
import gc
import logging
import os
import random
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Literal, TextIO

#: Returns a module that was imported, by its name, or None.
Find = Callable[[str], ModuleType | None]

_SIGNALS: list[int] = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


_HOOKS: tuple[tuple[ModuleType, str], ...]
_HOOKS = (sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook"), (sys, "displayhook")

_Callback = Callable[[Literal["start", "stop"], dict[str, int]], object]


def _set_signals(handlers: list[signal._HANDLER]) -> None:
    for number, handler in zip(_SIGNALS, handlers, strict=True):
        if handler is not None and signal.getsignal(number) != handler:
            signal.signal(number, handler)


def _hooks() -> list[object]:
    return [getattr(owner, name) for owner, name in _HOOKS]


def _set_hooks(hooks: list[object]) -> None:
    for (owner, name), hook in zip(_HOOKS, hooks, strict=True):
        setattr(owner, name, hook)


def _set_streams(streams: tuple[TextIO, TextIO, TextIO]) -> None:
    sys.stdin, sys.stdout, sys.stderr = streams


def _set_tracing(functions: tuple[object, ...]) -> None:
    setters: list[Callable[..., None]] = [
        sys.settrace,
        sys.setprofile,
        threading.settrace,
        threading.setprofile,
    ]
    for setter, function in zip(setters, functions, strict=True):
        setter(function)


def _set_limits(limits: tuple[int, float]) -> None:
    sys.setrecursionlimit(limits[0])
    sys.setswitchinterval(limits[1])


def _set_collector(state: tuple[bool, tuple[int, int, int], int, list[_Callback]]) -> None:
    gc.enable() if state[0] else gc.disable()
    gc.set_threshold(*state[1])
    gc.set_debug(state[2])
    gc.callbacks[:] = state[3]


def _set_root_logger(state: tuple[int, list[logging.Handler], int]) -> None:
    logging.root.setLevel(state[0])
    logging.root.handlers[:] = state[1]
    logging.root.manager.disable = state[2]


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _built_in() -> dict[str, object]:
    """Return what every module has without importing it; who imports is another while imports are recorded."""
    return {name: value for name, value in vars(builtins).items() if not name.startswith("_")}


def _set_built_in(names: dict[str, object]) -> None:
    for name in _built_in().keys() - names.keys():
        delattr(builtins, name)
    for name, value in names.items():
        setattr(builtins, name, value)


#: What decimal makes the contexts of threads from: precision, rounding, how many conditions are errors.
_DECIMAL = (
    ("DefaultContext", (28, "ROUND_HALF_EVEN", 3)),
    ("BasicContext", (9, "ROUND_HALF_UP", 5)),
    ("ExtendedContext", (9, "ROUND_HALF_EVEN", 0)),
)


def _templates(find: Find) -> list[str]:
    """Return which templates of decimal's contexts are not as they come."""
    found = []
    for name, first in _DECIMAL:
        it = getattr(find("_decimal"), name, None)
        if it is not None and (it.prec, it.rounding, sum(it.traps.values())) != first:
            found.append(name)
    return found


def _context(module: ModuleType) -> list[object]:
    """Return the context variables; decimal's is made by whoever asks for it first, as it always is."""
    values = module.copy_context().items()
    return [
        (variable, value)
        for variable, value in values
        if variable.name != "decimal_context" or value.prec != 28
    ]


def _of(module: ModuleType | None, look: Callable[[ModuleType], object]) -> object:
    """Return what a module that is there tells; to import it would make it seen by all."""
    try:
        return None if module is None else look(module)
    except AttributeError:  # it is just being imported
        return None


def _printed() -> list[int]:
    """Return the sizes of what was printed, which goes to a file."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return [os.fstat(descriptor).st_size for descriptor in (1, 2)]


def _stands(module: ModuleType | None) -> int | None:
    """Return what the global generator of a module ``numpy.random.mtrand`` stands at; None where it has none."""
    generator = getattr(module, "_rand", None)
    if generator is None:
        return None
    state = generator.get_state(legacy=True)
    return hash((state[1].tobytes(), *state[2:]))


def _descriptors() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0


def _children() -> str:
    try:
        with open("/proc/thread-self/children", encoding="ascii") as children:  # noqa: PTH123
            return children.read()
    except OSError:
        return ""


#: How it is called that the generator which everybody shares does not stand where it stood.
DRAWN = "the numbers of random"
#: What cannot be undone: a process where an import has left it is of no use to others.
FOR_GOOD = ("open files", "child processes", "decimal's default")

#: What is looked at, how it is called where an import changes it, and how it is put back.
_ASPECTS: tuple[tuple[str, Callable[[Find], object], Callable[..., object] | None], ...] = (
    ("the working directory", lambda find: os.getcwd(), os.chdir),
    ("the umask", lambda find: _umask(), os.umask),
    ("the built-in names", lambda find: _built_in(), _set_built_in),
    ("decimal's default", _templates, None),
    ("handlers of signals", lambda find: [signal.getsignal(number) for number in _SIGNALS], _set_signals),
    (
        "hooks of sys",
        lambda find: _hooks(),
        _set_hooks,
    ),
    ("the standard streams", lambda find: (sys.stdin, sys.stdout, sys.stderr), _set_streams),
    (
        "tracing",
        lambda find: (sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()),
        _set_tracing,
    ),
    (
        "limits of the interpreter",
        lambda find: (sys.getrecursionlimit(), sys.getswitchinterval()),
        _set_limits,
    ),
    (
        "the garbage collector",
        lambda find: (gc.isenabled(), gc.get_threshold(), gc.get_debug(), list(gc.callbacks)),
        _set_collector,
    ),
    (
        "the locale",
        lambda find: _of(find("_locale"), lambda module: module.setlocale(module.LC_ALL)),
        lambda names: sys.modules["_locale"].setlocale(sys.modules["_locale"].LC_ALL, names),
    ),
    ("sockets' default timeout", lambda find: socket.getdefaulttimeout(), socket.setdefaulttimeout),
    ("context variables", lambda find: _of(find("_contextvars"), _context), None),
    ("what is printed", lambda find: _printed(), None),
    (DRAWN, lambda find: hash(random.getstate()), None),
    ("the numbers of numpy.random", lambda find: _stands(find("numpy.random.mtrand")), None),
    ("open files", lambda find: _descriptors(), None),
    ("child processes", lambda find: _children(), None),
    (
        "the root logger",
        lambda find: (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
        _set_root_logger,
    ),
    ("the class of loggers", lambda find: logging.getLoggerClass(), logging.setLoggerClass),
)


class State:
    """The state of this process as last looked at. ``find`` returns a module that was imported."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._first = [look(find) for _, look, _ in _ASPECTS]
        self._was = list(self._first)

    def changes(self) -> Iterator[str]:
        """Yield the names of what has changed since the last look."""
        for number, (name, look, _) in enumerate(_ASPECTS):
            now, was = look(self._find), self._was[number]
            if now != was:
                self._was[number] = now
                if was is not None:
                    yield name

    def reset(self) -> None:
        """Put back what was there in the beginning."""
        for (_, look, put), first in zip(_ASPECTS, self._first, strict=True):
            if put is not None and first is not None and look(self._find) != first:
                put(first)
