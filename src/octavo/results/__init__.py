"""What runs left, side by side: tables with the cells that differ, plots, and what the cells of notebooks show."""

from __future__ import annotations

from enum import StrEnum

from ..dataclass import dataclass
from ..metrics.kept import RunMetrics

#: The rows of a table, the first of which is the heading.
Table = tuple[tuple[str, ...], ...]


class Sort(StrEnum):
    """How something that a run left can be shown."""

    TABLE = "table"
    PICTURE = "picture"
    TEXT = "text"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Left:
    """What a run left under a name. ``data`` is a picture as base64, or a text; ``words`` say what cannot be shown.

    ``digest`` is that of a file. ``whole`` is False where only the beginning of a table was read.
    """

    sort: Sort
    table: Table = ()
    data: str = ""
    mime: str = ""
    words: str = ""
    digest: str = ""
    whole: bool = True


@dataclass(frozen=True, slots=True)
class MatchedRow:
    """A row of several tables: for each column its value in each, None where that has no such row or column.

    ``numbers`` are its numbers in the tables, from 1 on; ``differs`` says of each column whether the sides do.
    """

    numbers: tuple[int | None, ...]
    values: tuple[tuple[str | None, ...], ...]
    differs: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class MatchedTables:
    """Tables of several sides as one: its columns, and its rows. ``sides`` are those that have a table at all."""

    sides: tuple[int, ...]
    columns: tuple[str, ...]
    lines: tuple[MatchedRow, ...]

    @property
    def changed(self) -> int:
        """The number of rows that differ."""
        return sum(any(line.differs) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Compared:
    """What several runs left under a name: a side for each, None where there is nothing.

    ``said`` has for each side but the first how it differs from that; an empty text where it does not.
    """

    name: str
    sides: tuple[Left | None, ...]
    said: tuple[str, ...]
    merged: MatchedTables | None = None

    @property
    def differs(self) -> bool:
        return any(self.said)


@dataclass(frozen=True, slots=True)
class RunsOfSource:
    """Tasks with one source, each in the runs that are compared, and what they left."""

    rows: tuple[RunMetrics, ...]
    results: tuple[Compared, ...] = ()
