"""What rules for many notebooks need of each one: its imports, its larger pieces of code, and what it excuses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from ..digests import digest
from ..notebook.inject import tags
from . import Block, CodeCell, Excuse, ImportAt, Sketch, Subject, dotted
from .excuses import NOQA

#: Code of fewer lines may stand in several notebooks.
_LINES = 8
_INSTALLED = re.compile(r"(?:pip3?|conda|mamba|uv)\b.*?\b(?:install|add)\s+(.*)")
_WRITTEN = re.compile(r"^%%(?:writefile|file)\s+(?:-\S+\s+)*(?:\S*/)?(\w+)\.py\b", re.MULTILINE)
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def of(subject: Subject) -> Sketch:
    """Return the sketch of a notebook."""
    return Sketch(
        subject.notebook.path,
        tuple(one for cell in subject.cells for one in _imports(subject, cell)),
        tuple(one for cell in subject.cells for one in _blocks(subject, cell))
        if not _is_copy(subject)
        else (),
        tuple(dict.fromkeys(name for cell in subject.cells for name in cell.once(_installed))),
        tuple(sorted({word for cell in subject.cells for word in cell.once(_used)})),
        tuple(sorted({name for cell in subject.cells for name in cell.once(_written)})),
        tuple(one for cell in subject.cells for one in _excuses(cell)),
    )


def _written(cell: CodeCell) -> list[str]:
    found: list[str] = _WRITTEN.findall(cell.source)
    return found


def _is_copy(subject: Subject) -> bool:
    """Return whether a notebook is what a run made of another one."""
    run = subject.notebook.data.get("metadata", {}).get("papermill")
    return (
        isinstance(run, dict) and bool(run.get("input_path")) and run["input_path"] != run.get("output_path")
    )


def _row(subject: Subject, cell: CodeCell, line: int) -> int:
    first = subject.notebook.line(cell.index)
    return first + line - 1 if first else 0


def _imports(subject: Subject, cell: CodeCell) -> Iterator[ImportAt]:
    for module, line in cell.once(_needed) if cell.names.imports else ():
        yield ImportAt(module, cell.number, line, _row(subject, cell, line))


def _needed(cell: CodeCell) -> list[tuple[str, int]]:
    """Return what a cell imports and in which line, but in ``try`` or for type checkers alone."""

    def look(node: ast.AST) -> Iterator[tuple[str, int]]:
        match node:
            case ast.Import():
                for one in node.names:
                    yield one.name, node.lineno
            case ast.ImportFrom(module=str(module), level=0) if module != "__future__":
                yield module, node.lineno
            case ast.Try() if node.handlers:
                pass
            case ast.If(test=test) if "TYPE_CHECKING" in ast.dump(test):
                pass
            case _:
                for child in ast.iter_child_nodes(node):
                    yield from look(child)

    return [*look(cell.tree)] if cell.tree is not None else []


def _blocks(subject: Subject, cell: CodeCell) -> Iterator[Block]:
    """Yield functions and classes, and the cell itself, by digests that comments and layout do not change."""
    for code, name, length, line in cell.once(_pieces):
        yield Block(code, name, length, cell.number, line, _row(subject, cell, line))


def _pieces(cell: CodeCell) -> list[tuple[str, str, int, int]]:
    """Return the digest, the name, the length and the first line of each."""
    found: list[tuple[str, str, int, int]] = []
    if cell.tree is None or cell.source.count("\n") + 1 < _LINES:
        return found
    lines = cell.source.splitlines()
    defined = 0
    for node in cell.tree.body:
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined += length
            if length >= _LINES:
                found.append((_code(lines, [node]), node.name, length, node.lineno))
    body = [node for node in cell.tree.body if not _setting_up(node)]
    length = sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in body)
    if length >= _LINES and defined < length / 2:
        found.append((_code(lines, body), "", length, 1))
    return found


def _code(lines: Sequence[str], nodes: Sequence[ast.stmt]) -> str:
    """Return a digest of some statements; comments in lines of their own, indents and empty lines do not count."""
    stripped = (line.strip() for node in nodes for line in lines[node.lineno - 1 : node.end_lineno])
    return digest("\n".join(line for line in stripped if line and not line.startswith("#")))[:16]


def _setting_up(node: ast.stmt) -> bool:
    """Return whether a statement imports or sets options, which all notebooks do in the same way."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Try):
        return True
    call = node.value if isinstance(node, ast.Expr | ast.Assign) else None
    if isinstance(node, ast.Assign):
        return any("rcParams" in ast.dump(one) or "options" in ast.dump(one) for one in node.targets)
    return isinstance(call, ast.Call) and dotted(call.func).rpartition(".")[2] in (
        *("set_option", "filterwarnings", "set_theme", "set_style", "seed", "run_line_magic", "use"),
    )


def _installed(cell: CodeCell) -> tuple[str, ...]:
    """Return what a cell installs, or requires in a script's block (PEP 723)."""
    return tuple(_names(cell)) if "install" in cell.source or "# ///" in cell.source else ()


def _names(cell: CodeCell) -> Iterator[str]:
    for line in cell.source.splitlines():
        if line.lstrip()[:1] in ("%", "!") and (found := _INSTALLED.search(line)):
            for word in found[1].replace('"', "").replace("'", "").split():
                if not word.startswith("-") and (name := _REQUIREMENT.match(word)):
                    yield name[0]
        elif line.startswith("#") and (found := re.match(r"#\s+[\"']([A-Za-z0-9._-]+)", line)):
            yield found[1]


def _used(cell: CodeCell) -> set[str]:
    """Return all modules that a cell imports, and the words of its magics and shell lines."""
    lines = cell.source.splitlines() if "%" in cell.source or "!" in cell.source else ()
    said = [line for line in lines if line.lstrip()[:1] in ("%", "!")]
    return {*cell.names.imports, *(word for line in said for word in re.findall(r"[A-Za-z][\w-]*", line))}


def _excuses(cell: CodeCell) -> Iterator[Excuse]:
    for tag in sorted(tags(cell.data)):
        if tag == "noqa" or tag.startswith("noqa-"):
            yield Excuse(cell.number, 0, tag.removeprefix("noqa").removeprefix("-"))
    if "noqa" in cell.source.lower():
        for number, line in enumerate(cell.source.splitlines(), start=1):
            if said := NOQA.search(line):
                yield Excuse(cell.number, number, (said["codes"] or "").upper())
