"""octavo lab: JupyterLab in the folder of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MissingExtra
from ..show.screen import screen
from . import options

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser

_INSTALL = 'pip install "octavo[jupyter]"'


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo lab``."""
    options.file(parser)
    parser.passes_on = True
    parser.add_argument(
        "words", nargs="*", metavar="ARG", help="for jupyter lab: a notebook, or options after --"
    )
    parser.examples("""\
examples:
  octavo lab
  octavo lab notebooks/fit.ipynb
  octavo lab -- --no-browser --port 8890""")


def main(args: Namespace) -> int:
    """Start JupyterLab and return its exit code."""
    with options.project(args) as project:
        root = project.root
    return lab(root, [*args.words, *args.passed])


def lab(root: Path, words: list[str]) -> int:
    """Run ``jupyter lab`` in a folder, that of this environment first, and return its exit code."""
    own = Path(sys.executable).with_name("jupyter-lab")
    command = str(own) if own.exists() else shutil.which("jupyter-lab")
    if command is None:
        raise MissingExtra("JupyterLab is not installed", hint=_INSTALL)
    if not own.exists():
        err = screen(sys.stderr, os.environ)
        err.say(
            f"note: {command} is of another environment, whose kernels may lack what is installed here: {_INSTALL}"
        )
    return subprocess.call([command, *words], cwd=root)


def editor(path: str, root: Path) -> int:
    """Open a notebook where the person works: in VS Code from a terminal of it, else in JupyterLab."""
    if os.environ.get("TERM_PROGRAM") == "vscode" and (code := shutil.which("code")):
        return subprocess.call([code, "--reuse-window", path])
    return lab(root, [path])
