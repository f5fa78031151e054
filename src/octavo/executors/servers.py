"""The warm servers of a build: which of them forks the worker of a task."""

from __future__ import annotations

import selectors
import subprocess
from collections.abc import Container
from contextlib import suppress

from ..errors import StateError
from ..kinds import members
from ..lazy import lazy_imports
from ..model import Task
from .warm import Warm

with lazy_imports():
    from ..kernels import native
    from ..venvs import making


class Servers:
    """One server without and one with a kernel, and of each another that has imported what tasks import.

    They are started when they are needed, and the selector then listens to them. Each environment of tasks has servers
    of its own, which import nothing ahead; ``python`` is its interpreter, "" in the environment of octavo.
    """

    def __init__(self, root: str, log: str | None, selector: selectors.BaseSelector) -> None:
        self._root = root
        self._log = log
        self._selector = selector
        #: By their environments.
        self._first: dict[str, Warm] = {}
        #: First servers that are gone, whose guards are not.
        self._left: list[Warm] = []
        #: By their environment, by whether they have a kernel, and whether they are bare.
        self._servers: dict[tuple[str, bool, bool], Warm] = {}
        self._modules: dict[bool, tuple[str, ...]] = {True: (), False: ()}
        #: Modules that must not be in a process that forks, and why.
        self.unforkable: dict[str, str] = {}

    def want(self, modules: tuple[str, ...], cells: tuple[str, ...]) -> None:
        """Note what servers should import: for tasks without, and for those with a kernel in their worker."""
        self._modules = {False: modules, True: cells}

    def start(self) -> None:
        """Let them import it, while the driver goes on."""
        for kernel in (True, False):
            if self._modules[kernel]:
                self.of(kernel, bare=False)

    def of(self, kernel: bool, bare: bool, python: str = "") -> Warm:
        """Return the server for a task whose worker has a kernel, or none; ``bare``: one that has imported nothing."""
        others = [] if bare or python else self._others(kernel)
        key = python, kernel, not others
        if (found := self._servers.get(key)) is None:
            if others:
                found = self.of(kernel, bare=True).fork(others, kernel)
            else:
                ours = [native.__name__] * kernel if python else self._ours(kernel)
                found = self._root_server(python).fork(ours, kernel)
                found.ready = True  # what it is asked for waits in its line
            self._servers[key] = found
            self._attend(found)
        return found

    def _root_server(self, python: str) -> Warm:
        if python not in self._first:
            self._first[python] = Warm.start(self._root, self._log, python)
            self._attend(self._first[python])
        return self._first[python]

    def _ours(self, kernel: bool) -> list[str]:
        return [name for name in self._modules[kernel] if name.startswith("octavo.")] or [
            native.__name__
        ] * kernel

    def _others(self, kernel: bool) -> list[str]:
        names = (name for name in self._modules[kernel] if not name.startswith("octavo."))
        return [name for name in names if name not in self.unforkable]

    def importing(self, kernel: bool, bare: bool, python: str = "") -> tuple[str, ...]:
        """Return what the server for such a task has yet to import."""
        return () if python or self.of(kernel, bare).ready else tuple(self._others(kernel))

    def answered(self, server: Warm, left: dict[str, str], spoilt: bool) -> None:
        """Note that a server has imported what it should, but for what it left out; end it where it is spoilt."""
        server.ready = True
        self.unforkable |= left
        if spoilt:
            self.lost(server)

    def lost(self, server: Warm) -> bool:
        """Forget a server that is gone; return whether an import took it along, which is not tried again."""
        if server in self._first.values():
            # its guard stays with the other servers
            self._first = {python: each for python, each in self._first.items() if each is not server}
            self._left.append(server)
            self._forget(server)
        else:
            self._end(server)
        for (python, kernel, _), each in list(self._servers.items()):
            if each is server:
                self._servers = {key: other for key, other in self._servers.items() if other is not server}
                if not server.ready and not python:
                    self._modules[kernel] = tuple(self._ours(kernel))
                    return True
        return False

    def _attend(self, server: Warm) -> None:
        self._selector.register(server.line, selectors.EVENT_READ, server)

    def _forget(self, server: Warm) -> None:
        with suppress(KeyError, ValueError):  # it was forgotten before
            self._selector.unregister(server.line)
        server.line.close()

    def _end(self, server: Warm) -> None:
        self._forget(server)
        server.stop()

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The process of the first of them: on Linux its guard."""
        return self._first[""].process if "" in self._first else None

    def every(self) -> list[Warm]:
        """Return those that are there."""
        return [*self._servers.values(), *self._first.values()]

    def stop(self) -> None:
        """End them all."""
        for server in [*self.every(), *self._left]:
            self._end(server)
        self._servers.clear()
        self._left.clear()
        self._first.clear()


def of_task(task: Task, bare: Container[str], diverged: Container[str]) -> tuple[bool, bool, str]:
    """Return whether a task's worker has a kernel, whether it must not find anything imported ahead, and its Python.

    ``bare`` are digests of sources that once had to start again, ``diverged`` names of tasks that now had to.
    """
    facts = task.source.facts
    kernel = native.__name__ in members.kind(task.kind).preload(task)
    return kernel, bool(facts.bare) or facts.digest in bare or task.name in diverged, python_of(task)


def python_of(task: Task) -> str:
    """Return the Python of a task's own environment, "" for that of octavo. Raises Error for one that is not made."""
    if (said := task.own.get("environment")) is None:
        return ""
    if (found := making.made(said["digest"])) is None:
        hint = "it was removed while octavo ran: build again"
        raise StateError(f'the environment "{said["from"]}" is not there', task.where, hint)
    return found
