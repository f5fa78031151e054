"""The parts of a manifest, one row each: name, current digest, wording of its reason, whether the cache matches it.

A part's name is a word and what it is about: "param n", "file data.csv". What a run finds out comes with a path, too.
A new part is a row in ``ROWS``; nobody else takes names apart.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from . import asked
from .environment import python_version, versions
from .errors import ProductError
from .lazy import lazy_imports
from .model import ABSENT, PROXIES, UNKNOWN, UNREADABLE, UNSTABLE, Reason, Task
from .reading import importable
from .state.store import Store

with lazy_imports():
    from .reading import digests_of_code  # which needs ast, and a plan without news does not

#: How a reason is said: of the part's name, what it is about, and its digests then and now.
Says = Callable[[str, str, str | None, str | None], str]
#: How something that a run found is looked at: by what it is about and its path; None where it is not there.
Look = Callable[["Now", str, str], str | None]
#: What is made of a run's word for something that it found: of what it is about, its path, and that word.
Conclude = Callable[["Now", str, str, str], str]

#: How a run's word for a folder begins; then come the names in it. Which of them are products the driver knows.
NAMES = "names\0"


def _changed(part: str, what: str, was: str | None, now: str | None) -> str:
    if was == UNSTABLE:
        return f"{part} {UNSTABLE}"
    return f"{part} is gone" if now is None else f"{part} changed"


@dataclass(frozen=True, slots=True)
class Part:
    """A row. ``word`` is how the names of such parts begin.

    ``look``: only a run finds such parts out, and they are looked at by this. ``conclude``: what a run says of them is
    no digest yet; this makes one of it. ``noted``: kept for people, and a reason
    to run only with ``environment: strict``. ``text``: of code whose text is kept, so that a reason can tell what
    changed in it. ``python``: of a file of Python code. ``needed``: of a file or folder of the project that a task
    needs wherever it runs. ``guarded``: of a product, which may be somebody's work when it changed.
    ``cached``: with such a reason, and with such parts, a result may be taken from the cache.
    """

    word: str
    says: Says = _changed
    look: Look | None = None
    conclude: Conclude | None = None
    noted: bool = False
    text: bool = False
    python: bool = False
    needed: bool = False
    guarded: bool = False
    cached: bool = True

    def of(self, what: str) -> str:
        """Return the name of the part that is about something."""
        return f"{self.word} {what}"

    def reason(self, what: str, was: str | None, now: str | None, detail: str = "") -> Reason:
        """Return the reason that a part of this row has changed."""
        return reason(self.of(what) if what else self.word, was, now, detail)


# ── how they are said


def _now(part: str, what: str, was: str | None, now: str | None) -> str:
    return now or part


def _value(part: str, what: str, was: str | None, now: str | None) -> str:
    if now is not None and now.startswith(UNKNOWN):
        return f"{part} {now.rpartition(' ')[0]}"
    if was is None:
        return f"{part} is new"
    return f"{part} was removed" if now is None else f"{part} {_brief(was)} → {_brief(now)}"


def _brief(text: str) -> str:
    """Return the text of a value as a person wants it: what was cut off has a shorter digest."""
    start, mark, rest = text.rpartition("… (")
    return f"{start}{mark}{rest[:8]})" if mark and len(rest) == 33 else text


def _order(part: str, what: str, was: str | None, now: str | None) -> str:
    return f"the order of params changed: {now}"


def _upstream(part: str, what: str, was: str | None, now: str | None) -> str:
    if was is None:
        return f"upstream {what} is new"
    return f"upstream {what} was removed" if now is None else f"upstream {what} changed"


def _product(part: str, what: str, was: str | None, now: str | None) -> str:
    if now is None:
        return f"product {what} is gone"
    return f"product {what} is new" if was is None else f"product {what} was changed by hand"


def _file(part: str, what: str, was: str | None, now: str | None) -> str:
    return f"{part} is new" if was in (ABSENT, None) else _changed(part, what, was, now)


def _folder(part: str, what: str, was: str | None, now: str | None) -> str:
    if was == UNSTABLE or now is None:
        return _changed(part, what, was, now)
    name = part.partition(" without [")[0]
    return f"{name} is new" if was == ABSENT else f"{name} has other files"


def _link(part: str, what: str, was: str | None, now: str | None) -> str:
    if was == UNSTABLE:
        return _changed(part, what, was, now)
    if was == ABSENT:
        return f"{part} is new"
    return f"{part} is no link any more" if now is None else f"{part} {was} → {now}"


def _exists(part: str, what: str, was: str | None, now: str | None) -> str:
    if was == UNSTABLE:
        return f"{what} {UNSTABLE}"
    if now in (ABSENT, None):
        return f"{what} is gone"
    return f"{what} is there now" if was == ABSENT else f"{what} is a {now} now"


def _size(part: str, what: str, was: str | None, now: str | None) -> str:
    bytes_ = was is not None and now is not None and was.isdigit() and now.isdigit()
    return f"{what} has {now} bytes, not {was}" if bytes_ else _exists(part, what, was, now)


def _access(part: str, what: str, was: str | None, now: str | None) -> str:
    letters, _, path = what.partition(" ")
    words = {"r": "read", "w": "written", "x": "executed"}
    may = " and ".join(words.get(letter, letter) for letter in letters)
    return f"{path} may {'now' if now == 'yes' else 'no longer'} be {may}"


def _imports(part: str, what: str, was: str | None, now: str | None) -> str:
    changed = importable.changes(was or "", now or "")
    folder = "" if what == "." else f"{what}/"
    words = [
        f"import {name} now finds {folder}{after}"
        if after
        else f"import {name} no longer finds {folder}{before}"
        for name, (before, after) in changed.items()
    ]
    return ", ".join(words[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")


def _from_to(part: str, what: str, was: str | None, now: str | None) -> str:
    return f"{part} {was or 'none'} → {now or 'none'}"


# ── how they are looked at


class Now:
    """What stands in a project now. What is installed, and each path, is looked at once in the life of one of these.

    That is in one plan: a product is asked for by its task and all that follow it, a module by all that import it.
    """

    def __init__(self, store: Store, tasks: Iterable[Task] = ()) -> None:
        """``tasks`` are those of the pipeline: what they make is in no listing of a folder."""
        self.store = store
        self._tasks = tasks
        self._made_in: Mapping[str, set[str]] | None = None
        self._installed: dict[str, str] | None = None
        self._seen: dict[str, str | None] = {}
        self._folders: dict[str, importable.Folder] = {}
        self._packages: frozenset[str] | None = None

    def full(self, path: str) -> str:
        """Return a path of the project as an absolute one."""
        return os.path.join(self.store.root, path)

    def __call__(self, part: str, path: str) -> str | None:
        """Return the digest of something that a run found, as it is now; None when it is not there."""
        row, what = split(part)
        return row.look(self, what, path) if row.look else None

    def digest(self, path: str) -> str | None:
        """Return the digest of a file or folder."""
        if path not in self._seen:
            self._seen[path] = self.store.digest(path)
        return self._seen[path]

    def file(self, path: str) -> str | None:
        """Return the digest of a file or folder that a run used; of one that cannot be read, that it cannot."""
        try:
            return self.digest(path)
        except ProductError:
            return UNREADABLE

    def listing(self, what: str, path: str, sized: bool = False) -> str | None:
        """Return the digest of the names in a folder, as far as the task that listed it was given them."""
        key = f"names:{sized}:{what}"
        if key not in self._seen:
            names = asked.Listing.parse(what, path).names(os.fspath(self.store.root), sized)
            self._seen[key] = None if names is None else self.names(path, names)
        return self._seen[key]

    def names(self, folder: str, names: Iterable[str]) -> str:
        """Return the digest of names in a folder, but of those that tasks make."""
        if self._made_in is None:
            self._made_in = asked.made_in(product.path for task in self._tasks for product in task.products)
        return asked.digest(names, self._made_in.get(folder, ()))

    def module(self, path: str) -> str | None:
        """Return the digest of a module's code."""
        key = f"module:{path}"
        if key not in self._seen:
            self._seen[key] = self.store.memoised(path, key, lambda full: digests_of_code.module_digest(full))
        return self._seen[key]

    def imports(self, path: str) -> str | None:
        """Return what the names after the first line of ``path`` are imported from in the folder that it names."""
        if path not in self._seen:
            folder, *names = path.split("\n")
            if folder not in self._folders:
                self._folders[folder] = importable.Folder(os.path.join(self.store.root, folder))
            self._seen[path] = importable.outcome(self._folders[folder], names, self._names)
        return self._seen[path]

    def _names(self) -> frozenset[str]:
        if self._packages is None:
            self._packages = importable.installed(path for path in sys.path if "-packages" in path)
        return self._packages

    def installed(self, distribution: str) -> str | None:
        """Return the version of what is installed."""
        if self._installed is None:
            self._installed = versions()
        return self._installed.get(distribution)


def _hook_now(now: Now, what: str, path: str) -> str | None:
    name = what.rpartition(".")[2]
    return now.store.memoised(
        path, f"hook {what} {path}", lambda full: digests_of_code.function_digest(full, name)
    )


def _target_now(now: Now, what: str, path: str) -> str | None:
    return asked.target(os.fspath(now.store.root), path)


def _access_now(now: Now, what: str, path: str) -> str | None:
    return asked.allowed(now.full(path), what.partition(" ")[0])


def _concluded(now: Now, what: str, path: str, was: str) -> str:
    return now.names(path, filter(None, was[len(NAMES) :].split("\0"))) if was.startswith(NAMES) else was


# ── the rows

SOURCE = Part("source", text=True)
#: Where a task is and where it is told to read and write.
PATHS = Part("paths", lambda *_: "the paths passed to it changed")
#: What a task is: its class, and the version of its kind where that is not the first.
CLASS = Part("class", _from_to)
KERNEL = Part("kernel", _from_to)
PARAM = Part("param", _value)
#: The names of the parameters: ``**kwargs`` come in that order, and executed notebooks show them so.
ORDER = Part("params", _order)
#: What a function of a pipeline made in Python is and holds, where no file can say it.
FUNCTION = Part("function")
OPTION = Part("option", _value)
#: The product of a task before it, by the task's name and the product's key.
UPSTREAM = Part("upstream", _upstream)
FILE = Part("file", _file, lambda now, what, path: now.file(path), needed=True)
#: A file that a task read, and then wrote itself: the cache cannot know which of the two it was made from.
UPDATED = Part(
    "updated",
    lambda part, what, was, now: _file(FILE.of(what), what, was, now),
    lambda now, what, path: now.file(path),
    needed=True,
    cached=False,
)
#: The names in a folder that a task listed, see ``asked.Listing``; or the names with the sizes of the files.
FOLDER = Part("folder", _folder, lambda now, what, path: now.listing(what, path), _concluded, needed=True)
SIZES = Part(
    "sizes",
    lambda part, what, was, now: _folder(FOLDER.of(what), what, was, now),
    lambda now, what, path: now.listing(what, path, sized=True),
    _concluded,
    needed=True,
)
#: A link of the project, on the way to what a task used.
LINK = Part("link", _link, _target_now, needed=True)
#: What a task asked of a file or folder: whether it is there, how large it is, what may be done with it.
EXISTS = Part("exists", _exists, lambda now, what, path: asked.there(now.full(path)), needed=True)
SIZE = Part("size", _size, lambda now, what, path: asked.size(now.full(path)), needed=True)
ACCESS = Part("access", _access, _access_now, needed=True)
MODULE = Part(
    "module",
    look=lambda now, what, path: now.module(path),
    text=True,
    python=True,
    needed=True,
)
#: What names are imported from in a folder, those that it has nothing for included.
IMPORTS = Part("imports", _imports, lambda now, what, path: now.imports(path))
#: A function that is called for a task and stands in the task's own module, or in one only for its check.
HOOK = Part("hook", look=_hook_now, python=True, needed=True)
#: A distribution, by the module that was imported from it.
PACKAGE = Part("package", _from_to, lambda now, what, path: now.installed(path), noted=True)

#: The Python that the task ran in, where that is the one of octavo.
PYTHON = Part("python", _from_to, lambda now, what, path: python_version(), noted=True)

# these are in no manifest: they say why a task must run, or may not
PRODUCT = Part("product", _product, guarded=True)
#: A product that an earlier run left: it came back, and is nobody's work.
EARLIER = Part("earlier", lambda part, what, was, now: f"product {what} is that of an earlier run")
#: An executed notebook that somebody has saved: it is kept aside when the task runs again.
SAVED = Part("saved", lambda part, what, was, now: f"product {what} was saved by hand")
RECORD = Part("record", _now)
FORCED = Part("forced", _now, cached=False)
WAITS = Part("waits", _now)
MISSING = Part("missing", _now)

ROWS: Mapping[str, Part] = {
    row.word: row
    for row in (
        *(
            SOURCE,
            PATHS,
            CLASS,
            KERNEL,
            PARAM,
            ORDER,
            FUNCTION,
            OPTION,
            UPSTREAM,
            MODULE,
            IMPORTS,
            HOOK,
            PACKAGE,
            PYTHON,
        ),
        *(FILE, UPDATED, FOLDER, SIZES, LINK, EXISTS, SIZE, ACCESS),
        *(PRODUCT, EARLIER, SAVED, RECORD, FORCED, WAITS, MISSING),
    )
}

_NOTED = tuple(row.word for row in ROWS.values() if row.noted)


def split(part: str) -> tuple[Part, str]:
    """Return the row of a part, and what the part is about; a row that matches nothing for one of another version."""
    word, _, what = part.partition(" ")
    return ROWS.get(word) or Part(word, cached=False), what


def reason(part: str, was: str | None, now: str | None, detail: str = "") -> Reason:
    """Return the reason that a part of a manifest has changed."""
    row, what = split(part)
    text = row.says(part, what.removeprefix(PROXIES), was, now)
    return Reason(part, was, now, detail, text, row.guarded and was is not None and now is not None)


def counts(part: str) -> bool:
    """Return whether a change of a part is a reason to run, in an environment that is not strict."""
    return not split(part)[0].noted


def noted(found: Iterable[str]) -> Iterator[str]:
    """Yield the parts whose changes are noted for people and are no reasons to run."""
    return (part for part in found if part.startswith(_NOTED))


def about(row: Part, found: Iterable[str]) -> Iterator[str]:
    """Yield the subjects of the parts that belong to a row."""
    start = row.of("")
    return (part[len(start) :] for part in found if part.startswith(start))


def needed(found: Mapping[str, str]) -> set[str]:
    """Return the paths of what runs found that a task needs wherever it runs; ``found`` maps parts to paths."""
    return {path for part, path in found.items() if split(part)[0].needed}
