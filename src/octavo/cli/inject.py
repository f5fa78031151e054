"""octavo inject: write the real values of tasks into their notebooks, for editors that show them in no other way."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..jupyter import disk
from ..show.screen import flat, many, screen
from . import options

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo inject``."""
    options.selection(parser, "tasks, or files that are their sources (default: all notebooks)")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if a file would change"
    )
    parser.add_argument("--force", action="store_true", help="also replace a cell that was edited since")
    parser.examples("""\
Writes a cell with upstream, product and parameters below the parameters cell, as JupyterLab shows it with octavo.
Tasks stay fresh. octavo uninject restores each file, byte by byte.

examples:
  octavo inject                  all notebooks of the pipeline
  octavo inject fit              the notebook of fit; of several tasks with one source, the values of this one
  octavo inject notebooks/fit.py
  octavo inject --check          are the values in the files those of pipeline.yaml?""")


def main(args: Namespace) -> int:
    """Inject, and say into which files."""
    out = screen(sys.stdout, os.environ)
    with options.project(args) as project:
        found, left = disk.injected(project, args.targets, args.force)
    changed = [one for one in found if one.after != one.before]
    for one in changed:
        if not args.check:
            one.write()
        of = one.tasks.tasks[0]
        others = (
            "; also the source of " + flat(", ".join(one.tasks.others)) if len(one.tasks.tasks) > 1 else ""
        )
        out.say(
            f"{'would inject' if args.check else 'injected'} {flat(of.task.name)} into {flat(one.shown)}{others}"
        )
    for path in left:
        out.say(
            f"left {flat(os.path.relpath(path))} as it is: neither .ipynb nor a Python script with # %% cells"
        )
    if not changed:
        out.say(f"{many(len(found), 'notebook')}: nothing to change")
    elif not args.check:
        out.say("octavo uninject restores the files; do it before you commit them")
    return int(bool(changed) and args.check)
