"""octavo interact: IPython with the pipeline."""

from __future__ import annotations

import os
import sys
from contextlib import chdir
from typing import TYPE_CHECKING

from .. import __version__
from ..jupyter.dag import Dag
from ..lazy import lazy_imports
from ..plugins import load
from ..show.screen import many, screen
from . import options

with lazy_imports():
    from ..process import child

if TYPE_CHECKING:
    from argparse import Namespace

    from ..project import Project
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo interact``."""
    options.file(parser)
    options.values(parser, "set a parameter")
    parser.examples("""\
The pipeline is available as dag. It is reloaded when its files change.

  dag                        the tasks, in order
  dag.status()               what is stale, and why; dag.status("+fit") of a selection
  dag.build()                run stale tasks; dag.build("fit+", force=True)
  dag.plot()                 draw the graph
  dag["fit"].build()         run this task, if it is stale
  dag["fit"].load("data")    a product as a DataFrame: .csv, .parquet, or a table
  dag["fit"].source          its code; also .product .params .upstream .client .status()

examples:
  octavo interact
  octavo interact --file pipeline.serve.yaml

The project's modules can be imported. Ctrl-D leaves.""")


def main(args: Namespace) -> int:
    """Open IPython in the project's folder."""
    out = screen(sys.stdout, os.environ)
    start = load("IPython:start_ipython")
    with options.project(args) as project:
        root, names = project.root, list(project.graph.tasks)
    here = os.getcwd()

    def opened() -> Project:
        with chdir(here):  # to which --file and env.yaml are relative
            return options.project(args)

    dag = Dag(root.name, opened)
    if str(root) != os.getcwd():
        out.say(f"you are in {root}, to which the paths of products are relative")
        os.chdir(root)
    child.become(str(root), sys.argv[0], standard_first=True)
    out.say(f"octavo {__version__}: {many(len(names), 'task')} in dag")
    if names:
        out.say(
            f'dag.status()  dag.build()  dag["{names[-1]}"].build()  .load()  .source  .product  .params  .upstream'
        )
    config = load("traitlets.config:Config")()
    config.TerminalInteractiveShell.banner1 = ""
    config.TerminalInteractiveShell.confirm_exit = False
    if hasattr(load("IPython.terminal.interactiveshell:TerminalInteractiveShell"), "enable_tip"):
        config.TerminalInteractiveShell.enable_tip = False
    start(argv=[], user_ns={"dag": dag}, config=config)
    return 0
