"""Checks of a DataFrame's columns, types and values that report all findings together."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..process.ploomber_names import absent

__all__ = ["Assert", "data_frame_validator", "validate_schema", "validate_values", "validator"]
__getattr__ = absent(__name__)


class Assert:
    """Collects what does not hold: ``assert_(n > 0, "n must be above 0")``; ``check`` raises if there is any."""

    def __init__(self) -> None:
        self.messages_error: list[str] = []
        self.messages_warning: list[str] = []

    def __call__(self, expression: Any, error_message: str) -> None:
        if not expression:
            self.messages_error.append(error_message)

    def warn(self, expression: Any, warning_message: str) -> None:
        """Warn of what does not hold, and go on."""
        if not expression:
            warnings.warn(warning_message, stacklevel=2)
            self.messages_warning.append(warning_message)

    def check(self) -> None:
        """Raise ``AssertionError`` with all that does not hold."""
        if self.messages_error:
            raise AssertionError(str(self))

    def __len__(self) -> int:
        return len(self.messages_error)

    def __iter__(self) -> Iterator[str]:
        return iter(self.messages_error)

    def __str__(self) -> str:
        if not self.messages_error:
            return "No errors found"
        count = len(self.messages_error)
        return "\n * ".join([f"{count} error{'s' if count > 1 else ''} found:", *self.messages_error])


def validator(function: Callable[..., Any]) -> Callable[..., Callable[..., Any]]:
    """Make of a function of ``assert_``, ``data`` and settings one that takes the settings first."""

    @functools.wraps(function)
    def set_up(**settings: Any) -> Callable[..., Any]:
        if taken := [name for name in ("assert_", "data") if name in settings]:
            raise TypeError(f"{taken[0]} is given when data is validated, not here")
        return functools.partial(function, **settings)

    return set_up


@validator
def validate_schema(
    assert_: Assert,
    data: Any,
    schema: Mapping[str, str | None] | Iterable[str],
    optional: Mapping[str, str | None] | None = None,
    on_unexpected_cols: str | None = "raise",
) -> Assert:
    """Look at the names of columns and, where ``schema`` maps them to one, at their types ("int64", "object", …)."""
    if on_unexpected_cols not in ("warn", "raise", None):
        raise ValueError("'on_unexpected_cols' must be one of 'warn', 'raise' or None")
    there, wanted, may = set(data.columns), set(schema), optional or {}
    assert_(not wanted - there, f"(validate_schema) Missing columns {wanted - there}.")
    if on_unexpected_cols is not None:
        say = assert_ if on_unexpected_cols == "raise" else assert_.warn
        more = there - wanted - set(may)
        say(not more, f"(validate_schema) Unexpected columns {more}")
    for table in (schema, may):
        for name, expected in table.items() if isinstance(table, Mapping) else ():
            if expected is not None and name in there:
                found = str(data[name].dtype)
                message = f'(validate_schema) Wrong dtype for column "{name}". Expected: "{expected}". Got: "{found}"'
                assert_(found == expected, message)
    return assert_


@validator
def validate_values(assert_: Assert, data: Any, values: Mapping[str, tuple[str, Any]]) -> Assert:
    """Look at the values of columns: ``{"x": ("range", (0, 1)), "kind": ("unique", ["a", "b"])}``."""
    for column, (kind, expected) in values.items():
        if column not in data.columns:
            assert_.warn(False, f'(validate_values) there is no column "{column}" in the data')
        elif kind == "unique":
            found = set(data[column].unique())
            message = (
                f'(validate_values) Expected values of "{column}" to be in {set(expected)}, got: {found}'
            )
            assert_(set(expected) >= found, message)
        elif kind == "range":
            low, high = expected
            least, most = data[column].min(), data[column].max()
            message = f'(validate_values) Expected "{column}" in [{low}, {high}], got [{least}, {most}]'
            assert_(low <= least and most <= high, message)
        else:
            raise ValueError('Got invalid kind, must be "unique" or "range"')
    return assert_


def data_frame_validator(df: Any, validators: Iterable[Callable[..., Any]]) -> bool:
    """Apply validators to a DataFrame; raise ``AssertionError`` with all that they found, else return True."""
    assert_ = Assert()
    for validate in validators:
        validate(assert_=assert_, data=df)
    if len(assert_):
        raise AssertionError(f"Data frame validation failed. {assert_}")
    return True
