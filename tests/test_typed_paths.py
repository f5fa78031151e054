"""Whatever path is typed, the answer is a mistake of the person with that path, never a bug of octavo's."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from octavo import cli
from octavo.show.screen import Screen

NOTEBOOK = "# %%\nimport json\nprint(json.dumps(1))\n"


def answer(*words: str) -> tuple[int, str]:
    err = io.StringIO()
    return cli._guarded(words, Screen(err)), err.getvalue()


@pytest.mark.parametrize(
    "words",
    [
        *(("cat", path) for path in ("/dev/zero", "nowhere.ipynb", "folder", "nb.py/x")),
        *(("strip", path) for path in ("/dev/zero", "nowhere.ipynb", "nb.py/x")),
        ("cell", "/dev/zero#1"),
        ("cell", "nowhere.ipynb#1"),
        ("diff", "/dev/zero", "/dev/zero"),
        ("merge", "nb.py", "nb.py", "/dev/zero"),
        ("merge", "-o", "nowhere/out.py", "nb.py", "nb.py", "nb.py"),
        ("merge", "-o", "folder", "nb.py", "nb.py", "nb.py"),
        ("meta", "reqs", "nb.py", "-o", "nowhere/requirements.txt"),
        ("meta", "reqs", "nb.py", "--output=folder"),
        ("diff", "nb.py", "other.py", "--html=nowhere/page.html"),
        ("new", "nb.py/project"),
        ("run", "nb.py", "nb.py/out.ipynb"),
    ],
)
def test_a_path_that_cannot_be_used_is_told(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("nb.py", "other.py"):
        Path(name).write_text(NOTEBOOK + f"# {name}\n")
    Path("folder").mkdir()
    code, said = answer(*words)
    said += capsys.readouterr().err
    assert code == 2, said
    paths = [word.partition("=")[2] or word.partition("#")[0] for word in words[1:]]
    assert any(path and path in said for path in paths), said
    assert "bug" not in said


def test_what_is_written_into_a_device_goes_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nb.py").write_text(NOTEBOOK)
    before = os.stat(os.devnull)
    assert answer("meta", "reqs", "nb.py", "-o", os.devnull)[0] == 0
    assert answer("merge", "-o", os.devnull, "nb.py", "nb.py", "nb.py")[0] == 0
    assert os.stat(os.devnull).st_rdev == before.st_rdev
