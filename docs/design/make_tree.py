"""Write the tree of modules into architecture.md, from the first sentences of the modules and the order of the test.

.venv/bin/python docs/design/make_tree.py
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SRC = ROOT / "src" / "octavo"
PAGE = ROOT / "docs" / "design" / "architecture.md"

#: The first module of each group, and what the group is called.
GROUPS = {
    "errors": "words: the standard library only",
    "surroundings": "thought: values, and functions over values",
    "products": "memory: the disk",
    "notebook": "notebooks as documents",
    "kernels": "the user's code",
    "sources": "decisions",
    "executors": "leaves",
    "single": "the door",
    "cli": "surfaces",
}


def order() -> list[str]:
    """Return the modules in the order that the test of the architecture holds them to."""
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
    from test_architecture import ORDER  # noqa: PLC0415 - found only now

    return [name for name in ORDER if name != "__main__"]


def sentence(path: Path) -> str:
    """Return the first sentence of a module as a line of the tree."""
    text = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    line = " ".join(text.replace("``", "").split()).rstrip(".")
    if not line.startswith(("IPython", "YAML", "Python")):
        line = line[:1].lower() + line[1:]
    return line if len(line) <= 110 else line[:110].rpartition(" ")[0] + " …"


def within(folder: Path, indent: str) -> list[str]:
    """Return the lines of a package and of all that is in it."""
    width = 20 - len(indent)
    lines = [f"{indent}{folder.name + '/':<{width}} {sentence(folder / '__init__.py')}"]
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and path.name != "__init__.py":
            lines.append(f"{indent}  {path.name:<{width - 2}} {sentence(path)}")
        elif (path / "__init__.py").exists():
            lines += within(path, indent + "  ")
    return lines


def tree() -> str:
    """Return the tree, each module after those that it may import."""
    lines = ["src/octavo/"]
    for name in order():
        lines += [f"  ── {GROUPS[name]}"] if name in GROUPS else []
        folder = SRC / name
        if folder.is_dir():
            lines += within(folder, "  ")
        else:
            lines.append(f"  {name + '.py':<18} {sentence(folder.with_suffix('.py'))}")
    lines.append(f"  {'__main__.py':<18} {sentence(SRC / '__main__.py')}")
    return "\n".join(lines) + "\n"


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    block = f"<!-- tree: src/octavo -->\n```text\n{tree()}```\n"
    PAGE.write_text(
        re.sub(r"<!-- tree: .*?```text\n.*?```\n", lambda _: block, text, flags=re.S), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
