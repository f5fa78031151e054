"""Words for how far a task or a pipeline is, as Ploomber has them."""

from __future__ import annotations

from enum import Enum

# hooks compare the status of the tasks that they get with these
from ..views import Status as TaskStatus

__all__ = ["DAGStatus", "TaskStatus"]


class DAGStatus(Enum):
    """How far a pipeline is."""

    WaitingRender = "waiting_render"
    WaitingExecution = "waiting_execution"
    ErroredRender = "errored_render"
    Executed = "executed"
    Errored = "errored"
