"""Remember what was found in a notebook for the state of its file, of the rules, the settings and the project."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from .. import __version__, products
from ..digests import digest
from ..errors import Error
from ..model import Json
from ..notebook.pieces import Edit
from ..products import writing
from . import Block, Excuse, Finding, ImportAt, NotebookFindings, Sketch
from .around import ProjectAround
from .settings import Selection

#: What a sketch has several of.
_SEVERAL = ("imports", "blocks", "excuses")
_WORDS = ("installs", "uses", "writes")
_PARTS = ("checks", "reading", "notebook")


class Memory:
    """What was found in the notebooks that are checked from one folder, in a file of the user's cache."""

    def __init__(self, folder: Path, settings: Selection) -> None:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        self._path = Path(base, "octavo", "check", f"{digest(str(folder))[:16]}.json")
        self._key = digest(repr((settings, _rules(), sys.version)))
        self._arounds: dict[Path, str] = {}
        self._found: Json = {}
        self._new = False
        try:
            data = json.loads(self._path.read_bytes())
            self._found = data["found"] if data["key"] == self._key else {}
        except (OSError, ValueError, KeyError, TypeError):
            pass  # there is none, or it is of another version

    def recall(self, path: str, around: ProjectAround) -> NotebookFindings | None:
        """Return what was found in a notebook, if all that it depends on is as it was."""
        known = self._found.get(path)
        if known is None or known[0] != self._state(path, around):
            return None
        try:
            return _read(known[1])
        except (TypeError, ValueError, LookupError, AttributeError):
            return None  # someone else wrote there

    def state(self, path: str, around: ProjectAround) -> str | None:
        """Return the state in which a notebook is about to be read; None for one that may change without a new one."""
        found = self._state(path, around)
        young = products.newest(path) + products.RACY > _now()
        return None if young else found

    def keep(self, path: str, state: str | None, checked: NotebookFindings) -> None:
        """Remember what was found, unless a rule failed."""
        if state is not None and not checked.broken:
            self._found[path] = [state, _plain(checked)]
            self._new = True

    def write(self) -> None:
        """Write it down. A cache that cannot be written costs time, and nothing else."""
        if not self._new:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            data = json.dumps({"key": self._key, "found": self._found}, separators=(",", ":"))
            writing.write(self._path, [data.encode("utf-8", "surrogatepass")])
        except (OSError, Error):
            return

    def _state(self, path: str, around: ProjectAround) -> str:
        if around.root not in self._arounds:
            texts = [f"{file} {products.stamp(str(file))}" for file in around.files]
            self._arounds[around.root] = digest("\n".join(texts))
        return f"{products.stamp(path)} {self._arounds[around.root]}"


def _now() -> int:
    return time.time_ns()


def _rules() -> list[str]:
    """Return the state of octavo's own code that finds things: another version finds others."""
    here = Path(__file__).parents[1]
    files = (entry for part in _PARTS for entry in os.scandir(here / part) if entry.name.endswith(".py"))
    return [
        __version__,
        *sorted(f"{one.name} {one.stat().st_size} {one.stat().st_mtime_ns}" for one in files),
    ]


def _plain(checked: NotebookFindings) -> Json:
    sketch = checked.sketch
    return {
        "findings": [
            {**_slots(one), "edits": [_slots(edit) for edit in one.edits]} for one in checked.findings
        ],
        "sketch": sketch
        and {
            "path": sketch.path,
            **{name: getattr(sketch, name) for name in _WORDS},
            **{name: [_slots(one) for one in getattr(sketch, name)] for name in _SEVERAL},
        },
    }


def _slots(value: object) -> Json:
    """Return the fields of a frozen dataclass."""
    return {name: getattr(value, name) for name in type(value).__slots__}  # type: ignore[attr-defined]


def _read(data: Json) -> NotebookFindings:
    """Return what ``_plain`` wrote; raises where it is something else."""
    found = [Finding(**{**one, "edits": tuple(map(_edit, one["edits"]))}) for one in data["findings"]]
    if data["sketch"] is None:
        return NotebookFindings(found, [])
    sketch = data["sketch"]
    return NotebookFindings(
        found,
        [],
        Sketch(
            sketch["path"],
            tuple(ImportAt(**one) for one in sketch["imports"]),
            tuple(Block(**one) for one in sketch["blocks"]),
            excuses=tuple(Excuse(**one) for one in sketch["excuses"]),
            **{name: tuple(sketch[name]) for name in _WORDS},
        ),
    )


def _edit(one: Json) -> Edit:
    line, tags = one["line"], one["tags"]
    return Edit(one["index"], line and (line[0], line[1]), None if tags is None else tuple(tags))
