"""Words for how far a task or a pipeline is, as Ploomber has them."""

from __future__ import annotations

from enum import Enum


class DAGStatus(Enum):
    """How far a pipeline is."""

    WaitingRender = "waiting_render"
    WaitingExecution = "waiting_execution"
    ErroredRender = "errored_render"
    Executed = "executed"
    Errored = "errored"


class TaskStatus(Enum):
    """How far a task is."""

    WaitingRender = "waiting_render"
    Skipped = "skipped"
    WaitingExecution = "waiting_execution"
    WaitingUpstream = "waiting_upstream"
    WaitingDownload = "waiting_download"
    ErroredRender = "errored_render"
    AbortedRender = "aborted_render"
    Executed = "executed"
    Errored = "errored"
    Aborted = "aborted"
    BrokenProcessPool = "broken_process_pool"
