"""NB126: the time or the date goes into results."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from ..reading.patterns import later
from . import CodeCell, Hit, Severity, Subject, at, dotted
from .imported import aliases, full

_NOW = frozenset(
    f"{module}.{name}"
    for module, names in {
        "datetime.datetime": "now utcnow today",
        "datetime.date": "today",
        "datetime": "now utcnow today",
        "date": "today",
        "pandas.Timestamp": "now today utcnow",
        "Timestamp": "now today",
        "arrow": "now utcnow",
        "pendulum": "now today tomorrow yesterday",
        "tensorflow": "timestamp",
    }.items()
    for name in names.split()
)
_TIMES = frozenset(("time.ctime", "time.localtime", "time.gmtime", "time.asctime"))
_SECONDS = frozenset(("time.time", "time.time_ns"))
_WORDS = re.compile(r"now|today|ctime|asctime|localtime|gmtime|strftime|time_ns|\btime\(")
#: Folders of logs, of which TensorBoard wants a new one for each run.
_LOGS = later(r"log_?s?_?dir|log_?path", re.IGNORECASE)
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
        known = subject.once(aliases)
        durations = {name for cell in subject.cells for name in _subtracted(cell)}
        for cell in subject.cells:
            if cell.tree is None or not _WORDS.search(cell.source):
                continue
            for statement in cell.tree.body:
                found = next((one for one in _calls(statement, durations) if _now(one, known)), None)
                if found is not None:
                    yield at(cell, found, f"{_said(found)}() is another value in each run", _HINT)
                    break


def _said(node: ast.Call) -> str:
    inner = node.args[0] if node.args and dotted(node.func) in ("int", "str", "round") else node
    return dotted(inner.func) if isinstance(inner, ast.Call) else dotted(node.func)


def _now(node: ast.Call, known: Mapping[str, str]) -> bool:
    name = full(dotted(node.func), known)
    first = node.args[0] if node.args else None
    match name:
        case "numpy.datetime64" | "pandas.Timestamp" | "pandas.to_datetime":
            return isinstance(first, ast.Constant) and first.value in ("now", "today")
        case "time.strftime":
            return len(node.args) == 1
        case "int" | "str" | "round":  # a number of seconds alone mostly begins a duration
            return isinstance(first, ast.Call) and full(dotted(first.func), known) in _SECONDS
    return name in _NOW or (name in _TIMES and not node.args)


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
        case ast.FormattedValue(value=ast.Call() as call) if dotted(call.func) == "time.time":
            yield ast.copy_location(ast.Call(ast.Name("str"), [call], []), call)
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
