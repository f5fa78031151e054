"""Check pipeline.yaml and turn it into dataclasses; every error with its place and "did you mean".

``spec`` checks a document, whose placeholders ``expand`` has replaced, against the tables of ``dialect``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .. import kinds
from ..errors import Error, Place, SpecError, raise_all
from ..hints import did_you_mean
from ..kinds.keys import CALLED, Key, Keys, as_bytes, as_call, as_marks, as_tuple, is_call, is_text
from ..lazy import lazy_imports
from ..model import Json
from . import notices, placing, timetable
from .dialect import (
    CACHE,
    EXECUTION,
    FILES,
    HOOKS,
    LOADER,
    META,
    PRODUCTS,
    REFUSED,
    SERIALIZERS,
    TASK,
    TOP,
    found_as,
    keys_of,
    kind_of,
    plain,
    quoted,
)
from .document import Document, parse
from .stated import Spec, TaskSpec, Unheeded

with lazy_imports():
    from . import quality

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .document import Path, Table

__all__ = ["CACHE", "META", "TASK", "TOP", "Document", "Key", "Spec", "TaskSpec", "parse", "spec"]

# ── checking ────────────────────────────────────────────────────────────────────────────────────────────


def spec(
    document: Document,
    imported: tuple[str, Document] | None = None,
    errors: list[Error] | None = None,
) -> Spec:
    """Check a document and return what it says; raise all its mistakes together, in the order of the file.

    The top is a mapping with ``tasks``, or just the list of tasks; a task that is a text is a source. ``imported``
    are the tasks of ``meta.import_tasks_from``, below the folder that their sources count from. With a list of
    ``errors`` mistakes are added to it instead, and tasks that have one, or that one is about, are ``broken``.
    """
    check = _Check(document)
    settings = check.top()
    meta = dict(check.keys(settings.get("meta", {}), ("meta",), META, '"meta"'))
    way = ("meta", "source_loader")
    loader = dict(check.keys(meta.get("source_loader", {}), way, LOADER, '"source_loader"'))
    cache = check.cache(settings.get("cache", {}))
    clients = check.classes(settings.get("clients", {}), ("clients",), (*kinds.CLASSES, *PRODUCTS))
    way = ("meta", "product_default_class")
    makers = check.classes(meta.get("product_default_class", {}), way, tuple(kinds.CLASSES))
    around = {name: look(check, settings[name]) for name, look in _AROUND.items() if name in settings}
    tasks, mistakes = _tasks(check, settings, meta, imported)
    if errors is None:
        raise_all(mistakes, f"errors in {document.path}")
    else:
        errors += mistakes
    preload = settings.get("preload", True)
    return Spec(
        document.path,
        tasks,
        meta.get("extract_upstream", True),
        meta.get("extract_product", False),
        meta.get("product_relative_to_source", False),
        preload if isinstance(preload, bool) else as_tuple(preload),
        settings.get("strict", False),
        settings.get("environment", "noted"),
        cache,
        tuple(note.text(key) for key, note in sorted(check.notes.items(), key=lambda item: item[1].order)),
        settings.get("location"),
        {name: as_call(call) for name, call in clients.items()},
        makers,
        {name: as_call(settings[name]) for name in HOOKS if name in settings},
        {name: as_call(settings[name]) for name in SERIALIZERS if name in settings},
        loader,
        settings.get("executor") == "serial",
        as_marks(settings.get("secret", [])),
        settings.get("lock", False),
        {name: found for name, found in around.items() if found},
    )


def _tasks(
    check: _Check, settings: Json, meta: Json, imported: tuple[str, Document] | None
) -> tuple[tuple[TaskSpec, ...], list[SpecError]]:
    """Return the tasks, those of another file too, and all the mistakes, file by file."""
    document, extract = check.document, meta.get("extract_upstream", True)
    if "location" in settings and (settings.keys() & {"tasks", *_ELSEWHERE} or meta):
        hint = f"{settings['location']} makes the whole pipeline: remove the other keys"
        message = '"location" cannot be combined with tasks and their settings'
        check.wrong(message, document.key("location"), hint)
    whole = len(check.mistakes) == len(document.mistakes)
    base = () if isinstance(document.data, list) else ("tasks",)
    tasks = [check.task(data, (*base, n), n, extract) for n, data in enumerate(settings.get("tasks", ()))]
    mistakes = check.sorted()
    if imported is not None:
        other = _Check(imported[1], check.notes)
        tasks += other.tasks(imported[0], extract)
        mistakes += other.sorted()
    return tuple(task if whole else replace(task, broken=True) for task in tasks if task), mistakes


#: What is about all builds, and who checks it.
_AROUND = {"notify": notices.checked, "schedule": timetable.checked, "executor": placing.checked}
#: Keys of the top that a pipeline from elsewhere says itself.
_ELSEWHERE = (*HOOKS, *SERIALIZERS, "clients")
_START = 'a pipeline starts with "tasks:"; each task has a source and a product'


class _Check:
    """One pass over a document: collects the mistakes, and notes on keys that have no effect."""

    def __init__(self, document: Document, notes: dict[str, Unheeded] | None = None) -> None:
        self.document = document
        self.mistakes = list(document.mistakes)
        self.unfilled = {mistake.where for mistake in document.mistakes}
        self.notes: dict[str, Unheeded] = {} if notes is None else notes

    def wrong(self, message: str, where: Place, hint: str | None = None) -> None:
        if where not in self.unfilled:  # a value whose placeholder has no value cannot be judged
            self.mistakes.append(SpecError(message, where, hint))

    def sorted(self) -> list[SpecError]:
        return sorted(self.mistakes, key=lambda m: (m.where.line, m.where.column) if m.where else (0, 0))

    def top(self) -> Json:
        """Return the keys of the top that are right; a document that is a list has the tasks alone."""
        document, data = self.document, self.document.data
        top = {"tasks": data} if isinstance(data, list) else data
        if not isinstance(top, dict):
            what = "empty" if top is None else f"not a pipeline: it contains {found_as(top)}"
            raise SpecError(f"this file is {what}", document.place(), _START)
        if "tasks" not in top and "location" not in top:
            if not did_you_mean("tasks", (key for key in top if key not in TOP)):  # else said of that key
                self.wrong("the pipeline has no tasks", document.place(), _START)
        elif top.get("tasks", ()) is None:
            self.wrong('"tasks" is empty', document.key("tasks"), _START)
        return dict(self.keys(top, (), TOP, "the pipeline"))

    def keys(
        self, data: Table, path: Path, table: Keys, owner: str
    ) -> Iterator[tuple[str, Any]]:  # a row's own type
        """Yield the keys and values that are right and to be acted on, as their rows expect them; null was not said."""
        for name, value in data.items():
            row = table.get(name)
            if row is None:
                unread = (key for key in table if key not in data)
                hint = did_you_mean(name, unread) if isinstance(name, str) else _WORDS
                self.wrong(f'{owner} has no key "{plain(name)}"', self.document.key(*path, name), hint)
            elif value is None and not row.null:
                continue
            elif not row.fits(value):
                where = self.document.place(*path, name)
                hint = f'quote it: "{plain(value)}"' if _bare(value, row) else None
                self.wrong(f'{owner}: "{name}" must be {row.expects}, not {found_as(value)}', where, hint)
            elif row.known and value not in row.known and value not in row.others():
                words = (*row.known, *row.others())
                hint = did_you_mean(value, words) or f"there are: {', '.join(words)}"
                self.wrong(f'{owner}: there is no {name} "{value}"', self.document.place(*path, name), hint)
            elif row.note and not row.heeded(value):
                shown = f"{path[-1]}.{name}" if table is EXECUTION else name
                self.note(shown, self.document.key(*path, name), row.instead)
            else:
                yield name, value

    def cache(self, value: object) -> Json:
        """Return what is said of the cache, sizes in bytes; ``cache: false`` and ``cache: URL`` are short forms."""
        if not isinstance(value, dict):
            return {"enabled": value} if isinstance(value, bool) else {"url": value}
        found = self.keys(value, ("cache",), CACHE, '"cache"')
        return {name: as_bytes(value) if name in ("size", "largest") else value for name, value in found}

    def classes(self, table: Table, path: Path, names: tuple[str, ...]) -> Json:
        """Return what is said by class: a client for each, or the class of the products for each class of tasks."""
        found = {}
        for name, value in table.items():
            where = self.document.place(*path, name)
            if name not in names and not (isinstance(name, str) and kinds.brought(name)):
                message = f'"{path[-1]}": there is no class "{plain(name)}"'
                hint = did_you_mean(str(name), names) or f"there are: {', '.join(names)}"
                self.wrong(message, self.document.key(*path, name), hint)
            elif value is None:
                continue
            elif path == ("clients",) and not is_call(value):
                self.wrong(f"the client of {name} must be {CALLED}, not {found_as(value)}", where)
            elif path != ("clients",) and value not in PRODUCTS:
                hint = did_you_mean(str(value), PRODUCTS) or f"there are: {', '.join(PRODUCTS)}"
                self.wrong(f'there is no product class "{plain(value)}"', where, hint)
            else:
                found[name] = value
        return found

    def tasks(self, base: str, extract: bool) -> list[TaskSpec | None]:
        """Return the tasks of a file that another imports: a list, and nothing else."""
        data = self.document.data
        if not isinstance(data, list):
            self.wrong(f"imported tasks must be a list, not {found_as(data)}", self.document.place())
            return []
        found = [self.task(one, (n,), n, extract) for n, one in enumerate(data)]
        return [task and replace(task, base=base) for task in found]

    def task(self, data: object, path: Path, number: int, extract: bool) -> TaskSpec | None:
        document, where, before = self.document, self.document.place(*path), len(self.mistakes)
        data = {"source": data} if is_text(data) else data
        if not isinstance(data, dict):
            self.wrong(f"a task must be a mapping with a source, or a source, not {found_as(data)}", where)
            return None
        called = next((data[k] for k in ("name", "source") if is_text(data.get(k))), None)
        owner = f"task {quoted(called)}" if called else f"task {number + 1}"
        kind, keys = self.brought(data, path, owner)
        settings = dict(self.keys(data, path, keys, owner))
        word = settings.get("class") if settings.get("class") in kinds.CLASSES else None
        kind = kind or kind_of(settings.get("source", ""), word, settings.get("product"))
        if data.get("source") is None and not (kind and kinds.row(kind).borrowed):
            self.wrong(f"{owner} has no source", where, _SOURCES)
        self.source(settings.get("source", ""), settings.get("class"), owner, path)
        self.inner(settings, path, owner)
        placing.own_words(self, settings.get("engines", {}), (*path, "engines"), owner)
        options: Json = {}
        for name, value in settings.items():
            if option := keys[name].option:
                if option in options:
                    self.wrong(f"{owner}: the {option} is set twice", document.key(*path, name))
                options[option] = keys[name].turn(value)
        for name in ("papermill_params", "executor_params"):
            options |= self.execution(settings.get(name, {}), (*path, name), owner)
        places = dict(self.places(settings, path))
        if "checks" in settings:
            options["checks"] = quality.checked(self, settings["checks"], (*path, "checks"), owner, places)
        # Ploomber reads the code even if the spec says "upstream: []", unless it is told not to.
        upstream = as_tuple(settings["upstream"]) if "upstream" in settings else ()
        odd = any(error.where == document.place(*path, "source") for error in self.mistakes[before:])
        odd = odd or ("class" in data and "class" not in settings)  # the source of which may be anything
        return TaskSpec(
            "" if odd else settings.get("source", ""),
            where,
            settings.get("name"),
            settings.get("product"),
            settings.get("params", {}),
            upstream if upstream or not extract else None,
            options,
            places,
            kind,
            settings.get("product_class"),
            self.grid(settings, path, owner),
            as_tuple(settings["inputs"]) if "inputs" in settings else None,
            as_tuple(settings.get("nb_product_key", "nb")),
            None,
            settings.get("local_execution", False),
            len(self.mistakes) > before or (bool(document.mistakes) and _unfilled(data)),
        )

    def brought(self, data: Table, path: Path, owner: str) -> tuple[str | None, Keys]:
        """Return the kind of a task where another package brings it, and the keys that the task may have."""
        word, source = data.get("class"), data.get("source")
        try:
            if isinstance(word, str) and word not in kinds.CLASSES and kinds.brought(word):
                return word, keys_of(word)
            # to look into other packages takes a while, so only a key of theirs gives cause for it
            if word is None and isinstance(source, str) and not TASK.keys() >= data.keys():
                suffix = "." + source.rpartition(".")[2].lower()
                if suffix not in FILES and (kind := kinds.claiming_elsewhere(suffix)):
                    return kind, keys_of(kind)
        except Error as error:
            self.wrong(f"{owner}: {error.message}", self.document.place(*path, "class"), error.hint)
        return None, TASK

    def execution(self, arguments: Table, path: Path, owner: str) -> Json:
        """Return the options that arguments of papermill's ``execute_notebook`` stand for."""
        for name in arguments.keys() & REFUSED.keys():
            if arguments[name]:
                self.wrong(f"{owner}: {path[-1]} has {name}", self.document.key(*path, name), REFUSED[name])
        wanted = {name: value for name, value in arguments.items() if name not in REFUSED}
        for name in [name for name in wanted if name not in EXECUTION]:
            # an engine might take it
            near = did_you_mean(str(name), EXECUTION)
            self.note(f"{path[-1]}.{plain(name)}", self.document.key(*path, name), near or "")
            del wanted[name]
        wanted = {name: value for name, value in wanted.items() if value or not EXECUTION[name].note}
        return {EXECUTION[name].option: value for name, value in self.keys(wanted, path, EXECUTION, owner)}

    def note(self, key: str, where: Place, instead: str = "") -> None:
        """Note a key that has no effect, once for all places where it is."""
        first = self.notes.get(key, Unheeded(where, instead))
        self.notes[key] = replace(first, count=first.count + 1)

    def source(self, source: str, kind: str | None, owner: str, path: Path) -> None:
        where, suffix = self.document.place(*path, "source"), "." + source.rpartition(".")[2].lower()
        filed = "/" in source or suffix in FILES
        if kind is None and "://" in source:
            self.wrong(f"{owner}: a URL is not code", where, 'to download it: "class: DownloadFromURL"')
        elif kind is None and suffix in (".csv", ".parquet"):
            hint = 'to upload it to a database: "class: SQLUpload"'
            self.wrong(f"{owner}: a data file ({suffix}) is not code", where, hint)
        elif source and kind is not None and kind in kinds.CLASSES:
            row = kinds.row(kinds.CLASSES[kind])
            what = "function" if row.source == "function" else "notebook" if row.executed else "file"
            if row.source != "data" and filed is (row.source == "function"):
                self.wrong(f'{owner} is a {kind}, but "{source}" is not a {what}', where, _SOURCES)

    def grid(self, settings: Json, path: Path, owner: str) -> tuple[Json, ...]:
        grid = settings.get("grid", ())
        if grid and "name" not in settings:
            hint = 'add one; tasks get a number or their parameters appended: "name: fit-[[model]]"'
            self.wrong(f"{owner} has a grid but no name", self.document.key(*path, "grid"), hint)
        grids = (grid,) if isinstance(grid, dict) else tuple(grid)
        for number, one in enumerate(grids):
            way = (*path, "grid") if isinstance(grid, dict) else (*path, "grid", number)
            if not isinstance(one, dict) or not one:
                message = (
                    f"{owner}: a grid must be a mapping of names to lists of values, not {found_as(one)}"
                )
                self.wrong(message, self.document.place(*way))
                continue
            for name, values in one.items():
                where = self.document.key(*way, name)
                if not isinstance(name, str):
                    message = f'{owner}: names in "grid" must be strings, not {found_as(name)}'
                    self.wrong(message, where, _WORDS)
                elif name in settings.get("params", {}):
                    self.wrong(f'{owner}: "{name}" is in both "params" and "grid"', where)
                elif name in ("upstream", "product"):
                    self.wrong(f'{owner}: a parameter cannot be called "{name}"', where)
                elif values == [] or values == {}:
                    self.wrong(f'{owner}: "grid.{name}" has no values', self.document.place(*way, name))
        return tuple(one for one in grids if isinstance(one, dict))

    def inner(self, settings: Json, path: Path, owner: str) -> None:
        """Check the values in ``product`` and ``params``."""
        product, params = settings.get("product"), settings.get("params", {})
        for section, named in (("product", product if isinstance(product, dict) else {}), ("params", params)):
            for name in named:
                if not isinstance(name, str):
                    where = self.document.key(*path, section, name)
                    message = f'{owner}: names in "{section}" must be strings, not {found_as(name)}'
                    self.wrong(message, where, _WORDS)
        for name, value in product.items() if isinstance(product, dict) else ():
            if not is_text(value) and not (isinstance(value, list) and value):
                where = self.document.place(*path, "product", name)
                expected = "a path or a table ([schema, name, table])"
                self.wrong(f'{owner}: "product.{name}" must be {expected}, not {found_as(value)}', where)
        for name, value in params.items():
            where = self.document.key(*path, "params", name)
            if name in ("upstream", "product"):
                hint = f'octavo sets "{name}": use the key of the task instead'
                self.wrong(f'{owner}: a parameter cannot be called "{name}"', where, hint)
            elif name == "resources_" and not (
                isinstance(value, dict) and all(is_text(text) for pair in value.items() for text in pair)
            ):
                self.wrong(f'{owner}: "params.resources_" must be a mapping of names to paths', where)
            elif isinstance(value, dict) and "dotted_path" in value and not is_call(value):
                self.wrong(f'{owner}: "params.{name}" must be {CALLED}', where)

    def places(self, settings: Mapping[str, object], path: Path) -> Iterator[tuple[str, Place]]:
        for name, value in settings.items():
            yield name, self.document.place(*path, name)
            if name in ("product", "params", "grid") and isinstance(value, dict):
                for inner in value:
                    yield f"{name}.{inner}", self.document.place(*path, name, inner)
            elif name == "inputs" and isinstance(value, list):
                for number, inner in enumerate(value):
                    yield f"inputs.{inner}", self.document.place(*path, name, number)


_SOURCES = 'a source must be a file ("source: fit.py") or a function ("source: package.module.function")'
_WORDS = "quote the name: YAML reads on, off, yes, no and numbers as values"


def _unfilled(value: object) -> bool:
    """Return whether a placeholder is left in a value: the error is known already."""
    if isinstance(value, dict):
        return any(map(_unfilled, value.values()))
    if isinstance(value, list):
        return any(map(_unfilled, value))
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def _bare(value: object, row: Key) -> bool:
    return row.expects.startswith(("a string", "a path")) and isinstance(value, int | float)
