"""What pipeline.yaml may say, as frozen dataclasses; each mistake with its place and "did you mean".

``spec`` checks a document, whose placeholders ``expand`` has replaced, against the tables of keys. What the
dialect knows is in the tables: a key that gains a meaning changes its row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .document import Document, parse
from .errors import Place, SpecError, did_you_mean, raise_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .document import Path

__all__ = ["META", "TASK", "TOP", "Document", "Key", "Spec", "TaskSpec", "parse", "spec"]

# ── what a spec says ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task as the file states it; what is None was not said and may be told by the source.

    ``upstream`` is what the task must wait for, whatever its code says: the spec wins over the source.
    ``options`` holds how to run it: "kernel", "tags", "timeout", "retries". ``places`` has the place of each
    value: "name", "product", "product.data", "params.n", "upstream".
    """

    source: str
    where: Place
    name: str | None = None
    product: str | Mapping[str, str] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    upstream: tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spec:
    """A pipeline file without mistakes of its own; ``ignored`` are notes on keys that change nothing here."""

    path: str
    tasks: tuple[TaskSpec, ...]
    extract_upstream: bool = True
    extract_product: bool = False
    product_relative_to_source: bool = False
    preload: bool | tuple[str, ...] = True
    strict: bool = False
    ignored: tuple[str, ...] = ()


# ── the tables of keys ──────────────────────────────────────────────────────────────────────────────────


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


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _texts(value: Any) -> bool:
    return _text(value) or (isinstance(value, list) and all(map(_text, value)))


def _product(value: Any) -> bool:
    return _text(value) or (isinstance(value, dict | list) and bool(value))


def _seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _size(value: Any) -> bool:
    return _bytes(value) > 0


def _bytes(value: Any) -> int:
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


@dataclass(frozen=True, slots=True)
class Key:
    """A row: what a key expects, and how far this version goes with it.

    ``option``: keep the value under this name in ``TaskSpec.options``, as ``turn`` makes it. ``late``: a value that needs what is
    not built yet, so that going on would give a wrong result; ``known`` are the words it may be. ``note``:
    read, without any effect, and said so.
    """

    expects: str = "anything"
    fits: Callable[[Any], bool] = lambda value: True
    option: str = ""
    turn: Callable[[Any], Any] = lambda value: value
    late: Callable[[Any, Mapping[Any, Any]], bool] = _never
    known: tuple[str, ...] = ()
    note: bool = False


_FLAG, _TEXT = Key("true or false", _flag), Key("text", _text)
_MAPPING = Key("a mapping", lambda value: isinstance(value, dict))
_LATER, _NOTE = Key(late=_unless()), Key(note=True)
_HOOKS = dict.fromkeys(("on_render", "on_finish", "on_failure", "serializer", "unserializer"), _LATER)
_EXPORT = Key(late=_converts, note=True)

TOP: Mapping[str, Key] = {
    "tasks": Key("a list of tasks", lambda value: isinstance(value, list)),
    "meta": _MAPPING,
    "preload": Key("true, false or a list of module names", lambda value: _flag(value) or _texts(value)),
    "strict": _FLAG,
    **dict.fromkeys(("executor", "config"), _NOTE),
    "location": _LATER,
    "clients": Key(late=_inside(None)),
    **_HOOKS,
}

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
    "name": _TEXT,
    "product": Key("a path, or a mapping of names to paths", _product, late=_relation),
    "params": _MAPPING,
    "upstream": Key("a task's name or a list of names", _texts),
    "kernel": Key("text", _text, option="kernel"),
    "kernelspec_name": Key("text", _text, option="kernel"),
    "tags": Key("a word or a list of words", _texts, option="tags", turn=lambda value: _tuple(value)),
    "timeout": Key("a number of seconds above 0", _seconds, option="timeout"),
    "cell_timeout": Key("a number of seconds above 0", _seconds, option="cell_timeout"),
    "memory": Key('a size such as "4GB" or "512MB"', _size, option="memory", turn=_bytes),
    "retries": Key(
        "a whole number, 0 or more", lambda value: type(value) is int and value >= 0, option="retries"
    ),
    "class": Key("text", _text, late=_unless("NotebookRunner", "PythonCallable"), known=_CLASSES),
    "product_class": Key("text", _text, late=_unless("File"), known=("File", *_RELATIONS)),
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

_LATE_SOURCES = {
    ".sql": "SQL scripts",
    ".sh": "shell scripts",
    ".csv": "data files",
    ".parquet": "data files",
}
_FILES = (".py", ".ipynb", ".md", ".rmd", ".qmd", ".r", ".jl", ".sh", ".sql")

# ── checking ────────────────────────────────────────────────────────────────────────────────────────────


def spec(document: Document) -> Spec:
    """Check a document and return what it says; raise all its mistakes together, in the order of the file.

    The top is a mapping with ``tasks``, or just the list of tasks; a task that is a text is a source.
    """
    check = _Check(document)
    bare = isinstance(document.data, list)
    top = {"tasks": document.data} if bare else document.data
    if not isinstance(top, dict):
        what = "empty" if top is None else f"no pipeline: it holds {_found(top)}"
        raise SpecError(f"this file is {what}", document.place(), _START)
    if "tasks" not in top and "location" not in top:
        if not did_you_mean("tasks", (key for key in top if key not in TOP)):  # else said of that key
            check.wrong("this pipeline has no tasks", document.place(), _START)
    elif top.get("tasks", ()) is None:
        check.wrong('"tasks" is empty', document.key("tasks"), _START)
    said = dict(check.keys(top, (), TOP, "the pipeline"))
    meta = dict(check.keys(said.get("meta", {}), ("meta",), META, '"meta"'))
    extract, base = meta.get("extract_upstream", True), () if bare else ("tasks",)
    found = [check.task(data, (*base, n), n, extract) for n, data in enumerate(said.get("tasks", ()))]
    raise_all(check.sorted(), f"{document.path} has mistakes")
    preload = said.get("preload", True)
    return Spec(
        document.path,
        tuple(task for task in found if task),
        extract,
        meta.get("extract_product", False),
        meta.get("product_relative_to_source", False),
        preload if isinstance(preload, bool) else _tuple(preload),
        said.get("strict", False),
        tuple(
            f'{place}: "{key}" has no effect in this version' + (f" (in {count} places)" if count > 1 else "")
            for key, (place, count) in check.notes.items()
        ),
    )


_START = 'a pipeline begins with "tasks:", and each task has a source and a product'


class _Check:
    """One pass over a document: collects the mistakes, and notes on keys that have no effect."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.mistakes = list(document.mistakes)
        self.unfilled = {mistake.where for mistake in document.mistakes}
        self.notes: dict[str, tuple[Place, int]] = {}

    def wrong(self, message: str, where: Place, hint: str | None = None) -> None:
        if where not in self.unfilled:  # a value whose placeholder has no value cannot be judged
            self.mistakes.append(SpecError(message, where, hint))

    def sorted(self) -> list[SpecError]:
        return sorted(self.mistakes, key=lambda m: (m.where.line, m.where.column) if m.where else (0, 0))

    def keys(
        self, data: Mapping[Any, Any], path: Path, table: Mapping[str, Key], owner: str
    ) -> Iterator[tuple[str, Any]]:
        """Yield the keys and values that are right and to be acted on; a value of null was not said."""
        for name, value in data.items():
            row = table.get(name)
            if row is None:
                unread = (key for key in table if key not in data)
                hint = did_you_mean(name, unread) if isinstance(name, str) else _WORDS
                self.wrong(f'{owner} has no key "{_plain(name)}"', self.document.key(*path, name), hint)
            elif value is None:
                continue
            elif not row.fits(value):
                where = self.document.place(*path, name)
                hint = f'write it in quotes: "{_plain(value)}"' if _bare(value, row) else None
                self.wrong(f'{owner}: "{name}" should be {row.expects}, not {_found(value)}', where, hint)
            elif row.late(value, data):
                if row.known and value not in row.known:
                    hint = did_you_mean(value, row.known)
                    self.wrong(
                        f'{owner}: there is no {name} "{value}"', self.document.place(*path, name), hint
                    )
                else:
                    what = f"{name}: {_plain(value)}" if isinstance(value, str | int) else name
                    self.wrong(f'{owner}: "{what}" is not supported yet', self.document.key(*path, name))
            elif row.note:
                first, count = self.notes.get(name, (self.document.key(*path, name), 0))
                self.notes[name] = (first, count + 1)
            else:
                yield name, value

    def task(self, data: Any, path: Path, number: int, extract: bool) -> TaskSpec | None:
        document, where = self.document, self.document.place(*path)
        data = {"source": data} if _text(data) else data
        if not isinstance(data, dict):
            self.wrong(f"a task is a mapping with a source, or a source, not {_found(data)}", where)
            return None
        called = next((data[k] for k in ("name", "source") if _text(data.get(k))), None)
        owner = f'task "{called}"' if called else f"task {number + 1}"
        said = dict(self.keys(data, path, TASK, owner))
        if data.get("source") is None:
            self.wrong(f"{owner} has no source", where, _SOURCES)
        self.source(said.get("source", ""), data.get("class"), owner, path)
        self.inner(said, path, owner)
        options: dict[str, Any] = {}
        for name, value in said.items():
            if option := TASK[name].option:
                if option in options:
                    self.wrong(f"{owner}: the {option} is given twice", document.key(*path, name))
                options[option] = TASK[name].turn(value)
        # Ploomber reads the code even if the spec says "upstream: []", unless it is told not to.
        upstream = _tuple(said["upstream"]) if "upstream" in said else ()
        return TaskSpec(
            said.get("source", ""),
            where,
            said.get("name"),
            said.get("product"),
            said.get("params", {}),
            upstream if upstream or not extract else None,
            options,
            dict(self.places(said, path)),
        )

    def source(self, source: str, kind: str | None, owner: str, path: Path) -> None:
        where, suffix = self.document.place(*path, "source"), "." + source.rpartition(".")[2].lower()
        if what := _LATE_SOURCES.get(suffix):
            self.wrong(f"{owner}: {what} ({suffix}) are not supported yet as sources", where)
        elif kind == "PythonCallable" and ("/" in source or suffix in _FILES):
            self.wrong(f'{owner} is a PythonCallable, but "{source}" is no function', where, _SOURCES)
        elif kind == "NotebookRunner" and source and "/" not in source and suffix not in _FILES:
            self.wrong(f'{owner} is a NotebookRunner, but "{source}" is no notebook', where, _SOURCES)

    def inner(self, said: Mapping[str, Any], path: Path, owner: str) -> None:
        """Check the values in ``product`` and ``params``."""
        product, params = said.get("product"), said.get("params", {})
        for section, table in (("product", product if isinstance(product, dict) else {}), ("params", params)):
            for name in table:
                if not isinstance(name, str):
                    where = self.document.key(*path, section, name)
                    message = f'{owner}: a name in "{section}" should be text, not {_found(name)}'
                    self.wrong(message, where, _WORDS)
        for name, value in product.items() if isinstance(product, dict) else ():
            if not _text(value):
                where = self.document.place(*path, "product", name)
                self.wrong(f'{owner}: "product.{name}" should be a path, not {_found(value)}', where)
        for name, value in params.items():
            where = self.document.key(*path, "params", name)
            if name in ("upstream", "product"):
                hint = f'quire sets "{name}" itself: write it as a key of the task'
                self.wrong(f'{owner}: no parameter may be called "{name}"', where, hint)
            elif name == "resources_" or _called(value):
                what = name if name == "resources_" else "a function's result as a parameter"
                self.wrong(f'{owner}: {what} ("params.{name}") is not supported yet', where)

    def places(self, said: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Place]]:
        for name, value in said.items():
            yield name, self.document.place(*path, name)
            if name in ("product", "params") and isinstance(value, dict):
                for inner in value:
                    yield f"{name}.{inner}", self.document.place(*path, name, inner)


_SOURCES = 'a source is a file ("source: fit.py") or a function ("source: package.module.function")'
_WORDS = "YAML reads on, off, yes, no and numbers as values: write a name in quotes"


def _called(value: Any) -> bool:
    """Tell whether a parameter is a function's result: ``mod.sub::fn``, or a mapping with ``dotted_path``."""
    if isinstance(value, dict):
        return "dotted_path" in value
    module, colons, function = value.partition("::") if isinstance(value, str) else ("", "", "")
    return bool(colons) and function.isidentifier() and all(part.isidentifier() for part in module.split("."))


def _tuple(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _bare(value: Any, row: Key) -> bool:
    return row.expects.startswith(("text", "a path")) and isinstance(value, int | float)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _found(value: Any) -> str:
    """Say what a value is, in words a person uses."""
    match value:
        case None:
            return "nothing"
        case bool():
            return _plain(value)
        case str():
            return f'the text "{value[:40]}"' if value else "an empty text"
        case int() | float():
            return f"the number {value}"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case dict():
            return "a mapping" if value else "an empty mapping"
        case _:
            return f"a {type(value).__name__}"
