"""How modules stand to one another: no cycles, imports where they belong, none too long."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import octavo

SRC = Path(octavo.__file__).parent
MODULES = {
    ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SRC.rglob("*.py"))
}


def _lazy(node: ast.AST) -> bool:
    return isinstance(node, ast.With) and ast.unparse(node.items[0]) == "lazy_imports()"


def imports(name: str, *, lazily: bool) -> Iterator[str]:
    """Yield the modules that one imports by statements, those that wait for their first use included or not."""
    path = MODULES[name]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {id(each) for node in ast.walk(tree) if _lazy(node) for each in ast.walk(node)}
    here = list(path.relative_to(SRC).parts[:-1])
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level or (id(node) in late and not lazily):
            continue
        base = here[: len(here) - node.level + 1] + (node.module.split(".") if node.module else [])
        for alias in node.names:
            whole = ".".join([*base, alias.name])
            yield whole if whole in MODULES else ".".join(base) or "__init__"


def test_no_module_imports_itself_through_others() -> None:
    graph = {name: {*imports(name, lazily=False)} - {name} for name in MODULES}
    TopologicalSorter(graph).prepare()


def test_files_have_at_most_400_lines() -> None:
    assert not [name for name, path in MODULES.items() if len(path.read_text().splitlines()) > 400]
