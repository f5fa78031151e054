"""The parts of a manifest, one row each: name, current digest, wording of its reason, whether the cache matches it.

A part's name is a word and what it is about: "param n", "file data.csv". What a run finds out comes with a path, too.
A new part is a row in ``ROWS``; nobody else takes names apart.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property

from .. import asked
from ..dataclass import dataclass
from ..environment import python_version, versions
from ..errors import ProductError
from ..lazy import lazy_imports
from ..model import PROXIES, STORED, UNREADABLE, Reason, Task
from ..reading import importable
from ..state.order import Order
from ..state.store import Store
from ..state.store import key as key_of
from ..state.written import Written
from . import words

with lazy_imports():
    from ..reading import digests_of_code  # which needs ast, and a plan without news does not

#: How a reason is said: of the part's name, what it is about, and its digests then and now.
Says = Callable[[str, str, str | None, str | None], str]
#: How something that a run found is looked at: by what it is about and its path; None where it is not there.
Look = Callable[["Now", str, str], str | None]
#: What is made of a run's word for something that it found: of what it is about, its path, and that word.
Conclude = Callable[["Now", str, str, str], str]

#: How a run's word for a folder begins; then come the names in it. Which of them are products the driver knows.
NAMES = "names\0"


@dataclass(frozen=True, slots=True)
class Part:
    """A row. ``word`` is how the names of such parts begin.

    ``look``: only a run finds such parts out, and they are looked at by this. ``conclude``: what a run says of them is
    no digest yet; this makes one of it. ``noted``: kept for people, and a reason
    to run only with ``environment: strict``. ``text``: of code whose text is kept, so that a reason can tell what
    changed in it. ``python``: of a file of Python code. ``needed``: of a file or folder of the project that a task
    needs wherever it runs. ``guarded``: of a product, which may be somebody's work when it changed.
    ``cached``: with such a reason, and with such parts, a result may be taken from the cache. ``stands``: such a reason
    stands, whatever is found when the turn of the task has come.
    """

    word: str
    says: Says = words.changed
    look: Look | None = None
    conclude: Conclude | None = None
    noted: bool = False
    text: bool = False
    python: bool = False
    needed: bool = False
    guarded: bool = False
    cached: bool = True
    stands: bool = False

    def of(self, what: str) -> str:
        """Return the name of the part that is about something."""
        return f"{self.word} {what}"

    def reason(self, what: str, was: str | None, now: str | None, detail: str = "") -> Reason:
        """Return the reason that a part of this row has changed."""
        return reason(self.of(what) if what else self.word, was, now, detail)


# ── how they are looked at


class _Pipeline:
    """What stays as it is in the life of a build, and is asked for with each of its tasks."""

    def __init__(self, store: Store, tasks: Iterable[Task]) -> None:
        self._store = store
        self.tasks = tuple(tasks)

    @cached_property
    def position(self) -> Mapping[str, int]:
        """The tasks, by their places in the order."""
        return {task.name: number for number, task in enumerate(self.tasks)}

    @cached_property
    def fed(self) -> Mapping[str, set[str]]:
        """The files that are nobody's products and that tasks use, by those which write them."""
        return Order(self._store).fed()

    @cached_property
    def made_in(self) -> Mapping[str, set[str]]:
        """For each folder the names in it that are products or lead to them."""
        return asked.made_in(product.path for task in self.tasks for product in task.products)


class Now:
    """What stands in a project now. What is installed, and each path, is looked at once in the life of one of these.

    That is in one plan: a product is asked for by its task and all that follow it, a module by all that import it.
    """

    def __init__(self, store: Store, tasks: Iterable[Task] = (), asking: str = "") -> None:
        """``tasks`` are those of the pipeline, in order: what they make is in no listing of a folder.

        ``asking`` is the task to which things are as it gets them; ``written`` knows who writes into which product.
        """
        self.store = store
        self.asking = asking
        self.written = Written(store)
        self._pipeline = _Pipeline(store, tasks)
        self._installed: dict[str, str] | None = None
        self._seen: dict[str, str | None] = {}
        self._folders: dict[str, importable.Folder] = {}
        self._packages: frozenset[str] | None = None

    def again(self, asking: str = "") -> Now:
        """Return one that looks anew, of the same tasks."""
        now = Now(self.store, asking=asking)
        now._pipeline = self._pipeline
        return now

    def full(self, path: str) -> str:
        """Return a path of the project as an absolute one."""
        return os.path.join(self.store.root, path)

    def __call__(self, part: str, path: str) -> str | None:
        """Return the digest of something that a run found, as it is now; None when it is not there."""
        row, what = split(part)
        return row.look(self, what, path) if row.look else None

    def digest(self, path: str) -> str | None:
        """Return the digest of a file or folder, as the task that asks gets it: tasks after it may write there, too."""
        digest = self._digest(path)
        if path not in self.written:
            return digest
        return self.written.given(path, digest, self._pipeline.position, self.asking)

    def made(self, path: str) -> str | None:
        """Return the digest of a product, as its maker left it: other tasks may write there, too."""
        return self.written.made(path, self._digest(path))

    def wrote(self, path: str) -> str | None:
        """Return what the task that asks wrote into a product of another; None if it is not in it any more."""
        return self.written.of(path, self._digest(path), self.asking)

    def fed(self, task: str) -> set[str]:
        """Return the parts that are sure to be in the manifest of a task which leaves files that others use."""
        return {LEFT.of(path) for path in self._pipeline.fed.get(task, ())}

    def spoilt(self, path: str) -> bool:
        """Return whether a product holds what a task has written into it that must write it again."""
        return self.written.spoilt(path, self._digest(path))

    def _digest(self, path: str) -> str | None:
        if path not in self._seen:
            self._seen[path] = self.store.digest(path)
        return self._seen[path]

    def file(self, path: str) -> str | None:
        """Return the digest of a file or folder that a run used; of one that cannot be read, that it cannot."""
        try:
            return self.digest(path)
        except ProductError:
            return UNREADABLE

    def updated(self, path: str) -> str | None:
        """Return the digest of a file that a task read and wrote, as it left it: later ones may have left another."""
        digest = self.file(path)
        from_here = self._pipeline.tasks[self._pipeline.position.get(self.asking, sys.maxsize) :]
        records = [
            self.store.record(key_of(it.name, [made.path for made in it.products])) for it in from_here
        ]
        left = [record.manifest.get(UPDATED.of(path)) if record else None for record in records]
        return left[0] if digest is not None and digest in left[1:] else digest

    def listing(self, what: str, path: str, sized: bool = False) -> str | None:
        """Return the digest of the names in a folder, as far as the task that listed it was given them."""
        key = f"names:{sized}:{what}"
        if key not in self._seen:
            names = asked.Listing.parse(what, path).names(os.fspath(self.store.root), sized)
            if names is not None:
                self._seen[key] = self.names(path, names)
            else:  # to list a file is another error than to list nothing
                found = asked.there(self.full(path))
                self._seen[key] = found if found in ("file", "other") else None
        return self._seen[key]

    def names(self, folder: str, names: Iterable[str]) -> str:
        """Return the digest of names in a folder, but of those that tasks make."""
        return asked.digest(names, self._pipeline.made_in.get(folder, ()))

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
CLASS = Part("class", words.from_to)
KERNEL = Part("kernel", words.from_to)
PARAM = Part("param", words.value)
#: The names of the parameters: ``**kwargs`` come in that order, and executed notebooks show them so.
ORDER = Part("params", words.order)
#: What a function of a pipeline made in Python is and holds, where no file can say it.
FUNCTION = Part("function")
OPTION = Part("option", words.value)
#: A check of the data that a task makes, by its name.
CHECK = Part("check", words.check)
#: The product of a task before it, by the task's name and the product's key.
UPSTREAM = Part("upstream", words.upstream)
FILE = Part("file", words.file, lambda now, what, path: now.file(path), needed=True)
#: A file that a task read, and then wrote itself: the cache cannot know which of the two it was made from.
UPDATED = Part("updated", words.as_file, lambda now, what, path: now.updated(path), needed=True, cached=False)
#: The names in a folder that a task listed, see ``asked.Listing``; or the names with the sizes of the files.
FOLDER = Part(
    "folder", words.folder, lambda now, what, path: now.listing(what, path), _concluded, needed=True
)
SIZES = Part(
    "sizes",
    lambda part, what, was, now: words.folder(FOLDER.of(what), what, was, now),
    lambda now, what, path: now.listing(what, path, sized=True),
    _concluded,
    needed=True,
)
#: A link of the project, on the way to what a task used.
LINK = Part("link", words.link, _target_now, needed=True)
#: What a task asked of a file or folder: whether it is there, how large it is, what may be done with it.
EXISTS = Part("exists", words.exists, lambda now, what, path: asked.there(now.full(path)), needed=True)
SIZE = Part("size", words.size, lambda now, what, path: asked.size(now.full(path)), needed=True)
ACCESS = Part("access", words.access, _access_now, needed=True)
#: What else it asked of one, see ``asked.attribute``.
ATTRIBUTE = Part(
    "attribute",
    words.attribute,
    lambda now, what, path: asked.attribute(now.full(""), what, path),
    needed=True,
)
MODULE = Part("module", look=lambda now, what, path: now.module(path), text=True, python=True, needed=True)
#: What names are imported from in a folder, those that it has nothing for included.
IMPORTS = Part("imports", words.imports, lambda now, what, path: now.imports(path))
#: A function that is called for a task and stands in the task's own module, or in one only for its check.
HOOK = Part("hook", look=_hook_now, python=True, needed=True)
#: A product of another task into which a task writes: what it wrote is still in it.
COPRODUCT = Part(
    "coproduct",
    lambda part, what, was, now: f"product {what} is without what it writes into it",
    lambda now, what, path: now.wrote(path),
    cached=False,
)
#: A file that nobody declares, as a task left it that others use it from.
LEFT = Part("left", words.as_file, lambda now, what, path: now.file(path))
#: What says the packages of a task that has an environment of its own.
ENVIRONMENT = Part("environment", words.check)
#: How a kernel is started, in another process, by its name: its kernel.json.
KERNELSPEC = Part("kernelspec", look=lambda now, what, path: now.file(path), noted=True)
#: How a task was observed: by the kernel of the system, too, or by Python alone.
OBSERVED = Part("observed", words.from_to, lambda now, what, path: path, noted=True)
#: What stands for all that a task used where that could not be told: the task is stale.
UNSEEN = Part("unseen", lambda *_: "what it used could not be observed", lambda *_: None, cached=False)
#: A distribution, by the module that was imported from it.
PACKAGE = Part("package", words.from_to, lambda now, what, path: now.installed(path), noted=True)

#: The Python that the task ran in, where that is the one of octavo.
PYTHON = Part("python", words.from_to, lambda now, what, path: python_version(), noted=True)

# these are in no manifest: they say why a task must run, or may not
PRODUCT = Part("product", words.product, guarded=True)
#: A product that an earlier run left: it came back, and is nobody's work.
EARLIER = Part("earlier", lambda part, what, was, now: f"product {what} is that of an earlier run")
#: An executed notebook that somebody has saved: it is kept aside when the task runs again.
SAVED = Part("saved", lambda part, what, was, now: f"product {what} was saved by hand")
#: A product that git has and octavo.lock does not: it was changed, merged or committed without its lock.
COMMITTED = Part("committed", lambda part, what, was, now: f"product {what} is not that of octavo.lock")
#: One that came with a commit of somebody else.
BROUGHT = Part("brought", lambda part, what, was, now: f"product {what} came with a commit")
#: What was at the place of a product before its task has run.
STRANGER = Part("stranger", words.stranger, guarded=True)
RECORD = Part("record", words.now)
FORCED = Part("forced", words.now, cached=False, stands=True)
#: A product that is made anew, since another task is about to write into it again.
REWRITE = Part("rewrite", words.now, stands=True)
WAITS = Part("waits", words.now)
MISSING = Part("missing", words.now)

ROWS: Mapping[str, Part] = {
    row.word: row
    for row in (
        *(
            SOURCE,
            PATHS,
            CLASS,
            KERNEL,
            PARAM,
            CHECK,
            ORDER,
            FUNCTION,
            OPTION,
            UPSTREAM,
            MODULE,
            IMPORTS,
            HOOK,
        ),
        *(COPRODUCT, LEFT, KERNELSPEC, OBSERVED, UNSEEN, PACKAGE, PYTHON, ENVIRONMENT),
        *(FILE, UPDATED, FOLDER, SIZES, LINK, EXISTS, SIZE, ACCESS, ATTRIBUTE),
        *(PRODUCT, EARLIER, SAVED, COMMITTED, BROUGHT, STRANGER, RECORD, FORCED, REWRITE, WAITS, MISSING),
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
    shown = what.removeprefix(PROXIES)
    if shown.startswith(f"{STORED}/"):  # a URL, as spec.promises writes it into a name
        shown = shown.partition("/")[2].replace("%2F", "/").replace("%25", "%")
    text = row.says(part, shown, was, now)
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
