"""octavo report: write the state of the pipeline to a page."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import Error
from ..executed.editions import failed
from ..lazy import lazy_imports
from ..model import PROXIES
from ..show.screen import screen
from ..show.state_page import ProductLink, TaskRow, html
from . import options

with lazy_imports():
    from urllib import parse as urls

    from .. import plan
    from ..cache import reuse
    from ..state import runlog
    from . import plot

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from ..model import Step
    from ..project import Project
    from ..state.store import PastRun
    from .options import Parser

#: What Ploomber draws its graphs with; here there is one picture.
_BACKENDS = ("d3", "mermaid", "pygraphviz")


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo report``."""
    options.selection(parser)
    parser.add_argument(
        "-o",
        "--output",
        default="report.html",
        metavar="FILE",
        help="the file to write, - for standard output (default: report.html)",
    )
    parser.add_argument(
        "--backend",
        choices=_BACKENDS,
        metavar="NAME",
        help="accepted for Ploomber, no effect",
    )
    parser.examples(f"""\
The page is self-contained: the graph, why each task is stale, how long it took, and links to its products.
Links are relative, so you can move the page together with the project.

{options.SELECTING}

examples:
  octavo report                     report.html, of all tasks
  octavo report +fit -o fit.html    only fit and what it depends on
  octavo report -o - > page.html     to standard output

Nothing in the project is run or imported, except functions that pipeline.yaml
needs: factories, parameters, clients of tables.""")


def main(args: Namespace) -> int:
    """Write the page beside its place and rename it."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    path, printed = Path(args.output), args.output == "-"
    if path.is_dir():
        raise Error("it is a folder", str(path), f"{path / 'report.html'} is a file in it")
    with options.project(args) as project:
        steps = project.status(args.targets)
        if not printed:
            _spare(path, project)
        rows = [_row(step, project, Path(os.path.abspath(path)).parent) for step in steps.values()]
        when = time.strftime("%Y-%m-%d %H:%M:%S")
        notes = [*project.notes, *project.drift()]
        text = html(rows, project.root.name, f"made {when} by octavo {__version__}", notes)
    if not printed:
        plot.write(path, text, "page")
    if args.backend:
        err.say(
            f"{err.paint('note:', 'cyan')} --backend {args.backend} has no effect: octavo draws the graph itself"
        )
    out.say(text.rstrip("\n") if printed else f"{path}")
    return 0


def _spare(path: Path, project: Project) -> None:
    """Refuse to overwrite a product or a source, and names that are not those of HTML files."""
    full = os.path.abspath(path)
    for task in project.graph:
        for mine in (task.source.path, *(product.path for product in task.products)):
            if full == os.path.join(project.root, mine):
                raise Error(
                    f'it belongs to the task "{task.name}"', str(path), "choose another name: -o FILE"
                )
    if path.suffix.lower() not in ("", ".html", ".htm"):
        hint = f"{path.stem}.html; octavo plot writes the graph alone as .svg, .mmd, .dot, .json"
        raise Error("the page can only be HTML", str(path), hint)


def _row(step: Step, project: Project, here: Path) -> TaskRow:
    runs = tuple(project.history(step.task.name))
    source = _link(project.root / step.task.source.path, here)
    # what is fresh is fresh again: the failure was of another state of the project
    broken = bool(runs) and runs[0].outcome == "failed" and not step.fresh
    failure = _failure(project, step.task.name, runs[0]) if broken else ""
    record = project.store.record(plan.key_of(step.task))
    taken_as = record.run if record and record.run in ("accepted", "adopted") else ""
    return TaskRow(step, source, tuple(_products(step, project, here)), runs, failure, taken_as)


def _products(step: Step, project: Project, here: Path) -> Iterator[ProductLink]:
    sizes = {leftover.path: leftover.size for leftover in project.leftovers([step.task.name])}
    shown = reuse.amount
    # the executed notebooks first: they are what people look at
    for product in sorted(step.task.products, key=lambda product: not product.executed):
        if product.path.startswith(PROXIES):
            yield ProductLink(f"{product.relation or product.path.removeprefix(PROXIES)} ({product.maker})")
            continue
        size = sizes.get(product.path)
        link = _link(project.root / product.path, here)
        yield ProductLink(product.path, link, None if size is None else shown(size), product.executed)
    if (beside := failed(step.task)) and beside in sizes:
        yield ProductLink(beside, _link(project.root / beside, here), shown(sizes[beside]), failed=True)


def _failure(project: Project, task: str, run: PastRun) -> str:
    """Return what a task failed with, by the log of that run, if it is still kept."""
    path = project.store.folder / "runs" / f"{run.run}.jsonl"
    try:
        events = list(runlog.replay(path)) if path.is_file() else []
    except (Error, OSError):
        return ""
    for event in events:
        if getattr(event, "task", None) == task and (failure := getattr(event, "failure", None)):
            return f"{failure.kind}: {failure.message.strip().partition(chr(10))[0]}"
    return ""


def _link(path: Path, here: Path) -> str:
    """Return the address of a file, relative to the folder of the page."""
    return urls.quote(os.path.relpath(path, here).replace(os.sep, "/"))
