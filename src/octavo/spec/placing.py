"""Check what pipeline.yaml says of where its tasks run: the key executor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..kinds.keys import Key, as_tuple, is_line, is_mapping, is_texts
from ..model import Json
from .dialect import found_as, plain

if TYPE_CHECKING:
    from .notices import Check

#: Values that say how many tasks run at a time, and not where.
_HOW_MANY = ("serial", "parallel")
EXECUTOR: Mapping[str, Key] = {
    "name": Key("a string", is_line, known=("dask",)),
    "scheduler": Key("the address of a scheduler, as tcp://host:8786", is_line),
    "resources": Key("a mapping of tasks to what each takes, as fit-*: {GPU: 1}", is_mapping),
    "workers": Key("a mapping of tasks to names or hosts of workers, as fit-*: [big]", is_mapping),
}


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
            if isinstance(amount, bool) or not isinstance(amount, int | float) or amount <= 0:
                inner = check.document.place(*path, "resources", pattern, name)
                check.wrong(f"{owner}: {plain(name)} must be a number above 0, not {found_as(amount)}", inner)
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
