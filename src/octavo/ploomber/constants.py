"""Ploomber's words for the state of tasks and pipelines."""

from __future__ import annotations

from enum import Enum

from ..process.ploomber_names import absent

# hooks compare the status of the tasks that they get with these
from ..views import Status as TaskStatus

__all__ = ["DAGStatus", "TaskStatus"]
__getattr__ = absent(__name__)


class DAGStatus(Enum):
    """How far a pipeline is."""

    WaitingRender = "waiting_render"
    WaitingExecution = "waiting_execution"
    ErroredRender = "errored_render"
    Executed = "executed"
    Errored = "errored"
