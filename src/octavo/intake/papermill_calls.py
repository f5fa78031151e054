"""Find calls of papermill in shell scripts, crontabs and Python, by reading them."""

from __future__ import annotations

import ast

from ..errors import Error
from .notebook_calls import NotebookCall
from .python_calls import python
from .shell_calls import shell


def calls(text: str, path: str, root: str = "") -> list[NotebookCall]:
    """Return the calls in a shell script, a crontab or a Python file, as started in ``root``.

    Raises ``Error`` for a Python file that is none.
    """
    if not path.endswith(".py"):
        return shell(text, path, root)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise Error(f"this is not Python: {error.msg}", f"{path}:{error.lineno}") from None
    return python(tree)
