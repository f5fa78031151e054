"""What a branch changes in a pipeline, reviewed before anything of it runs elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from html import unescape

import pytest

from octavo.review import checkouts
from octavo.review.worktrees import forget
from projects import Folder


def git(folder: Folder, *words: str) -> None:
    who = {
        f"GIT_{role}_{what}": "a@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    subprocess.run(
        ["git", *words], cwd=folder.path, check=True, env={**os.environ, **who}, capture_output=True
    )


@pytest.fixture
def branch(folder: Folder) -> Folder:
    """A pipeline in git that was built on main and on a branch, which is checked out."""
    folder.write(".gitignore", "out/\n.octavo/\n")
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: tasks.load, product: out/data.csv, params: {rows: 10}}
          - {source: clean.py, product: {nb: out/clean.ipynb, data: out/clean.csv}, upstream: load}
          - {source: tasks.fit, product: out/metrics.json, upstream: clean, params: {alpha: 0.1}}
          - {source: tasks.old, product: out/old.txt}
          - {source: tasks.apart, product: out/apart.txt}
        """,
    )
    folder.write(
        "tasks.py",
        """
        import json
        from pathlib import Path

        def load(product, rows):
            Path(product).write_text("a\\n" + "".join(f"{i}\\n" for i in range(rows)))

        def fit(product, upstream, alpha):
            n = len(Path(upstream["clean"]["data"]).read_text().split())
            Path(product).write_text(json.dumps({"accuracy": round(0.9 - alpha, 3), "n": n}))

        def old(product):
            Path(product).write_text("old")

        def apart(product):
            Path(product).write_text("apart")
        """,
    )
    folder.write(
        "clean.py",
        """
        # %% tags=["parameters"]
        upstream = None
        product = None
        # %%
        from pathlib import Path
        rows = Path(upstream["load"]).read_text().split()
        print(len(rows), "rows")
        # %%
        Path(product["data"]).write_text("\\n".join(rows))
        """,
    )
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    assert folder.octavo("build", "-q").returncode == 0
    git(folder, "checkout", "-q", "-b", "feature")
    spec = folder.read("pipeline.yaml").replace("alpha: 0.1", "alpha: 0.3")
    folder.write("pipeline.yaml", spec.replace("tasks.old, product", "tasks.old, name: new, product"))
    folder.write(
        "clean.py", folder.read("clean.py").replace("print(", "rows = rows[:6]\nprint(") + "nowhere\n"
    )
    git(folder, "commit", "-q", "-a", "-m", "two")
    folder.write("clean.py", folder.read("clean.py").replace("nowhere\n", ""))
    assert folder.octavo("build", "-q").returncode == 0
    git(folder, "checkout", "-q", "clean.py")
    return folder


def test_a_branch_is_reviewed_task_by_task_with_what_is_known_of_results(branch: Folder) -> None:
    done = branch.octavo("diff", "main...HEAD")
    assert done.returncode == 1, done.stderr
    said = done.stdout
    assert "1 added, 1 removed, 2 changed; 3 of 5 tasks must run" in said
    assert "- removed     old" in said
    assert "~ changed     clean  source changed" in said
    assert "~ changed     fit  param alpha 0.1 → 0.3" in said
    assert "+ added       new  tasks.old" in said
    assert "apart" not in said.partition("pipeline.yaml")[0]
    assert 'NB101 "nowhere" is read, and no cell defines it' in said
    assert (
        "+   - {source: tasks.fit, product: out/metrics.json, upstream: clean, params: {alpha: 0.3}}" in said
    )
    # nothing ran, and this project is as it was
    assert branch.octavo("diff", "main...HEAD").stdout == said
    git(branch, "reset", "-q", "--hard", "main")
    assert branch.octavo("diff", "main").returncode == 0
    assert branch.octavo("diff").stdout.startswith(
        "pipeline HEAD → the working folder: the pipeline is the same"
    )


def test_results_of_both_sides_stand_side_by_side(branch: Folder) -> None:
    branch.write("clean.py", branch.read("clean.py").replace("nowhere\n", ""))
    git(branch, "commit", "-q", "-a", "-m", "mended")
    said = branch.octavo("diff", "main...HEAD").stdout
    assert "fit  out/metrics.json accuracy: 0.8 → 0.6 (-0.2)" in said
    assert "fit  out/metrics.json n: 11 → 6 (-5)" in said
    assert "stdout: 11 → 6" in said  # of the executed notebook
    assert "accuracy" not in branch.octavo("diff", "main...HEAD", "--no-outputs").stdout
    data = json.loads(branch.octavo("diff", "main...HEAD", "--json").stdout)
    results = {(one["task"], one["name"].split()[-1]): one for one in data["pipeline"]["results"]}
    assert results["fit", "accuracy"]["before"] == "0.8"
    assert {one["what"] for one in data["pipeline"]["tasks"]} > {"changed", "added"}
    assert all(one["diff"][0]["op"] == "patch" for one in data["notebooks"])
    # the module of functions that changed is no notebook, which only jupytext could read, in a second
    words = (sys.executable, "-X", "importtime", "-m", "octavo", "diff", "main...HEAD", "-O")
    loaded = subprocess.run(words, cwd=branch.path, capture_output=True, text=True).stderr
    assert "octavo.review.branch" in loaded and "jupytext" not in loaded
    markdown = branch.octavo("diff", "main...HEAD", "--markdown").stdout
    assert "| fit: out/metrics.json accuracy | 0.8 | 0.6 (-0.2) |" in unescape(markdown)
    assert branch.octavo("diff", "main...HEAD", "--html", "review.html").returncode == 1
    text = (branch.path / "review.html").read_text()
    assert "<svg" in text
    assert "<script" not in text
    assert "<td>out/metrics.json accuracy</td><td>0.8</td><td>0.6 (-0.2)</td>" in text


def test_modules_count_where_nothing_has_run_yet(
    branch: Folder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    branch.write("helper.py", "from deeper import K\n")
    branch.write("deeper.py", "K = 1\n")
    branch.write("tasks.py", branch.read("tasks.py") + "\nimport helper\n")
    git(branch, "add", "-A")
    git(branch, "commit", "-q", "-m", "three")
    branch.write("deeper.py", "K = 2\n")
    git(branch, "commit", "-q", "-a", "-m", "four")
    clone = Folder(tmp_path_factory.mktemp("clone") / "project")
    subprocess.run(["git", "clone", "-q", branch.path, clone.path], check=True)
    said = clone.octavo("diff", "HEAD~1...HEAD").stdout
    assert "~ changed     fit  module deeper changed" in said
    assert "+ K = 2" in said


def test_a_side_without_a_pipeline_or_with_a_broken_one_is_told(branch: Folder) -> None:
    branch.write("pipeline.yaml", "tasks: [{source: nothere.py, product: x.ipynb}]\n")
    git(branch, "commit", "-q", "-a", "-m", "broken")
    git(branch, "checkout", "-q", "main")
    done = branch.octavo("diff", "main...feature")
    assert "note: no graph: " in done.stdout
    assert "nothere.py" in done.stdout
    git(branch, "rm", "-q", "pipeline.yaml")
    git(branch, "commit", "-q", "-m", "gone")
    done = branch.octavo("diff", "main~1", "main")
    assert done.returncode in (0, 1)
    assert "Traceback" not in done.stderr


def test_commits_are_written_once_and_few_are_kept(folder: Folder) -> None:
    git(folder, "init", "-q", "-b", "main")
    top, kept = str(folder.path), folder.path / ".git" / "kept"
    for number in range(8):
        folder.write("a/b.py", f"X = {number}\n")
        (folder.path / "large.csv").write_bytes(b"1\n" * 2_000_000)
        for name, target in (
            ("inside", "a/b.py"),
            ("outside", "../../elsewhere"),
            ("absolute", "/etc/passwd"),
        ):
            (folder.path / name).unlink(missing_ok=True)
            (folder.path / name).symlink_to(target)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "more")
        found = checkouts.folder(checkouts.tree("HEAD", top), top, kept)
        assert (found / "a/b.py").read_text() == (found / "inside").read_text() == f"X = {number}\n"
        assert sorted(path.name for path in found.iterdir()) == ["a", "inside"]
        before = (found / "a/b.py").stat().st_mtime_ns
        assert checkouts.folder(checkouts.tree("HEAD", top), top, kept) == found
        assert (found / "a/b.py").stat().st_mtime_ns == before
    assert len([*kept.iterdir()]) == 6
    assert not any(path.name.endswith(".part") for path in kept.iterdir())
    assert (kept.stat().st_mode & 0o777) == 0o700


def test_what_has_no_result_is_run_in_worktrees_and_leaves_the_folder_as_it_was(folder: Folder) -> None:
    folder.write(".gitignore", "out/\n.octavo/\n/raw/\n")
    folder.write("raw/rows.csv", "7\n")  # which git does not have
    away = folder.path.parent / "away.txt"
    folder.write(
        "pipeline.yaml",
        f"""
        notify: [{{command: touch told}}]
        tasks:
          - {{source: tasks.load, product: out/data.csv, params: {{rows: 10, password: hunter2}}}}
          - {{source: tasks.fit, product: out/fit.json, upstream: load, params: {{alpha: 1}}}}
          - {{source: tasks.broken, product: out/broken.txt, upstream: fit}}
          - {{source: tasks.away, product: {away}, upstream: fit}}
        """,
    )
    folder.write(
        "tasks.py",
        """
        import json
        from pathlib import Path
        import octavo
        from helper import K

        def load(product, rows, password):
            Path(product).write_text(Path("raw/rows.csv").read_text() + "x\\n" * rows)

        def fit(product, upstream, alpha):
            octavo.log(loss=alpha * K)
            Path(product).write_text(json.dumps({"k": K}))

        def broken(product, upstream):
            raise ValueError(f"no {K}\\n")

        def away(product, upstream):
            Path(product).write_text("away")
        """,
    )
    folder.write("helper.py", "K = 1\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    git(folder, "checkout", "-q", "-b", "feature")
    folder.write("helper.py", "K = 22\n")
    git(folder, "commit", "-q", "-a", "-m", "two")
    before = {path for path in folder.path.rglob("*") if ".git" not in path.parts}
    # as where the project is installed from the working folder: the modules of each side are its own all the same
    installed = {"PYTHONPATH": str(folder.path)}
    done = folder.octavo("diff", "main...HEAD", "--run", "--json", "-j", "2", env=installed)
    assert done.returncode == 1, done.stderr
    said = json.loads(done.stdout)["pipeline"]
    values = {one["name"]: (one["before"], one["after"]) for one in said["results"]}
    assert values == {"metric loss": ("1", "22"), "out/fit.json k": ("1", "22")}
    assert said["unknown"] == ["broken", "away"]
    assert any("HEAD: broken failed: ValueError: no 22" in note for note in said["notes"])
    assert any(f"away makes {away}, which is outside of the project" in note for note in said["notes"])
    assert "done     fit" in done.stderr
    # the folder is as it was, and results are known by now
    state = folder.path / ".octavo"
    after = {path for path in folder.path.rglob("*") if ".git" not in path.parts}
    assert {path for path in after - before if state not in (path, *path.parents)} == set()
    listed = subprocess.run(["git", "worktree", "list"], cwd=folder.path, capture_output=True, text=True)
    assert len(listed.stdout.splitlines()) == 1
    again = folder.octavo("diff", "main...HEAD")
    assert "fit  metric loss: 1 → 22 (+21)" in again.stdout
    # edits that are not committed are the working folder's side
    folder.write("helper.py", "K = 333\n")
    now = folder.octavo("diff", "main", "--run")
    assert "fit  metric loss: 1 → 333 (+332)" in now.stdout
    assert "fit  metric loss: 1 → 22 (+21)" in folder.octavo("diff", "main...HEAD").stdout


def test_ctrl_c_and_kill_leave_no_worktree(folder: Folder) -> None:
    folder.write(".gitignore", "out/\n.octavo/\n")
    folder.write("pipeline.yaml", "tasks: [{source: slow.sh, product: out/x, params: {n: 60}}]\n")
    folder.write("slow.sh", "echo {{n}} > {{product}}; sleep 60\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    folder.write("pipeline.yaml", folder.read("pipeline.yaml").replace("60", "61"))

    def worktrees() -> list[str]:
        words = ["git", "worktree", "list", "--porcelain"]
        said = subprocess.run(words, cwd=folder.path, capture_output=True, text=True).stdout
        return [line.partition(" ")[2] for line in said.splitlines() if line.startswith("worktree ")]

    def interrupted(kind: int) -> tuple[str, int]:
        words = [sys.executable, "-m", "octavo", "diff", "main", "--run"]
        run = subprocess.Popen(words, cwd=folder.path, stderr=subprocess.PIPE, text=True)
        assert run.stderr
        said = ""
        while "start " not in said:
            line = run.stderr.readline()
            assert line, said
            said += line
        place = worktrees()[1]
        run.send_signal(kind)
        run.communicate()
        return place, run.returncode

    place, code = interrupted(signal.SIGINT)
    assert code == 130
    assert not os.path.exists(os.path.dirname(place))
    assert len(worktrees()) == 1
    place, code = interrupted(signal.SIGKILL)
    assert len(worktrees()) == 2
    shutil.rmtree(os.path.dirname(place))  # as a later start does, once it is old
    forget(str(folder.path))
    assert len(worktrees()) == 1
    # a limit of time leaves the rest of the review
    done = folder.octavo("diff", "main", "--run", "--timeout", "1")
    assert "note: main: stopped after 1 s, before the end of slow" in done.stdout
    assert "+ tasks: [{source: slow.sh, product: out/x, params: {n: 61}}]" in done.stdout
    assert len(worktrees()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("main...HEAD", "--timeout", "3"), "--timeout is of --run"),
        (("HEAD", "--run", "-O"), "--run makes results, and --no-outputs leaves them out"),
        (("HEAD", "a.ipynb", "--run"), "--run is of a branch as a whole"),
        (("HEAD", "--run"), "there is no pipeline.yaml in this folder"),
    ],
)
def test_run_is_refused_where_there_is_nothing_to_run(
    folder: Folder, words: tuple[str, ...], said: str
) -> None:
    git(folder, "init", "-q", "-b", "main")
    folder.write("a.ipynb", '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    done = folder.octavo("diff", *words)
    assert done.returncode == 2
    assert said in done.stderr
