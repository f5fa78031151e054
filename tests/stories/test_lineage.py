"""octavo lineage, as a user meets it."""

from __future__ import annotations

import json
import subprocess

from projects import Folder

CLEAN = """\
# %% tags=["parameters"]
upstream = None
product = None
n = 1

# %%
rows = open("raw.csv").read().split()

# %%
open(product["data"], "w").write("\\n".join(rows[:n]))
open("side.txt", "w").write("x")
"""
FIT = """\
# %% tags=["parameters"]
upstream = ["clean"]
product = None

# %%
unused = 3

# %%
rows = open(upstream["clean"]["data"]).read().split()

# %%
print("score", len(rows) / 2.2)
"""
PIPELINE = """
tasks:
  - source: clean.py
    product: {nb: out/clean.ipynb, data: out/clean.csv}
    params: {n: 2}
  - source: fit.py
    product: out/fit.ipynb
"""


def test_files_cells_and_numbers_tell_where_they_come_from(folder: Folder) -> None:
    folder.write("raw.csv", "a b c")
    folder.write("clean.py", CLEAN)
    folder.write("fit.py", FIT)
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("notes.ipynb", json.dumps(NOTES))
    git = ["git", "-c", "user.name=Ann", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], cwd=folder.path, check=True)
    assert folder.octavo("build").returncode == 0

    made = folder.octavo("lineage", "out/clean.csv").stdout.splitlines()
    assert made[0] == "out/clean.csv: made by clean (clean.py)"
    assert made[1].startswith("  code     clean.py, ") and made[1].endswith(", Ann)")
    assert made[2] == "  params   n=2"
    assert made[4:] == [
        "  written  by cell 4 of out/clean.ipynb",
        "made from",
        "  raw.csv  cell 3",
        "used by",
        "  fit (fit.py)  cell 4",
        "    → out/fit.ipynb",
    ]
    # a file that nobody declares, from another folder
    assert folder.octavo("lineage", "../side.txt", cwd="out").stdout.startswith("side.txt: made by clean")
    # a number that is shown rounded, and the cells that it does not rest on
    cell = folder.octavo("lineage", "0.91").stdout
    assert cell.startswith("out/fit.ipynb, cell 5 of fit (fit.py)")
    assert "  → score 0.9090909090909091\n  rests on cells 1, 2, 4\n" in cell
    assert "  out/clean.csv  cell 4  ← clean (clean.py)\n    raw.csv  cell 3\n" in cell
    # what was changed since, and what was taken from the cache, cells included
    folder.write("out/clean.csv", "other")
    assert "changed since" in folder.octavo("lineage", "out/clean.csv").stdout
    for name in ("out/clean.csv", "out/clean.ipynb"):
        (folder.path / name).unlink()
    assert folder.octavo("build").returncode == 0
    assert "written  by cell 4" in folder.octavo("lineage", "out/clean.csv").stdout

    found = json.loads(folder.octavo("lineage", "raw.csv", "--json").stdout)
    assert (found["read_by"], found["after"]) == (["clean"], ["clean", "fit"])
    assert found["notebooks"] == [{"path": "notes.ipynb", "id": "AAA", "parents": ["BBB"]}]
    assert folder.octavo("lineage", "AAA").stdout.splitlines()[1:] == ["made from", "  BBB  parent"]
    events = [json.loads(line) for line in folder.octavo("lineage", "--openlineage").stdout.splitlines()]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"] * 2
    assert [one["name"] for one in events[3]["inputs"]] == ["out/clean.csv"]
    assert "raw.csv" in folder.octavo("plot", "--lineage", "--format", "svg").stdout

    wrong = folder.octavo("lineage", "out/clean.cvs")
    assert (wrong.returncode, wrong.stderr.splitlines()[1].strip()) == (
        2,
        'hint: did you mean "out/clean.csv"?',
    )
    assert "no cell of" in folder.octavo("lineage", "--value", "77.5").stderr
    assert "has no code cell 9" in folder.octavo("lineage", "out/fit.ipynb#9").stderr


NOTES = {
    "cells": [],
    "metadata": {"nbproject": {"id": "AAA", "parent": ["BBB"]}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def test_without_a_pipeline_notebooks_tell_of_themselves(folder: Folder) -> None:
    folder.write("a.py", "# %%\nopen('made.txt', 'w').write('1')\n\n# %%\nprint(open('made.txt').read())\n")
    assert folder.octavo("lineage").stdout == "no notebook here has run with octavo, and none has an id\n"
    nothing = folder.octavo("lineage", "--value", "1")
    assert (nothing.returncode, "there is no executed notebook here" in nothing.stderr) == (2, True)
    assert folder.octavo("lineage", "--value", " ").returncode == 2
    assert folder.octavo("run", "a.py", "a.ipynb", "--quiet").returncode == 0
    assert folder.octavo("lineage", "made.txt").stdout.startswith("made.txt: made by a.ipynb (a.py)\n")
    (start, end) = folder.octavo("lineage", "--openlineage").stdout.splitlines()
    assert json.loads(start)["eventTime"] < json.loads(end)["eventTime"]


def test_a_notebook_that_cannot_be_read_is_told(folder: Folder) -> None:
    folder.write("torn.ipynb", '{"cells": [')
    done = folder.octavo("lineage", "torn.ipynb")
    assert (done.returncode, "torn.ipynb" in done.stderr) == (2, True)
