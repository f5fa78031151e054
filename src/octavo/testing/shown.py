"""What pytest shows of a notebook that failed: cell, source lines and traceback, as it shows a Python test."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from _pytest._code.code import ReprEntry, ReprExceptionInfo, ReprFileLocation, ReprTraceback

from ..compare import Differing
from ..kernels import frames
from ..model import Failure
from ..show.failures import location
from ..tracebacks import plain
from ..verifying import CellState, CellVerdict

#: Lines of code above the failing one, and differences of a cell, that are shown at most.
_ABOVE, _MOST = 12, 8


class NotebookTestFailed(Exception):
    """A notebook or a task failed. ``name`` is what its cell is called, ``start`` where that begins in the file."""

    def __init__(self, failure: Failure, name: str = "", start: int = 0, root: str = "") -> None:
        super().__init__(f"{failure.kind}: {failure.message}")
        self.failure, self.name, self.start, self.root = failure, name, start, root or os.getcwd()


class OutputsDiffer(Exception):
    """Cells do not produce what is stored; each with what it is called."""

    def __init__(self, cells: Sequence[tuple[str, CellVerdict]], path: str) -> None:
        super().__init__("; ".join(f"{name}: {cell.state.value}" for name, cell in cells))
        self.cells, self.path = cells, path


def failed(error: NotebookTestFailed) -> ReprExceptionInfo:
    """Return a failure as pytest shows exceptions."""
    failure, root = error.failure, error.root
    words = f"{failure.kind}: {plain(failure.message)}".strip().removesuffix(":").splitlines()
    last = [f"E   {line}" for line in words] + ([f"E   hint: {failure.hint}"] if failure.hint else [])
    where, at = _where(error)
    calls = list(_calls(failure))
    blocks: list[tuple[list[str], ReprFileLocation]] = []
    if own := _excerpt(failure):
        blocks.append((own, ReprFileLocation(where, at, "" if calls else failure.kind)))
    for number, call in enumerate(calls, start=1):
        code = [f">   {call.code}"] if call.code else []
        said = failure.kind if number == len(calls) else call.name
        blocks.append((code, ReprFileLocation(_place(call, root), call.line, said)))
    if not blocks:
        blocks.append(([], ReprFileLocation(where, at, failure.kind)))
    blocks[-1][0].extend(last)
    said = next((line for line in plain(failure.message).splitlines() if line.strip()), "")
    return _shown(blocks, ReprFileLocation(where, at, f"{failure.kind}: {said}" if said else failure.kind))


def _where(error: NotebookTestFailed) -> tuple[str, int]:
    """Return where it failed: a line of the file where its cells have lines, else of the cell."""
    failure = error.failure
    if error.start:
        # a process that died says no line: it is the cell's first
        return os.path.relpath(failure.path or ""), error.start + (failure.line or 1) - 1
    file, line = location(failure, error.root)
    where = os.path.relpath(os.path.join(error.root, file))
    if failure.cell is None or line is not None:
        return where, line or 0
    return f"{where}::{error.name or f'In[{failure.number}]'}", failure.line or 0


def _excerpt(failure: Failure) -> list[str]:
    lines = failure.code.splitlines()
    at = failure.line or 0
    if not lines or at > len(lines):
        return []
    first = max(0, at - 1 - _ABOVE)
    end = at or min(len(lines), _ABOVE)
    shown = [f"    {line}" for line in lines[first:end]]
    if at:
        shown[-1] = f">   {lines[at - 1]}"
    return shown


def _calls(failure: Failure) -> Iterator[frames.Frame]:
    """Yield the calls below the line that the excerpt shows."""
    calls = frames.calls(failure.traceback)
    if failure.cell is not None:
        yield from frames.below(calls, failure.number)
        return
    at = f"{failure.path}:{failure.line}"
    own = [number for number, call in enumerate(calls) if call.place.endswith(at)]
    yield from calls[own[-1] + 1 :] if own else calls


def _place(call: frames.Frame, root: str) -> str:
    if call.number is not None:
        return f"In[{call.number}]"
    inside = os.path.abspath(call.path).startswith(os.path.abspath(root) + os.sep)
    return os.path.relpath(call.path) if inside else call.path


def differ(error: OutputsDiffer) -> ReprExceptionInfo:
    """Return what differs between stored and fresh outputs as pytest shows exceptions."""
    blocks: list[tuple[list[str], ReprFileLocation]] = []
    where = os.path.relpath(error.path)
    for name, cell in error.cells:
        lines = [f"    {line}" for line in cell.source.splitlines()[:_ABOVE]]
        lines += [f"E   {line}" for line in _said(cell)]
        blocks.append((lines, ReprFileLocation(f"{where}::{name}", 1, cell.state.value)))
    name, cell = error.cells[0]
    return _shown(blocks, ReprFileLocation(f"{where}::{name}", 1, f"{name}: {_said(cell)[0]}"))


def _said(cell: CellVerdict) -> list[str]:
    if cell.state is CellState.FAILED:
        return [cell.note or cell.state.value]
    found = [one for one in cell.differences if not one.close]
    lines = [line for one in found[:_MOST] for line in _difference(one)]
    if len(found) > _MOST:
        lines.append(f"… and {len(found) - _MOST} more differences")
    return lines or [cell.note or cell.state.value]


def _difference(one: Differing) -> Iterator[str]:
    first, *more = str(one).splitlines() or [""]
    yield first
    yield from more


def _shown(
    blocks: Sequence[tuple[list[str], ReprFileLocation]], crash: ReprFileLocation
) -> ReprExceptionInfo:
    entries = [ReprEntry(lines, None, None, place, "long") for lines, place in blocks]
    return ReprExceptionInfo(reprtraceback=ReprTraceback(entries, None, "long"), reprcrash=crash)
