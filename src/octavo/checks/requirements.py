"""What the files of a project require: pyproject.toml, requirements.txt, environment.yml, setup.cfg and setup.py."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..dataclass import dataclass
from ..lazy import lazy_imports
from ..model import Json
from ..reading.versions import normal

with lazy_imports():
    from .. import environment

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
#: So many exact versions were written by a tool, with what others need.
_LOCKED = 40
_CONDA = re.compile(r"^\s+-\s+[\"']?(?:[\w-]+::)?([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class Required:
    """A distribution by its normalised name, and where it is required; ``needed``: by what the project runs on."""

    name: str
    path: str
    line: int
    needed: bool


def required(root: Path) -> list[Required]:
    """Return what a project requires; nothing where no file says it."""
    found: list[Required] = []
    for path in sorted(root.glob("*requirements*.txt")) + sorted(root.glob("requirements/*.txt")):
        found += _of_lines(path)
    for path in sorted(root.glob("*environment*.y*ml")) + sorted(root.glob("conda*.y*ml")):
        found += _of_conda(path)
    for path, names in ((root / "pyproject.toml", _of_pyproject), (root / "setup.py", _of_setup)):
        if path.is_file():
            found += names(path)
    if (path := root / "setup.cfg").is_file():
        found += _of_lines(path, re.compile(r"install_requires\s*=(.*?)(?:\n\S|\Z)", re.DOTALL))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _of_lines(path: Path, part: re.Pattern[str] | None = None) -> Iterator[Required]:
    text = _text(path)
    inside = part.search(text) if part else None
    if part and inside is None:
        return
    # by a tool, which also wrote what others need
    locked = "# via" in text or "--hash" in text or text.count("==") > _LOCKED
    main = path.name in ("requirements.txt", "setup.cfg") and not locked
    for number, line in enumerate(text.splitlines(), start=1):
        if inside is not None and line.strip() not in inside[1]:
            continue
        if (
            line[:1] not in "-#"
            and (found := _NAME.match(line))
            and (part is None or "=" not in line.split(">")[0])
        ):
            yield Required(normal(found[1]), str(path), number, main)


def _of_conda(path: Path) -> Iterator[Required]:
    inside, text = False, _text(path)
    installed = environment.versions()
    locked = len(re.findall(r"^\s+- [^#\n]*\d$|^\s+- [^#\n]*=[^#\n]*=", text, re.MULTILINE)) > _LOCKED
    for number, line in enumerate(text.splitlines(), start=1):
        if line[:1].strip() and line[:1] not in "-#":
            inside = line.startswith("dependencies")
        elif inside and (found := _CONDA.match(line)) and found[1] not in ("python", "pip"):
            # not all that conda installs is a package of Python: that is one which is known here
            name = normal(found[1])
            needed = name in installed or name in environment.ALIASES.values()
            yield Required(name, str(path), number, needed and not locked)


def _of_pyproject(path: Path) -> Iterator[Required]:
    text = _text(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    project = _table(data, "project")
    poetry = _table(_table(data, "tool"), "poetry")
    yield from _listed(project.get("dependencies"), text, path, True)
    others = [*_tables(project.get("optional-dependencies")), *_tables(data.get("dependency-groups"))]
    for several in others:
        yield from _listed(several, text, path, False)
    yield from _listed([*_table(poetry, "dependencies")], text, path, True)
    for group in _tables(poetry.get("group")):
        named = group.get("dependencies") if isinstance(group, dict) else None
        yield from _listed([*named] if isinstance(named, dict) else [], text, path, False)


def _table(data: Json, key: str) -> Json:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _tables(value: object) -> list[object]:
    return [*value.values()] if isinstance(value, dict) else []


def _listed(value: object, text: str, path: Path, needed: bool) -> Iterator[Required]:
    for entry in value if isinstance(value, list) else []:
        if isinstance(entry, str) and (found := _NAME.match(entry)) and found[1] != "python":
            at = re.search(rf"^.*[\"'\s]{re.escape(entry)}.*$", text, re.MULTILINE)
            yield Required(
                normal(found[1]), str(path), text.count("\n", 0, at.start()) + 1 if at else 1, needed
            )


def _of_setup(path: Path) -> Iterator[Required]:
    """Yield the texts of ``install_requires=[...]`` in setup.py."""
    try:
        tree = ast.parse(_text(path))
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.keyword)
            and node.arg == "install_requires"
            and isinstance(node.value, ast.List)
        ):
            for one in _constants(node.value.elts):
                if isinstance(one.value, str) and (found := _NAME.match(one.value)):
                    yield Required(normal(found[1]), str(path), one.lineno, True)


def _constants(nodes: Iterable[ast.expr]) -> Iterator[ast.Constant]:
    return (node for node in nodes if isinstance(node, ast.Constant))
