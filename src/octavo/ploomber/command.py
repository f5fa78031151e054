"""The command ``ploomber`` of octavo-ploomber: runs Ploomber's command lines with octavo."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NoReturn

from .. import __version__
from ..cli import VERBS
from ..cli import entry as octavo
from ..compat.command_lines import entry_point, translated
from ..errors import Error
from ..spec.entry import find

_WHAT = "ploomber: octavo runs this, by the package octavo-ploomber; the command of octavo itself is octavo"


def entry() -> NoReturn:
    """Run a command line of Ploomber's; where Ploomber itself is installed, it does."""
    try:
        (real,) = distribution("ploomber").entry_points.select(group="console_scripts", name="ploomber")
    except (PackageNotFoundError, ValueError):
        pass
    else:
        sys.exit(real.load()())
    if sys.argv[1:2] in (["--version"], ["-v"]):
        sys.stdout.write(f"octavo {__version__}, called as ploomber\n")
        sys.exit(0)
    if sys.argv[1:2] and sys.argv[1] in VERBS:
        _introduce(_pipeline(sys.argv[1:]))
    else:
        sys.stderr.write(f"{_WHAT}\n")
    words, ignored = translated(sys.argv[1:])
    for option, instead in ignored.items():
        sys.stderr.write(f"note: {option} has no effect: {instead}\n")
    sys.stderr.flush()
    sys.argv[1:] = words
    octavo()


def _pipeline(words: Sequence[str]) -> Path | None:
    """Return the folder of octavo's state in the project, None where there is no pipeline."""
    try:
        return find(entry_point(words)).root / ".octavo"
    except (Error, OSError):
        return None


def _introduce(state: Path | None) -> None:
    """Say what this command is, once in each project."""
    mark = state and state / "ploomber-command"
    if mark and mark.exists():
        return
    sys.stderr.write(f"{_WHAT}\n")
    if mark:
        try:
            mark.parent.mkdir(exist_ok=True)
            mark.touch()
        except OSError:
            pass  # next time, again
