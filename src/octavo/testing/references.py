"""Objects of a notebook as testbook's tests see them, and the errors of its API."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol


class TestbookError(Exception):
    """The errors of this API."""

    __test__ = False


class TestbookCellTagNotFoundError(TestbookError):
    """There is no cell with a tag."""


class TestbookSerializeError(TestbookError):
    """A value cannot be written as JSON."""


class TestbookExecuteResultNotFoundError(TestbookError):
    """Code has no value."""


class TestbookAttributeError(AttributeError):
    """An object of the notebook has no such attribute."""

    __test__ = False


class TestbookRuntimeError(RuntimeError):
    """What code of the notebook has raised; ``eclass`` is its class, and the exception itself its cause."""

    __test__ = False

    def __init__(self, evalue: str, traceback: str, eclass: type[BaseException] | None = None) -> None:
        super().__init__(evalue)
        self.evalue, self.traceback, self.eclass = evalue, traceback, eclass

    def __str__(self) -> str:
        return self.traceback


def runtime_error(error: BaseException) -> TestbookRuntimeError:
    return TestbookRuntimeError(str(error), "".join(traceback.format_exception(error)), type(error))


class GivesReferences(Protocol):
    """What references need of the client that made them."""

    def given(self, value: object) -> object: ...
    def guarded(self) -> AbstractContextManager[None]: ...


class TestbookObjectReference:
    """An object of the notebook that is no JSON: attributes, calls and items are the object's own."""

    __test__ = False

    def __init__(self, tb: GivesReferences, value: object) -> None:
        self._tb, self._value = tb, value

    def __repr__(self) -> str:
        return repr(repr(self._value))

    def __getattr__(self, name: str) -> object:
        value = self._value
        if not hasattr(value, name):
            raise TestbookAttributeError(f"'{type(value).__name__}' object has no attribute {name}")
        return self._tb.given(getattr(value, name))

    def __call__(self, *args: object, **kwargs: object) -> object:
        value = self._value
        if not callable(value):
            raise TypeError(f"'{type(value).__name__}' object is not callable")
        found = [plain(one) for one in args]
        named = {name: plain(one) for name, one in kwargs.items()}
        with self._tb.guarded():
            return self._tb.given(value(*found, **named))

    def __eq__(self, other: object) -> bool:
        return bool(self._value == plain(other))

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self._value)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[object]:
        return (self._tb.given(one) for one in self._value)  # type: ignore[attr-defined]

    def __next__(self) -> object:
        return self._tb.given(next(self._value))  # type: ignore[call-overload]

    def __getitem__(self, key: object) -> object:
        return self._tb.given(self._value[plain(key)])  # type: ignore[index]

    def __setitem__(self, key: object, value: object) -> None:
        self._value[plain(key)] = plain(value)  # type: ignore[index]

    def __contains__(self, item: object) -> bool:
        return plain(item) in self._value  # type: ignore[operator]

    def resolve(self) -> object:
        """Return the value, which must be JSON."""
        if not is_json(self._value):
            raise TestbookSerializeError("could not JSON serialize output")
        return copied(self._value)


def plain(value: object) -> object:
    return value._value if isinstance(value, TestbookObjectReference) else value


def copied(value: object) -> object:
    """Return a copy of what is JSON, with tuples as lists; the keys of a mapping stay what they are."""
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list | tuple) else value


def is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
