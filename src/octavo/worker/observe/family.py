"""Children that a task forks: they go on observing by themselves, and tell what they see to the process of the task."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from itertools import islice
from typing import Any

from ...asked import Listing
from .activity import Activity
from .fanotify import HIGH
from .hook import Arguments, Hear, listen
from .imports import Imports, Tables
from .listed import Listed
from .native import NativeEvents
from .own import Own
from .paths import Ground
from .stamps import Stamp, Use

#: So many children listen below Python: there are few groups for all processes of a user.
_MOST = 48


class Family:
    """The process of a task and the children that it forks.

    A child writes what is new to one file, at once: it may end in any way.
    """

    def __init__(
        self, ground: Ground, activity: Activity, native: NativeEvents, imports: Imports, own: Own | None
    ) -> None:
        self._ground = ground
        self._own = own
        self._imports = imports
        self._activity = activity
        self._native = native
        self._sink: int | None = None
        self._on = False
        self._forks = 0
        self._sent: dict[str, int] = {}

    def begin(self) -> None:
        """Let children that are forked from now on tell what they see."""
        if not hasattr(os, "memfd_create"):
            return
        try:
            descriptor = os.memfd_create("octavo")
            self._sink = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, HIGH)
            os.close(descriptor)
            self._place = os.fstat(self._sink)
            self._pid = os.getpid()
        except OSError:
            return
        self._on = True
        os.register_at_fork(after_in_parent=self._parted, after_in_child=self._forked)

    def end(self) -> None:
        """Take in what children have told."""
        self._on = False
        if self._sink is None or not self._same(self._sink):
            return
        os.lseek(self._sink, 0, os.SEEK_SET)
        with os.fdopen(self._sink, encoding="utf-8") as lines:
            for line in lines:
                try:
                    self._take(json.loads(line))
                except (ValueError, KeyError, TypeError):
                    continue  # cut off
        self._sink = None

    @property
    def _own_used(self) -> set[str]:
        """What was taken from the module of the task's function."""
        return self._own.used if self._own and self._own.used is not None else set()

    def _same(self, descriptor: int) -> bool:
        """Return whether a descriptor is still that of the file: a task may close all that it finds open."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._place)
        except OSError:
            return False

    def _parted(self) -> None:
        self._forks += 1

    # ── in a child

    def _forked(self) -> None:
        if not self._on:
            return
        try:
            self._become()
        except Exception:
            listen({})

    def _become(self) -> None:
        activity = self._activity
        for each in (
            activity.opened,
            activity.written,
            activity.placed,
            activity.restamped,
            activity.listed,
            activity.questions,
        ):
            each.clear()
        for some in (
            activity.updated,
            activity.assured,
            activity.entered,
            activity.shown,
            activity.heard,
            activity.as_text,
            activity.removed,
            activity.timed,
        ):
            some.clear()
        for table in self._imports.tables.values():
            table.clear()
        self._sent.clear()
        self._native = NativeEvents(self._ground, activity)
        activity.after = self._imports.after = self._tell
        if self._own:
            self._own.after = self._tell
        hears = activity.hears() | self._imports.hears()
        listen({event: self._then(hear) for event, hear in hears.items()})
        util = sys.modules.get("multiprocessing.util")
        if util is not None and self._forks < _MOST:
            util.register_after_fork(self, Family._listen)

    def _listen(self) -> None:
        """Listen below Python in a child of multiprocessing, which ends by the finalizers that it knows."""
        with self._activity.quiet:
            self._native.begin(os.environ.get("OCTAVO_OBSERVE", ""), crowd=0, after=self._tell)
        self._activity.heard.clear()
        sys.modules["multiprocessing.util"].Finalize(None, self._last, exitpriority=-1000)

    def _last(self) -> None:
        self._native.end()
        self._tell()

    def _then(self, hear: Hear) -> Hear:
        def hear_and_tell(arguments: Arguments) -> None:
            hear(arguments)
            self._tell()

        return hear_and_tell

    def _tell(self) -> None:
        """Write what is new."""
        news = self._news()
        if not news:
            return
        data = "".join(json.dumps(row) + "\n" for row in news).encode()
        with self._activity.quiet:
            sink = os.open(f"/proc/{self._pid}/fd/{self._sink}", os.O_WRONLY | os.O_APPEND)
            try:
                if self._same(sink):
                    os.write(sink, data)
            finally:
                os.close(sink)

    def _news(self) -> list[list[object]]:
        activity, native = self._activity, self._native
        tables: Tables = {
            "opened": activity.opened,
            "read": native.read,
            "written": activity.written,
            "placed": activity.placed,
            "wrote": native.written,
            "restamped": activity.restamped,
            "asked": activity.questions,
            "listed": activity.listed,
            "commands": activity.commands,
            **self._imports.tables,
        }
        found: list[list[object]] = []
        for name, table in tables.items():
            known = self._sent.get(name, 0)
            if len(table) > known:
                new = list(islice(list(table.items()), known, None))
                self._sent[name] = known + len(new)
                found += [[name, key, _plain(value)] for key, value in new]
        sets = (("updated", activity.updated), ("assured", activity.assured), ("entered", activity.entered))
        more = (
            ("shown", activity.shown),
            ("doubtful", native.doubtful),
            ("meant", self._ground.meant),
            ("as text", activity.as_text),
            ("own", self._own_used),
            ("removed", activity.removed),
            ("timed", activity.timed),
            ("made", native.made),
        )
        for name, some in (*sets, *more):
            if len(some) > self._sent.get(name, 0):
                self._sent[name] = len(some)
                found += [[name, path, None] for path in list(some)]
        return found

    # ── in the process of the task

    def _take(self, news: list[Any]) -> None:
        name, key, value = news  # JSON that a child wrote
        activity, native = self._activity, self._native
        uses: dict[str, dict[str, Use]] = {"opened": activity.opened, "read": native.read}
        times = {"written": activity.written, "placed": activity.placed, "wrote": native.written}
        sets = {"updated": activity.updated, "assured": activity.assured, "entered": activity.entered}
        sets |= {"shown": activity.shown, "doubtful": native.doubtful, "meant": self._ground.meant}
        sets |= {"as text": activity.as_text, "own": self._own_used, "removed": activity.removed}
        sets |= {"timed": activity.timed, "made": native.made}
        if name in uses:
            found, order, epoch, digest, linked = value
            uses[name].setdefault(key, Use(_stamp(found), order, epoch, digest, linked))
        elif name in times:
            times[name].setdefault(key, value)
        elif name in sets:
            sets[name].add(key)
        elif name == "commands":
            activity.commands.setdefault(key, value)
            activity.epoch += 1
        elif name == "restamped":
            activity.restamped.setdefault(key, value)
        elif name == "asked":
            activity.questions.setdefault((key[0], key[1]), value)
        elif name in self._imports.tables:
            known = tuple(key) if isinstance(key, list) else key
            self._imports.tables[name].setdefault(known, value)
        elif name == "listed":
            full, pattern, hidden, sized = key
            place, names = value
            listed = Listed(Listing(full, pattern, hidden), _stamp(place), names and tuple(names), sized)
            activity.listed.setdefault((full, pattern, hidden, sized), listed)


def _plain(value: object) -> object:
    if isinstance(value, Use):
        return [value.stamp, value.order, value.epoch, value.digest, value.linked]
    if isinstance(value, Listed):
        return [value.place, value.names]
    return value


def _stamp(found: list[int] | None) -> Stamp | None:
    return None if found is None else (found[0], found[1], found[2], found[3], found[4])
