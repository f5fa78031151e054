"""Observe what a task uses: modules of the project it imports, files of the project it reads.

Reads are seen by Python's audit hooks (PEP 578), so what happens below Python, in C++ readers or child processes, is
not. Only the worker of a task is watched; what a hook sees is judged once, at the end.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ... import parts, products
from ...kinds.named import READS
from ...model import ABSENT, UNSETTLED, Task
from ...reading import functions
from ...reading.digests_of_code import function_digest, module_digest, source_text
from .hook import Hear, Quiet, listen
from .own import Own

_SKIPPED = frozenset(
    {".git", ".octavo", ".venv", "venv", "__pycache__", "site-packages", "node_modules", ".ipynb_checkpoints"}
)


#: Which cell (None: outside of cells) did what to what: ("read", path), ("connected", "host:port"), …
Touch = tuple[int | None, str, str]

#: Audited events besides ``open`` that tell what a task uses, and how to read their arguments.
_ELSEWHERE: dict[str, tuple[str, Callable[[tuple[Any, ...]], str]]] = {
    "sqlite3.connect": ("opened", lambda it: os.fsdecode(it[0])),
    "urllib.Request": ("requested", lambda it: str(it[0])),
    "socket.getaddrinfo": ("connected", lambda it: f"{it[0]}:{it[1]}"),
    "subprocess.Popen": ("started", lambda it: _command(it[1])),
    "os.system": ("started", lambda it: os.fsdecode(it[0])),
}
_MOST = 2_000
#: Where the standard library is. site-packages, with links from there into a project, may stand in it.
_STANDARD = os.path.dirname(os.__file__) + os.sep
_SYSTEM = tuple({sys.prefix, sys.base_prefix, "/proc/", "/sys/", "/dev/", "/etc/", "/usr/"})
_NOISE = ("/proc/", "/dev/", "/sys/")
#: Who lists folders only to find modules.
_IMPORTING = ("<frozen importlib", "importlib", "pkgutil", "pkg_resources")


def now_of_files() -> int:
    """Return the time that a file written now would get: Linux stamps them by a clock that ticks."""
    clock = getattr(time, "CLOCK_REALTIME_COARSE", None)
    return time.time_ns() if clock is None else time.clock_gettime_ns(clock)


class Watch:
    """Collects the paths that this process opens, from ``start`` on."""

    def __init__(
        self,
        root: str,
        preloaded: frozenset[str] = frozenset(),
        cell: Callable[[], int | None] = lambda: None,
        scope: str | None = None,
        own: str | None = None,
    ) -> None:
        """``preloaded`` are modules that were there before, not by the task; ``cell`` returns which one runs.

        ``scope`` is the folder whose files and modules count: the project's, if no other is given. ``own`` is the
        module of the task's function.
        """
        self.root = os.path.realpath(root)
        self.scope = os.path.realpath(scope or root)
        self._cell = cell
        self._touched: dict[Touch, None] = {}
        self._preloaded = preloaded
        self.read: set[str] = set()
        self.written: set[str] = set()
        self.listed: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        #: Functions that were called for the task: (part of the manifest, file, name, whether nobody else needs it).
        self.called: tuple[tuple[str, str, str, bool], ...] = ()
        self.quiet = Quiet()
        self._own = Own(own) if own else None

    def start(self, now: int) -> None:
        self.began = now
        hears: dict[str, Hear] = {
            "open": self._open,
            "os.listdir": self._list,
            "os.scandir": self._list,
            READS: lambda path: self._open((*path, "r", 0)),
        }
        for event, (verb, words) in _ELSEWHERE.items():
            hears[event] = partial(self._elsewhere, verb, words)
        listen(hears)
        if self._own:
            self._own.begin()

    def stop(self) -> None:
        """Hear nothing more."""
        listen({})
        if self._own:
            self._own.end()

    def _elsewhere(
        self, verb: str, words: Callable[[tuple[Any, ...]], str], arguments: tuple[Any, ...]
    ) -> None:
        if not self.quiet:
            self._touch(verb, words(arguments))

    def _open(self, arguments: tuple[Any, ...]) -> None:
        if self.quiet:
            return
        path, mode, flags = arguments
        if not isinstance(path, str):
            if not isinstance(path, bytes):
                return
            path = os.fsdecode(path)
        if path.endswith((".pyc", ".so")):
            return
        if isinstance(mode, str):
            reading, writing = "r" in mode or "+" in mode, "r" not in mode or "+" in mode
        else:
            writing = bool(flags & (os.O_WRONLY | os.O_RDWR))
            reading = not flags & os.O_WRONLY
        full = os.path.abspath(path)
        if writing:
            self.written.add(full)
            self._touch("wrote", full)
        elif reading:
            self.read.add(full)
            if not full.startswith(_SYSTEM):
                self._touch("read", full)

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """Let what happens meanwhile, and the modules that it is the first to import, be no part of the task."""
        before = frozenset(sys.modules)
        try:
            with self.quiet.all():
                yield
        finally:
            self._preloaded |= frozenset(sys.modules) - before

    def _list(self, arguments: tuple[Any, ...]) -> None:
        """Note what is in a folder that is listed: a file more would have been found too."""
        if self.quiet:
            return
        (folder,) = arguments
        # who lists is below this, and below what the hook calls it from: the import system looks for modules
        caller = sys._getframe(2).f_code.co_filename
        if isinstance(folder, int) or any(part in caller for part in _IMPORTING):
            return
        full = os.path.abspath(os.fsdecode(folder or "."))
        if full not in self.listed:
            with self.quiet:  # listing it is heard, too
                self.listed[full] = products.listing(full) or ""

    def _touch(self, verb: str, what: str) -> None:
        if len(self._touched) < _MOST:
            self._touched[(self._cell(), verb, what)] = None

    def touched(self) -> tuple[Touch, ...]:
        """Return what was read, written, connected to and started, by which cell; of the project's modules nothing."""
        self.stop()
        modules = {path for _, path in _modules(self._preloaded)}
        # also what is octavo's own, such as the locks of tasks that take turns
        noise = (*_NOISE, os.path.join(self.root, ".octavo", ""))
        return tuple(
            (cell, verb, self._inside(what) or what if verb in ("read", "wrote") else what)
            for cell, verb, what in list(self._touched)  # threads of the task may still be at work
            if what not in modules
            and not what.startswith(noise)
            # a file that is gone was a probe, or somebody's scratch
            and (verb != "wrote" or os.path.lexists(what))
        )

    def discovered(self, task: Task) -> dict[str, tuple[str, str]]:
        """Return what was found: parts of the manifest to (path, digest), paths relative to the project."""
        self.stop()
        found: dict[str, tuple[str, str]] = {}
        own = task.source.path if task.source.entry else None
        modules: list[str] = []
        alone = {file for _, file, _, alone in self.called if alone}
        for part, file, name, _ in self.called:
            if inside := self._inside(file):
                found[part] = (
                    inside,
                    self._digest(file, partial(function_digest, name=name)),
                )
        for name, path in _modules(self._preloaded):
            inside = self._inside(path)
            if inside:
                modules.append(inside)
                if path not in alone and (inside != own or self._own_counts(task, path)):
                    found[parts.MODULE.of(name)] = (inside, self._digest(path, module_digest))
        # inputs from upstream are in the manifest already, but for executed notebooks, which count only when read
        known = [product.path for product in task.products] + [task.source.path, *modules]
        known += [path for path in _paths(task.inputs) if not path.endswith(".ipynb")]
        for path in sorted(set(self.read) - self.written):
            inside = self._inside(path)
            if inside and not any(_below(inside, other) for other in known):
                if os.path.isfile(path):
                    found[parts.FILE.of(inside)] = (inside, self._digest(path))
                elif not os.path.lexists(path):
                    found[parts.FILE.of(inside)] = (inside, ABSENT)
        for path, names in list(self.listed.items()):
            if (inside := self._inside(path)) and names:
                found[parts.FOLDER.of(inside)] = (inside, names)
        return found

    def _own_counts(self, task: Task, path: str) -> bool:
        """Return whether more of the module of the task's function was used than what its own code names."""
        if self._own is None or self._own.taken is None or task.source.entry is None:
            return True
        hooks = {name for _, file, name, _ in self.called if file == path}
        with self.quiet:
            rest = functions.unreached(source_text(path), path, task.source.entry.rpartition(".")[2])
        return "__dict__" in self._own.taken or not rest.isdisjoint(self._own.taken - hooks)

    def _inside(self, path: str) -> str | None:
        """Return a path relative to the project; None for one that does not count or is in a folder of tools."""
        real = self._real(path)
        if real.startswith(self.root + os.sep):
            inside = real[len(self.root) + 1 :].replace(os.sep, "/")
        elif real.startswith(self.scope + os.sep):
            inside = os.path.relpath(real, self.root).replace(os.sep, "/")
        else:
            return None
        return None if _SKIPPED.intersection(inside.split("/")) else inside

    def _real(self, path: str) -> str:
        # a task has hundreds of modules in few folders, and resolving each step of each path is slow
        if os.path.islink(path):
            return os.path.realpath(path)
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)

    def _digest(self, path: str, digest: Callable[[str], str | None] = products.digest) -> str:
        # what was edited after the task began may not be what it saw
        if products.newest(path) >= self.began:
            return UNSETTLED
        return digest(path) or ""


def _modules(preloaded: frozenset[str]) -> list[tuple[str, str]]:
    found = []
    for name, module in list(sys.modules.items()):
        if name in preloaded or name in ("__main__", "__mp_main__"):
            continue
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or not path.endswith(".py"):
            continue
        if not path.startswith(_STANDARD) or "-packages" in path:
            found.append((name, path))
    return sorted(found)


def _command(arguments: Any) -> str:
    words = arguments if isinstance(arguments, list | tuple) else [arguments]
    return " ".join(os.fsdecode(word) for word in words if isinstance(word, str | bytes | os.PathLike))


def _below(path: str, other: str) -> bool:
    return path == other or path.startswith(other.rstrip("/") + "/")


def _paths(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [path for inner in value.values() for path in _paths(inner)] if isinstance(value, dict) else []
