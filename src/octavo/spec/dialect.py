"""The keys of pipeline.yaml: what each accepts, and whether it has an effect.

What the dialect knows is in these tables: a key that gains a meaning changes its row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


def _never(value: Any, siblings: Mapping[Any, Any]) -> bool:
    return False


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


# ── calls ───────────────────────────────────────────────────────────────────────────────────────────────


def is_dotted(value: Any) -> bool:
    """Return whether a text is the dotted path of a function: ``package.module.function``."""
    parts = value.split(".") if isinstance(value, str) else ()
    return len(parts) > 1 and all(part.isidentifier() for part in parts)


def is_call(value: Any) -> bool:
    """Return whether a value names a function: its dotted path, or a mapping of that and arguments."""
    if isinstance(value, dict):
        return is_call(value.get("dotted_path")) and all(isinstance(key, str) for key in value)
    return isinstance(value, str) and is_dotted(value.replace("::", ".", 1))


def as_call(value: Any) -> dict[str, Any]:
    """Return a call as a mapping of ``dotted_path`` and arguments, whichever way it was written."""
    if isinstance(value, str):
        value = {"dotted_path": value}
    return {**value, "dotted_path": value["dotted_path"].replace("::", ".", 1)}


def is_evaluated(value: Any) -> bool:
    """Return whether a parameter is a function's result: ``mod.sub::fn``, or a mapping with ``dotted_path``."""
    if isinstance(value, dict):
        return "dotted_path" in value
    module, colons, function = value.partition("::") if isinstance(value, str) else ("", "", "")
    return bool(colons) and function.isidentifier() and all(part.isidentifier() for part in module.split("."))


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Key:
    """A row: what a key expects, and how far this version goes with it.

    ``option``: keep the value under this name in ``TaskSpec.options``, as ``turn`` makes it. ``late``: a value that
    needs what is not built yet, so that going on would give a wrong result. ``known`` are the words it may be.
    ``note``: read, without any effect, and said so. ``null``: that it is null says something.
    """

    expects: str = "anything"
    fits: Callable[[Any], bool] = lambda value: True
    option: str = ""
    turn: Callable[[Any], Any] = lambda value: value
    late: Callable[[Any, Mapping[Any, Any]], bool] = _never
    known: tuple[str, ...] = ()
    note: bool = False
    null: bool = False


_FLAG, _TEXT = Key("true or false", _flag), Key("text", is_text)
_MAPPING = Key("a mapping", lambda value: isinstance(value, dict))
_NOTE = Key(note=True)
_CALLED = "a dotted path (package.module.function), or a mapping with one as dotted_path"
_CALL = Key(_CALLED, is_call, turn=as_call)
HOOKS = ("on_render", "on_finish", "on_failure")
SERIALIZERS = ("serializer", "unserializer")
_SIZE = Key('a size such as "20GB" or "500MB"', _size)


def _call(name: str) -> Key:
    return Key(_CALLED, is_call, option=name, turn=as_call)


def _settings(name: str) -> Key:
    return Key("a mapping", lambda value: isinstance(value, dict), option=name)


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
    "location": Key("a dotted path (package.module.function)", is_dotted),
    "clients": _MAPPING,
    **dict.fromkeys((*HOOKS, *SERIALIZERS), _CALL),
}

CACHE: Mapping[str, Key] = {"url": _TEXT, "size": _SIZE, "largest": _SIZE, "folder": _TEXT, "enabled": _FLAG}

META: Mapping[str, Key] = {
    "extract_upstream": _FLAG,
    "extract_product": _FLAG,
    "product_relative_to_source": _FLAG,
    "product_default_class": _MAPPING,
    "source_loader": _MAPPING,
    "import_tasks_from": _TEXT,
    "jupyter_hot_reload": _NOTE,
    "jupyter_functions_as_notebooks": _NOTE,
}

LOADER: Mapping[str, Key] = {"path": Key("a folder or a list of folders", _texts), "module": _TEXT}

#: What a class of the dialect is here.
CLASSES: Mapping[str, str] = {
    "NotebookRunner": "notebook",
    "PythonCallable": "function",
    "ScriptRunner": "script",
    "ShellScript": "shell",
    "SQLScript": "sql",
    "SQLDump": "dump",
    "SQLUpload": "upload",
    "SQLTransfer": "transfer",
    "PostgresCopyFrom": "copy_from",
    "DownloadFromURL": "download",
    "Link": "link",
    "Input": "link",
    "UploadToS3": "upload_s3",
}
KINDS: Mapping[str, str] = {kind: name for name, kind in CLASSES.items() if name != "Input"}
RELATIONS = ("SQLRelation", "SQLiteRelation", "PostgresRelation", "GenericSQLRelation")
PRODUCTS = ("File", *RELATIONS, "GenericProduct")
#: What kinds make that do not make files, if nobody says otherwise.
MAKERS: Mapping[str, str] = {
    "sql": "SQLRelation",
    "upload": "SQLRelation",
    "transfer": "SQLRelation",
    "copy_from": "PostgresRelation",
    "upload_s3": "GenericProduct",
}
TASK: Mapping[str, Key] = {
    "source": _TEXT,
    "name": Key("text in one line", _line),
    "product": Key("a path, a table ([schema, name, table]), or a mapping of names to these", _product),
    "params": _MAPPING,
    "grid": Key(
        "a mapping of names to lists of values, or a list of such mappings",
        lambda value: isinstance(value, dict) or (isinstance(value, list) and bool(value)),
    ),
    "upstream": Key("a task's name or a list of names", _texts),
    "inputs": Key("a path or a list of paths", _texts),
    "kernel": Key("text", is_text, option="kernel"),
    "kernelspec_name": Key("text", is_text, option="kernel"),
    "tags": Key("a word or a list of words", _texts, option="tags", turn=lambda value: as_tuple(value)),
    "timeout": Key("a number of seconds above 0", _seconds, option="timeout"),
    "cell_timeout": Key("a number of seconds above 0", _seconds, option="cell_timeout"),
    "memory": Key('a size such as "4GB" or "512MB"', _size, option="memory", turn=as_bytes),
    "retries": Key(
        "a whole number, 0 or more", lambda value: type(value) is int and value >= 0, option="retries"
    ),
    "class": Key("text", is_text, known=tuple(CLASSES)),
    "product_class": Key("text", is_text, known=PRODUCTS),
    "cache": Key("true or false", _flag, option="cache"),
    "local_execution": _FLAG,
    "nb_product_key": Key("a name or a list of names", _texts),
    **dict.fromkeys(("papermill_params", "executor_params"), _MAPPING),
    "nbconvert_exporter_name": Key(
        "a name, or a mapping of product names to them",
        lambda value: is_text(value) or isinstance(value, dict),
        option="nbconvert_exporter_name",
    ),
    "nbconvert_export_kwargs": _settings("nbconvert_export_kwargs"),
    **{name: _call(name) for name in ("client", "product_client", *HOOKS, *SERIALIZERS)},
    "io_handler": Key(
        "CSVIO, ParquetIO, or a dotted path", lambda value: is_text(value) or is_call(value), "io_handler"
    ),
    "chunksize": Key(
        "a whole number above 0, or null",
        lambda value: value is None or (type(value) is int and value > 0),
        option="chunksize",
        null=True,
    ),
    **{name: _settings(name) for name in ("to_sql_kwargs", "client_kwargs", "upload_file_kwargs")},
    "columns": Key("a list of names", _texts, option="columns"),
    "bucket": Key("text", is_text, option="bucket"),
    **dict.fromkeys(
        ("executor", "static_analysis", "debug_mode", "check_if_kernel_installed", "ext_in"), _NOTE
    ),
}

#: Keys that mean something to some kinds only.
HEEDED: Mapping[str, tuple[str, ...]] = {
    "chunksize": ("dump", "upload", "transfer"),
    "io_handler": ("dump", "upload", "copy_from"),
    "to_sql_kwargs": ("upload",),
    "columns": ("copy_from",),
    **dict.fromkeys(("bucket", "client_kwargs", "upload_file_kwargs"), ("upload_s3",)),
    **dict.fromkeys(("nbconvert_exporter_name", "nbconvert_export_kwargs", "cell_timeout"), ("notebook",)),
    **dict.fromkeys(SERIALIZERS, ("function",)),
}

FILES = (".py", ".ipynb", ".md", ".rmd", ".qmd", ".r", ".jl", ".sh", ".sql")


def kind_of(source: str, said: str | None, product: Any) -> str | None:
    """Return what a task is by its class, or by the end of its source; None where only the disk can tell."""
    if said is not None:
        return CLASSES.get(said)
    suffix = "." + source.rpartition(".")[2].lower()
    if suffix == ".sql":
        dumped = isinstance(product, str) and product.endswith((".csv", ".parquet"))
        return "dump" if dumped else "sql"
    return {".sh": "shell"}.get(suffix, "notebook" if suffix in FILES else None)


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────


def plain(value: Any) -> str:
    """Return a value as YAML would have it in a line."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def quoted(text: str) -> str:
    """Return a text in quotes, in one line."""
    return json.dumps(text, ensure_ascii=False)  # what is no line of its own is shown as \n


def found_as(value: Any) -> str:
    """Return what a value is, in plain words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return plain(value)
        case str():
            return f"the text {quoted(value[:40])}" if value else "an empty text"
        case int() | float():
            return f"the number {value}"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case dict():
            return "a mapping" if value else "an empty mapping"
        case _:
            return f"a {type(value).__name__}"
