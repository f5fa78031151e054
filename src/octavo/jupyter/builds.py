"""The builds that a server of Jupyter's runs, one of a project or notebook at a time, and who watches them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from ..events import (
    CellFinished,
    CellStarted,
    Event,
    RunFinished,
    RunStarted,
    TaskFinished,
    TaskStarted,
    to_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ..model import Json

#: What browsers are told; outputs and notebooks stay on disk, where they can be opened.
_TOLD = (RunStarted, TaskStarted, CellStarted, CellFinished, TaskFinished, RunFinished)


class Loop(Protocol):
    """The loop of the server, on which all that watch are told."""

    def add_callback(self, callback: Callable[..., object], /, *args: object) -> None: ...


class Going(Protocol):
    """What runs: it yields its events until it has ended with a code, and may have said what is no event."""

    said: list[str]

    @property
    def code(self) -> int | None: ...
    def events(self) -> Iterator[Event]: ...
    def cancel(self) -> None: ...


class Builds:
    """Runs builds in the background, and tells those who watch a project how its build goes."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._running: dict[Path, Going] = {}
        self._told: dict[Path, list[Json]] = {}
        self._watching: dict[Path, list[Callable[[Json], None]]] = {}

    def running(self, root: Path) -> bool:
        """Return whether a build of a project runs here."""
        return root in self._running

    def start(self, root: Path, start: Callable[[], Going]) -> bool:
        """Start a build of a project, or the run of a notebook; return whether it was: one runs at a time."""
        if root in self._running:
            return False
        building = self._running[root] = start()
        self._told[root] = []
        threading.Thread(target=self._follow, args=(root, building), daemon=True).start()
        return True

    def cancel(self, root: Path) -> bool:
        """End the build of a project; return whether there was one."""
        building = self._running.get(root)
        if building is not None:
            building.cancel()
        return building is not None

    def watch(self, root: Path, watcher: Callable[[Json], None]) -> Callable[[], None]:
        """Tell somebody what has been told of the running build, and all that comes; return what ends it."""
        for event in self._told.get(root, ()) if root in self._running else ():
            watcher(event)
        self._watching.setdefault(root, []).append(watcher)
        return lambda: self._watching[root].remove(watcher)

    def close(self) -> None:
        """End all builds."""
        for building in self._running.values():
            building.cancel()

    def _follow(self, root: Path, building: Going) -> None:
        for event in building.events():
            if isinstance(event, _TOLD):
                self._loop.add_callback(self._tell, root, _plain(event))
        self._loop.add_callback(self._ended, root, building)

    def _tell(self, root: Path, event: Json) -> None:
        self._told[root].append(event)
        for watcher in [*self._watching.get(root, ())]:
            watcher(event)

    def _ended(self, root: Path, building: Going) -> None:
        del self._running[root]
        said = "\n".join(building.said) if building.code not in (0, 1, 130) else ""
        self._tell(root, {"event": "Ended", "code": building.code, "said": said})


def _plain(event: Event) -> Json:
    """Return an event as browsers get it: a failure without its traceback."""
    found = to_json(event)
    for name in ("discovered", "touched"):
        found.pop(name, None)
    if failure := found.get("failure"):
        found["failure"] = {key: value for key, value in failure.items() if key not in ("traceback", "code")}
    return found
