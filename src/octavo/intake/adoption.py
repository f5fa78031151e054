"""Turn calls of papermill into tasks: names, paths, upstream, and values that only the shell knew."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ..errors import Error
from .find import Found, found_at
from .order import needs
from .papermill_calls import NotebookCall
from .proposal import ProposedTask


def adopted(
    calls: Sequence[NotebookCall], root: Path, script: str
) -> tuple[list[ProposedTask], dict[str, str], list[str]]:
    """Return the tasks that calls of papermill in ``script`` amount to, what env.yaml must say, and notes."""
    notes: list[str] = []
    env: dict[str, str] = {}
    entries: dict[str, ProposedTask] = {}
    found: dict[str, Found] = {}
    for number, call in enumerate(calls):
        key = call.key or str(number)
        source = _place(call.source, call.folder, root, script)
        if source is None:
            notes.append(f"{script}:{call.line}: there is no {call.source} in {root}: this call is left out")
            continue
        env |= call.unknown
        name = _name(call, source, [entry.name for entry in entries.values()])
        entries[key] = _entry(call, name, source)
        found[key] = replace(found_at(root, source), path=key)
        notes += [f"{script}:{call.line}: {note}" for note in call.notes]
    edges, contradictions = needs(list(found.values()))
    names = {key: entry.name for key, entry in entries.items()}
    waits: dict[str, dict[str, str]] = {key: {} for key in entries}
    for key, call in zip([c.key or str(n) for n, c in enumerate(calls)], calls, strict=True):
        if key in entries:
            waits[key] |= {after: "" for after in call.after if after in entries}
    for need in edges:
        waits[need.reader].setdefault(need.writer, need.file)
    tasks = [
        replace(
            entry,
            upstream=tuple(_wanted(names[other], entries[other]) for other in waits[key]),
            why=", ".join(dict.fromkeys(file for file in waits[key].values() if file)),
        )
        for key, entry in entries.items()
    ]
    readable = [re.sub(r"\b\d+\b", lambda m: names.get(m[0], m[0]), note) for note in contradictions]
    return tasks, env, notes + readable


def environment(values: dict[str, str]) -> str:
    """Return an env.yaml for values that a script computed: each says where it came from."""
    lines = [
        "# Values that were computed where papermill was called: set them here, or with octavo build --param."
    ]
    for name, text in values.items():
        origin = " ".join(text.split())
        lines.append(f'{name}: ""  # was {origin}')
    return "\n".join(lines) + "\n"


def _place(source: str, folder: str, root: Path, script: str) -> str | None:
    """Return a notebook's path in the project: from where the script went, from the project, or from the script."""
    for start in (folder, "", posixpath.dirname(script)):
        path = root / start / source
        if path.is_file() and path.resolve().is_relative_to(root.resolve()):
            return path.resolve().relative_to(root.resolve()).as_posix()
    return None


def _entry(call: NotebookCall, name: str, source: str) -> ProposedTask:
    output = call.output or f"output/{name}.ipynb"
    if call.folder and not posixpath.isabs(output) and call.output:
        output = posixpath.normpath(posixpath.join(call.folder, output))
    comment = [f"line {call.line}" + (f", {call.schedule}" if call.schedule else "")]
    folder = PurePosixPath(source).parent.as_posix()
    local = call.cwd is not None and posixpath.normpath(call.cwd) == folder and folder != "."
    if call.cwd is not None and not local and posixpath.normpath(call.cwd) != ".":
        comment.append(f"it ran in {call.cwd}: look at its paths")
    name = f"{name}-{'-'.join(f'[[{key}]]' for key in call.grid)}" if call.grid else name
    return ProposedTask(
        name,
        source,
        {"nb": output},
        params=call.params,
        grid=call.grid,
        kernel=call.kernel,
        local=local,
        comment=tuple(comment),
    )


def _wanted(name: str, entry: ProposedTask) -> str:
    return re.sub(r"\[\[\w+\]\]", "*", name) if entry.grid else name


def _name(call: NotebookCall, source: str, taken: Sequence[str]) -> str:
    stem = re.sub(r"[^\w.-]+", "-", call.name or PurePosixPath(source).stem).strip("-") or "task"
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name


def read(path: Path) -> str:
    """Return a script's text; a file that cannot be read is an Error."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Error(error.strerror or "it cannot be read", str(path)) from None
