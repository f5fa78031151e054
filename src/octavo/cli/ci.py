"""octavo ci: write the file of a CI system."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import ci, products
from ..ci import blocks
from ..ci.members import SYSTEMS
from ..errors import Error
from ..products import writing
from ..review import git
from ..show.screen import flat, screen, several
from ..smoke.settings import settings
from . import options

if TYPE_CHECKING:
    from argparse import Namespace

    from ..project import Project
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo ci``."""
    add = parser.add_argument
    add("system", metavar="SYSTEM", choices=[*SYSTEMS], help=", ".join(SYSTEMS))
    options.file(parser)
    add(
        "-o",
        "--output",
        metavar="FILE",
        help="the file to write, - for standard output (default: the system's own)",
    )
    add(
        "--python",
        action="append",
        default=[],
        metavar="VERSION",
        help="test with it, too (default: 3.11, 3.13)",
    )
    add(
        "--branch",
        metavar="NAME",
        help="the branch that others are merged into (default: what git says, or main)",
    )
    add(
        "--nightly",
        metavar="CRON",
        default="",
        help="build everything then, and not at each push to the branch",
    )
    add("--remote", action="store_true", help="take results from the remote cache, and keep them there")
    parser.examples("""\
Each push: octavo test on each Python. Each pull request: a review of the branch as a page, and as a comment where the
system has a way. Each push to the main branch, or at night: a whole build, with a page about it. Results are kept in
the system's cache. Written again, the file keeps what people have edited.

examples:
  octavo ci github
  octavo ci gitlab --nightly "0 3 * * *" --remote
  octavo ci jenkins --python 3.12 -o -""")


def main(args: Namespace) -> int:
    """Write the file, or write it anew."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    system = SYSTEMS[args.system]
    if wrong := [version for version in args.python if not re.fullmatch(r"3\.\d+", version)]:
        raise Error(f'"{wrong[0]}" is no version of Python', hint="3.11, 3.12 …")
    if args.nightly and len(args.nightly.split()) != 5:
        raise Error(f'"{args.nightly}" has not five fields', hint='"0 3 * * *" is each night at 3:00')
    with options.opened(args.file) as project:
        root = Path(project.root)
        lacking = _lacking(project)
    top = git.line("rev-parse", "--show-toplevel", cwd=str(root))
    if top and os.path.realpath(top) != os.path.realpath(root) and args.output is None:
        message = f"the project is not at the top of its repository, where {args.system} looks"
        raise Error(message, top, "write it with -o, and add the folder to its commands")
    wish = ci.CiPlan(
        tuple(args.python) or ("3.11", "3.13"),
        args.branch or _branch(str(root)),
        args.nightly,
        ci.installing(root),
        args.remote,
    )
    wanted = [*system.blocks(wish)]
    path = args.output or os.path.join(root, system.PATH)
    if path == "-":
        out.stream.write(blocks.fresh(wanted, system.SIGN))
        return 0
    found = blocks.Updated(blocks.fresh(wanted, system.SIGN))
    if os.path.isfile(path) and not writing.passing(path):
        old = products.whole(path).decode("utf-8", "replace")
        found = blocks.update(old, wanted, system.SIGN, os.path.relpath(path))
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    writing.write(path, [found.text.encode()], named=True)
    out.say(f"wrote {flat(os.path.relpath(path))}")
    note = err.paint("note:", "cyan")
    if lacking is not None:
        err.say(f"{note} octavo test will fail there: {lacking.message}\n  hint: {lacking.hint}")
    if found.kept:
        err.say(f"{note} edited, and left as they are: {several(list(found.kept), 10)}")
    if found.missing:
        err.say(f"{note} not in the file any more: {several(list(found.missing), 10)}")
    return 0


def _lacking(project: Project) -> Error | None:
    """Return what octavo test lacks for a sample of the pipeline."""
    try:
        settings(project, ())
    except Error as error:
        return error
    return None


def _branch(root: str) -> str:
    """Return the branch that a clone was made of; the one that is checked out elsewhere, if it has a usual name."""
    if head := git.line("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD", cwd=root):
        return head.partition("/")[2]
    here = git.line("branch", "--show-current", cwd=root)
    return here if here in ("main", "master", "trunk", "develop") else "main"
