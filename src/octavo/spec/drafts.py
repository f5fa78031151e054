"""Resolve a task of pipeline.yaml: its source, products and options, but not yet its upstream."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar

from ..errors import Error, Errors, Place, SpecError, each
from ..graph import Graph
from ..hints import did_you_mean, of_windows
from ..kinds import row, word
from ..lazy import lazy_imports
from ..model import Calls, Declared, Json, Resources, RunOptions, Source, Task
from ..products import racy, stamp
from ..reading.folders import contents, relative
from .dialect import EXECUTION, FILES, heeded
from .promises import Promises, given, options
from .sources import Reader
from .taken import TakenParameters

with lazy_imports():
    import glob  # few pipelines declare their inputs

    from ..reading import templates
    from ..venvs import wanted
    from . import quality

if TYPE_CHECKING:
    from .schema import Spec, TaskSpec


#: What most tasks have: shared, so that the state of a project has each once.
_CALLS, _DECLARED, _RUN, _RESOURCES = Calls(), Declared(), RunOptions(), Resources()
#: Keys with places of their own in a task.
_TYPED = frozenset(name for part in (Calls, RunOptions, Resources) for name in part.__dataclass_fields__)
#: What papermill_params and executor_params say of a task; schema takes them for kinds that have these keys alone.
_EXECUTION = frozenset(key.option for key in EXECUTION.values() if key.option) - {"cwd", "kernel"}
_NO_KERNEL = "remove one of the two: tasks in an environment run in its own kernel"
_Part = TypeVar("_Part", Calls, Declared, RunOptions, Resources)


class Drafts:
    """Drafts the tasks of one spec; collects mistakes, sources that cannot run, and what else it looked at.

    ``matched`` are the patterns of inputs with what they stand for now, ``needed`` are files that must be there.
    """

    def __init__(self, pipeline: Spec, reader: Reader, root: str) -> None:
        self.pipeline, self.reader, self.root = pipeline, reader, root
        self.mistakes: list[Error] = []
        self.unfit: dict[str, tuple[tuple[str, Place], ...]] = {}
        self.matched: dict[str, tuple[str, ...]] = {}
        self.needed: list[str] = []
        self.loader = self._loader()
        self._taken = TakenParameters(root)
        #: By the drafts' ids: tasks cannot be hashed, and two may have one name until that is checked.
        self._specs: dict[int, TaskSpec] = {}

    def draft(self, spec: TaskSpec) -> Task | None:
        """Return a task whose upstream may still have wildcards."""
        pipeline = self.pipeline
        if spec.broken and (not spec.source or "{{" in spec.source or "{%" in spec.source):
            return None
        folders = self.loader if spec.base is None else (spec.base,)
        try:
            where = spec.places.get("source", spec.where)
            kind, source = self.reader.source(spec.source, where, spec.kind, folders)
        except Error as error:
            self.mistakes.append(error)
            return None
        if spec.broken:
            return None
        name = spec.name or _default_name(source) or _stem(spec.product)
        if mistakes := self._fatal(spec, source):
            self.unfit[name] = mistakes
        if pipeline.extract_product and spec.product is None:
            spec = self._extracted(spec, kind, source)
        upstream = spec.upstream
        if upstream is None:
            upstream = source.facts.upstream if pipeline.extract_upstream else ()
        promised = Promises(name, kind, spec, pipeline, self.root, source.path)
        products = promised.products(spec.product)
        self.mistakes += promised.mistakes
        settings = {**self._options(spec, kind), **options(promised, pipeline, products)}
        apart = self._environment(spec, kind, source)
        params, resources = self._params(spec)
        draft = Task(
            name,
            kind,
            source,
            products,
            params,
            upstream or (),
            own=self._own(spec, kind) | apart,
            calls=_with(_CALLS, settings),
            declared=self._declared(spec, kind, resources),
            run=_with(_RUN, settings),
            resources=_with(_RESOURCES, settings),
            kernel=settings.get("kernel") or ("python3" if apart else None),
            cwd=self._cwd(spec, kind, source),
            tags=tuple(settings.get("tags", ())),
            where=spec.where,
            secret={**pipeline.secret, **spec.options.get("secret", {})},
        )
        self._specs[id(draft)] = spec
        self.mistakes += self._taken.mistakes(spec, draft)
        return draft

    def _fatal(self, spec: TaskSpec, source: Source) -> tuple[tuple[str, Place], ...]:
        """Return the mistakes for which a source cannot run. What the spec says need not be readable in the source."""
        own = {"product": spec.product, "upstream": spec.upstream if self.pipeline.extract_upstream else ()}
        beside_the_point = [f"{name} must be a literal" for name, value in own.items() if value is not None]
        kernel = spec.options.get("kernel")
        fatal = source.facts.fatal(kernel if isinstance(kernel, str) else None)
        return tuple(
            mistake for mistake in fatal if not any(words in mistake[0] for words in beside_the_point)
        )

    def _extracted(self, spec: TaskSpec, kind: str, source: Source) -> TaskSpec:
        """Return a task with the product that its source names; a template of tables says of what class that is."""
        maker = spec.maker
        if row(kind).source == "template" and row(kind).maker != "File" and source.facts.product:
            text = contents(os.path.join(self.root, source.path)).decode("utf-8-sig", "surrogateescape")
            named = templates.product_of(text)
            maker = maker or (named and named[0])
        return replace(spec, product=source.facts.product, maker=maker)

    def _options(self, spec: TaskSpec, kind: str) -> Json:
        """Return the options of a task by their keys, the values as YAML has them or as their rows make them."""
        keys = row(kind).keys
        shared = {name: call for name, call in self.pipeline.serializers.items() if name in keys}
        return {**shared, **spec.options, "strict": self.pipeline.environment == "strict" or None}

    def _own(self, spec: TaskSpec, kind: str) -> dict[str, object]:
        """Return the values of the keys that the kind declares for itself."""
        wanted = (row(kind).keys.keys() | _EXECUTION | {"checks", "metrics"}) - _TYPED
        own = {key: value for key, value in spec.options.items() if key in wanted}
        return own | ({"nb_product_key": list(spec.nb)} if row(kind).executed and spec.nb != ("nb",) else {})

    def _environment(self, spec: TaskSpec, kind: str, source: Source) -> Json:
        """Return what says the environment of a task, and its digest; nothing for that of octavo itself.

        That is a file or folder which pipeline.yaml names, or the source, where it has a block of its own (PEP 723).
        """
        said, whole = spec.options.get("environment"), self.pipeline.environment
        where = spec.places.get("environment", spec.where)
        python = source.facts.language == "python" or row(kind).source != "notebook"
        if said is False or (said is None and (not python or row(kind).source == "data")):
            return {}
        if said is None and whole not in ("noted", "strict"):
            said = whole
        name = None if said is None else relative(str(said), self.root)
        try:
            if name is None and row(kind).source == "notebook":
                data = contents(os.path.join(self.root, source.path))
                name = source.path if wanted.MARK in data and wanted.block(data, source.path) else None
            if name is None:
                return {}
            if not python or spec.options.get("kernel") not in (None, "python3", "python"):
                raise SpecError(
                    "the environment is one of Python, and the kernel another's", where, _NO_KERNEL
                )
            found = wanted.wanted(self.root, name)
            for path in (*found.files, *found.local):
                full = os.path.join(self.root, path)
                self.reader.stamps[path] = None if racy(full) else stamp(full)
            return {"environment": {"from": name, "digest": found.digest}}
        except Error as error:
            error.where = error.where if isinstance(error.where, Place) else where
            self.mistakes.append(error)
        return {}

    def _cwd(self, spec: TaskSpec, kind: str, source: Source) -> str:
        beside = spec.local or row(kind).beside
        cwd = os.path.dirname(source.path) if beside else str(spec.options.get("cwd") or "")
        return "" if not cwd or (cwd := relative(cwd, self.root)) == "." else cwd

    def _declared(self, spec: TaskSpec, kind: str, resources: Mapping[str, str]) -> Declared:
        inputs = None if spec.inputs is None else tuple(dict.fromkeys(self._inputs(spec)))
        templates = self.loader if row(kind).source == "template" else ()
        return _with(
            _DECLARED, {"inputs": inputs, "resources": resources or None, "templates": templates or None}
        )

    def _inputs(self, spec: TaskSpec) -> Iterator[str]:
        for pattern in spec.inputs or ():
            if any(sign in pattern for sign in "*?["):
                self.matched[pattern] = matches(pattern, self.root)
                yield from self.matched[pattern]
            else:
                yield relative(pattern, self.root)

    def _params(self, spec: TaskSpec) -> tuple[Json, dict[str, str]]:
        """Return the parameters, and the files among them relative to the project.

        Code gets them as absolute paths, which do not count: their contents do.
        """
        params = dict(spec.params)
        if not isinstance(files := params.get("resources_"), dict):
            return params, {}
        resources = {key: relative(path, self.root) for key, path in files.items()}
        for path in resources.values():
            where = spec.places.get("params.resources_", spec.where)
            self._need(path, f"the resource {path} does not exist", where)
        params["resources_"] = {key: os.path.join(self.root, path) for key, path in resources.items()}
        return params, resources

    def _need(self, path: str, message: str, where: Place) -> None:
        full = os.path.join(self.root, path)
        if os.path.exists(full):
            self.needed.append(path)
        else:
            folder, name = os.path.split(full)
            there = os.listdir(folder) if os.path.isdir(folder) else ()
            self.mistakes.append(SpecError(message, where, of_windows(path) or did_you_mean(name, there)))

    def _loader(self) -> tuple[str, ...]:
        """Return the folders of ``meta.source_loader``, relative to the project."""
        loader = self.pipeline.loader
        paths = loader.get("path", ["."] if "module" in loader else [])
        base = ""
        if "module" in loader:
            found = self.reader.package(loader["module"])
            if found is None:
                hint = "it must be in the project or importable"
                message = f'cannot find the module "{loader["module"]}" of "source_loader"'
                self.mistakes.append(SpecError(message, self.pipeline.path, hint))
            base = found or ""
        named = [paths] if isinstance(paths, str) else paths
        return tuple(relative(os.path.join(base, path), self.root) for path in named)

    def complete(self, drafts: Sequence[Task]) -> list[Task]:
        """Return the drafts, looked at together: what one declares as data or input may be what another makes."""
        makers = {product.path: task.name for task in drafts for product in task.products}
        known = not any(spec.broken for spec in self.pipeline.tasks)
        whole = [self._completed(task, self._specs[id(task)], makers) for task in drafts]
        for task, draft in zip(whole, drafts, strict=True):
            if "metrics" in task.own:
                self.mistakes += unmeasured(task, self._specs[id(draft)].places)
            if "checks" in task.own:
                self.mistakes += quality.misfits(task, dict(self._specs[id(draft)].places), whole, known)
        return whole

    def _completed(self, task: Task, spec: TaskSpec, makers: Mapping[str, str]) -> Task:
        if row(task.kind).source == "data" and _is_path(task.source.path):
            maker = _maker(task.source.path, makers)
            if maker is None:
                message = f"the source {task.source.path} does not exist"
                self._need(task.source.path, message, spec.places.get("source", spec.where))
            elif maker != task.name and maker not in _names(task.upstream, makers):
                task = replace(task, upstream=(*task.upstream, maker))
        if spec.inputs is None:
            return task
        kept = []
        for path in task.declared.inputs or ():
            where = spec.places.get(f"inputs.{path}") or spec.places.get("inputs", spec.where)
            maker = _maker(path, makers)
            if maker is None:
                kept.append(path)
                if not any(path in found for found in self.matched.values()):
                    self._need(path, f'the input {path} of "{task.name}" does not exist', where)
            elif path in spec.inputs and maker not in _names(task.upstream, makers):
                hint = f'remove it and name "{maker}" as upstream'
                self.mistakes.append(SpecError(f"the input {path} is a product of {maker}", where, hint))
        return replace(task, declared=replace(task.declared, inputs=tuple(kept)))


def linked(drafts: Sequence[Task]) -> Iterator[Task]:
    """Yield the tasks with wildcards replaced by the names they stand for, and what they get as ``upstream``."""
    table = {task.name: task for task in drafts}
    for task in drafts:
        names: list[str] = []
        inputs: Json = {}
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


def unmeasured(task: Task, places: Mapping[str, Place]) -> Iterator[SpecError]:
    """Yield an error for each product that is to hold metrics and is none of the task, or no JSON."""
    paths = {name: product.path for product in task.products for name in (product.key, product.path) if name}
    for name in task.own["metrics"]:
        told, where = f'metrics: "{name}" of "{task.name}"', places.get("metrics", task.where)
        if name not in paths:
            hint = did_you_mean(name, paths) or f"there are: {', '.join(paths)}"
            yield SpecError(f"{told} is none of its products", where, hint)
        elif not paths[name].endswith(".json"):
            yield SpecError(f"{told} is no .json", where, "metrics stand in a JSON object of numbers")


def matches(pattern: str, root: str) -> tuple[str, ...]:
    """Return the files that a pattern of inputs stands for now, relative to the project."""
    found = glob.glob(os.path.expanduser(pattern), root_dir=root, recursive=True)
    return tuple(sorted(relative(path, root) for path in found if os.path.isfile(os.path.join(root, path))))


def _with(part: _Part, settings: Json) -> _Part:
    """Return a part of a task with the settings that are its own."""
    values = {name: settings[name] for name in part.__dataclass_fields__ if settings.get(name) is not None}
    return replace(part, **values) if values else part


def _given(task: Task) -> object:
    if len(task.products) == 1 and task.products[0].key is None:
        return given(task.products[0])
    return {product.key: given(product) for product in task.products}


def name_of(spec: TaskSpec) -> str | None:
    """Return the name of a task that could not be drafted, or None if nothing says it."""
    if spec.name or not spec.source or "{{" in spec.source:
        return spec.name
    filed = "/" in spec.source or spec.source.lower().endswith(FILES)
    return _stem(spec.source) if filed else spec.source.rpartition(".")[2]


def _default_name(source: Source) -> str:
    if source.entry:
        return source.entry.rpartition(".")[2]
    return _stem(source.path)


def _stem(path: object) -> str:
    """Return the name of a file without its extension; of anything else, its text."""
    return os.path.splitext(os.path.basename(str(path)))[0]


def _is_path(text: str) -> bool:
    return bool(text) and "://" not in text and "{{" not in text


def _maker(path: str, makers: Mapping[str, str]) -> str | None:
    """Return the task that makes a path, or a folder around it."""
    while path not in makers:
        path, slash, _ = path.rpartition("/")
        if not slash:
            return None
    return makers[path]


def _names(upstream: Sequence[str], makers: Mapping[str, str]) -> set[str]:
    return {name for name in makers.values() if any(fnmatchcase(name, wanted) for wanted in upstream)}


def misfits(drafts: Sequence[Task], left: Sequence[TaskSpec]) -> list[Error]:
    """Return the errors between tasks: among those that could be drafted, and by name the others."""
    names = [name_of(one) for one in left]
    if None in names or any(one.grid for one in left):
        return []  # what has no name may be what others depend on
    others = [Task(name, "link", Source("")) for name in names if name]
    try:
        Graph(linked([*drafts, *others]))
    except (Error, Errors) as error:
        return list(each(error))
    return []


def ordered(errors: list[Error]) -> list[Error]:
    """Return errors in the order of their places, those of a file together."""
    paths = list(dict.fromkeys(error.where.path if error.where else "" for error in errors))

    def position(error: Error) -> tuple[int, int, int]:
        where = error.where or Place("")
        return paths.index(where.path), where.line, where.column

    return sorted(errors, key=position)


def idle(spec: TaskSpec, kind: str) -> Iterator[str]:
    """Yield a note on each key of a task that has no effect on its kind."""
    for name in spec.options:
        if not heeded(name, kind):
            yield f'{spec.places.get(name, spec.where)}: "{name}" has no effect on a {word(kind)}'
