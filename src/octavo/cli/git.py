"""``octavo git``: let git strip, compare and merge notebooks."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..errors import Error
from ..review import install
from ..show.screen import flat, screen

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser

_ACTIONS = ("install", "uninstall", "status")


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo git``."""
    add = parser.add_argument
    add("action", metavar="ACTION", choices=_ACTIONS, help="install, uninstall or status")
    add("--global", dest="everywhere", action="store_true", help="for all your repositories")
    add("--attributes", metavar="FILE", help="the attributes file (default: .git/info/attributes)")
    add(
        "--only",
        action="append",
        choices=[*install.commands("")],
        default=[],
        help="install this part; repeatable",
    )
    add("--replace", action="store_true", help="take out what other tools have installed")
    parser.examples("""\
filter strips what is committed (files in the working folder keep their outputs), diff compares cells, merge merges.
Without octavo, git does with notebooks what it does with any text.
exit code of status: 0 all installed, 1 not

examples:
  octavo git install                             in this clone
  octavo git install --attributes .gitattributes and commit it: others run octavo git install, too
  octavo git install --only diff --global
  octavo git status""")


def main(args: Namespace) -> int:
    """Install, uninstall or show."""
    out = screen(sys.stdout, os.environ)
    if args.action != "install" and (args.only or args.replace):
        raise Error(f"octavo git {args.action} takes neither --only nor --replace")
    place = install.GitScope(args.everywhere, args.attributes)
    if args.action == "uninstall":
        found = install.uninstall(place)
        out.say("uninstalled" if found else "nothing of octavo's is installed here")
        return 0
    if args.action == "status":
        state = install.state(place)
        for part, words in state.parts.items():
            out.say(f"{part:<6}  {flat(words)}")
        for words in state.contradictions:
            out.say(f"{out.paint('note:', 'yellow')} {flat(words)}")
        return 0 if state.complete else 1
    for one in install.install(place, args.only or install.PARTS, sys.executable, replace=args.replace):
        out.say(f"took out {flat(str(one))}")
    out.say(f"installed: {flat(os.path.relpath(place.attributes))}")
    if not args.everywhere and args.attributes is None:
        out.say("files that are committed already stay as they are until: git add --renormalize .")
    return 0
