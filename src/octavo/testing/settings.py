"""What is asked of the plugin of pytest: by its options, by those of nbval and nbmake, and in pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Protocol

from ..dataclass import dataclass
from ..errors import Error, Place, raise_all
from ..hints import did_you_mean


@dataclass(frozen=True, slots=True)
class TestSettings:
    """How notebooks are tested. ``nbval``: cells have its names; ``foreign``: what other plugins' options ask for.

    ``notebooks`` are patterns of paths, below the folder of pyproject.toml; none is all. ``params`` are those of
    pipelines. Times are seconds.
    """

    __test__ = False

    cells: bool = False
    verify: bool = False
    update: bool = False
    lax: bool = False
    pictures: bool = True
    nbval: bool = False
    foreign: bool = False
    imports_only: bool = False
    pipelines: bool = True
    notebooks: tuple[str, ...] = ()
    kernel: str | None = None
    cell_timeout: float | None = None
    start_timeout: float | None = None
    rtol: float = 1e-6
    atol: float = 1e-12
    sanitize: tuple[str, ...] = ()
    params: Mapping[str, object] = field(default_factory=dict)


#: Keys of [tool.octavo.test]: the field that each sets, and what it expects.
_KEYS: dict[str, tuple[str, type | tuple[type, ...], str]] = {
    "cells": ("cells", bool, "true or false"),
    "verify": ("verify", bool, "true or false"),
    "lax": ("lax", bool, "true or false"),
    "pipelines": ("pipelines", bool, "true or false"),
    "notebooks": ("notebooks", list, "a list of patterns, such as notebooks/*.py"),
    "kernel": ("kernel", str, "the name of a kernel"),
    "cell-timeout": ("cell_timeout", (int, float), "a number of seconds"),
    "rtol": ("rtol", (int, float), "a number"),
    "atol": ("atol", (int, float), "a number"),
    "sanitize-with": ("sanitize", list, "a list of files"),
    "params": ("params", dict, "a table of keys of env.yaml or parameters"),
}


def table(folder: Path) -> Mapping[str, object] | None:
    """Return [tool.octavo.test] of the pyproject.toml in a folder; None where there is none."""
    path = folder / "pyproject.toml"
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if b"octavo" not in data:
        return None
    try:
        found: object = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None  # pytest says so, where it reads it
    for key in ("tool", "octavo", "test"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def of_table(found: Mapping[str, object], folder: Path) -> TestSettings:
    """Return what a table of pyproject.toml asks for; raise for all that is wrong in it."""
    values: dict[str, object] = {}

    def wrong() -> Iterator[Error]:
        where = Place("pyproject.toml")
        for key, value in found.items():
            if key not in _KEYS:
                known = f"there are: {', '.join(_KEYS)}"
                message = f'[tool.octavo.test] has no key "{key}"'
                yield Error(message, where, did_you_mean(key, _KEYS) or known)
                continue
            name, kind, words = _KEYS[key]
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                yield Error(f'"{key}" of [tool.octavo.test] must be {words}', where)
                continue
            if name == "sanitize" and isinstance(value, list):
                value = [str(folder / str(one)) for one in value]
            values[name] = tuple(map(str, value)) if isinstance(value, list) else value

    raise_all(list(wrong()))
    return replace(TestSettings(), **values)  # type: ignore[arg-type]  # the rows of _KEYS have tested them


class Options(Protocol):
    """The options of pytest."""

    def getoption(self, name: str, default: object = None) -> object: ...


def of_options(base: TestSettings, options: Options, mine: Mapping[str, bool]) -> TestSettings:
    """Return settings with what the command line asks for.

    ``mine`` says of nbval and nbmake whether their options are ours to understand: they are not there themselves.
    """
    update = bool(_given(options, "octavo_update"))
    found = replace(
        base,
        cells=base.cells or bool(_given(options, "octavo_cells")),
        verify=base.verify or update or bool(_given(options, "octavo_verify")),
        update=update,
        kernel=_text(options, "octavo_kernel") or base.kernel,
        cell_timeout=_number(options, "octavo_cell_timeout") or base.cell_timeout,
    )
    asked = bool(_given(options, "octavo"))
    if mine.get("nbmake") and _given(options, "nbmake"):
        found = replace(_of_nbmake(found, options), foreign=not asked)
    if mine.get("nbval") and (_given(options, "nbval") or _given(options, "nbval_lax")):
        found = replace(_of_nbval(found, options), foreign=not asked)
    return found


def _of_nbmake(found: TestSettings, options: Options) -> TestSettings:
    return replace(
        found,
        update=found.update or bool(_given(options, "overwrite")),
        imports_only=bool(_given(options, "nbmake_find_import_errors")),
        kernel=_text(options, "nbmake_kernel") or found.kernel,
        cell_timeout=found.cell_timeout or _number(options, "nbmake_timeout"),
    )


def _of_nbval(found: TestSettings, options: Options) -> TestSettings:
    files = [_text(options, name) for name in ("nbval_sanitize_with", "sanitize_with")]
    kernel = _text(options, "nbval_kernel_name")
    here = _given(options, "nbval_current_env") or _given(options, "current_env")
    if kernel and here:
        raise Error("--nbval-current-env and --nbval-kernel-name exclude each other")
    return replace(
        found,
        nbval=True,
        cells=True,
        verify=True,
        lax=not _given(options, "nbval"),
        pictures=bool(_given(options, "nbdime")),
        kernel=("python3" if here else kernel) or found.kernel,
        cell_timeout=found.cell_timeout or _number(options, "nbval_cell_timeout"),
        start_timeout=_number(options, "nbval_kernel_startup_timeout"),
        sanitize=(*found.sanitize, *filter(None, files)),
    )


def _given(options: Options, name: str) -> object:
    return options.getoption(name, None)


def _text(options: Options, name: str) -> str | None:
    value = _given(options, name)
    return value if isinstance(value, str) and value else None


def _number(options: Options, name: str) -> float | None:
    value = _given(options, name)
    return float(value) if isinstance(value, int | float) else None
