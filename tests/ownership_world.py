"""A project in which tasks, users, failures and kills write into the same places, for the model of ownership."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections import deque
from contextlib import closing, suppress
from pathlib import Path

import octavo
from octavo.errors import Error, StateError
from octavo.events import Event, TaskFinished
from octavo.executors import Executor
from octavo.model import Failure, Outcome, Task

#: How what tasks write begins.
OURS = "octavo"
PIPELINE = """
tasks:
  - {{source: tasks.one, name: {one}, product: {place}, params: {{n: {n}}}}}
  - {{source: tasks.two, product: data, params: {{n: {n}}}}}
  - {{source: tasks.three, product: [out/c.csv, out/d.csv][0], params: {{n: {n}}}, upstream: two}}
""".replace("[out/c.csv, out/d.csv][0]", "{{a: out/c.csv, b: out/d.csv}}")
TASKS = "def one(product, n): ...\ndef two(product, n): ...\ndef three(product, upstream, n): ...\n"


class Direct:
    """Runs tasks in this process, without their code: it writes as a careful task would, and ends as it is told."""

    slots = 1

    def __init__(self, root: Path, end: str) -> None:
        self._root, self._end = root, end
        self._waiting: deque[Task] = deque()

    def refuses(self, task: Task) -> Error | None:
        return None

    def prepare(self, modules: tuple[str, ...], cells: tuple[str, ...] = ()) -> None: ...

    def submit(self, task: Task) -> None:
        self._waiting.append(task)

    def next(self, timeout: float | None = None) -> Event | None:
        task = self._waiting.popleft()
        n = int(task.params["n"])
        for number, product in enumerate(task.products):
            if number and self._end == "kill":
                os._exit(9)
            self.write(self._root / product.path, f"{OURS} {task.name} {n} {product.path}", n)
        if self._end == "kill":
            os._exit(9)
        if self._end == "fail":
            return TaskFinished(task.name, Outcome.FAILED, 0.1, Failure("ValueError", "as told"))
        return TaskFinished(task.name, Outcome.DONE, 0.1)

    def close(self) -> tuple[Event, ...]:
        return ()

    @staticmethod
    def write(path: Path, text: str, n: int) -> None:
        """Write a product."""
        if path.name != "data":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return
        path.mkdir(parents=True, exist_ok=True)
        for number in range(n):
            part = path / f"part-{number}.csv"
            # what a task's own code overwrites is not octavo's to judge
            if not part.exists() or part.read_text().startswith(OURS):
                part.write_text(text)


def describe(root: Path, n: int, one: str, place: str) -> None:
    """Write the pipeline: ``n`` is what all results depend on, ``one`` and ``place`` a task and where it writes."""
    (root / "pipeline.yaml").write_text(PIPELINE.format(n=n, one=one, place=place))
    (root / "tasks.py").write_text(TASKS)


def build(root: Path, end: str = "", force: bool = False) -> None:
    """Build; each task ends as ``end`` says: well, "fail", or with a kill of the whole process."""

    def make(root: str, jobs: int | None = None, *, log: str | None = None) -> Executor:
        return Direct(Path(root), end)

    with octavo.load(root / "pipeline.yaml") as project:
        project.build(force=force, executor=make)


def clean(root: Path, force: bool = False) -> None:
    """Remove products, as ``octavo clean --yes`` does."""
    with octavo.load(root / "pipeline.yaml") as project:
        project.clean([it for it in project.leftovers() if not it.outside and (force or not it.edited)])


def accept(root: Path, task: str) -> bool:
    """Accept the products of a task; return whether they could be."""
    with octavo.load(root / "pipeline.yaml") as project:
        try:
            return bool(project.accept([task]))
        except StateError:
            raise
        except Error:
            return False


def spoil(root: Path, how: str) -> None:
    """Do to the state what versions, disks and people do."""
    state = root / ".octavo" / "state.db"
    if not state.exists():
        return
    with closing(sqlite3.connect(state)) as db, suppress(sqlite3.DatabaseError):  # damaged already
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if how == "version":
            db.execute("PRAGMA user_version=1")
            db.commit()
    for suffix in ("-wal", "-shm"):
        state.with_name(f"state.db{suffix}").unlink(missing_ok=True)
    if how == "damage":
        os.truncate(state, state.stat().st_size // 2)
    elif how == "forget":
        state.unlink()


if __name__ == "__main__":
    build(Path(sys.argv[1]), sys.argv[2])
