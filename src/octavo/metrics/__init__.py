"""Metrics: numbers that the code of a task reports, kept with its run."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from numbers import Real
from typing import SupportsFloat

from ..process.variables import METRICS

__all__ = ["log", "number"]


def log(values: Mapping[str, object] | None = None, /, **named: object) -> None:
    """Report metrics of the task that runs: ``octavo.log(accuracy=0.93)``; a later value of a name replaces it.

    Names that are no identifiers come as a mapping. What is not a number raises ``TypeError``, and what is not finite
    ``ValueError``. Outside of a task, in Jupyter say, the values are only looked at.
    """
    found = {str(name): number(str(name), value) for name, value in {**(values or {}), **named}.items()}
    if not (path := os.environ.get(METRICS)) or not found:
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    line = json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
    # one write to the end of the file: other threads and processes of the task report, too
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        os.write(handle, line)
    finally:
        os.close(handle)


def number(name: str, value: object) -> int | float:
    """Return a metric as a plain number; also one of numpy, and the only one in an array."""
    if not name or not name.isprintable():
        raise ValueError(f"a metric needs a name on one line, not {name!r:.40}")
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()
    if isinstance(value, bool) or not (isinstance(value, Real) or _is_decimal(value)):
        raise TypeError(f"the metric {name} is {_shown(value)}, not a number")
    found = int(value) if isinstance(value, int) else float(value)  # type: ignore[arg-type]  # as was looked up
    if not math.isfinite(found):
        raise ValueError(f"the metric {name} is {found}, not a finite number")
    return found


def _is_decimal(value: object) -> bool:
    return isinstance(value, SupportsFloat) and type(value).__name__ == "Decimal"


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value)
    return f"the text {value!r:.40}" if isinstance(value, str) else f"a {type(value).__name__}"
