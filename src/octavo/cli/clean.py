"""octavo clean: remove products, after listing them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..errors import Error
from ..executors.limits import size
from ..show.screen import many, screen
from . import options

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo clean``."""
    options.selection(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument("-n", "--dry-run", action="store_true", help="only list what would be removed")
    parser.add_argument("--force", action="store_true", help="also remove products that were changed by hand")
    parser.add_argument(
        "--orphans",
        action="store_true",
        help="remove what earlier versions of the pipeline made and this one does not",
    )
    parser.examples("""\
Removes products, and *.failed.ipynb files beside them. Sources and tables are never removed, and products that
were changed by hand only with --force.

examples:
  octavo clean --dry-run     list all products that are there
  octavo clean fit+          those of fit and of everything after it
  octavo clean --yes         all of them, without asking
  octavo clean --orphans     those of tasks that were renamed, moved or removed""")


def main(args: Namespace) -> int:
    """List products, ask, and remove them."""
    out = screen(sys.stdout, os.environ)
    with options.project(args) as project:
        if args.orphans and args.targets:
            raise Error("orphans belong to no task: name none", hint="octavo clean --orphans")
        found = project.orphans() if args.orphans else project.leftovers(args.targets)
        outside = [one for one in found if one.outside]
        kept = [one for one in found if one.edited and not args.force]
        doomed = [one for one in found if one not in kept and not one.outside]
        for one in doomed:
            out.say(f"{size(one.size):>8}  {one.path}")
        for one in kept:
            why = "was there before the first run" if one.stranger else "was changed by hand"
            out.say(f"  stays:  {one.path} {why} (--force removes it)")
        for one in outside:
            out.say(f"  stays:  {one.path} (no file)")
        if not doomed:
            out.say("nothing to remove")
            return 0
        what = f"{many(len(doomed), 'product')}, {size(sum(one.size for one in doomed))}"
        if args.dry_run:
            out.say(f"{what} would be removed")
            return 0
        if not (args.yes or _agreed(what)):
            out.say("nothing was removed")
            return 1
        project.clean(doomed)
        out.say(f"removed {what}")
    return 0


def _agreed(what: str) -> bool:
    if not sys.stdin.isatty():
        raise Error(
            "octavo clean asks for confirmation, but this is not a terminal", hint="octavo clean --yes"
        )
    try:
        return input(f"remove {what}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
