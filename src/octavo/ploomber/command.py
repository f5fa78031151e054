"""The command ``ploomber`` of octavo-ploomber: runs Ploomber's command lines with octavo."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NoReturn

from .. import __version__
from ..cli import VERBS
from ..cli import entry as octavo
from ..compat.option_aliases import OPTIONS
from ..errors import Error
from ..spec.entry import find

_WHAT = "ploomber: octavo runs this, by the package octavo-ploomber; the command of octavo itself is octavo"
#: Options that have no effect here, by verb, and what to do instead. Those of the second table take a value.
_FLAGS = {
    "build": {"--debuglater": "-D"},
    "task": {"--debuglater": ""},
    "plot": {"--include-products": "-i"},
}
_LOG = {"--log": "-l", "--log-file": "-F"}
_VALUES = {"status": _LOG, "report": _LOG, "interact": _LOG, "plot": {**_LOG, "--backend": "-b"}}
_PAGES = ("plot", "report")


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


def translated(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return a command line for octavo, and the options without effect with what to do instead."""
    verb, *rest = words or ("",)
    flags, values = _FLAGS.get(verb, {}), _VALUES.get(verb, {})
    kept, ignored = list[str](), dict[str, str]()
    waiting = iter(rest)
    for word in waiting:
        option, equals, _ = word.partition("=")
        if _named(option, flags):
            ignored[option] = _instead(option)
        elif _named(option, values):
            ignored[option] = _instead(option)
            if not equals:
                next(waiting, None)
        elif verb in ("build", "task") and option in ("-F", "--log-file"):
            kept.append(word.replace("-F", "--log-file", 1) if option == "-F" else word)
        else:
            kept.append(word)
    if verb in _PAGES and not _given(rest, ("-o", "--output")):
        kept += ["--output", _page(rest)]
    return [verb, *kept] if words else [], ignored


def _named(option: str, table: dict[str, str]) -> bool:
    return option in table or option in filter(None, table.values())


def _instead(option: str) -> str:
    if option in ("-F", "--log-file", "-l", "--log"):
        return "nothing runs, so nothing is logged"
    return OPTIONS[option]


def _given(words: Iterable[str], options: tuple[str, ...]) -> bool:
    return any(word.partition("=")[0] in options for word in words)


def _entry_point(words: Sequence[str]) -> str | None:
    """Return the pipeline that a command line names."""
    for number, word in enumerate(words, 1):
        option, equals, value = word.partition("=")
        if option in ("-e", "--entry-point"):
            return value if equals else next(iter(words[number:]), None)
    return None


def _page(words: Sequence[str]) -> str:
    """Return the file that Ploomber writes if no other is named: pipeline.train.yaml gives pipeline.train.html."""
    name = os.path.basename(_entry_point(words) or os.environ.get("ENTRY_POINT", ""))
    stem = name.removesuffix(".yaml")
    return f"{stem}.html" if stem != name and stem.startswith("pipeline") else "pipeline.html"


def _pipeline(words: Sequence[str]) -> Path | None:
    """Return the folder of octavo's state in the project, None where there is no pipeline."""
    try:
        return find(_entry_point(words)).root / ".octavo"
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
