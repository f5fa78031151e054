"""What a task and the commands that it started name: evidence that a file which some other process opened was its."""

from __future__ import annotations

import glob
import os
import re
import shlex
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from ...reading.mentions import Mentions, mentions
from .stamps import is_file

#: Larger files are no scripts.
_LARGEST = 1 << 18
_DEPTH = 3
_IMPORT = re.compile(r"^\s*(?:from|import)\s+([\w.]+)", re.MULTILINE)
_MOST = 400
#: Endings of what a command runs: its text says more.
_SCRIPTS = frozenset(
    (
        ".sh",
        ".bash",
        ".zsh",
        ".py",
        ".r",
        ".R",
        ".pl",
        ".rb",
        ".jl",
        ".js",
        ".sql",
        ".awk",
        ".mk",
        ".do",
        ".m",
        ".lua",
    )
)


class Evidence:
    """Texts of a task. ``own`` are those of what runs in Python here; ``foreign`` what other programs run, or are told.

    A command's script is read when the command starts: it may be gone afterwards.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._own: list[str] = []
        self._foreign: list[str] = []
        self._seen: set[str] = set()

    def own(self, text: str) -> None:
        """Take in a text of the task's own code."""
        self._own.append(text)

    def foreign(self, text: str) -> None:
        """Take in a text that another program runs."""
        self._foreign.append(text)

    def command(self, words: Iterable[str], folder: str) -> None:
        """Take in a command with its arguments, and the scripts that it names, from the folder it runs in."""
        text = "\n".join(words)
        if text in self._seen:
            return
        self._seen.add(text)
        self._foreign.append(text)
        self._scripts(text, folder, _DEPTH)

    def _scripts(self, text: str, folder: str, depth: int) -> None:
        modules = {f"{name.replace('.', '/')}.py" for name in _IMPORT.findall(text)}
        for word in _plain_words(text) | modules:
            path = os.path.join(folder, word)
            if path in self._seen or depth <= 0:
                continue
            self._seen.add(path)
            if (found := _script(path)) is not None:
                self._foreign.append(found)
                self._scripts(found, folder, depth - 1)
                self._scripts(found, os.path.dirname(path), depth - 1)

    @cached_property
    def _all(self) -> Mentions:
        found = self.of_others
        for text in self._own:
            found |= mentions(text)
        return found

    @cached_property
    def of_others(self) -> Mentions:
        """What other programs are told."""
        found = Mentions()
        for text in self._foreign:
            # the same project stands elsewhere on other machines
            found |= mentions(text.replace(f"{self._root}/", ""))
        return found

    def names(self, shown: str) -> bool:
        """Return whether any text names a path of the project."""
        return self._all.names(shown)

    def tells(self, shown: str) -> bool:
        """Return whether other programs are told a path of the project."""
        return self.of_others.names(shown)

    def patterns(self, folder: str) -> Iterator[tuple[str, str]]:
        """Yield what other programs are told in patterns: folders that are there, and a pattern for names in each."""
        seen = set()
        for pattern in sorted(self.of_others.patterns):
            above, _, last = pattern.rpartition("/")
            if not any(character.isalnum() for character in above):
                continue  # "/*", "*", "**/*" are more often no paths than that
            folders = glob.glob(above, root_dir=folder) if glob.has_magic(above) else [above]
            for found in folders[:_MOST]:
                if (found, last) not in seen and os.path.isdir(os.path.join(folder, found)):
                    seen.add((found, last))
                    yield os.path.join(folder, found), last


def _plain_words(text: str) -> set[str]:
    try:
        words = shlex.split(text, comments=False)
    except ValueError:
        words = text.split()
    return {word for word in (*words, *text.split()) if 0 < len(word) < _MOST}


def _script(path: str) -> str | None:
    """Return the text of a script; None where a file is no script."""
    try:
        if not is_file(path) or os.path.getsize(path) > _LARGEST:
            return None
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        return text if os.path.splitext(path)[1] in _SCRIPTS or text.startswith("#!") else None
    except (OSError, ValueError):
        return None
