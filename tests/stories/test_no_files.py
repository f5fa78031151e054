"""Outputs and products that are no files: devices, pipes, sockets. They are written into or refused, never replaced."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest

from octavo.cli import _guarded
from octavo.show.screen import screen
from projects import Folder

NOTEBOOK = """
# %%
print("done")
"""
PIPELINE = """
tasks:
  - source: nb.py
    product: {product}
"""

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root could replace a device, and make one")


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write("nb.py", NOTEBOOK)
    folder.write("pipeline.yaml", PIPELINE.format(product="out.ipynb"))
    return folder


@pytest.fixture
def null(project: Folder) -> str:
    """The path of a device of our own: the machine's would be missed."""
    os.mknod(project.path / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (project.path / "link").symlink_to("null")
    (project.path / "link.html").symlink_to("null")
    return "null"


@root
@pytest.mark.usefixtures("null")
@pytest.mark.parametrize(
    "words",
    [
        ["run", "nb.py", "null"],
        ["run", "nb.py", "link"],
        ["run", "nb.py", "out.ipynb", "--stdout-file", "null", "--stderr-file", "link"],
        ["run", "nb.py", "--prepare-only", "null"],
        ["report", "-o", "null"],
        ["report", "-o", "link.html"],
        ["plot", "-o", "link.html"],
        ["plot", "--format", "svg", "-o", "null"],
        ["build", "--junit", "null"],
        ["convert", "nb.py", "--to", "ipynb", "-o", "link"],
    ],
)
def test_a_device_that_is_named_stays_a_device(words: list[str], project: Folder) -> None:
    ended = project.octavo(*words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert stat.S_ISCHR((project.path / "null").lstat().st_mode)
    assert (project.path / "link").is_symlink()
    assert (project.path / "link.html").is_symlink()


def test_the_names_of_standard_output_mean_standard_output(project: Folder) -> None:
    with (project.path / "out.json").open("wb") as out:
        subprocess.run(
            [sys.executable, "-m", "octavo", "run", "nb.py", "/dev/stdout"],
            cwd=project.path,
            stdout=out,
            check=True,
        )
    printed = json.loads(project.read("out.json"))
    assert printed["cells"][-1]["outputs"][0]["text"] == ["done\n"]


def test_a_run_that_is_refused_loses_nothing_of_its_logs(project: Folder) -> None:
    project.write("log", "old")
    refused = [
        (["run", "missing.py", "out.ipynb", "--stdout-file", "log"], "there is no such notebook"),
        (["run", "nb.py", "out.ipynb", "--stdout-file", "nb.py"], "--stdout-file is the notebook itself"),
        (
            ["run", "nb.py", "log.ipynb", "--stderr-file", "log.ipynb"],
            "--stderr-file is the executed notebook",
        ),
    ]
    for words, message in refused:
        ended = project.octavo(*words)
        assert (ended.returncode, message in ended.stderr) == (2, True), ended.stderr
    assert (project.read("log"), project.read("nb.py")) == ("old", NOTEBOOK.lstrip())


@pytest.mark.skipif(not os.path.isdir("/sys/kernel"), reason="needs a folder in which nobody can make files")
def test_an_output_that_cannot_be_written_is_refused_before_anything_runs(project: Folder) -> None:
    ended = project.octavo("run", "nb.py", "/sys/kernel/out.ipynb")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "the output /sys/kernel/out.ipynb cannot be written: " in ended.stderr


@pytest.mark.parametrize("words", [["ci", "github"], ["convert", "nb.py", "--to", "md"]])
def test_what_is_written_into_a_pipe_is_not_read_from_it_first(words: list[str], project: Folder) -> None:
    os.mkfifo(project.path / "pipe")
    with subprocess.Popen(["cat", "pipe"], cwd=project.path, stdout=subprocess.PIPE) as reader:
        ended = project.octavo(*words, "-o", "pipe", timeout=60)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert b"octavo build" in (got := reader.communicate()[0]) or b'print("done")' in got


def test_a_pipe_is_not_waited_for_by_what_edits_files(
    project: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(project.path / "pipe.ipynb")
    (project.path / "link.ipynb").symlink_to("pipe.ipynb")
    monkeypatch.chdir(project.path)
    for name in ("pipe.ipynb", "link.ipynb"):
        for words in (
            ["strip", name],
            ["cell", f"{name}#1", "--source", "nb.py"],
            ["pair", name],
            ["sample", name],
        ):
            assert _guarded(words, screen(sys.stderr, {})) == 2, words
            assert f"{name}: it is a named pipe" in capsys.readouterr().err


def test_what_reads_a_pipe_gets_the_notebook(project: Folder) -> None:
    os.mkfifo(project.path / "pipe")
    with subprocess.Popen(["cat", "pipe"], cwd=project.path, stdout=subprocess.PIPE) as reader:
        ended = project.octavo("run", "nb.py", "pipe")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert json.loads(reader.communicate()[0])["nbformat"] == 4
    assert stat.S_ISFIFO((project.path / "pipe").lstat().st_mode)


@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_as_product_is_refused_with_its_place_before_it_is_opened(
    linked: bool, project: Folder
) -> None:
    os.mkfifo(project.path / "pipe.ipynb")
    (project.path / "link.ipynb").symlink_to("pipe.ipynb")
    product = "link.ipynb" if linked else "pipe.ipynb"
    project.write("pipeline.yaml", PIPELINE.format(product=product))
    for words in (["status"], ["build"], ["build", "--force"], ["build", "-n"]):
        ended = project.octavo(*words, timeout=60)
        assert ended.returncode == 2, ended.stdout + ended.stderr
        assert f'pipeline.yaml:2:5: task "nb" makes "{product}": it is a named pipe' in ended.stderr
    assert stat.S_ISFIFO((project.path / "pipe.ipynb").lstat().st_mode)


@root
@pytest.mark.usefixtures("null")
def test_a_device_as_product_is_refused(project: Folder) -> None:
    (project.path / "null.ipynb").symlink_to("null")
    project.write("pipeline.yaml", PIPELINE.format(product="null.ipynb"))
    ended = project.octavo("build")
    assert ended.returncode == 2
    assert 'task "nb" makes "null.ipynb": it is a device' in ended.stderr
    assert stat.S_ISCHR((project.path / "null").lstat().st_mode)


def test_a_pipe_is_no_notebook(project: Folder) -> None:
    os.mkfifo(project.path / "pipe.ipynb")
    ended = project.octavo("run", "pipe.ipynb", "out.ipynb", timeout=60)
    assert ended.returncode == 2
    assert "pipe.ipynb: this is a named pipe, not a notebook" in ended.stderr


def test_an_output_keeps_its_permissions_and_its_link(project: Folder) -> None:
    project.write("kept/real.ipynb", "old")
    (project.path / "kept/real.ipynb").chmod(0o600)
    (project.path / "out.ipynb").symlink_to("kept/real.ipynb")
    ended = project.octavo("run", "nb.py", "out.ipynb")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (project.path / "out.ipynb").is_symlink()
    assert json.loads(project.read("kept/real.ipynb"))["nbformat"] == 4
    assert stat.S_IMODE((project.path / "kept/real.ipynb").stat().st_mode) == 0o600
    assert os.listdir(project.path / "kept") == ["real.ipynb"]
