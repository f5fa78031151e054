"""octavo task: run or inspect one task."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from .. import events, model
from ..compat import option_aliases
from ..errors import Error
from ..hints import did_you_mean
from ..kinds import row
from ..lazy import lazy_imports
from ..show.failures import failed
from ..show.screen import flat, screen
from ..show.steps import counted, table
from . import build, lab, options

with lazy_imports():
    from ..reading import functions, templates
    from ..spec import sources
    from ..worker import around, hook_process, hooks, scratch

if TYPE_CHECKING:
    from argparse import Namespace

    from ..model import Step
    from ..project import Project
    from ..show.screen import Screen
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo task``."""
    parser.add_argument("task", metavar="TASK", help="the name of a task")
    options.file(parser)
    options.values(parser, "set a parameter")
    parser.add_argument("-s", "--source", action="store_true", help="print its code")
    parser.add_argument(
        "-st",
        "--status",
        action="store_true",
        help="show its state, reasons, products and where it is defined",
    )
    parser.add_argument(
        "--build", action="store_true", help="run it as well, after the other actions (the default)"
    )
    parser.add_argument("--force", action="store_true", help="run it even if it is fresh")
    parser.add_argument(
        "-of",
        "--on-finish",
        action="store_true",
        help="only call its on_finish, on the existing products",
    )
    parser.add_argument(
        "--prepare",
        action="store_true",
        help="write its notebook, with the real parameters, to TASK.scratch.ipynb to try things out in",
    )
    parser.add_argument("--open", action="store_true", help="the same, and open it in JupyterLab or VS Code")
    parser.add_argument("-d", "--debug", action="store_true", help="open a debugger where it fails")
    option_aliases.logging(parser)
    parser.examples("""\
examples:
  octavo task fit                   run it if it is stale, like octavo build fit
  octavo task fit --source          print its code
  octavo task fit --status          fresh or stale, its products, and where it comes from
  octavo task fit --on-finish       does its check pass on the existing products?
  octavo task fit --status --build  show its state, then run it
  octavo task fit --open            its notebook, with upstream, product and parameters set

exit code: 0 success, 1 the task or its check failed, 2 something must be fixed first""")


def main(args: Namespace) -> int:
    """Run the requested actions in the order source, status, on_finish, build; return the first nonzero exit code."""
    out = screen(sys.stdout, os.environ)
    inspect = args.source or args.status or args.on_finish or args.prepare or args.open
    if inspect:
        with options.project(args) as project:
            step = _step(project, args.task)
            if args.source:
                out.say(_text(project, step).rstrip("\n"))
            if args.status:
                _status(step, out)
            if (args.prepare or args.open) and (code := _prepare(project, step, args, out)):
                return code
            if args.on_finish and (code := _check(project, step, out)):
                return code
    if inspect and not (args.build or (args.force and not (args.prepare or args.open))):
        return 0
    words = [args.task, *(["--force"] if args.force else []), *(["--debug"] if args.debug else [])]
    parser = options.Parser("build", "run what is stale")
    build.arguments(parser)
    wanted = parser.read(words)
    for name in ("file", "params", "parameters_file", "env", "log", "log_file"):
        setattr(wanted, name, getattr(args, name))
    if not inspect:
        with options.project(args) as project:
            _step(project, args.task)  # a selection such as "fit+" is no task
    return build.main(wanted)


def _prepare(project: Project, step: Step, args: Namespace, out: Screen) -> int:
    """Write the task's notebook to try things out in, say what it lacks, and open it if that is asked."""
    root = project.root
    filled = sources.Reader(str(root), project.store).filled(step.task)
    path = scratch.prepare(filled, str(root), force=args.force)
    out.say(f"{os.path.relpath(path)} written; {flat(step.task.source.path)} stays as it is")
    if names := ", ".join(filled.hidden.params):
        out.say(f"secrets are not written: set {names} before you run it")
    there = (
        {product.path for product in project.leftovers(step.task.upstream)} if step.task.upstream else set()
    )
    needed = (product for name in step.task.upstream for product in project.graph[name].products)
    for product in needed:
        if product.relation is None and product.path not in there:
            out.say(f"{flat(product.path)} is not there yet: octavo build +{flat(step.task.name)} makes it")
    return lab.editor(path, root) if args.open else 0


def _step(project: Project, name: str) -> Step:
    """Return the step of one task."""
    names = project.graph.tasks
    if name not in names:
        hint = did_you_mean(name, names) or f"tasks: {', '.join(names)}"
        raise Error(f'there is no task "{name}"', hint=hint)
    # all of them, for a task before it may be stale
    return project.status()[name]


def _text(project: Project, step: Step) -> str:
    """Return the code of a task: of a function its own lines, of a template what it renders to, else the whole file."""
    filled = sources.Reader(str(project.root), project.store).filled(step.task)
    if row(step.task.kind).source == "template":  # shown is what would run
        rendered: str = templates.render(filled, str(project.root))
        return rendered
    text: str = filled.source.text or ""
    if step.task.source.entry:
        name = step.task.source.entry.rpartition(".")[2]
        own: str | None = functions.definition(text, name)
        return own or text
    return text


def _status(step: Step, out: Screen) -> None:
    one = {step.task.name: step}
    for line in table(one, out, verbose=True, selected=(step.task.name, *step.waits)):
        if line != counted(one):
            out.say(line)
    for product in step.task.products:
        out.say(f"  makes    {flat(product.path)}")
    for name in step.task.upstream:
        out.say(f"  needs    {flat(name)}")
    where = step.task.source.path
    out.say(
        f"  {step.task.kind:<8} {flat(step.task.source.entry or where)}  {flat(str(step.task.where or ''))}".rstrip()
    )


def _check(project: Project, step: Step, out: Screen) -> int:
    """Call the task's on_finish in a process of its own, with the products as they are."""
    task, root = step.task, str(project.root)
    if task.calls.on_finish is None:
        raise Error(f'"{task.name}" has no on_finish', task.where, "on_finish: module.function, at the task")
    there = {leftover.path for leftover in project.leftovers([task.name])}
    if gone := [
        product.path for product in task.products if product.relation is None and product.path not in there
    ]:
        raise Error(f"{', '.join(gone)} is not there", hint=f"run octavo build {task.name}")
    work = partial(hooks.finish, around.placed(task, root), around.folder_of(task, root))
    failure, output = hook_process.apart(root, work)
    for line in output.splitlines():
        out.say(flat(line))
    if failure is None:
        out.say(f"{out.word('done')} on_finish of {flat(task.name)}")
        return 0
    event = events.TaskFinished(task.name, model.Outcome.FAILED, failure=failure)
    for line in failed(event, "", out, root):
        out.say(line)
    return 1
