"""NB121: a path that is there on one machine alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from . import Hit, Severity, Subject, at, walk

_PATH = re.compile(
    r"(/home/[^/\s]+/|/Users/[^/\s]+/|/root/|[A-Za-z]:\\[^\s\\]+\\|/mnt/[a-z]/|/content/drive/).*"
)


class MachinePath:
    """A path that is there on one machine alone: below someone's home folder, on a drive of Windows or of Colab.

        pd.read_csv("/home/anna/orders.csv")

    Use a path relative to the project, or make it a parameter.
    """

    code = "NB121"
    name = "machine-path"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        for cell, node in walk(subject, ast.Constant):
            if isinstance(node.value, str) and len(node.value) < 1000 and _PATH.fullmatch(node.value):
                hint = "a path relative to the project works everywhere; a parameter may name what does not"
                yield at(cell, node, f'"{node.value[:60]}" is a path of one machine', hint)


RULE = MachinePath()
