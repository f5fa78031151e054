"""Whatever is killed in a build, the next one completes: no orphans, no leftovers, nothing falsely fresh."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from crashes import SECONDS, VICTIMS, crash, environment, write
from projects import Folder

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are found in /proc")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("crashes"))
    write(folder)
    ended = folder.octavo("build", env=environment(folder))
    assert ended.returncode == 0, ended.stdout
    return folder


@pytest.mark.parametrize("seed", range(len(VICTIMS)))
def test_a_build_that_was_killed_is_completed_by_the_next(pipeline: Folder, seed: int) -> None:
    crash(pipeline, seed, VICTIMS[seed % len(VICTIMS)])


@pytest.mark.nightly
def test_two_hundred_crashes_leave_nothing_behind(pipeline: Folder) -> None:
    met, lasts = 0, SECONDS
    for seed in range(100, 300):
        found, took = crash(pipeline, seed, VICTIMS[seed % len(VICTIMS)], lasts)
        met += bool(found)
        lasts = max(took, 0.9 * lasts)  # a busy machine takes its time
    assert met > 150, "most must have met somebody, or this tests nothing"


@pytest.mark.nightly
def test_a_first_build_that_was_killed_is_completed_by_the_next(tmp_path: Path) -> None:
    for seed in range(20):
        folder = Folder(tmp_path / str(seed))
        write(folder)
        crash(folder, seed, VICTIMS[seed % len(VICTIMS)])
