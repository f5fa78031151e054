"""What pipeline.yaml may say, as frozen dataclasses; each mistake with its place and "did you mean".

``spec`` checks a document, whose placeholders ``expand`` has replaced, against the tables of ``dialect``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .dialect import CACHE, FILES, LATE_SOURCES, META, TASK, TOP, Key, as_bytes, as_tuple, is_text
from .document import Document, parse
from .errors import Place, SpecError, did_you_mean, raise_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .document import Path

__all__ = ["CACHE", "META", "TASK", "TOP", "Document", "Key", "Spec", "TaskSpec", "parse", "spec"]

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
    environment: str = "noted"
    cache: Mapping[str, Any] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


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
    cache = check.cache(said.get("cache", {}))
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
        preload if isinstance(preload, bool) else as_tuple(preload),
        said.get("strict", False),
        said.get("environment", "noted"),
        cache,
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

    def cache(self, said: Any) -> dict[str, Any]:
        """Return what is said of the cache, sizes in bytes; ``cache: false`` and ``cache: URL`` are short forms."""
        if not isinstance(said, dict):
            return {"enabled": said} if isinstance(said, bool) else {"url": said}
        found = self.keys(said, ("cache",), CACHE, '"cache"')
        return {name: as_bytes(it) if name in ("size", "largest") else it for name, it in found}

    def task(self, data: Any, path: Path, number: int, extract: bool) -> TaskSpec | None:
        document, where = self.document, self.document.place(*path)
        data = {"source": data} if is_text(data) else data
        if not isinstance(data, dict):
            self.wrong(f"a task is a mapping with a source, or a source, not {_found(data)}", where)
            return None
        called = next((data[k] for k in ("name", "source") if is_text(data.get(k))), None)
        owner = f"task {_quoted(called)}" if called else f"task {number + 1}"
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
        upstream = as_tuple(said["upstream"]) if "upstream" in said else ()
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
        if what := LATE_SOURCES.get(suffix):
            self.wrong(f"{owner}: {what} ({suffix}) are not supported yet as sources", where)
        elif kind == "PythonCallable" and ("/" in source or suffix in FILES):
            self.wrong(f'{owner} is a PythonCallable, but "{source}" is no function', where, _SOURCES)
        elif kind == "NotebookRunner" and source and "/" not in source and suffix not in FILES:
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
            if not is_text(value):
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


def _bare(value: Any, row: Key) -> bool:
    return row.expects.startswith(("text", "a path")) and isinstance(value, int | float)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # what is no line of its own is shown as \n


def _found(value: Any) -> str:
    """Say what a value is, in words a person uses."""
    match value:
        case None:
            return "nothing"
        case bool():
            return _plain(value)
        case str():
            return f"the text {_quoted(value[:40])}" if value else "an empty text"
        case int() | float():
            return f"the number {value}"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case dict():
            return "a mapping" if value else "an empty mapping"
        case _:
            return f"a {type(value).__name__}"
