"""SQL whose values go to the driver beside it: the filter ``bind``, as the styles of PEP 249 have it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import field

from ..clients.database import quoted, split
from ..dataclass import dataclass
from ..errors import Place, SpecError
from ..reading.quoting import Binding
from ..tables.databases import Database, driver

#: What stands for a value in each style. Those with a name take a mapping, the others a sequence.
_STYLES = {"qmark": "?", "numeric": ":{}", "named": ":b{}", "format": "%s", "pyformat": "%(b{})s"}
#: Drivers that put the values in themselves, and so take several statements at once.
_WHOLE = ("psycopg2", "MySQLdb", "pymysql")
Values = Sequence[object] | Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Query:
    """A rendered template: text with marks in it, and the values that the marks stand for."""

    text: str
    bound: Binding = field(default_factory=Binding)

    def __bool__(self) -> bool:
        """Return whether there is anything bound."""
        return bool(self.bound)

    def statements(self, client: Database, parts: list[str] | None) -> list[str]:
        """Return the texts to send one by one: most drivers take values only beside a single statement."""
        if not self and parts is not None:
            return parts
        if parts is None or (len(parts) == 1 and driver(client) not in _WHOLE):
            return split(self.text, ";")
        return parts

    def sent(self, client: Database, text: str | None = None) -> tuple[str, tuple[Values, ...]]:
        """Return what ``execute`` of a cursor takes for the query, or for one of its statements."""
        text = self.text if text is None else text
        if not self.bound.marks(text):
            return text, ()
        style = _style(client)
        values: list[object] = []

        def put(value: object, at: int) -> str:
            values.append(value)
            return _STYLES[style].format(len(values))

        if style in ("format", "pyformat"):
            text = text.replace("%", "%%")
        code = self.bound.replaced(text, put)
        if style in ("named", "pyformat"):
            return code, ({f"b{number}": value for number, value in enumerate(values, 1)},)
        return code, (tuple(values),)

    def shown(self, client: Database) -> str:
        """Return the text for people to read, with the same lines as what is sent."""
        if not self:
            return self.text
        number = iter(range(1, sys.maxsize))
        mark = _STYLES[_style(client)]
        return self.bound.replaced(self.text, lambda value, at: mark.format(next(number)))


def checked(text: str, bound: Binding, path: str) -> Query:
    """Return a query without marks in comments; one in quotes, where a driver sees no mark, is a mistake."""
    if not bound:
        return Query(text, bound)
    pieces, end = [], 0
    for start, stop in quoted(text):
        inside = text[start:stop]
        if bound.marks(inside):
            if not inside.startswith(("--", "/*")):
                raise SpecError(
                    "a value that is bound stands in quotes",
                    Place(path, text.count("\n", 0, start) + 1),
                    "remove the quotes: {{name | bind}} stands for the whole value; '%' || {{name | bind}} joins texts",
                )
            inside = bound.replaced(inside, lambda value, at: "NULL")
        pieces += [text[end:start], inside]
        end = stop
    text = "".join(pieces)
    try:
        bound.replaced(text, lambda value, at: "")
    except ValueError as error:
        raise SpecError(
            str(error), Place(path), "put other filters before it: {{name | upper | bind}}"
        ) from error
    return Query(text, bound)


def _style(client: Database) -> str:
    """Return the style in which the driver behind a client takes values."""
    name = driver(client)
    if name == "duckdb":  # also behind duckdb_engine, which says another
        return "qmark"
    connection = client.connection
    kind = type(getattr(connection, "driver_connection", None) or connection)
    words = kind.__module__.split(".")
    modules = [".".join(words[:count]) for count in range(len(words), 0, -1)]
    for module in [*modules, name]:
        style = getattr(sys.modules.get(module), "paramstyle", None)
        if style in _STYLES:
            return str(style)
    raise SpecError(
        f"the driver {name or kind.__name__} does not say how it takes values (PEP 249, paramstyle)",
        hint="write {{name | quote}} instead of {{name | bind}}",
    )
