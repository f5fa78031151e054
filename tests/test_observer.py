"""What a task is seen to use, while threads of it and of octavo are at work in the same process."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from octavo.worker.observe import Observer


@pytest.fixture
def observer(tmp_path: Path) -> Iterator[Observer]:
    observer = Observer(str(tmp_path))
    observer.start()
    yield observer
    observer.stop()


def read_in_a_thread(path: Path, name: str) -> None:
    thread = threading.Thread(target=path.read_bytes, name=name)
    thread.start()
    thread.join()


def test_what_a_thread_of_the_task_reads_counts_and_what_one_of_octavo_reads_does_not(
    observer: Observer, tmp_path: Path
) -> None:
    for name in ("mine", "kept"):
        (tmp_path / name).write_text(name)
    read_in_a_thread(tmp_path / "mine", "Thread-1")
    read_in_a_thread(tmp_path / "kept", "octavo-cache")
    assert str(tmp_path / "mine") in observer.activity.opened
    assert str(tmp_path / "kept") not in observer.activity.opened
    assert ("read", "mine") in {touch[1:] for touch in observer.touched()}


def test_a_task_whose_threads_go_on_reading_ends_well(observer: Observer, tmp_path: Path) -> None:
    stop = threading.Event()

    def go_on(number: int) -> None:
        count = 0
        while not stop.is_set():
            file = tmp_path / f"{number}-{count}"
            file.write_text("")
            count += 1

    threads = [threading.Thread(target=go_on, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(300):
            observer.stop()
            observer.start()
            observer._touched.clear()
            assert isinstance(observer.touched(), tuple)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_opens_of_other_threads_count_while_one_lists_a_folder(observer: Observer, tmp_path: Path) -> None:
    for name in range(400):
        (tmp_path / "many" / str(name)).parent.mkdir(exist_ok=True)
        (tmp_path / "many" / str(name)).write_text("")
    stop = threading.Event()

    def list_again_and_again() -> None:
        while not stop.is_set():
            observer.activity.listed.clear()
            os.listdir(tmp_path / "many")

    lister = threading.Thread(target=list_again_and_again)
    lister.start()
    try:
        for number in range(400):
            (tmp_path / "many" / str(number)).read_text()
    finally:
        stop.set()
        lister.join()
    assert {str(tmp_path / "many" / str(number)) for number in range(400)} <= observer.activity.opened.keys()
