"""What a parameters cell declares: upstream, product, and parameters with defaults, annotations and help."""

from __future__ import annotations

import ast
import re
from dataclasses import field
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from ..model import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_Pair = tuple[ast.Name, ast.expr | None]
_TYPE = re.compile(r"type:\s*")


@dataclass(frozen=True, slots=True)
class Assignment:
    """One variable that the parameters cell sets. ``line`` and ``column`` count from 1 in the cell."""

    name: str
    line: int
    column: int
    default: str | None = None
    annotation: str | None = None
    value: object = None
    known: bool = False
    help: str = ""


@dataclass(slots=True)
class Declarations:
    """What the assignments of a parameters cell mean; a mistake is (message, line, column) in the cell."""

    upstream: tuple[str, ...] | None = None
    product: Mapping[str | None, str] | None = None
    params: list[Parameter] = field(default_factory=list)
    mistakes: list[tuple[str, int, int]] = field(default_factory=list)


def declared(assignments: Iterable[Assignment]) -> Declarations:
    """Separate upstream and product from parameters. The last assignment to a name counts."""
    found = Declarations()
    last = {assignment.name: assignment for assignment in assignments}
    for name, assignment in last.items():
        match name:
            case "upstream":
                _upstream(assignment, found)
            case "product":
                _product(assignment, found)
            case _:
                found.params.append(
                    Parameter(
                        name,
                        assignment.default,
                        assignment.annotation,
                        assignment.value,
                        assignment.known,
                        assignment.help,
                    )
                )
    return found


def _upstream(assignment: Assignment, found: Declarations) -> None:
    if assignment.default is None:
        return
    if assignment.known:
        value = sorted(assignment.value, key=str) if isinstance(assignment.value, set) else assignment.value
        names = [] if value is None else [value] if isinstance(value, str) else value
        if isinstance(names, list | tuple | dict) and all(isinstance(name, str) for name in names):
            found.upstream = tuple(dict.fromkeys(names))
            return
    hint = 'write the names of tasks themselves: upstream = ["clean"], or None'
    found.mistakes.append(
        (f"upstream must be a literal list of task names — {hint}", assignment.line, assignment.column)
    )


def _product(assignment: Assignment, found: Declarations) -> None:
    if assignment.default is None or (assignment.known and assignment.value is None):
        return
    if assignment.known and isinstance(assignment.value, str):
        found.product = {None: assignment.value}
    elif (
        assignment.known
        and isinstance(assignment.value, dict)
        and all(isinstance(x, str) for kv in assignment.value.items() for x in kv)
    ):
        found.product = assignment.value
    else:
        hint = 'write the paths themselves: product = {"nb": "out/report.ipynb"}'
        found.mistakes.append(
            (
                f"product must be a literal path, or names with paths — {hint}",
                assignment.line,
                assignment.column,
            )
        )


def python(tree: ast.Module, text: str) -> list[Assignment]:
    """Return the assignments at the top level of a Python cell, in order."""
    lines = text.split("\n")
    found: list[Assignment] = []
    for node in tree.body:
        match node:
            case ast.Assign(targets=targets, value=value):
                pairs: list[_Pair] = [pair for target in targets for pair in _pairs(target, value)]
            case ast.AnnAssign(target=ast.Name() as name):
                pairs = [(name, node.value)]
            case _:
                continue
        rest = _from(lines, node.end_lineno or 1, node.end_col_offset or 0)
        kind, help_ = described(lines, node.lineno, rest, "#")
        if isinstance(node, ast.AnnAssign):
            kind = ast.get_source_segment(text, node.annotation) or ast.unparse(node.annotation)
        for name, given in pairs:
            default = None if given is None else ast.get_source_segment(text, given) or ast.unparse(given)
            known, literal = _literal(given, name.id)
            column = len(_before(lines, name.lineno, name.col_offset)) + 1
            found.append(Assignment(name.id, name.lineno, column, default, kind, literal, known, help_))
    return found


def parameter(arg: ast.arg, default: ast.expr | None, text: str) -> Parameter:
    """Return an argument of a function as a parameter."""
    known, value = _literal(default, arg.arg)
    written = None if default is None else ast.get_source_segment(text, default)
    annotation = None if arg.annotation is None else ast.get_source_segment(text, arg.annotation)
    return Parameter(arg.arg, written, annotation, value, known)


def _pairs(target: ast.expr, value: ast.expr | None) -> list[_Pair]:
    """Pair names with values; the names of ``a, b = f()`` have no value that can be told."""
    match target, value:
        case ast.Name(), _:
            return [(target, value)]
        case (
            (ast.Tuple(elts=names) | ast.List(elts=names)),
            (ast.Tuple(elts=values) | ast.List(elts=values)),
        ):
            if len(names) == len(values) and not any(isinstance(n, ast.Starred) for n in [*names, *values]):
                return [pair for name, one in zip(names, values, strict=True) for pair in _pairs(name, one)]
    return []


def _literal(node: ast.expr | None, name: str) -> tuple[bool, object]:
    """Return whether a value is a literal, and it. ``upstream = {"a": anything}`` means its keys only."""
    if node is None:
        return False, None
    if name == "upstream" and isinstance(node, ast.Dict):
        node = ast.copy_location(ast.List([key for key in node.keys if key is not None], ast.Load()), node)
    try:
        return True, ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False, None


def described(lines: Sequence[str], first: int, rest: str, comment: str) -> tuple[str | None, str]:
    """Return the type and the help that comments give a parameter: papermill's ``# type: int how many``.

    It stands behind the assignment (``rest`` is the text there), or on the lines right above ``first``.
    """
    if (behind := rest.lstrip(" \t;,")).startswith(comment):
        return _typed(behind[len(comment) :].lstrip(comment[-1]).strip())
    above: list[str] = []
    row = first - 2
    while row >= 0 and lines[row].lstrip().startswith(comment):
        above.insert(0, lines[row].strip()[len(comment) :].lstrip(comment[-1]).strip())
        row -= 1
    if row < 0 and above and above[0].rstrip(":").lower() in ("parameters", "parameter"):
        above.pop(0)
    return None, " ".join(above).strip()


def _typed(comment: str) -> tuple[str | None, str]:
    start = _TYPE.match(comment)
    if start is None:
        return None, comment
    end, depth = start.end(), 0
    while end < len(comment) and (depth or not comment[end].isspace()):
        depth += (comment[end] in "[(") - (comment[end] in "])")
        end += 1
    return comment[start.end() : end], comment[end:].strip()


def _before(lines: Sequence[str], line: int, offset: int) -> str:
    """Return what stands before a tree's position; trees count columns in UTF-8 bytes."""
    return _bytes(lines, line)[:offset].decode("utf-8", "replace")


def _from(lines: Sequence[str], line: int, offset: int) -> str:
    return _bytes(lines, line)[offset:].decode("utf-8", "replace")


def _bytes(lines: Sequence[str], line: int) -> bytes:
    return lines[line - 1].encode("utf-8", "surrogatepass") if line <= len(lines) else b""
