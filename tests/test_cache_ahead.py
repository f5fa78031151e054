"""A remote that is far is asked for several results at a time, before their turns."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from octavo.cache.exchange import pull
from octavo.cache.shared import Shared
from octavo.model import Reason, Task
from octavo.plan import judged
from octavo.project import load
from projects import Folder

TASKS = 12


class Far:
    """A remote whose lists take their time; ``most`` is how many were waited for at once."""

    def __init__(self, remote: Any, delay: float) -> None:
        self._remote, self._delay = remote, delay
        self._now, self.most, self.asked = 0, 0, 0
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._remote, name)

    def names(self, folder: str) -> list[str]:
        with self._lock:
            self._now += 1
            self.asked += 1
            self.most = max(self.most, self._now)
        time.sleep(self._delay)
        with self._lock:
            self._now -= 1
        found: list[str] = self._remote.names(folder)
        return found


def write(folder: Folder, remote: Path) -> None:
    rows = "".join(
        f"  - {{source: steps.first, name: first{n}, product: out/first{n}.txt, params: {{n: {n}}}}}\n"
        f"  - {{source: steps.second, name: second{n}, product: out/second{n}.txt, upstream: [first{n}],"
        f" params: {{n: {n}}}}}\n"
        for n in range(TASKS)
    )
    folder.write(
        "steps.py",
        "def first(product, n):\n    product.write_text(str(n))\n\n\n"
        "def second(product, upstream, n):\n    product.write_text(upstream[f'first{n}'].read_text() * 2)\n",
    )
    folder.write(
        "pipeline.yaml",
        f"meta: {{extract_upstream: false}}\ncache: {remote.as_uri()}\ntasks:\n{rows}",
    )


def test_a_far_remote_is_asked_for_many_at_once(tmp_path: Path) -> None:
    here, there = Folder(tmp_path / "here"), Folder(tmp_path / "there")
    for folder in (here, there):
        write(folder, tmp_path / "remote")
    with load(here.path) as project:
        assert project.build(remote=True, executor="inline")
    with load(there.path) as project:
        order = [step.task for step in project.status().values()]
        reuse = project._reuse(True, order)
        assert reuse is not None
        shared = reuse.cache.elsewhere
        assert isinstance(shared, Shared)
        far = Far(shared.remote, 0.05)
        shared.remote = far

        def judge(task: Task) -> tuple[Reason, ...]:
            return judged(task, project.graph.tasks, project.store)[0]

        done = pull(reuse, order, "run", judge)
        assert sorted(done.moved) == sorted(task.name for task in order)
        assert far.most > TASKS // 2, "the tasks of the first layer, all known from the start"
        assert far.asked == 2 * TASKS, "each once"
        assert all(not step.fresh for step in project.status(force=True).values())
        assert all(step.fresh for step in project.status().values())
