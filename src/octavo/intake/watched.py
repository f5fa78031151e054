"""Run notebooks once to see which files they read and write."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..events import Event, TaskFinished
from ..model import Failure
from ..products.scratch import Scratch
from ..project import run
from .find import Found
from .flows import Flow
from .proposal import in_order

_CODE = (".py", ".ipynb", ".pyc", ".so")


def watched(
    found: Sequence[Found], root: Path, tell: Callable[[str], None]
) -> Iterator[tuple[Found, Failure | None]]:
    """Run the notebooks, in the order that their text tells, and yield each with the files that it was seen to use.

    The executed copies are thrown away; what the notebooks themselves write stays. One that fails keeps what its text
    tells, together with what was seen until then.
    """
    with Scratch() as scratch:
        for one in in_order(found):
            tell(one.path)
            ended: list[TaskFinished] = []

            def listen(event: Event, ended: list[TaskFinished] = ended) -> None:
                if isinstance(event, TaskFinished):
                    ended.append(event)

            output = os.path.join(scratch.path, "executed.ipynb")
            run(root / one.path, output, cwd=root / one.folder, strict=False, listeners=[listen])
            last = ended[-1]
            yield replace(one, flow=_merged(one.flow, _seen(last, root), root)), last.failure


def _seen(ended: TaskFinished, root: Path) -> Flow:
    """Return the files of the project that a run was seen to read before it wrote them, and those that it wrote."""
    reads: dict[str, None] = {}
    writes: dict[str, None] = {}
    for _, verb, what in ended.touched:
        if verb not in ("read", "wrote") or what.endswith(_CODE):
            continue
        path = os.path.relpath(os.path.realpath(os.path.join(os.getcwd(), what)), os.path.realpath(root))
        if path.startswith("..") or any(part.startswith(".") for part in path.split(os.sep)):
            continue
        name = path.replace(os.sep, "/")
        if verb == "wrote":
            writes[name] = None
        elif name not in writes:
            reads[name] = None
    return Flow(tuple(reads), tuple(writes))


def _merged(read: Flow, seen: Flow, root: Path) -> Flow:
    """Return what the text tells with what was seen; what is not there after the run is not sure to be written."""
    reads = tuple(dict.fromkeys((*read.reads, *seen.reads)))
    writes = tuple(dict.fromkeys((*seen.writes, *(path for path in read.writes if (root / path).exists()))))
    rest = tuple(path for path in (*read.writes, *read.may_write) if path not in writes)
    return Flow(reads, writes, rest)
