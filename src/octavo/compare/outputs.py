"""Compare the outputs of a cell: streams joined, displays in order, each MIME type by what it means."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence

from ..model import Json, joined
from . import Differing, Tolerance, data, markup, pixels, texts

#: Views of widgets are random ids, and what they show is their state: neither is compared.
_LEFT_OUT = frozenset(
    ["application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"]
)
_MARKUP = frozenset(["text/html", "image/svg+xml"])
_DATED = frozenset(["image/jpeg", "application/pdf"])
_PDF_DATES = re.compile(
    rb"/(?:CreationDate|ModDate|Producer|Creator)\s*\([^)]*\)|/ID\s*\[[^\]]*\]|<(?:xmp|pdf):\w*(?:Date|Producer)>[^<]*<"
)
_SCRIPTS = frozenset(["application/javascript", "text/javascript"])


def differences(
    before: Sequence[Json],
    after: Sequence[Json],
    tolerance: Tolerance,
    leave_out: frozenset[str] = frozenset(),
) -> Iterator[Differing]:
    """Yield where the outputs of a cell differ. ``leave_out``: MIME types, or names of streams, not compared.

    Execution counts, metadata and tracebacks are not compared: they say where, not what.
    """
    first, second = _gathered(before), _gathered(after)
    for name in dict.fromkeys(("stdout", "stderr", *first.streams, *second.streams)):
        if name not in leave_out:
            yield from texts.differences(
                first.streams.get(name, ""), second.streams.get(name, ""), name, tolerance
            )
    shown, shown_after = first.shown, second.shown
    many = max(len(shown), len(shown_after)) > 1
    for number in range(max(len(shown), len(shown_after))):
        name = f"output {number + 1}" if many else "output"
        if number >= len(shown) or number >= len(shown_after):
            yield Differing(name, _words(shown, number), _words(shown_after, number))
            continue
        yield from bundles(shown[number], shown_after[number], name, tolerance, leave_out)


class _Gathered:
    """The outputs of a cell: what was printed, and what was shown or raised."""

    def __init__(self) -> None:
        self.streams: dict[str, str] = {}
        self.shown: list[Json] = []


def _gathered(outputs: Sequence[Json]) -> _Gathered:
    found = _Gathered()
    for output in outputs:
        kind = output.get("output_type")
        if kind == "stream":
            name = str(output.get("name", "stdout"))
            found.streams[name] = found.streams.get(name, "") + joined(output.get("text", ""))
        elif kind == "error":
            found.shown.append({"exception": f"{output.get('ename')}: {output.get('evalue')}"})
        else:
            found.shown.append(dict(output.get("data") or {}))
    return found


def _words(shown: list[Json], number: int) -> str:
    return " and ".join(sorted(shown[number])) if number < len(shown) else "nothing"


def bundles(
    before: Mapping[str, object],
    after: Mapping[str, object],
    where: str,
    tolerance: Tolerance,
    leave_out: frozenset[str] = frozenset(),
) -> Iterator[Differing]:
    """Yield where two displays differ, in each of the MIME types that they have."""
    for mime in sorted({*before, *after} - _LEFT_OUT - leave_out):
        place = f"{where} ({mime})"
        if mime not in before or mime not in after:
            yield Differing(
                place, *(("something", "nothing") if mime in before else ("nothing", "something"))
            )
            continue
        try:
            yield from _value(mime, before[mime], after[mime], place, tolerance)
        except RecursionError:
            yield Differing(place, "data", "other data, too deep to say where")


def _value(mime: str, before: object, after: object, where: str, tolerance: Tolerance) -> Iterator[Differing]:
    if mime == "image/png":
        yield from pixels.differences(joined(before), joined(after), where, tolerance)
    elif mime in _MARKUP:
        yield from markup.differences(joined(before), joined(after), where, tolerance)
    elif mime in _SCRIPTS:
        yield from markup.in_scripts(joined(before), joined(after), where, tolerance)
    elif mime.endswith("json"):
        renamed = [data.datasets_renamed(_decoded(value)) for value in (before, after)]
        yield from data.differences(renamed[0], renamed[1], where, tolerance)
    elif mime.startswith("text/") or mime == "exception":
        yield from texts.differences(joined(before), joined(after), where, tolerance)
    elif mime in _DATED and _undated(mime, before) == _undated(mime, after) is not None:
        return
    else:
        sizes = [f"{len(joined(value))} characters" for value in (before, after)]
        yield Differing(where, sizes[0], f"others, {sizes[1]}")


def _undated(mime: str, value: object) -> bytes | None:
    """Return a JPEG without its comments and EXIF, a PDF without its dates and ids; None where it is neither."""
    try:
        content = base64.b64decode(joined(value))
    except (ValueError, binascii.Error):
        return None
    if mime == "application/pdf":
        return _PDF_DATES.sub(b"", content)
    kept, at = content[:2], 2
    while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] != b"\xda":  # up to the picture itself
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if not (0xE0 <= content[at + 1] <= 0xEF or content[at + 1] == 0xFE):
            kept += content[at:end]
        if end <= at + 2:
            return None
        at = end
    return kept + content[at:]


def _decoded(value: object) -> object:
    if isinstance(value, str):
        try:
            decoded: object = json.loads(value)
            return decoded
        except (ValueError, RecursionError):
            pass
    return value
