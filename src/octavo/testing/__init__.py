"""Test notebooks: as tests of pytest, and their functions from Python.

>>> from octavo.testing import notebook
>>> nb = notebook("clean.py")
>>> nb.scale([1, 2])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_imports

with lazy_imports():
    from . import importer, references, testbooks, tested

if TYPE_CHECKING:
    from .importer import importable
    from .references import TestbookError, TestbookRuntimeError, TestbookSerializeError
    from .testbooks import testbook
    from .tested import TestedNotebook, notebook

_ERRORS = ("TestbookError", "TestbookRuntimeError", "TestbookSerializeError")
__all__ = ["TestbookError", "TestbookRuntimeError", "TestbookSerializeError", "TestedNotebook"]
__all__ += ["importable", "notebook", "testbook"]

_WHERE = {
    "importable": importer,
    "notebook": tested,
    "TestedNotebook": tested,
    "testbook": testbooks,
    **dict.fromkeys(_ERRORS, references),
}


def __getattr__(name: str) -> object:
    if name in _WHERE:
        return getattr(_WHERE[name], name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
