"""octavo show: what a notebook is, and where it comes from."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import notebook
from ..checks import run
from ..errors import Error
from ..metadata.about import about
from ..metadata.roles import Roles
from ..publishing.standing import standing
from ..show import about as words
from ..show.mistakes import show
from ..show.screen import screen

if TYPE_CHECKING:
    from argparse import Namespace

    from ..metadata import About
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo show``."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="notebooks, and folders of them")
    parser.add_argument("--json", action="store_true", help="print a JSON list with an object per notebook")
    parser.examples("""\
integrity:
  sound      its outputs are what exactly this code leaves, run from top to bottom
  uncertain  its cells ran in order, but nothing tells whether they were edited since
  unsound    cells ran in another order, were edited after they ran, or failed
  no outputs

examples:
  octavo show clean.ipynb
  octavo show notebooks/            a table
  octavo show clean.ipynb --json

exit code: 0, or 2 if a file cannot be read""")


def main(args: Namespace) -> int:
    """Show notebooks and return the exit code."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    found: list[About] = []
    pipelines = Roles()
    code = 0
    paths = list(dict.fromkeys(run.files(args.paths)))
    for path in paths:
        try:
            read = notebook.read(path)
            known = about(read, list(pipelines.of(path)))
            found.append(replace(known, standing=standing(path, known.identity.id, read.cells)))
        except Error as error:
            show(error, err)
            code = 2
    pipelines.close()
    if args.json:
        out.say(json.dumps([words.plain(one) for one in found], ensure_ascii=False, indent=1))
    elif len(paths) > 1:
        words.table(found, out)
    else:
        for one in found:
            words.lines(one, out)
    for text in pipelines.wrong:
        err.say(f"{err.paint('note:', 'cyan')} the pipeline cannot be read: {text}")
    return code
