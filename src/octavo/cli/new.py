"""``octavo new``: a project that runs, is tested and passes octavo check from the first minute."""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .. import ci, scaffold
from ..ci.members import SYSTEMS
from ..errors import Error
from ..scaffold import layout, starting
from ..scaffold.licences import LICENCES
from ..show.screen import many, screen

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo new``."""
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="where: a new or empty folder, which names the project")
    add("--package", metavar="NAME", help="the name of its package (default: that of the folder)")
    add("--licence", choices=[*LICENCES], default="none", help="default: none, all rights are yours")
    add("--author", metavar="NAME", default="", help="whose the licence says it is (default: its authors)")
    add(
        "--ci",
        metavar="SYSTEM",
        choices=[*SYSTEMS, "none"],
        default="github",
        help=f"whose file to write, as octavo ci does: {', '.join(SYSTEMS)} or none (default: github)",
    )
    add("--around", action="store_true", help="add what is missing to a folder with notebooks or code")
    parser.examples("""\
No file is ever replaced.

examples:
  octavo new sales                     notebooks, package, tests, data, CI
  octavo new sales --licence mit --author "Ada Lovelace"
  octavo new . --around                what is missing around what is there

exit code: 0 written, 2 something must be changed first""")


def main(args: Namespace) -> int:
    """Write the files that are not there, and say what comes next."""
    out = screen(sys.stdout, os.environ)
    root = os.path.abspath(args.folder)
    _usable(root, args)
    there = layout.found(root)
    name = os.path.basename(root)
    own = args.package or there.package
    package = layout.checked_package(own, own) if own else layout.package_name(name)
    wish = starting.NewProject(
        package.replace("_", "-") if args.package or not name.isascii() else _project_name(name),
        package,
        args.author or f"the authors of {name}",
        time.gmtime().tm_year,
        args.licence,
        args.ci.replace("none", ""),
        ci.installing(Path(root))
        if os.path.isfile(os.path.join(root, "pyproject.toml"))
        else starting.INSTALL,
    )
    written, kept = scaffold.write_new(root, starting.files(wish, there))
    for path in written:
        out.say(f"{out.paint('+', 'green')} {path}")
    if kept:
        out.say(f"kept as they are: {', '.join(kept)}")
    out.say(f"{many(len(written), 'file')} written")
    steps = [] if root == os.getcwd() else [f"cd {shlex.quote(args.folder)}"]
    steps += ["pip install --editable . --group dev"]
    steps += ["octavo init"] if there.notebooks and not there.pipeline else ["octavo build"]
    out.say(f"next: {' && '.join(steps)}")
    return 0


def _usable(root: str, args: Namespace) -> None:
    """Raise Error for a place where no project can be written."""
    if os.path.lexists(root) and not os.path.isdir(root):
        raise Error("there is a file of this name", args.folder)
    if not os.path.isdir(root) or args.around:
        return
    inside = sorted(set(os.listdir(root)) - {".git"})
    if inside:
        more = f" and {len(inside) - 1} more" if len(inside) > 1 else ""
        hint = "--around adds what is missing, and replaces nothing"
        raise Error(f"the folder is not empty: {inside[0]}{more}", args.folder, hint)


def _project_name(folder: str) -> str:
    """Return the name of a distribution: https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return "-".join("".join(c if c.isalnum() else " " for c in folder.lower()).split())
