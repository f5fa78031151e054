"""The engine ``here``: runs each task in a process and an empty folder of this machine, as others do on theirs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter

from ..errors import Error
from ..model import Json
from .engines import HandedOver, Handover

#: How a task ends that engines may try again, as often as that.
_TRANSIENT, _TRIES = 75, 3
_LOOK = 0.02
#: Seconds that tasks have to tell the store how they end, when the run is interrupted.
_GRACE = 30.0


class Here:
    """Processes of this machine."""

    options: Mapping[str, str] = {}

    def check(self, options: Mapping[str, str]) -> None:
        """Find nothing wrong: this machine is there."""

    def submit(self, order: Handover) -> HandedOver:
        """Run all tasks, and wait for their end; tasks after one that fails do not run."""
        if shutil.which(order.octavo[0]) is None:
            raise Error(
                f"there is no command {order.octavo[0]}", hint="--octavo COMMAND is how octavo is started"
            )
        return HandedOver(code=_Going(order).run())

    def cancel(self, jobs: Json) -> str:
        """Do nothing: each task looks for itself whether its run is cancelled."""
        return ""


class _Going:
    """A run that goes on here."""

    def __init__(self, order: Handover) -> None:
        self.order = order
        self.slots = order.jobs or os.cpu_count() or 1
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.tries: dict[str, int] = {}
        self.bad: dict[str, int] = {}

    def run(self) -> int:
        tasks = self.order.plan.tasks
        graph = {name: [up for up in one.upstream if up in tasks] for name, one in tasks.items()}
        sorter = TopologicalSorter(graph)
        sorter.prepare()
        ready: list[str] = []
        try:
            while sorter.is_active():
                ready += sorter.get_ready()
                while ready and len(self.running) < self.slots:
                    name = ready.pop(0)
                    if not self.bad.keys().isdisjoint(graph[name]):
                        self.bad[name] = 0
                        sorter.done(name)
                        ready += sorter.get_ready() if sorter.is_active() else ()
                        continue
                    self._start(name)
                for name in self._ended() if self.running else ():
                    sorter.done(name)
        finally:
            self._stop()
        return max((min(code, 1) if code > 0 else int(code < 0) for code in self.bad.values()), default=0)

    def _start(self, name: str) -> None:
        self.tries[name] = self.tries.get(name, 0) + 1
        command = self.order.command(name)
        shown = subprocess.DEVNULL if self.order.quiet else None
        self.running[name] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=shown, start_new_session=True
        )

    def _ended(self) -> Sequence[str]:
        """Wait until a task has ended for good, and return which have."""
        while True:
            ended = []
            for name, process in [*self.running.items()]:
                if (code := process.poll()) is None:
                    continue
                del self.running[name]
                if (code == _TRANSIENT or code < 0) and self.tries[name] < _TRIES:
                    self.order.say(f"{name}: its process ended with {code}; once more")
                    self._start(name)
                    continue
                if code:
                    self.bad[name] = code
                ended.append(name)
            if ended:
                return ended
            time.sleep(_LOOK)

    def _stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        until = time.monotonic() + _GRACE
        for process in self.running.values():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def command() -> tuple[str, ...]:
    """Return octavo as it runs here, which is there under this name on machines that share a file system."""
    return (sys.executable, "-P", "-m", "octavo")


HERE = Here()
