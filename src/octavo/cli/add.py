"""``octavo add``: one more task at the end of pipeline.yaml, or a package for the code that notebooks share."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import project as projects
from .. import scaffold
from ..errors import Error, Errors
from ..hints import did_you_mean
from ..products import writing
from ..scaffold import adding, layout, starting
from ..show.screen import screen
from ..spec import document
from . import options

if TYPE_CHECKING:
    from argparse import Namespace

    from ..project import Project
    from ..show.screen import Screen
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo add``."""
    add = parser.add_argument
    add(
        "what",
        metavar="WHAT",
        choices=["task", "package"],
        help="a task, with its source; or a package, with a test",
    )
    add("name", nargs="?", metavar="NAME", help="its name (of a package: that of the folder)")
    add(
        "--upstream", metavar="TASK", action="append", default=[], help="a task before it; repeatable, or A,B"
    )
    add("--kind", choices=adding.KINDS, default="notebook", help="what the task is (default: notebook)")
    add("--product", metavar="PATH", default="", help="what it makes (default: beside what others make)")
    options.file(parser)
    parser.examples("""\
The source copies what it reads, so that the pipeline builds at once: write in it what it is for.

examples:
  octavo add task fit --upstream clean
  octavo add task totals --upstream sales --kind sql
  octavo add package

exit code: 0 added, 2 something must be changed first; then no file has changed""")


def main(args: Namespace) -> int:
    """Add what is asked for."""
    out = screen(sys.stdout, os.environ)
    if args.what == "package":
        return _package(args, out)
    if not args.name:
        raise Error("a task needs a name", hint="octavo add task NAME")
    if not re.fullmatch(r"[A-Za-z_][\w-]*", args.name, re.ASCII):
        raise Error(f'a task cannot be called "{args.name}"', hint="letters, digits, - and _")
    with projects.load(args.file) as project:
        new = _new(args, project)
        path, root = Path(project.path), project.root
    before = path.read_bytes()
    text = before.decode()
    made, entry = adding.files(new, document.parse(text, path.name).data, layout.found(str(root)))
    after = adding.appended(text, path.name, entry)
    shared = [name for name in made if name == "clients.py" and (root / name).exists()]
    if there := [name for name in made if name not in shared and os.path.lexists(root / name)]:
        raise Error("there is a file of this name", there[0], "give the task another name")
    written, _ = scaffold.write_new(str(root), made)
    try:
        writing.write(path, [after.encode()])
        with projects.load(args.file) as project:
            count = len(project.graph.tasks)
    except (Error, Errors):
        writing.write(path, [before])
        scaffold.remove(str(root), written)
        raise
    for name in written:
        out.say(f"{out.paint('+', 'green')} {name}")
    out.say(f"{path.name}: task {args.name} added, {count} in all")
    out.say(f"next: octavo build {args.name}")
    return 0


def _new(args: Namespace, project: Project) -> adding.NewTask:
    tasks = {task.name: task for task in project.graph.tasks.values()}
    if args.name in tasks:
        raise Error(f'there is a task "{args.name}" already', tasks[args.name].where)
    names = [name.strip() for one in args.upstream for name in one.split(",") if name.strip()]
    for name in names:
        if name not in tasks:
            raise Error(f'there is no task "{name}"', str(project.path), did_you_mean(name, tasks))
    chosen = tuple(tasks[name] for name in dict.fromkeys(names))
    return adding.NewTask(args.name, args.kind, chosen, args.product)


def _package(args: Namespace, out: Screen) -> int:
    root = os.getcwd()
    there = layout.found(root)
    if there.package:
        raise Error(f"there is a package already: {there.inside}")
    name = args.name or os.path.basename(root)
    package = layout.checked_package(name, name) if args.name else layout.package_name(name)
    written, kept = scaffold.write_new(root, starting.package(package, there))
    for path in written:
        out.say(f"{out.paint('+', 'green')} {path}")
    if "pyproject.toml" in kept:
        out.say(f"pyproject.toml is kept as it is: let it name {there.above}/{package} as a package")
    out.say("next: pip install --editable .")
    return 0
