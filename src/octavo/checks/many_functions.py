"""NB207: functions stand in a notebook that should stand in a module."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import Hit, Severity, Subject, at


class ManyFunctions:
    """A notebook defines more than 15 functions and classes, so it is a module by now.

    In a module they can be tested, imported by other notebooks and reviewed, and octavo still sees when one of them
    changes. `max-functions` of the settings is the limit.
    """

    code = "NB207"
    name = "many-functions"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        found = [
            (cell, node)
            for cell in subject.cells
            for node in (cell.tree.body if cell.tree is not None else ())
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        ]
        if len({node.name for _, node in found}) > subject.limit("max-functions"):
            words = f"the first of {len(found)} functions and classes that the notebook defines"
            yield at(*found[0], words, "move them to a module of the project, and import them")


RULE = ManyFunctions()
