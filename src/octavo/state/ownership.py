"""Tell whose bytes stand where a task writes: what no record calls octavo's is neither replaced nor removed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import field

from .. import products
from ..dataclass import dataclass
from ..kinds import row
from ..lazy import lazy_imports
from ..model import PROXIES, Record, Task
from ..products.aside import names
from .store import Store
from .written import Written

with lazy_imports():
    import shutil
    import subprocess

    from ..products import writing

#: How the reflog begins where it tells of commits that were made elsewhere.
_BRINGS = ("pull", "merge", "checkout", "clone", "reset", "fast-forward")
#: Seconds for which what git says of the files of a project is believed.
_BELIEVED = 5.0
#: The space of memos that tell through which links tasks have written: what each of them was then.
_THROUGH = "through"
#: What nobody could be asked about is kept for so many days.
DAYS = 30


@dataclass(slots=True)
class InGit:
    """The files of a project that git has as they are: to replace one loses nothing."""

    root: str
    _at: float = -_BELIEVED
    _clean: frozenset[str] = frozenset()

    def __contains__(self, path: str) -> bool:
        if time.monotonic() - self._at >= _BELIEVED:
            tracked = self._list("-v")
            changed = set(self._list("-m")) if tracked else set()
            # H is what git looks at; it has been told not to look for changes of what has another letter
            self._clean = frozenset(it[2:] for it in tracked if it.startswith("H ")) - changed
            self._at = time.monotonic()
        return path in self._clean

    def brought(self, path: str) -> bool:
        """Return whether a commit that was made elsewhere has brought a file as it is, by a pull or a checkout.

        What was committed here stands in the reflog, unless it came there from elsewhere.
        """
        if path not in self or self._git("diff", "HEAD", "--name-only", "--", path) != [""]:
            return False
        last = self._git("log", "-1", "--format=%H", "HEAD", "--", path)
        moves = [line.partition(" ") for line in self._git("log", "-g", "--format=%H %gs", "HEAD")]
        here = {commit for commit, _, how in moves if not how.startswith(_BRINGS) or "(pick)" in how}
        return moves[0][0] != "" and last != [""] and last[0] not in here

    def _list(self, option: str) -> list[str]:
        return "\n".join(self._git("ls-files", "-z", option)).split("\0")[:-1]

    def _git(self, *words: str) -> list[str]:
        """Return the lines that git says; one that is empty where it says none, or is not there."""
        try:
            done = subprocess.run(["git", *words], cwd=self.root, capture_output=True, check=False)
        except OSError:
            return [""]
        return os.fsdecode(done.stdout).removesuffix("\n").split("\n") if done.returncode == 0 else [""]


def stranger(store: Store, path: str, in_git: InGit, whole: bool = False) -> bool:
    """Return whether something stands at the place of a product that octavo has never made.

    A folder only counts where the task takes it as a ``whole``; in any other what is there stays there.
    """
    if path.startswith(PROXIES):
        return False
    full = os.path.join(store.root, path)
    try:
        found = os.stat(full)
    except (OSError, ValueError):
        return False
    if stat.S_ISDIR(found.st_mode):
        if not (whole and os.listdir(full)):
            return False
    elif not found.st_size or path in in_git:
        return False
    made = store.made(path)
    return not made or store.digest(path) not in made


def takes_whole(task: Task) -> bool:
    """Return whether octavo itself writes the folder of a task: into an empty one, for what is in it is the result."""
    return task.calls.serializer is not None or row(task.kind).whole


def through(store: Store, path: str) -> str | None:
    """Return where a product that is a link really is, if its task was seen to write through it; None for any other."""
    full = os.path.join(store.root, path)
    link = products.link(full)
    return os.path.realpath(full) if link is not None and store.keys(_THROUGH).get(path) == link else None


def by_ploomber(root: str | os.PathLike[str], path: str) -> bool:
    """Return whether Ploomber has left its metadata beside a file."""
    folder, name = os.path.split(os.path.join(root, path))
    return os.path.exists(os.path.join(folder, f".{name}.metadata"))


@dataclass(slots=True)
class Claim:
    """What a task that is about to run may set aside: its products, each with what stays there of a folder.

    ``kept`` are the places of what was moved away because nobody can tell whose it is, by where it stood.
    """

    paths: dict[str, Collection[str]] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)


class Ownership:
    """Knows what of the products of tasks is octavo's. ``run`` names the folder of what is moved away."""

    def __init__(self, store: Store, run: str) -> None:
        self._store = store
        self._kept = os.path.join(store.folder, "kept", run)
        self._links: dict[str, tuple[str, str | None, bool]] = {}

    def claim(self, task: Task, records: Collection[Record], beside: str | None) -> Claim:
        """Return what a task may replace, and move away what may be somebody's and is in its way.

        ``records`` are those of all tasks that have made what stands at its places, its own included. What stands
        there while none has made it, the user has decided about: a file is overwritten, a folder keeps what is in it.
        ``beside`` is the notebook of a run that failed.
        """
        claim = Claim()
        if row(task.kind).borrowed:
            return claim
        if beside and self._stamp(beside) and not self._store.has_left(beside, self._stamp(beside)):
            self._move(beside, claim)
        for product in task.products:
            if product.relation is not None:
                continue
            path, full = product.path, os.path.join(self._store.root, product.path)
            self._links.pop(path, None)
            made = [record for record in records if path in record.products or record.state != "done"]
            linked, folder = products.link(full), os.path.isdir(full)
            followed = not (made or self._store.made(path)) or through(self._store, path) is not None
            if linked and (followed or not folder):
                self._links[path] = linked, products.stamp(full), folder
            if folder and (followed or not linked):
                others = self._folder(path, full, made, claim)
                if takes_whole(task) and not linked:
                    for name in sorted(others):
                        self._move(f"{path}/{name}", claim)
                    others = ()
                self._store.keep_others(path, others)
                claim.paths[path] = {*others, ""} if linked else others  # the link itself stays in any case
            elif made or self._store.made(path):
                if not self._known(path, made) and os.path.lexists(full):
                    self._move(path, claim)
                if not product.executed:  # that is written when the task has ended
                    claim.paths[path] = ()
        return claim

    def done(self, task: Task) -> None:
        """Note through which links a task that ended well has written: they stood there before, and are the same.

        Any other link may be what a task has made: there is then no product behind it, but what it was to show.
        """
        for product in task.products:
            path, full = product.path, os.path.join(self._store.root, product.path)
            link, before, folder = self._links.pop(path, ("", None, False))
            same = link and link == products.link(full) and folder == os.path.isdir(full)
            if same and before != products.stamp(full) and not self._shared(path, os.path.realpath(full)):
                self._store.keep(_THROUGH, [(path, link, b"")])

    def _shared(self, path: str, real: str) -> bool:
        """Return whether what is behind a link is more than a product: of a store, of another task, or read by one."""
        records = self._store.records().values()
        known = {it for record in records for it in (*record.products, *record.discovered.values())}
        places = {os.path.realpath(os.path.join(self._store.root, it)) for it in known - {path}}
        return writing.stored(real) or any(
            real == it or real.startswith(it + os.sep) or it.startswith(real + os.sep) for it in places
        )

    def left(self, task: Task, beside: str | None) -> None:
        """Note how a run that did not end well has left its products: that much is its own."""
        paths = [*(product.path for product in task.products), *([beside] if beside else [])]
        stamps = {path: self._stamp(path) for path in paths}
        self._store.leave({path: stamp for path, stamp in stamps.items() if stamp is not None})

    def _stamp(self, path: str) -> str | None:
        return products.stamp(os.path.join(self._store.root, path))

    def _known(self, path: str, made: Collection[Record]) -> bool:
        """Return whether a file is as a run has left it, or the user has said that it may be replaced."""
        return all(record.state == "done" for record in made) or is_ours(self._store, path, made)

    def _folder(self, path: str, full: str, made: Collection[Record], claim: Claim) -> Collection[str]:
        others, there = self._store.others(path), names(full)
        if not made or others is None:
            others = there
        elif not is_ours(self._store, path, made):
            known = _listed(self._store, path, made)
            gone = {
                f"{parent}/" for name in known for parent in _above(name)
            }  # their files were: they are the task's
            unknown = {name for name in there - others - gone if known.get(name) is None}
            if all(record.state == "done" for record in made):
                others |= unknown  # somebody put them there, and said that the rest may be replaced
            else:
                for name in sorted(unknown | _changed(full, there - others - unknown, known)):
                    self._move(f"{path}/{name}", claim)
        return others

    def _move(self, path: str, claim: Claim) -> None:
        full = os.path.join(self._store.root, path.rstrip("/"))
        if path.endswith("/"):
            return  # an empty folder is nobody's work
        place = os.path.join(self._kept, *(step for step in path.split("/") if step not in ("", "..")))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        try:
            os.rename(full, place)
        except OSError:  # it is on another file system: beside it is room
            place = f"{full}.kept-{os.urandom(4).hex()}"
            os.rename(full, place)
        claim.kept[path] = os.path.relpath(place, self._store.root)


def stays(store: Store, path: str) -> set[str]:
    """Return what in the folder that is a product is not its task's, or not known to be, by its names there."""
    others = store.others(path)
    return names(os.path.join(store.root, path)) if others is None else others


def is_ours(store: Store, path: str, records: Collection[Record]) -> bool:
    """Return whether what stands at a place is what a run has left there, whatever became of that run."""
    now = store.digest(path)
    if now is None:
        return True
    known = {record.products.get(path) for record in records} | store.made(path)
    if now in known or Written(store).made(path, now) in known:
        return True
    if any(record.products.get(path) == now for record in store.earlier(records)):
        return True
    return store.has_left(path, products.stamp(os.path.join(store.root, path)))


def in_the_way(store: Store, path: str, records: Collection[Record]) -> bool:
    """Return whether something stands at a place that may only be replaced by the same bytes."""
    full = os.path.join(store.root, path)
    if not os.path.exists(full) or (os.path.isdir(full) and not names(full)):
        return False
    return not is_ours(store, path, [it for it in records if path in it.products or it.state != "done"])


def prune(folder: str) -> None:
    """Remove what was moved away long ago."""
    try:
        with os.scandir(folder) as found:
            old = [it.path for it in found if time.time() - it.stat().st_mtime > DAYS * 86_400]
    except OSError:
        return
    for path in old:
        shutil.rmtree(path, ignore_errors=True)


def _above(name: str) -> Iterator[str]:
    """Yield the folders that a name stands in."""
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _listed(store: Store, path: str, made: Collection[Record]) -> dict[str, str]:
    """Return the names and digests of what runs have left in a folder, as far as it is known."""
    found: dict[str, str] = {}
    for record in made:
        found |= dict(lines(store.listing(path, record.products.get(path, ""))))
    return found


def lines(listing: bytes | None) -> Iterator[tuple[str, str]]:
    """Yield the names in a folder, and what stands for each, by how it was listed."""
    for line in (listing or b"").decode("utf-8", "surrogateescape").split("\n")[:-1]:
        name, _, said = line.partition("\0")
        yield name, said


def _changed(full: str, found: Iterable[str], known: dict[str, str]) -> set[str]:
    changed = set()
    for name in found:
        try:
            now = products.digest(os.path.join(full, name))
        except OSError:
            now = None
        if now is not None and known[name] and not known[name].startswith("→") and now != known[name]:
            changed.add(name)
    return changed
