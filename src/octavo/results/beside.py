"""Put what tasks left in several runs beside each other, and say how it differs from what they left in the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .. import notebook as documents
from ..compare import Tolerance, pixels, texts
from ..dataclass import dataclass
from ..errors import Error
from ..metrics.kept import RunMetrics
from ..model import Json, Product, Record, Task
from ..review import align
from ..review.text import numbers
from ..show.screen import many
from . import Compared, Left, MatchedTables, RunsOfSource, Sort, looks, tables
from .left import Kept

#: So many differences of a text are told one by one.
_TOLD = 3
_LOST, _OTHER = "not kept any more", "another content"


def families(rows: Sequence[RunMetrics], kept: Kept | None) -> list[RunsOfSource]:
    """Return the rows by the source of their tasks, with what they left where a project knows that."""
    found: dict[str, list[RunMetrics]] = {}
    for row in rows:
        task = kept.tasks.get(row.task) if kept else None
        found.setdefault(_source(task) if task else f"task {row.task}", []).append(row)
    return [RunsOfSource(tuple(of), tuple(_results(of, kept)) if kept else ()) for of in found.values()]


def _source(task: Task) -> str:
    return f"{task.source.path}\n{task.source.entry}" if task.source.path else f"task {task.name}"


@dataclass(frozen=True, slots=True)
class _LeftFile:
    """A product as a run left it: its digest, and a file that holds it where something still has it."""

    path: str
    digest: str
    file: str | None

    def left(self) -> Left:
        if self.file is None:
            return _lost(self)
        return looks.at_file(self.file, self.path, self.digest)


def _results(rows: Sequence[RunMetrics], kept: Kept) -> Iterator[Compared]:
    """Yield what was left by each promise of the tasks: the first of one task is beside the first of another."""
    tasks = [kept.tasks.get(row.task) for row in rows]
    records = [kept.record(task, row.run) if task else None for task, row in zip(tasks, rows, strict=True)]
    for at in range(max((len(task.products) for task in tasks if task), default=0)):
        products = [task.products[at] if task and at < len(task.products) else None for task in tasks]
        made = [
            _made(product, record, row.run, kept) if product and record else None
            for product, record, row in zip(products, records, rows, strict=True)
        ]
        first = next(product for product in products if product)
        # what many tasks call by many names is called as pipeline.yaml calls it
        alone = len({product.path for product in products if product}) == 1
        name = first.path if alone or not first.key else first.key
        if first.path.endswith(".ipynb"):
            yield from _of_notebooks(name, made)
        else:
            looked = {it.digest: it.left() for it in made if it}
            yield put(name, [looked[it.digest] if it else None for it in made])


def _made(product: Product, record: Record, run: str, kept: Kept) -> _LeftFile | None:
    digest = record.products.get(product.path)
    return _LeftFile(product.path, digest, kept.file(product.path, digest, run)) if digest else None


def _of_notebooks(name: str, made: Sequence[_LeftFile | None]) -> Iterator[Compared]:
    """Yield what the cells of executed notebooks show; a text only where it differs."""
    books = [_cells(it.file) if it and it.file else None for it in made]
    there = [at for at, book in enumerate(books) if book is not None]
    if any(book is None and it for book, it in zip(books, made, strict=True)) or not there:
        yield put(
            name, [_lost(it) if it and book is None else None for book, it in zip(books, made, strict=True)]
        )
    if not there:
        return
    base = books[there[0]] or []
    slots: list[list[Json | None]] = [[None] * len(made) for _ in base]
    for at, cell in enumerate(base):
        slots[at][there[0]] = cell
    for side in there[1:]:
        for one, other in align.align(base, books[side] or []):
            if one is not None and other is not None:
                slots[one][side] = (books[side] or [])[other]
    for number, cells in zip(numbers(base), slots, strict=True):
        yield from _of_cells(f"{name} cell {number}", cells, there)


def _lost(made: _LeftFile) -> Left:
    return Left(Sort.OTHER, words=_LOST, digest=made.digest)


def _of_cells(name: str, cells: Sequence[Json | None], there: Sequence[int]) -> Iterator[Compared]:
    if (cells[there[0]] or {}).get("cell_type") != "code":
        return
    shown = [looks.of_cell(cell) if cell else [] for cell in cells]
    most = max(map(len, shown))
    for at in range(most):
        sides = [of[at] if at < len(of) else None for of in shown]
        result = put(f"{name} output {at + 1}" if most > 1 else name, sides)
        if result.differs or any(side and side.sort is not Sort.TEXT for side in sides):
            yield result


def _cells(path: str) -> list[Json] | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a str
            return documents.loads(file.read(), path).data["cells"]  # type: ignore[no-any-return]  # it is JSON
    except (Error, OSError):
        return None


def put(name: str, sides: Sequence[Left | None]) -> Compared:
    """Put sides beside each other, and say how each differs from the first."""
    sorts = {side.sort for side in sides if side}
    merged = (
        tables.merged([side.table if side else None for side in sides]) if sorts == {Sort.TABLE} else None
    )
    said = []
    for at, side in enumerate(sides[1:], 1):
        words = _said(sides[0], side, merged, at)
        if not words and side and sides[0] and side.digest != sides[0].digest:
            words = (
                "equal within tolerance" if side.whole else f"differs beyond the first {tables.MOST:,} rows"
            )
        said.append(words)
    return Compared(name, tuple(sides), tuple(said), merged)


def _said(before: Left | None, after: Left | None, merged: MatchedTables | None, side: int) -> str:
    """Return how what a run left differs from what the first did."""
    if before is None or after is None:
        return "" if before is after else "not there" if after is None else "new"
    if before == after:
        return ""
    if merged is not None:
        return _of_tables(merged, merged.sides.index(side))
    if before.sort is not after.sort or before.sort is Sort.OTHER:
        return after.words if after.words != before.words else _OTHER
    if before.sort is Sort.PICTURE:
        return _of_pictures(before, after)
    found = [
        str(one) for one in texts.differences(before.data, after.data, "text", Tolerance()) if not one.close
    ]
    more = f"; and {len(found) - _TOLD:,} more" if len(found) > _TOLD else ""
    return "; ".join(found[:_TOLD]) + more


def _of_tables(merged: MatchedTables, side: int) -> str:
    both = [line for line in merged.lines if line.numbers[0] and line.numbers[side]]
    first = sum(line.numbers[0] is not None for line in merged.lines)
    after = sum(line.numbers[side] is not None for line in merged.lines)
    differ = sum(any(tables.differ(of[0], of[side]) for of in line.values) for line in both)
    counts = {"differ": differ, "new": after - len(both), "gone": first - len(both)}
    said = [f"{count:,} {what}" for what, count in counts.items() if count]
    return f"{', '.join(said)} (of {many(first, 'row')})" if said else ""


def _of_pictures(before: Left, after: Left) -> str:
    if before.mime != after.mime:
        return f"{after.mime} instead of {before.mime}"
    if before.mime == "image/png":
        found = [one for one in pixels.differences(before.data, after.data, "", Tolerance()) if not one.close]
        return "; ".join(one.after for one in found)
    return "another picture" if before.data != after.data else ""
