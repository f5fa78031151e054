"""Find the notebooks of a folder, and tell them from modules and other files."""

from __future__ import annotations

import ast
import os
import posixpath
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from .. import notebook as documents
from ..dataclass import dataclass
from ..errors import Error, KernelError, each
from ..lazy import lazy_imports
from ..model import Json
from .flows import Flow, flow
from .paths import absolute, local

with lazy_imports():
    from ..kernels import specs  # which asks jupyter_client: few notebooks name another kernel

_SKIPPED = frozenset(
    (
        *("node_modules", "venv", "env", "site-packages", "__pycache__", "build", "dist", "tests", "test"),
        *("docs", "doc", "output", "outputs", "executed", "checkpoints", "wandb", "mlruns"),
    )
)
#: Text that can hold code cells, and scripts of other languages than Python.
_TEXTS = frozenset((".Rmd", ".qmd", ".md", ".R", ".jl"))
_NO_TASK = re.compile(r"(setup|conftest|manage|noxfile|fabfile|tasks|test_.*|.*_test|__.*__)\.py$")
_MARKER = re.compile(r"^# ?%%|^# \+|^# -\*- .*|^# jupyter:|^# ---\n# jupyter", re.MULTILINE)
#: Markdown that is a notebook says so: MyST's cells, or jupytext's header. A README with examples is none.
_CODE_IN_TEXT = re.compile(r"^```+\{code-cell\}|\A---\n(?:.*\n)*?(?:jupyter|kernelspec):", re.MULTILINE)
_APP = re.compile(
    r"^\s*(?:import|from)\s+(?:streamlit|dash|flask|fastapi|airflow|pytest|luigi|dagster|prefect)\b", re.M
)


@dataclass(frozen=True, slots=True)
class Found:
    """One notebook: its path in the project, where its code expects to run, and which files it reads and writes."""

    path: str
    flow: Flow
    #: The folder, relative to the project, that its relative paths count from.
    folder: str
    title: str = ""
    notes: tuple[str, ...] = ()
    #: The name of the kernel of Python that it asks for, where none of this name is installed.
    absent: str = ""
    #: Whether it names its own file, which a script has and a notebook has not.
    script: bool = False


def find(root: Path, below: Path) -> tuple[list[Found], list[str]]:
    """Return the notebooks below a folder of the project, in natural order, and notes on what was left out."""
    found: list[Found] = []
    notes: list[str] = []
    files = [path for path in _files(below) if path.suffix in (".py", ".ipynb") or path.suffix in _TEXTS]
    imported = _imported(files)
    for path in files:
        name = path.relative_to(root).as_posix()
        if path.suffix == ".py" and not _is_task(path, imported):
            continue
        if path.suffix == ".md" and not _CODE_IN_TEXT.search(
            path.read_text(encoding="utf-8", errors="replace")
        ):
            continue
        try:
            document = documents.read(path, name=name)
        except (Error, ExceptionGroup) as error:
            first = next(each(error))
            notes.append(f"{first.where or name}: {first.message}")
            continue
        except OSError as error:
            notes.append(f"{name}: {error.strerror}")
            continue
        code = _code(document)
        if any(source.strip() for source in code):
            found.append(_found(root, name, document, code))
    return sorted(found, key=lambda one: natural(one.path)), notes


def found_at(root: Path, name: str, runs_in: str, given: Mapping[str, object]) -> Found:
    """Return one notebook of the project as it runs in a folder, with some parameters; raises what reading it raises.

    A list among the parameters has the values that one takes in turn.
    """
    document = documents.read(root / name, name=name)
    values = [f"{key} = {value!r}" for key, value in given.items() if key.isidentifier()]
    first = max((at for at, cell in enumerate(_cells(document)) if _tagged(cell)), default=-1) + 1
    code = _code(document)
    language = document.data.get("metadata", {}).get("kernelspec", {}).get("language") or "python"
    if language == "python":
        code.insert(first, "\n".join(values))
    return _found(root, name, document, code, runs_in)


def _cells(document: documents.Notebook) -> list[Json]:
    return [cell for cell in document.cells if cell["cell_type"] == "code"]


def _tagged(cell: Json) -> bool:
    return "parameters" in cell.get("metadata", {}).get("tags", ())


def _code(document: documents.Notebook) -> list[str]:
    return [cell["source"] for cell in _cells(document)]


def natural(path: str) -> list[tuple[int, str]]:
    """Return a sort key that puts "2_b" before "10_a"."""
    return [
        (int(part), "") if part.isdigit() else (1 << 60, part) for part in re.split(r"(\d+)", path) if part
    ]


def _found(
    root: Path, name: str, document: documents.Notebook, code: list[str], known: str | None = None
) -> Found:
    own = PurePosixPath(name).parent.as_posix()
    own = "" if own == "." else own
    kernel = document.data.get("metadata", {}).get("kernelspec", {})
    language = kernel.get("language") or ("R" if name.endswith((".R", ".Rmd")) else "python")
    moved = _moved(code, own)
    modules = partial(_module, root, own)
    runs_in = known if known is not None else own if moved is None else moved
    here = flow(code, language, runs_in, posixpath.relpath(name, runs_in or "."), modules)
    folder = own if known is None else known
    if moved is None and own and known is None:
        # some run their notebooks from the project's folder: where do the files lie that it reads?
        from_root = flow(code, language, "", name, modules)
        if _there(root, from_root) > _there(root, here):
            here, folder = from_root, ""
    title = next(
        (
            line.lstrip("# ").strip().strip("*_").strip()
            for cell in document.cells
            if cell["cell_type"] == "markdown"
            for line in cell["source"].splitlines()
            if line.startswith("#")
        ),
        "",
    )
    script = name.endswith(".py") and any(re.search(r"(?<![\"'\w])__file__\b", source) for source in code)
    return Found(name, here, folder, title, absent=_absent(kernel.get("name"), language), script=script)


def _absent(kernel: object, language: str) -> str:
    """Return the name of a kernel of Python that is not installed: of an environment of another machine, say."""
    if not isinstance(kernel, str) or language.lower() != "python" or kernel in ("", "python", "python3"):
        return ""
    try:
        specs.find(kernel, language)
    except KernelError:
        return kernel
    return ""


def _module(root: Path, own: str, name: str) -> str | None:
    """Return the text of a module that a notebook imports from its folder, the project or its folder of sources."""
    part = name.replace(".", "/")
    for folder in dict.fromkeys((own, "", "src", *map(str, PurePosixPath(own).parents))):
        for path in (root / folder / f"{part}.py", root / folder / part / "__init__.py"):
            if part and path.is_file():
                return path.read_text(encoding="utf-8", errors="replace")
    return None


def _moved(code: list[str], own: str) -> str | None:
    """Return the folder that a notebook changes to before it does anything, where it says so in plain text."""
    for source in code:
        if match := re.search(r"""^(?:%cd\s+|os\.chdir\(\s*["'])([^"'\s)]+)""", source, re.MULTILINE):
            return local(match[1], own) or None
    return None


def _there(root: Path, flow: Flow) -> int:
    inside = (path for path in flow.reads if not absolute(path))
    return sum(next(iter(root.glob(path)), None) is not None for path in inside)


def _files(below: Path) -> list[Path]:
    """Return the files below a folder, without hidden folders and those of tools and environments."""
    found: list[Path] = []
    for folder, folders, names in os.walk(below):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _SKIPPED
            and not (Path(folder) / name / "pyvenv.cfg").exists()
        )
        found += [Path(folder) / name for name in sorted(names) if not name.startswith(".")]
    return found


def _imported(files: list[Path]) -> set[str]:
    """Return the names of the modules that the Python files and notebooks of a folder import, first and last parts."""
    found: set[str] = set()
    for path in files:
        if path.suffix in (".py", ".ipynb"):
            text = path.read_text(encoding="utf-8", errors="replace").replace("\\n", "\n")
            for name in re.findall(r"""^[ \t"]*(?:from|import)[ \t]+([\w.]+)""", text, re.MULTILINE):
                found |= {name.partition(".")[0], name.rpartition(".")[2]}
    return found


def _is_task(path: Path, imported: set[str]) -> bool:
    """Return whether a Python file is a notebook or a script that does something, and no module, app or test."""
    if _NO_TASK.match(path.name) or (path.parent / "__init__.py").exists():
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    if _APP.search(text):
        return False
    if _MARKER.search(text):
        return True
    if path.stem in imported:
        return False
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return False
    plain = (
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.Import,
        ast.ImportFrom,
        ast.Assign,
        ast.AnnAssign,
    )
    return any(
        not isinstance(statement, plain)
        and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for statement in body
    )
