"""Treat files that a command's text names as read, since child processes cannot be observed."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterable
from itertools import islice

from ..dataclass import dataclass
from ..products import stamp
from ..reading.mentions import expanded, joined

#: Characters of which paths are made where nobody quotes them, and what stands in quotes.
_WORD = re.compile(r"[\w./~+@%,:*?\[\]{}!^-]+")
_QUOTED = re.compile(r"\"([^\"\n]+)\"|'([^'\n]+)'")
#: The audit event (PEP 578) of a file that another process may have read on behalf of the task; its path.
READS = "octavo.reads"
#: The audit event of a kernel that a task runs in; its name and the path of its kernel.json.
KERNELSPEC = "octavo.kernelspec"
_LONGEST = 4096
_MOST = 200


@dataclass(frozen=True, slots=True)
class MentionedFiles:
    """Files that a text names, with their stamps from before its command ran."""

    stamps: tuple[tuple[str, str | None], ...]

    def seen(self) -> None:
        """Report each file that the command left unchanged as read: an audit event, which the task's observer hears."""
        for path, before in self.stamps:
            if before is not None and stamp(path) == before and os.access(path, os.R_OK):
                sys.audit(READS, path)


def touch(text: str) -> MentionedFiles:
    """Return the files that a text names and that exist before its command runs."""
    found: dict[str, None] = {}
    quoted = (one or other for one, other in _QUOTED.findall(text))
    put_together = (path for path in joined(text) if "*" not in path)
    for word in (*_WORD.findall(text), *quoted, *put_together):
        for path in {word, *word.split(":"), word.rstrip(".,:")}:
            for each in expanded([path]) if 0 < len(path) < _LONGEST else ():
                if len(found) < _MOST:
                    found |= dict.fromkeys(os.path.abspath(file) for file in _files(each))
    return MentionedFiles(tuple((path, stamp(path)) for path in found))


def _files(path: str) -> Iterable[str]:
    """Yield the file of a path, or the files that match a pattern."""
    if os.path.isfile(path) or not glob.has_magic(path):
        return [path] if os.path.isfile(path) else []
    folder = os.path.dirname(path)
    if not any(character.isalnum() for character in folder.partition("*")[0]):
        return []  # "/*", "*", "**/*" are more often no paths than that
    try:  # who observes hears that the folders are listed, and for which pattern
        return list(islice((file for file in sorted(glob.glob(path)) if os.path.isfile(file)), _MOST))
    except (OSError, re.error):
        return []
