"""DAGSpec: pipelines from files as DAGs."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from .. import calls
from ..errors import Error, Errors
from ..kinds import keys
from ..lazy import lazy_imports
from ..model import Call, Relation
from ..model import Product as Made
from ..model import Task as Read
from ..process import child
from ..process.ploomber_names import absent
from ..project import Project
from ..reading.folders import folders
from ..spec import surroundings
from ..spec.dialect import FILES
from ..spec.entry import EntryPoint
from ..spec.entry import find as find_entry
from . import products
from . import tasks as classes
from .dag import DAG
from .env import plain
from .exceptions import DAGSpecInitializationError, DAGSpecInvalidError
from .executors import Parallel
from .pipeline import Named, Origin
from .to_spec import entry_of

with lazy_imports():
    from ..spec import document as documents
    from ..spec import expand

__all__ = ["DAGSpec", "DAGSpecPartial", "lazily_load_entry_point"]
__getattr__ = absent(__name__)


class DAGSpec(MutableMapping[str, Any]):
    """A pipeline of a file, or of data in the dialect; as a mapping, the data.

    ``env`` changes values of env.yaml for a file that has one beside it; otherwise it is the environment. Paths of
    data are relative to ``parent_path`` (default: here).
    """

    def __init__(
        self,
        data: str | os.PathLike[str] | dict[str, Any] | list[Any],
        env: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        lazy_import: bool = False,
        reload: bool = False,
        parent_path: str | os.PathLike[str] | None = None,
    ) -> None:
        self.path: Path | None = None
        read = documents.parse
        try:
            if isinstance(data, str | os.PathLike):
                self.path = Path(data).absolute()
                if not self.path.is_file():
                    raise DAGSpecInvalidError(f"there is no pipeline at {data}")
                entry = find_entry(self.path)
                self.root = str(entry.root)
                document = read(self.path.read_text(encoding="utf-8"), os.path.relpath(self.path))
            else:
                self.root = os.path.abspath(parent_path or "")
                document = documents.Document("the pipeline", data)
        except (Error, Errors) as error:
            raise DAGSpecInitializationError(str(error)) from error
        self._document = document
        self._env = _environment(env, self.path, self.root)
        self.data: dict[str, Any] = self._filled()
        self._changed = False

    def _filled(self) -> dict[str, Any]:
        """Return the data with placeholders replaced; tasks of ``import_tasks_from`` among its own."""
        try:
            full = expand.expand(self._document, *self._env)
        except (Error, Errors) as error:
            raise DAGSpecInitializationError(str(error)) from error
        if full.mistakes:
            raise DAGSpecInitializationError("\n".join(map(str, full.mistakes)))
        return {"tasks": full.data} if isinstance(full.data, list) else full.data

    def to_dag(self) -> DAG:
        """Return the pipeline as a DAG; raise ``DAGSpecInitializationError`` for mistakes in it."""
        if location := self.data.get("location"):
            # the project's own modules, installed or not
            child.put_first(folders(self.root))
            return lazily_load_entry_point(location)
        return _dag(self._entry(), {}, self.data)

    def _entry(self) -> EntryPoint:
        named = self.path or Path(self.root, "pipeline")
        return EntryPoint(named, Path(self.root), _resolved(self.data, named.parent, self.root, self._env))

    @classmethod
    def find(
        cls,
        env: Mapping[str, Any] | str | None = None,
        reload: bool = False,
        lazy_import: bool = False,
        starting_dir: str | os.PathLike[str] | None = None,
        name: str | None = None,
    ) -> DAGSpec:
        """Return the nearest pipeline: of this folder, of one above, or of the package of this project."""
        try:
            entry = find_entry(Path(starting_dir, name or "") if starting_dir else name)
        except Error as error:
            raise DAGSpecInvalidError(str(error)) from error
        if entry.data is not None:
            return cls(entry.data, env, parent_path=entry.root)
        return cls(entry.path, env)

    @classmethod
    def from_directory(cls, path_to_dir: str | os.PathLike[str]) -> DAGSpec:
        """Return the pipeline of the notebooks in a folder, which say themselves what they need and make."""
        folder = Path(path_to_dir)
        return cls.from_files([one for one in sorted(folder.iterdir()) if one.suffix in _NOTEBOOKS])

    @classmethod
    def from_files(cls, files: Any) -> DAGSpec:
        """Return the pipeline of some notebooks; a text is a pattern of them."""
        found = sorted(Path().glob(files)) if isinstance(files, str) else files
        listed = [{"source": os.path.relpath(one).replace(os.sep, "/")} for one in found]
        if not listed:
            raise DAGSpecInvalidError(f"{files} are no notebooks")
        return cls({"meta": {"extract_product": True, "extract_upstream": True}, "tasks": listed})

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.data[key] = value

    def __delitem__(self, key: str) -> None:
        del self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"DAGSpec({str(self.path) if self.path else self.data!r})"


class DAGSpecPartial(DAGSpec):
    """A list of functions, some of whose upstream is elsewhere: for pipelines in memory."""

    def to_dag(self) -> DAG:
        """Return the tasks as a DAG; what they wait for is theirs to say, in their code."""
        dag = DAG()
        dag.root = self.root
        for number, entry in enumerate(self.data["tasks"] or ()):
            source = entry if isinstance(entry, str) else entry.get("source")
            if not keys.is_dotted(source):
                raise DAGSpecInitializationError(
                    f"task {number + 1} of {self.path} is not a function: {source!r}"
                )
            more = entry if isinstance(entry, dict) else {}
            classes.PythonCallable(source, products.EmptyProduct(), dag, more.get("name"), more.get("params"))
        return dag


_NOTEBOOKS = (".py", ".ipynb", ".R", ".r", ".Rmd", ".md", ".qmd")


def lazily_load_entry_point(starting_dir: str | None = None, reload: bool = False) -> DAG:
    """Return the DAG of an entry point: a file, a folder, a pattern, or the dotted path of a factory."""
    try:
        entry = find_entry(starting_dir)
    except Error as error:
        raise DAGSpecInvalidError(str(error)) from error
    if entry.data is not None and "location" in entry.data:
        return factory(entry.data["location"])()
    return DAGSpec(entry.path if entry.data is None else entry.data, parent_path=entry.root).to_dag()


def factory(location: str) -> Callable[..., DAG]:
    """Return the function of a dotted path; what it returns must be a DAG."""
    module, _, name = location.rpartition(".")
    make = getattr(importlib.import_module(module), name)

    def checked(*args: Any, **kwargs: Any) -> DAG:
        dag = make(*args, **kwargs)
        if not isinstance(dag, DAG):
            raise TypeError(f"{location} must return a DAG, and returned {type(dag).__name__}")
        return dag

    return checked


def _environment(env: Any, path: Path | None, root: str) -> tuple[Any, Any]:
    """Return the environment and the surroundings in which placeholders are replaced."""
    parse, make = documents.parse, expand.environment
    here = str(path.parent) if path else root
    around = surroundings.surroundings(root, here)

    def read(file: str) -> Any:
        return parse(Path(file).read_text(encoding="utf-8"), os.path.relpath(file))

    file = surroundings.env_file(str(path)) if path else None
    if isinstance(env, str | os.PathLike):
        file, env = os.fspath(env), None
    try:
        document = expand.imported(file, here, read) if file else None
        if env is not None:
            under = document.data if document is not None and isinstance(document.data, dict) else {}
            document = documents.Document("env", {**under, **plain(env)})
        table = make(document, {}, around)
    except (Error, Errors) as error:
        raise DAGSpecInitializationError(str(error)) from error
    for folder in table.folders:
        Path(root, folder).mkdir(parents=True, exist_ok=True)
    return table, table.around or around


def _resolved(data: Mapping[str, Any], here: Path, root: str, env: tuple[Any, Any]) -> dict[str, Any]:
    """Return data that stands for itself: what it imports from another file has its placeholders replaced, too."""
    meta = data.get("meta") or {}
    named = meta.get("import_tasks_from")
    if not named:
        return dict(data)
    path = Path(here, named)
    document = documents.parse(path.read_text(encoding="utf-8"), os.path.relpath(path))
    full = expand.expand(document, *env)
    if full.mistakes:
        raise DAGSpecInitializationError("\n".join(map(str, full.mistakes)))
    rest = {key: value for key, value in meta.items() if key != "import_tasks_from"}
    base = os.path.relpath(path.parent, root)
    more = [_based(task, base) for task in full.data] if base != "." else full.data
    return {**data, "meta": rest, "tasks": [*(data.get("tasks") or ()), *more]}


def _based(task: Any, base: str) -> Any:
    """Return a task of an imported file: its source, if that is a file, counts from the folder of that file."""
    if isinstance(task, str):
        task = {"source": task}
    source = str(task.get("source", ""))
    filed = source.lower().endswith(FILES) and not os.path.isabs(source)
    return {**task, "source": os.path.normpath(os.path.join(base, source))} if filed else task


def _dag(entry: EntryPoint, params: Mapping[str, Any], data: Mapping[str, Any]) -> DAG:
    try:
        with Project(entry, params) as project:
            read = list(project.graph)
    except (Error, Errors) as error:
        message = "\n".join(map(str, error.exceptions)) if isinstance(error, Errors) else str(error)
        raise DAGSpecInitializationError(message) from error
    dag = DAG(executor=_executor(data.get("executor")))
    dag.root = str(entry.root)
    dag.name = entry.path.stem if entry.data is None else "No name"
    for name, call in (data.get("clients") or {}).items():
        if call is not None:
            dag.clients[name] = Named(call)
    for one in read:
        _task(one, dag)
    dag.clients.changed = False
    edges = {task.name: tuple(task._before) for task in dag._tasks.values()}
    dag._origin = Origin(entry, params, edges)
    return dag


def _executor(named: Any) -> Any:
    if isinstance(named, Mapping):
        rest = {key: value for key, value in named.items() if key != "dotted_path"}
        parallel = str(named.get("dotted_path", "")).rpartition(".")[2].startswith("Parallel")
        return Parallel(**rest) if parallel else "serial"
    return named or "serial"


def _task(read: Read, dag: DAG) -> None:
    """Add to a DAG a task that was read."""
    entry = entry_of(read)
    make: Any = getattr(classes, entry["class"])
    task = make.__new__(make)
    product = _product(read.products)
    if isinstance(task, classes.Link):
        classes.Link.__init__(task, product, dag, read.name)
    else:
        source: Any = read.source.entry or read.source.path
        if read.source.entry is None and not issubclass(make, classes.SQLUpload | classes.DownloadFromURL):
            source = Path(dag.root, read.source.path)
        classes.Task.__init__(task, source, product, dag, read.name, read.params)
    task.entry = entry
    for word in ("serializer", "unserializer"):
        if call := getattr(read.calls, word):
            task.options[word] = _hook(call)
    for wanted, value in read.inputs.items():
        grouped = isinstance(value, Mapping) and ("*" in wanted or "?" in wanted)
        task._before |= dict.fromkeys(value, wanted) if grouped else {wanted: None}
    for name in read.upstream:
        task._before.setdefault(name, None)


def _hook(call: Call) -> Callable[..., Any]:
    def call_hook(*args: Any, **kwargs: Any) -> Any:
        return calls.resolve(call)(*args, **call.arguments, **kwargs)

    return call_hook


def _product(parts: tuple[Made, ...]) -> Any:
    table = {one.key: _one(one) for one in parts}
    return table.get(None, table)


def _one(part: Made) -> products.Product:
    make = getattr(products, part.maker)
    if (relation := part.relation) is not None:
        assert isinstance(relation, Relation)
        product: products.Product = make((relation.schema, relation.name, relation.kind))
        return product
    product = make(part.path)
    return product  # noqa: RET504 - its type is known here
