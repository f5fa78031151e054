"""Write the sentences into the tree of architecture.md, each the first one of a module's docstring.

.venv/bin/python docs/design/make_tree.py

The lines stand in the order in which modules may import each other, which is decided by hand: put the line of a new
module below the last one that it imports, with any sentence.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SRC = ROOT / "src" / "octavo"
PAGE = ROOT / "docs" / "design" / "architecture.md"

_TREE = re.compile(r"(<!-- tree: src/octavo -->\n```text\n)(.*?)(```\n)", re.S)
_LINE = re.compile(r"((?:  )+)([\w/]+?)(\.py|/)(?=\s|$)")
#: First words that keep their capital, unless they look like a name: SQL, IPython, ExecutedNotebook.
_PROPER = re.compile(r"(\w+[A-Z]|(Python|Ploomber|Jupyter|Quarto|Git|R)\b)")


def entries(page: str) -> list[tuple[str, Path | None]]:
    """Return the lines of the tree on the page, each with the file it speaks of: a folder is its ``__init__.py``.

    A heading has none; nor has a folder of which some, its ``__init__.py`` too, stands further up by its whole path.
    """
    found = _TREE.search(page)
    assert found
    above: list[str] = []
    rows: list[tuple[str, Path | None]] = []
    for line in found[2].splitlines()[1:]:
        path = None
        if entry := _LINE.match(line):
            above = [*above[: len(entry[1]) // 2 - 1], entry[2]]
            path = (
                SRC.joinpath(*above, "__init__.py")
                if entry[3] == "/"
                else SRC.joinpath(*above[:-1], f"{above[-1]}.py")
            )
        rows.append((line, None if path in [known for _, known in rows] else path))
    return rows


def order(page: str) -> list[str]:
    """Return the modules in the order of the tree: "spec.schema".

    A folder's ``__init__`` stands before its modules, or after them where it imports any.
    """
    names: list[str] = []
    last: list[str] = []
    for line, path in entries(page):
        if path:
            name = ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")
            names.append(name)
            if line.lstrip().partition(" ")[0].endswith("/") and _imports_members(path):
                last.append(name)
    for name in last:
        names.remove(name)
        names.insert(max(at for at, each in enumerate(names) if each.startswith(f"{name}.")) + 1, name)
    return names


def _imports_members(init: Path) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.level == 1
        for node in ast.walk(ast.parse(init.read_text(encoding="utf-8")))
    )


def sentence(path: Path) -> str:
    """Return the first sentence of a module as a line of the tree."""
    text = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    line = " ".join(text.replace("``", "").split()).rstrip(".")
    return line if _PROPER.match(line) else line[:1].lower() + line[1:]


def written(page: str) -> str:
    """Return the page with the tree written anew. Modules that are in it or in the source alone are an error."""
    there = {path for path in SRC.rglob("*.py") if path != SRC / "__init__.py"}
    listed = {path for _, path in entries(page) if path}
    if differ := there ^ listed:
        files = ", ".join(sorted(str(path.relative_to(SRC)) for path in differ))
        raise SystemExit(f"these are in the tree or in {SRC.name}/ alone: {files}")
    lines = ["src/octavo/"]
    for line, path in entries(page):
        entry = _LINE.match(line)
        lines.append(f"{entry[0]:<20} {sentence(path)}" if entry and path else line)
    tree = "".join(line + "\n" for line in lines)
    return _TREE.sub(lambda found: found[1] + tree + found[3], page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
