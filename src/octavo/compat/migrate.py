"""Find what in a project depends on Ploomber: imports, settings, commands and packages."""

from __future__ import annotations

import difflib
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from ..errors import Error, Place, StateError, each
from ..model import Trace
from ..products import writing
from ..reading.folders import FOREIGN, contents, walk
from . import traces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .traces import Advice


#: The kinds of findings, in the order in which they are shown.
KINDS = {
    "import": "code that imports ploomber: works in octavo; elsewhere it needs octavo[ploomber]",
    "missing": "code that imports names that octavo does not provide",
    "setting": "settings that octavo treats differently",
    "pipeline": "notes on the pipeline",
    "command": "commands that call Ploomber",
    "package": "packages",
    "result": "results",
}
#: A note on a key of pipeline.yaml that the dialect does not heed.
_UNHEEDED = re.compile(r'"[\w.]+" has no effect(?:: | \(in |$)')


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file as it is and as it would be; ``path`` is relative to the project."""

    path: str
    before: bytes
    after: bytes

    def diff(self) -> Iterator[str]:
        """Yield the lines of a unified diff."""
        old, new = (data.decode("utf-8", "replace").splitlines() for data in (self.before, self.after))
        yield from difflib.unified_diff(old, new, f"a/{self.path}", f"b/{self.path}", lineterm="")


@dataclass(frozen=True, slots=True)
class Migration:
    """What was found in a project, and the changes that octavo can make itself."""

    root: Path
    findings: tuple[Trace, ...]
    changes: tuple[FileChange, ...]

    def apply(self) -> None:
        """Make the changes, each file whole or not at all; raise ``StateError`` if one was edited meanwhile."""
        for change in self.changes:
            full = self.root / change.path
            if full.read_bytes() != change.before:
                raise StateError(
                    "it was edited meanwhile: nothing more was changed", change.path, "try again"
                )
            writing.write(full, [change.after])


def migration(
    root: Path,
    products: Iterable[str],
    messages: Iterable[str | Error | ExceptionGroup[Error]],
    advice: Advice,
) -> Migration:
    """Look through a project. Nothing of it is run or changed.

    ``products`` are paths, which are left alone; ``messages`` is what loading noted or refused; ``advice``
    returns what becomes of a command.
    """
    found: list[Trace] = []
    changes: list[FileChange] = []
    alone = {os.path.normpath(root / path) for path in products}
    for path in files(root):
        full = root / path
        if full.is_symlink():  # what it leads to is met by itself, or is no part of the project
            continue
        if any(str(one) in alone for one in (full, *full.parents)):
            continue
        name = full.name
        if name.startswith(".") and name.endswith(".metadata"):
            found.append(Trace("result", "note", Place(path), ""))
        elif traces.wanted(name) and full.stat().st_size < 20_000_000:
            data = contents(str(full))
            mine, changed = traces.look(path, data, advice)
            found += mine
            changes += [FileChange(path, data, changed)] if changed else []
    known = {one.where.path for one in found if one.code == "import"}
    found = [one for one in found if one.code != "command" or traces.started(one, known)]
    for one in messages:
        found += _findings(one)
    return Migration(root, tuple(_results(found)), tuple(changes))


def files(root: Path) -> Iterator[str]:
    """Yield the files of a project, relative to it: in a git repository those that are not ignored."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"],
            capture_output=True,
            check=True,
        ).stdout
        names = sorted({os.fsdecode(name) for name in listed.split(b"\0") if name})
    except (OSError, subprocess.CalledProcessError):
        names = sorted(os.path.relpath(path, root) for path in walk(str(root)))
    for name in names:
        if not FOREIGN.intersection(Path(name).parts) and (root / name).is_file():
            yield name


def _findings(message: str | Error | ExceptionGroup[Error]) -> Iterator[Trace]:
    if isinstance(message, str):
        if _UNHEEDED.search(message):  # found already, wherever it stands
            return
        place, colon, text = message.partition(": ")
        path, *numbers = place.split(":")
        known = colon and all(number.isdecimal() for number in numbers) and numbers
        where = Place(path, *map(int, numbers)) if known else Place("")
        yield Trace("pipeline", "note", where, text if known else message)
    else:
        for error in each(message):
            yield Trace("pipeline", "error", error.where or Place(""), error.message, error.hint or "")


def _results(found: list[Trace]) -> Iterator[Trace]:
    """Yield the findings in their order, with one line for all the results that Ploomber left."""
    kinds = list(KINDS)
    left = [one for one in found if one.code == "result"]
    others = [one for one in found if one.code != "result"]
    yield from sorted(others, key=lambda one: (kinds.index(one.code), one.where.path, one.where.line))
    if left:
        many = "1 product" if len(left) == 1 else f"{len(left)} products"
        hint = "octavo build --adopt marks as fresh what they prove unchanged"
        yield Trace(
            "result", "note", left[0].where, f"Ploomber left metadata for {many} (.metadata files)", hint
        )
