"""What a task can run in Ploomber's Python API: a function, a string, a path or a template."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..lazy import lazy_imports
from .exceptions import SourceInitializationError
from .placeholders import Placeholder

with lazy_imports():
    from ..reading import facts


class Source:
    """The code of a task: what it was given (``primitive``), and what it is called, says and does."""

    def __init__(
        self, value: Any, function: bool = False, render: Callable[[str], str] | None = None
    ) -> None:
        """``function``: a text is the dotted path of a function, not code. ``render`` fills placeholders."""
        kinds: tuple[type, ...] = (str,) if function else (str, Path, Placeholder)
        if not isinstance(value, kinds) and not (function and callable(value)):
            what = "a function or its dotted path" if function else "code, the Path of a file, or a template"
            raise SourceInitializationError(f"a source is {what}, not {value!r:.80}")
        self._value = value
        self._function = function
        self._render = render

    @property
    def primitive(self) -> Any:
        """The function itself, imported where a dotted path was given; or the text as it is written."""
        if not self._function:
            return self.text
        if isinstance(self._value, str):
            module, _, name = self._value.replace("::", ".").rpartition(".")
            return getattr(importlib.import_module(module), name)
        return _newest(self._value)

    @property
    def value(self) -> Any:
        """What the task was given, as it is."""
        return self._value

    @property
    def path(self) -> Path | None:
        """The file that it is in, or None for a text."""
        if isinstance(self._value, Placeholder):
            return self._value.path
        if isinstance(self._value, Path):
            return self._value
        if self._function:
            file = inspect.getsourcefile(inspect.unwrap(self.primitive))
            return Path(file) if file else None
        return None

    @property
    def text(self) -> str:
        """The code as it is written."""
        if self._function:
            return inspect.getsource(inspect.unwrap(self.primitive))
        return self._value.read_text(encoding="utf-8") if isinstance(self._value, Path) else str(self._value)

    @property
    def name(self) -> str | None:
        """The function's name, or the file's without its ending."""
        if self._function:
            if isinstance(self._value, str):
                return self._value.replace("::", ".").rpartition(".")[2]
            return getattr(self._value, "__name__", None)
        return self.path.stem if self.path else None

    @property
    def doc(self) -> str:
        """What it says about itself."""
        return (inspect.getdoc(self.primitive) or "") if self._function else ""

    @property
    def loc(self) -> str:
        """Where it is: the file, and for a function the line."""
        if self._function:
            code = getattr(inspect.unwrap(self.primitive), "__code__", None)
            return f"{self.path}:{code.co_firstlineno}" if code else str(self.path)
        return str(self.path) if self.path else ""

    def extract_upstream(self) -> set[str]:
        """Return the tasks that the code of a function names as ``upstream["name"]``."""
        function = inspect.unwrap(self.primitive)
        path = inspect.getsourcefile(function) or ""
        found = (
            facts.function(Path(path).read_text(encoding="utf-8"), path, function.__name__) if path else None
        )
        return set(found.upstream or ()) if found else set()

    def __str__(self) -> str:
        text = self.text
        return self._render(text) if self._render and ("{{" in text or "{%" in text) else text

    def __repr__(self) -> str:
        return f"Source({self._value!r:.80})"


def _newest(function: Any) -> Any:
    """Return what a function of a notebook or program is called there now: its cell may have been run again."""
    plain = inspect.unwrap(function)
    if getattr(plain, "__module__", None) != "__main__" or not inspect.isfunction(plain):
        return function
    now = getattr(sys.modules["__main__"], plain.__name__, None)
    if not inspect.isfunction(now) or inspect.unwrap(now) is plain or "." in plain.__qualname__:
        return function
    remake = getattr(function, "__octavo_remake__", None)
    return remake(now) if remake else now if plain is function else function


class Params(dict[str, Any]):
    """A task's parameters; once the task is rendered, also its ``product`` and its ``upstream``."""

    def to_dict(self) -> dict[str, Any]:
        """Return them as a plain mapping."""
        return dict(self)

    def to_json_serializable(self, params_only: bool = False) -> dict[str, Any]:
        """Return them as notebooks get them: products as texts."""
        plain = {name: _plain(value) for name, value in self.items()}
        return {k: v for k, v in plain.items() if not params_only or k not in ("product", "upstream")}


def _plain(value: Any) -> Any:
    if hasattr(value, "to_json_serializable"):
        return value.to_json_serializable()
    return {name: _plain(inner) for name, inner in value.items()} if isinstance(value, Mapping) else value
