"""Whether a real import, here and now, would do what was recorded."""

from __future__ import annotations

import builtins
import logging
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import field
from types import FunctionType

from ...dataclass import dataclass
from .machinery import bootstrap, libraries
from .pool import Pool
from .seen import MISSING, Seen, Stamp, stamp

#: Beginnings of environment variables that C code reads when it is loaded, whoever it belongs to.
_NATIVE = (
    *(
        "OMP_",
        "OPENBLAS_",
        "GOTO_",
        "GOMP_",
        "KMP_",
        "MKL_",
        "BLIS_",
        "VECLIB_",
        "NUMEXPR_",
        "ACC_",
        "GFORTRAN_",
    ),
    *(
        "NPY_",
        "NUMPY_",
        "ARROW_",
        "JE_",
        "POLARS_",
        "LLVM_",
        "OPENSSL_",
        "SSLKEYLOGFILE",
        "FREETYPE_",
        "CUDA_",
    ),
    *("LD_", "MALLOC_", "GLIBC_", "LC_", "LANG", "TZ", "XDG_", "HOME"),
)
_INTEL = re.compile("lib(i?omp|mkl)", re.I).match
#: Where octavo's own code stands.
_OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
#: Which variables matter to modules that read them all.
_BY_NAME = {"tqdm": "TQDM_", "networkx": "NETWORKX_", "numba": "NUMBA_"}


@dataclass(slots=True)
class Conditions:
    """Under which some modules were imported."""

    origins: dict[str, str | tuple[str, ...] | None] = field(default_factory=dict)
    files: dict[str, Stamp] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)
    every: dict[str, str] = field(default_factory=dict)
    bound: dict[tuple[str, str], tuple[object, str]] = field(default_factory=dict)
    logged: dict[tuple[str, int], tuple[bool, str]] = field(default_factory=dict)
    peeked: dict[str, str] = field(default_factory=dict)
    warned: list[Seen] = field(default_factory=list)
    extensions: list[Seen] = field(default_factory=list)

    @classmethod
    def of(cls, modules: Iterable[Seen]) -> Conditions:
        found = cls()
        for seen in modules:
            name = seen.name
            if "." not in name:
                found.origins[name] = seen.origin
            found.files.update(seen.files)
            found.absent.update((each, name) for each in seen.absent if "." not in each)
            prefix = _BY_NAME.get(seen.package, "") if "*" in seen.read else ""
            found.read.update((each, name) for each in seen.read if each.startswith(prefix))
            if "*" in seen.read:
                found.every[seen.package] = name
            found.bound.update((key, (value, name)) for key, value in seen.bound.items())
            found.logged.update((key, (value, name)) for key, value in seen.logged.items())
            found.peeked.update((each, name) for each in seen.peeked)
            if seen.warned:
                found.warned.append(seen)
            if seen.extension:
                found.extensions.append(seen)
        return found


def _own(value: object) -> object:
    """Return what octavo has put one of its own functions around, to see what a task asks for; else the value."""
    while (
        isinstance(value, FunctionType)
        and value.__code__.co_filename.startswith(_OURS)
        and hasattr(value, "__wrapped__")
    ):
        value = value.__wrapped__
    return value


@dataclass(frozen=True, slots=True)
class Difference:
    """Why a module would not be imported as it was recorded."""

    module: str
    why: str
    #: Whether it would be taken from another place: then it may be one without compiled parts.
    elsewhere: bool = False


class Circumstances:
    """This process as it was when its task began, to compare with."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._environment = dict(pool.environment)
        self._import = builtins.__import__
        self._finders = list(sys.meta_path)
        self._loggers = logging.getLoggerClass()
        self._found: dict[str, object] = {}
        self._in_code: dict[str, str | None] = {}

    def wrote(self, names: Iterable[str]) -> None:
        """Take what modules themselves have just written to the environment as it should be."""
        for name in names:
            if (value := os.environ.get(name)) is None:
                self._environment.pop(name, None)
            else:
                self._environment[name] = value

    def difference(self, modules: list[Seen], conditions: Conditions) -> Difference | None:
        """Return the first difference, or None."""
        return next(self._differences(modules, conditions), None)

    def _differences(self, modules: list[Seen], conditions: Conditions) -> Iterator[Difference]:
        first = modules[0].name
        if builtins.__import__ is not self._import:
            yield Difference(first, "__import__ was replaced")
        if sys.gettrace() or sys.getprofile() or threading.gettrace() or threading.getprofile():
            yield Difference(first, "it would be traced")
        if logging.getLoggerClass() is not self._loggers:
            yield Difference(first, "the class of loggers was changed")
        yield from self._variables(conditions)
        yield from self._places(modules, conditions)
        for path, before in conditions.files.items():
            if stamp(path) != before:
                yield Difference(
                    next(one.name for one in modules if path in one.files), f"{path} has changed"
                )
        for (name, item), (value, module) in conditions.bound.items():
            now = _own(getattr(sys.modules.get(name), "__dict__", {}).get(item, MISSING))
            if now is not value and now is not MISSING and now != value:
                yield Difference(module, f"{name}.{item} was replaced")
        for (name, level), (through, module) in conditions.logged.items():
            if logging.getLogger(name).isEnabledFor(level) is not through:
                yield Difference(module, "its messages would be logged")
        for name in conditions.peeked.keys() & sys.modules.keys():
            yield Difference(conditions.peeked[name], f"{name} was imported before")
        for seen in conditions.warned:
            if any(each.action() == "error" for each in seen.warned):
                yield Difference(seen.name, "its warnings would be errors")

    # ── environment variables

    def _variables(self, conditions: Conditions) -> Iterator[Difference]:
        now, before = dict(os.environ), self._environment
        if now == before:
            return
        for name in sorted(now.keys() | before.keys()):
            if now.get(name) == before.get(name):
                continue
            if (module := conditions.read.get(name)) is not None:
                yield Difference(module, f"{name} has another value")
            for package, module in conditions.every.items():
                if name.startswith(_BY_NAME.get(package, "")):
                    yield Difference(module, f"{name} has another value")
            if name not in before and (name, now[name]) in self._pool.written:
                continue  # a real import has written it, as it did when this was recorded, before or after
            if name.startswith("KMP_") and not any(map(_INTEL, libraries())):
                continue  # only Intel's OpenMP reads it
            for package in {seen.package for seen in conditions.extensions}:
                if name.startswith((*_NATIVE, f"{package.upper()}_")):
                    yield Difference(package, f"{name} has another value")
            if module := self._mentioned(name, conditions):
                yield Difference(module, f"{name} has another value")

    def _mentioned(self, name: str, conditions: Conditions) -> str | None:
        """Return an extension module whose code holds a variable's name."""
        sought = name.encode("utf-8", "surrogateescape") + b"\0"
        for seen in conditions.extensions:
            key = f"{seen.name} {name}"
            if key not in self._in_code:
                try:
                    with open(seen.extension or "", "rb") as file:  # noqa: PTH123
                        held = sought in file.read()
                except OSError:
                    held = True
                self._in_code[key] = seen.name if held else None
            if self._in_code[key]:
                return seen.name
        return None

    # ── where modules are found

    def _places(self, modules: list[Seen], conditions: Conditions) -> Iterator[Difference]:
        for name, origin in conditions.origins.items():
            spec = bootstrap._find_spec(name, None)
            found = spec and (spec.origin or tuple(spec.submodule_search_locations or ()) or None)
            if found != origin:
                why = f"it would be taken from {found}" if spec else "it is not there any more"
                yield Difference(name, why, elsewhere=spec is not None)
        for name, module in conditions.absent.items():
            if name not in sys.modules and bootstrap._find_spec(name, None) is not None:
                yield Difference(module, f"{name} is there now")
        known = [*self._finders, *self._pool.finders]
        foreign = [finder for finder in sys.meta_path if not any(finder is each for each in known)]
        for finder in foreign:
            for seen in modules:
                above = sys.modules.get(seen.name.rpartition(".")[0])
                path = getattr(above, "__path__", None)
                find = getattr(finder, "find_spec", None)
                if find is not None and find(seen.name, path, None) is not None:
                    yield Difference(seen.name, "an import hook would load it")
