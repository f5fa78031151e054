"""NB123: a cell changes the working directory."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import Hit, Severity, Subject, at, dotted, walk


class ChangedFolder:
    """A cell changes the working directory: `%cd`, `os.chdir`.

    Paths in the cells below mean something else from there on, and when the cell is run twice they do again. Let the
    notebook run where its paths are right: `meta.cwd` of the task, or `octavo run --cwd`.
    """

    code = "NB123"
    name = "changed-folder"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        for cell, node in walk(subject, ast.Call):
            magic = (
                dotted(node.func).endswith("run_line_magic")
                or getattr(node.func, "attr", "") == "run_line_magic"
            )
            first = node.args[0] if node.args else None
            if dotted(node.func) == "os.chdir" or (
                magic and isinstance(first, ast.Constant) and first.value in ("cd", "pushd", "popd")
            ):
                hint = "run it where its paths are right: meta.cwd of the task, or octavo run --cwd"
                yield at(cell, node, "it changes the working directory of the cells that follow", hint)


RULE = ChangedFolder()
