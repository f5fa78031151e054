"""The tasks of Ploomber's Python API: source, product, DAG and upstream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ..process.ploomber_names import absent
from .products import EmptyProduct
from .task import Owner, Task, TaskGroup

__all__ = [
    "DownloadFromURL",
    "Input",
    "Link",
    "NotebookRunner",
    "PostgresCopyFrom",
    "PythonCallable",
    "SQLDump",
    "SQLScript",
    "SQLTransfer",
    "SQLUpload",
    "ScriptRunner",
    "ShellScript",
    "Task",
    "TaskGroup",
    "UploadToS3",
    "in_memory_callable",
    "input_data_passer",
]
__getattr__ = absent(__name__)


class PythonCallable(Task):
    """Calls a function with ``product``, ``upstream`` and its parameters."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("serializer", "unserializer", "debug_mode")
    FUNCTION = True


class NotebookRunner(Task):
    """Executes a notebook or script; one of its products is the executed notebook."""

    TEMPLATE = False
    OPTIONS: ClassVar[tuple[str, ...]] = (
        *("executor", "executor_params", "papermill_params", "kernelspec_name", "nbconvert_exporter_name"),
        *("ext_in", "nb_product_key", "static_analysis", "nbconvert_export_kwargs", "local_execution"),
        *("check_if_kernel_installed", "debug_mode"),
    )


class ScriptRunner(Task):
    """Runs a script by its interpreter, without cells or report."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("ext_in", "static_analysis", "local_execution")


class ShellScript(Task):
    """Runs a shell script, a template."""


class _Connected(Task):
    """Works with a database; Ploomber takes the client before the parameters."""

    def __init__(
        self,
        source: Any,
        product: Any,
        dag: Owner,
        name: str | None = None,
        client: Any = None,
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(source, product, dag, name, params, client, **options)


class SQLScript(_Connected):
    """Runs a SQL script, which makes a table or view."""

    def load(self, key: str | None = None, limit: int = 10, **arguments: Any) -> Any:
        """Return the first rows of its product as a DataFrame."""
        return super().load(key, limit=limit, **arguments)


class SQLDump(_Connected):
    """Writes the result of a query to a file, or in chunks to a folder."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("chunksize", "io_handler")


class SQLTransfer(_Connected):
    """Copies the result of a query to a table in another database."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("chunksize",)


class SQLUpload(_Connected):
    """Writes a file to a table; the source is its path, or a template for it."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("chunksize", "io_handler", "to_sql_kwargs")

    def __init__(self, source: Any, *args: Any, **kwargs: Any) -> None:
        # the text of a path, whichever way it is given: it is no code
        super().__init__(str(source), *args, **kwargs)

    def _default_name(self) -> str:
        return Path(str(self.source.value)).stem


class PostgresCopyFrom(SQLUpload):
    """Writes a file to a table by PostgreSQL's COPY."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("columns",)


class UploadToS3(_Connected):
    """Sends a file to S3."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("bucket", "client_kwargs", "upload_file_kwargs")


class DownloadFromURL(Task):
    """Fetches a file from a URL."""


class Link(Task):
    """Stands for a file that is there already; it is never outdated."""

    def __init__(self, product: Any, dag: Owner, name: str) -> None:
        super().__init__("", product, dag, name)

    def set_upstream(self, other: Any, group_name: str | None = None) -> None:
        """Raise an error: an existing file has no upstream."""
        raise RuntimeError(f"{type(self).__name__} tasks do not have upstream")


class Input(Link):
    """Stands for a file from elsewhere; what follows it runs when it has changed."""


def input_data_passer(
    dag: Owner, name: str, preprocessor: Callable[[Any], Any] | None = None
) -> PythonCallable:
    """Return a task that hands on what it is given in memory."""
    return PythonCallable(
        _handed_on, EmptyProduct(), dag, name, {"input_data": None, "preprocessor": preprocessor}
    )


def in_memory_callable(
    callable_: Callable[..., Any], dag: Owner, name: str, params: Mapping[str, Any]
) -> PythonCallable:
    """Return a task whose value is handed on in memory."""
    return PythonCallable(callable_, EmptyProduct(), dag, name, params)


def _handed_on(input_data: Any, preprocessor: Callable[[Any], Any] | None = None) -> Any:
    return input_data if preprocessor is None else preprocessor(input_data)
