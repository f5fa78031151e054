"""octavo show, octavo meta and octavo.header, as a user meets them."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from projects import Folder

NOTEBOOK = """\
# %% [markdown]
# # Orders of {name}

# %% tags=["parameters"]
upstream = {upstream}
product = None

# %%
import octavo
import yaml
octavo.header()
open("seen.txt").read()
"""


def test_a_notebook_says_what_it_is_from_its_pipeline_and_from_its_file(folder: Folder) -> None:
    folder.write("seen.txt", "1")
    folder.write("one.py", NOTEBOOK.format(name="one", upstream=None))
    folder.write("two.py", NOTEBOOK.format(name="two", upstream=["one"]))
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: one.py, product: out/one.ipynb}
          - {source: two.py, product: out/two.ipynb}
        """,
    )
    who = {"GITHUB_ACTOR": "", "GITLAB_USER_LOGIN": "", "LOGNAME": "anna"}
    assert folder.octavo("build", env=who).returncode == 0
    shown = folder.octavo("show", "out/one.ipynb").stdout
    assert "out/one.ipynb: Orders of one" in shown
    assert "integrity  sound\n" in shown
    assert "made by task one of pipeline.yaml, fresh" in shown
    assert "needed by  two" in shown
    assert re.search(r"ran        \S+ \S+, [\d.]+ s, by anna\n", shown)
    assert "task one of pipeline.yaml, fresh; last run by anna\n" in folder.octavo("show", "one.py").stdout
    assert "inputs     seen.txt (" in shown

    # the cell that shows it knows the notebook that runs, and makes nothing stale
    cells = json.loads(folder.read("out/one.ipynb"))["cells"]
    header = next(
        output["data"]
        for cell in cells
        for output in cell.get("outputs", ())
        if "text/html" in output["data"]
    )
    assert "Orders of one" in "".join(header["text/html"]) and "one.py: Orders of one" in "".join(
        header["text/plain"]
    )
    assert "2 tasks fresh" in folder.octavo("build").stdout

    # an edit of the executed notebook is seen, and so is one of the source
    folder.write("out/one.ipynb", folder.read("out/one.ipynb").replace("import yaml", "import json"))
    assert "unsound: cell 3: edited after it ran" in folder.octavo("show", "out/one.ipynb").stdout
    folder.write("one.py", NOTEBOOK.format(name="one", upstream=None) + "1 + 1\n")
    rows = json.loads(folder.octavo("show", "one.py", "two.py", "--json").stdout)
    assert [row["roles"][0]["fresh"] for row in rows] == [False, False]
    assert "changed" in rows[0]["roles"][0]["reasons"][0]
    table = folder.octavo("show", ".").stdout.splitlines()
    assert len(table) == 5 and table[0].split() == [
        "notebook",
        "title",
        "version",
        "ran",
        "integrity",
        "task",
    ]


def test_ids_fields_and_requirements_are_kept_and_copies_are_told(folder: Folder) -> None:
    folder.write("a.py", "# %%\nimport yaml\n\n# %%\nyaml.safe_load('1')\n")
    assert folder.octavo("run", "a.py", "a.ipynb").returncode == 0
    done = folder.octavo("meta", "init", "a.ipynb", "a.py", "--field", "team=pricing")
    assert done.returncode == 0, done.stderr
    assert folder.octavo("meta", "sync", "a.ipynb").returncode == 0
    (row,) = json.loads(folder.octavo("show", "a.ipynb", "--json").stdout)
    assert row["integrity"]["state"] == "sound"
    assert row["identity"]["fields"] == {"team": "pricing"}
    assert list(row["identity"]["packages"]) == ["pyyaml"]
    assert folder.octavo("meta", "reqs", "a.py").stdout.startswith("pyyaml==")

    folder.write("b.ipynb", folder.read("a.ipynb"))
    twice = folder.octavo("meta", "sync", ".")
    assert twice.returncode == 1
    assert (
        "a.ipynb, b.ipynb have the same id" in twice.stderr
        and "octavo meta init --new b.ipynb" in twice.stderr
    )
    assert folder.octavo("meta", "init", "--new", "b.ipynb").returncode == 0
    assert folder.octavo("meta", "sync", ".").returncode == 0


def test_nothing_is_written_if_one_of_them_cannot_be_read(folder: Folder) -> None:
    folder.write("a.py", "# %%\n1\n")
    folder.write("b.ipynb", '{"cells": [')
    before = folder.read("a.py")
    done = folder.octavo("meta", "init", ".")
    assert (done.returncode, folder.read("a.py")) == (2, before)
    assert "b.ipynb" in done.stderr
    shown = folder.octavo("show", "a.py", "b.ipynb")
    assert shown.returncode == 2 and "a.py" in shown.stdout
    assert folder.octavo("meta", "nit", "a.py").stderr.endswith('did you mean "init"?\n')
    assert (
        "--field belongs to octavo meta init"
        in folder.octavo("meta", "sync", "a.py", "--field", "a=1").stderr
    )


def test_a_header_outside_of_notebooks_is_text_and_never_raises(folder: Folder) -> None:
    folder.write("a.py", "# %%\n1\n")
    folder.write("broken.ipynb", "{")
    program = "import octavo; octavo.header(); octavo.header('a.py'); octavo.header('broken.ipynb'); octavo.header('x')"
    folder.write("program.py", program)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=folder.path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "does not tell which notebook runs" in done.stdout
    assert "a.py\n  integrity" in done.stdout
    assert "broken.ipynb" in done.stdout and "FileNotFoundError" in done.stdout
