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
    try:
        return python(ast.parse(text), path) if path.endswith(".py") else shell(text, path, root)
    except SyntaxError as error:
        raise Error(f"this is not Python: {error.msg}", f"{path}:{error.lineno}") from None
    except (RecursionError, MemoryError, ValueError) as error:
        raise Error(f"it cannot be read: {error or 'it is too large'}", path) from None
