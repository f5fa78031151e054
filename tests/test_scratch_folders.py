"""Folders for a moment, and what a killed process leaves of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from octavo.products.scratch import Scratch, sweep

OWNER = """
import sys, time
from octavo.products.scratch import Scratch

scratch = Scratch()
print(scratch.path, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary folders that nobody else uses."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def old(path: str | Path) -> None:
    os.utime(path, (0, 0))


def test_a_folder_goes_with_its_block(place: Path) -> None:
    with Scratch() as scratch:
        Path(scratch.path, "file").touch()
        assert Path(scratch.path).parent == place
        assert Path(scratch.path).stat().st_mode & 0o777 == 0o700
    assert not Path(scratch.path).exists()
    scratch.remove()


def test_the_folder_of_a_killed_process_is_swept_and_that_of_a_living_one_is_not(place: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    path = Path(owner.stdout.readline().strip())
    old(path)
    sweep()
    assert path.exists()
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    sweep()
    assert not path.exists()


def test_what_is_young_or_is_not_ours_stays(place: Path) -> None:
    young, other, file = place / "octavo-scratch-young123", place / "other", place / "octavo-scratch-file1234"
    young.mkdir(mode=0o700)
    other.mkdir()
    file.touch()
    link = place / "octavo-scratch-link1234"
    link.symlink_to(other)
    for one in (other, file):
        old(one)
    sweep()
    assert all(one.exists() for one in (young, other, file, link))


def test_folders_of_people_stay_whatever_their_names_begin_with(place: Path) -> None:
    names = (
        "octavo-project",
        "octavo-projects",
        "octavo-scratch-book",
        "octavo-scratch-",
        "octavo-scratch-12345678",
    )
    for name in names:
        (place / name).mkdir()
        (place / name / "work.py").touch()
        old(place / name)
    sweep()
    assert [name for name in names if (place / name / "work.py").exists()] == list(names)


def test_a_folder_for_sockets_has_a_short_path(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = place / ("d" * 90)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with Scratch(sockets=True) as scratch:
        assert len(scratch.path) < 80
    with Scratch() as scratch:
        assert Path(scratch.path).parent == deep
    assert not list(deep.iterdir())
