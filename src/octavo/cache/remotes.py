"""Open the remote folder of a URL: object stores through obstore, all else but files through fsspec."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import Error
from ..lazy import lazy_imports
from .elsewhere import Remote, Trouble

with lazy_imports():
    from . import bucket, driver
    from . import folder as folders

#: What obstore speaks; other schemes are fsspec's.
_OURS = ("s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "http", "https")


def open_remote(url: str, root: str) -> Remote:
    """Return the remote of a URL; of a path without a scheme, relative to ``root``, that folder."""
    scheme, colon, _ = url.partition("://")
    if not colon:
        url, scheme = Path(root, os.path.expanduser(url)).absolute().as_uri(), "file"
    try:
        if scheme == "file":
            return folders.SharedFolder(url)
        return bucket.Bucket(url, scheme) if scheme in _OURS else driver.Filesystem(url)
    except Trouble as error:
        raise Error(f"the cache's URL {url} cannot be used: {error}") from error
