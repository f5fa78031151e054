"""What a task and the commands that it started name: evidence that a file which some other process opened was its."""

from __future__ import annotations

import glob
import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...reading.mentions import Mentions, inquiries, lists_here, mentions
from .stamps import is_file

#: Larger files are no scripts.
_LARGEST = 1 << 18
_DEPTH = 3
_IMPORT = re.compile(r"^\s*(?:from|import)\s+([\w.]+)", re.MULTILINE)
_MOST = 400
#: Larger files, and more of them, are no lists of other files.
_LONGEST_LIST, _MOST_LISTS = 1 << 14, 100
#: What commands run when they are told no script.
_UNTOLD = {"make": ("GNUmakefile", "makefile", "Makefile"), "gmake": ("GNUmakefile", "makefile", "Makefile")}
#: Words of commands that are for sure paths of files, be there any or not.
_PLAIN = re.compile(r"(?!/)[\w./+@%=~-]{1,200}")
_FILE = re.compile(r"[\w+@%=-]{1,100}\.[A-Za-z]\w{0,9}")
#: How magics begin that hand on what they say to other programs.
_MAGIC = re.compile(r"^[ \t]*(%%|!|[\w, ]+=[ \t]*!|[^\n]*%s[xc]\b)", re.MULTILINE)
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
        self._commands: list[str] = []
        #: What others run, with the folder where that is.
        self._run: dict[tuple[str, str], None] = {}
        self._seen: set[str] = set()
        self._lists: set[str] = set()
        #: What others are told, and what the task's own code names, with how many of the texts that is.
        self._taken, self._read = [Mentions(), Mentions()], [0, 0]
        #: Modules, by absolute paths, that scripts of other interpreters import and that are not beside them.
        self.missing: set[str] = set()

    def own(self, text: str) -> None:
        """Take in a text of the task's own code, of which a notebook's magics are for other programs."""
        for part in _cells(text):
            (self._foreign if _MAGIC.search(part) else self._own).append(part)

    def lists(self, path: str) -> None:
        """Take in a file that the task has read, if it is small enough to be a list of others, or a configuration."""
        if path in self._lists or len(self._lists) >= _MOST_LISTS:
            return
        text = _text(path, _LONGEST_LIST)
        if text is not None and "\0" not in text:
            self._lists.add(path)
            self._own.append(text)

    def says(self, word: str) -> bool:
        """Return whether any text has a word."""
        found = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        return any(found.search(text) for text in (*self._own, *self._foreign))

    def foreign(self, text: str) -> None:
        """Take in a text that another program runs."""
        self._foreign.append(text)
        self._run[text, self._root] = None

    def command(self, words: Iterable[str], folder: str) -> None:
        """Take in a command with its arguments, and the scripts that it names, from the folder it runs in."""
        told = list(words)
        text = "\n".join(told)
        if text in self._seen:
            return
        self._seen.add(text)
        self._commands.append(text)
        self._foreign.append(text)
        # arguments are a line each
        self._run |= dict.fromkeys((it, folder) for it in (" ".join(told), *told))
        untold = [name for word in text.split() for name in _UNTOLD.get(os.path.basename(word), ())]
        self._scripts("\n".join([text, *untold]), folder, _DEPTH)

    def _scripts(self, text: str, folder: str, depth: int) -> None:
        names = set(_IMPORT.findall(text))
        modules = {f"{name.replace('.', '/')}.py" for name in names}
        for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names:
            places = [os.path.join(folder, f"{name}.py"), os.path.join(folder, name, "__init__.py")]
            if not any(map(os.path.lexists, places)):
                self.missing.update(places[: 1 + os.path.isdir(os.path.dirname(places[1]))])
        for word in _plain_words(text) | modules:
            path = os.path.join(folder, word)
            if path in self._seen or depth <= 0:
                continue
            self._seen.add(path)
            if (found := _script(path)) is not None:
                self._foreign.append(found)
                self._run[found, folder] = None
                self._scripts(found, folder, depth - 1)
                self._scripts(found, os.path.dirname(path), depth - 1)

    def _of_own(self) -> Mentions:
        found = self._taken[1]
        for text in self._own[self._read[1] :]:
            found |= mentions(text)
        self._taken[1], self._read[1] = found, len(self._own)
        return found

    def _of_others(self) -> Mentions:
        found = self._taken[0]
        for text in self._foreign[self._read[0] :]:
            # the same project stands elsewhere on other machines
            found |= mentions(text.replace(f"{self._root}/", ""))
        self._taken[0], self._read[0] = found, len(self._foreign)
        return found

    def names(self, shown: str) -> bool:
        """Return whether any text names a path of the project."""
        return self._of_others().names(shown) or self._of_own().names(shown)

    def tells(self, shown: str) -> bool:
        """Return whether other programs are told a path of the project."""
        return self._of_others().names(shown)

    def told(self) -> Iterator[str]:
        """Yield the absolute paths that other programs are told, or look for, be anything there or not."""
        names = {path for path in self._of_others().paths if "/" in path and _PLAIN.fullmatch(path)}
        names |= {word for text in self._commands for word in _plain_words(text) if _FILE.fullmatch(word)}
        for full in {*self.missing, *(os.path.join(self._root, path) for path in names)}:
            if os.path.isdir(os.path.dirname(full)):
                yield full

    def asks(self) -> Iterator[tuple[str, str]]:
        """Yield what other programs ask of the file system: "exists" or "size", and an absolute path."""
        for text, folder in list(self._run):
            text = text.replace(f"{self._root}/", "")
            for word, names in zip(("exists", "size"), inquiries(text), strict=True):
                for name in sorted(names)[:_MOST]:
                    yield word, os.path.join(folder, name)

    def lists_all(self) -> bool:
        """Return whether other programs list the folder in which they run."""
        return any(lists_here(text) for text, _ in self._run)

    def patterns(self, folder: str) -> Iterator[tuple[str, str]]:
        """Yield what other programs are told in patterns: folders that are there, and a pattern for names in each."""
        seen = set()
        for pattern in sorted(self._of_others().patterns):
            above, _, last = pattern.rpartition("/")
            if not any(character.isalnum() for character in above or last):
                continue  # "/*", "*", "**/*" are more often no paths than that
            folders = glob.glob(above, root_dir=folder) if glob.has_magic(above) else [above or "."]
            for found in folders[:_MOST]:
                if (found, last) not in seen and os.path.isdir(os.path.join(folder, found)):
                    seen.add((found, last))
                    yield folder if found == "." else os.path.join(folder, found), last


def _cells(text: str) -> Iterator[str]:
    """Yield the cells of a notebook in JSON; any other text as it is."""
    try:
        cells = json.loads(text)["cells"] if text[:1] == "{" else [{"source": text}]
        for cell in cells:
            source = cell["source"]
            yield source if isinstance(source, str) else "".join(source)
    except (ValueError, KeyError, TypeError):
        yield text


def _plain_words(text: str) -> set[str]:
    try:
        words = shlex.split(text, comments=False)
    except ValueError:
        words = text.split()
    return {word for word in (*words, *text.split()) if 0 < len(word) < _MOST}


def _script(path: str) -> str | None:
    """Return the text of a script; None where a file is no script."""
    try:
        text = _text(path, _LARGEST)
        known = os.path.splitext(path)[1] in _SCRIPTS or os.path.basename(path) in _UNTOLD["make"]
        return text if text is not None and (known or text.startswith("#!")) else None
    except (OSError, ValueError):
        return None


def _text(path: str, largest: int) -> str | None:
    if not is_file(path) or os.path.getsize(path) > largest:
        return None
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
