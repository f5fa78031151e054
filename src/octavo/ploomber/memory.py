"""InMemoryDAG: a pipeline of functions that passes values in memory."""

from __future__ import annotations

import copy as copying
from collections.abc import Callable, Mapping
from typing import Any

from ..process.ploomber_names import absent
from .dag import DAG
from .exceptions import MissingKeysValidationError, ValidationError
from .tasks import PythonCallable

__all__ = ["InMemoryDAG"]
__getattr__ = absent(__name__)


class InMemoryDAG:
    """Runs the functions of a DAG one after another in this process; nothing is read, written or kept.

    The tasks without upstream get their data from ``build``. ``return_postprocessor`` is applied to each value.
    """

    def __init__(self, dag: DAG, return_postprocessor: Callable[[Any], Any] | None = None) -> None:
        if others := [task for task in dag.values() if not isinstance(task, PythonCallable)]:
            raise TypeError(
                f"All tasks in the DAG must be PythonCallable, got: {', '.join(map(repr, others))}"
            )
        self.dag = dag
        self.root_nodes = [name for name, task in dag.items() if not task._before]
        self.return_postprocessor = return_postprocessor or _same

    def build(
        self, input_data: Mapping[str, Any], copy: bool | Callable[[Any], Any] = False
    ) -> dict[str, Any]:
        """Return the value of each task, by name.

        ``input_data`` has the data of each task without upstream. With ``copy`` a task gets copies of the values, made
        by ``copy.copy`` or a function, so that it may change them.
        """
        if missing := sorted(set(self.root_nodes) - set(input_data)):
            raise MissingKeysValidationError(f"input_data has no {', '.join(missing)}", missing)
        if unknown := sorted(set(input_data) - set(self.root_nodes)):
            listed = ", ".join(self.root_nodes)
            raise ValidationError(f"no task takes {', '.join(unknown)}; input_data has: {listed}")
        copied = copy if callable(copy) else copying.copy if copy else _same
        values: dict[str, Any] = {}
        for name, task in self.dag.items():
            arguments = dict(task._params)
            if name in input_data:
                arguments["input_data"] = input_data[name]
            if task._before:
                arguments["upstream"] = self._upstream(task, values, copied)
            value = self.return_postprocessor(task.source.primitive(**arguments))
            if value is None:
                raise ValueError(
                    f'the function of "{name}" returned None: in memory each must return a value'
                )
            values[name] = value
        return values

    def _upstream(self, task: Any, values: Mapping[str, Any], copied: Callable[[Any], Any]) -> dict[str, Any]:
        inputs: dict[str, Any] = {}
        for name, group in task._before.items():
            if group is None:
                inputs[name] = copied(values[name])
            else:
                inputs.setdefault(group, {})[name] = copied(values[name])
        return inputs


def _same(value: Any) -> Any:
    return value
