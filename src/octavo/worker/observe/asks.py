"""Questions to the file system that no audit event tells: whether something is there, how large, where links point to.

The functions of ``os`` that ask are replaced while a task runs; all others, of ``os.path``, ``pathlib``, ``glob``,
``shutil``, ask by them. What a library asks in C, and Python's own search for modules, passes by.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable, Mapping
from typing import Any, AnyStr, ParamSpec

from ...asked import letters
from ...model import ABSENT
from .frames import Asker
from .hook import Arguments, Quiet

#: What functions of ``os`` take for a path; an int is the descriptor of an open file.
FilePath = int | str | bytes | os.PathLike[str] | os.PathLike[bytes]
#: Is told of a question: what kind of question it is ("exists", "size", "link", "no link", "may r", "disk"), a path,
#: the descriptor of the folder that it is relative to, and the answer, "" of a link and of what is to be looked up.
OnQuestion = Callable[[str, FilePath, int | None, str], None]

#: Functions of the standard library that ask no more than what is there.
_WHETHER = frozenset(
    [
        *("exists", "lexists", "isfile", "isdir", "islink", "ismount", "_lexists", "_exists", "_isdir"),
        *("is_file", "is_dir", "is_symlink", "is_mount", "getmtime", "getctime", "getatime", "which"),
        *("makedirs", "mkdir", "walk", "_walk", "fwalk", "_fwalk", "copytree", "rmtree", "move"),
    ]
)
#: Those of them that ask for times, which count for nothing.
_WHEN = frozenset(("getmtime", "getctime", "getatime"))
#: Those that walk a path to find the links in it: only links are answers.
_RESOLVING = frozenset(("realpath", "_joinrealpath", "_resolve"))
#: Those that ask of a link itself.
_OF_LINKS = frozenset(["islink", "lexists", "is_symlink", ""])
#: Is told that a file is about to be opened from an open folder, with the arguments: no audit event says so.
OnOpen = Callable[[Arguments, int], None]
#: Hears a question of a function of ``os``, with the answer, and the arguments as they were passed: of any type,
#: as in ``Arguments``.
_Tell = Callable[[str, Arguments, Mapping[str, Any], str], None]
_P = ParamSpec("_P")


class Asks:
    """Replaces the functions of ``os`` that ask questions, while a task is observed."""

    def __init__(self, on_question: OnQuestion, on_open: OnOpen, quiet: Quiet) -> None:
        self._on_question = on_question
        self._on_open = on_open
        self._quiet = quiet
        self._real: dict[str, Callable[..., object]] = {}

    def begin(self) -> None:
        """Replace the functions."""
        make: dict[str, Callable[..., Callable[..., object]]] = {
            "stat": _stat,
            "lstat": _stat,
            "access": _access,
            "readlink": _readlink,
            "open": self._open,
            "statvfs": _statvfs,
        }
        for name, wrapped in make.items():
            real = getattr(os, name, None)
            if real is None:  # of a system that has none
                continue
            ours = wrapped(real, self._tell)
            functools.update_wrapper(ours, real)
            ours.__module__ = "os"  # by which it is pickled
            self._real[name] = real
            setattr(os, name, ours)
            for known in _support():
                if real in known:
                    known.add(ours)

    def end(self) -> None:
        """Put the functions back."""
        for name, real in self._real.items():
            ours = getattr(os, name)
            if getattr(ours, "__wrapped__", None) is not real:
                continue  # somebody else has put his own on top of it
            setattr(os, name, real)
            for known in _support():
                known.discard(ours)
        self._real.clear()

    def _open(self, real: Callable[_P, int], tell: _Tell) -> Callable[_P, int]:
        def open_(*arguments: _P.args, **options: _P.kwargs) -> int:
            folder = options.get("dir_fd")
            if not isinstance(folder, int) or len(arguments) < 2:
                return real(*arguments, **options)
            try:
                self._on_open(arguments, folder)
            except Exception:
                pass
            with self._quiet:  # or it would be heard as one from the current folder
                return real(*arguments, **options)

        return open_

    def _tell(self, word: str, arguments: Arguments, options: Mapping[str, Any], answer: str) -> None:
        try:
            path = arguments[0] if arguments else options["path"]
            self._on_question(word, path, options.get("dir_fd"), answer)
        except Exception:
            pass  # whoever looks on breaks nothing


# Each is called for all that is asked in the process, nearly all of it nobody's affair. What is wrong with arguments
# the real function says in its own words.


def _stat(real: Callable[_P, os.stat_result], tell: _Tell) -> Callable[_P, os.stat_result]:
    itself = real.__name__ == "lstat"

    def stat_(*arguments: _P.args, **options: _P.kwargs) -> os.stat_result:
        try:
            found = real(*arguments, **options)
        except OSError:
            tell("exists", arguments, options, ABSENT)
            if itself or options.get("follow_symlinks") is False:
                tell("no link", arguments, options, ABSENT)
            raise
        mode = found.st_mode
        if stat.S_ISREG(mode):
            tell("size", arguments, options, str(found.st_size))
        elif stat.S_ISLNK(mode):
            tell("link", arguments, options, "")
            return found
        else:
            tell("exists", arguments, options, "folder" if stat.S_ISDIR(mode) else "other")
        if itself or options.get("follow_symlinks") is False:
            tell("no link", arguments, options, ABSENT)
        return found

    return stat_


def _access(real: Callable[_P, bool], tell: _Tell) -> Callable[_P, bool]:
    def access(*arguments: _P.args, **options: _P.kwargs) -> bool:
        found = real(*arguments, **options)
        mode = arguments[1] if len(arguments) > 1 else options.get("mode", 0)
        if isinstance(mode, int) and (wanted := letters(mode)):
            tell(f"may {wanted}", arguments, options, "yes" if found else "no")
        else:
            tell("exists", arguments, options, "" if found else ABSENT)
        return found

    return access


def _statvfs(real: Callable[_P, object], tell: _Tell) -> Callable[_P, object]:
    def statvfs(*arguments: _P.args, **options: _P.kwargs) -> object:
        tell("disk", arguments, options, "")
        return real(*arguments, **options)

    return statvfs


def _readlink(real: Callable[_P, AnyStr], tell: _Tell) -> Callable[_P, AnyStr]:
    def readlink(*arguments: _P.args, **options: _P.kwargs) -> AnyStr:
        try:
            found = real(*arguments, **options)
        except OSError:
            tell("no link", arguments, options, ABSENT)
            tell("exists", arguments, options, "")
            raise
        tell("link", arguments, options, "")
        return found

    return readlink


def narrowed(asker: Asker, word: str, answer: str) -> tuple[str, str] | None:
    """Return a question and its answer as whoever asks means them; None where nobody does, or only for code.

    A file's size is what was asked for only where the answer is not reduced to whether it is there.
    """
    if asker.about_code:
        return (word, answer) if (word, answer) == ("exists", ABSENT) and asker.seeks() else None
    # what pathlib's own stat hands on was asked by what called it
    names = [name for name in asker.names() if name not in ("stat", "lstat", "readlink")] or [""]
    if names[0] in _RESOLVING:
        # where it leads to counts, and so does that there was no link, if the task itself wants to know
        strict = asker.via[0].f_locals.get("strict") is True
        if word not in ("link", "no link"):
            return ("exists", "file" if word == "size" else answer) if strict and asker.is_own() else None
        return (word, answer) if word == "link" or asker.is_own() else None
    if word == "no link" and (len(names) > 1 or names[0] not in _OF_LINKS):
        return None  # os.walk asks so of each folder
    if word == "size" and names[0] in _WHETHER:
        return "time" if names[0] in _WHEN and asker.is_own() else "exists", "file"
    return word, answer


def _support() -> tuple[set[Callable[..., object]], ...]:
    """Return the sets of functions in which ``os`` says what each can do, and by which ``shutil`` chooses."""
    names = ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids")
    return tuple(getattr(os, name) for name in names if hasattr(os, name))
