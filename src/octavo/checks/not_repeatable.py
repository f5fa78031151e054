"""NB111: a cell gives something else when it is run twice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from ..reading.patterns import later
from . import CodeCell, Hit, Severity, Subject, at, dotted
from .again import Again, again, heads
from .again_values import root
from .imported import imported

_HINT = "give the result another name, or do it where the name is defined"
#: What is used up by reading, or keeps what is written or counted, by what a name was made by.
_MADE = {
    "update": later(r"(?:\w+\.)?Counter|hashlib\.\w+|md5|sha\d+"),
    "subtract": later(r"(?:\w+\.)?Counter"),
    **dict.fromkeys(("write", "writelines", "read", "readline", "readlines"), later(r"(?:.*\.)?open")),
}
_MAKES = later(r"temp|mkdtemp|mkstemp", re.IGNORECASE)


class NotRepeatable:
    """A cell changes what another cell defined, such that running it twice changes it twice, or fails.

        total += 1                        # total is of a cell above
        df = df.drop(columns="price")     # the second time there is no such column
        df["price"] = df["price"] / 100
        results.append(total)             # and a cell below reads results
        os.remove("raw.csv")              # the second time it is gone
        open("log.txt", "a").write("x")   # and then it stands there twice

    People run cells twice, and nobody sees it in the notebook. Give the result another name, or do it in the cell that
    defines the name. What may be repeated (`df = df.sort_values()`, `x = abs(x)`, `mkdir(exist_ok=True)`) is not
    reported, nor is what fails the second time where the code asks first whether it is needed, or catches the error.
    """

    code = "NB111"
    name = "not-repeatable"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        modules = subject.once(imported)
        known: dict[str, int] = {}
        made: dict[str, str] = {}
        for position, cell in enumerate(subject.cells):
            said: set[str] = set()
            for one in (*cell.once(again), *_used_up(cell, made)):
                if not one.name:
                    if not _prepared(cell, one):
                        yield _of_file(cell, one)
                    continue
                if known.get(one.name, cell.number) == cell.number or one.name in said | modules:
                    continue
                # a list that nobody reads below is a list of this cell's own
                below = subject.cells[position + 1 :]
                if one.read and not any(one.name in other.names.uses for other in below):
                    continue
                if one.why == "order" and not any(one.name in other.once(_counted) for other in below):
                    continue
                if not _bound_before(cell, one.name, one.statement):
                    said.add(one.name)
                    yield at(cell, one.statement, _words(one, known[one.name]), _HINT)
            known |= dict.fromkeys(cell.names.defines - said, cell.number)
            made |= cell.once(_made)


def _words(one: Again, of: int) -> str:
    match one.why:
        case "order":
            return f'it sorts "{one.name}" of cell {of} in its place: who reads it by position gets another'
        case "fails":
            return f'run twice, it fails: what it takes out of "{one.name}" of cell {of} is gone'
        case _:
            return f'run twice, it changes "{one.name}" of cell {of} twice'


def _counted(cell: CodeCell) -> frozenset[str]:
    """Return the names of which a cell takes elements by their position."""
    found = (node for node in cell.of(ast.Subscript) if isinstance(node.value, ast.Name))
    return frozenset(
        root(node)
        for node in found
        if isinstance(node.slice, ast.Slice | ast.UnaryOp)
        or (isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int))
    )


def _of_file(cell: CodeCell, one: Again) -> Hit:
    if one.why == "adds":
        words, hint = "run twice, it adds the same twice", "write all of it anew"
    else:
        words = "run twice, it fails: what it takes away is gone, or what it makes is there"
        hint = "ask first whether it is there, or say missing_ok=True or exist_ok=True"
    return at(cell, one.statement, words, hint)


def _prepared(cell: CodeCell, one: Again) -> bool:
    """Return whether the cell itself brings a file into the state that it needs: it writes what it removes."""
    call, tree = one.call, cell.tree
    if call is None or tree is None:
        return False
    places = {ast.dump(arg) for arg in call.args[:1]}
    if isinstance(call.func, ast.Attribute):
        places.add(ast.dump(call.func.value))
    names = {
        node.id for arg in (*call.args[:1], call.func) for node in ast.walk(arg) if isinstance(node, ast.Name)
    }
    for before in tree.body:
        if before is one.statement:
            return False
        for node in ast.walk(before):
            if isinstance(node, ast.Call) and not isinstance(before, ast.Import | ast.ImportFrom):
                given = [*node.args, node.func.value if isinstance(node.func, ast.Attribute) else node.func]
                if any(
                    ast.dump(part) in places
                    for part in given
                    if not isinstance(part, ast.Name) or part.id in names
                ):
                    return not _asks(node)
        targets = before.targets if isinstance(before, ast.Assign) else []
        if any(_gives(one, name) for one in targets for name in names) and _MAKES.search(ast.unparse(before)):
            return True
    return False


def _asks(node: ast.Call) -> bool:
    """Return whether a call only looks at a path, or shows it."""
    return dotted(node.func).rpartition(".")[2] in (
        "print",
        "exists",
        "isfile",
        "isdir",
        "str",
        "Path",
        "join",
    )


def _made(cell: CodeCell) -> dict[str, str]:
    """Return what the names are made by that a cell gives values: ``Counter``, ``open``."""
    found: dict[str, str] = {}
    for node in cell.of(ast.Assign):
        if isinstance(node.value, ast.Call):
            made = dotted(node.value.func) or getattr(node.value.func, "attr", "")
            found |= {one.id: made for one in node.targets if isinstance(one, ast.Name)}
    return found


def _used_up(cell: CodeCell, made: Mapping[str, str]) -> list[Again]:
    """Return the statements that count on, write on or read on with what another cell has made."""
    return [
        Again(name, statement)
        for name, method, statement in cell.once(_methods)
        if name in made and _MADE[method].fullmatch(made[name])
    ]


def _methods(cell: CodeCell) -> list[tuple[str, str, ast.stmt]]:
    """Return the calls of such methods on names, in the statements of a cell."""
    return [
        (node.func.value.id, node.func.attr, statement)
        for statement in (cell.tree.body if cell.tree is not None else ())
        for node in heads(statement)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _MADE
        if isinstance(node.func.value, ast.Name)
    ]


def _bound_before(cell: CodeCell, name: str, statement: ast.stmt) -> bool:
    """Return whether the cell itself gives the name a new value first."""
    assert cell.tree is not None
    for before in cell.tree.body:
        if before is statement:
            return False
        if isinstance(before, ast.Assign) and any(_gives(target, name) for target in before.targets):
            return not any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(before.value))
        if isinstance(before, ast.For | ast.With | ast.Import | ast.ImportFrom):
            targets = before.target if isinstance(before, ast.For) else before
            if any(
                isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
                for n in ast.walk(targets)
            ):
                return True
    return False


def _gives(target: ast.expr, name: str) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return any(_gives(one, name) for one in target.elts)
    return isinstance(target, ast.Name) and target.id == name


RULE = NotRepeatable()
