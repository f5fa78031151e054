"""octavo accept: mark products as up to date."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..errors import Error
from ..show.screen import flat, screen
from . import options

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo accept``."""
    options.selection(parser, "the tasks to accept: at least one, or '*' for all")
    parser.examples("""\
Marks the products of tasks as up to date, without running anything. A product that was changed by hand is kept,
and the tasks after it use it.

examples:
  octavo accept clean        keep the product of clean that was changed by hand
  octavo accept 'features-*' these tasks need not run again""")


def main(args: Namespace) -> int:
    """Accept products and print the reasons that no longer hold."""
    if not args.targets:
        raise Error("octavo accept requires the names of tasks", hint="octavo status shows the tasks")
    out = screen(sys.stdout, os.environ)
    with options.project(args) as project:
        accepted = project.accept(args.targets)
        for task, reasons in accepted.items():
            out.say(f"accepted {task}: {flat(', '.join(map(str, reasons)))}")
        if not accepted:
            out.say("nothing to accept: these tasks are fresh")
    return 0
