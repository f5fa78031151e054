"""What a cell does once more each time it runs: to a name that it may share with other cells, or to a file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Literal

from ..dataclass import dataclass
from ..reading.patterns import later
from . import CodeCell, dotted, magic_of
from .again_values import changed, repeatable, root

#: Methods that change their object in its place, and again each time.
_IN_PLACE_WORDS = """
append appendleft extend extendleft insert pop popleft popitem remove reverse rotate sort
"""
_IN_PLACE = frozenset(_IN_PLACE_WORDS.split())
#: Functions that change their first argument in its place, by the last part of their name.
_OF_FIRST = frozenset(
    ("shuffle", "heappush", "heappop", "heapreplace", "heappushpop", "insort", "insort_left", "insort_right")
)
#: Methods of pandas that, in place, fail the second time or change it again.
_PANDAS = frozenset(("drop", "set_index", "reset_index"))
#: What takes a file away, or makes a folder, and the argument by which it may be done twice.
_TAKEN = {
    **dict.fromkeys(("os.remove", "os.unlink", "os.rmdir", "os.removedirs", "os.rename", "os.renames"), ""),
    **dict.fromkeys(("shutil.move", "os.symlink", "os.link"), ""),
    **dict.fromkeys(("os.mkdir", "os.makedirs"), "exist_ok"),
    "shutil.rmtree": "ignore_errors",
    "shutil.copytree": "dirs_exist_ok",
}
_TAKEN_METHODS = {"unlink": "missing_ok", "mkdir": "exist_ok"}
_APPEND = later(r"[bt]*a[bt+]*")
_SHELL = later(r"[^>]*[^>&\d]>>\s*[^\s&]")
_SQL = later(
    r"\s*(?:insert\s+into(?!.*on\s+conflict)|create\s+(?:unique\s+)?(?:table|index|view|schema)\s+(?!if\s)"
    r"|drop\s+\w+\s+(?!if\s)|alter\s+table\s+\S+\s+(?:add|drop|rename))",
    re.IGNORECASE | re.DOTALL,
)

#: Here the mode is the second argument; of a path it is the first.
_OPEN = frozenset(
    ("open", "io.open", "gzip.open", "bz2.open", "codecs.open", "zipfile.ZipFile", "ZipFile", "tarfile.open")
)

Why = Literal["twice", "order", "adds", "fails"]


@dataclass(frozen=True, slots=True)
class Again:
    """What a statement of a cell does again: ``name`` is what it is done to, "" for a file or a database.

    ``read`` tells that it matters only where a cell below reads the name, and ``call`` is what is done to a file.
    """

    name: str
    statement: ast.stmt
    why: Why = "twice"
    read: bool = False
    call: ast.Call | None = None


def again(cell: CodeCell) -> tuple[Again, ...]:
    """Return what the statements of a cell do again each time; ask by ``cell.once``."""
    found: list[Again] = []
    for top in cell.tree.body if cell.tree is not None else ():
        for statement, guarded in _running(top, False):
            mine = _given_within(top, statement) if statement is not top else frozenset[str]()
            name = changed(statement)
            several = [Again(name, top)] if name else _done(statement, top, guarded)
            found += [one for one in several if not mine & {one.name, *_read(one.call)}]
    return tuple(found)


def _read(call: ast.Call | None) -> set[str]:
    """Return the names that say which file is meant."""
    return {node.id for node in ast.walk(call) if isinstance(node, ast.Name)} if call is not None else set()


def _running(statement: ast.stmt, guarded: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield the statements that run with one, and whether under a condition or in ``try``."""
    match statement:
        case ast.For() | ast.AsyncFor() | ast.While() | ast.With() | ast.AsyncWith():
            yield statement, guarded
            items = getattr(statement, "items", ())
            loose = guarded or any("suppress" in ast.dump(item.context_expr) for item in items)
            for inner in statement.body:
                yield from _running(inner, loose)
        case ast.If(body=body, orelse=orelse):
            for inner in (*body, *orelse):
                yield from _running(inner, True)
        case ast.Try(body=body):
            for inner in body:
                yield from _running(inner, True)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return
        case _:
            yield statement, guarded


def _given_within(top: ast.stmt, but: ast.stmt) -> frozenset[str]:
    """Return the names that a loop, or the like, gives values itself."""
    inside = {id(node) for node in ast.walk(but)} if not hasattr(but, "body") else set[int]()
    return frozenset(
        node.id
        for node in ast.walk(top)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in inside
    )


def _done(statement: ast.stmt, top: ast.stmt, guarded: bool) -> Iterator[Again]:
    """Yield what a statement does to names and files by calls and ``del``."""
    if isinstance(statement, ast.Delete) and not guarded:
        for gone in statement.targets:
            if isinstance(gone, ast.Subscript) and not isinstance(gone.slice, ast.Slice):
                yield Again(root(gone), top, "fails")
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if isinstance(target, ast.Subscript) and _at_the_end(target):
        yield Again(root(target), top)
    for call in heads(statement):
        one = _of_call(call, top, alone=getattr(statement, "value", None) is call)
        if one is not None and not (guarded and one.why == "fails"):
            yield one


def _at_the_end(target: ast.Subscript) -> bool:
    """Return whether a place is the one behind the last: ``df.loc[len(df)]``."""
    found = (node for node in ast.walk(target.slice) if isinstance(node, ast.Call) and node.args)
    return any(dotted(node.func) == "len" and root(node.args[0]) == root(target) != "" for node in found)


def heads(statement: ast.stmt) -> Iterator[ast.Call]:
    """Yield the calls of a statement, of a compound one those of its head, but none in functions."""
    left: list[ast.AST] = [statement]
    match statement:
        case ast.For(iter=head) | ast.AsyncFor(iter=head) | ast.While(test=head):
            left = [head]
        case ast.With(items=items) | ast.AsyncWith(items=items):
            left = [one.context_expr for one in items]
    while left:
        node = left.pop(0)
        if isinstance(node, ast.Call):
            yield node
        if not isinstance(node, ast.Lambda):
            left += ast.iter_child_nodes(node)


def _of_call(call: ast.Call, top: ast.stmt, *, alone: bool) -> Again | None:
    name = dotted(call.func)
    if (done := _to_file(call, name)) is not None:
        return Again("", top, done, call=call)
    first = call.args[0] if call.args else None
    if name.rpartition(".")[2] in _OF_FIRST and isinstance(first, ast.Name):
        return Again(first.id, top, read=True)
    if name == "next" and len(call.args) == 1 and isinstance(first, ast.Name):
        return Again(first.id, top)
    if not (isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)):
        return None
    method, owner = call.func.attr, call.func.value.id
    if any(one.arg == "inplace" and getattr(one.value, "value", None) is True for one in call.keywords):
        return Again(owner, top) if method in _PANDAS and not repeatable(call) else None
    if method not in _IN_PLACE or not (alone or method.startswith("pop")):
        return None
    if method == "pop" and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return Again(owner, top, "fails") if len(call.args) == 1 else None
    return Again(owner, top, "order" if method == "sort" else "twice", read=True)


def _to_file(call: ast.Call, name: str) -> Why | None:
    """Return what a call does again to a file, a folder or a database."""
    given = {one.arg: getattr(one.value, "value", None) for one in call.keywords}
    method = call.func.attr if isinstance(call.func, ast.Attribute) else name
    mode: object = given.get("mode")
    if method in ("open", "ZipFile", "TarFile") and len(call.args) > (place := int(name in _OPEN)):
        mode = getattr(call.args[place], "value", mode)
    appends = isinstance(mode, str) and _APPEND.fullmatch(mode)
    if appends and (method in ("open", "ZipFile", "to_csv", "to_json") or method.endswith("File")):
        return "adds"
    if given.get("if_exists") == "append" or (method == "to_parquet" and given.get("append") is True):
        return "adds"
    if magic := magic_of(call):
        return "adds" if magic[0] in ("writefile", "file") and "-a" in magic[1].split() else None
    text = getattr(call.args[0], "value", None) if call.args else None
    if isinstance(text, str) and method == "system" and _SHELL.match(text):
        return "adds"
    if isinstance(text, str) and method in ("execute", "executemany", "executescript") and _SQL.match(text):
        return "adds" if text.lstrip()[:1] in "iI" else "fails"
    if name in _TAKEN:
        excuse = _TAKEN[name]
    elif isinstance(call.func, ast.Attribute) and method in _TAKEN_METHODS:
        excuse = _TAKEN_METHODS[method]
    else:
        return None
    return None if excuse and given.get(excuse) is True else "fails"
