"""Save what functions return, and load it again, by file extension.

The decorators take the arguments, and the decorated functions the calls, that Ploomber's ``ploomber.io`` has.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial, wraps
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from . import plugins
from .products import writing

#: Saves a value at a path.
Save = Callable[[Any, Any], object]  # of the types that the project's functions have
#: Loads what is at a path.
Load = Callable[[Any], Any]
_Path = str | PathLike[str]
_Function = TypeVar("_Function", Save, Load)
#: What ``fallback`` may say, and which module it means.
_PICKLERS = {True: "pickle", "pickle": "pickle", "joblib": "joblib", "cloudpickle": "cloudpickle"}


def serializer(
    extension_mapping: Mapping[str, Save] | None = None,
    *,
    fallback: bool | str = False,
    defaults: Iterable[str] | None = None,
    unpack: bool = False,
) -> Callable[[Save], Save]:
    """Decorate a function of a value and a product, so that each product is saved by its extension.

    ``extension_mapping`` has functions of a value and a path; ``defaults`` are extensions for which octavo has one:
    .txt, .json, .csv, .parquet. Other extensions are pickled if ``fallback`` is True, "pickle", "joblib" or
    "cloudpickle", and else left to the decorated function. Several products take a dict with their keys. With
    ``unpack`` the product of a dict is a folder, with a file for each of its keys.
    """

    def decorate(function: Save) -> Save:
        save = _chosen(function, 2, extension_mapping, fallback, defaults, _SAVING, _dump)

        def one(value: object, product: _Path) -> None:
            if not (unpack and isinstance(value, Mapping)):
                save(product)(value, product)
                return
            writing.empty(product)
            for name, inner in value.items():
                if not isinstance(name, str):
                    raise TypeError(f"the keys of what is unpacked are names of files, not {name!r}")
                save(name)(inner, Path(product, name))

        @wraps(function)
        def serialize(value: Any, product: _Path | Mapping[str, _Path]) -> None:  # a dict then
            if isinstance(product, Mapping):
                _matching(value, product)
                for key in product:
                    one(value[key], product[key])
            else:
                one(value, product)

        return serialize

    return decorate


def unserializer(
    extension_mapping: Mapping[str, Load] | None = None,
    *,
    fallback: bool | str = False,
    defaults: Iterable[str] | None = None,
    unpack: bool = False,
) -> Callable[[Load], Load]:
    """Decorate a function of a product, so that each product is loaded by its extension.

    The arguments are those of ``serializer``. With ``unpack`` a folder is loaded as a dict, by the names of its files.
    """

    def decorate(function: Load) -> Load:
        load = _chosen(function, 1, extension_mapping, fallback, defaults, _LOADING, _undump)

        def one(product: _Path) -> object:
            if unpack and Path(product).is_dir():
                return {path.name: load(path)(path) for path in sorted(Path(product).iterdir())}
            return load(product)(product)

        @wraps(function)
        def unserialize(product: _Path | Mapping[str, _Path]) -> object:
            if isinstance(product, Mapping):
                return {key: one(product[key]) for key in product}
            return one(product)

        return unserialize

    return decorate


def _chosen(
    function: _Function,
    takes: int,
    mapping: Mapping[str, _Function] | None,
    fallback: bool | str,
    defaults: Iterable[str] | None,
    known: Mapping[str, _Function],
    pickled: Callable[..., object],
) -> Callable[[_Path], _Function]:
    """Return what chooses a function for a path; wrong arguments of a decorator are errors at once."""
    name = getattr(function, "__name__", repr(function))
    if (arguments := len(inspect.signature(function).parameters)) != takes:
        raise TypeError(f"{name} should take {takes} argument{'s' * (takes > 1)}, but it takes {arguments}")
    table = _table(name, mapping, defaults, known)
    rest: _Function = function
    if fallback:
        if fallback not in _PICKLERS:
            raise ValueError(
                f'{name}: fallback is True, "pickle", "joblib" or "cloudpickle", not {fallback!r}'
            )
        module = _PICKLERS[fallback]
        if importlib.util.find_spec(module) is None:
            raise ModuleNotFoundError(
                f'{name}: fallback="{module}" needs the package {module}, not installed'
            )
        rest = partial(pickled, module)
    return lambda path: table.get(Path(path).suffix, rest)


def _table(
    name: str,
    mapping: Mapping[str, _Function] | None,
    defaults: Iterable[str] | None,
    known: Mapping[str, _Function],
) -> dict[str, _Function]:
    if mapping is not None and not isinstance(mapping, Mapping):
        raise TypeError(f"{name}: extension_mapping is a dict from extensions to functions, not {mapping!r}")
    own = dict(mapping or {})
    if undotted := [suffix for suffix in own if not suffix.startswith(".")]:
        raise ValueError(f"{name}: extensions start with a dot, unlike {undotted[0]!r}")
    if isinstance(defaults, str) or not isinstance(defaults or (), Iterable):
        raise TypeError(f"{name}: defaults is a list of extensions, not {defaults!r}")
    wanted = list(defaults or ())
    if both := [suffix for suffix in wanted if suffix in own]:
        raise ValueError(f"{name}: {', '.join(both)} is in both extension_mapping and defaults")
    if unknown := [suffix for suffix in wanted if suffix not in known]:
        raise ValueError(
            f"{name}: there is no default for {', '.join(map(repr, unknown))}, only for {', '.join(known)}"
        )
    return {**{suffix: known[suffix] for suffix in wanted}, **own}


def _matching(value: object, products: Mapping[str, object]) -> None:
    keys = ", ".join(map(str, products))
    if not isinstance(value, Mapping):
        raise TypeError(
            f"it has the products {keys}, so it must return a dict with these keys, not {type(value).__name__}"
        )
    missing, extra = ([key for key in a if key not in b] for a, b in ((products, value), (value, products)))
    wrong = [f"{', '.join(map(str, missing))} is missing"] if missing else []
    wrong += [f"{', '.join(map(str, extra))} is not a product"] if extra else []
    if wrong:
        raise ValueError(f"it must return a dict with the keys of its products, {keys}: {'; '.join(wrong)}")


def _dump(module: str, value: object, path: _Path) -> None:
    with writing.beside(path) as part, Path(part).open("wb") as file:
        plugins.load(module).dump(value, file)


def _undump(module: str, path: _Path) -> object:
    with Path(path).open("rb") as file:
        return plugins.load(module).load(file)


def _save_text(value: object, path: _Path) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{path} takes a text, not {type(value).__name__}")
    with writing.beside(path) as part:
        Path(part).write_text(value)


def _save_json(value: object, path: _Path) -> None:
    try:
        text = json.dumps(value)
    except TypeError as error:
        raise TypeError(f"{path} takes what can be said in JSON: {error}") from None
    with writing.beside(path) as part:
        Path(part).write_text(text)


def _save_frame(method: str, value: object, path: _Path) -> None:
    if not hasattr(value, method):
        raise TypeError(f"{path} takes a pandas DataFrame, not {type(value).__name__}")
    with writing.beside(path) as part:
        getattr(value, method)(part)


def _load_frame(reader: str, path: object) -> object:
    return plugins.load(f"pandas:{reader}")(path)


_SAVING: dict[str, Save] = {
    ".txt": _save_text,
    ".json": _save_json,
    ".csv": partial(_save_frame, "to_csv"),
    ".parquet": partial(_save_frame, "to_parquet"),
}
_LOADING: dict[str, Load] = {
    ".txt": lambda path: Path(path).read_text(),
    ".json": lambda path: json.loads(Path(path).read_text()),
    ".csv": partial(_load_frame, "read_csv"),
    ".parquet": partial(_load_frame, "read_parquet"),
}


@serializer(fallback=True)
def serializer_pickle(obj: object, product: object) -> None:
    """Pickle whatever a function returns."""


@unserializer(fallback=True)
def unserializer_pickle(product: object) -> object:
    """Load what was pickled."""
