"""Object stores behind file clients: three verbs, through the vendor's library or obstore."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from .. import plugins
from ..errors import Error
from ..remote import aws

#: boto3's arguments, and what obstore calls them.
_SAME = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
    "region_name": "region",
    "endpoint_url": "endpoint",
}


class NotFound(Exception):
    """Nothing is there by this name."""


class ObjectStore(Protocol):
    """A bucket."""

    def put(self, name: str, path: Path, more: Mapping[str, object] | None = None) -> None:
        """Upload a file; ``more`` is what boto3 calls ExtraArgs."""

    def get(self, name: str, path: Path) -> None:
        """Download an object; raise NotFound where there is none."""

    def names(self, prefix: str) -> list[str]:
        """Return the names that begin so."""


def s3_store(bucket: str, arguments: Mapping[str, object]) -> ObjectStore:
    """Return a bucket of S3, opened with arguments of ``boto3.client``."""
    if _installed("boto3"):
        return _Boto(bucket, arguments)
    if strange := sorted(set(arguments) - set(_SAME)):
        raise Error(
            f"S3Client: {', '.join(strange)}: only boto3 knows that argument", hint="pip install boto3"
        )
    options = dict(aws.settings(os.environ)) | {_SAME[key]: value for key, value in arguments.items()}
    return _Obstore(f"s3://{bucket}", str(options.get("endpoint", "")), options)


def google_store(bucket: str, credentials: Path | None, arguments: Mapping[str, object]) -> ObjectStore:
    """Return a bucket of Google's, opened with arguments of ``google.cloud.storage.Client``."""
    if _installed("google.cloud.storage"):
        return _Google(bucket, credentials, arguments)
    if strange := sorted(set(arguments) - {"project"}):
        words = f"GCloudStorageClient: {', '.join(strange)}: only Google's own package knows that argument"
        raise Error(words, hint="pip install google-cloud-storage")
    options = {"service_account": str(credentials)} if credentials else {}
    text = credentials.read_text(encoding="utf-8") if credentials else ""
    return _Obstore(f"gs://{bucket}", "http:" if '"http://' in text else "", options)


class _Boto:
    def __init__(self, bucket: str, arguments: Mapping[str, object]) -> None:
        self._bucket = bucket
        self._errors = plugins.load("botocore.exceptions:ClientError")
        self._client = plugins.load("boto3:client")("s3", **arguments)

    def put(self, name: str, path: Path, more: Mapping[str, object] | None = None) -> None:
        self._client.upload_file(str(path), self._bucket, name, ExtraArgs=dict(more or {}) or None)

    def get(self, name: str, path: Path) -> None:
        try:
            self._client.download_file(self._bucket, name, str(path))
        except self._errors as error:
            if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey"):
                raise NotFound(name) from error
            raise

    def names(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]


class _Google:
    def __init__(self, bucket: str, credentials: Path | None, arguments: Mapping[str, object]) -> None:
        client = plugins.load("google.cloud.storage:Client")
        opened = (
            client.from_service_account_json(str(credentials), **arguments)
            if credentials
            else client(**arguments)
        )
        self._client, self._bucket = opened, opened.bucket(bucket)

    def put(self, name: str, path: Path, more: Mapping[str, object] | None = None) -> None:
        self._bucket.blob(name).upload_from_filename(str(path))

    def get(self, name: str, path: Path) -> None:
        blob = self._bucket.blob(name)
        if not blob.exists():
            raise NotFound(name)
        blob.download_to_filename(str(path))

    def names(self, prefix: str) -> list[str]:
        return [blob.name for blob in self._client.list_blobs(self._bucket, prefix=prefix)]


class _Obstore:
    def __init__(self, url: str, endpoint: str, options: Mapping[str, object]) -> None:
        self._obs = plugins.load("obstore")
        client = {"allow_http": True} if endpoint.startswith("http:") else {}
        self._store = plugins.load("obstore.store:from_url")(url, client_options=client, **options)

    def put(self, name: str, path: Path, more: Mapping[str, object] | None = None) -> None:
        if more:
            raise Error(f"{', '.join(more)}: only boto3 knows that of an upload", hint="pip install boto3")
        self._obs.put(self._store, name, path)

    def get(self, name: str, path: Path) -> None:
        try:
            found = self._obs.get(self._store, name)
        except FileNotFoundError as error:
            raise NotFound(name) from error
        with path.open("wb") as file:
            for block in found.stream(min_chunk_size=1 << 20):
                file.write(block)

    def names(self, prefix: str) -> list[str]:
        # what obstore lists are folders: it finds "a/b" and "a/c" below "a", not "ab"
        folder, _, _ = prefix.rpartition("/")
        found = (entry["path"] for page in self._obs.list(self._store, folder or None) for entry in page)
        return sorted(name for name in found if name.startswith(prefix))


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a package that is not there, a part was asked for
        return False
