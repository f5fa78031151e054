"""Download the file behind a URL."""

from __future__ import annotations

import os
import shutil
import sys
import urllib.error
import urllib.request
from dataclasses import replace

from ..errors import Error
from ..model import Facts, Failure, Source, Task
from ..products import writing
from ..reading.templates import render
from . import Tell

#: How long a server may be silent, in seconds.
_PATIENCE = 60.0


class DownloadKind:
    """The kind of ``class: DownloadFromURL``; its source is the URL."""

    def facts(self, source: Source, data: bytes) -> Facts:
        """Return nothing: a URL has no code."""
        return Facts("")

    def preload(self, task: Task) -> tuple[str, ...]:
        return (__name__,)

    def run(self, task: Task, tell: Tell) -> Failure | None:
        """Download the file to the product's path."""
        url = task.source.path
        if len(task.products) != 1:
            return Failure(
                "ProductError", f"a download writes one file, but this task has {len(task.products)} products"
            )
        path = task.products[0].path
        try:
            if "{{" in url:
                url = render(replace(task, source=replace(task.source, text=url)), os.getcwd())
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with writing.beside(path) as part:
                size = _download(url, part)
            sys.stdout.write(f"{path}: {size:,} bytes\n")
        except Error as error:
            return Failure(type(error).__name__, error.message, hint=error.hint or "")
        except urllib.error.HTTPError as error:
            error.close()
            words = f"{_shown(url)}: the server responded {error.code} {error.reason}"
            return Failure("DownloadError", words, hint=_hint(error.code))
        except (OSError, ValueError, EOFError) as error:
            why = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
            return Failure("DownloadError", f"{_shown(url)}: {why}")
        return None

    def refresh(self, task: Task, root: str) -> str | None:
        """Do nothing: a download has no executed notebook."""
        return None


def _download(url: str, path: str) -> int:
    """Write what a URL gives to a file and return its size."""
    # some servers refuse those who do not say who they are
    request = urllib.request.Request(url, headers={"User-Agent": "octavo"})
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer, open(path, "wb") as file:  # noqa: PTH123 - a str
        shutil.copyfileobj(answer, file, 1 << 20)
        size, length = file.tell(), answer.headers.get("Content-Length")
    if length and length.isdigit() and size != int(length):
        raise EOFError(f"it was cut off after {size:,} of {int(length):,} bytes")
    return size


def _shown(url: str) -> str:
    """Return a URL without its secrets: the password, and the query, which may hold a signature."""
    scheme, _, rest = url.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if rest else url


def _hint(code: int) -> str:
    if code in (401, 403):
        return "the server requires authentication; download it in a function or a shell script"
    return "check the address" if code in (404, 410) else ""


KIND: DownloadKind = DownloadKind()
