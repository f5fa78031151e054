"""Values of requests: JSON as what tasks get, checked against what they got when they were built, and back again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time

from .. import plugins
from ..dataclass import dataclass
from ..errors import Error, ParameterError
from ..model import Json

_WORDS = {
    "number": "a number",
    "integer": "a whole number",
    "text": "a text",
    "truth": "true or false",
    "time": "a time",
    "list": "a list",
    "object": "an object",
}
#: Whole numbers that a column can hold.
_LARGEST = 1 << 63


@dataclass(frozen=True, slots=True)
class Expected:
    """What a task is given. ``kind`` is rows of a table, which ``library`` makes, a word of ``_WORDS``, or any.

    ``columns`` are the types in rows, or what is known of those in an object; None where nothing is.
    """

    kind: str = "any"
    columns: Mapping[str, str] | None = None
    library: str = ""

    def plain(self) -> Json:
        """Return it as plain values."""
        columns = dict(self.columns) if self.columns is not None else None
        return {"kind": self.kind, "columns": columns, "library": self.library}


def shape(value: object) -> Expected:
    """Return what a value is like that tasks got when the pipeline was built."""
    library = type(value).__module__.partition(".")[0]
    if library in ("pandas", "polars") and type(value).__name__ == "DataFrame":
        kinds: Mapping[object, object] = getattr(value, "schema", None) or dict(getattr(value, "dtypes", {}))
        columns = {str(name): _type(str(kind)) for name, kind in kinds.items()}
        # an index without a name, as read_csv brings back what to_csv has written of it: no request has that
        return Expected(
            "rows", {name: it for name, it in columns.items() if not name.startswith("Unnamed: ")}, library
        )
    if isinstance(value, Mapping):
        return Expected("object", {str(name): _kind(inner) for name, inner in value.items()})
    return Expected(_kind(value))


def _type(kind: str) -> str:
    """Return the type of a column in a word of ``_WORDS``; "any" for what JSON has in several ways."""
    kind = kind.lower()
    for word, starts in (
        ("integer", ("int", "uint")),
        ("number", ("float",)),
        ("truth", ("bool",)),
        ("time", ("datetime",)),
        ("text", ("str", "object")),
    ):
        if kind.startswith(starts):
            return word
    return "any"


def _kind(value: object) -> str:
    """Return a word for a value of JSON; "any" for null, and for what is none."""
    match value:
        case bool():
            return "truth"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list() | tuple():
            return "list"
        case Mapping():
            return "object"
        case _:
            return "any"


def value(said: object, name: str, wanted: Expected) -> object:
    """Return what a task gets for what a request says of it. Raises ParameterError with words for whoever asks."""
    if wanted.kind == "rows":
        return _frame(said, name, wanted)
    _check(said, wanted.kind, f'"{name}"')
    if isinstance(said, dict) and wanted.columns:
        for key in said.keys() & wanted.columns.keys():
            _check(said[key], wanted.columns[key], f'"{name}": {key}')
    return said


def _frame(said: object, name: str, wanted: Expected) -> object:
    rows = said if isinstance(said, list) else [said]
    if not rows:
        raise ParameterError(f'"{name}" has no rows')
    columns: dict[str, list[object]] = {}
    names = [*wanted.columns] if wanted.columns is not None else None
    kinds = wanted.columns or {}
    for number, row in enumerate(rows, 1):
        where = f'"{name}"' if len(rows) == 1 else f'"{name}", row {number}'
        if not isinstance(row, dict):
            raise ParameterError(f"{where} must be an object with columns, not {_found(row)}")
        names = [*row] if names is None else names
        if lacking := [one for one in names if one not in row]:
            raise ParameterError(f"{where} lacks {', '.join(lacking)}")
        if len(row) != len(names):
            raise ParameterError(f"{where} has {_more(row, names)}, and no such column is known")
        for one in names:
            kind = kinds.get(one, "any")
            _check(row[one], kind, f"{where}: {one}")
            columns.setdefault(one, []).append(_cell(row[one], kind))
    return plugins.load(wanted.library or "pandas").DataFrame(columns)


def _cell(found: object, kind: str) -> object:
    if kind == "number" and isinstance(found, int):
        return float(found)
    return datetime.fromisoformat(found) if kind == "time" and isinstance(found, str) else found


def _more(row: Json, names: Sequence[str]) -> str:
    return ", ".join(one for one in row if one not in names)


def _check(found: object, kind: str, where: str) -> None:
    """Raise what is wrong with one value. Text, numbers and times may lack, as they may in a table."""
    good = {
        "any": True,
        "text": isinstance(found, str) or found is None,
        "truth": isinstance(found, bool),
        "number": (isinstance(found, int | float) and not isinstance(found, bool)) or found is None,
        "integer": isinstance(found, int) and not isinstance(found, bool) and -_LARGEST <= found < _LARGEST,
        "time": _is_time(found),
        "list": isinstance(found, list),
        "object": isinstance(found, dict),
    }[kind]
    if not good:
        raise ParameterError(f"{where} must be {_WORDS[kind]}, not {_found(found)}")


def _is_time(found: object) -> bool:
    try:
        return found is None or bool(datetime.fromisoformat(str(found)))
    except ValueError:
        return False


def _found(found: object) -> str:
    match found:
        case None:
            return "null"
        case bool():
            return str(found).lower()
        case str():
            return f'the text "{found[:40]}"'
        case int() | float():
            return f"the number {found:.10g}" if isinstance(found, float) else f"the number {str(found)[:40]}"
        case list():
            return "a list"
        case _:
            return "an object"


def answer(found: object) -> object:
    """Return a value as JSON has it: tables are lists of rows, arrays lists, what is no number null."""
    match found:
        case None | bool() | int() | str():
            return found
        case float():
            return found if math.isfinite(found) else None
        case datetime() | date() | time():
            return found.isoformat()
        case Mapping():
            return {str(key): answer(inner) for key, inner in found.items()}
        case list() | tuple() | set() | frozenset():
            return [answer(inner) for inner in found]
        case _:
            pass
    for name, arguments in (
        ("to_dicts", ()),
        ("to_dict", ("records",)),
        ("tolist", ()),
        ("to_list", ()),
        ("item", ()),
    ):
        if name == "to_dict" and not hasattr(found, "columns"):
            continue
        if callable(method := getattr(found, name, None)):
            return answer(method(*arguments))
    raise Error(f"the answer is a {type(found).__name__}, which JSON has no way to say")
