"""Express a pipeline made in Python in the dialect of pipeline.yaml."""

from __future__ import annotations

import functools
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from .. import kinds
from ..digests import digest
from ..errors import Error
from ..kinds import CLASSES
from ..model import PROXIES, Task
from ..model import Product as Made
from ..products import writing
from ..spec.dialect import PRODUCTS
from . import unimportable
from .constants import TaskStatus
from .exceptions import TaskInitializationError
from .pipeline import Pipeline
from .placeholders import Placeholder
from .products import EmptyProduct, File, GenericProduct, MetaProduct, Product, SQLRelation
from .task import Task as DagTask
from .tasks import DownloadFromURL, Link, SQLUpload, UploadToS3

#: Where sources are put that are texts in a program, or files outside the project.
FOLDER = ".octavo/sources"
HOOKS = ("on_render", "on_finish", "on_failure")
_PLAIN = (bool, int, float, str, type(None))
_IGNORED = ("ext_in", "debug_mode", "static_analysis", "check_if_kernel_installed", "executor")
_ENDINGS = {"SQLScript": "sql", "SQLDump": "sql", "SQLTransfer": "sql", "ShellScript": "sh"}
_IMPORTING = re.compile(r"\{%-?\s*(import|from|include|extends)\b")


class SpecWriter:
    """Writes one pipeline as data.

    ``alive``: in the process that builds it, so that what only this process knows may be named.
    """

    def __init__(self, dag: Pipeline, root: str, alive: bool) -> None:
        self.dag, self.root, self.alive = dag, root, alive
        self.folders: dict[str, None] = {}
        #: The functions that only this process knows, by task.
        self.functions: dict[str, str] = {}

    def spec(self) -> dict[str, Any]:
        """Return the pipeline as data."""
        tasks = [self.task(task) for task in self.dag.values()]
        meta: dict[str, Any] = {"extract_upstream": False}
        if self.folders:
            meta["source_loader"] = {"path": [self.path(folder) for folder in self.folders]}
            # a relative source would be one of those folders
            for task in tasks:
                if (file := Path(self.root, task.get("source", ""))).is_file():
                    task["source"] = str(file)
        known = (*CLASSES, *PRODUCTS)
        clients = {
            name: self.call(client, name) for name, client in self.dag.clients.items() if name in known
        }
        words = ("serializer", "unserializer") if self.alive else ("serializer", "unserializer", *HOOKS)
        calls = {word: self.call(it, word) for word in words if (it := getattr(self.dag, word)) is not None}
        said = {"meta": meta, **({"clients": clients} if clients else {}), **calls, "tasks": tasks}
        return {**said, **({"functions": self.functions} if self.functions else {})}

    def task(self, task: DagTask) -> dict[str, Any]:
        """Return the entry of a task in pipeline.yaml."""
        if self.dag._forced_status.get(task.name) is TaskStatus.Skipped:
            # a program said that it shall not run: what it makes is there, or is missing downstream
            return {"name": task.name, "class": "Link", **self._product(task)}
        entry = dict(task.entry) if task.entry is not None else self._entry(task)
        for folder in entry.pop("source_loader", {}).get("path", ()):
            self.folders[os.path.join(self.root, folder)] = None
        entry["name"] = task.name
        entry.pop("upstream", None)
        if task._before:
            entry["upstream"] = list(self._upstream(task))
        for word in HOOKS:
            if (hook := getattr(task, word)) is not None:
                entry[word] = self.call(hook, word)
        return entry

    def _entry(self, task: DagTask) -> dict[str, Any]:
        word = type(task).__name__
        if word not in CLASSES:
            word = next(base.__name__ for base in type(task).__mro__ if base.__name__ in CLASSES)
        entry: dict[str, Any] = {"class": word}
        extra: dict[str, Any] = {}
        params = {name: self._param(task, name, value, extra) for name, value in task._params.items()}
        if (source := self._source(task, word, extra)) is not None:
            entry["source"] = source
        entry |= self._product(task)
        if params:
            entry["params"] = params
        if task._client is not None:
            entry["client"] = self.call(task._client, "client")
        for name, value in task.options.items():
            if name in ("serializer", "unserializer") and value is not None:
                entry[name] = self.call(value, name)
            elif name == "io_handler" and value is not None:
                entry[name] = value if isinstance(value, str) else value.__name__
            elif name not in _IGNORED and (value is not None or name == "chunksize"):
                entry[name] = value
        return entry

    # ── sources

    def _source(self, task: DagTask, word: str, extra: Mapping[str, Any]) -> str | None:
        value = task.source.value
        if isinstance(task, Link):
            return None
        if task.FUNCTION:
            if isinstance(value, str) and not extra:
                return value.replace("::", ".")
            function = task.source.primitive
            dotted = None if extra else unimportable.path_of(function, self.root)
            return dotted or self._register_function(function, task, extra)
        if isinstance(task, SQLUpload | UploadToS3 | DownloadFromURL):
            inputs = {name: str(task.dag[name].product) for name in task._before}
            text = Placeholder(str(value)).render({**task._params, "upstream": inputs})
            return text if isinstance(task, DownloadFromURL) else self.path(text)
        if isinstance(value, Placeholder) and _IMPORTING.search(value.text):
            return self._template(value)
        path = task.source.path
        inside = path is not None and not os.path.relpath(path.absolute(), self.root).startswith("..")
        if path is not None and inside:
            return self.path(path)
        ending = path.suffix[1:] if path else _ENDINGS.get(word) or task.options.get("ext_in") or "py"
        return self._written(task.name, ending, task.source.text)

    def _template(self, template: Placeholder) -> str:
        """Return the path of a template that imports others; folders outside the project are copied into it."""
        assert template.path is not None
        source = template.path.absolute()
        for folder in map(os.path.abspath, template.folders):
            target = folder
            if _outside(self.path(folder)):
                target = os.path.join(self.root, FOLDER, f"templates-{digest(folder)[:8]}")
                shutil.copytree(folder, target, dirs_exist_ok=True, copy_function=_copy_changed)
            self.folders[target] = None
            if source.is_relative_to(folder):
                source = Path(target, source.relative_to(folder))
        return str(source)

    def _register_function(self, function: Any, task: DagTask, extra: Mapping[str, Any]) -> str:
        if not self.alive:
            raise TaskInitializationError(
                f"{task.name}: {unimportable.describe(function)} cannot be imported by the workers that run it: "
                "define it at the top of a module of the project"
            )
        self.functions[task.name] = unimportable.identity([function, *extra.items()])
        return unimportable.register_function(function, task.name, self.root, extra)

    def _written(self, name: str, ending: str, text: str) -> str:
        """Put a text where sources are read from, unless it is there; return the path."""
        word = re.sub(r"[^\w.-]", "_", name)
        path = Path(self.root, FOLDER, f"{word}.{ending.removeprefix('.')}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            writing.write(path, [text.encode()])
        return self.path(path)

    # ── products and what comes from upstream

    def _product(self, task: DagTask) -> dict[str, Any]:
        product = task.product
        first = product.first if isinstance(product, MetaProduct) else product
        if isinstance(first, EmptyProduct):
            raise TaskInitializationError(
                f"{task.name} has no product: its DAG is for InMemoryDAG, not to be built"
            )
        entry: dict[str, Any] = {"product": self._product_value(product)}
        if not isinstance(first, File):
            entry["product_class"] = type(first).__name__
        if first._client is not None:
            entry["product_client"] = self.call(first._client, "product_client")
        return entry

    def _product_value(self, product: Product | MetaProduct) -> Any:
        if isinstance(product, MetaProduct):
            return {
                key if product.named else str(key): self._product_value(one)
                for key, one in product.products.items()
            }
        if isinstance(product, SQLRelation):
            return [*([product.schema] if product.schema else []), product.name, product.kind]
        return str(product) if isinstance(product, GenericProduct) else self.path(str(product))

    def _upstream(self, task: DagTask) -> Iterator[str]:
        """Yield names, and for groups their key, which is a pattern that stands for them."""
        seen = set()
        for name, group in task._before.items():
            if group is None:
                yield name
            elif group not in seen:
                seen.add(group)
                matched = {one for one in self.dag if fnmatchcase(one, group) and one != task.name}
                if matched != {one for one, other in task._before.items() if other == group}:
                    raise TaskInitializationError(
                        f'{task.name}: the group name "{group}" must be a pattern that means its tasks, and no other, '
                        f'as "fit-*" does; it means: {", ".join(sorted(matched)) or "none"}'
                    )
                yield group

    def path(self, path: str | os.PathLike[str]) -> str:
        """Return a path as the dialect has it: relative to the project if it is inside."""
        relative = os.path.relpath(os.path.abspath(os.path.expanduser(path)), self.root)
        inside = not (relative == ".." or relative.startswith(".." + os.sep))
        return (relative if inside else os.path.abspath(path)).replace(os.sep, "/")

    # ── parameters and calls

    def _param(self, task: DagTask, name: str, value: Any, extra: dict[str, Any]) -> Any:
        """Return a parameter as data; what pipeline.yaml cannot hold goes into ``extra``, a text here."""
        if _plain(value):
            return value
        if not task.FUNCTION:
            if isinstance(value, list | tuple):
                return [self._param(task, name, one, extra) for one in value]
            if isinstance(value, Mapping):
                return {
                    key if type(key) in _PLAIN else str(key): self._param(task, name, one, extra)
                    for key, one in value.items()
                }
            return str(value)
        if not self.alive:
            raise TaskInitializationError(
                f"{task.name}: the parameter {name} is {unimportable.describe(value):.60}: parameters of a pipeline "
                "that a function makes are numbers, texts, true, false, None, and lists and mappings of these"
            )
        extra[name] = value
        return unimportable.type_and_identity(value)

    def call(self, thing: Any, word: str) -> dict[str, Any]:
        """Return the call that stands for a function, or for a client that is made again where it is needed."""
        try:
            call = getattr(thing, "call", None)
        except Error:
            call = None
        if isinstance(call, Mapping):
            return dict(call)
        if isinstance(thing, str):
            return {"dotted_path": thing.replace("::", ".")}
        if isinstance(thing, Mapping):
            return dict(thing)
        if path := unimportable.path_of(thing, self.root):
            return {"dotted_path": path}
        if _is_plain_partial(thing) and (path := unimportable.path_of(thing.func, self.root)):
            return {"dotted_path": path, **thing.keywords}
        if not self.alive:
            raise TaskInitializationError(
                f"{word}: {unimportable.describe(thing)} cannot be imported by the workers that need it: "
                "define it at the top of a module of the project"
            )
        factory = (
            thing if callable(thing) and not hasattr(thing, "close") else functools.partial(_same, thing)
        )
        return {"dotted_path": unimportable.register(factory, word)}


def entry_of(task: Task) -> dict[str, Any]:
    """Return the entry in pipeline.yaml of a task that was read from one."""
    names = dict.fromkeys([*task.inputs, *_unnamed(task)])
    entry: dict[str, Any] = {
        "name": task.name,
        "class": kinds.word(task.kind),
        "source": task.source.entry or task.source.path,
        **_product_keys(task.products),
        "upstream": list(names),
    }
    if kinds.row(task.kind).borrowed:
        del entry["source"]
    if task.params:
        entry["params"] = dict(task.params)
    if task.tags:
        entry["tags"] = list(task.tags)
    if task.cwd:
        entry["executor_params"] = {"cwd": task.cwd}
    run, clients = task.run, {"product_client": task.run.file_client}
    called = clients | dict(task.calls.named()) | {"on_failure": run.on_failure}
    more = {
        "kernel": task.kernel,
        "inputs": list(task.declared.inputs) if task.declared.inputs is not None else None,
        "source_loader": {"path": list(task.declared.templates)} if task.declared.templates else None,
        **{name: getattr(task.resources, name) or None for name in ("memory", "cpus", "gpus", "engines")},
        "retries": run.retries or None,
        **{name: getattr(run, name) for name in ("timeout", "cell_timeout", "cache")},
        **{name: {"dotted_path": it.path, **it.arguments} for name, it in called.items() if it},
    }
    return entry | {name: value for name, value in more.items() if value is not None} | dict(task.own)


def _unnamed(task: Task) -> list[str]:
    """Return the tasks that one waits for without receiving their products."""
    received = {
        name
        for key, value in task.inputs.items()
        for name in (value if isinstance(value, Mapping) and ("*" in key or "?" in key) else (key,))
    }
    return [name for name in task.upstream if name not in received]


def _product_keys(products: tuple[Made, ...]) -> dict[str, Any]:
    table = {product.key: _one(product) for product in products}
    if not products:
        return {}
    maker = products[0].maker
    return {
        "product": table.get(None, table),
        **({"product_class": maker} if maker != "File" else {}),
    }


def _one(product: Made) -> Any:
    if (relation := product.relation) is not None:
        return [*([relation.schema] if relation.schema else []), relation.name, relation.kind]
    return (
        product.path.removeprefix(f"{PROXIES}generic/") if product.maker == "GenericProduct" else product.path
    )


def _plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(inner) for key, inner in value.items())
    return type(value) in _PLAIN


def _outside(path: str) -> bool:
    return os.path.isabs(path) or path.startswith("..")


def _copy_changed(source: str, target: str) -> str:
    """Copy a file, unless it is there already as it is: what is not touched is not read again."""
    if not os.path.exists(target) or Path(target).read_bytes() != Path(source).read_bytes():
        writing.write(target, [Path(source).read_bytes()])
    return target


def _is_plain_partial(thing: Any) -> bool:
    """Return whether a thing is a partial whose arguments pipeline.yaml can hold."""
    return (
        isinstance(thing, functools.partial) and not thing.args and all(map(_plain, thing.keywords.values()))
    )


def _same(thing: Any) -> Any:
    return thing
