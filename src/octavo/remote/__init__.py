"""Read and write files behind URLs, by HTTP or fsspec."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from .. import plugins
from ..errors import Error, MissingExtra, NotebookError
from ..lazy import lazy_imports

with lazy_imports():
    # the standard library's, so that a notebook of the web needs no extra package; it takes 40 ms
    from urllib import request as web

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT = 60  # seconds that a web server may be silent

#: The package that fsspec needs for a scheme, where it is not fsspec itself.
_DRIVERS = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), "adlfs"),
    **dict.fromkeys(("sftp", "ssh"), "paramiko"),
    **dict.fromkeys(("hdfs", "arrow_hdfs"), "pyarrow"),
    "oss": "ossfs",
    "webdav": "webdav4",
    "dropbox": "dropboxdrivefs",
    "github": "requests",
}

#: Schemes whose first folder is a bucket. All others in it come by themselves.
_BUCKETS = frozenset(("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss"))


class _Folders(Protocol):
    """What is used of fsspec's to make folders."""

    @property
    def protocol(self) -> str | tuple[str, ...]: ...
    def makedirs(self, path: str, exist_ok: bool = ...) -> None: ...


def is_url(path: str) -> bool:
    """Return whether a path is a URL."""
    return "://" in path


def shown(url: str) -> str:
    """Return a URL, or a path, as it may be printed and kept: signatures and passwords are often part of one."""
    scheme, colon, rest = url.partition("://")
    if not colon:
        return url  # a path, which holds no secrets
    rest = rest.partition("?")[0].partition("#")[0]
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def read(url: str) -> bytes:
    """Return the bytes that a URL stands for."""
    with _errors(url, "read"):
        if _is_web(url):
            return _web(url, None)
        with plugins.load("fsspec:open")(url, "rb") as file:
            data: bytes = file.read()
        return data


def write(url: str, data: bytes, media: str = "application/json") -> None:
    """Write bytes to a URL: a web server is sent a PUT, as papermill sends it."""
    with _errors(url, "written"):
        if _is_web(url):
            _web(url, data, media)
            return
        system, path = plugins.load("fsspec.core:url_to_fs")(url)
        make_folder(system, path.rpartition("/")[0])
        with system.open(path, "wb") as file:
            file.write(data)


def make_folder(system: _Folders, path: str) -> None:
    """Make a folder by fsspec, but no bucket: one of a misspelt name would be a new one."""
    protocols = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
    if path and not _BUCKETS.intersection(protocols):
        system.makedirs(path, exist_ok=True)


def check(url: str) -> None:
    """Raise what can be known before anything is written to a URL: a scheme that nothing knows, a missing driver."""
    with _errors(url, "written"):
        if not _is_web(url):
            plugins.load("fsspec:get_filesystem_class")(url.partition("://")[0].lower())


def _is_web(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))


def _web(url: str, data: bytes | None, media: str = "") -> bytes:
    headers = {"User-Agent": "octavo"} | ({"Content-Type": media} if data is not None else {})
    request = web.Request(url, data=data, headers=headers, method="GET" if data is None else "PUT")
    with web.urlopen(request, timeout=_TIMEOUT) as answer:
        body: bytes = answer.read()
    return body


@contextmanager
def _errors(url: str, done: str) -> Iterator[None]:
    """Turn what a driver raises into errors that a user can fix."""
    scheme, where = url.partition("://")[0].lower(), shown(url)
    try:
        yield
    except Error:
        raise
    except FileNotFoundError:
        what = "there is no such notebook" if done == "read" else "there is no such place"
        bucket = where.partition("://")[2].partition("/")[0]
        hint = f'is the bucket "{bucket}" there? octavo makes none' if scheme in _BUCKETS else None
        raise NotebookError(what, where, hint if done != "read" else None) from None
    except ImportError as error:
        hint = f'pip install "octavo[remote]" {_DRIVERS.get(scheme, "")}'.rstrip()
        raise MissingExtra(f'the driver for "{scheme}" is not installed: {error}', where, hint) from error
    except Exception as error:
        # every driver has exceptions of its own; some of them say what is secret: the whole URL
        message = str(error).replace(url, where).strip() or type(error).__name__
        raise NotebookError(f"it cannot be {done}: {message}", where, _hint(scheme, error)) from error


def _hint(scheme: str, error: Exception) -> str | None:
    kind = type(error).__name__
    if isinstance(error, ValueError) and "Protocol not known" in str(error):
        return "URLs begin with https, s3, gs, az, … : what fsspec knows"
    if "Credential" in kind or isinstance(error, PermissionError):
        return f"{_DRIVERS.get(scheme, 'the driver')} looks for credentials where its documentation says"
    return None
