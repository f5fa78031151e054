"""What code takes of the answers of ``stat`` besides whether something is there, and how large, by the names in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from types import CodeType

from ...asked import attribute
from .asks import FilePath
from .frames import Asker
from .hook import Quiet

#: So many files are compared with each other.
_MOST = 20
#: What code names that takes more of an answer than whether something is there, and how large: what that is of.
_MORE = {
    **dict.fromkeys(("st_mode", "filemode"), "mode"),
    "st_nlink": "links",
    **dict.fromkeys(("st_ino", "samestat"), "same"),
    **dict.fromkeys(("st_mtime", "st_mtime_ns", "st_ctime", "st_ctime_ns"), "time"),
    **dict.fromkeys(("st_atime", "st_atime_ns", "st_birthtime"), "time"),
}
#: What code names that takes of a mode only whether it is that of a file, a folder or a link.
_KINDS = frozenset(("S_ISDIR", "S_ISREG", "S_ISLNK", "S_ISFIFO", "S_ISSOCK", "S_ISBLK", "S_ISCHR", "S_IFMT"))


def takes(code: CodeType, inner: bool = False) -> set[str]:
    """Return what code takes of the answers of ``stat``: "mode", "links", "same", "time", as far as its names tell.

    ``inner``: so does code that stands in it.
    """
    names = {*(_names(code) if inner else code.co_names)}
    found = {_MORE[name] for name in names & _MORE.keys()}
    return found - {"mode"} if names & _KINDS and not names & {"S_IMODE", "filemode", "oct"} else found


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


class Attributes:
    """Notes what of a file was asked besides: as questions "mode", "links", and "same" with another file's path.

    ``timed`` are the files of which the times were asked; ``full`` makes a path absolute.
    """

    def __init__(
        self,
        questions: dict[tuple[str, str], str],
        timed: set[str],
        quiet: Quiet,
        full: Callable[[FilePath], str],
    ) -> None:
        self._questions = questions
        self._timed = timed
        self._quiet = quiet
        self._full = full
        #: Files that were told apart from others by what identifies them.
        self._identified: dict[str, None] = {}

    def taken(self, asker: Asker, full: str) -> None:
        """Note what the code that has asked ``stat`` of a file goes on to use."""
        if asker.frame is None or not asker.is_own():
            return
        names = asker.names()
        if "samefile" in names:
            known = next(frame.f_locals for frame in asker.via if frame.f_code.co_name == "samefile")
            self._same(full, [known.get(name) for name in ("f1", "f2", "self", "other_path")])
        elif all(name in ("stat", "lstat") for name in names):
            self.note(full, takes(asker.frame.f_code))

    def note(self, full: str, what: set[str]) -> None:
        """Note that something was taken of a file."""
        for word in sorted(what & {"mode", "links"}):
            self._ask(word, full, f"{word} {full}")
        if "time" in what:
            self._timed.add(full)
        if "same" in what:
            self._same(full, list(self._identified))
            if len(self._identified) < _MOST:
                self._identified[full] = None

    def _same(self, full: str, others: Iterable[object]) -> None:
        for other in others:
            if isinstance(other, str | bytes | os.PathLike) and (name := self._full(other)) != full:
                self._ask(f"same {name}", full, f"same {full} = {name}")

    def _ask(self, word: str, full: str, what: str) -> None:
        with self._quiet:
            self._questions[word, full] = attribute("/", what, full)
