"""``python -m octavo.ploomber run.py``: run a program that imports ploomber, without installing that name."""

from __future__ import annotations

import io
import os
import runpy
import sys
from collections.abc import Sequence
from types import ModuleType, TracebackType
from typing import NoReturn

from ..process.finder import install

_USAGE = "usage: python -m octavo.ploomber (PROGRAM.py | -m MODULE) [ARGUMENT …]"


def main(argv: Sequence[str]) -> None:
    """Run a program, with its arguments, as ``python`` itself would."""
    install()
    if argv[:1] == ["-m"] and len(argv) > 1:
        sys.argv = [*argv[1:]]
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    elif argv and not argv[0].startswith("-"):
        sys.argv = [*argv]
        _program(argv[0])
    else:
        _refuse(_USAGE)


def _program(path: str) -> None:
    full = os.path.abspath(path)
    try:
        with io.open_code(full) as file:
            text = file.read()
    except OSError as error:
        _refuse(f"cannot run {path}: {error.strerror}")
    # not by runpy: a program stays the module __main__ until Python ends, for what it registers with atexit and for
    # the processes that multiprocessing starts
    main_module = ModuleType("__main__")
    main_module.__file__ = full
    main_module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main_module
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(full))
    try:
        exec(compile(text, full, "exec", dont_inherit=True), main_module.__dict__)
    except Exception as error:
        trace = _below(error.__traceback__, full)
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        sys.exit(1)


def _refuse(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    sys.exit(2)


def _below(trace: TracebackType | None, path: str) -> TracebackType | None:
    """Return a traceback from the program's own frame on: nothing for a syntax error, as Python has it."""
    inner = trace
    while inner is not None and inner.tb_frame.f_code.co_filename != path:
        inner = inner.tb_next
    return inner


if __name__ == "__main__":
    main(sys.argv[1:])
