"""The modules of a package and what each imports: read from the source, every import statement wherever it stands."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

#: Where an import stands: at the top, under TYPE_CHECKING, in a block of lazy imports, or in a function.
TOP, TYPE, LAZY, INSIDE = "top", "type", "lazy", "inside"


@dataclass(frozen=True, slots=True)
class Import:
    """A module, by its path in the package ("spec.schema"), imports another; None for one of another package."""

    module: str
    target: str | None
    where: str
    line: int


class Package:
    """A package as its source says it is. A folder stands for its ``__init__``: "spec" for spec/__init__.py."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = {
            ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): path
            for path in sorted(folder.rglob("*.py"))
        }
        self.trees = {name: ast.parse(path.read_text("utf-8")) for name, path in self.files.items()}
        self.imports = [found for name in self.files for found in self._imports(name)]

    def _imports(self, name: str) -> Iterator[Import]:
        here = list(self.files[name].relative_to(self.folder).parts[:-1])
        for node, where in _placed(self.trees[name], TOP):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(name, self._own(alias.name.split(".")), where, node.lineno)
            elif isinstance(node, ast.ImportFrom):
                start = node.module.split(".") if node.module else []
                if node.level:
                    start = [self.folder.name, *here[: len(here) - node.level + 1], *start]
                for alias in node.names:
                    target = self._own([*start, alias.name]) or self._own(start)
                    if target != name:
                        yield Import(name, target, where, node.lineno)

    def _own(self, parts: Sequence[str]) -> str | None:
        """Return the module of this package that an absolute name stands for."""
        name = ".".join(parts[1:])
        return name if parts[:1] == [self.folder.name] and name in self.files else None

    def edges(self, *, within: Callable[[Import], bool] = lambda found: True) -> Mapping[str, set[str]]:
        """Return what each module imports of the package."""
        found: dict[str, set[str]] = {name: set() for name in self.files}
        for each in filter(within, self.imports):
            # the package's own name and version may be asked for anywhere
            if each.target and each.target != "__init__":
                found[each.module].add(each.target)
        return found


def _placed(node: ast.AST, where: str) -> Iterator[tuple[ast.AST, str]]:
    """Yield what is below a node, each with where it stands."""
    for child in ast.iter_child_nodes(node):
        place = where
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and child in node.body:
            place = TYPE if where == TOP else where
        elif isinstance(node, ast.With) and ast.unparse(node.items[0]) == "lazy_imports()":
            place = LAZY if where == TOP else where
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            place = INSIDE
        yield child, place
        yield from _placed(child, place)


# ── what may be wrong: each returns complaints


def unlisted(package: Package, order: Sequence[str]) -> list[str]:
    """Complain of modules that the order lacks, and of names in it that are no modules or stand there twice."""
    twice = {name for name in order if order.count(name) > 1}
    strange = set(package.files) ^ set(order)
    return sorted({*twice, *strange})


def forward(package: Package, order: Sequence[str]) -> list[str]:
    """Complain of imports of what stands later in the order."""
    at = {name: number for number, name in enumerate(order)}
    return [
        f"{each.module}:{each.line} imports {each.target} ({each.where})"
        for each in package.imports
        if each.target and each.target != "__init__" and at[each.target] >= at[each.module]
    ]


def cycle(package: Package) -> list[str]:
    """Complain of modules that import each other, in a circle, at any time."""
    try:
        TopologicalSorter(package.edges()).prepare()
    except CycleError as error:
        return [" → ".join(reversed(error.args[1]))]
    return []


def inside(package: Package) -> list[str]:
    """Complain of imports in functions, be it of this package or any other."""
    return [f"{each.module}:{each.line}" for each in package.imports if each.where == INSIDE]


def strings(package: Package, seam: Sequence[str] = ()) -> list[str]:
    """Complain of strings that name a module of the package, and of imports by relative name; not in the ``seam``."""
    found = []
    for name, tree in package.trees.items():
        for node in ast.walk(tree) if name not in seam else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _names(package, node.value):
                found.append(f"{name}:{node.lineno} {node.value}")
            elif (
                isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__") and node.args
            ):
                first = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
                if isinstance(first, ast.BinOp):
                    first = first.left
                if isinstance(first, ast.Constant) and str(first.value).startswith("."):
                    found.append(f"{name}:{node.lineno} import_module")
    return found


def _names(package: Package, text: str) -> bool:
    """Return whether a text is the name of a module of the package, or of something in one."""
    if not re.fullmatch(rf"{package.folder.name}(\.\w+)+(:\w+)?", text):
        return False
    return text.partition(":")[0].split(".")[1] in {name.partition(".")[0] for name in package.files}


def _called(node: ast.Call) -> str:
    return ast.unparse(node.func).rpartition(".")[2]


def written(package: Package, doors: Sequence[str] = ()) -> list[str]:
    """Complain of calls that write, make or rename files; not in the ``doors``, nor where a door has no such call."""
    found: dict[str, list[str]] = {}
    for name, tree in package.trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _writes(node):
                found.setdefault(name, []).append(f"{name}:{node.lineno} {_called(node)}")
    direct = [call for name, calls in found.items() if name not in doors for call in calls]
    return [*direct, *(f"{name} writes nothing" for name in doors if name not in found)]


#: Functions and methods that write, make or rename a file, whatever they are given.
_WRITERS = frozenset(
    ["write_text", "write_bytes", "copyfile", "copy2", "copytree", "symlink_to", "hardlink_to"]
)
_OF_OS = frozenset(["replace", "rename", "renames", "link", "symlink", "mkfifo", "truncate", "copy", "move"])


def _writes(node: ast.Call) -> bool:
    where, _, what = ast.unparse(node.func).rpartition(".")
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    words = {each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    if what in _WRITERS and where != "self":
        return True
    if what in _OF_OS and where in ("os", "shutil"):
        return True
    if what in ("replace", "rename") and where and len(node.args) == len(given) == 1:
        return True  # of a Path: that of a text takes two
    if what == "touch" and where:
        return True
    if where == "os" and what == "open":
        return any(flag in ast.unparse(node) for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND"))
    return what == "open" and any(re.fullmatch(r"[rbt]*[wax+][rbtwx+]*", word) for word in words)


def flat(package: Package, most: int) -> list[str]:
    """Complain of more than so many files beside the folders."""
    found = [name for name in package.files if "." not in name and package.files[name].name != "__init__.py"]
    found = [name for name in found if name != "__main__"]
    return found if len(found) > most else []


def long(package: Package, most: int) -> list[str]:
    """Complain of files of more lines."""
    return [f"{name}: {lines} lines" for name, lines in _lines(package).items() if lines > most]


def functions(package: Package, most: int) -> list[str]:
    """Complain of functions of more lines."""
    return [
        f"{name}.{node.name}: {lines} lines"
        for name, tree in package.trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > most
    ]


def median(package: Package, most: float) -> list[str]:
    """Complain when half of the files have more lines."""
    found = statistics.median(_lines(package).values())
    return [f"the median of all files is {found:g} lines"] if found > most else []


def _lines(package: Package) -> dict[str, int]:
    return {name: len(path.read_text("utf-8").splitlines()) for name, path in package.files.items()}


def anys(package: Package, most: int, apart: str) -> list[str]:
    """Complain of more than so many lines with the type ``Any``, but for the modules of one folder."""
    found = [
        f"{name}:{number}"
        for name, path in package.files.items()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if name.partition(".")[0] != apart and re.search(r"\bAny\b", line)
    ]
    return [f"{len(found)} lines", *found] if len(found) > most else []


def namesakes(package: Package, apart: str) -> list[str]:
    """Complain of classes that have the name of another, but for those of one folder."""
    places: dict[str, list[str]] = {}
    for name, tree in package.trees.items():
        for node in tree.body if name.partition(".")[0] != apart else ():
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name)
    return [f"{word}: {', '.join(names)}" for word, names in sorted(places.items()) if len(names) > 1]
