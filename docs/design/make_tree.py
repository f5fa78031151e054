"""Write the tree of modules into architecture.md, each with the first sentence of its docstring.

.venv/bin/python docs/design/make_tree.py
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SRC = ROOT / "src" / "octavo"
PAGE = ROOT / "docs" / "design" / "architecture.md"

#: The modules and folders of the package in reading order, by group.
GROUPS = {
    "words: the standard library only": "lazy errors model events digests values definitions plugins calls",
    "thought: values, and functions over values": "graph parts fingerprint report views serialize",
    "memory: the disk": "products aside lock filesystem store runlog remote cache",
    "subjects with one door": "spec notebook reading executed tables clients",
    "the user's code": "kernels kinds worker",
    "decisions": "explain environment load plan engine upkeep",
    "leaves": "executors show intake",
    "doors": "single project",
    "surfaces": "cli ploomber compat __main__",
}

#: First words that keep their capital.
PROPER = re.compile(r"[A-Z]\w*[A-Z]|(IPython|Python|Ploomber|Jupyter|Quarto|R)\b")


def sentence(path: Path) -> str:
    """Return the first sentence of a module as a line of the tree."""
    text = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    line = " ".join(text.replace("``", "").split()).rstrip(".")
    return line if PROPER.match(line) else line[:1].lower() + line[1:]


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
    """Return the tree of the package."""
    there = {path.stem for path in SRC.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    listed = " ".join(GROUPS.values()).split()
    if missing := there - {*listed, "__init__"}:
        raise SystemExit(f"add to a group in {Path(__file__).name}: {', '.join(sorted(missing))}")
    lines = ["src/octavo/"]
    for title, names in GROUPS.items():
        lines.append(f"  ── {title}")
        for name in [name for name in names.split() if name in there]:
            if (SRC / name).is_dir():
                lines += within(SRC / name, "  ")
            else:
                lines.append(f"  {name + '.py':<18} {sentence(SRC / f'{name}.py')}")
    return "\n".join(lines) + "\n"


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    block = f"<!-- tree: src/octavo -->\n```text\n{tree()}```\n"
    PAGE.write_text(
        re.sub(r"<!-- tree: .*?```text\n.*?```\n", lambda _: block, text, flags=re.S), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
