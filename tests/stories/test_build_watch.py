"""``octavo build --watch``: edits are built as they are saved."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from queue import Empty, Queue

import pytest

from projects import Folder


class Watching:
    """A running ``octavo build --watch`` whose lines are waited for."""

    def __init__(self, folder: Folder) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "octavo", "build", "--watch"],
            cwd=folder.path,
            env={**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def until(self, end: str) -> list[str]:
        """Return the lines up to one that contains ``end``."""
        found: list[str] = []
        while not found or end not in found[-1]:
            try:
                found.append(self.lines.get(timeout=60))
            except Empty:
                raise AssertionError(f"{end!r} was not said, but {found}") from None
        return found


@pytest.fixture
def watching(folder: Folder) -> Iterator[Watching]:
    folder.write("pipeline.yaml", "- {source: tasks.make, product: a.txt}\n")
    folder.write("tasks.py", "from helper import word\n\ndef make(product):\n    product.write_text(word)\n")
    folder.write("helper.py", "word = 'one'\n")
    running = Watching(folder)
    yield running
    running.process.kill()
    running.process.wait()
    assert running.process.stdout is not None
    running.process.stdout.close()


WAITS = "waiting for an edit"


def test_an_edit_of_an_imported_module_is_built_and_nothing_else_is(
    folder: Folder, watching: Watching
) -> None:
    assert any("done" in line for line in watching.until(WAITS))
    folder.write("helper.py", "word = 'two'\n")
    said = watching.until(WAITS)
    assert said[0] == "edited: helper.py"
    assert folder.read("a.txt") == "two"
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(timeout=60) == 0


def test_mistakes_and_failures_are_waited_out(folder: Folder, watching: Watching) -> None:
    watching.until(WAITS)
    folder.write("pipeline.yaml", "- {source: tasks.make, produkt: a.txt}\n")
    assert any('did you mean "product"?' in line for line in watching.until(WAITS))
    folder.write("pipeline.yaml", "- {source: tasks.make, product: b.txt}\n")
    assert any("done" in line for line in watching.until(WAITS))
    folder.write("tasks.py", "def make(product):\n    1 / 0\n")
    assert any("ZeroDivisionError" in line for line in watching.until(WAITS))
    folder.write("tasks.py", "def make(product):\n    product.write_text('good')\n")
    assert any("1 done" in line for line in watching.until(WAITS))
    assert folder.read("b.txt") == "good"
