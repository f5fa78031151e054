"""NB126: the time or the date goes into results."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from . import CodeCell, Hit, Severity, Subject, at, dotted

_NOW = frozenset(
    [
        *("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.ctime", "time.localtime"),
        *("time.gmtime", "pd.Timestamp.now", "pd.Timestamp.today", "Timestamp.now", "pandas.Timestamp.now"),
        *("dt.datetime.now", "dt.date.today", "datetime.datetime.now", "datetime.datetime.utcnow"),
        *("datetime.datetime.today", "datetime.date.today", "np.datetime64", "time.strftime"),
    ]
)
_WORDS = re.compile(r"now|today|ctime|localtime|gmtime|strftime")
#: Folders of logs, of which TensorBoard wants a new one for each run.
_LOGS = re.compile(r"log_?s?_?dir|log_?path", re.IGNORECASE)
_HINT = "make it a parameter, so that a run can be repeated for the same day"


class Clock:
    """A cell uses the time or the date of the run: `datetime.now()`, `date.today()`, `pd.Timestamp.now()`.

    So tomorrow the same code gives another result. Make the date a parameter:

        # %% tags=["parameters"]
        day = "2026-01-31"

    Durations (`time.time() - start`, `datetime.now() - start`), log lines that are only printed and folders of logs
    (`log_dir = …`) are not reported.
    """

    code = "NB126"
    name = "clock"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        durations = {name for cell in subject.cells for name in _subtracted(cell)}
        for cell in subject.cells:
            if cell.tree is None or not _WORDS.search(cell.source):
                continue
            for statement in cell.tree.body:
                found = next((node for node in _calls(statement, durations) if _now(node)), None)
                if found is not None:
                    yield at(cell, found, f"{dotted(found.func)}() is another value in each run", _HINT)
                    break


def _now(node: ast.Call) -> bool:
    name = dotted(node.func)
    match name:
        case "np.datetime64":
            return bool(node.args) and getattr(node.args[0], "value", None) in ("now", "today")
        case "time.strftime":
            return len(node.args) == 1
        case "time.ctime" | "time.localtime" | "time.gmtime":
            return not node.args
    return name in _NOW


def _calls(node: ast.AST, durations: set[str]) -> Iterator[ast.Call]:
    """Yield the calls in a statement but for those in differences, in prints, and of names that only measure."""
    match node:
        case ast.BinOp(op=ast.Sub()):
            return
        case (
            ast.Call(func=ast.Name(id="print"))
            | ast.Call(func=ast.Attribute(attr="info" | "debug" | "warning"))
        ):
            return
        case ast.Assign(targets=[ast.Name(id=name)]) if name in durations or _LOGS.search(name):
            return
        case ast.Call():
            yield node
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, durations)


def _subtracted(cell: CodeCell) -> Iterator[str]:
    """Yield the names of which durations are made: ``datetime.now() - start``, ``end - start``."""
    for node in cell.of(ast.BinOp):
        if isinstance(node.op, ast.Sub):
            for side in (node.left, node.right):
                if isinstance(side, ast.Name):
                    yield side.id


RULE = Clock()
