"""octavo verify: run notebooks again and compare what they produce with what they store."""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import ArgumentTypeError, Namespace
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from .. import project as projects
from ..checks import run as found
from ..compare import Tolerance
from ..errors import Error, Errors
from ..executed.editions import home
from ..executors.lent import Lent
from ..executors.local import Local
from ..hints import of_windows
from ..kinds import row
from ..lazy import lazy_imports
from ..publishing import proof
from ..show.mistakes import show
from ..show.screen import flat, many, screen, seconds
from ..verifying import CellState, NotebookVerdict, accept, judge, sampled
from ..verifying.again import VerifyOptions
from ..verifying.wishes import sanitizers
from . import options

with lazy_imports():
    from ..show import side_by_side, verdicts
    from . import plot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Json
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo verify``."""
    add = parser.add_argument
    add(
        "targets",
        nargs="*",
        metavar="TARGET",
        help="notebooks, folders, tasks (default: what the tasks of the pipeline here have made)",
    )
    _tolerance(parser)
    add("--lax", action="store_true", help="compare only cells marked NBVAL_CHECK_OUTPUT")
    add("--twice", action="store_true", help="run twice: which cells differ between two runs, and why")
    add(
        "--sample",
        action="store_true",
        help="run the pipeline on its sample instead, and compare what other data leave comparable",
    )
    add(
        "--rerun",
        action="store_true",
        help="run published versions again, too; else their digests are compared",
    )
    add("--update", action="store_true", help="accept: write fresh outputs into the notebooks")
    add(
        "-k",
        "--cells",
        type=_cells,
        default=frozenset(),
        metavar="CELLS",
        help="accept these only: 3 or 2,5",
    )
    add("--kernel", metavar="NAME", help="the kernel to use")
    number: Json = {"type": options.positive, "metavar": "SECONDS"}
    add("--cell-timeout", **number, help="stop a notebook if a cell takes longer than this")
    add("--json", action="store_true", help="print the verdicts as JSON")
    for name, what in (("markdown", "Markdown"), ("junit", "JUnit's XML"), ("html", "a page, side by side")):
        add(f"--{name}", metavar="FILE", help=f"also write them as {what}")
    add("-q", "--quiet", action="store_true", help="print only what is not good")
    parser.examples("""\
The notebooks run in their own folders, and are not changed, except by --update.
exit code: 0 all good, 1 a cell differs, is unstable or failed, 2 a notebook could not be read or run

examples:
  octavo verify
  octavo verify report.ipynb --rtol 1e-3
  octavo verify fit --twice
  octavo verify --sample
  octavo verify report.ipynb --update -k 4
  octavo verify notebooks --html verify.html --junit verify.xml""")


def _tolerance(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "--rtol",
        type=_number,
        default=1e-6,
        metavar="X",
        help="relative tolerance of numbers (default: 1e-6)",
    )
    add(
        "--atol",
        type=_number,
        default=1e-12,
        metavar="X",
        help="absolute tolerance of numbers (default: 1e-12)",
    )
    colour = "by how much of its range a pixel's colour may differ (default: 0.1)"
    add("--colour", type=_number, default=0.1, metavar="X", help=colour)
    pixels = "share of a picture's pixels that may differ by more (default: 1e-5)"
    add("--pixels", type=_number, default=1e-5, metavar="X", help=pixels)
    files: Json = {"action": "append", "default": [], "metavar": "FILE"}
    sanitize = "replace what differs anyway: a file of regex: and replace: lines, as nbval has it"
    add("--sanitize-with", **files, help=sanitize)


def main(args: Namespace) -> int:
    """Verify notebooks and published versions, and return the exit code."""
    if args.sample:
        return _sampled(args)
    args.targets = args.targets or _here()
    published = [target for target in args.targets if proof.is_published(target)]
    code = int(sum(not _proved(target) for target in published) > 0)
    if not args.rerun:
        args.targets = [target for target in args.targets if target not in published]
    return max(code, _verified(args)) if args.targets else code


def _verified(args: Namespace) -> int:
    """Verify notebooks, show the verdicts, and return the exit code."""
    if args.cells and not args.update:
        raise Error("-k says which cells --update accepts", hint="add --update")
    options.interruptible()
    _refuse_lost(filter(None, (args.markdown, args.junit, args.html)))
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    tolerance = Tolerance(
        args.rtol, args.atol, args.colour, args.pixels, sanitize=sanitizers(args.sanitize_with)
    )
    local = Local(str(Path.cwd()), 1)
    # two runs from one process would have one order of hashes, and agree where no two others do
    lent = None if args.twice else Lent(local)
    choices = VerifyOptions(args.kernel, cell_timeout=args.cell_timeout, executor=lent)
    asked = judge.Asked(tolerance, choices, args.twice, args.lax)
    began, all_, unread = time.perf_counter(), list[NotebookVerdict](), 0
    try:
        for path, cwd in _notebooks(args.targets).items():
            try:
                verdict, accepted = _one(path, replace(asked, options=replace(choices, cwd=cwd)), args)
            except (Error, Errors) as error:
                show(error, err)
                unread += 1
                continue
            all_.append(verdict)
            if not args.json:
                verdicts.lines(verdict, out, quiet=args.quiet)
                if accepted:
                    out.say(f"  accepted: {many(accepted, 'cell')}")
    finally:
        local.close()
    return _ended(args, all_, unread, began)


def _sampled(args: Namespace) -> int:
    """Compare notebooks of tasks with a run of the pipeline on its sample, and return the exit code."""
    for word in ("update", "twice", "rerun", "lax", "kernel", "cell_timeout"):
        if getattr(args, word):
            raise Error(f"--{word.replace('_', '-')} is not for --sample, which builds tasks as they are")
    options.interruptible()
    _refuse_lost(filter(None, (args.markdown, args.junit, args.html)))
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    tolerance = Tolerance(
        args.rtol, args.atol, args.colour, args.pixels, sanitize=sanitizers(args.sanitize_with)
    )
    began, all_, unread = time.perf_counter(), list[NotebookVerdict](), 0
    wanted, taken, path = sampled.stored(args.targets)
    with sampled.on_sample(path, taken) as project:
        for found in sampled.verdicts(project, wanted, tolerance):
            if not isinstance(found, NotebookVerdict):
                show(found, err)
                unread += 1
                continue
            all_.append(found)
            if not args.json:
                verdicts.lines(found, out, quiet=args.quiet)
    return _ended(args, all_, unread, began)


def _ended(args: Namespace, all_: list[NotebookVerdict], unread: int, began: float) -> int:
    """Write the verdicts wherever they are asked for, and return the exit code."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    if args.json:
        out.say(json.dumps([verdicts.plain(one) for one in all_], ensure_ascii=False, indent=2))
    for path, write in ((args.markdown, "markdown"), (args.junit, "junit"), (args.html, "html")):
        if path:
            _write(path, write, all_)
    bad = sum(not one.good for one in all_)
    if not args.quiet:
        words = (
            f"{many(bad, 'notebook')} not as stored"
            if bad
            else "all as stored"
            if all_
            else "nothing verified"
        )
        lost = f", {unread} not verified" if unread else ""
        err.say(f"{words}: {many(len(all_), 'notebook')}{lost} in {seconds(time.perf_counter() - began)}")
    return 2 if unread else int(bad > 0)


def _proved(target: str) -> bool:
    """Say whether a published version is as it was published, and return that."""
    out = screen(sys.stdout, os.environ)
    wrong = list(proof.changes(target))
    out.say(f"{flat(target)}: {'changed since it was published' if wrong else 'as it was published'}")
    for line in wrong:
        out.say(f"  {flat(line)}")
    return not wrong


def _write(path: str, form: str, all_: list[NotebookVerdict]) -> None:
    text = {"markdown": verdicts.markdown, "junit": verdicts.junit, "html": side_by_side.page}[form](all_)
    plot.write(Path(path), text.encode("utf-8", "replace").decode(), "page")


def _one(path: str, asked: judge.Asked, args: Namespace) -> tuple[NotebookVerdict, int]:
    notebook, data = judge.read(path, fresh=args.update)
    verdict, ran = judge.judge(notebook, asked)
    if not args.update:
        return verdict, 0
    unknown = args.cells - {cell.number for cell in verdict.cells}
    if unknown:
        raise Error(f"there is no code cell {min(unknown)}", path, f"cells: 1 to {len(verdict.cells)}")
    taken = {cell.number for cell in accept.accept(notebook, data, verdict.cells, ran, args.cells)}
    cells = tuple(replace(c, state=CellState.SAME) if c.number in taken else c for c in verdict.cells)
    return replace(verdict, cells=cells), len(taken)


def _notebooks(targets: list[str]) -> dict[str, str | None]:
    """Return the notebooks that are asked for, each with the folder that it runs in, None for its own."""
    wanted: dict[str, str | None] = {}
    tasks = [target for target in targets if not Path(target).exists()]
    for target in targets:
        if target not in tasks:
            whole = Path(target).is_dir()
            paths = [path for path in found.files([target]) if path.endswith(".ipynb") or not whole]
            wanted |= dict.fromkeys(paths)
    if tasks or Path("pipeline.yaml").is_file():
        _of_tasks(tasks, wanted)
    return wanted


def _here() -> list[str]:
    """Return what is verified where nothing is named: all of a pipeline; elsewhere a person says what is to run."""
    if Path("pipeline.yaml").is_file():
        return ["."]
    below = sum(path.endswith(".ipynb") for path in found.files(["."]))
    hint = "octavo verify . runs all of them" if below else "octavo verify report.ipynb"
    raise Error(f"name what is to run: {many(below, 'notebook')} below this folder", hint=hint)


def _refuse_lost(paths: Iterable[str]) -> None:
    """Raise an error for a page whose folder is not there."""
    for path in paths:
        if not (folder := Path(path).parent).is_dir():
            hint = of_windows(path) or f"mkdir -p {quote(str(folder))}"
            raise Error(f"there is no folder {folder}", path, hint)


def _of_tasks(names: list[str], wanted: dict[str, str | None]) -> None:
    """Add the executed notebooks of tasks, and for all that tasks have made the folder that their task runs in."""
    if odd := next((name for name in names if name.endswith(".ipynb")), None):
        raise Error("there is no such notebook", odd)
    with projects.load() as project:
        asked = set(project.graph.select(names)) if names else set()
        for task in project.graph:
            place = home(task) if row(task.kind).executed else None
            if place is None:
                if task.name in asked:
                    raise Error(f'the task "{task.name}" is no notebook', os.path.relpath(project.path))
                continue
            path = os.path.relpath(project.root / place)
            if task.name in asked and not Path(path).is_file():
                hint = f"octavo build {task.name}"
                raise Error(f'the task "{task.name}" has no executed notebook yet', path, hint)
            if task.name in asked or path in map(os.path.normpath, wanted):
                wanted[path] = str(project.root / (task.cwd or ""))


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ArgumentTypeError(f'"{text}" is not a number, 0 or more')
    return value


def _cells(text: str) -> frozenset[int]:
    if not all(part.strip().isdecimal() for part in text.split(",")):
        raise ArgumentTypeError(f'"{text}" is no list of numbers of code cells, such as 2,5')
    return frozenset(map(int, text.split(",")))
