"""The keys of pipeline.yaml: what each accepts, and which kinds of tasks heed it.

What the dialect knows is in these tables and in the rows of the kinds: a key that gains a meaning changes its row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from .. import kinds, plugins
from ..kinds.keys import (
    Key,
    Keys,
    as_bytes,
    as_marks,
    as_tuple,
    call,
    is_count,
    is_dotted,
    is_flag,
    is_line,
    is_mapping,
    is_marks,
    is_seconds,
    is_size,
    is_text,
    is_texts,
)


def _product(value: object) -> bool:
    return is_text(value) or (isinstance(value, dict | list) and bool(value))


_FLAG, _TEXT = Key("true or false", is_flag), Key("a string", is_text)
_MAPPING = Key("a mapping", is_mapping)
_EXECUTORS = ("local", "inline", "dask")
_NOTE = Key(note=True)
HOOKS = ("on_render", "on_finish", "on_failure")
SERIALIZERS = ("serializer", "unserializer")
_SIZE = Key('a size such as "20GB" or "500MB"', is_size)


_SECRET = Key("a name, a list of names, a mapping of names to true or false, or false", is_marks)


def _noted(instead: str) -> Key:
    return Key(note=True, instead=instead)


def _own(row: kinds.Row) -> Keys:
    return {name: replace(key, option=name) for name, key in row.keys.items()}


TOP: Mapping[str, Key] = {
    "tasks": Key("a list of tasks", lambda value: isinstance(value, list)),
    "meta": _MAPPING,
    "preload": Key("true, false or a list of module names", lambda value: is_flag(value) or is_texts(value)),
    "strict": _FLAG,
    "environment": Key(
        "strict, noted, or a file or folder that says what tasks need",
        lambda value: is_line(value),
    ),
    "cache": Key(
        "true, false, a URL, or a mapping",
        lambda value: is_flag(value) or is_text(value) or is_mapping(value),
    ),
    "lock": _FLAG,
    "schedule": Key(
        "an expression of cron, or a mapping", lambda it: is_line(it) or (is_mapping(it) and bool(it))
    ),
    "notify": Key("a list of mappings", lambda value: bool(value) and isinstance(value, list | dict)),
    "executor": Key(
        note=True,
        heeded=lambda value: (
            "name" in value if isinstance(value, dict) else value in ("serial", "parallel", *_EXECUTORS)
        ),
        instead='write "serial" for one task at a time, else as many run as there are processors',
    ),
    "config": _NOTE,
    "secret": _SECRET,
    "location": Key("a dotted path (package.module.function)", is_dotted),
    "clients": _MAPPING,
    **dict.fromkeys((*HOOKS, *SERIALIZERS), call()),
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

LOADER: Mapping[str, Key] = {"path": Key("a folder or a list of folders", is_texts), "module": _TEXT}

RELATIONS = ("SQLRelation", "SQLiteRelation", "PostgresRelation", "GenericSQLRelation")
PRODUCTS = ("File", *RELATIONS, "GenericProduct")
TASK: Mapping[str, Key] = {
    "source": _TEXT,
    "name": Key("a string on one line", is_line),
    "product": Key("a path, a table ([schema, name, table]), or a mapping of names to these", _product),
    "params": _MAPPING,
    "grid": Key(
        "a mapping of names to lists of values, or a list of such mappings",
        lambda value: isinstance(value, dict) or (isinstance(value, list) and bool(value)),
    ),
    "upstream": Key("a task's name or a list of names", is_texts),
    "inputs": Key("a path or a list of paths", is_texts),
    "kernel": Key("a string", is_text, option="kernel"),
    "environment": Key(
        "a file or folder that says what the task needs, or false",
        lambda value: value is False or is_line(value),
        option="environment",
    ),
    "kernelspec_name": Key("a string", is_text, option="kernel"),
    "tags": Key("a string or a list of strings", is_texts, option="tags", turn=lambda value: as_tuple(value)),
    "timeout": Key("a number of seconds above 0", is_seconds, option="timeout"),
    "memory": Key('a size such as "4GB" or "512MB"', is_size, option="memory", turn=as_bytes),
    "cpus": Key("a number above 0", is_seconds, option="cpus"),
    "gpus": Key("a whole number, 1 or more", is_count, option="gpus"),
    "engines": Key(
        "a mapping of engines to their own words, as slurm: --constraint=a100", is_mapping, option="engines"
    ),
    "retries": Key("a whole number, 0 or more", lambda value: is_count(value, 0), option="retries"),
    "class": Key("a string", is_text, known=tuple(kinds.CLASSES), others=lambda: plugins.brought("kinds")),
    "product_class": Key("a string", is_text, known=PRODUCTS),
    "cache": Key("true or false", is_flag, option="cache"),
    "secret": replace(_SECRET, option="secret", turn=as_marks),
    "checks": Key("a list of checks", lambda value: isinstance(value, list | dict) and bool(value)),
    "metrics": Key("a product's name or path, or a list of them", is_texts, option="metrics", turn=as_tuple),
    "local_execution": _FLAG,
    "nb_product_key": Key("a name or a list of names", is_texts),
    **dict.fromkeys(("papermill_params", "executor_params"), _MAPPING),
    **{name: call(name) for name in ("client", "product_client", *HOOKS)},
    **{name: key for row in kinds.ROWS.values() for name, key in _own(row).items()},
    **dict.fromkeys(
        ("executor", "static_analysis", "debug_mode", "check_if_kernel_installed", "ext_in"), _NOTE
    ),
}


_PRINTED = _noted("octavo log shows what notebooks print")
_TIMED = _noted("the executed notebook holds the time of each cell, octavo history those of the runs")
_SECONDS = "a number of seconds above 0"
#: What ``papermill_params`` and ``executor_params`` may hold: arguments of ``execute_notebook``, papermill's or
#: ploomber-engine's, and of nbclient.
EXECUTION: Mapping[str, Key] = {
    "cwd": Key("a folder", is_text, option="cwd"),
    "kernel_name": Key("text", is_text, option="kernel"),
    **dict.fromkeys(("execution_timeout", "timeout"), Key(_SECONDS, is_seconds, option="cell_timeout")),
    **dict.fromkeys(("start_timeout", "startup_timeout"), Key(_SECONDS, is_seconds, option="start_timeout")),
    "report_mode": Key("true or false", is_flag, option="report_mode"),
    "allow_errors": Key("true or false", is_flag, option="allow_errors"),
    **dict.fromkeys(("log_output", "stdout_file", "stderr_file"), _PRINTED),
    **dict.fromkeys(("profile_runtime", "profile_memory", "save_profiling_data"), _TIMED),
    **dict.fromkeys(("progress_bar", "verbose"), _noted("octavo build shows progress")),
    **dict.fromkeys(
        ("autosave_cell_every", "request_save_on_cell_execute"),
        _noted("the executed notebook is written while it runs"),
    ),
    "engine_name": _noted("octavo runs the cells itself"),
    "debug_later": _noted("octavo build --hold keeps the kernel of a failed task"),
    "language": _noted('the key "kernel" of the task chooses its kernel'),
    "nest_asyncio": _NOTE,
}
#: And what it may not, for the results would be others.
REFUSED: Mapping[str, str] = {
    "prepare_only": "octavo runs what it builds: leave the task out to have it not run",
    "remove_tagged_cells": "octavo runs all cells: take these out of the source",
    "parameters": 'write them as the key "params" of the task',
}

#: Ends of files that are sources.
FILES = tuple(suffix for row in kinds.ROWS.values() for suffix in row.suffixes)


def keys_of(kind: str) -> Keys:
    """Return the keys that a task of a kind of another package may have."""
    return {**TASK, **_own(kinds.row(kind))}


def kind_of(source: str, word: str | None, product: object) -> str | None:
    """Return the kind of a task by its class or its source's extension; None where only the disk can tell."""
    if word is not None:
        return kinds.CLASSES[word]
    return kinds.claiming("." + source.rpartition(".")[2].lower(), product)


def heeded(key: str, kind: str) -> bool:
    """Return whether a key has an effect on tasks of a kind; most have one on all."""
    return key in kinds.row(kind).keys or not any(key in row.keys for row in kinds.ROWS.values())


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────


def plain(value: object) -> str:
    """Return a value as YAML would have it in a line."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def quoted(text: str) -> str:
    """Return a text in quotes, in one line."""
    return json.dumps(text, ensure_ascii=False)  # what is no line of its own is shown as \n


def found_as(value: object) -> str:
    """Return what a value is, in plain words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return plain(value)
        case str():
            return f"the string {quoted(value[:40])}" if value else "an empty string"
        case int() | float():
            return f"the number {value}"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case dict():
            return "a mapping" if value else "an empty mapping"
        case _:
            return f"a {type(value).__name__}"
