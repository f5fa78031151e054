"""Upload files to S3; the product is the object's name."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from ..clients.stores import s3_store
from ..errors import Error
from ..model import PROXIES, Facts, Failure, Source, Task
from ..reading.templates import render
from . import Tell


class UploadS3Kind:
    """The kind of ``class: UploadToS3``; its source is a file, or a text that names one: ``{{upstream['fit']}}``."""

    def facts(self, source: Source, data: bytes) -> Facts:
        """Return nothing: a file has no code."""
        return Facts("")

    def preload(self, task: Task) -> tuple[str, ...]:
        return (__name__,)

    def run(self, task: Task, tell: Tell) -> Failure | None:
        """Send the file."""
        bucket = task.own.get("bucket")
        if not bucket:
            return Failure("SpecError", "the task has no bucket", hint="add bucket: NAME")
        path = task.source.path
        try:
            if "{{" in path:
                path = render(replace(task, source=replace(task.source, text=path)), os.getcwd())
            if not os.path.isfile(path):
                return Failure("ProductError", f"there is no file {path} to upload")
            store = s3_store(bucket, task.own.get("client_kwargs") or {})
            for product in task.products:
                name = unquote(product.path.removeprefix(f"{PROXIES}generic/"))
                store.put(name, Path(path), task.own.get("upload_file_kwargs"))
                sys.stdout.write(f"{path} → s3://{bucket}/{name}: {os.stat(path).st_size:,} bytes\n")
        except Error as error:
            return Failure(type(error).__name__, error.message, hint=error.hint or "")
        except Exception as error:  # boto3's and obstore's are of many classes
            words = str(error).strip().partition("\n")[0]
            return Failure("UploadError", f"{path} could not be sent to the bucket {bucket}: {words}")
        return None

    def refresh(self, task: Task, root: str) -> str | None:
        """Do nothing: an upload has no executed notebook."""
        return None


KIND: UploadS3Kind = UploadS3Kind()
