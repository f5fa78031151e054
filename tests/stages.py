"""A folder with functions and notebooks, and an executor to run them as the engine does."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import Any

from octavo.errors import Place
from octavo.events import Event, Output, TaskFinished
from octavo.executors import Executor, Maker
from octavo.executors.inline import Inline
from octavo.executors.local import Local
from octavo.executors.running import Running
from octavo.model import Product, Task
from octavo.ploomber.forking import Forking
from octavo.spec.sources import Reader
from projects import Folder
from tasks import with_options

#: The members of the family, as they are used.
EXECUTORS: dict[str, Maker] = {
    "local": functools.partial(Local, fork=True),
    "local without forks": functools.partial(Local, fork=False),
    "inline": Inline,
    "of a program": Forking,
    "of a program, inline": functools.partial(Forking, inline=True),
}


class Stage:
    """A folder with functions and notebooks, and an executor to run them."""

    def __init__(self, folder: Folder, make: Maker, jobs: int = 2) -> None:
        self.folder = folder
        self.executor = make(str(folder.path), jobs)
        self.events: list[Event] = []

    def function(self, body: str, name: str = "f", arguments: str = "product", **options: Any) -> Task:
        indented = "\n".join("    " + line for line in body.splitlines())
        module = f"tasks_{name}"
        self.folder.write(f"{module}.py", f"def {name}({arguments}):\n{indented}\n")
        return self._task(f"{module}.{name}", name, options)

    def notebook(self, *cells: str, name: str = "n", **options: Any) -> Task:
        self.folder.write(f"{name}.py", "# %%\n" + "\n# %%\n".join(cells) + "\n")
        return self._task(f"./{name}.py", name, options)

    def _task(self, source: str, name: str, options: dict[str, Any]) -> Task:
        kind, found = Reader(str(self.folder.path)).source(source, Place("pipeline.yaml"))
        filled = Reader(str(self.folder.path)).read(kind, found, text=True)
        return with_options(Task(name, kind, filled, (Product(f"{name}.out"),)), **options)

    def run(self, *tasks: Task) -> dict[str, TaskFinished]:
        """Run tasks as the engine does, and return how each ended."""
        running, waiting = Running(self.executor), list(tasks)
        while waiting or running:
            while waiting and running.free:
                running.start(waiting.pop(0), None)
            self.events += running.next()
        return {event.task: event for event in self.events if isinstance(event, TaskFinished)}

    def text(self, stream: str = "stdout") -> str:
        said = [e.content for e in self.events if isinstance(e, Output) and e.kind == "stream"]
        return "".join(content["text"] for content in said if content["name"] == stream)


def made(executor: Executor) -> Maker:
    """Return what makes an executor that is there already."""
    return lambda root, jobs=None, *, log=None: executor


def gone(pid: int) -> None:
    """Wait for a process to be gone, or a zombie of nobody's."""
    for _ in range(500):
        try:
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if status == "Z":
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} still runs")
