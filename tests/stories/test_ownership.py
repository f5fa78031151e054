"""Files are owned: what no record calls octavo's is neither replaced nor removed unless the user says so."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from projects import Folder

TASKS = """
import os
from pathlib import Path

def one(product, n=1):
    Path(product).write_text(f"one {n}")

def two(product, upstream, n=1):
    Path(product).write_text(f"two {n}")

def folder(product, n=1):
    Path(product).mkdir(exist_ok=True)
    for number in range(n):
        Path(product, f"part-{number}.csv").write_text(str(number))
    if os.path.exists("fail"):
        raise ValueError("failed")
    while os.path.exists("wait"):
        Path(product, "half.csv").write_text("half")

def single(product, n=1):
    Path(product).write_text(f"begun {n}")
    if os.path.exists("fail"):
        raise ValueError("failed")
    while os.path.exists("wait"):
        pass
"""
PIPELINE = """
tasks:
  - source: tasks.one
    product: out/one.csv
    params: {n: 1}
  - source: tasks.two
    product: out/two.csv
    upstream: one
  - source: nb.py
    product: out/nb.ipynb
    upstream: one
"""


def git(folder: Folder, *words: str) -> None:
    name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *name, *words], cwd=folder.path, check=True, capture_output=True)


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("tasks.py", TASKS)
    folder.write("nb.py", '# %%\nprint("new")\n')
    return folder


def one_folder(folder: Folder, n: int = 1, source: str = "folder", product: str = "data") -> None:
    folder.write("tasks.py", TASKS)
    folder.write(
        "pipeline.yaml", f"tasks: [{{source: tasks.{source}, product: {product}, params: {{n: {n}}}}}]"
    )


def found(folder: Folder, name: str) -> dict[str, str]:
    place = folder.path / name
    return {str(it.relative_to(place)): it.read_text() for it in sorted(place.rglob("*")) if it.is_file()}


# ── the first run


def test_what_was_there_before_the_first_run_is_not_overwritten(project: Folder) -> None:
    project.write("out/one.csv", "by hand")
    project.write("out/nb.ipynb", "{}")
    status = project.octavo("status")
    assert "blocked  one  first run, out/one.csv was there before the first run" in status.stdout
    ended = project.octavo("build")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "blocked 3 tasks" in ended.stdout or "out/one.csv was there before the first run" in ended.stdout
    hint = "there before: octavo accept TASK keeps it, octavo build --force TASK replaces it"
    assert ended.stdout.count(hint) == 1
    assert project.read("out/one.csv") == "by hand"
    assert project.read("out/nb.ipynb") == "{}"


def test_force_replaces_it_and_accept_keeps_it(project: Folder) -> None:
    project.write("out/one.csv", "by hand")
    project.write("out/two.csv", "by hand")
    assert project.octavo("accept", "one").returncode == 0
    assert project.octavo("build", "--force", "two").returncode == 0
    assert project.read("out/one.csv") == "by hand"
    assert project.read("out/two.csv") == "two 1"
    assert project.octavo("build").returncode == 0
    assert "all 3 tasks are fresh" in project.octavo("status").stdout


def test_an_empty_file_is_nobodys_work(project: Folder) -> None:
    project.write("out/one.csv", "")
    assert project.octavo("build").returncode == 0
    assert project.read("out/one.csv") == "one 1"


def test_the_same_bytes_are_taken_from_the_cache(project: Folder) -> None:
    assert project.octavo("build").returncode == 0
    for path in (project.path / ".octavo").glob("state.db*"):
        path.unlink()
    ended = project.octavo("build")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "3 restored" in ended.stdout
    for path in (project.path / ".octavo").glob("state.db*"):
        path.unlink()
    project.write("out/two.csv", "by hand")
    ended = project.octavo("build")
    assert ended.returncode == 1
    assert "blocked two: out/two.csv was there before the first run" in ended.stdout
    assert project.read("out/two.csv") == "by hand"


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_what_git_has_as_it_is_may_be_replaced(project: Folder) -> None:
    project.write("out/one.csv", "old one")
    project.write("out/two.csv", "old two")
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "with products")
    project.write("out/two.csv", "edited")
    ended = project.octavo("build")
    assert ended.returncode == 1, ended.stdout
    assert project.read("out/one.csv") == "one 1"
    assert project.read("out/two.csv") == "edited"
    assert "blocked two: out/two.csv was there before the first run" in ended.stdout


def test_a_project_that_comes_from_ploomber_gets_one_answer_for_all_of_its_products(folder: Folder) -> None:
    folder.write("tasks.py", TASKS)
    lines = ["tasks:"]
    for number in range(40):
        lines += [f"  - {{source: tasks.one, name: t{number}, product: out/{number}.csv}}"]
        folder.write(f"out/{number}.csv", "old")
        folder.write(f"out/.{number}.csv.metadata", json.dumps({"timestamp": 1.0, "stored_source_code": "x"}))
    folder.write("pipeline.yaml", "\n".join(lines))
    ended = folder.octavo("build")
    assert ended.returncode == 1
    assert (
        "blocked 40 tasks: the products were there before the first run (t0, t1, t2 and 37 more)"
        in ended.stdout
    )
    assert ended.stdout.count("there before:") == 1
    assert "octavo build --adopt takes over what Ploomber made" in ended.stdout
    assert len(ended.stdout.splitlines()) < 8
    assert set(found(folder, "out").values()) >= {"old"}
    assert folder.octavo("build", "--force").returncode == 0


# ── folders


def test_what_stood_in_a_product_folder_before_the_first_run_stays_there(folder: Folder) -> None:
    one_folder(folder, 2)
    folder.write("data/raw.csv", "raw")
    folder.write("data/deep/raw.csv", "deep")
    assert folder.octavo("build").returncode == 0
    for n in (1, 3):
        one_folder(folder, n)
        ended = folder.octavo("build")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert found(folder, "data") == {
            "raw.csv": "raw",
            "deep/raw.csv": "deep",
            **{f"part-{number}.csv": str(number) for number in range(n)},
        }
    folder.write("data/raw.csv", "edited")
    ended = folder.octavo("build")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert found(folder, "data")["raw.csv"] == "edited"
    folder.write("data/part-0.csv", "by hand")
    assert folder.octavo("build").returncode == 1
    assert folder.octavo("clean", "--yes", "--force").returncode == 0
    assert found(folder, "data") == {"raw.csv": "edited", "deep/raw.csv": "deep"}


def test_what_is_put_into_a_product_folder_later_stays_there_even_with_force(folder: Folder) -> None:
    one_folder(folder, 2)
    assert folder.octavo("build").returncode == 0
    folder.write("data/notes.txt", "notes")
    blocked = folder.octavo("build")
    assert blocked.returncode == 1
    assert "notes.txt is new" in blocked.stdout
    assert folder.octavo("build", "--force").returncode == 0
    assert found(folder, "data") == {"notes.txt": "notes", "part-0.csv": "0", "part-1.csv": "1"}


def test_what_is_accepted_with_a_folder_stays_there(folder: Folder) -> None:
    one_folder(folder, 1)
    folder.write("data/raw.csv", "raw")
    assert folder.octavo("accept", "folder").returncode == 0
    one_folder(folder, 2)
    assert folder.octavo("build").returncode == 0
    one_folder(folder, 1)
    assert folder.octavo("build").returncode == 0
    assert found(folder, "data") == {"raw.csv": "raw", "part-0.csv": "0"}


def test_a_folder_that_octavo_writes_itself_is_emptied_and_what_others_put_there_is_kept(
    folder: Folder,
) -> None:
    folder.write(
        "steps.py",
        """
from octavo.serialize import serializer

@serializer(unpack=True, defaults=[".txt"])
def save(value, product): ...

def make(n):
    return {f"{number}.txt": str(number) for number in range(n)}
""",
    )
    spec = "tasks: [{source: steps.make, product: data, serializer: steps.save, params: {n: %d}}]"
    folder.write("pipeline.yaml", spec % 2)
    folder.write("data/raw.csv", "raw")
    assert folder.octavo("build").returncode == 1
    assert found(folder, "data") == {"raw.csv": "raw"}
    assert folder.octavo("accept", "make").returncode == 0
    folder.write("pipeline.yaml", spec % 1)
    ended = folder.octavo("build")
    assert "data/raw.csv is not as a run has left it, and was in the way: it is now" in ended.stdout
    assert found(folder, "data") == {"0.txt": "0"}
    folder.write("data/notes.txt", "notes")
    assert folder.octavo("build", "--force").returncode == 0
    assert found(folder, "data") == {"0.txt": "0"}
    assert kept(folder) == {"data/raw.csv": "raw", "data/notes.txt": "notes"}


def test_a_folder_with_files_of_others_is_not_taken_from_the_cache(folder: Folder) -> None:
    one_folder(folder, 2)
    assert folder.octavo("build").returncode == 0
    shutil.rmtree(folder.path / "data")
    for path in (folder.path / ".octavo").glob("state.db*"):
        path.unlink()
    folder.write("data/raw.csv", "raw")
    assert folder.octavo("build").returncode == 0
    assert found(folder, "data") == {"raw.csv": "raw", "part-0.csv": "0", "part-1.csv": "1"}


# ── runs that did not end well


def killed(folder: Folder, product: str) -> None:
    """Build, and kill the build when it has written something."""
    (folder.path / "wait").touch()
    with subprocess.Popen(
        [sys.executable, "-m", "octavo", "build"], cwd=folder.path, stdout=subprocess.DEVNULL
    ) as build:
        while not (folder.path / product).exists():
            time.sleep(0.02)
        build.send_signal(signal.SIGKILL)
    (folder.path / "wait").unlink()
    time.sleep(0.5)


def kept(folder: Folder) -> dict[str, str]:
    place = folder.path / ".octavo" / "kept"
    return {
        "/".join(it.relative_to(place).parts[1:]): it.read_text() for it in place.rglob("*") if it.is_file()
    }


def test_work_done_after_a_kill_is_moved_away_and_not_lost(folder: Folder) -> None:
    one_folder(folder, source="single", product="out.csv")
    killed(folder, "out.csv")
    folder.write("out.csv", "a week of work")
    ended = folder.octavo("build")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "out.csv is not as a run has left it, and was in the way: it is now .octavo/kept/" in ended.stdout
    assert folder.read("out.csv") == "begun 1"
    assert kept(folder) == {"out.csv": "a week of work"}


def test_work_done_after_a_failure_is_moved_away_and_what_the_failure_left_is_not(folder: Folder) -> None:
    one_folder(folder, source="single", product="out.csv")
    folder.write("fail", "")
    assert folder.octavo("build").returncode == 1
    assert folder.octavo("build").returncode == 1
    assert kept(folder) == {}
    folder.write("out.csv", "a week of work")
    (folder.path / "fail").unlink()
    assert folder.octavo("build").returncode == 0
    assert folder.read("out.csv") == "begun 1"
    assert kept(folder) == {"out.csv": "a week of work"}


def test_work_done_after_a_first_run_failed_is_not_cleaned_away(folder: Folder) -> None:
    one_folder(folder, source="single", product="out.csv")
    folder.write("fail", "")
    assert folder.octavo("build").returncode == 1
    folder.write("out.csv", "a week of work")
    assert "stays:  out.csv" in folder.octavo("clean", "--yes").stdout
    assert folder.read("out.csv") == "a week of work"
    assert folder.octavo("clean", "--yes", "--force").returncode == 0
    assert not (folder.path / "out.csv").exists()


def test_half_of_a_folder_that_a_kill_left_is_not_mixed_with_the_next_run(folder: Folder) -> None:
    one_folder(folder, 3)
    folder.write("data/raw.csv", "raw")
    killed(folder, "data/half.csv")
    one_folder(folder, 1)
    ended = folder.octavo("build")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert found(folder, "data") == {"raw.csv": "raw", "part-0.csv": "0"}
    assert kept(folder).keys() >= {"data/half.csv", "data/part-2.csv"}


def test_a_notebook_of_a_failure_that_was_edited_is_moved_away(folder: Folder) -> None:
    folder.write("pipeline.yaml", "tasks: [{source: nb.py, product: nb.ipynb}]")
    folder.write("nb.py", "# %%\n1 / 0\n")
    assert folder.octavo("build").returncode == 1
    folder.write("nb.failed.ipynb", "edited")
    folder.write("nb.py", "# %%\n1\n")
    assert folder.octavo("build").returncode == 0
    assert kept(folder) == {"nb.failed.ipynb": "edited"}


# ── cleaning


def test_clean_removes_what_is_octavos_and_nothing_else(project: Folder) -> None:
    project.write("out/one.csv", "by hand")
    project.write("out/other.csv", "other")
    said = project.octavo("clean", "--yes")
    assert "stays:  out/one.csv was there before the first run (--force removes it)" in said.stdout
    assert found(project, "out") == {"one.csv": "by hand", "other.csv": "other"}
    assert project.octavo("build", "--force").returncode == 0
    assert project.octavo("clean", "--yes").returncode == 0
    assert found(project, "out") == {"other.csv": "other"}


def test_a_place_beside_a_product_is_nobodys_scratch(project: Folder) -> None:
    names = ("one.csv.part", "nb.ipynb.part", ".nb.ipynb.part", "nb.ipynb.restored.part", ".one.csv.aside")
    for name in names:
        project.write(f"out/{name}", name)
    assert project.octavo("build").returncode == 0
    assert project.octavo("build", "--force").returncode == 0
    for name in names:
        assert project.read(f"out/{name}") == name
    assert Path(project.path, "out").is_dir()
    assert os.listdir(project.path / "out")


def test_what_a_person_closed_to_others_stays_closed(folder: Folder) -> None:
    code = "from pathlib import Path\n\ndef make(product, n):\n    Path(product).write_text(str(n))\n"
    folder.write("steps.py", code)
    spec = "tasks:\n  - {source: steps.make, product: out/n.txt, params: {n: %s}}\n"
    made = folder.path / "out/n.txt"

    def build(n: int) -> str:
        folder.write("pipeline.yaml", spec % n)
        done = folder.octavo("build")
        assert done.returncode == 0, done.stdout
        return f"{made.read_text()} {made.stat().st_mode & 0o777:o} {done.stdout.splitlines()[-1].split()[1]}"

    assert build(1) == "1 644 done"
    made.chmod(0o600)
    assert build(2) == "2 600 done"
    assert build(1) == "1 600 restored"
    assert build(1).startswith("1 600")
    made.unlink()
    assert build(1) == "1 644 restored"
