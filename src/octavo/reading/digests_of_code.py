"""Digest the code of a module's file, or of one function in it; comments, docstrings and formatting do not count."""

from __future__ import annotations

from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES
from pathlib import Path

from .. import products
from ..notebook import encoding
from . import digest, functions


def module_digest(path: str) -> str:
    """Return the digest of a module's code, in whatever encoding it declares; of its bytes where they are no source."""
    if path.endswith((*EXTENSION_SUFFIXES, *BYTECODE_SUFFIXES)):
        return products.digest(path) or ""
    return _source_digest(path)


@products.remembered
def _source_digest(path: str) -> str:
    return digest.module_digest(source_text(path))


def function_digest(path: str, name: str) -> str:
    """Return the digest of a function and of what it can reach in its module; the rest of the module does not count."""
    return functions.function(source_text(path), path, name).digest


def source_text(path: str) -> str:
    """Return the text of a module, in the encoding that it declares."""
    return encoding.text(Path(path).read_bytes(), path)
