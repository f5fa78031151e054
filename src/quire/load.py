"""A spec into a graph: sources found and read, products and upstream resolved, and all of it remembered by stamp."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from . import plugins, products
from .errors import Error, NotebookError, Place, SpecError, did_you_mean, raise_all
from .graph import Graph
from .model import Product, Source, Task
from .sources import VERSION, Reader, contents
from .store import Store, freeze, thaw
from .surroundings import env_name

if TYPE_CHECKING:
    from .schema import Spec, TaskSpec


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pipeline as loading left it. ``unfit`` are the mistakes in sources, by task: these cannot run as they are."""

    graph: Graph
    notes: tuple[str, ...]
    unfit: Mapping[str, tuple[Error, ...]]
    preload: bool | tuple[str, ...] = True
    strict: bool = False
    cache: Mapping[str, Any] = field(default_factory=dict)


def load(path: str, root: str, store: Store, params: Mapping[str, Any]) -> Loaded:
    """Return the pipeline of a spec file; raise all its mistakes at once.

    A pipeline whose files have the stamps of the last time is taken from the store, and no YAML is parsed.
    """
    env = _env_file(path)
    key = f"{os.path.relpath(path, root)} {sorted(params.items())!r}"
    stamp = f"{VERSION} {sys.version_info[:2]} {products.stamp(path)} {env} {env and products.stamp(env)}"
    known = store.memo("pipeline", key, stamp)
    if known is not None and (loaded := _remembered(thaw(known), root)):
        return loaded
    young = products.racy(path) or (env and products.racy(env))
    return _Loading(path, root, store, params, env, key, "" if young else stamp).loaded()


def _remembered(known: tuple[Any, ...], root: str) -> Loaded | None:
    stamps, outside, tasks, notes, unfit, preload, strict, cache = known
    if any(products.stamp(os.path.join(root, path)) != stamp for path, stamp in stamps.items()):
        return None
    if outside and _outside(outside, root) != outside:
        return None
    return Loaded(Graph.trusted(tasks), notes, _errors(unfit), preload, strict, cache)


def _outside(names: Mapping[str, str | None], root: str) -> dict[str, str | None]:
    # only pipelines that use {{git}} and the like come here, and pay for subprocesses
    around = plugins.load("quire.surroundings:surroundings")(root)
    return {name: around.value(name) for name in names}


def _errors(unfit: Mapping[str, Any]) -> dict[str, tuple[Error, ...]]:
    return {
        name: tuple(NotebookError(message, where) for message, where in mistakes)
        for name, mistakes in unfit.items()
    }


class _Loading:
    """One pass from files to a graph, collecting mistakes on the way."""

    def __init__(
        self,
        path: str,
        root: str,
        store: Store,
        params: Mapping[str, Any],
        env: str | None,
        key: str,
        stamp: str,
    ) -> None:
        self.path, self.root, self.store, self.params, self.env = path, root, store, params, env
        self.key, self.stamp = key, stamp
        self.reader = Reader(root, store)
        self.mistakes: list[Error] = []
        self.declared: tuple[str, ...] = ()
        self.unfit: dict[str, tuple[tuple[str, Place], ...]] = {}

    def loaded(self) -> Loaded:
        spec, outside, notes, loose = self._spec()
        drafts = [draft for one in spec.tasks if (draft := self._draft(one, spec)) is not None]
        raise_all(self.mistakes, f"{spec.path} has mistakes")
        drafts = self._with_params(drafts, loose)
        graph = Graph(_linked(drafts))
        self.reader.remember()
        tasks = tuple(graph)
        # "now" is never the same twice, so remembering would be in vain
        if not {"now"} & outside.keys() and self.stamp:
            how = (spec.preload, spec.strict, spec.cache)
            row = (self.reader.stamps, outside, tasks, notes, self.unfit, *how)
            self.store.keep("pipeline", [(self.key, self.stamp, freeze(row))])
        return Loaded(graph, notes, _errors(self.unfit), spec.preload, spec.strict, spec.cache)

    def _spec(self) -> tuple[Spec, dict[str, str | None], tuple[str, ...], dict[str, Any]]:
        """Return the spec with its placeholders replaced; the values it took from outside; notes; params left over."""
        schema, expand = plugins.load("quire.schema"), plugins.load("quire.expand")
        around = expand.surroundings(self.root)
        document = schema.parse(_read(self.path), os.path.relpath(self.path, os.getcwd()))
        declared = schema.parse(_read(self.env), os.path.relpath(self.env, os.getcwd())) if self.env else None
        known = declared.data if declared is not None and isinstance(declared.data, dict) else {}
        mine = {name: value for name, value in self.params.items() if name.partition(".")[0] in known}
        env = expand.environment(declared, mine, around)
        self.declared = tuple(env)
        full = expand.expand(document, env, around)
        if full.mistakes and self.env is None and os.path.isfile(os.path.join(self.root, _MISNAMED)):
            misnamed = SpecError("quire does not read this file", _MISNAMED, "rename it to env.yaml")
            full = replace(full, mistakes=(*full.mistakes, misnamed))
        spec = schema.spec(full)
        outside = {name: around.value(name) for name in expand.outside(full.used.union(*env.behind.values()))}
        loose = {name: value for name, value in self.params.items() if name not in mine}
        return spec, outside, (*spec.ignored, *expand.unused(env, full.used)), loose

    def _wrong(self, message: str, where: Place, hint: str | None = None) -> None:
        self.mistakes.append(SpecError(message, where, hint))

    def _draft(self, said: TaskSpec, spec: Spec) -> Task | None:
        """Return a task whose upstream may still have wildcards."""
        try:
            kind, source = self.reader.source(said.source, said.places.get("source", said.where))
        except Error as error:
            self.mistakes.append(error)
            return None
        name = said.name or _default_name(source)
        facts = source.facts
        # what the spec says itself need not be readable in the source
        told = {"product": said.product, "upstream": said.upstream if spec.extract_upstream else ()}
        if mistakes := _heeded(facts.mistakes, [word for word, value in told.items() if value is not None]):
            self.unfit[name] = mistakes
        product = facts.product if spec.extract_product and said.product is None else said.product
        upstream = said.upstream if said.upstream is not None else facts.upstream
        if not spec.extract_upstream and said.upstream is None:
            upstream = ()
        made = self._products(name, kind, said, product, source, spec)
        return Task(
            name,
            kind,
            source,
            made,
            dict(said.params),
            upstream or (),
            {},
            _options(said, spec),
            tuple(said.options.get("tags", ())),
            said.where,
        )

    def _products(
        self, name: str, kind: str, said: TaskSpec, product: Any, source: Source, spec: Spec
    ) -> tuple[Product, ...]:
        where = said.places.get("product", said.where)
        if not product or product == {}:
            hint = 'add "product:" with the path that it writes'
            self._wrong(f'task "{name}" has no product', said.where, hint)
            return ()
        table: Mapping[str | None, str] = {None: product} if isinstance(product, str) else product
        base = os.path.dirname(source.path) if spec.product_relative_to_source else ""
        made = [
            Product(
                self._relative(os.path.join(base, path)), key, kind == "notebook" and _is_report(key, path)
            )
            for key, path in table.items()
        ]
        if kind == "notebook" and not any(one.report for one in made):
            example = (table.get("nb") or next(iter(table.values()))).rpartition(".")[0] or name
            hint = f'add "nb: {example}.ipynb" to its product'
            self._wrong(f'task "{name}" does not say where its executed notebook goes', where, hint)
        for one in made:
            if one.report and os.path.isdir(os.path.join(self.root, one.path)):
                self._wrong(f'the executed notebook of "{name}" goes to {one.path}, which is a folder', where)
        return tuple(made)

    def _relative(self, path: str) -> str:
        full = os.path.normpath(os.path.join(self.root, os.path.expanduser(path)))
        inside = full == self.root or full.startswith(self.root + os.sep)
        return (os.path.relpath(full, self.root) if inside else full).replace(os.sep, "/")

    def _with_params(self, drafts: list[Task], loose: dict[str, Any]) -> list[Task]:
        """Give parameters that env.yaml does not know to the tasks that declare them."""
        if not loose:
            return drafts
        known = {d.name: {*d.params, *(p.name for p in d.source.facts.params)} for d in drafts}
        everywhere = {*self.declared, *(name for names in known.values() for name in names)}
        for name in loose.keys() - everywhere:
            listed = ", ".join(sorted(everywhere)) or "none"
            message = f'no task has a parameter "{name}", and env.yaml has no such key'
            hint = did_you_mean(name, everywhere) or f"parameters are: {listed}"
            self.mistakes.append(SpecError(message, hint=hint))
        check = plugins.load("quire.notebook.inject:check")
        given = []
        for draft in drafts:
            mine = {name: value for name, value in loose.items() if name in known[draft.name]}
            stated = {p.name: mine[p.name] for p in draft.source.facts.params if p.name in mine}
            self.mistakes += check(draft.source.facts, stated, where=draft.source.path)
            given.append(replace(draft, params={**draft.params, **mine}))
        raise_all(self.mistakes, "parameters that do not fit")
        return given


def _linked(drafts: list[Task]) -> Iterator[Task]:
    """Yield the tasks with wildcards replaced by the names they stand for, and what they get as ``upstream``."""
    table = {task.name: task for task in drafts}
    for task in drafts:
        names: list[str] = []
        inputs: dict[str, Any] = {}
        for wanted in task.upstream:
            if "*" in wanted or "?" in wanted:
                found = [name for name in table if fnmatchcase(name, wanted) and name != task.name]
                inputs[wanted] = {name: _given(table[name]) for name in found}
                names += found or [wanted]
            else:
                names.append(wanted)
                if wanted in table:
                    inputs[wanted] = _given(table[wanted])
        yield replace(task, upstream=tuple(dict.fromkeys(names)), inputs=inputs)


def _options(said: TaskSpec, spec: Spec) -> dict[str, Any]:
    options = {key: value for key, value in said.options.items() if key != "tags"}
    return options if spec.environment == "noted" else {**options, "environment": spec.environment}


def _heeded(mistakes: tuple[tuple[str, Place], ...], told: list[str]) -> tuple[tuple[str, Place], ...]:
    beside_the_point = [f"{word} must be a literal" for word in told]
    return tuple(it for it in mistakes if not any(words in it[0] for words in beside_the_point))


def _given(task: Task) -> Any:
    if len(task.products) == 1 and task.products[0].key is None:
        return task.products[0].path
    return {product.key: product.path for product in task.products}


def _is_report(key: str | None, path: str) -> bool:
    return key in (None, "nb") and path.endswith(".ipynb")


def _default_name(source: Source) -> str:
    if source.entry:
        return source.entry.rpartition(".")[2]
    return os.path.splitext(os.path.basename(source.path))[0]


#: What people call env.yaml, and conda something else: it is spoken of only when a placeholder has no value.
_MISNAMED = "env.yml"


def _env_file(path: str) -> str | None:
    """Return the env file of a spec: the first candidate in the working directory or beside the spec."""
    for one in env_name(os.path.basename(path), os.environ):
        for folder in (os.getcwd(), os.path.dirname(path)):
            if os.path.isfile(found := os.path.join(folder, one)):
                return found
    return None


def _read(path: str) -> str:
    try:
        return contents(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        where = Place(os.path.relpath(path), before.count(b"\n") + 1, column)
        raise SpecError("this is not UTF-8 text", where, "save the file as UTF-8") from error
    except OSError as error:
        raise SpecError(f"it cannot be read: {error.strerror}", os.path.relpath(path)) from error
