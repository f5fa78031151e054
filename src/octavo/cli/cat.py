"""``octavo cat``: a notebook as text, without outputs or with a line for each."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from .. import notebook as documents
from .. import products
from ..review import text
from ..show.screen import visible

if TYPE_CHECKING:
    from argparse import Namespace

    from ..notebook.cells import Notebook
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo cat``."""
    parser.add_argument("notebooks", nargs="+", metavar="NB", help="notebooks, or cells of them: fit.ipynb#4")
    parser.add_argument("--outputs", action="store_true", help="show each output in a line")
    parser.add_argument("--json", action="store_true", help="print the cells as JSON")
    parser.add_argument("--textconv", action="store_true", help="print what git compares: no numbers, no ids")
    parser.examples("""\
A cell is named by its number, its id or its tag: NB#4, NB#load. Code cells are numbered from 1, others m1, m2 …

examples:
  octavo cat fit.ipynb
  octavo cat fit.ipynb --outputs
  octavo cat "fit.ipynb#parameters" "fit.ipynb#4" --json""")


def main(args: Namespace) -> int:
    """Print notebooks."""
    found: list[str] = []
    for word in args.notebooks:
        path, address = text.split(word, os.path.exists(word))
        notebook = _read(path, git=args.textconv)
        only = [text.addressed(notebook, address)] if address else None
        if args.json:
            cells = text.plain(notebook, only)
            found.append(json.dumps({"path": path, "cells": cells}, ensure_ascii=False))
        elif args.textconv:
            found += text.for_git(notebook)
        else:
            found += map(visible, text.lines(notebook, only, outputs=args.outputs))
    sys.stdout.write("".join(f"{line}\n" for line in found).encode("utf-8", "replace").decode())
    return 0


def _read(path: str, *, git: bool) -> Notebook:
    data = products.whole(path)
    # git hands files over under names of its own
    return documents.loads(data, path if not git or documents.is_notebook(path) else f"{path}.ipynb")
