"""The keys that pipeline.yaml may have: what each expects, and how far this version goes with it.

What the dialect knows is in these tables: a key that gains a meaning changes its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _never(value: Any, siblings: Mapping[Any, Any]) -> bool:
    return False


def _unless(*harmless: Any) -> Callable[[Any, Mapping[Any, Any]], bool]:
    """Tell of a value whether it is none of these."""
    return lambda value, siblings: value not in harmless


def _inside(*harmless: Any) -> Callable[[Any, Mapping[Any, Any]], bool]:
    """Tell of a mapping whether it has other values: ``clients: {SQLScript: null}`` asks for nothing."""
    return lambda value, siblings: (
        not isinstance(value, dict) or any(v not in harmless for v in value.values())
    )


def _moves(value: Any, siblings: Mapping[Any, Any]) -> bool:
    return isinstance(value, dict) and value.get("cwd") is not None


def _converts(value: Any, siblings: Mapping[Any, Any]) -> bool:
    """Tell whether an exporter has work to do: a product that stays an .ipynb is exported by nobody."""
    product = siblings.get("product")
    report = product.get("nb") if isinstance(product, dict) else product
    return not (isinstance(report, str) and report.endswith(".ipynb"))


def _relation(value: Any, siblings: Mapping[Any, Any]) -> bool:
    """Tell whether a product is a table in a database: ``[schema, name, kind]``."""
    return any(isinstance(v, list) for v in (value.values() if isinstance(value, dict) else (value,)))


def is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _line(value: Any) -> bool:
    return is_text(value) and value.isprintable()


def _texts(value: Any) -> bool:
    return is_text(value) or (isinstance(value, list) and all(map(is_text, value)))


def _product(value: Any) -> bool:
    return is_text(value) or (isinstance(value, dict | list) and bool(value))


def _seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _size(value: Any) -> bool:
    return as_bytes(value) > 0


def as_bytes(value: Any) -> int:
    """Return a size in bytes; 0 for what is none. The units are powers of 1024, as systems count memory."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = value.strip().upper().removesuffix("B").removesuffix("I") if isinstance(value, str) else ""
    factor = 1024 ** (" KMGT".index(text[-1]) if text[-1:] and text[-1] in "KMGT" else 0)
    try:
        return int(float(text.rstrip("KMGT").strip()) * factor)
    except (ValueError, OverflowError):
        return 0


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def as_tuple(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@dataclass(frozen=True, slots=True)
class Key:
    """A row: what a key expects, and how far this version goes with it.

    ``option``: keep the value under this name in ``TaskSpec.options``, as ``turn`` makes it. ``late``: a value that
    needs what is not built yet, so that going on would give a wrong result; ``known`` are the words it may be.
    ``note``: read, without any effect, and said so.
    """

    expects: str = "anything"
    fits: Callable[[Any], bool] = lambda value: True
    option: str = ""
    turn: Callable[[Any], Any] = lambda value: value
    late: Callable[[Any, Mapping[Any, Any]], bool] = _never
    known: tuple[str, ...] = ()
    note: bool = False


_FLAG, _TEXT = Key("true or false", _flag), Key("text", is_text)
_MAPPING = Key("a mapping", lambda value: isinstance(value, dict))
_LATER, _NOTE = Key(late=_unless()), Key(note=True)
_HOOKS = dict.fromkeys(("on_render", "on_finish", "on_failure", "serializer", "unserializer"), _LATER)
_EXPORT = Key(late=_converts, note=True)

TOP: Mapping[str, Key] = {
    "tasks": Key("a list of tasks", lambda value: isinstance(value, list)),
    "meta": _MAPPING,
    "preload": Key("true, false or a list of module names", lambda value: _flag(value) or _texts(value)),
    "strict": _FLAG,
    "environment": Key("strict or noted", lambda value: value in ("strict", "noted")),
    "cache": Key(
        "true, false, a URL, or a mapping",
        lambda value: _flag(value) or is_text(value) or isinstance(value, dict),
    ),
    **dict.fromkeys(("executor", "config"), _NOTE),
    "location": _LATER,
    "clients": Key(late=_inside(None)),
    **_HOOKS,
}

_SIZE = Key('a size such as "20GB" or "500MB"', _size)

CACHE: Mapping[str, Key] = {"url": _TEXT, "size": _SIZE, "largest": _SIZE, "folder": _TEXT, "enabled": _FLAG}

META: Mapping[str, Key] = {
    "extract_upstream": _FLAG,
    "extract_product": _FLAG,
    "product_relative_to_source": _FLAG,
    "product_default_class": Key(late=_inside("File", None)),
    "source_loader": _LATER,
    "import_tasks_from": _LATER,
    "jupyter_hot_reload": _NOTE,
    "jupyter_functions_as_notebooks": _NOTE,
}

_CLASSES = (
    *("NotebookRunner", "PythonCallable", "ScriptRunner", "ShellScript", "SQLScript", "SQLDump"),
    *("SQLTransfer", "SQLUpload", "PostgresCopyFrom", "DownloadFromURL", "Link", "Input", "UploadToS3"),
)
_RELATIONS = ("SQLRelation", "SQLiteRelation", "PostgresRelation", "GenericProduct", "GenericSQLRelation")

TASK: Mapping[str, Key] = {
    "source": _TEXT,
    "name": Key("text in one line", _line),
    "product": Key("a path, or a mapping of names to paths", _product, late=_relation),
    "params": _MAPPING,
    "upstream": Key("a task's name or a list of names", _texts),
    "kernel": Key("text", is_text, option="kernel"),
    "kernelspec_name": Key("text", is_text, option="kernel"),
    "tags": Key("a word or a list of words", _texts, option="tags", turn=lambda value: as_tuple(value)),
    "timeout": Key("a number of seconds above 0", _seconds, option="timeout"),
    "cell_timeout": Key("a number of seconds above 0", _seconds, option="cell_timeout"),
    "memory": Key('a size such as "4GB" or "512MB"', _size, option="memory", turn=as_bytes),
    "retries": Key(
        "a whole number, 0 or more", lambda value: type(value) is int and value >= 0, option="retries"
    ),
    "class": Key("text", is_text, late=_unless("NotebookRunner", "PythonCallable"), known=_CLASSES),
    "product_class": Key("text", is_text, late=_unless("File"), known=("File", *_RELATIONS)),
    "cache": Key("true or false", _flag, option="cache"),
    "local_execution": Key("true or false", _flag, late=_unless(False)),
    "nb_product_key": Key(late=_unless("nb")),
    "papermill_params": Key(late=_moves, note=True),
    "executor_params": Key(late=_moves, note=True),
    "nbconvert_exporter_name": _EXPORT,
    "nbconvert_export_kwargs": _EXPORT,
    **_HOOKS,
    **dict.fromkeys(("executor", "static_analysis", "debug_mode", "check_if_kernel_installed"), _NOTE),
    **dict.fromkeys(("grid", "client", "product_client", "ext_in", "chunksize", "io_handler"), _LATER),
    **dict.fromkeys(("to_sql_kwargs", "columns", "bucket", "client_kwargs", "upload_file_kwargs"), _LATER),
}

LATE_SOURCES = {
    ".sql": "SQL scripts",
    ".sh": "shell scripts",
    ".csv": "data files",
    ".parquet": "data files",
}
FILES = (".py", ".ipynb", ".md", ".rmd", ".qmd", ".r", ".jl", ".sh", ".sql")
