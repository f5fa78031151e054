"""The order in which modules stand, and that each imports only those before it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import octavo

SRC = Path(octavo.__file__).parent

ORDER = [
    *["errors", "model", "digests", "editions", "events", "plugins", "calls", "serialize"],
    *[
        "surroundings",
        "document",
        "dialect",
        "schema",
        "expressions",
        "placeholders",
        "expand",
        "grid",
        "graph",
        "fingerprint",
        "diff",
        "report",
    ],
    *[
        "code",
        "templates",
        "products",
        "filesystem",
        "store",
        "cache",
        "clients",
        "storage",
        "runlog",
        "lock",
        "views",
        "standing",
        "databases",
        "connections",
        "tables",
        "table_notes",
    ],
    "notebook",
    *["kernels", "kinds", "hooks"],
    *[
        "sources",
        "promises",
        "evaluated",
        "drafts",
        "load",
        "environment",
        "explain",
        "plan",
        "upkeep",
        "adopt",
        "aside",
        "engine",
    ],
    "executors",
    *["remote", "pages", "single", "entry", "project"],
    *["ploomber", "rewrite", "migrate"],
    "papermill_engine",
    *["cli", "__main__"],
]

#: Each stays whole for the reason given.
LONG: dict[str, str] = {}


def imports(path: Path) -> set[str]:
    """Return the modules and folders of octavo that a file imports, wherever the import stands."""
    found, depth = set[str](), len(path.relative_to(SRC).parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            found |= (
                {node.module.split(".")[0]} if node.module else {a.name for a in node.names} - {"__version__"}
            )
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            assert not any(name.split(".")[0] == "octavo" for name in names), "import ourselves relatively"
    return found


@pytest.mark.parametrize("path", sorted(SRC.rglob("*.py")), ids=lambda p: str(p.relative_to(SRC)))
def test_imports_point_back(path: Path) -> None:
    here = path.relative_to(SRC).parts[0].removesuffix(".py")
    if here != "__init__":
        for there in imports(path) - {here}:
            assert ORDER.index(there) < ORDER.index(here), f"{here} must not import {there}"


def test_the_order_names_every_module_once() -> None:
    there = {p.relative_to(SRC).parts[0].removesuffix(".py") for p in SRC.rglob("*.py")} - {"__init__"}
    assert set(ORDER) == there
    assert len(ORDER) == len(set(ORDER))


def test_files_above_400_lines_have_a_reason() -> None:
    long = {str(p.relative_to(SRC)) for p in SRC.rglob("*.py") if len(p.read_text().splitlines()) > 400}
    assert long == set(LONG)
