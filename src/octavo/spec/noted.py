"""Note what becomes of parameters in a task's code: assigned again in a notebook, pasted unquoted into a script."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ..errors import Place
from ..kinds import row
from ..lazy import lazy_imports
from ..model import Task
from ..reading.folders import contents

with lazy_imports():
    from ..reading import overridden as overriding
    from ..reading import templates

if TYPE_CHECKING:
    from .document import Document

#: What a placeholder or an expression in pipeline.yaml may name.
_NAMES = re.compile(r"[\w-]+(?:\.[\w-]+)*")
_PLACEHOLDERS = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def notes(draft: Task, root: str, given: Iterable[str]) -> Iterator[str]:
    """Yield the notes on a task, to which the parameters ``given`` come from outside."""
    if draft.source.facts.mistakes or not draft.params:
        return
    if row(draft.kind).source == "notebook":
        yield from _overridden(draft, root)
    elif draft.source.facts.language in ("sql", "sh") and draft.source.entry is None:
        yield from _pasted(draft, root, {name for name in given if _may_break(draft.params.get(name))})


def from_outside(
    document: Document, given: Collection[str], behind: Mapping[str, frozenset[str]]
) -> dict[Place | None, frozenset[str]]:
    """Return which parameters of tasks have values from outside, by the places of the tasks.

    These are the keys of env.yaml that somebody has ``given``, and environment variables. ``behind`` says which of
    them other keys of env.yaml are made of.
    """
    data = document.data.get("tasks") if isinstance(document.data, dict) else None
    outer = {*given, "env", *(key for key, names in behind.items() if _outer(names, given))}
    found: dict[Place | None, frozenset[str]] = {}
    for number, entry in enumerate(data if isinstance(data, list) else ()):
        params = entry.get("params") if isinstance(entry, dict) else None
        if isinstance(params, dict):
            names = frozenset(str(key) for key, value in params.items() if _outer(_named(value), outer))
            found[document.place("tasks", number)] = names
    return found


def _outer(names: Iterable[str], outer: Collection[str]) -> bool:
    """Return whether one of the names is one of the others, or in such a section: "env.HOME" is in "env"."""
    return any(name in outer or name.partition(".")[0] in (*outer, "env") for name in names)


def _named(value: object) -> set[str]:
    """Return the names in the placeholders of a value."""
    if isinstance(value, Mapping):
        return {name for inner in value.values() for name in _named(inner)}
    if isinstance(value, list):
        return {name for inner in value for name in _named(inner)}
    text = value if isinstance(value, str) else ""
    return {name for inside in _PLACEHOLDERS.findall(text) for name in _NAMES.findall(inside)}


def _may_break(value: object) -> bool:
    """Return whether there is text in a value: numbers stay one word whatever they are."""
    if isinstance(value, Mapping):
        return any(_may_break(inner) for inner in value.values())
    return any(map(_may_break, value)) if isinstance(value, list | tuple) else isinstance(value, str)


def _overridden(draft: Task, root: str) -> Iterator[str]:
    data = contents(os.path.join(root, draft.source.path))
    facts, names = draft.source.facts, draft.params.keys()
    for found in overriding.overridden(facts, data, draft.source.path, names):
        yield f"{found.where}: {found.message}: {found.hint}"


def _pasted(draft: Task, root: str, names: Collection[str]) -> Iterator[str]:
    text = contents(os.path.join(root, draft.source.path)).decode("utf-8-sig", "replace") if names else ""
    found = dict[str, int]()
    for name, line in templates.pasted(text, names) if names else ():
        found.setdefault(name, line)
    if found:
        (first, line), others = next(iter(found.items())), list(found)[1:]
        more = f", and so {'is' if len(others) == 1 else 'are'} {', '.join(others)}" if others else ""
        yield (
            f'{Place(draft.source.path, line)}: "{first}" is set from outside and pasted as it is{more}: '
            f"{{{{{first} | quote}}}}, without quotes around it, stays one value whatever it is"
        )
