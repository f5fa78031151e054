"""What a branch changes in a pipeline, reviewed before anything of it runs elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from html import unescape

import pytest

from octavo.review import checkouts
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
