"""Large results go to the cache in the background: nothing waits for them but the end of the build."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread
from typing import Any

import pytest

from octavo import products
from octavo.cache.local import Cache
from octavo.cache.reuse import Reuse
from octavo.cache.sweep import verify
from octavo.events import RunFinished
from octavo.fingerprint import manifest
from octavo.model import Facts, Outcome, Product, Record, Source, Task
from octavo.parts import Now
from octavo.project import load
from octavo.state.store import Store
from projects import Folder

TASK = Task("big", "function", Source("big.py", facts=Facts("digest")), (Product("out/big.bin"),))
LARGE = 3 << 20


class Slow(Cache):
    """A cache that waits to be told before it copies, and knows where it was called."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.go = Event()
        self.aside: list[bool] = []

    def save(self, *arguments: Any, **more: Any) -> Any:
        self.aside.append(current_thread() is not main_thread())
        if self.aside[-1]:
            assert self.go.wait(30)
        return super().save(*arguments, **more)


class Place:
    def __init__(self, root: Path, size: int) -> None:
        self.root = root
        self.file = root / "out/big.bin"
        self.file.parent.mkdir()
        self.file.write_bytes(os.urandom(1) * size)
        self.store = Store(root / ".octavo", root)
        self.cache = Slow(root / "cache", root)
        self.reuse = Reuse(self.cache, {"big": TASK}, self.store, lambda task: Now(self.store))

    def save(self) -> None:
        assert self.reuse.restore(TASK, (), "run") is None
        table = manifest(TASK, None, {"big": TASK}, self.store.digest, lambda part, path: None)
        made = {"out/big.bin": products.digest(str(self.file)) or ""}
        self.reuse.save(TASK, Record("big", table, made, {}, "run", 1.0))

    def kept(self) -> int:
        return sum(1 for _ in self.cache.entries())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, LARGE)


def test_a_small_result_is_kept_at_once(tmp_path: Path) -> None:
    place = Place(tmp_path, 100)
    place.save()
    assert (place.cache.aside, place.kept()) == ([False], 1)
    assert place.reuse.finish() == []


def test_a_large_result_is_kept_aside_and_is_there_at_the_end(place: Place) -> None:
    place.save()
    assert place.kept() == 0
    place.cache.go.set()
    assert place.reuse.finish() == []
    assert (place.cache.aside, place.kept()) == ([True], 1)
    place.file.unlink()
    entry = place.reuse.restore(TASK, (), "again")
    assert entry is not None and place.file.stat().st_size == LARGE


@pytest.mark.parametrize("change", ["overwritten", "removed", "replaced by a folder"])
def test_what_changes_before_it_is_copied_is_not_kept(place: Place, change: str) -> None:
    place.save()
    if change == "overwritten":
        place.file.write_bytes(b"\0" * LARGE)
    else:
        place.file.unlink()
    if change == "replaced by a folder":
        place.file.mkdir()
    place.cache.go.set()
    assert place.reuse.finish() == []
    assert place.kept() == 0
    assert verify(place.cache).damaged == []


def test_trouble_is_a_note(place: Place) -> None:
    place.save()
    place.cache.at.parent.mkdir(exist_ok=True)
    place.cache.at.write_text("a file stands where the cache should be")
    place.cache.go.set()
    notes = place.reuse.finish()
    assert any("results are not kept in the cache" in note for note in notes)


def test_an_abandoned_build_keeps_nothing_more(place: Place) -> None:
    place.save()
    while not place.cache.aside:  # until the thread has begun with it
        time.sleep(0.01)
    place.save()
    place.reuse.abandon()
    place.cache.go.set()
    assert place.reuse._copying is not None
    place.reuse._copying.join(30)
    assert not place.reuse._copying.is_alive()
    assert len(place.cache.aside) == 1


def test_a_build_ends_when_its_results_are_kept(folder: Folder) -> None:
    body = "def big(product):\n    open(product, 'wb').write(b'0' * 20_000_000)\n"
    folder.write(
        "tasks.py",
        body + "def next(upstream, product):\n    open(product, 'w').write(upstream['big'].name)\n",
    )
    tasks = "tasks:\n  - {source: tasks.big, product: out/big.bin}\n  - {source: tasks.next, product: out/next.txt}\n"
    folder.write("pipeline.yaml", tasks)
    happened: list[Any] = []
    with load(folder.path) as project:
        assert project.build(listeners=[happened.append])
        assert isinstance(happened[-1], RunFinished)
    for name in ("big.bin", "next.txt"):
        (folder.path / "out" / name).unlink()
    with load(folder.path) as project:
        assert set(project.build().outcomes.values()) == {Outcome.RESTORED}


def test_a_killed_build_leaves_no_wrong_entry(folder: Folder) -> None:
    folder.write("tasks.py", "def big(product):\n    open(product, 'wb').write(b'0' * 150_000_000)\n")
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.big, product: out/big.bin}\n")
    for patience in (0.0, 0.05, 0.15):
        build = subprocess.Popen(
            [sys.executable, "-m", "octavo", "build", "--force", "--json"],
            cwd=folder.path,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert build.stdout is not None
        for line in build.stdout:
            if '"TaskFinished"' in line:
                break
        time.sleep(patience)
        build.send_signal(signal.SIGKILL)
        build.wait()
        build.stdout.close()
        found = verify(Cache(folder.path / ".octavo/cache", folder.path))
        assert (found.damaged, found.dropped) == ([], 0)
    assert folder.octavo("build").returncode == 0


class Freezing(BaseHTTPRequestHandler):
    """A web server that has nothing, and that answers nobody any more once something is sent to it."""

    frozen = Event()

    def _answer(self) -> None:
        if self.command == "PUT":
            self.frozen.set()
        if self.frozen.is_set():
            self.server.released.wait()  # type: ignore[attr-defined]
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_PUT = do_PROPFIND = _answer

    def log_message(self, *_: object) -> None: ...


def test_a_remote_that_freezes_does_not_keep_a_build_from_its_end(folder: Folder) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Freezing)
    server.released = Event()  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        folder.write("steps.py", "def make(product):\n    product.write_text('x')\n")
        folder.write(
            "pipeline.yaml",
            f"cache: 'http://127.0.0.1:{server.server_port}/c'\ntasks:\n- {{source: steps.make, product: out.txt}}\n",
        )
        done = folder.octavo("build", "--remote")
    finally:
        server.released.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()
        server.server_close()
    assert done.returncode == 0, done.stdout
    assert Freezing.frozen.is_set()
    assert "the remote cache was not used" in done.stdout
