"""Check what pipeline.yaml says of where its tasks run: the key executor."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..hints import did_you_mean
from ..kinds.keys import Key, as_tuple, is_line, is_mapping, is_texts
from ..model import Json
from .dialect import found_as, plain

if TYPE_CHECKING:
    from .document import Path
    from .notices import Check

#: Values that say how many tasks run at a time, and not where.
_HOW_MANY = ("serial", "parallel")
EXECUTOR: Mapping[str, Key] = {
    "name": Key("a string", is_line, known=("dask",)),
    "scheduler": Key("the address of a scheduler, as tcp://host:8786", is_line),
    "resources": Key("a mapping of tasks to what each takes, as fit-*: {GPU: 1}", is_mapping),
    "workers": Key("a mapping of tasks to names or hosts of workers, as fit-*: [big]", is_mapping),
}

#: Engines that a task may tell something in their own words: a line for a command, or keys of what they read.
_COMMANDS = ("slurm", "sge", "pbs", "lsf")
_SCALARS = (str, int, float, bool)
_READERS = ("dask", "aws-batch", "airflow", "argo")


def own_words(check: Check, said: Json, path: Path, owner: str) -> None:
    """Check what a task tells engines elsewhere in their own words."""
    for engine, words in said.items():
        where, known = check.document.place(*path, engine), (*_COMMANDS, *_READERS)
        name = f'{owner}: "engines.{plain(engine)}"'
        if engine in _COMMANDS:
            if not is_texts(words) or not _split(words):
                check.wrong(f"{name} must be words of its command, not {found_as(words)}", where)
        elif engine not in known:
            hint = did_you_mean(str(engine), known) or f"there are: {', '.join(known)}"
            check.wrong(f"{name} is no engine with words of its own", check.document.key(*path, engine), hint)
        elif not isinstance(words, dict) or not _literal(words):
            check.wrong(f"{name} must be a mapping of its own keys, not {found_as(words)}", where)
        elif engine == "dask":
            for key, amount in words.items():
                _amount(check, name, (*path, engine), key, amount)


def _split(words: str | list[str]) -> bool:
    try:
        return all(shlex.split(word) for word in as_tuple(words))
    except ValueError:
        return False


def _literal(value: object) -> bool:
    """Return whether a value is JSON as it is: no date, no key that is a number."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _literal(inner) for key, inner in value.items())
    return all(map(_literal, value)) if isinstance(value, list) else value is None or type(value) in _SCALARS


def _amount(check: Check, owner: str, path: Path, name: object, amount: object) -> None:
    if isinstance(amount, bool) or not isinstance(amount, int | float) or amount <= 0:
        where = check.document.place(*path, name)
        check.wrong(f"{owner}: {plain(name)} must be a number above 0, not {found_as(amount)}", where)


def checked(check: Check, said: object) -> Json:
    """Return ``executor`` whole and plain; what is wrong is told and left out."""
    if not isinstance(said, dict):
        return {} if said in _HOW_MANY else {"name": said}
    path = ("executor",)
    found: Json = dict(check.keys(said, path, EXECUTOR, '"executor"'))
    for pattern, taken in found.get("resources", {}).items():
        where, owner = check.document.place(*path, "resources", pattern), f'"resources" of {plain(pattern)}'
        if not isinstance(taken, dict) or not taken:
            check.wrong(f"{owner} must be a mapping of names to numbers, not {found_as(taken)}", where)
            continue
        for name, amount in taken.items():
            _amount(check, owner, (*path, "resources", pattern), name, amount)
    for pattern, names in found.get("workers", {}).items():
        if not is_texts(names) or not names:
            where, owner = check.document.place(*path, "workers", pattern), f'"workers" of {plain(pattern)}'
            check.wrong(f"{owner} must be a name or a list of names, not {found_as(names)}", where)
    found["workers"] = {
        str(pattern): [*as_tuple(names)]
        for pattern, names in found.get("workers", {}).items()
        if is_texts(names)
    }
    place = check.document.place(*path)
    return found | {"where": [place.path, place.line, place.column]}
