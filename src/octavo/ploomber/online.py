"""OnlineDAG and OnlineModel: compute the features of a training pipeline in memory to serve a model."""

from __future__ import annotations

import importlib.resources
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

from ..process.ploomber_names import absent
from .dag import DAG
from .memory import InMemoryDAG
from .spec import DAGSpecPartial
from .tasks import in_memory_callable, input_data_passer

__all__ = ["OnlineDAG", "OnlineModel"]
__getattr__ = absent(__name__)


class OnlineDAG:
    """A part of a pipeline, whose other upstream is given to ``predict``, and a last task that uses its features.

    Subclasses have three static methods: ``get_partial()`` returns the path of a list of tasks, or a DAG;
    ``terminal_task(upstream, **params)`` is the last task, and ``terminal_params()`` returns its parameters.
    """

    def __init__(self) -> None:
        partial = self.get_partial()
        if not isinstance(partial, str | Path | DAG):
            what = type(partial).__name__
            raise TypeError(f"{type(self).__name__}.get_partial() must return a path or a DAG, not a {what}")
        dag = partial if isinstance(partial, DAG) else DAGSpecPartial(partial).to_dag()
        wanted = {name: sorted(task.source.extract_upstream()) for name, task in dag.items()}
        for name in sorted({up for names in wanted.values() for up in names} - set(dag)):
            input_data_passer(dag, name)
        for name, names in wanted.items():
            for up in names:
                dag[name].set_upstream(dag[up])
        last = dag.last_tasks()
        terminal = in_memory_callable(self.terminal_task, dag, "terminal", self.terminal_params())
        for task in last:
            terminal.set_upstream(task)
        self.in_memory = InMemoryDAG(dag)

    def predict(self, **kwargs: Any) -> Any:
        """Return the value of each task by name, the last one's as "terminal"; arguments are what tasks are given."""
        return self.in_memory.build(kwargs)

    def get_partial(self) -> Any:
        """Return the path of a list of tasks, or a DAG."""
        raise NotImplementedError(f"{type(self).__name__} needs a static method get_partial")

    def terminal_params(self) -> dict[str, Any]:
        """Return the parameters of the last task."""
        raise NotImplementedError(f"{type(self).__name__} needs a static method terminal_params")

    @staticmethod
    def terminal_task(upstream: Any, **params: Any) -> Any:
        """Compute the last step."""
        raise NotImplementedError("a subclass of OnlineDAG needs a static method terminal_task")


class OnlineModel(OnlineDAG):
    """A package with ``pipeline-features.yaml``, and with ``model.pickle``, which predicts from its task "features"."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        super().__init__()
        if "features" not in self.in_memory.dag:
            listed = ", ".join(self.in_memory.dag)
            raise ValueError(
                f'the tasks of {module.__name__} must have one that is called "features": {listed}'
            )

    def get_partial(self) -> Any:
        """Return the path of the package's tasks."""
        return Path(str(importlib.resources.files(self._module) / "pipeline-features.yaml"))

    def terminal_params(self) -> dict[str, Any]:
        """Return the package's model."""
        file = importlib.resources.files(self._module) / "model.pickle"
        if not file.is_file():
            raise FileNotFoundError(f"the model of {self._module.__name__} is missing: {file}")
        return {"model": pickle.loads(file.read_bytes())}

    @staticmethod
    def terminal_task(upstream: Any, model: Any) -> Any:  # type: ignore[override]  # its parameters are known
        """Return what the model predicts."""
        return model.predict(upstream["features"])

    def predict(self, **kwargs: Any) -> Any:
        """Return the prediction."""
        return self.in_memory.build(kwargs)["terminal"]
