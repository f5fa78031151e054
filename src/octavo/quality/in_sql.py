"""A table of a database as checks look at it: each question is one query, and no row leaves the database but a few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property

from ..dataclass import dataclass
from ..model import Json, Relation
from ..tables.databases import Database, driver, plain, quoted
from .frames import Foreign, Unfit, as_json, there

#: How a driver marks the places of values (PEP 249), where that is no question mark.
_MARKS = {"psycopg2": "%s", "psycopg": "%s", "pg8000": "%s", "pymysql": "%s", "MySQLdb": "%s", "mysql": "%s"}
#: How a database says that a text matches a regular expression as a whole.
_LIKE = {
    "duckdb": "regexp_full_match({column}, {mark})",
    **dict.fromkeys(("psycopg2", "psycopg", "pg8000"), "{column} ~ {mark}"),
    **dict.fromkeys(("pymysql", "MySQLdb", "mysql"), "{column} REGEXP {mark}"),
}
#: What stands in the names of types, and what that is here; the first that does counts.
_TYPES = (
    ("bool", "boolean"),
    ("interval", "interval"),
    ("int", "integer"),
    ("serial", "integer"),
    ("timestamp", "datetime"),
    ("datetime", "datetime"),
    ("date", "date"),
    *((word, "number") for word in ("real", "floa", "doub", "num", "dec")),
    *((word, "text") for word in ("char", "text", "clob", "string", "uuid")),
    *((word, "binary") for word in ("blob", "bytea", "binary")),
)

#: The storage classes of SQLite that are in a column, and what that is here.
_STORED = {
    frozenset(["integer"]): "integer",
    frozenset(["real"]): "number",
    frozenset(["integer", "real"]): "number",
    frozenset(["text"]): "text",
    frozenset(["blob"]): "binary",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """Rows that are meant, as a condition of SQL and the values in it."""

    text: str
    values: tuple[object, ...] = ()


class SqlTable:
    """A table or view. Names of columns are quoted, and values go to the driver beside the query."""

    def __init__(self, client: Database, relation: Relation) -> None:
        self._client = client
        self._driver = driver(client)
        self._mark = _MARKS.get(self._driver, "?")
        self.name = self._found(relation)

    def _found(self, relation: Relation) -> str:
        """Return the table's name in quotes; SQL folds one without quotes to lower case, or keeps it as it is."""
        tries = []
        for fold in (str.lower, str):
            parts = [part for part in (relation.schema, relation.name) if part]
            names = [text if exact else fold(text) for text, exact in map(plain, parts)]
            tries.append(self._quoted(*names))
        for name in dict.fromkeys(tries):
            try:
                self._ask(f"SELECT * FROM {name} WHERE 1 = 0")
            except Unfit:
                continue
            return name
        raise Unfit(f"there is no table {relation}")

    def _quoted(self, *names: str) -> str:
        text = quoted(*names)
        return text.replace("%", "%%") if self._mark == "%s" else text

    def _ask(self, query: str, values: Sequence[object] = ()) -> tuple[list[Foreign], list[Foreign]]:
        """Return the rows of a query, and the description of its columns."""
        cursor = self._client.connection.cursor()
        try:
            # without values a driver may take a percent sign for itself
            cursor.execute(query, tuple(values))
            return [*cursor.fetchall()], [*(cursor.description or ())]
        except Exception as error:  # each driver has its own
            self._client.connection.rollback()
            raise Unfit(f"the database says: {str(error).strip().partition(chr(10))[0]}") from error
        finally:
            cursor.close()

    def __len__(self) -> int:
        return int(self._ask(f"SELECT count(*) FROM {self.name}")[0][0][0])

    @cached_property
    def types(self) -> Mapping[str, str]:
        if self._driver == "sqlite3":
            declared = {row[1]: _word(row[2]) for row in self._pragma()}
            return declared | self._stored([name for name, word in declared.items() if word == "any"])
        _, columns = self._ask(f"SELECT * FROM {self.name} WHERE 1 = 0")
        if self._driver == "duckdb":
            return {row[0]: _word(row[1]) for row in self._ask(f"DESCRIBE SELECT * FROM {self.name}")[0]}
        names = [column[0] for column in columns]
        if self._driver in ("psycopg2", "psycopg", "pg8000"):
            listed = ", ".join(f"max(pg_typeof({self._quoted(name)})::text)" for name in names)
            (words,) = self._ask(f"SELECT {listed} FROM (SELECT * FROM {self.name} LIMIT 1) AS one")[0]
            return {name: _word(word or "") for name, word in zip(names, words, strict=True)}
        return dict.fromkeys(names, "any")  # each driver has codes of its own

    def _stored(self, names: Sequence[str]) -> dict[str, str]:
        """Return the types of what is in columns of SQLite that declare none, as those of a query do."""
        if not names:
            return {}
        listed = (f"typeof({self._quoted(name)})" for name in names)
        asked = ", ".join(f"{fold}(nullif({kind}, 'null'))" for kind in listed for fold in ("min", "max"))
        (row,) = self._ask(f"SELECT {asked} FROM {self.name}")[0]
        pairs = zip(names, zip(row[::2], row[1::2], strict=True), strict=True)
        return {name: _STORED.get(frozenset(pair), "any") for name, pair in pairs}

    def _pragma(self) -> list[Foreign]:
        schema, dot, name = self.name.rpartition('"."')
        table = f'"{name}' if dot else self.name
        inside = f'{schema}".' if dot else ""
        return self._ask(f"PRAGMA {inside}table_xinfo({table})")[0]

    def _column(self, name: str) -> str:
        return self._quoted(there(self, name))

    def null(self, column: str) -> Condition:
        name = self._column(column)
        # floating point has a value that is none
        nan = self.types[column] == "number" and self._driver != "sqlite3"
        return Condition(
            f"({name} IS NULL OR {name} = 'NaN')" if nan and self._nan(name) else f"{name} IS NULL"
        )

    def _nan(self, name: str) -> bool:
        try:
            self._ask(f"SELECT 1 FROM {self.name} WHERE {name} = 'NaN' LIMIT 1")
        except Unfit:
            return False
        return True

    def outside(self, column: str, low: object, high: object) -> Condition:
        name, bounds = self._column(column), ((low, "<"), (high, ">"))
        kind = self.types[column]
        for bound, _ in bounds:
            odd = isinstance(bound, str) is not (kind in ("text", "date", "datetime"))
            if bound is not None and odd and kind in ("text", "date", "datetime", "integer", "number"):
                raise Unfit(f'"{column}" is {kind}: it cannot be compared with {bound}')
        said = [(f"{name} {sign} {self._mark}", bound) for bound, sign in bounds if bound is not None]
        return Condition(f"({' OR '.join(text for text, _ in said)})", tuple(value for _, value in said))

    def unlisted(self, column: str, values: Sequence[object]) -> Condition:
        marks = ", ".join([self._mark] * len(values))
        return Condition(f"{self._column(column)} NOT IN ({marks})", tuple(values))

    def unlike(self, column: str, pattern: str) -> Condition:
        name = self._column(column)
        if self._driver == "sqlite3":
            raise Unfit("SQLite knows no regular expressions: write a check of your own as on_finish")
        if self._driver not in _LIKE:
            raise Unfit(f"regular expressions of {self._driver} are not known")
        text = _LIKE[self._driver].format(column=name, mark=self._mark)
        return Condition(f"NOT ({text})", (pattern if self._driver == "duckdb" else f"^({pattern})$",))

    def repeated(self, columns: Sequence[str]) -> Condition:
        names = [self._column(name) for name in columns]
        same = " AND ".join(f"twice_.{name} = {self.name}.{name}" for name in names)
        known = " AND ".join(f"{name} IS NOT NULL" for name in names)
        listed = ", ".join(names)
        inner = f"SELECT {listed} FROM {self.name} WHERE {known} GROUP BY {listed} HAVING count(*) > 1"
        return Condition(f"EXISTS (SELECT 1 FROM ({inner}) AS twice_ WHERE {same})")

    def orphans(self, columns: Sequence[str], other: SqlTable, keys: Sequence[str]) -> Condition:
        names = [self._column(name) for name in columns]
        pairs = zip(names, [other._column(key) for key in keys], strict=True)
        same = " AND ".join(f"keys_.{key} = {self.name}.{name}" for name, key in pairs)
        known = " AND ".join(f"{name} IS NOT NULL" for name in names)
        return Condition(f"{known} AND NOT EXISTS (SELECT 1 FROM {other.name} AS keys_ WHERE {same})")

    def count(self, mask: Condition) -> int:
        query = f"SELECT count(*) FROM {self.name} WHERE {mask.text}"
        return int(self._ask(query, mask.values)[0][0][0])

    def rows(self, mask: Condition, most: int) -> list[Json]:
        return self._first(f"WHERE {mask.text} LIMIT {most:d}", mask.values)

    def head(self, most: int) -> list[Json]:
        return self._first(f"LIMIT {most:d}", ())

    def _first(self, which: str, values: Sequence[object]) -> list[Json]:
        rows, columns = self._ask(f"SELECT * FROM {self.name} {which}", values)
        names = [column[0] for column in columns]
        return [{"values": dict(zip(names, map(as_json, row), strict=True))} for row in rows]

    def newest(self, column: str) -> object:
        found = self._ask(f"SELECT max({self._column(column)}) FROM {self.name}")[0][0][0]
        if found is None or isinstance(found, date):
            return found
        try:
            return datetime.fromisoformat(found)
        except (ValueError, TypeError) as error:
            raise Unfit(f'"{column}" holds {as_json(found)!r:.40}, and no time') from error

    def numbers(self, column: str) -> list[float] | None:
        name = self._column(column)
        if self.types[column] not in ("integer", "number"):
            return None
        total = self.count(Condition(f"{name} IS NOT NULL"))
        if not total:
            return []
        places = [round((total - 1) * step / 100) + 1 for step in range(101)]
        listed = ", ".join(map(str, sorted({*places})))
        rows, _ = self._ask(
            f"SELECT at_, value_ FROM (SELECT {name} AS value_, row_number() OVER (ORDER BY {name}) AS at_"
            f" FROM {self.name} WHERE {name} IS NOT NULL) AS ranked_ WHERE at_ IN ({listed})"
        )
        known = {int(at): float(value) for at, value in rows}
        return [known[at] for at in places]

    def frequencies(self, column: str, most: int) -> dict[str, int]:
        name = self._column(column)
        rows, _ = self._ask(
            f"SELECT {name}, count(*) FROM {self.name} WHERE {name} IS NOT NULL"
            f" GROUP BY {name} ORDER BY 2 DESC, 1 LIMIT {most:d}"
        )
        return {str(value): int(count) for value, count in rows}


def _word(declared: str) -> str:
    lower = declared.lower()
    return next((word for part, word in _TYPES if part in lower), lower or "any")
