"""Remember how a client was made, so that other processes can make it again."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import Self

from ..errors import Error
from ..model import Json


class Client:
    """A connection to something that does work or keeps files; it is opened when it is first needed.

    Subclasses take whatever arguments they like: ``call`` says them as plain values.
    """

    _arguments: tuple[tuple[object, ...], dict[str, object]]

    def __new__(cls, *positional: object, **named: object) -> Self:
        client = super().__new__(cls)
        client._arguments = positional, named
        return client

    @property
    def call(self) -> Json:
        """Return the call that makes this client again: its dotted path and arguments as plain (JSON-able) values."""
        positional, named = self._arguments
        bound = inspect.signature(type(self)).bind(*positional, **named)
        values: Json = {}
        for name, value in bound.arguments.items():
            kind = bound.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                values |= value
            elif kind is inspect.Parameter.VAR_POSITIONAL:
                raise Error(f"{type(self).__name__} takes arguments without names, which no pipeline can say")
            else:
                values[name] = value
        return {"dotted_path": _dotted(type(self))} | {name: _plain(value) for name, value in values.items()}

    def close(self) -> None:
        """Close what is open; the client opens it again when it is needed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _plain(value: object) -> object:
    """Return a value as JSON can say it: paths and addresses as text, functions by their dotted path."""
    if hasattr(value, "render_as_string"):  # a URL of SQLAlchemy: a tuple that hides its password from str()
        return value.render_as_string(hide_password=False)
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case os.PathLike():
            return os.fspath(value)
    if callable(value):
        return _dotted(value)
    raise Error(
        f"a client was made with {value!r:.60}, which cannot be written down",
        hint="make the client in a function, and name that function in pipeline.yaml",
    )


def _dotted(thing: object) -> str:
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", "<none>")
    if module in (None, "__main__") or "<" in name:
        raise Error(
            f"a client was made with {name}, which another process cannot import",
            hint="define it at the top level of a module of the project",
        )
    # the folder's own door, not the file behind it
    module = module.rpartition(".")[0] if module.startswith(f"{__package__}.") else module
    return f"{module}.{name}"
