"""Turn calls of papermill into tasks: names, paths, upstream, and values that only the shell knew."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from ..errors import Error
from ..secrets.hiding import discreet, holds
from ..secrets.names import is_secret
from ..spec import document
from . import dates
from .find import Found, found_at
from .notebook_calls import NotebookCall
from .order import needs
from .proposal import ProposedTask, scalar


def adopted(
    calls: Sequence[NotebookCall], root: Path, script: str
) -> tuple[list[ProposedTask], dict[str, str], list[str]]:
    """Return the tasks that calls of papermill in ``script`` amount to, what env.yaml must say, and notes."""
    notes: list[str] = []
    env: dict[str, str] = {}
    outside = _KeptOut()
    entries: dict[str, ProposedTask] = {}
    found: dict[str, Found] = {}
    for number, call in enumerate(calls):
        key = call.key or f"call {number}"
        placed = _placed(call, root, script)
        if placed is None:
            notes.append(f"{script}:{call.line}: there is no {call.source} in {root}: this call is left out")
            continue
        call, remarks = _with_files(placed, root)
        call, secret = outside.kept_out(call)
        remarks += secret
        env |= call.unknown
        name = _name(call, call.source, [entry.name for entry in entries.values()])
        entries[key] = _entry(call, name)
        given = {name: _pattern(value) for name, value in {**call.params, **call.grid}.items()}
        found[key] = replace(found_at(root, call.source, _runs_in(call), given), path=key)
        notes += [f"{script}:{call.line}: {note}" for note in (*call.notes, *remarks)]
    edges, contradictions = needs(list(found.values()))
    names = {key: entry.name for key, entry in entries.items()}
    waits: dict[str, dict[str, str]] = {key: {} for key in entries}
    for key, call in zip([c.key or f"call {n}" for n, c in enumerate(calls)], calls, strict=True):
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
    readable = [re.sub(r"\bcall \d+\b", lambda m: names.get(m[0], m[0]), note) for note in contradictions]
    return tasks, env, [discreet(note) for note in notes + readable]


class _KeptOut:
    """Takes what is secret out of calls: pipeline.yaml is committed, and says which variable has it."""

    def __init__(self) -> None:
        self._variables: dict[str, object] = {}
        self._met: list[str] = []

    def kept_out(self, call: NotebookCall) -> tuple[NotebookCall, list[str]]:
        """Return a call without the secrets among its values, and notes on what is to be set."""
        self._met = []
        params = {name: self._value(name, value) for name, value in call.params.items()}
        grid = {name: [self._value(name, value) for value in values] for name, values in call.grid.items()}
        notes = [
            f"the value of {name} is not written down: set {name} in the environment"
            for name in dict.fromkeys(self._met)
        ]
        return replace(call, params=params, grid=grid), notes

    def _value(self, name: str, value: object) -> object:
        match value:
            case dict():
                inside = is_secret(name)
                return {
                    key: self._value(f"{name}_{key}" if inside else str(key), it) for key, it in value.items()
                }
            case list():
                return [self._value(name, it) for it in value]
            case str() | int() | float() if "{{" not in str(value) and holds({name: value}):
                return f"{{{{env.{self._variable(name, value)}}}}}"
        return value

    def _variable(self, name: str, value: object) -> str:
        """Return the name of the variable for a value: one for each that is another."""
        word = stem = re.sub(r"\W", "_", name).upper() or "SECRET"
        number = 2
        while self._variables.setdefault(word, value) != value:
            word, number = f"{stem}_{number}", number + 1
        self._met.append(word)
        return word


def environment(values: Mapping[str, str], now: datetime) -> str:
    """Return an env.yaml for values that a script computed: each says where it came from.

    Dates are those of now. What else there is to say only a person knows: without it, the build says so.
    """
    known = {name: dates.said(text, now) for name, text in values.items()}
    lines = ["# Values that were computed where papermill was called: set them with octavo build --param."]
    lines += [
        f"{name}: {scalar(known[name] or '')}  # was {discreet(' '.join(text.split()))}"
        for name, text in values.items()
        if known[name]
    ]
    if lacking := [name for name in values if not known[name]]:
        lines += ["# These have no value yet: set them here."]
        lines += [f"# {name}: …  # was {discreet(' '.join(values[name].split()))}" for name in lacking]
    return "\n".join(lines) + "\n"


def unset(values: Mapping[str, str], now: datetime) -> list[str]:
    """Return the names of values that only a person knows."""
    return [name for name, text in values.items() if not dates.said(text, now)]


def _placed(call: NotebookCall, root: Path, script: str) -> NotebookCall | None:
    """Return a call whose notebook and folders are paths in the project; None where it is not there.

    It is looked for where the script went, then in the project, and then beside the script. Paths of the machine that
    the script was written for are of no use elsewhere.
    """
    for start in (call.folder, "", posixpath.dirname(script)):
        path = root / start / call.source
        if not (path.is_file() and path.resolve().is_relative_to(root.resolve())):
            continue
        folder = call.folder if start == call.folder else ""
        output = call.output and _inside(posixpath.join(folder, call.output), root)
        return replace(
            call,
            source=path.resolve().relative_to(root.resolve()).as_posix(),
            output=output,
            folder=_inside(folder, root) if folder else "",
            cwd=call.cwd and _inside(posixpath.join(folder, call.cwd), root),
            params={name: _portable(value, root) for name, value in call.params.items()},
            grid={name: [_portable(value, root) for value in values] for name, values in call.grid.items()},
        )
    return None


def _inside(path: str, root: Path) -> str:
    """Return a path relative to the project, where it is in it."""
    path = posixpath.normpath(path)
    return posixpath.relpath(path, root) if f"{path}/".startswith(f"{root.as_posix()}/") else path


def _portable(value: object, root: Path) -> object:
    """Return the value of a parameter; the project's folder in it is a placeholder, as it is elsewhere elsewhere."""
    here = root.as_posix()
    if isinstance(value, str) and f"{value}/".startswith(f"{here}/"):
        return "{{root}}" + value[len(here) :]
    return value


def _with_files(call: NotebookCall, root: Path) -> tuple[NotebookCall, list[str]]:
    """Return a call with the parameters of its files (``-f``), and notes on those that cannot be read."""
    params: dict[str, object] = {}
    notes: list[str] = []
    for name in call.files:
        try:
            path = root / call.folder / name
            found = document.parse(path.read_text(encoding="utf-8"), name).data
        except (OSError, UnicodeDecodeError, Error, ExceptionGroup):
            found = None
        if isinstance(found, dict):
            params |= {str(key): value for key, value in found.items()}
        else:
            notes.append(f"-f {name} cannot be read: put its parameters here")
    return replace(call, params={**params, **call.params}), notes


def _pattern(value: object) -> object:
    """Return a value with a star for each placeholder, as files are looked for."""
    return re.sub(r"\[\[\w+\]\]|\{\{\w+\}\}", "*", value) if isinstance(value, str) else value


def _runs_in(call: NotebookCall) -> str:
    """Return the folder, relative to the project, that a call's notebook ran in."""
    folder = call.cwd if call.cwd is not None else call.folder
    return "" if folder == "." else folder


def _entry(call: NotebookCall, name: str) -> ProposedTask:
    output = call.output or f"output/{name}.ipynb"
    comment = [f"line {call.line}" + (f", {call.schedule}" if call.schedule else "")]
    folder, ran = PurePosixPath(call.source).parent.as_posix(), _runs_in(call)
    local = ran == folder and folder != "."
    if call.grid and "[[" not in name:
        name = f"{name}-{'-'.join(f'[[{key}]]' for key in call.grid)}"
    return ProposedTask(
        name,
        call.source,
        {"nb": output},
        params=call.params,
        grid=call.grid,
        kernel=call.kernel,
        local=local,
        cwd="" if local else ran,
        comment=tuple(comment),
    )


def _wanted(name: str, entry: ProposedTask) -> str:
    return re.sub(r"\[\[\w+\]\]", "*", name) if entry.grid else name


def _name(call: NotebookCall, source: str, taken: Sequence[str]) -> str:
    stem = re.sub(r"[^\w.\[\]{}-]+", "-", call.name or PurePosixPath(source).stem).strip("-") or "task"
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
