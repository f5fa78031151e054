"""Tables of a pipeline's status and of a build: as text, as HTML, and by column."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import plugins
from ..model import Outcome
from ..report import Report

_RAN = (Outcome.DONE, Outcome.RESTORED)


class Table(Mapping[str, list[Any]]):
    """Rows of the same columns; as a mapping, the columns."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> None:
        self.rows = [dict(row) for row in rows]
        self.columns = list(columns) or (list(self.rows[0]) if self.rows else [])

    def __getitem__(self, column: str) -> list[Any]:
        if column not in self.columns:
            raise KeyError(f"there is no column {column!r}; there are: {', '.join(self.columns)}")
        return [row[column] for row in self.rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.rows)

    def only(self, column: str, value: Any) -> Table:
        """Return the rows with a value in a column."""
        return Table([row for row in self.rows if row[column] == value], self.columns)

    def to_format(self, fmt: str = "text") -> str:
        """Return it as "html" or as text."""
        return self._repr_html_() if fmt == "html" else str(self)

    def to_pandas(self) -> Any:
        """Return it as a DataFrame."""
        return plugins.load("pandas").DataFrame(self.rows, columns=self.columns)

    def __str__(self) -> str:
        texts = [self.columns, *([str(row[column]) for column in self.columns] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        lines = ["  ".join(t.ljust(w) for t, w in zip(line, widths, strict=True)).rstrip() for line in texts]
        return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def line(values: Sequence[Any], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(str(value))}</{tag}>" for value in values) + "</tr>"

        body = "".join(line([row[column] for column in self.columns], "td") for row in self.rows)
        return f"<table><thead>{line(self.columns, 'th')}</thead><tbody>{body}</tbody></table>"


class BuildReport(Table):
    """What ran in a build, and how long it took; ``outcomes`` says it in octavo's words."""

    COLUMNS = ("name", "Ran?", "Elapsed (s)", "Percentage")

    def __init__(self, report: Report) -> None:
        took = {name: end.seconds if end.outcome in _RAN else 0.0 for name, end in report.ended.items()}
        total = sum(took.values())
        rows = [
            {
                "name": name,
                "Ran?": end.outcome in _RAN,
                "Elapsed (s)": round(took[name], 6),
                "Percentage": round(100 * took[name] / total, 6) if total else 0,
            }
            for name, end in report.ended.items()
        ]
        super().__init__(rows, self.COLUMNS)
        self.outcomes = report.outcomes
