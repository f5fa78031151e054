"""Ploomber's exceptions, with octavo's messages."""

from __future__ import annotations

from ..process.ploomber_names import absent

__all__ = [
    "CallbackCheckAborted",
    "CallbackSignatureError",
    "DAGBuildEarlyStop",
    "DAGBuildError",
    "DAGCycle",
    "DAGRenderError",
    "DAGSpecInitializationError",
    "DAGSpecInvalidError",
    "DAGWithDuplicatedProducts",
    "DebuggingFinished",
    "MissingClientError",
    "MissingKeysValidationError",
    "MissingParametersCellError",
    "NetworkException",
    "PlotException",
    "RemoteFileNotFound",
    "RenderError",
    "SQLTaskBuildError",
    "SourceInitializationError",
    "SpecValidationError",
    "TaskBuildError",
    "TaskInitializationError",
    "TaskRenderError",
    "UpstreamKeyError",
    "ValidationError",
]
__getattr__ = absent(__name__)


class DAGRenderError(Exception):
    """A pipeline has a mistake: its tasks cannot be made ready to run."""


class DAGBuildError(Exception):
    """A task of a build failed."""


class DAGBuildEarlyStop(Exception):
    """Raised by a task or hook to end a build gracefully: there is nothing more to do."""


class TaskBuildError(Exception):
    """A task that was built by itself failed."""


class TaskInitializationError(Exception):
    """A task is given what does not fit."""

    mistake = True  # of the user, as a factory's process says it


class TaskRenderError(Exception):
    """A task cannot be made ready to run."""


class RenderError(Exception):
    """A template has a placeholder without a value, or a value without a placeholder."""


class SourceInitializationError(Exception):
    """A source is not what its task can use."""


class MissingParametersCellError(SourceInitializationError):
    """A notebook has no parameters cell. octavo adds none, and needs none; the name is here to be caught."""


class CallbackSignatureError(Exception):
    """A hook asks for what it cannot be given."""


class UpstreamKeyError(Exception):
    """A task asks for a task that is not before it."""


class DAGSpecInitializationError(Exception):
    """A pipeline file has mistakes."""

    mistake = True


class DAGSpecInvalidError(Exception):
    """There is no pipeline file where one was looked for."""


class DAGCycle(Exception):
    """Tasks wait for each other in a cycle."""


class DAGWithDuplicatedProducts(Exception):
    """Two tasks make the same product."""


class SQLTaskBuildError(TaskBuildError):
    """A query failed."""


class RemoteFileNotFound(Exception):
    """A storage client was asked for a file that is not there."""


class MissingClientError(Exception):
    """A task needs a connection to a database, and neither it nor its DAG has one."""


class ValidationError(Exception):
    """Data is not as it should be."""


class MissingKeysValidationError(ValidationError):
    """A mapping lacks keys."""

    def __init__(self, message: str, missing_keys: object = ()) -> None:
        super().__init__(message)
        self.missing_keys = missing_keys


class SpecValidationError(Exception):
    """A part of a pipeline file is wrong. Nothing here raises it; the name is here to be caught."""


class CallbackCheckAborted(Exception):
    """A hook cannot be looked at. Nothing here raises it; the name is here to be caught."""


class NetworkException(Exception):
    """A service did not answer. Nothing here raises it; the name is here to be caught."""


class PlotException(Exception):
    """A drawing failed. Nothing here raises it; the name is here to be caught."""


class DebuggingFinished(TaskBuildError):
    """A debugger was left. Nothing here raises it; the name is here to be caught."""
