"""Which names ``from module import *`` brings, of modules of Python: others would have to be imported to know."""

from __future__ import annotations

import ast
import importlib

from . import CodeCell

#: Modules of Python that do nothing when they are imported.
_PLAIN_WORDS = """
math cmath os os.path sys time datetime random statistics fractions decimal string re json collections itertools
functools operator typing dataclasses enum pathlib copy pprint textwrap csv io struct bisect heapq abc contextlib
numbers calendar glob shutil tempfile types warnings hashlib base64 uuid
"""
_PLAIN = frozenset(_PLAIN_WORDS.split())


def starred(cell: CodeCell) -> frozenset[str] | None:
    """Return the names that a cell takes from modules by a star; None where a module is not known."""
    found: set[str] = set()
    for node in cell.of(ast.ImportFrom):
        if any(one.name == "*" for one in node.names):
            if node.level or node.module not in _PLAIN:
                return None
            module = importlib.import_module(node.module)
            found |= set(getattr(module, "__all__", [name for name in vars(module) if name[0] != "_"]))
    return frozenset(found)
