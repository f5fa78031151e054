"""octavo history of a notebook, as a user meets it."""

from __future__ import annotations

import json
import subprocess

from projects import Folder

SOURCE = "# %%\na = {a}\n\n# %%\nprint(a + 1)\n"


def git(folder: Folder, *words: str, at: str = "2026-01-02T03:04:05+00:00") -> None:
    subprocess.run(
        ["git", "-c", "user.name=Ann", "-c", "user.email=a@b", *words],
        cwd=folder.path,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at},
        check=True,
    )


def test_cells_are_followed_through_commits_and_renames(folder: Folder) -> None:
    folder.write("fit.py", SOURCE.format(a=1))
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "First")
    folder.write("fit.py", "# %%\nimport os\n\n" + SOURCE.format(a=2))
    git(folder, "commit", "-qam", "Second", at="2026-02-02T03:04:05+00:00")
    git(folder, "mv", "fit.py", "ä b.py")
    git(folder, "commit", "-qm", "Moved", at="2026-03-02T03:04:05+00:00")
    folder.write("ä b.py", folder.read("ä b.py") + "\n# %%\nprint(3)\n")

    shown = folder.octavo("history", "ä b.py").stdout.splitlines()
    assert shown[0] == "ä b.py: 4 versions"
    assert [line.split()[-1] for line in shown[2:5]] == ["Moved", "Second", "First"]
    found = json.loads(folder.octavo("history", "ä b.py", "--json").stdout)
    told = [(cell["changed"]["subject"], cell["changes"]) for cell in found["cells"]]
    assert told == [("Second", 0), ("Second", 1), ("First", 0), (None, 0)]
    assert found["cells"][1]["changed"]["by"] == "Ann" and found["cells"][3]["changed"]["origin"] == "now"

    cell = folder.octavo("history", "ä b.py#2").stdout.splitlines()
    assert [line.split()[0] for line in cell] == ["source", "appeared"]
    assert folder.octavo("history", "ä b.py#2", "--at", "HEAD~2").stdout.endswith("# code\na = 1\n")
    older = folder.octavo("diff", "ä b.py@HEAD~2", "ä b.py@HEAD")
    assert older.returncode == 1 and "+ import os" in older.stdout and "- a = 1\n+ a = 2" in older.stdout
    gone = folder.octavo("history", "ä b.py#1", "--at", "HEAD~2")
    assert gone.returncode == 2 and "cell 1 was not there" in gone.stderr
    assert folder.octavo("history", "fit.py").stdout.startswith("fit.py: 2 versions")  # though it is gone
    wrong = folder.octavo("history", "ä b.py", "--at", "nope")
    assert (wrong.returncode, "is no version of it" in wrong.stderr) == (2, True)
    assert folder.octavo("history", "ä b.py#2", "--at=--help").returncode == 2


def test_runs_tell_when_an_output_changed_without_git(folder: Folder) -> None:
    folder.write("fit.py", SOURCE.format(a=1))
    folder.write("pipeline.yaml", "tasks:\n  - {source: fit.py, product: out/fit.ipynb}\n")
    assert folder.octavo("build").returncode == 0
    folder.write("fit.py", SOURCE.format(a=2))
    assert folder.octavo("build").returncode == 0
    runs = [line.split()[0] for line in folder.octavo("history", "fit").stdout.splitlines()]
    both = folder.octavo("diff", f"out/fit.ipynb@{runs[1]}", f"out/fit.ipynb@{runs[0]}")
    assert both.returncode == 1 and both.stdout.startswith(f"out/fit.ipynb@{runs[1]} → out/fit.ipynb@")
    assert "- a = 1\n+ a = 2\n" in both.stdout and "2 → 3" in both.stdout
    assert folder.octavo("diff", f"out/fit.ipynb@{runs[0]}").returncode == 0  # with what is there now
    wrong = folder.octavo("diff", "out/fit.ipynb@9.9", "out/fit.ipynb")
    assert (wrong.returncode, '"9.9" is no version of it' in wrong.stderr) == (2, True)

    shown = folder.octavo("history", "out/fit.ipynb").stdout
    assert "not in a git repository" in shown and all(f"run {run}" in shown for run in runs)
    found = json.loads(folder.octavo("history", "out/fit.ipynb", "--json").stdout)
    output = [cell["output"]["name"] for cell in found["cells"] if cell["output"]]
    assert (output, found["git"]) == ([runs[0]], False)
    was = folder.octavo("history", "out/fit.ipynb#3", "--at", runs[1]).stdout
    assert was.endswith("print(a + 1)\n→ 2\n")
    assert folder.octavo("history", "fit", "--at", runs[1]).returncode == 2
    assert folder.octavo("history", "out/fit.ipynb", runs[0], runs[1]).returncode == 2
    assert folder.octavo("history", "out/fit.ipynb#7").returncode == 2
