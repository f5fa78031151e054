"""The protocol of a folder at a URL for the cache, and its exceptions, whatever library reaches it."""

from __future__ import annotations

from typing import Protocol


class Trouble(Exception):
    """A remote cannot be used: no network, no right, no such bucket."""


class Absent(Exception):
    """Nothing is there by this name."""


class Remote(Protocol):
    """A folder at a URL. Names are relative to it; all verbs raise Trouble, and Absent where something is not there."""

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, the newest first."""

    def read(self, name: str) -> bytes: ...

    def write(self, name: str, data: bytes, new: bool = True) -> None:
        """Write a small file; a ``new`` one is left alone if it turns out to be there, where that can be told."""

    def download(self, name: str, target: str) -> None: ...

    def upload(self, name: str, source: str) -> None:
        """Write a file: a reader sees all of it or nothing."""

    def find(self, name: str) -> tuple[int, float]:
        """Return a file's size, and when it was written in seconds since the epoch."""


def first(error: Exception) -> str:
    """Return what an error says, without the details that are of no use to a user."""
    text = str(error).strip().split("\n")[0]
    # obstore: "Generic S3 error: Error performing GET http://… in 3ms, after 2 retries, …  - HTTP error: …"
    _, performing, rest = text.partition("Error performing ")
    if performing and " - " in rest:
        words, reason = rest.partition(" in ")[0].split(), rest.rpartition(" - ")[2]
        where = next((word.partition("?")[0] for word in words if "://" in word), "")
        text = f"{where}: {reason}" if where else reason
    return (text[:200] + "…" if len(text) > 200 else text) or type(error).__name__
