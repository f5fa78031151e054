"""The parts of a manifest, one row each: name, current digest, wording of its reason, whether the cache matches it.

A part's name is a word and what it is about: "param n", "file data.csv". What a run finds out comes with a path, too.
A new part is a row in ``ROWS``; nobody else takes names apart.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from . import products
from .environment import versions
from .lazy import lazy_imports
from .model import ABSENT, STANDING, UNKNOWN, UNSETTLED, Reason
from .state.store import Store

with lazy_imports():
    from .reading import digests_of_code  # which needs ast, and a plan without news does not

#: How a reason is said: of the part's name, what it is about, and its digests then and now.
Says = Callable[[str, str, str | None, str | None], str]
#: How something that a run found is looked at: by what it is about and its path; None where it is not there.
Look = Callable[["Now", str, str], str | None]


def _changed(part: str, what: str, was: str | None, now: str | None) -> str:
    if was == UNSETTLED:
        return f"{part} {UNSETTLED}"
    return f"{part} is gone" if now is None else f"{part} changed"


@dataclass(frozen=True, slots=True)
class Part:
    """A row. ``word`` is how the names of such parts begin.

    ``look``: only a run finds such parts out, and they are looked at by this. ``noted``: kept for people, and a reason
    to run only with ``environment: strict``. ``text``: of code whose text is kept, so that a reason can tell what
    changed in it. ``python``: of a file of Python code. ``needed``: of a file or folder of the project that a task
    needs wherever it runs. ``guarded``: of a product, which may be somebody's work when it changed.
    ``cached``: with such a reason, and with such parts, a result may be taken from the cache.
    """

    word: str
    says: Says = _changed
    look: Look | None = None
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
        """Return the reason that a part of this row was one thing then and is another now."""
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


def _package(part: str, what: str, was: str | None, now: str | None) -> str:
    return f"{part} {was} → {now or 'none'}"


def _from_to(part: str, what: str, was: str | None, now: str | None) -> str:
    return f"{part} {was} → {now}"


# ── how they are looked at


class Now:
    """What stands in a project now. What is installed, and each path, is looked at once in the life of one of these.

    That is in one plan: a product is asked for by its task and all that follow it, a module by all that import it.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._installed: dict[str, str] | None = None
        self._seen: dict[str, str | None] = {}

    def __call__(self, part: str, path: str) -> str | None:
        """Return the digest of something that a run found, as it is now; None when it is not there."""
        row, what = split(part)
        return row.look(self, what, path) if row.look else None

    def digest(self, path: str) -> str | None:
        """Return the digest of a file or folder."""
        if path not in self._seen:
            self._seen[path] = self.store.digest(path)
        return self._seen[path]

    def module(self, path: str) -> str | None:
        """Return the digest of a module's code."""
        key = f"module:{path}"
        if key not in self._seen:
            self._seen[key] = self.store.memoised(path, key, lambda full: digests_of_code.module_digest(full))
        return self._seen[key]

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


def _folder_now(now: Now, what: str, path: str) -> str | None:
    return products.listing(os.path.join(now.store.root, path))


# ── the rows

SOURCE = Part("source", text=True)
#: Where a task is and where it is told to read and write.
PATHS = Part("paths", lambda *_: "the paths passed to it changed")
#: What a task is: its class, and the version of its kind where that is not the first.
CLASS = Part("class", _from_to)
KERNEL = Part("kernel", _from_to)
PARAM = Part("param", _value)
#: The names of the parameters: ``**kwargs`` come in that order, and reports show them so.
ORDER = Part("params", _order)
#: What a function of a pipeline made in Python is and holds, where no file can say it.
FUNCTION = Part("function")
OPTION = Part("option", _value)
#: The product of a task before it, by the task's name and the product's key.
UPSTREAM = Part("upstream", _upstream)
FILE = Part("file", _file, lambda now, what, path: now.digest(path), needed=True)
#: The names in a folder that the task listed.
FOLDER = Part("folder", lambda part, *_: f"{part} has other files", _folder_now, needed=True)
MODULE = Part(
    "module",
    look=lambda now, what, path: now.module(path),
    text=True,
    python=True,
    needed=True,
)
#: A function that is called for a task and stands in the task's own module, or in one only for its check.
HOOK = Part("hook", look=_hook_now, python=True, needed=True)
#: A distribution, by the module that was imported from it.
PACKAGE = Part("package", _package, lambda now, what, path: now.installed(path), noted=True)

# these are in no manifest: they say why a task must run, or may not
PRODUCT = Part("product", _product, guarded=True)
RECORD = Part("record", _now)
FORCED = Part("forced", _now, cached=False)
WAITS = Part("waits", _now)
MISSING = Part("missing", _now)

ROWS: Mapping[str, Part] = {
    row.word: row
    for row in (
        *(SOURCE, PATHS, CLASS, KERNEL, PARAM, ORDER, FUNCTION, OPTION, UPSTREAM),
        *(FILE, FOLDER, MODULE, HOOK, PACKAGE),
        *(PRODUCT, RECORD, FORCED, WAITS, MISSING),
    )
}

_NOTED = tuple(row.word for row in ROWS.values() if row.noted)


def split(part: str) -> tuple[Part, str]:
    """Return the row of a part, and what the part is about; a row that matches nothing for one of another version."""
    word, _, what = part.partition(" ")
    return ROWS.get(word) or Part(word, cached=False), what


def reason(part: str, was: str | None, now: str | None, detail: str = "") -> Reason:
    """Return the reason that a part of a manifest was one thing then and is another now."""
    row, what = split(part)
    text = row.says(part, what.removeprefix(STANDING), was, now)
    return Reason(part, was, now, detail, text, row.guarded and was is not None and now is not None)


def counts(part: str) -> bool:
    """Return whether a part that is another now is a reason to run, in an environment that is not strict."""
    return not split(part)[0].noted


def noted(found: Iterable[str]) -> Iterator[str]:
    """Yield those of some parts that are noted for people."""
    return (part for part in found if part.startswith(_NOTED))


def about(row: Part, found: Iterable[str]) -> Iterator[str]:
    """Yield what those of some parts are about that belong to a row."""
    start = row.of("")
    return (part[len(start) :] for part in found if part.startswith(start))


def needed(found: Mapping[str, str]) -> set[str]:
    """Return the paths of what runs found that a task needs wherever it runs; ``found`` maps parts to paths."""
    return {path for part, path in found.items() if split(part)[0].needed}
