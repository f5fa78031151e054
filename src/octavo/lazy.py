"""Import modules of octavo when they are first used: ``with lazy_imports(): from .cache import reuse``.

The one seam where octavo imports late. Type checkers, linters and tests read the statements as the imports that they
are; Python 3.15 spells the same ``lazy from .cache import reuse``. Only modules are imported this way, never names in
them. A missing optional package becomes an error that says how to install it, at the moment it is needed.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType, SimpleNamespace

from .errors import MissingExtra

#: Which extra brings a package that may be missing.
EXTRAS: dict[str, str] = {
    "boto3": "aws",
    "distributed": "dask",
    "fsspec": "remote",
    "mlflow": "mlflow",
    "nbconvert": "export",
    "obstore": "remote",
    "pandas": "ploomber",
    "sqlalchemy": "sql",
}


class lazy_imports:
    """Make the import statements of a ``with`` block bind modules that are executed on first use.

    ``__import__`` is replaced for the block, and passes on every import that is not the block's own: other threads,
    signal handlers and finalizers import as ever.
    """

    def __init__(self) -> None:
        # the globals of the module that the block stands in: __import__ is told no more of who imports
        self._namespace = sys._getframe(1).f_globals
        self._open = False

    def __enter__(self) -> None:
        self._open = True
        # no call stands between these two, so no other thread comes between them
        self._before = builtins.__import__
        builtins.__import__ = self

    def __exit__(self, *error: object) -> None:
        self._open = False
        # another thread's block may have been put on top of this one: whoever leaves last clears all that have ended
        while isinstance(top := builtins.__import__, lazy_imports) and not top._open:
            builtins.__import__ = top._before

    def __call__(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if globals is not self._namespace or not self._open:
            return self._before(name, globals, locals, fromlist or (), level)
        if level:
            package = str(globals["__package__"]).rsplit(".", level - 1)[0]
            name = f"{package}.{name}" if name else package
        if fromlist:
            return SimpleNamespace(**{each: LazyModule(f"{name}.{each}") for each in fromlist})  # type: ignore[return-value]
        if "." in name:
            raise ImportError(f"import {name} binds its first part: say from … import …", name=name)
        return LazyModule(name)  # type: ignore[return-value]


class LazyModule:
    """A module that is imported when the first of its attributes is asked for, and is the same to its users then."""

    __slots__ = ("__dict__", "__weakref__")

    def __init__(self, name: str) -> None:
        self.__dict__["__name__"] = name  # which module this is can be asked without importing it

    def __getattr__(self, name: str) -> object:
        module = imported(self.__dict__["__name__"])
        self.__dict__ = module.__dict__  # one table for both: from now on no attribute takes this way
        return getattr(module, name)

    def __repr__(self) -> str:
        return f"<lazy module {self.__dict__['__name__']!r}>"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return imported, (self.__dict__["__name__"],)


def imported(name: str) -> ModuleType:
    """Import a module; raise ``MissingExtra`` where an optional package is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", __name__.partition(".")[0]):
            raise
        raise missing_extra(missing) from error


@contextmanager
def put_off(module: str, function: str) -> Iterator[None]:
    """Let other packages' imports in a block find a module that is imported when its function is first called.

    For what costs much to import and is then hardly ever called: ``put_off("rfc3987_syntax", "is_valid_syntax")``
    around an import of jsonschema, which compiles a grammar of IRIs for a second otherwise.
    """
    if module in sys.modules or PathFinder.find_spec(module) is None:
        yield
        return
    stand_in = ModuleType(module)
    setattr(stand_in, function, lambda *args: getattr(import_module(module), function)(*args))
    sys.modules[module] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(module) is stand_in:
            del sys.modules[module]


def missing_extra(package: str) -> MissingExtra:
    """Return the error for a package that is not installed."""
    extra = EXTRAS.get(package)
    hint = f'pip install "octavo[{extra}]"' if extra else f"pip install {package}"
    return MissingExtra(f'the package "{package}" is not installed', hint=hint)
