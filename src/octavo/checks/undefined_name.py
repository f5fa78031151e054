"""NB101: a name is read before any cell defines it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ..hints import did_you_mean
from . import CodeCell, Hit, Severity, Subject, at, calls, dotted, magic_of
from .called_later import functions_reading, kept, promised, too_early
from .opaque import defined, opaque
from .starred import starred

_NONE = frozenset[str]()
#: What octavo injects into notebooks of a pipeline.
_INJECTED = frozenset(("upstream", "product"))
#: What Python 2 had, and what kernels of Spark and Databricks define.
_PYTHON_2 = frozenset(
    ("unicode", "xrange", "raw_input", "basestring", "long", "unichr", "reduce", "execfile")
)
_DATABRICKS = frozenset(("spark", "sc", "sqlContext", "dbutils", "displayHTML", "table", "sql"))
_SPARK = frozenset(("spark", "sc", "sqlContext"))


class UndefinedName:
    """A cell reads a name that no cell before it defines, or that a cell before it deleted.

    The notebook works only in the session in which it grew: the cell that defined the name was removed, stands
    further down, or has another name by now. Whoever restarts the kernel and runs all cells gets a NameError.

        total = orders.sum()    # no cell defines "orders"

    Bring the definition back, or move its cell up. Names in functions may be defined further down, as long as a
    cell does and nothing calls the function before; what a function defines by `global` is there when it is called.
    After `%run`, `exec` of a variable, a star import of what is not Python's own or a magic that octavo does not know
    nothing is reported, for they may define any name; nor is it within `try` … `except NameError` or after a test of
    Python's version.
    """

    code = "NB101"
    name = "undefined-name"
    severity: Severity = "error"

    def check(self, subject: Subject) -> Iterator[Hit]:
        known = _INJECTED | _of_kernel(subject)
        everywhere = _INJECTED.union(*(cell.names.defines for cell in subject.cells))
        deleted: dict[str, int] = {}
        promises: dict[str, frozenset[str]] = {}
        waiting: dict[str, dict[str, int]] = {}
        for cell in subject.cells:
            brought = cell.once(starred) if "*" in cell.names.defines else _NONE
            if cell.tree is None or brought is None or cell.once(opaque):
                return  # from here on anything may be defined
            promises |= cell.once(promised)
            given = brought | cell.once(defined) | kept(cell, promises)
            for name in sorted(cell.names.uses - known - given):
                later = next((one.number for one in subject.cells if name in one.names.defines), None)
                reads = _reads(cell.tree, name)
                if later is not None and reads and all(inside for _, inside in reads):
                    for function in functions_reading(cell, name):
                        waiting.setdefault(function, {})[name] = later
                    continue
                if name in cell.names.defines and _in_loop(cell.tree, name):
                    continue
                node = reads[0][0] if reads else _in_magic(cell.tree, name)
                if node is None:
                    continue  # it is read only where the code expects that it may be missing
                yield _hit(cell, name, node, deleted.get(name) or later, everywhere, deleted)
                known |= {name}  # it is said once
            for function, name, node in too_early(cell, waiting, known) if waiting else ():
                words = f'"{function}" reads "{name}" before cell {waiting[function][name]} defines it'
                yield at(cell, node, words, "move that cell up")
                known |= {name}
            gone = cell.once(_deleted)
            gone = known - _INJECTED if "*" in gone else gone
            deleted |= dict.fromkeys(gone, cell.number)
            known = (known - gone) | (cell.names.defines - cell.names.promised) | given


def _of_kernel(subject: Subject) -> frozenset[str]:
    metadata = subject.notebook.data.get("metadata", {})
    kernel = subject.kernel.lower()
    known = frozenset[str]()
    if any(str(key).startswith("application/vnd.databricks") for key in metadata):
        known |= _DATABRICKS
    if "spark" in kernel:
        known |= _SPARK
    return known | (_PYTHON_2 if subject.python_2 else frozenset())


def _hit(
    cell: CodeCell,
    name: str,
    node: ast.AST,
    other: int | None,
    everywhere: frozenset[str],
    deleted: dict[str, int],
) -> Hit:
    if name in deleted:
        return at(cell, node, f'"{name}" is read, and cell {other} deleted it')
    if other is not None and other > cell.number:
        return at(cell, node, f'"{name}" is read before cell {other} defines it', "move that cell up")
    hint = did_you_mean(name, everywhere - {name}) or "was the cell that defined it removed?"
    return at(cell, node, f'"{name}" is read, and no cell defines it', hint)


def _reads(tree: ast.Module, name: str) -> list[tuple[ast.AST, bool]]:
    """Return where a name is read, and whether in a function, which runs when it is called.

    Left out is what stands where the code itself expects that the name may be missing.
    """
    found: list[tuple[ast.AST, bool]] = []

    def look(node: ast.AST, inside: bool) -> None:
        if isinstance(node, ast.Try) and any(_catches(handler) for handler in node.handlers):
            for rest in (*node.handlers, *node.orelse, *node.finalbody):
                look(rest, inside)
            return
        if isinstance(node, ast.If | ast.IfExp) and _of_version(node.test):
            return
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Store):
            found.append((node, inside))
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            found.append((node.target, inside))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for outer in (*getattr(node, "decorator_list", ()), node.args):
                look(outer, inside)
            if any(isinstance(one, ast.arg) and one.arg == name for one in ast.walk(node.args)):
                return  # there it is another name
            for part in node.body if isinstance(node.body, list) else [node.body]:
                look(part, True)
            return
        for child in ast.iter_child_nodes(node):
            look(child, inside)

    look(tree, False)
    return found


def _in_magic(tree: ast.Module, name: str) -> ast.AST | None:
    """Return the magic in whose text a name is read: ``%timeit f(x)``."""
    nodes = list(ast.walk(tree))
    if any(isinstance(node, ast.Name) and node.id == name for node in nodes):
        return None
    word = re.compile(rf"\b{re.escape(name)}\b")
    found = (node for node in nodes if (magic := magic_of(node)) and word.search(" ".join(magic)))
    return next(found, next((node for node in nodes if magic_of(node)), None))


def _catches(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or dotted(kind) in ("NameError", "Exception", "BaseException") for kind in kinds)


def _of_version(test: ast.AST) -> bool:
    """Return whether a condition is about where the code runs: Python's version, Colab, type checking."""
    words = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    words |= {node.attr for node in ast.walk(test) if isinstance(node, ast.Attribute)}
    texts = {node.value for node in ast.walk(test) if isinstance(node, ast.Constant)}
    return bool(words & {"version_info", "PY2", "PY3", "TYPE_CHECKING"} or "google.colab" in texts)


def _in_loop(tree: ast.Module, name: str) -> bool:
    """Return whether one loop both reads and gives a name, so that a later turn reads what an earlier one gave."""
    for loop in ast.walk(tree):
        if isinstance(loop, ast.For | ast.AsyncFor | ast.While):
            uses = [node for node in ast.walk(loop) if isinstance(node, ast.Name) and node.id == name]
            stores = any(isinstance(node.ctx, ast.Store) for node in uses)
            guarded = any(isinstance(node, ast.If) for node in ast.walk(loop))
            if stores and guarded and any(isinstance(node.ctx, ast.Load) for node in uses):
                return True
    return False


def _deleted(cell: CodeCell) -> frozenset[str]:
    """Return the names that a cell deletes in any case, and defines no more; "*" for all of them."""
    gone: set[str] = set()
    for statement in cell.tree.body if cell.tree is not None else ():
        if isinstance(statement, ast.Delete):
            targets = [
                part
                for one in statement.targets
                for part in (one.elts if isinstance(one, ast.Tuple | ast.List) else [one])
            ]
            gone |= {one.id for one in targets if isinstance(one, ast.Name)}
    for call in cell.once(calls) if "%" in cell.source else ():
        word, text = call.magic or ("", "")
        if word == "xdel":
            gone |= set(text.split()[-1:])
        elif word == "reset" and not {"in", "out", "dhist", "array"} & set(text.split()):
            gone.add("*")
    return frozenset(gone - (cell.names.defines - cell.names.promised))


RULE = UndefinedName()
