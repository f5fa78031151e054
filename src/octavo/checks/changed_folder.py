"""NB123: a cell changes the working directory."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import CodeCell, Hit, Severity, Subject, at, calls


class ChangedFolder:
    """A cell changes the working directory: `%cd`, `os.chdir`.

    Paths in the cells below mean something else from there on, and when the cell is run twice they do again. Let the
    notebook run where its paths are right: `meta.cwd` of the task, or `octavo run --cwd`.
    """

    code = "NB123"
    name = "changed-folder"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        for cell in subject.cells:
            for node in cell.once(_changing):
                hint = "run it where its paths are right: meta.cwd of the task, or octavo run --cwd"
                yield at(cell, node, "it changes the working directory of the cells that follow", hint)


def _changing(cell: CodeCell) -> tuple[ast.Call, ...]:
    return tuple(
        one.node
        for one in cell.once(calls)
        if one.name in ("os.chdir", "os.fchdir") or (one.magic and one.magic[0] in ("cd", "pushd", "popd"))
    )


RULE = ChangedFolder()
