"""Give functions and clients that only this process knows dotted paths that forked workers can resolve.

A pipeline made in Python may use what no other process can import: functions of ``__main__`` or of a notebook, lambdas,
partials, closures, open connections. Each gets a name here, made of its code, so that another code is another name.
"""

from __future__ import annotations

import ast
import functools
import inspect
import os
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..definitions import encode
from ..digests import digest
from ..products import writing
from ..reading.folders import find_module, folders
from ..values import Unencodable

#: Where the texts of such functions are put, to be read like any other source, below the project.
FOLDER = ".octavo/functions"

# ``octavo.ploomber.unimportable.NAME`` is looked up here; a process forked from this one has the same table
_OBJECTS: dict[str, Any] = {}
_MODULES: dict[str, types.ModuleType] = {}


def __getattr__(name: str) -> Any:
    try:
        return _OBJECTS[name]
    except KeyError:
        raise AttributeError(f"{name} is known only to the process that made the pipeline") from None


def path_of(thing: Any, root: str) -> str | None:
    """Return the dotted path under which any worker finds the very same function or class; None for none."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not module or not name or module in ("__main__", "__mp_main__") or "<" in name:
        return None
    value: Any = sys.modules.get(module)
    for part in name.split("."):
        value = getattr(value, part, None)
    if value is not thing or not _importable(module, root):
        return None
    return f"{module}.{name}"


def _importable(module: str, root: str) -> bool:
    """Return whether a worker, which begins with the project's folders and Python's own, can import a module."""
    file = getattr(sys.modules[module], "__file__", None)
    if file is None:
        return module in sys.builtin_module_names
    if file.startswith((sys.prefix, sys.base_prefix)) or module.partition(".")[0] == "octavo":
        return True
    tail = module.replace(".", os.sep)
    homes = [*folders(root), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    places = [os.path.join(home, tail + end) for home in homes for end in (".py", f"{os.sep}__init__.py")]
    return os.path.realpath(file) in map(os.path.realpath, places)


def register(thing: Any, word: str = "") -> str:
    """Return the dotted path of an object that only this process knows."""
    word = re.sub(r"\W", "_", word or getattr(thing, "__name__", "") or type(thing).__name__)
    name = f"{word}_{identity(thing)}"
    _OBJECTS[name] = thing
    return f"{__name__}.{name}"


def register_function(thing: Callable[..., Any], task: str, root: str, values: Mapping[str, Any]) -> str:
    """Return a dotted path for the function of a task; its text is put where the path leads to.

    The text is for people: what counts is the ``identity`` of the function and the values.
    ``values`` are arguments that pipeline.yaml has no form for; the function gets them in addition to the others.
    """
    if not values and (path := _of_main(thing, root)):
        return path
    module = "task_" + re.sub(r"\W", "_", task)
    name, text = _source(thing)
    folder = Path(root, FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{module}.py"
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        writing.write(file, [text.encode()])
    holder = types.ModuleType(module)
    setattr(holder, name, _with_values(thing, values) if values else thing)
    _MODULES[module] = holder
    return f"{module}.{name}"


def registered(path: str) -> bool:
    """Return whether a dotted path leads to what only this process knows."""
    return path.startswith(__name__ + ".") or path.partition(".")[0] in _MODULES


def expose() -> Callable[[], None]:
    """Let ``import`` find the modules of such functions; return what ends that."""
    before = {name: sys.modules.get(name) for name in _MODULES}
    sys.modules.update(_MODULES)

    def end() -> None:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module

    return end


def _of_main(thing: Any, root: str) -> str | None:
    """Return the path of a function at the top of the program's file, where that can be read as a module."""
    main = sys.modules.get("__main__")
    file, name = getattr(main, "__file__", None), getattr(thing, "__name__", "")
    if file is None or getattr(main, name, None) is not thing or not inspect.isfunction(thing):
        return None
    stem, code = Path(file).stem, thing.__code__
    if os.path.realpath(code.co_filename) != os.path.realpath(file) or not stem.isidentifier():
        return None
    found = find_module(stem, root)
    if found is None or os.path.realpath(found) != os.path.realpath(file):
        return None
    assert main is not None
    _MODULES[stem] = main
    return f"{stem}.{name}"


def _source(thing: Any) -> tuple[str, str]:
    """Return a name and the text of a module that holds a function, and the functions that it can reach by name."""
    plain = _plain(thing)
    try:
        text = textwrap.dedent(inspect.getsource(plain))
        tree = ast.parse(text)
    except (OSError, TypeError, SyntaxError):
        return "call", f"call = {describe(thing)!r}\n"
    name = getattr(tree.body[0], "name", None)
    if name is None:  # a lambda: what stands around it in its line says what it is
        return "call", f"call = {text!r}\n"
    parts = {name: text}
    for other, part in _reached(plain, {name}):
        parts[other] = part
    return name, "\n\n".join(reversed(parts.values()))


def _reached(thing: Any, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Yield functions, classes and plain values of a program or notebook that a function's code names."""
    code, around = getattr(thing, "__code__", None), getattr(thing, "__globals__", {})
    for name in _names(code) if code else ():
        if name in seen or name not in around:
            continue
        value = around[name]
        seen.add(name)
        if isinstance(value, types.FunctionType | type) and value.__module__ == thing.__module__:
            try:
                yield name, textwrap.dedent(inspect.getsource(value))
            except (OSError, TypeError):
                continue
            if isinstance(value, types.FunctionType):
                yield from _reached(value, seen)
        elif isinstance(value, str | int | float | bool | bytes | None):
            yield name, f"{name} = {value!r}\n"


def _names(code: types.CodeType) -> list[str]:
    inner = [name for const in code.co_consts if isinstance(const, types.CodeType) for name in _names(const)]
    return [*code.co_names, *inner]


def _plain(thing: Any) -> Any:
    while isinstance(thing, functools.partial):
        thing = thing.func
    return inspect.unwrap(thing)


def identity(thing: Any) -> str:
    """Return a digest of all that an object is and does; for what cannot be told from others, another each time."""
    try:
        return digest(encode(_located(thing)))
    except Unencodable:
        return os.urandom(16).hex()


def _located(thing: Any) -> Any:
    """Return what stands for an open connection: where it leads. Anything else stands for itself."""
    if isinstance(thing, functools.partial) and thing.args:
        return [thing.func, *map(_located, thing.args), thing.keywords]
    where = _PLACES.get(type(thing).__module__.partition(".")[0])
    try:
        places = where(thing) if where else ()
    except Exception:  # it is closed, or no connection at all
        return thing
    return [type(thing).__name__, *places] if places and all(places) else thing


def _files(connection: Any) -> list[str]:
    found = connection.execute("PRAGMA database_list").fetchall()
    return [path for _, name, path in found if name not in ("temp", "system")]


#: Where connections lead, by the package that makes them; an empty string for a place that is nowhere else.
_PLACES: dict[str, Callable[[Any], list[str]]] = {
    "sqlite3": _files,
    "duckdb": _files,
    "_duckdb": _files,
    "sqlalchemy": lambda it: [_url(it.engine.url)],
    "psycopg": lambda it: [it.info.dsn],
    "psycopg2": lambda it: [it.dsn],
}


def _url(url: Any) -> str:
    nowhere = url.drivername.startswith("sqlite") and url.database in (None, "", ":memory:")
    return "" if nowhere else url.render_as_string(hide_password=False)


def type_and_identity(value: Any) -> str:
    """Return the text that stands for a value in a pipeline: what type it is of, and which of them."""
    return f"{type(value).__name__} {identity(value)}"


def describe(value: Any) -> str:
    """Return a value as a person wants to see it in a message, without addresses."""
    if isinstance(value, type | types.FunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _with_values(thing: Callable[..., Any], values: Mapping[str, Any]) -> Callable[..., Any]:
    @functools.wraps(thing)
    def call(*args: Any, **arguments: Any) -> Any:
        return thing(*args, **{**arguments, **values})

    return call
