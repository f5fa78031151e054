"""Compare PNG pictures by their pixels, decoded here: https://www.w3.org/TR/png-3/."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator

from ..dataclass import dataclass
from . import Differing, Tolerance

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
#: A picture of more bytes than this is not decoded.
LIMIT = 256 << 20


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels as red, green and blue on white, a byte each, row by row."""

    width: int
    height: int
    pixels: bytes


class _Unreadable(Exception):
    """What is no PNG, or one that is not read here (interlaced, sixteen bits)."""


def differences(before: str, after: str, where: str, tolerance: Tolerance) -> Iterator[Differing]:
    """Yield how two pictures, as base64, differ."""
    if "".join(before.split()) == "".join(after.split()):
        return
    try:
        first, second = decoded(before), decoded(after)
    except _Unreadable:
        yield Differing(where, f"{len(before)} characters", f"others, {len(after)}")
        return
    if (first.width, first.height) != (second.width, second.height):
        yield Differing(
            where, f"{first.width} × {first.height} pixels", f"{second.width} × {second.height} pixels"
        )
        return
    if first.pixels == second.pixels:
        return
    beyond = [at // 3 for at in _beyond(first.pixels, second.pixels, round(255 * tolerance.colour))]
    count, all_ = len(set(beyond)), first.width * first.height
    close = count <= all_ * tolerance.pixels
    if not beyond:
        yield Differing(where, "a picture", "one whose colours differ slightly", close)
        return
    rows, columns = {at // first.width for at in beyond}, {at % first.width for at in beyond}
    area = f"{min(columns)}–{max(columns)} × {min(rows)}–{max(rows)}"
    yield Differing(where, "a picture", f"{count} other pixels of {all_}, in {area}", close)


def _beyond(before: bytes, after: bytes, most: int) -> Iterator[int]:
    size = 4096
    for start in range(0, len(before), size):
        one, other = before[start : start + size], after[start : start + size]
        if one != other:
            yield from (
                start + at for at, (a, b) in enumerate(zip(one, other, strict=True)) if abs(a - b) > most
            )


def decoded(text: str) -> Picture:
    """Return the pixels of a PNG that is given as base64; raise for what is none."""
    try:
        data = base64.b64decode(text, validate=False)
    except (ValueError, binascii.Error):
        raise _Unreadable from None
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise _Unreadable
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        chunks[name] = chunks.get(name, b"") + data[at + 8 : at + 8 + size]
        at += 12 + size
    try:
        width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        channels = _CHANNELS[kind]
        stride = (width * channels * depth + 7) // 8
        if interlaced or depth == 16 or height * (stride + 1) > LIMIT:
            raise _Unreadable
        raw = zlib.decompressobj().decompress(chunks[b"IDAT"], height * (stride + 1))
        unit = max(1, channels * depth // 8)
        rows = [_rgb(row, width, depth, kind, chunks) for row in _unfiltered(raw, height, stride, unit)]
    except (KeyError, struct.error, zlib.error, IndexError, ValueError):
        raise _Unreadable from None
    return Picture(width, height, b"".join(rows))


def _unfiltered(raw: bytes, height: int, stride: int, unit: int) -> Iterator[bytes]:
    """Yield the rows of a picture, each stored as what it differs by from its neighbours (PNG, 9.2)."""
    if len(raw) != height * (stride + 1):
        raise ValueError("a picture that is cut off")
    above = bytearray(stride)
    for start in range(0, len(raw), stride + 1):
        kind, row = raw[start], bytearray(raw[start + 1 : start + 1 + stride])
        if kind == 1:
            for i in range(unit, stride):
                row[i] = (row[i] + row[i - unit]) & 255
        elif kind == 2:
            row = bytearray([(a + b) & 255 for a, b in zip(row, above, strict=True)])
        elif kind == 3:
            for i in range(stride):
                left = row[i - unit] if i >= unit else 0
                row[i] = (row[i] + (left + above[i]) // 2) & 255
        elif kind == 4:
            for i in range(stride):
                row[i] = (row[i] + _paeth(row, above, i, unit)) & 255
        elif kind:
            raise ValueError("an unknown filter")
        yield bytes(row)
        above = row


def _paeth(row: bytearray, above: bytearray, i: int, unit: int) -> int:
    left, corner = (row[i - unit], above[i - unit]) if i >= unit else (0, 0)
    up = above[i]
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    return left if to_left <= to_up and to_left <= to_corner else up if to_up <= to_corner else corner


def _rgb(row: bytes, width: int, depth: int, kind: int, chunks: dict[bytes, bytes]) -> bytes:
    """Return a row as red, green and blue, what is transparent on white."""
    if kind == 2:
        return row
    if depth < 8:
        each, mask = 8 // depth, (1 << depth) - 1
        row = bytes((row[i // each] >> (8 - depth - depth * (i % each))) & mask for i in range(width))
        if kind == 0:
            row = bytes(value * 255 // mask for value in row)
    if kind == 3:
        palette, clear = chunks[b"PLTE"], chunks.get(b"tRNS", b"")
        colours = [
            _on_white(palette[3 * i : 3 * i + 3], clear[i] if i < len(clear) else 255)
            for i in range(len(palette) // 3)
        ]
        return b"".join([colours[value] for value in row])
    if kind == 0:
        return bytes(value for value in row for _ in range(3))
    size = 2 if kind == 4 else 4
    if row[size - 1 :: size] == b"\xff" * width:  # nothing is transparent
        out = bytearray(3 * width)
        for channel in range(3):
            out[channel::3] = row[0 if kind == 4 else channel :: size]
        return bytes(out)
    pixels = (row[i : i + size] for i in range(0, len(row), size))
    return b"".join(_on_white(bytes([p[0]] * 3) if kind == 4 else p[:3], p[-1]) for p in pixels)


def _on_white(colour: bytes, opaque: int) -> bytes:
    return colour if opaque == 255 else bytes((c * opaque + 255 * (255 - opaque)) // 255 for c in colour)
