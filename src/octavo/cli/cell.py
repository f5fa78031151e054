"""``octavo cell``: replace the source of one cell, and leave every other byte of the file as it was."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from .. import notebook as documents
from .. import products
from ..errors import Error
from ..products import writing
from ..review import replace, text
from ..show.screen import flat, screen, visible

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo cell``."""
    parser.add_argument(
        "cell", metavar="NB#CELL", help="a cell: by number, id or tag, as octavo cat shows them"
    )
    parser.add_argument(
        "--source", metavar="FILE", help='the new source; "-" is standard input (default: print)'
    )
    parser.add_argument("--json", action="store_true", help="print the cell as JSON")
    parser.examples("""\
examples:
  octavo cell "fit.ipynb#4"                              print it
  octavo cell "fit.ipynb#load" --source load.py
  echo "n = 3" | octavo cell "fit.ipynb#parameters" --source -""")


def main(args: Namespace) -> int:
    """Print a cell, or replace its source."""
    out = screen(sys.stdout, os.environ)
    path, address = text.split(args.cell, os.path.exists(args.cell))
    if not address:
        raise Error("which cell?", path, f'octavo cell "{path}#1"; octavo cat shows numbers, ids and tags')
    data = products.whole(path) if args.source is None else products.edited(path)
    notebook = documents.loads(data, path)
    at = text.addressed(notebook, address)
    if args.source is not None:
        given = sys.stdin.buffer.read() if args.source == "-" else products.whole(args.source)
        try:
            source = given.decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n")
        except UnicodeDecodeError as error:
            raise Error(
                "the source is not UTF-8", "standard input" if args.source == "-" else args.source
            ) from error
        new = replace.replaced(data, notebook, at, source)
        if new != data:
            writing.write(path, [new])
        if not args.json:
            out.say(f"{'replaced' if new != data else 'as it was'}: {flat(path)}#{flat(address)}")
            return 0
        notebook = documents.loads(new, path)
    if args.json:
        out.say(json.dumps(text.plain(notebook, [at])[0], ensure_ascii=False))
    else:
        source = notebook.cells[at].get("source", "").encode("utf-8", "replace").decode()
        # a program gets the source as it is, a terminal nothing that would move its cursor
        out.stream.write((visible(source) if out.stream.isatty() else source) + "\n")
    return 0
