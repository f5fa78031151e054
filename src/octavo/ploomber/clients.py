"""Clients under Ploomber's names."""

from __future__ import annotations

from ..clients import (
    Client,
    DBAPIClient,
    GCloudStorageClient,
    LocalStorageClient,
    S3Client,
    ShellClient,
    SQLAlchemyClient,
)
from ..process.ploomber_names import absent

__all__ = [
    "Client",
    "DBAPIClient",
    "GCloudStorageClient",
    "LocalStorageClient",
    "S3Client",
    "SQLAlchemyClient",
    "ShellClient",
]
__getattr__ = absent(__name__)
