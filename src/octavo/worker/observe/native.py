"""What happens below Python, as the kernel tells it: C and C++ readers of this process, and other processes.

What this process did is its task's, for sure. What others did is kept apart: it may be a child of the task, an editor,
another task. Whatever goes wrong here, less is seen, and that is noted.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from . import processes
from .activity import COMPILED, Activity
from .fanotify import Event, Group
from .inotify import Watches
from .paths import Ground
from .stamps import Use, use
from .tree import Tree

#: After the first of several events so long is waited for more: they come in crowds, and equal ones become one.
_CROWD = 0.02
#: At most so often it is looked which processes hold which files.
_GLANCE = 0.02


class EventSource(Protocol):
    """What tells of events in folders: fanotify, or inotify, which knows nothing of processes."""

    descriptor: int
    lost: bool

    def add(self, folder: str) -> None: ...
    def read(self) -> Iterator[Event]: ...
    def close(self) -> None: ...


class NativeEvents:
    """Listens to the folders of a task's project.

    ``precision`` is "own" where this process is told from others, "any" where it is not, "" where nothing is heard.
    """

    def __init__(self, ground: Ground, activity: Activity) -> None:
        self._activity = activity
        self.tree = Tree(ground)
        self.precision = ""
        self.why = ""
        self.lost = False
        #: Files that this process opened without Python, and how they were then.
        self.read: dict[str, Use] = {}
        #: Of these those that had changed so shortly before that it is not known what was read.
        self.doubtful: set[str] = set()
        #: Folders that it listed so.
        self.listed: set[str] = set()
        self.written: dict[str, int] = {}
        #: Files of which it is known that this process found none, before it wrote them.
        self.made: set[str] = set()
        #: The same of other processes, while the task had any; those of which it is known that they were the task's.
        self.others: dict[str, Use] = {}
        self.others_wrote: dict[str, int] = {}
        self.others_listed: set[str] = set()
        self.of_children: set[str] = set()
        self._source: EventSource | None = None
        self._lock = threading.Lock()
        self._before = time.time_ns()
        # a kernel of Jupyter's has had some before its notebook runs
        self._children = processes.children()
        self._glanced = 0.0
        self._stop: tuple[int, int] | None = None

    def begin(
        self, precision: str = "", crowd: float = _CROWD, after: Callable[[], None] = lambda: None
    ) -> None:
        """Listen from now on; ``precision`` may ask for less than there is: "any", "none".

        ``crowd`` are the seconds that are waited for more; ``after`` is called when something has been heard.
        """
        self._crowd, self._after = crowd, after
        try:
            if precision != "none":
                self._begin(precision)
        except Exception as error:
            self._give_up(error)

    def _begin(self, precision: str) -> None:
        self._open(precision)
        if self._source is None:
            return
        for folder in self.tree.folders():
            try:
                self._source.add(folder)
            except OSError as error:
                if folder == next(iter(self.tree.shown)):
                    self._give_up(error)  # not even the project's own
                    return
                self.tree.whole = False
        for _ in self._source.read():
            pass  # what marking itself opened
        self._before = time.time_ns()
        self._stop = os.pipe2(os.O_CLOEXEC)
        listen = threading.Thread(
            target=self._listen,
            args=(self._source.descriptor, self._stop[0]),
            name="octavo-native",
            daemon=True,
        )
        listen.start()

    def _open(self, precision: str) -> None:
        for name, make in (("own", Group), ("any", Watches)):
            if precision == "any" and name == "own":
                continue
            try:
                self._source, self.precision = make(), name
                return
            except (OSError, ValueError) as error:
                self.why = self.why or getattr(error, "strerror", "") or str(error)

    def _give_up(self, error: Exception) -> None:
        self.why = getattr(error, "strerror", None) or str(error)
        if self._source is not None:
            self._source.close()
        self._source, self.precision = None, ""

    def _listen(self, descriptor: int, stop: int) -> None:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.register(stop, select.POLLIN)
        try:
            while True:
                ready = poll.poll()
                if any(found != descriptor or what != select.POLLIN for found, what in ready):
                    return
                time.sleep(self._crowd)
                self.drain()
                self._after()
        finally:
            os.close(stop)  # its other end was closed by ``end``

    def drain(self) -> None:
        """Take in what has happened."""
        try:
            with self._lock:
                if self._source is not None:
                    self._take(list(self._source.read()))
        except Exception:
            self.lost = True

    def end(self) -> None:
        """Take in the last, and listen no more."""
        self.drain()
        with self._lock:
            if self._source is not None:
                self.lost = self.lost or self._source.lost
                self._source.close()
                self._source = None
        if self._stop is not None:
            os.close(self._stop[1])
            self._stop = None

    def _take(self, events: list[Event]) -> None:
        now = time.time_ns()
        known = self._activity.heard
        mine, others = [], []
        for event in events:
            path = self._place(event)
            if path is None or (event.name == "." and not event.opened):
                continue
            if event.own:
                mine.append((path, event))
            else:
                others.append((path, event))
        for path, event in mine:
            if event.made and path not in self.read:
                self.made.add(path)
            if event.written:
                self.written.setdefault(path, time.monotonic_ns())
        for path, event in mine:
            if event.opened and path not in known and path not in self._activity.opened:
                self._note_open(path, event)
        if self.precision == "any":  # some of them may be this process's
            others = [
                other for other in others if other[0] not in known and other[0] not in self._activity.opened
            ]
        if others and (self.precision == "any" or self.has_children()):
            self._by_others(others)
        self._before = now

    def _place(self, event: Event) -> str | None:
        """Return the path of an event within the project."""
        if event.name == ".":
            return self.tree.shown.get(event.folder)
        full = f"{event.folder}/{event.name}"
        if full in self.tree.files:
            return self.tree.files[full]
        folder = self.tree.shown.get(event.folder)
        return None if folder is None else f"{folder}/{event.name}"

    def _note_open(self, path: str, event: Event) -> None:
        if event.name == ".":
            self._activity.lists(path)
            self.listed.add(path)
        elif path not in self.read:
            self.read[path] = self._use(path)

    def _use(self, path: str) -> Use:
        activity = self._activity
        found = use(path, time.monotonic_ns(), activity.epoch, activity.began, activity.quiet)
        # it may have been opened at any time since the last look
        if found.stamp is not None and found.stamp[4] >= self._before:
            self.doubtful.add(path)
        return found

    # ── others

    def has_children(self) -> bool:
        """Return whether the task has started other processes."""
        return self._activity.epoch > 0 or self._children.others_since()

    def _by_others(self, events: list[tuple[str, Event]]) -> None:
        news = False
        for path, event in events:
            if compiled := COMPILED.match(path):
                path = f"{compiled[1]}{compiled[2]}.py"
            if event.written:
                self.others_wrote.setdefault(path, time.monotonic_ns())
            if event.opened and event.name == ".":
                self.others_listed.add(path)
            elif event.opened and path not in self.others:
                self.others[path] = self._use(path)
                news = True
            if event.pid and processes.descends(event.pid):
                self.of_children.add(path)
        if news and time.monotonic() - self._glanced > _GLANCE:
            self.of_children |= processes.held() & self.others.keys()
            self._glanced = time.monotonic()
