"""Check what pipeline.yaml says of the data that a task makes: the key checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol

from ..errors import Place, SpecError
from ..hints import did_you_mean
from ..model import Json, Task
from ..quality import around
from ..quality.arguments import KINDS, Wrong, checks, distinct, named, of_plain
from ..quality.result import DataCheck
from .dialect import found_as

if TYPE_CHECKING:
    from .document import Document, Path

_EXAMPLE = "- unique: id"
#: Checks that look at data frames, which tables of databases are not.
_OF_FRAMES = ("pandera", "great_expectations")


class Mistaken(Protocol):
    """What collects the mistakes of a document."""

    document: Document

    def wrong(self, message: str, where: Place, hint: str | None = None) -> None: ...


def checked(check: Mistaken, said: object, path: Path, owner: str, places: dict[str, Place]) -> list[Json]:
    """Return the checks of a task as plain values; add their places, and tell what is wrong."""
    found: list[DataCheck] = []
    wheres: list[Place] = []
    for number, entry in enumerate(said if isinstance(said, list) else [said]):
        way = (*path, number) if isinstance(said, list) else path
        if not isinstance(entry, dict):
            message = f"{owner}: a check must be a mapping, not {found_as(entry)}"
            hint = did_you_mean(entry, KINDS) if isinstance(entry, str) else None
            check.wrong(message, check.document.place(*way), hint or _EXAMPLE)
            continue
        key = next((key for key in entry if key in KINDS), next(iter(entry), None))
        where = check.document.key(*way, key) if key is not None else check.document.place(*way)
        try:
            several = checks(entry)
        except Wrong as error:
            check.wrong(f"{owner}: {error.message}", where, error.hint)
            continue
        found += several
        wheres += [where] * len(several)
    named_apart = distinct(found)
    places |= {f"checks.{one.name}": where for one, where in zip(named_apart, wheres, strict=True)}
    return [one.plain() for one in named_apart]


def misfits(task: Task, places: dict[str, Place], tasks: Sequence[Task], known: bool) -> Iterator[SpecError]:
    """Yield what makes checks impossible that the pipeline itself shows: no data, a task that is not upstream …

    ``tasks`` are those of the pipeline, all of them if ``known``.
    """
    made = [of_plain(plain) for plain in task.own["checks"]]
    exact = next((it for it in made if it.kind == "columns" and it.arguments.get("exact")), None)
    for check in made:
        where = places.get(f"checks.{check.name}", task.where)
        yield from _unfit(task, check, where)
        if check.kind == "foreign_key":
            yield from _unkeyed(task, check, where, tasks, known)
        types = exact.arguments["types"] if exact and exact.product == check.product else {}
        for column in named(check) if types else ():
            if column not in types:
                hint = did_you_mean(column, types)
                message = (
                    f'the check "{check.name}" of "{task.name}": "columns" has no "{column}", and is exact'
                )
                yield SpecError(message, where, hint)


def _unfit(task: Task, check: DataCheck, where: Place | None) -> Iterator[SpecError]:
    keys = [one.key for one in task.products if one.key is not None]
    told = f'the check "{check.name}" of "{task.name}"'
    if check.product is not None and check.product not in keys:
        listed = did_you_mean(check.product, keys) or (
            f"there are: {', '.join(keys)}" if keys else "it has one"
        )
        yield SpecError(f'{told}: there is no product "{check.product}"', where, listed)
        return
    product = around.product_of(task, check)
    if product is None:
        hint = "data is .csv, .tsv, .parquet, .feather, .json, .jsonl, .pkl, or a table"
        yield SpecError(
            f"{told}: no data that can be checked is in {check.product or ', '.join(it.path for it in task.products)}",
            where,
            hint,
        )
    elif product.relation is not None and check.kind in _OF_FRAMES:
        message = f"{told}: {product.relation} is a table of a database, and {check.kind} checks data frames"
        yield SpecError(message, where, "dump it to .parquet in a task of its own")


def _unkeyed(
    task: Task, check: DataCheck, where: Place | None, tasks: Sequence[Task], known: bool
) -> Iterator[SpecError]:
    name, key = check.arguments["task"], check.arguments["of"]
    told = f'the check "{check.name}" of "{task.name}"'
    others = {one.name: one for one in tasks if one.name != task.name}
    if name not in others:
        if known:
            yield SpecError(f'{told}: there is no task "{name}"', where, did_you_mean(name, others))
        return
    if not any(fnmatchcase(name, wanted) for wanted in task.upstream):
        hint = f'add "{name}" to its upstream, so that the keys are there before it'
        yield SpecError(f'{told}: "{name}" is not upstream of it', where, hint)
    with_data = [*around.with_data(others[name])]
    if key is not None and key not in [one.key for one in others[name].products]:
        near = did_you_mean(key, [one.key for one in others[name].products if one.key])
        yield SpecError(f'{told}: "{name}" has no product "{key}"', where, near)
        return
    chosen = next((one for one in with_data if key in (None, one.key)), None)
    own = around.product_of(task, check)
    if chosen is None:
        yield SpecError(f'{told}: "{name}" makes no data with keys', where)
    elif own is not None and (own.relation is None) is not (chosen.relation is None):
        yield SpecError(f"{told}: of the data and its keys one is a file and one a table", where)
