"""What tasks ask of a file system besides the bytes of files, as it is now: names in folders, links, what is there.

Times of modification are no part of the answers: they differ with every checkout.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache

from .dataclass import dataclass
from .digests import running
from .model import ABSENT

#: Names of what editors, desktops, Python and Jupyter leave in folders that they look into; no folder counts them.
_LEFT = "|".join(
    (
        # Python, Jupyter, R, their tools
        r"__pycache__|\.ipynb_checkpoints|\.virtual_documents|\.jupyter_ystore\.db|\.(mypy|ruff|pytest)_cache",
        r"\.Rproj\.user|\.Rhistory",
        # editors, offices
        r"\.idea|\.vscode|\.vs|\.spyproject|\.spyderproject|[._].*\.sw[a-px]|\.sw[a-px]|.*~|\.#.*|#.*#",
        r"\..*\.kate-swp|\.~lock\..*#|~\$.*",
        # macOS
        r"\.DS_Store|\._.*(?<!\.crc)|\.Apple(Double|DB|Desktop)|\.Spotlight-V100|\.Trashes|\.fseventsd|\.localized|Icon\r",
        r"\.TemporaryItems|\.DocumentRevisions-V100|\.VolumeIcon\.icns|\.apdisk",
        # Windows
        r"[Tt]humbs\.db|ehthumbs(_vista)?\.db|[Dd]esktop\.ini|\$RECYCLE\.BIN|System Volume Information",
        # Linux, file systems, storage
        r"\.directory|\.goutputstream-.*|\.Trash-\d+|\.fuse_hidden.*|\.nfs.*|\.__afs.*|lost\+found",
        r"@eaDir|@Recycle|#recycle|\.@__thumb",
        # what keeps folders the same on several machines
        r"\.dropbox|\.dropbox\.(cache|attr)|\.syncthing\..*\.tmp|~syncthing~.*\.tmp|\.st(folder|versions)",
        r"\.tmp\.drive(up|down)load|\.sync\.ffs_(db|lock)|\.(owncloud|nextcloud)sync\.log.*|\.?_?sync_\w+\.db.*",
    )
)
#: How such names begin and end.
_FIRST, _LAST = frozenset("._TtDdeIlS$@#~"), frozenset("~#")
_LEFTOVER = re.compile(_LEFT)
#: And those that no listing of a folder counts, either: git's, and what octavo writes into a project.
_NOISE = re.compile(rf"{_LEFT}|\.git|\.gitattributes|octavo(\.[\w.-]+)?\.lock|\.octavo|\.coverage")
_WHO = {"r": os.R_OK, "w": os.W_OK, "x": os.X_OK}


def left_by_tools(name: str) -> bool:
    """Return whether a name in a folder is that of something which tools leave there, and no task makes."""
    return (name[0] in _FIRST or name[-1] in _LAST) and _LEFTOVER.fullmatch(name) is not None


def there(path: str) -> str:
    """Return what stands at a path: a file, a folder, something else, or nothing."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return ABSENT
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def size(path: str) -> str:
    """Return how many bytes a file has, and what it is where it is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ABSENT
    return str(found.st_size) if stat.S_ISREG(found.st_mode) else there(path)


#: What is asked of a path, by a word for it.
ASKED: Mapping[str, Callable[[str], str]] = {"exists": there, "size": size}


def allowed(path: str, letters: str) -> str:
    """Return whether this process may read, write or execute (``rwx``) what stands at a path."""
    mode = 0
    for letter in letters:
        mode |= _WHO.get(letter, 0)
    return "yes" if os.access(path, mode) else "no"


def attribute(root: str, what: str, path: str) -> str:
    """Return what a task asked of a path besides: its ``mode``, how many ``links`` it has, whether it is the ``same``.

    Of the last ``what`` has the other path, after a sign: "same a = b".
    """
    word, full = what.partition(" ")[0], os.path.join(root, path)
    try:
        if word == "same":
            other = os.path.join(root, what[len(f"same {path} = ") :])
            return "yes" if os.path.samefile(full, other) else "no"
        found = os.stat(full)
    except (OSError, ValueError):
        return ABSENT
    return str(found.st_nlink) if word == "links" else f"{stat.S_IMODE(found.st_mode):o}"


def letters(mode: int) -> str:
    """Return the mode of ``os.access`` in letters; none for the question whether something is there."""
    return "".join(letter for letter, bit in _WHO.items() if mode & bit)


def pointed(path: str) -> str | None:
    """Return where a link points to; None where there is no link."""
    try:
        return os.readlink(path)
    except (OSError, ValueError):
        return None


def target(root: str, link: str) -> str | None:
    """Return where a link of a project points to; None if it is no link.

    Within the project an absolute target is said relative to it: elsewhere the project stands elsewhere.
    """
    found = pointed(os.path.join(root, link))
    if found is None or not os.path.isabs(found):
        return found
    below = os.path.join(os.path.realpath(root), "")
    folder, name = os.path.split(found)
    full = os.path.join(os.path.realpath(folder), name)
    return full[len(below) :] if full.startswith(below) else found


# ── names in folders


@dataclass(frozen=True, slots=True)
class Listing:
    """Which names of a folder a task was given.

    ``pattern`` is that of ``glob``, for one folder; with a slash at its end it stands for folders only. ``hidden``
    tells whether it finds names with a dot before them, as ``pathlib`` does; without a pattern all are found.
    ``without`` are the names that the task made itself.
    """

    folder: str
    pattern: str = ""
    hidden: bool = False
    without: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = f"{self.folder}/{self.pattern}" if self.pattern else self.folder
        words += " with hidden ones" if self.hidden else ""
        return f"{words} without {json.dumps(self.without)}" if self.without else words

    @classmethod
    def parse(cls, text: str, folder: str) -> Listing:
        """Return the listing of a folder that ``str`` gave the text of."""
        rest = text[len(folder) :]
        rest, _, without = rest.partition(" without [")
        shown = rest.removesuffix(" with hidden ones")
        names = tuple(json.loads(f"[{without}")) if without else ()
        return cls(folder, shown.removeprefix("/"), rest != shown, names)

    def names(self, root: str, sized: bool = False) -> tuple[str, ...] | None:
        """Return the names as they are now, in order, each after the letter of what it is; None without a folder.

        ``sized`` adds how many bytes each file has, after a slash.
        """
        full = os.path.join(root, self.folder)
        try:
            with os.scandir(full) as entries:
                found = sorted(self.fitting([_kind(entry) + entry.name for entry in entries]))
        except (OSError, ValueError):
            return None
        return (
            tuple(f"{entry}/{size(os.path.join(full, entry[1:]))}" for entry in found)
            if sized
            else tuple(found)
        )

    def fitting(self, names: Iterable[str]) -> Iterable[str]:
        """Yield those of some names, each after the letter of what it is, that are meant."""
        wanted, folders = _matching(self.pattern), self.pattern.endswith("/")
        visible = bool(self.pattern) and not self.hidden and not self.pattern.startswith(".")
        for entry in names:
            name = entry[1:].partition("/")[0]
            if (
                wanted(name)
                and not _NOISE.fullmatch(name)
                and name not in self.without
                and not (visible and name.startswith("."))
                and not (folders and entry[0] == "f")
            ):
                yield entry


def _kind(entry: os.DirEntry[str]) -> str:
    """Return the letter of what an entry of a folder is: a folder, a link to one, another link, or a file or else."""
    if entry.is_symlink():
        return "L" if there(entry.path) == "folder" else "l"  # is_dir() raises where links lead in a circle
    return "d" if entry.is_dir(follow_symlinks=False) else "f"


def digest(names: Iterable[str], products: Collection[str] = ()) -> str:
    """Return the digest of names, each after the letter of what it is, but of those that tasks make."""
    whole = running()
    counted = [name for name in names if name[1:].partition("/")[0] not in products]
    whole.update("\0".join(counted).encode("utf-8", "surrogateescape"))
    return "names-" + whole.hexdigest()


def made_in(paths: Iterable[str]) -> Mapping[str, set[str]]:
    """Return for each folder the names in it that are products or lead to them."""
    found: dict[str, set[str]] = {}
    for path in paths:
        while path:
            folder, _, name = path.rpartition("/")
            names = found.setdefault(folder or ".", set())
            if name in names:
                break
            names.add(name)
            path = folder
    return found


@lru_cache(maxsize=64)
def _matching(pattern: str) -> re.Pattern[str].fullmatch:  # type: ignore[valid-type]
    return re.compile(fnmatch.translate(pattern.rstrip("/") or "*")).fullmatch
