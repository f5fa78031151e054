"""What a task is seen to use while it runs: modules that it imports, files that it reads, lists or asks for.

Reads are seen by Python's audit hooks (PEP 578), so what happens below Python, in C++ readers or child processes, is
not. Only the worker of a task is observed; what is seen is judged once, at the end.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from threading import get_ident

from ... import parts, products
from ...asked import ASKED, attribute, there
from ...environment import imported
from ...kinds.named import KERNELSPEC
from ...model import UNSTABLE, Task
from ...reading import functions
from ...reading.digest import shows_code
from ...reading.digests_of_code import function_digest, module_digest, source_text
from ...reading.folders import edited
from ...reading.importable import SUFFIXES
from .activity import Activity
from .asks import Asks, FilePath
from .discovery import Discovery, Writes, given_paths
from .doubts import doubts, outside, surroundings, times
from .evidence import Evidence
from .family import Family
from .frames import Asker, of_packages
from .hook import Arguments, Hear, Quiet, listen
from .imports import Imports
from .native import NativeEvents
from .own import Own
from .paths import Ground, Way
from .stamps import is_file, is_link, now_of_files, stamp, unchanged_digest
from .variables import Variables

#: Which cell (None: outside of cells) did what to what: ("read", path), ("connected", "host:port"), …
Touch = tuple[int | None, str, str]

#: Audited events besides those of files that tell what a task uses, and how to read their arguments.
_ELSEWHERE: dict[str, tuple[str, Callable[[Arguments], str]]] = {
    "sqlite3.connect": ("opened", lambda args: os.fsdecode(args[0])),
    "urllib.Request": ("requested", lambda args: str(args[0])),
    "socket.getaddrinfo": ("connected", lambda args: f"{args[0]}:{args[1]}"),
    "subprocess.Popen": ("started", lambda args: _command(args[1])),
    "os.system": ("started", lambda args: os.fsdecode(args[0])),
}
_MOST = 2_000
#: How often it is looked whether files that other programs read name more of them.
_ROUNDS = 3
_SYSTEM = tuple({sys.prefix, sys.base_prefix, "/proc/", "/sys/", "/dev/", "/etc/", "/usr/"})
_NOISE = ("/proc/", "/dev/", "/sys/")


class Observer:
    """Collects what this process does with files, from ``start`` on."""

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
        self.ground = Ground(root, scope or root)
        self.quiet = Quiet()
        self._cell = cell
        self._touched: dict[Touch, None] = {}
        self._preloaded = preloaded
        self.activity = Activity(self.ground, self.quiet, scope or root, self._touch)
        self._asks = Asks(self._question, self.activity.opens_below, self.quiet)
        self._variables = Variables(self.quiet)
        #: Whether the task's own code asked how full a disk is.
        self._asked_disk = False
        self.native = NativeEvents(self.ground, self.activity)
        self._evidence = Evidence(self.ground.root)
        self.activity.started = self._started
        #: Functions that were called for the task: (part of the manifest, file, name, whether nobody else needs it).
        self.functions: tuple[tuple[str, str, str, bool], ...] = ()
        self._imports = Imports(self._inside, self.quiet)
        self.activity.searched, self.activity.sought = self._imports.search, self._imports.seek
        self._own = Own(own) if own else None
        self._family = Family(self.ground, self.activity, self.native, self._imports, self._own)
        self._writes: Writes | None = None
        #: Links by which a library may have come to a file, and that the task does not name.
        self._by_links: list[str] = []
        #: The paths of kernel.json, by the names of kernels.
        self._kernelspecs: dict[str, str] = {}
        self._broken: Exception | None = None
        #: Whether what is in a folder is of installed packages.
        self._libraries: dict[str, bool] = {}

    def start(self) -> None:
        self.activity.began = now_of_files()
        hears = self.activity.hears()
        for event, (verb, words) in _ELSEWHERE.items():
            hears[event] = self._elsewhere(verb, words, hears.get(event))
        hears[KERNELSPEC] = lambda args: self._kernelspecs.update({str(args[0]): str(args[1])})
        listen(hears | self._imports.hears() | self._variables.hears())
        self._asks.begin()
        self._variables.begin()
        self._imports.begin()
        self.activity.marking = get_ident()
        with self.quiet:
            self.native.begin(os.environ.get("OCTAVO_OBSERVE", ""))
        self.activity.marking = 0
        self._family.begin()
        if self._own:
            self._own.begin()

    def stop(self) -> None:
        """Stop observing. What keeps it from taking in what was seen is told where that is asked for."""
        ends: list[Callable[[], object]] = [self.native.end, partial(listen, {}), self._family.end]
        ends += [
            self._asks.end,
            self._variables.end,
            self._imports.end,
            *([self._own.end] if self._own else []),
        ]
        for end in ends:
            try:
                end()
            except Exception as error:  # an audit hook of the task's forbids to open files, for example
                self._broken = error

    def _question(self, word: str, path: FilePath, folder: int | None, answer: str) -> None:
        if word != "disk":
            self.activity.question(word, path, folder, answer)
        elif not self.quiet and Asker().is_own():
            self._asked_disk = True

    def _started(self) -> None:
        """Read what commands are told, and the scripts that they name."""
        for words, folder in list(self.activity.commands.items()):
            self._evidence.command(words.split("\n"), folder)

    def _elsewhere(self, verb: str, words: Callable[[Arguments], str], also: Hear | None) -> Hear:
        def hear(arguments: Arguments) -> None:
            if not self.quiet:
                self._touch(verb, words(arguments))
            if also is not None:
                also(arguments)

        return hear

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """Let what happens meanwhile, and the modules that it is the first to import, be no part of the task."""
        before = frozenset(sys.modules)
        try:
            with self.quiet.all():
                yield
        finally:
            self._preloaded |= frozenset(sys.modules) - before

    def _touch(self, verb: str, what: str) -> None:
        if len(self._touched) < _MOST:
            self._touched[(self._cell(), verb, what)] = None

    def touched(self) -> tuple[Touch, ...]:
        """Return what was read, written, connected to and started, by which cell; of the project's modules nothing."""
        self.stop()
        modules = {*self._imports.files(self._preloaded).values()}
        # also what is octavo's own, such as the locks of tasks that take turns
        noise = (*_NOISE, os.path.join(self.ground.root, ".octavo", ""))
        rows: dict[Touch, None] = {}
        for cell, verb, what in list(self._touched):  # threads of the task may still be at work
            if verb in ("read", "wrote"):
                what = os.path.normpath(what)
                # a file that is gone was a probe, or somebody's scratch
                if what.startswith(_SYSTEM if verb == "read" else noise) or (
                    verb == "wrote" and not os.path.lexists(what)
                ):
                    continue
            if what not in modules and not what.startswith(noise):
                shown = self.ground.inside(self.ground.way(what)) if verb in ("read", "wrote") else None
                rows[cell, verb, shown or what] = None
        # libraries and other programs write, too
        told = {what for _, verb, what in rows if verb == "wrote"}
        for path in sorted(self._writes.paths()) if self._writes else ():
            shown = self.ground.inside(self.ground.way(path))
            if shown and shown not in told and os.path.isfile(path) and not path.startswith(noise):
                rows[None, "wrote", shown] = None
        return tuple(rows)

    def _gather(self, task: Task) -> None:
        """Gather what the task names, where that is evidence: if others were at work, or files were read by links."""
        self._started()
        if task.source.facts.language.lower() not in ("python", "sql"):
            self._evidence.foreign(task.source.text or "")
        native = self.native
        others = native.others if native.others or native.others_wrote or native.has_children() else None
        if others is None and not (native.tree.links and (native.read or native.listed)):
            return
        self._evidence.own(task.source.text or "")
        self._evidence.own("\n".join(map(str, task.params.values())))
        for path in self._imports.files(self._preloaded).values():
            if path.endswith(".py") and self._inside(path) and is_file(path):
                self._evidence.own(source_text(path))
        # lists of files and configurations name others, also those that only other programs read
        for path in list(self.activity.opened):
            if path.startswith(self.ground.below):
                self._evidence.lists(path)
        for _ in range(_ROUNDS):
            for path in list(others or ()):
                if (shown := self._inside(path)) and self._evidence.names(shown):
                    self._evidence.lists(path)
        if others is not None:
            made = {*native.others_wrote, *native.written, *self.activity.written, *self.activity.placed}
            for path in {*self._evidence.told()} - made:
                self.activity.questions.setdefault(("exists", path), there(path))
            for word, path in self._evidence.asks():
                if path not in made and path.startswith(self.ground.below):
                    self.activity.questions.setdefault((word, path), ASKED[word](path))
                    if word == "size" and os.path.isfile(path):
                        self.activity.questions["mode", path] = attribute("/", f"mode {path}", path)

    def discovered(self, task: Task) -> dict[str, tuple[str, str]]:
        """Return what was found: parts of the manifest to (path, digest), paths relative to the project."""
        self.stop()
        if self._broken is not None:
            raise self._broken
        found: dict[str, tuple[str, str]] = {}
        self._gather(task)
        writes = self._writes = Writes(self.activity, self.native, self._evidence)
        own = task.source.path if task.source.entry else None
        modules: list[str] = []
        ways: list[Way] = []
        alone = {file for _, file, _, alone in self.functions if alone}
        for name, file in self._kernelspecs.items():
            found[parts.KERNELSPEC.of(name)] = (file, self._digest(file, products.digest))
        for part, file, name, _ in self.functions:
            if inside := self._inside(file):
                found[part] = (inside, self._digest(file, partial(function_digest, name=name)))
        for name, path in self._imports.files(self._preloaded).items():
            if self._is_library(path):
                continue
            way = self.ground.way(path)
            inside = self.ground.inside(way) or self._outside(way)
            # one that the task wrote itself is not what it was made from; one that is in an archive counts as that
            if not inside or not is_file(way.real) or writes.when(way.real) is not None:
                continue
            if name == path and not path.endswith(SUFFIXES) and path in self.activity.opened:
                continue  # a template, say, that became code: it counts as the file that it is
            modules.append(inside)
            ways.append(way)
            source = inside == task.source.path and not (own and self._own_counts(task, path))
            if path not in alone and not source:
                part = parts.MODULE.of(inside if name == path else name)
                found[part] = (inside, self._digest(path, module_digest))
        code = [(shown, way.real) for way in ways if (shown := way.shown)]
        texts = [task.source.text or "", *(source_text(real) for _, real in code if real.endswith(".py"))]
        if any(map(shows_code, texts)):  # of each other, maybe
            found |= {
                parts.FILE.of(shown): (shown, self._digest(real, products.digest)) for shown, real in code
            }
        discovery = Discovery(self.activity, self.native, self._evidence, writes, task, modules)
        outcomes = self._imports.outcomes(lambda path: writes.when(self.ground.way(path).real) is not None)
        for folder, (words, then) in outcomes.items():
            found[parts.IMPORTS.of(folder)] = ("\n".join([folder, *words]), then)
            ways.append(self.ground.way(os.path.join(self.ground.root, folder)))
        for way in ways:
            discovery.walked(way)
        found |= discovery.parts()
        self._by_links = discovery.by_links
        return found

    @property
    def how(self) -> str:
        """How completely the task was observed, in a word."""
        how = {"own": "fanotify", "any": "inotify"}.get(self.native.precision, "Python")
        return f"{how}, with gaps" if self.native.lost else how

    def doubts(self, task: Task, found: Mapping[str, tuple[str, str]]) -> Iterator[str]:
        """Yield notes on what the task has used, or may have read unseen, and that can make nothing stale."""
        yield from times(filter(None, map(self._inside, self.activity.timed)))
        reached = {what for _, verb, what in self._touched if verb in ("connected", "requested")}
        yield from surroundings(
            self._variables.read, reached, self.activity.commands, self._asked_disk, self._by_links
        )
        elsewhere = [
            path for verb, path in {(verb, what) for _, verb, what in self._touched} if verb == "read"
        ]
        elsewhere = [path for path in map(os.path.normpath, elsewhere) if self._is_elsewhere(path)]
        unseen = not self.native.precision or self.native.lost
        if not (unseen or elsewhere):
            return
        files = [path for path in self._imports.files(self._preloaded).values() if self._inside(path)]
        texts = [task.source.text or "", *(source_text(path) for path in files if path.endswith(".py"))]
        yield from outside(task, texts, elsewhere)
        if not unseen:
            return
        imports = {*task.source.facts.imports, *imported(self.ground.root, files)}
        # what is in a file is more than that
        asked = (parts.EXISTS, parts.SIZE, parts.ACCESS, parts.ATTRIBUTE, parts.LINK)
        used = {path for part, (path, _) in found.items() if parts.split(part)[0] not in asked}
        used |= {*given_paths(task.inputs)}
        with self.quiet:
            yield from doubts(self.ground.root, task, texts, used, imports, bool(self.activity.commands))

    def _is_elsewhere(self, path: str) -> bool:
        """Return whether a file that was read is data outside of the project, and not made by the task."""
        if path.startswith((self.ground.below, *_SYSTEM)) or not path.startswith("/"):
            return False
        if path.endswith(SUFFIXES) or of_packages(path):
            return False
        way = self.ground.way(path)
        return way.shown is None and self._writes is not None and self._writes.when(way.real) is None

    def _own_counts(self, task: Task, path: str) -> bool:
        """Return whether more of the module of the task's function was used than what its own code names."""
        if self._own is None or self._own.used is None or task.source.entry is None:
            return True
        if self._imports.executed.get(path, 0) > 1:
            return True
        # a child that imports it may take anything: a script's, or one of multiprocessing that was not forked
        if self.native.has_children() and self._evidence.names(task.source.path):
            return True
        hooks = {name for _, file, name, _ in self.functions if file == path}
        with self.quiet:
            rest = functions.unreached(source_text(path), path, task.source.entry.rpartition(".")[2])
        return "__dict__" in self._own.used or not rest.isdisjoint(self._own.used - hooks)

    def _is_library(self, path: str) -> bool:
        """Return whether a module is for sure one of an installed package: most are, and those are in few folders."""
        folder = path.rpartition("/")[0]
        if folder not in self._libraries:
            way = self.ground.way(f"{folder}/-")
            self._libraries[folder] = not (way.shown or self.ground.holds(way.real) or edited(way.real))
        return self._libraries[folder] and not is_link(path)

    def _outside(self, way: Way) -> str | None:
        """Return the path of a module elsewhere that was installed to be edited, relative to the project."""
        if self.ground.holds(way.real) or not edited(way.real):
            return None
        return os.path.relpath(way.real, self.ground.root)

    def _inside(self, path: str) -> str | None:
        return self.ground.inside(self.ground.way(path))

    def _digest(self, path: str, digest: Callable[[str], str | None]) -> str:
        """Return the digest of code, unless it may not be what the task saw."""
        try:
            used = self.activity.opened.get(path)
            if used:
                changed = unchanged_digest(path, used, stamp(path)) is None
            else:
                changed = products.newest(path) >= self.activity.began
            if changed:
                return UNSTABLE
            return digest(path) or UNSTABLE
        except Exception:
            return UNSTABLE


def _command(arguments: object) -> str:
    words = arguments if isinstance(arguments, list | tuple) else [arguments]
    return " ".join(os.fsdecode(word) for word in words if isinstance(word, str | bytes | os.PathLike))
