"""NB132: what was put there to debug is still there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import Hit, Severity, Subject, at, dotted, walk

_CALLS = frozenset(("breakpoint", "pdb.set_trace", "ipdb.set_trace", "pdb.post_mortem", "set_trace", "embed"))


class Debugging:
    code = "NB132"
    name = "debugging"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        for cell, node in walk(subject):
            if not isinstance(node, ast.Call):
                continue
            first = node.args[0] if node.args else None
            if dotted(node.func) in _CALLS:
                yield at(cell, node, f"{dotted(node.func)}() is left over from debugging")
            elif (
                getattr(node.func, "attr", "") in ("run_line_magic", "run_cell_magic")
                and isinstance(first, ast.Constant)
                and first.value in ("debug", "pdb", "xmode")
            ):
                yield at(cell, node, f"%{first.value} is left over from debugging")


RULE = Debugging()
