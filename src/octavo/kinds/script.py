"""Run notebooks as plain scripts: Python in the worker, R with Rscript.

What is markdown is left out, and so are magics that stand for themselves. The code keeps its lines, so failures show
the user's own file.
"""

from __future__ import annotations
import __future__

import ast
import linecache
import os
import re
import sys
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import CodeType, ModuleType

from .. import notebook as documents
from ..dataclass import dataclass
from ..errors import Error
from ..executed.provenance import MARKER
from ..failing import failure_of
from ..lazy import lazy_imports
from ..model import PROXIES, Facts, Failure, Product, Relation, Source, Task
from ..notebook.inject import INJECTED, inject, runs, tags
from ..products.scratch import Scratch
from ..reading import magics
from ..reading.facts import facts
from . import Tell
from .command import absent, follow, text_of
from .named import touch
from .pause import pause

with lazy_imports():
    from . import session

_FUTURE = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


@dataclass(frozen=True, slots=True)
class Snippet:
    """The code of one cell: the file that failures shall name, the line it begins at, and its cell in the notebook."""

    code: str
    file: str
    line: int = 1
    cell: int | None = None


class ScriptKind:
    """The kind of ``class: ScriptRunner``."""

    def facts(self, source: Source, data: bytes) -> Facts:
        """Return what the script says, read as a notebook."""
        return facts(documents.loads(data, source.path))

    def preload(self, task: Task) -> tuple[str, ...]:
        return (__name__, *task.source.facts.imports)

    def run(self, task: Task, tell: Tell) -> Failure | None:
        """Run the code with the parameters injected; the first exception ends it."""
        try:
            found = pieces(placed(task))
        except Error as error:
            return Failure(type(error).__name__, error.message, path=task.source.path, hint=error.hint or "")
        match task.source.facts.language.lower():
            case "python":
                return _python(task, found, tell)
            case "r":
                return _r(task, found)
        language = task.source.facts.language
        words = f"ScriptRunner runs Python and R, and {task.source.path} is {language}"
        return Failure("KernelError", words, hint="remove class: ScriptRunner to run it as a notebook")

    def refresh(self, task: Task, root: str) -> str | None:
        """Do nothing: a script has no executed notebook."""
        return None


def placed(task: Task) -> Task:
    """Return a task with absolute paths: a script runs in the folder of its source."""
    return replace(
        task,
        products=tuple(
            replace(product, path=os.path.abspath(product.path)) if product.maker == "File" else product
            for product in task.products
        ),
        inputs={name: _absolute(value) for name, value in task.inputs.items()},
    )


def _absolute(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _absolute(inner) for key, inner in value.items()}
    if isinstance(value, Relation) or not isinstance(value, str) or value.startswith(PROXIES):
        return value
    return os.path.abspath(value)


def pieces(task: Task) -> list[Snippet]:
    """Return the code of a task's cells in order, the injected one among them."""
    path = os.path.abspath(task.source.path)
    document = documents.of_source(task.source)
    own = [index for index, cell in enumerate(document.cells) if not tags(cell) & {INJECTED, MARKER}]
    places = _places(task, document, own)
    values = dict(task.params)
    if task.inputs:
        values["upstream"] = dict(task.inputs)
    if task.products:
        values["product"] = _value(task.products)
    more = session.lines(task) if task.calls.client else ()
    data = inject(document.data, values, language=task.source.facts.language, more=more)
    found = []
    for cell in (cell for cell in data["cells"] if MARKER not in tags(cell)):
        if INJECTED in tags(cell):
            found.append(Snippet(cell["source"], f"{path} (injected parameters)"))
            continue
        index = own.pop(0)
        if not runs(cell):
            continue
        if line := places[index]:
            found.append(Snippet(cell["source"], path, line, index))
        else:
            found.append(Snippet(cell["source"], f"{path} (cell {index + 1})", cell=index))
    return found


def _value(products: tuple[Product, ...]) -> object:
    texts = {product.key: str(product.relation or product.path) for product in products}
    return texts[None] if len(products) == 1 and None in texts else texts


def _places(task: Task, document: documents.Notebook, own: list[int]) -> dict[int, int]:
    """Return the line at which each cell begins in the source's file; 0 where cells are no lines of it: .ipynb."""
    places, text, after = {}, task.source.text or "", 0
    for index in own:
        code = document.cells[index]["source"]
        places[index] = document.line(index)
        if document.path.endswith(".ipynb") or places[index] or document.cells[index]["cell_type"] != "code":
            continue
        # a format that another reads for us: cells are looked for one after the other
        at = text.find(code, after)
        if code and at >= 0 and text[at - 1 : at] in ("", "\n"):
            places[index], after = text.count("\n", 0, at) + 1, at + len(code)
    return places


# ── Python


def _python(task: Task, found: list[Snippet], tell: Tell) -> Failure | None:
    main = ModuleType("__main__")
    main.__file__ = os.path.abspath(task.source.path)
    for piece in found:
        if piece.file != main.__file__:  # so that tracebacks show its lines
            lines = piece.code.splitlines(keepends=True)
            linecache.cache[piece.file] = (len(piece.code), None, lines, piece.file)
    # as in a program: pickle, multiprocessing and dataclasses look into __main__ for what the script defines
    before = sys.modules["__main__"]
    sys.modules["__main__"] = main
    try:
        for code in _compiled(found):
            exec(code, main.__dict__)
    except BaseException as error:
        if isinstance(error, SystemExit) and error.code in (None, 0):
            return None
        failure = _failure(error, task, found)
        pause(task, failure, tell, error)
        return failure
    finally:
        sys.modules["__main__"] = before
    return None


def _compiled(found: list[Snippet]) -> list[CodeType]:
    """Return the code of all cells, before any of it runs; ``from __future__`` in one counts for those that follow."""
    compiled, flags = [], 0
    for piece in found:
        try:
            tree = magics.parse(piece.code)
        except SyntaxError as error:
            error.filename, error.lineno, error.end_lineno = (
                piece.file,
                (error.lineno or 1) + piece.line - 1,
                None,
            )
            raise
        tree = ast.increment_lineno(ast.fix_missing_locations(_Plain().visit(tree)), piece.line - 1)
        code = compile(tree, piece.file, "exec", flags=flags, dont_inherit=True)
        flags |= code.co_flags & _FUTURE
        compiled.append(code)
    return compiled


class _Plain(ast.NodeTransformer):
    """Removes calls of IPython whose value is not used: magics that a plain script cannot run."""

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        call = node.value.func if isinstance(node.value, ast.Call) else None
        of = call.value if isinstance(call, ast.Attribute) else None
        if isinstance(of, ast.Call) and isinstance(of.func, ast.Name) and of.func.id == "get_ipython":
            return ast.copy_location(ast.Pass(), node)
        return node


def _failure(error: BaseException, task: Task, found: list[Snippet]) -> Failure:
    """Return an exception as data: in the source's file, or in a cell of a notebook that has no lines."""
    failure = failure_of(error, task)
    if isinstance(error, SyntaxError) and error.filename in {piece.file for piece in found}:
        file, line = error.filename, error.lineno
    else:
        named = {piece.file for piece in found}
        steps = traceback.extract_tb(error.__traceback__)
        file, line = next(
            ((step.filename, step.lineno) for step in reversed(steps) if step.filename in named), ("", None)
        )
    piece = next((piece for piece in found if piece.file == file), None)
    if piece is None or line is None:
        return failure
    if piece.file == os.path.abspath(task.source.path):
        return replace(failure, line=line, code=task.source.text or "")
    number = None if piece.cell is None else piece.cell + 1
    return replace(failure, cell=piece.cell, number=number, line=line, code=piece.code)


# ── R

#: Evaluates the script as Rscript would and says where the first error is: at the innermost call in the user's file.
_RSCRIPT = """\
local({{
  options(keep.source = TRUE)
  script <- {script}; report <- {report}; mine <- {mine}
  tell <- function(line, condition) {{
    call <- conditionCall(condition)
    inside <- !is.null(call) && !identical(call[[1L]], quote(eval)) && !identical(call[[1L]], quote(parse))
    words <- paste0(conditionMessage(condition), if (inside) paste0(" (in ", deparse(call, nlines = 1L)[1L], ")"))
    writeLines(c(line, class(condition)[1L], words), report)
    message("Error: ", words)
    quit(save = "no", status = 1L, runLast = FALSE)
  }}
  code <- tryCatch(parse(script, keep.source = TRUE, encoding = "UTF-8"), error = function(e) tell("", e))
  places <- attr(code, "srcref")
  inside <- function(place) !is.null(place) && identical(getSrcFilename(place, full.names = TRUE), mine)
  for (number in seq_along(code)) withCallingHandlers({{
    result <- withVisible(eval(code[[number]], globalenv()))
    if (result$visible) print(result$value)
  }}, error = function(condition) {{
    place <- places[[number]]
    for (call in rev(sys.calls())) if (inside(attr(call, "srcref"))) {{ place <- attr(call, "srcref"); break }}
    tell(if (inside(place)) place[[1L]] else "", condition)
  }})
}})
"""


def _r(task: Task, found: list[Snippet]) -> Failure | None:
    text = "".join(f'#line {piece.line} "{_quoted(piece.file)}"\n{piece.code}\n' for piece in found)
    named = touch(task.source.text or "")
    with Scratch() as scratch:
        script, report, runner = (Path(scratch.path, name) for name in ("script.R", "report", "run.R"))
        script.write_text(text, encoding="utf-8")
        mine = os.path.abspath(task.source.path)
        names = {"script": script, "report": report, "mine": mine}
        runner.write_text(
            _RSCRIPT.format(**{key: f'"{_quoted(str(path))}"' for key, path in names.items()}),
            encoding="utf-8",
        )
        command = ["Rscript", "--no-save", "--no-restore", str(runner)]
        try:
            ended = follow(command)
        except OSError as error:
            return absent(command, error, "install R, which includes Rscript")
        finally:
            named.seen()
        line, _, rest = text_of(report).partition("\n")
    if ended.code == 0:
        return None
    kind, _, words = rest.partition("\n")
    if found_at := re.match(rf"{re.escape(mine)}:(\d+):\d+: ", words):  # it cannot be parsed
        line, words = found_at[1], words[found_at.end() :]
    return Failure(
        "Error" if kind in ("", "simpleError", "rlang_error") else kind,
        words.strip() or f"Rscript ended with {ended.words}\n{ended.last}",
        line=int(line) if line.isdigit() else None,
        path=task.source.path,
        code=task.source.text or "" if line.isdigit() else "",
    )


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


KIND: ScriptKind = ScriptKind()
