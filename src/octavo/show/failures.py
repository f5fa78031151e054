"""Print a failure: its place, the lines around it, the error, and the last output."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..kernels import frames
from ..tracebacks import plain
from .screen import cut, flat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..events import TaskFinished
    from ..kernels.frames import Frame
    from ..model import Failure
    from .screen import Screen

_AROUND = 3  # source lines shown before and after the failing one
_LAST = 10  # lines of output
_FRAMES = 8
_LONGEST = 500  # columns of any line


def failed(event: TaskFinished, output: str, to: Screen, root: str) -> Iterator[str]:
    """Yield the lines that tell a person what went wrong in a task.

    ``output`` is the end of what it printed, ``root`` the folder that its paths are relative to.
    """
    failure = event.failure
    if failure is None:
        yield f"{to.word('failed')} {event.task}"
        return
    yield f"{to.word('failed')} {to.paint(event.task, 'bold')}{_where(failure, root)}"
    yield from _excerpt(failure, to)
    yield from _frames(failure, to, root)
    yield from _error(failure, to)
    if lines := last(output):
        yield "  last output:"
        yield from (f"  {to.paint('|', 'dim')} {line}" for line in lines)
    if event.notebook:
        what = "its notebook" if failure.cell is None else "partial notebook"
        yield f"  {what}: {_near(event.notebook, root)}"


def last(output: str, most: int = _LAST) -> list[str]:
    """Return the last lines of an output as a terminal would have left them: a progress bar is one line."""
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in plain(output).split("\n")]
    lines = [cut(flat(line.expandtabs()).rstrip(), _LONGEST) for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return lines[-most:]


def location(failure: Failure, root: str) -> tuple[str, int | None]:
    """Return the file, relative to ``root``, and the line in it where a failure happened, as far as they are known."""
    path = failure.path or ""
    if failure.cell is None or not failure.line:
        return path, failure.line if failure.cell is None else None
    start = _start(failure, root)
    return path, None if start is None else start + failure.line


def _where(failure: Failure, root: str) -> str:
    """Return where it happened: in the file, where a line of it can be told, and in the notebook's cell."""
    path = _near(failure.path, root) if failure.path else ""
    if failure.cell is None:
        return f": {path}{f':{failure.line}' if failure.line else ''}" if path else ""
    cell = f"cell {failure.number}" if failure.number is not None else "a cell"
    if failure.line:
        cell += f", line {failure.line}"
        if start := _start(failure, root):
            return f": {path}:{start + failure.line} ({cell})"
    return f": {cell} of {path}" if path else f": {cell}"


def _start(failure: Failure, root: str) -> int | None:
    """Return how many lines stand before the failing cell in its file, if the file has it as lines, and once."""
    code = failure.code.strip("\n")
    try:
        text = Path(root, failure.path or "").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    if not code or text.count(code) != 1 or "\n" + code not in "\n" + text:
        return None
    return text[: text.index(code)].count("\n")


def _near(path: str, root: str) -> str:
    """Return a path as one would type it here, if it is in the project or below this folder."""
    full = os.path.normpath(os.path.join(root, path))
    inside = full.startswith((os.path.normpath(root) + os.sep, os.getcwd() + os.sep))
    return os.path.relpath(full) if inside and path else path


def _excerpt(failure: Failure, to: Screen) -> Iterator[str]:
    """Yield the source lines around the failing one, which is marked."""
    lines = failure.code.splitlines()
    at = failure.line or 0
    if not lines or at > len(lines):
        return
    first, end = (
        (max(1, at - _AROUND), min(len(lines), at + _AROUND)) if at else (1, min(len(lines), 2 * _AROUND))
    )
    digits = len(str(end))
    arrow = "→" if to.wide else ">"
    for number in range(first, end + 1):
        mark = to.paint(arrow, "red") if number == at else " "
        code = flat(lines[number - 1].expandtabs(4).rstrip()) or ""
        indent = " " * (len(lines[number - 1].expandtabs(4)) - len(lines[number - 1].expandtabs(4).lstrip()))
        code = cut(code if code.startswith(indent) else indent + code, _LONGEST)
        yield f"  {mark} {to.paint(f'{number:>{digits}}', 'dim')} {to.paint('|', 'dim')} {code}".rstrip()


def _frames(failure: Failure, to: Screen, root: str) -> Iterator[str]:
    """Yield the calls between the user's failing line and the error itself."""
    calls = _after(failure)
    if len(calls) > _FRAMES:
        half = _FRAMES // 2
        left = len(calls) - 2 * half
        calls = [*calls[:half], ("", f"… {left} more calls", ""), *calls[-half:]]
    for place, name, code in calls:
        place = place if place.startswith("cell ") else _near(place, root)
        within = f" in {name}" if name and place else name
        yield f"    {place}{within}{to.paint(f': {code}', 'dim') if code else ''}"


def _called(call: Frame) -> tuple[str, str, str]:
    return call.place, call.name, flat(call.code)


def _after(failure: Failure) -> list[tuple[str, str, str]]:
    """Return the calls below the line that the excerpt shows."""
    calls = frames.calls(failure.traceback)
    if failure.cell is not None:
        return [_called(call) for call in frames.below(calls, failure.number)]
    if not failure.line or not failure.path:
        return [_called(call) for call in calls]
    at = f"{failure.path}:{failure.line}"
    shown = [number for number, call in enumerate(calls) if call.place.endswith(at)]
    return [_called(call) for call in (calls[shown[-1] + 1 :] if shown else calls)]


def _error(failure: Failure, to: Screen) -> Iterator[str]:
    lines = plain(failure.message).strip().splitlines()
    first, *rest = [cut(flat(line), _LONGEST) for line in lines[: 2 * _LAST + 1]] or [""]
    yield f"  {to.paint(failure.kind, 'red')}{': ' + first if first else ''}"
    yield from (f"    {line}" for line in rest)
    if len(lines) > 1 + len(rest):
        yield f"    … {len(lines) - 1 - len(rest):,} more lines"
    if failure.hint:
        yield f"  {to.paint('hint:', 'cyan')} {failure.hint}"
