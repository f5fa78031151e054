"""Give a notebook the client of its task, a session of Spark or a connection: lines in the cell with its parameters."""

from __future__ import annotations

from ..errors import ParameterError
from ..lazy import lazy_imports
from ..model import Call, Task
from ..notebook.translate import literal

with lazy_imports():
    from ..secrets import hiding

#: What notebooks and functions call it.
CLIENT = "client"


def lines(task: Task) -> list[str]:
    """Return the lines that make the client of a task, if its notebook declares one or uses one that it does not make.

    They are code like any other: who opens the executed notebook, or runs the source in Jupyter, has the same client.
    """
    call, facts = task.calls.client, task.source.facts
    if call is None or facts.language != "python":
        return []
    declared = any(parameter.name == CLIENT for parameter in facts.params)
    made = any(CLIENT in cell.defines for cell in facts.cells)
    if not declared and (made or not any(CLIENT in cell.uses for cell in facts.cells)):
        return []
    if hiding.holds(dict(call.arguments)):
        hint = (
            "let the function read it from an environment variable: the cell is kept in the executed notebook"
        )
        raise ParameterError(f"the arguments of {call.path} hold a secret", task.where, hint)
    return [*_lines(call)]


def _lines(call: Call) -> list[str]:
    parts = call.path.split(".")
    # a class begins with a capital, and what stands behind it is its own
    last = next((at for at, part in enumerate(parts) if at and part[:1].isupper()), len(parts) - 1)
    inside = "".join(f".{part}" for part in parts[last + 1 :])
    arguments = ", ".join(f"{name}={literal(value, 'python')}" for name, value in call.arguments.items())
    return [
        f"from {'.'.join(parts[:last])} import {parts[last]} as {CLIENT}",
        f"{CLIENT} = {CLIENT}{inside}({arguments})",
    ]
