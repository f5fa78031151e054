"""Compare JSON: objects in any order, numbers by tolerance, arrays of Plotly as the numbers they hold."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Iterator

from . import Differing, Tolerance
from .texts import differences as in_texts

#: Keys that hold another random value in every run: Plotly's, of traces.
_RANDOM = frozenset(["uid"])
#: Plotly's names of types (numpy's without the byte order) as struct has them.
_TYPES = {
    "i1": "b",
    "u1": "B",
    "i2": "h",
    "u2": "H",
    "i4": "i",
    "u4": "I",
    "i8": "q",
    "u8": "Q",
    "f4": "f",
    "f8": "d",
}


def differences(before: object, after: object, where: str, tolerance: Tolerance) -> Iterator[Differing]:
    """Yield where two values of JSON differ."""
    before, after = _numbers(before), _numbers(after)
    if isinstance(before, bool) or isinstance(after, bool):
        if before is not after:
            yield Differing(where, _words(before), _words(after))
    elif isinstance(before, int | float) and isinstance(after, int | float):
        yield from _number(before, after, where, tolerance)
    elif isinstance(before, str) and isinstance(after, str):
        yield from in_texts(before, after, where, tolerance)
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after} - _RANDOM):
            place = f"{where}.{key}"
            if key not in before or key not in after:
                yield Differing(place, _words(before, key), _words(after, key))
            else:
                yield from differences(before[key], after[key], place, tolerance)
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield Differing(where, f"{len(before)} values", f"{len(after)} values")
            return
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{where}[{number}]", tolerance)
    elif before != after:
        yield Differing(where, _words(before), _words(after))


def _number(before: float, after: float, where: str, tolerance: Tolerance) -> Iterator[Differing]:
    if before == after:
        return
    whole = isinstance(before, int) and isinstance(after, int)
    close = not whole and tolerance.close(float(before), float(after))
    if repr(before) != repr(after):
        yield Differing(where, repr(before), repr(after), close)


def _numbers(value: object) -> object:
    """Return the numbers that Plotly writes as base64 (https://plotly.com/python/reference, typed arrays)."""
    if not (isinstance(value, dict) and isinstance(value.get("bdata"), str) and value.get("dtype") in _TYPES):
        return value
    code = _TYPES[value["dtype"]]
    try:
        packed = base64.b64decode(value["bdata"], validate=True)
    except (ValueError, binascii.Error):
        return value
    if len(packed) % struct.calcsize(code):
        return value
    numbers = list(struct.unpack(f"<{len(packed) // struct.calcsize(code)}{code}", packed))
    return {"values": numbers, "shape": value.get("shape")} if value.get("shape") else numbers


def _words(value: object, key: str | None = None) -> str:
    if key is not None:
        if not isinstance(value, dict) or key not in value:
            return "nothing"
        value = value[key]
    return json.dumps(value, ensure_ascii=False, default=str)


def datasets_renamed(value: object) -> object:
    """Return a chart of Vega-Lite whose data sets, named by hashes of what they hold, are named by their order."""
    if not (isinstance(value, dict) and isinstance(value.get("datasets"), dict)):
        return value
    text = json.dumps(value)
    for number, name in enumerate(value["datasets"]):
        text = text.replace(json.dumps(name), json.dumps(f"data {number + 1}"))
    renamed: object = json.loads(text)
    return renamed
