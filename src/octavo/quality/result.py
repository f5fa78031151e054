"""A check on data, what came of it, and how that is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from ..dataclass import dataclass
from ..model import Json

#: So many offending rows are shown of each check, and so many columns of each.
ROWS, _COLUMNS, _LONGEST = 5, 8, 60
SEVERITIES = ("error", "warn")


@dataclass(frozen=True, slots=True)
class DataCheck:
    """A check: the word for it, what it is told, and what it is called.

    ``severity``: "warn" notes what it finds and fails nothing. ``product`` is the key of the one of several products
    that it is about.
    """

    kind: str
    arguments: Json = field(default_factory=dict)
    name: str = ""
    severity: str = "error"
    product: str | None = None

    def plain(self) -> Json:
        """Return it as plain values, as a task keeps it."""
        return {each: getattr(self, each) for each in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check: ``found`` says what is wrong, ``rows`` are the first offending ones, of ``count``.

    ``severity`` is that of the check; ``profile`` is what a check for drift keeps of the data.
    """

    name: str
    good: bool
    found: str = ""
    severity: str = "error"
    count: int | None = None
    rows: tuple[Json, ...] = ()
    profile: Json | None = None

    @property
    def bad(self) -> bool:
        """Whether it fails the task."""
        return not self.good and self.severity != "warn"


class ChecksFailed(AssertionError):
    """Data is not as checks say that it must be; ``results`` are those of all of them."""

    def __init__(self, results: Iterable[Result]) -> None:
        self.results = tuple(results)
        super().__init__(failed(self.results))


def failed(results: Iterable[Result]) -> str:
    """Return the message for checks of which some failed: which, and the rows."""
    results = tuple(results)
    bad = [result for result in results if result.bad]
    lines = [f"{len(bad)} of {many(len(results), 'check')} failed: {'; '.join(it.name for it in bad)}"]
    for result in bad:
        lines += lines_of(result)
    return "\n".join(lines)


def lines_of(result: Result) -> Iterator[str]:
    """Yield what a check found, and a line for each row that is shown."""
    yield f"{result.name}: {result.found}"
    yield from (f"  {row}" for row in map(row_line, result.rows))


def row_line(row: Mapping[str, object]) -> str:
    """Return an offending row in a line; where its number is known, that comes first."""
    number, values = row.get("row"), row.get("values")
    found = values if isinstance(values, Mapping) else {}
    shown = [f"{flat(str(name))} {flat(_text(value))}" for name, value in list(found.items())[:_COLUMNS]]
    more = f", and {len(found) - _COLUMNS} more columns" if len(found) > _COLUMNS else ""
    return (f"row {number:,}: " if isinstance(number, int) else "") + ", ".join(shown) + more


def _text(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def flat(text: str) -> str:
    """Return a text in one line, without what would move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def many(count: int, word: str) -> str:
    """Return a number with its word: 1 row, 1,000 rows."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
