"""Clients that tasks work with: databases, shells, and file stores.

Their arguments and methods are those of Ploomber's clients, so a project's ``clients.py`` needs no change.
"""

from __future__ import annotations

from .database import DatabaseClient, DBAPIClient, SQLAlchemyClient
from .files import GCloudStorageClient, LocalStorageClient, S3Client, StorageClient
from .remembered import Client
from .shell import ShellClient

__all__ = [
    "Client",
    "DBAPIClient",
    "DatabaseClient",
    "GCloudStorageClient",
    "LocalStorageClient",
    "S3Client",
    "SQLAlchemyClient",
    "ShellClient",
    "StorageClient",
]
