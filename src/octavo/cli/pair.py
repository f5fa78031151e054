"""``octavo pair``: keep a notebook in two formats, as jupytext does."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..errors import Error, Errors
from ..pairing import setting, sync
from ..show.mistakes import show
from ..show.screen import flat, screen

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo pair``."""
    add = parser.add_argument
    add("notebooks", nargs="+", metavar="NB", help="a side of each pair")
    add("--formats", default="", metavar="FORMATS", help="default: ipynb and a script with # %%%% cells")
    add("--off", action="store_true", help="pair them no longer; all files stay")
    add("--check", action="store_true", help="write nothing; exit with 1 if a file would be written")
    parser.examples("""\
Pairs are jupytext's: each file says in its metadata how it is paired, and JupyterLab with jupytext opens and saves
them as one notebook. Formats may have folders. A side that is not there is written.

examples:
  octavo pair fit.ipynb
  octavo pair fit.py --formats ipynb,py:percent
  octavo pair notebooks/fit.ipynb --formats notebooks///ipynb,scripts///py:percent
  octavo pair fit.py --off""")


def main(args: Namespace) -> int:
    """Pair, and say which files were written."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    if args.off and args.formats:
        raise Error("--off and --formats contradict each other")
    wrong = written = 0
    for path in dict.fromkeys(args.notebooks):
        if not os.path.exists(path):
            raise Error("there is no such file", path)
        try:
            plan = setting.parted(path) if args.off else setting.paired(path, args.formats)
            if not args.check:
                sync.carried_out(plan)
        except (Error, Errors) as error:
            show(error, err)
            wrong += 1
            continue
        written += bool(plan.written)
        files = flat(", ".join(side.path for side in plan.written))
        names = flat(" and ".join(side.path for side in plan.pair.sides))
        words = "no longer paired" if args.off else "paired"
        out.say(
            f"{words}: {names}" + (f" ({'would write' if args.check else 'wrote'} {files})" if files else "")
        )
    return 2 if wrong else int(args.check and written > 0)
