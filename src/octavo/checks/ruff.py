"""Ask ruff about the notebooks, too, and return what it finds as findings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .. import notebook as documents
from ..errors import Error
from ..model import Json
from . import Finding

#: So many paths fit into one command line anywhere.
_AT_ONCE = 200
#: What ruff calls an error of syntax has no code, or this one.
_SYNTAX = ("invalid-syntax", "E999")


def check(paths: Sequence[str]) -> Iterator[Finding]:
    """Yield what ruff finds in .ipynb files and scripts, by its settings; raises ``Error`` where it is not there."""
    beside = Path(sys.executable).with_name("ruff")
    ruff = str(beside) if beside.is_file() else shutil.which("ruff")
    if ruff is None:
        raise Error("ruff is not installed here", hint="pip install ruff")
    wanted = [path for path in paths if path.endswith((".ipynb", ".py"))]
    for at in range(0, len(wanted), _AT_ONCE):
        words = [
            ruff,
            "check",
            "--quiet",
            "--exit-zero",
            "--output-format",
            "json",
            *wanted[at : at + _AT_ONCE],
        ]
        done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace")
        try:
            found: list[Json] = json.loads(done.stdout or "[]")
        except ValueError:
            found = []
        if done.returncode or (not found and done.stderr.strip()):
            lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
            raise Error(f"ruff failed: {lines[-1]}", hint="try it alone: ruff check")
        yield from _findings(found)


def _findings(found: Sequence[Json]) -> Iterator[Finding]:
    numbers: dict[str, list[int]] = {}
    for one in found:
        path, place = os.path.relpath(one["filename"]), one["location"]
        code = one.get("code") or _SYNTAX[0]
        number = None
        if one.get("cell"):
            if path not in numbers:
                numbers[path] = _numbers(path)
            number = numbers[path][one["cell"] - 1]
        yield Finding(
            code,
            one.get("name") or code,
            "error" if code in _SYNTAX else "warning",
            one["message"],
            path,
            number,
            place["row"],
            place["column"],
            0 if number else place["row"],
        )


def _numbers(path: str) -> list[int]:
    """Return for each cell of a notebook, which ruff counts, the number of the code cell."""
    numbers, last = [], 0
    for cell in documents.read(path).cells:
        last += cell.get("cell_type") == "code"
        numbers.append(last)
    return numbers
