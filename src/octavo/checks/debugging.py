"""NB132: what was put there to debug is still there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import Hit, Severity, Subject, at, calls, walk

_CALLS = frozenset(("breakpoint", "pdb.set_trace", "ipdb.set_trace", "pdb.post_mortem", "IPython.embed"))
#: Names that mean this only if they come from one of these modules: ``embed`` is also what models of language do.
_IMPORTED = frozenset(("set_trace", "embed", "post_mortem"))
_MODULES = ("pdb", "ipdb", "IPython", "pudb")


class Debugging:
    """`breakpoint()`, `pdb.set_trace()`, `embed()` of IPython, `%debug` or `%pdb on` stands in a cell.

    A run without a person waits there for input, or fails.
    """

    code = "NB132"
    name = "debugging"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        imported: set[str] = set()
        for _, known in walk(subject, ast.ImportFrom):
            if (known.module or "").split(".")[0] in _MODULES:
                imported |= {one.asname or one.name for one in known.names if one.name in _IMPORTED}
        for cell in subject.cells:
            for one in cell.once(calls):
                magic = one.magic
                if one.name in _CALLS or one.name in imported:
                    yield at(cell, one.node, f"{one.name}() is left over from debugging")
                elif magic and (
                    magic[0] == "debug" or (magic[0] == "pdb" and magic[1].strip() in ("", "on", "1"))
                ):
                    yield at(cell, one.node, f"%{magic[0]} is left over from debugging")


RULE = Debugging()
