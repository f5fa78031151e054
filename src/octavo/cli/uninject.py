"""octavo uninject: remove what octavo inject has written into notebooks."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..jupyter import disk
from ..show.screen import flat, many, screen
from . import options

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo uninject``."""
    options.selection(parser, "tasks, or any files (default: all notebooks of the pipeline)")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if a file has such a cell"
    )
    parser.add_argument("--force", action="store_true", help="also remove a cell that was edited since")
    parser.examples("""\
Every other byte of a file stays as it is. Files can be restored without a pipeline, too.

examples:
  octavo uninject
  octavo uninject notebooks/fit.py
  octavo uninject --check        before a commit: is the cell in any file?""")


def main(args: Namespace) -> int:
    """Remove the cells, and say from which files."""
    out = screen(sys.stdout, os.environ)
    if args.targets and all(map(os.path.isfile, args.targets)):
        files = [Path(target) for target in args.targets]
    else:
        with options.project(args) as project:
            files = [*disk.sources(project, args.targets)[0]]
    found = disk.uninjected(files, args.force)
    changed = [one for one in found if one.after != one.before]
    for one in changed:
        if not args.check:
            one.write()
        out.say(f"{'has injected values:' if args.check else 'restored'} {flat(one.shown)}")
    if not changed:
        out.say(f"{many(len(found), 'notebook')}: no values are injected")
    return int(bool(changed) and args.check)
