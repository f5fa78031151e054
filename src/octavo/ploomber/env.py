"""Env, with_env and load_env: env.yaml for functions that make pipelines."""

from __future__ import annotations

import functools
import inspect
import keyword
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from ..lazy import lazy_imports
from ..process.ploomber_names import absent

with lazy_imports():
    from ..spec import document as documents
    from ..spec import expand, surroundings

__all__ = ["Env", "load_env", "with_env"]
__getattr__ = absent(__name__)

_FILE = "env.yaml"


class Section(Mapping[str, Any]):
    """A part of an environment: its values as attributes and as items; those of ``path`` are paths."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = dict(table)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        plain = name[:-1] if keyword.iskeyword(name[:-1]) and name.endswith("_") else name
        try:
            return _shown(self._table[plain])
        except KeyError:
            listed = ", ".join(self._table) or "nothing"
            raise AttributeError(f"the environment has no {name}; there is {listed}") from None

    def __getitem__(self, name: str) -> Any:
        if name not in self._table:
            raise KeyError(f"the environment has no {name}; there is {', '.join(self._table) or 'nothing'}")
        return self._table[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def __dir__(self) -> list[str]:
        return list(self._table)

    def __str__(self) -> str:
        return str(self._table)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._table})"

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            raise RuntimeError("env is a read-only object")
        super().__setattr__(name, value)


class Env(Section):
    """The environment in use: there is one at a time, from ``Env(…)`` to ``env.end()`` or the end of ``with``.

    ``source`` is a mapping or the path of a file; env.yaml is looked for here and in the folders above.
    """

    _current: Env | None = None

    def __new__(cls, source: Any = None) -> Self:
        if Env._current is not None:
            raise RuntimeError(f"Cannot start environment, one has already started: {Env._current!r}")
        return super().__new__(cls)

    def __init__(self, source: Mapping[str, Any] | str | os.PathLike[str] | None = None) -> None:
        super().__init__(source._table if isinstance(source, Section) else values(source))
        Env._current = self

    @classmethod
    def load(cls) -> Env:
        """Return the environment in use; raise ``RuntimeError`` where none is."""
        if Env._current is None:
            raise RuntimeError("Env has not been set, run Env() before running Env.load()")
        return Env._current

    @classmethod
    def end(cls) -> None:
        """Let another environment be started."""
        Env._current = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        Env.end()

    def __reduce__(self) -> tuple[Any, ...]:
        return Section, (self._table,)


def values(
    source: Mapping[str, Any] | str | os.PathLike[str] | None, changes: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the values of an environment, placeholders replaced; ``changes`` are by names as in "path.data".

    A folder of the section ``path`` whose name ends in a slash is created.
    """
    if isinstance(source, Mapping):
        folder = os.getcwd()
        document = documents.Document(_FILE, dict(source))
    else:
        file = find(os.fspath(source) if source else _FILE)
        folder = os.path.dirname(file)
        document = expand.imported(
            file,
            folder,
            lambda path: documents.parse(Path(path).read_text(encoding="utf-8"), os.path.relpath(path)),
        )
    module = document.data.get("_module") if isinstance(document.data, dict) else None
    root = module if isinstance(module, str) and os.path.isdir(module) else folder
    around = surroundings.surroundings(os.path.abspath(root), folder)
    environment = expand.environment(document, changes or {}, around)
    table = dict(environment.table)
    if "path" in table:
        table["path"] = _paths(table["path"])
    for path in environment.folders:
        Path(folder, path).mkdir(parents=True, exist_ok=True)
    return table


def _paths(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _paths(inner) for name, inner in value.items()}
    return Path(value).expanduser() if isinstance(value, str) else value


def find(name: str) -> str:
    """Return the path of an environment file: as it is named, or in the nearest folder above that has one."""
    here = Path.cwd()
    for folder in (here, *here.parents) if os.path.basename(name) == name else (here,):
        if (folder / name).is_file():
            return str((folder / name).absolute())
    raise FileNotFoundError(f"there is no {name} in this folder or its parents")


def with_env(source: Any) -> Any:
    """Give a function that makes a pipeline its environment as first argument, ``env``.

    Used as ``@with_env`` (the nearest env.yaml), ``@with_env("env.test.yaml")`` or ``@with_env({"name": value})``.
    Callers change values by arguments: ``make(env__path__data="elsewhere")``.
    """
    if inspect.isfunction(source):
        return _with_env(source, None)
    return lambda function: _with_env(function, source)


def _with_env(function: Callable[..., Any], source: Any) -> Callable[..., Any]:
    _check(function)

    @functools.wraps(function)
    def make(*args: Any, **kwargs: Any) -> Any:
        names = [name for name in kwargs if name.startswith("env__")]
        changes = {name[len("env__") :].replace("__", "."): kwargs.pop(name) for name in names}
        with Env(Section(values(source, changes))) as env:
            return function(env, *args, **kwargs)

    make.__signature__ = _rest(function)  # type: ignore[attr-defined]
    make._env_source = source  # type: ignore[attr-defined]
    return make


def load_env(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function the environment in use as first argument, ``env``."""
    _check(function)

    @functools.wraps(function)
    def make(*args: Any, **kwargs: Any) -> Any:
        return function(Env.load(), *args, **kwargs)

    make.__signature__ = _rest(function)  # type: ignore[attr-defined]
    return make


def _check(function: Callable[..., Any]) -> None:
    names = list(inspect.signature(function).parameters)
    if names[:1] != ["env"]:
        raise RuntimeError(f'the first argument of {function.__name__} must be "env"')
    if clashing := [name for name in names[1:] if name.lower().startswith("env")]:
        raise RuntimeError(f'only the first argument of {function.__name__} may begin with "env": {clashing}')


def _rest(function: Callable[..., Any]) -> inspect.Signature:
    signature = inspect.signature(function)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def _shown(value: Any) -> Any:
    return Section(value) if isinstance(value, Mapping) else value


def plain(value: Any) -> Any:
    """Return an environment as data: its paths as texts."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value
