"""Decode and encode scripts in the encoding they declare (PEP 263)."""

from __future__ import annotations

import codecs
import re

from ..errors import NotebookError, Place
from ..hints import did_you_mean
from .broken import place

_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


def decode(data: bytes, path: str) -> tuple[str, str]:
    """Decode a script as Python would; the encoding that is returned writes the same byte order mark."""
    mark = data.startswith(codecs.BOM_UTF8)
    encoding = "utf-8-sig" if mark else "utf-8"
    for i, line in enumerate(data.split(b"\n", 2)[:2]):
        match = _CODING.match(line.removeprefix(codecs.BOM_UTF8))
        if match and not mark:
            encoding = match[1].decode()
            try:
                if codecs.lookup(encoding).name == "utf-8-sig":
                    encoding = "utf-8"
            except LookupError:
                hint = did_you_mean(
                    encoding, ("utf-8", "latin-1", "cp1252", "iso-8859-15", "ascii", "shift_jis")
                )
                raise NotebookError(
                    f"unknown encoding: {encoding}", Place(path, i + 1, match.start(1) + 1), hint
                ) from None
        if match or not line.lstrip().startswith(b"#"):
            break
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError as e:
        before = data[: e.start].decode(encoding, "replace")
        hint = "save the file as UTF-8, or declare its encoding in the first line: # -*- coding: latin-1 -*-"
        what = f"the file is not {encoding}: byte 0x{data[e.start]:02x}"
        raise NotebookError(what, place(before, len(before), path), hint) from None


def text(data: bytes, path: str) -> str:
    """Decode a module as Python would; bytes that are no text in its encoding stay what they are, as surrogates."""
    try:
        return decode(data, path)[0]
    except NotebookError:
        return data.decode("utf-8-sig", "surrogateescape")


def encode(text: str, encoding: str, path: str) -> bytes:
    """Encode a script; NotebookError when it has a character that the encoding has not."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as e:
        where = place(text, e.start, path)
        hint = (
            None
            if encoding.startswith("utf")
            else "declare another encoding in the first line, or none: UTF-8"
        )
        raise NotebookError(f"cannot be written in {encoding}: {text[e.start]!r}", where, hint) from None
