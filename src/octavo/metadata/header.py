"""``octavo.header()``: a cell that shows what its notebook is. It writes nothing, and never raises."""

from __future__ import annotations

import os
import sys
from io import StringIO

from .. import notebook
from ..process.variables import NOTEBOOK
from ..show import about as words
from ..show.screen import Screen
from . import here
from .about import about
from .roles import Roles


def header(path: str | os.PathLike[str] | None = None) -> None:
    """Show title, id, version, last run, packages, integrity and role in the pipeline of the notebook that runs.

    It is shown as its file has it: save it first. ``path`` names the notebook where its front end does not tell.
    """
    shell = _shell()
    try:
        html, text = _shown(os.fspath(path) if path is not None else here.path(shell))
    except Exception as error:  # a header is there to be read; nothing that it meets may end a run
        html, text = "", f"octavo.header: {type(error).__name__}: {error}"
    if shell is None:
        sys.stdout.write(text + "\n")
        return
    data = {"text/plain": text} | ({"text/html": html} if html else {})
    shell.display_pub.publish(data, {})


def _shown(path: str | None) -> tuple[str, str]:
    if path is None:
        return (
            "",
            'octavo.header: this front end does not tell which notebook runs: octavo.header("clean.ipynb")',
        )
    pipelines = Roles()
    try:
        # in a run of octavo's the pipeline is at work, and what is read of it would be the task's input
        roles = [] if os.environ.get(NOTEBOOK) else list(pipelines.of(path))
        found = about(notebook.read(path, name=os.path.relpath(path)), roles)
    finally:
        pipelines.close()
    text = StringIO()
    words.lines(found, Screen(text))
    return words.html(found), text.getvalue().rstrip("\n")


def _shell() -> here.Shell | None:
    """Return the shell of IPython if this is one, without importing it."""
    module = sys.modules.get("IPython")
    found: here.Shell | None = module.get_ipython() if module is not None else None
    return found
