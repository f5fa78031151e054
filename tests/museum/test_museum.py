"""The museum of user mistakes: a folder for each, with the project as the user has it and what octavo must say.

``NAME/project/`` is copied, the commands of ``NAME/expected.txt`` are typed in it, and the answers must be those of the
file, to the letter. After a wish to say something better, this writes the answers of now into the files, to be read and
committed: ``PYTHONPATH=tests python tests/museum/test_museum.py [NAME …]``.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from transcripts import commands, play

HERE = Path(__file__).parent
EXHIBITS = sorted(path.parent.name for path in HERE.glob("*/expected.txt"))


def answers(name: str, folder: Path) -> str:
    """Return the transcript of an exhibit as it is now."""
    project = folder / "project"
    shutil.copytree(HERE / name / "project", project, ignore=shutil.ignore_patterns(".octavo", "__pycache__"))
    bin = folder / "bin"
    bin.mkdir()
    return play((HERE / name / "expected.txt").read_text(encoding="utf-8"), project, bin)


@pytest.mark.parametrize("name", EXHIBITS)
def test_a_mistake_gets_the_answer_that_helps(name: str, tmp_path: Path) -> None:
    expected = (HERE / name / "expected.txt").read_text(encoding="utf-8")
    assert answers(name, tmp_path) == expected


@pytest.mark.parametrize("name", EXHIBITS)
def test_no_answer_shows_the_inside_of_octavo(name: str) -> None:
    expected = (HERE / name / "expected.txt").read_text(encoding="utf-8")
    assert commands(expected), "an exhibit is a transcript: $ octavo build"
    for word in ("src/octavo", "octavo/kinds", "octavo/executors", "This is a bug", "[70]"):
        assert word not in expected


def test_the_museum_holds_what_users_do_wrong() -> None:
    assert len(EXHIBITS) >= 145
    assert {path.parent.name for path in HERE.glob("*/project")} == set(EXHIBITS)


def main(names: list[str]) -> None:
    for name in names or EXHIBITS:
        with tempfile.TemporaryDirectory() as folder:
            now = answers(name, Path(folder).resolve())
        (HERE / name / "expected.txt").write_text(now, encoding="utf-8")
        print(f"── {name}\n{now}")


if __name__ == "__main__":
    main(sys.argv[1:])
