"""Store values of a project's state as bytes: by pickle, and loading builds nothing but data."""

from __future__ import annotations

import gc
import io
import pickle
from dataclasses import is_dataclass
from typing import Any

from .. import errors, model


def freeze(value: object) -> bytes:
    """Return a value made of the nouns of ``model`` and plain data as bytes, for ``Store.keep``."""
    whole = io.BytesIO()
    _Freeze(whole, protocol=5).dump(value)
    return whole.getvalue()


def thaw(data: bytes) -> Any:  # the caller says what it froze
    """Return what ``freeze`` was given. Nothing but data is built, whoever wrote the bytes."""
    collecting = gc.isenabled()
    gc.disable()  # it would walk what is built so far again and again, and find nothing
    try:
        return _Thaw(io.BytesIO(data)).load()
    finally:
        if collecting:
            gc.enable()


class _Freeze(pickle.Pickler):
    def reducer_override(self, value: object) -> Any:  # as the pickler's own: NotImplemented, too
        # a call of the class: what dataclasses do by themselves takes twice as long to thaw, in every warm build
        if is_dataclass(value) and not isinstance(value, type):
            return type(value), tuple(getattr(value, name) for name in value.__dataclass_fields__)
        return NotImplemented


class _Thaw(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if module in (model.__name__, errors.__name__) or (module, name) in (
            ("builtins", "set"),
            ("builtins", "frozenset"),
        ):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} has no place in the state of a project")
