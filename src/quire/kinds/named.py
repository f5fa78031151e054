"""Files that the text of a command names: what a child process reads cannot be watched, so these are taken as read."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ..products import stamp

#: Characters of which paths are made where nobody quotes them, and what stands in quotes.
_WORD = re.compile(r"[\w./~+@%,:-]+")
_QUOTED = re.compile(r"\"([^\"\n]+)\"|'([^'\n]+)'")
_LONGEST = 4096
_MOST = 200


@dataclass(frozen=True, slots=True)
class Named:
    """Files with their stamps as they were before a command ran."""

    stamps: tuple[tuple[str, str | None], ...]

    def seen(self) -> None:
        """Open each file that the command left as it was, for whoever watches this process to see."""
        for path, before in self.stamps:
            if before is not None and stamp(path) == before:
                try:
                    os.close(os.open(path, os.O_RDONLY))
                except OSError:
                    continue


def touch(text: str) -> Named:
    """Return the files that a text names and that are there; those a command writes are none that it needs."""
    found: dict[str, str | None] = {}
    quoted = (one or other for one, other in _QUOTED.findall(text))
    for word in (*_WORD.findall(text), *quoted):
        for path in {word, *word.split(":"), word.rstrip(".,:")}:
            if path and len(path) < _LONGEST and len(found) < _MOST and os.path.isfile(path):
                found.setdefault(os.path.abspath(path), None)
    return Named(tuple((path, stamp(path)) for path in found))
