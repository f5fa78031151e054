"""Copy products to where the project's File client stores them."""

from __future__ import annotations

import os

from ..calls import invoke
from ..errors import Error, ProductError
from ..kinds import row
from ..model import PROXIES, Task
from .files import StorageClient


def send(task: Task, root: str) -> None:
    """Send what a task has made to its client of files, under the same relative paths.

    What is wrong raises ``errors.Error``: a result that is not where it is expected is no success.
    """
    if row(task.kind).borrowed:
        return  # it has made nothing
    call = task.run.file_client
    assert call is not None
    here = os.getcwd()
    os.chdir(root)  # the folder that relative paths of the client mean, wherever the task has run
    try:
        client = invoke(call)
    finally:
        os.chdir(here)
    if isinstance(client, StorageClient):
        client.at(root)
    if not hasattr(client, "upload"):
        raise ProductError(
            f"{call.path} is not a file client: it returns {client!r:.60}, which has no upload()",
            hint="LocalStorageClient, S3Client and GCloudStorageClient are",
        )
    try:
        for product in task.products:
            if product.maker == "File" and not product.path.startswith(PROXIES):
                client.upload(os.path.join(root, product.path))
    except Error:
        raise
    except Exception as error:
        words = str(error).strip().partition("\n")[0] or "unknown error"
        raise ProductError(
            f"{product.path} was made, but could not be copied to {client!r:.80}: {type(error).__name__}: {words}",
            hint=f"see {call.path} in pipeline.yaml; the next build tries again",
        ) from error
    finally:
        if hasattr(client, "close"):
            client.close()
