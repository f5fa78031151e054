"""The difference of two notebooks as data, in the format of nbdime, and the notebook that it makes of the first.

https://nbdime.readthedocs.io/en/latest/diffing.html#diff-format: operations on objects (add, remove, replace, patch),
and on lists and the lines of texts (addrange, removerange, patch), by keys and places of the first notebook.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from ..model import Json
from . import align

Operation = Json


def difference(first: Json, second: Json) -> list[Operation]:
    """Return what makes the second notebook out of the first; their texts are joined."""
    return list(_mapping(first, second, ()))


def same(first: object, second: object) -> bool:
    """Return whether two values of JSON are the same: true is not 1, and 1 is not 1.0."""
    if type(first) is not type(second) or first != second:
        return first != first and second != second and type(first) is type(second)
    if isinstance(first, dict) and isinstance(second, dict):
        return all(same(value, second[key]) for key, value in first.items())
    if isinstance(first, list) and isinstance(second, list):
        return all(map(same, first, second))
    return True


def _mapping(
    first: Mapping[str, object], second: Mapping[str, object], path: tuple[str, ...]
) -> Iterator[Operation]:
    for key in sorted({*first, *second}):
        if key not in second:
            yield {"op": "remove", "key": key}
        elif key not in first:
            yield {"op": "add", "key": key, "value": second[key]}
        elif not same(first[key], second[key]):
            inner = _inner(first[key], second[key], (*path, key))
            if inner is None:
                yield {"op": "replace", "key": key, "value": second[key]}
            else:
                yield {"op": "patch", "key": key, "diff": inner}


def _inner(first: object, second: object, path: tuple[str, ...]) -> list[Operation] | None:
    """Return how a value becomes another of its kind; None where all of it is replaced."""
    if isinstance(first, dict) and isinstance(second, dict):
        return list(_mapping(first, second, path))
    if isinstance(first, list) and isinstance(second, list):
        return list(_cells(first, second) if path == ("cells",) else _sequence(first, second, path))
    if isinstance(first, str) and isinstance(second, str) and "\n" in first:
        lines, lines_after = first.splitlines(keepends=True), second.splitlines(keepends=True)
        return list(_ranges(lines, lines_after, align.matches(lines, lines_after)))
    return None


def _cells(first: list[Json], second: list[Json]) -> Iterator[Operation]:
    if not all(isinstance(cell, dict) for cell in [*first, *second]):
        yield from _sequence(first, second, ("cells",))
        return
    pairs = [(one, two) for one, two in align.align(first, second) if one is not None and two is not None]
    yield from _ranges(first, second, pairs, ("cells", "*"))


def _sequence(
    first: Sequence[object], second: Sequence[object], path: tuple[str, ...]
) -> Iterator[Operation]:
    keys, keys_after = ([json.dumps(one, sort_keys=True) for one in items] for items in (first, second))
    pairs = align.matches(keys, keys_after)
    if len(first) == len(second) and all(isinstance(one, dict | list) for one in [*first, *second]):
        pairs = [(at, at) for at in range(len(first))]  # outputs that were made again
    yield from _ranges(first, second, pairs, (*path, "*"))


def _ranges(
    first: Sequence[object],
    second: Sequence[object],
    pairs: Sequence[tuple[int, int]],
    path: tuple[str, ...] = (),
) -> Iterator[Operation]:
    """Yield what is added, removed and changed between and at the items that belong together."""
    at, other = 0, 0
    for one, two in [*pairs, (len(first), len(second))]:
        if two > other:
            yield {"op": "addrange", "key": at, "valuelist": list(second[other:two])}
        if one > at:
            yield {"op": "removerange", "key": at, "length": one - at}
        if one < len(first) and path and not same(first[one], second[two]):
            inner = _inner(first[one], second[two], path)
            if inner is None:
                yield {"op": "addrange", "key": one, "valuelist": [second[two]]}
                yield {"op": "removerange", "key": one, "length": 1}
            else:
                yield {"op": "patch", "key": one, "diff": inner}
        at, other = one + 1, two + 1


def patched(value: object, operations: Sequence[Operation]) -> object:
    """Return what operations make of a value, which stays as it is."""
    if isinstance(value, dict):
        result = dict(value)
        for operation in operations:
            key = operation["key"]
            match operation["op"]:
                case "remove":
                    del result[key]
                case "patch":
                    result[key] = patched(result[key], operation["diff"])
                case _:
                    result[key] = operation["value"]
        return result
    if isinstance(value, str):
        return "".join(map(str, _patched(value.splitlines(keepends=True), operations)))
    return _patched(value if isinstance(value, list) else [], operations)


def _patched(items: list[object] | list[str], operations: Sequence[Operation]) -> list[object]:
    result: list[object] = []
    at = 0
    for operation in operations:
        key = operation["key"]
        result += items[at:key]
        at = max(at, key)
        match operation["op"]:
            case "addrange":
                result += operation["valuelist"]
            case "removerange":
                at += operation["length"]
            case _:
                result.append(patched(items[key], operation["diff"]))
                at += 1
    return [*result, *items[at:]]
