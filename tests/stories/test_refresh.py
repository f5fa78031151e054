"""Words are no code: a report gets new comments and markdown without a run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from projects import Folder

NOTEBOOK = """
# %% [markdown]
# # A title

# %% tags=["parameters"]
product = None

# %%
import os
count = int(os.environ.get("COUNT", "0"))
open("ran", "a").write("x")
count

# %% [markdown]
# The end.
"""


@pytest.fixture
def built(folder: Folder) -> Folder:
    folder.write("pipeline.yaml", "tasks:\n  - {source: ./note.py, product: out/note.ipynb}\n")
    folder.write("note.py", NOTEBOOK)
    assert folder.octavo("build").returncode == 0
    return folder


def cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["cells"]
    return found


def test_new_words_reach_the_report_and_nothing_runs(built: Folder) -> None:
    before = cells(built.path / "out/note.ipynb")
    new = NOTEBOOK.replace("# The end.", "# The end, at last.").replace("count\n\n", "count  # how many\n\n")
    built.write("note.py", new + "\n# %% [markdown]\n# Postscript.\n")
    done = built.octavo("build")
    assert done.returncode == 0 and "1 task fresh" in done.stdout
    assert built.read("ran") == "x"
    after = cells(built.path / "out/note.ipynb")
    assert ["".join(cell["source"]) for cell in after[-2:]] == ["The end, at last.", "Postscript."]
    assert any("# how many" in "".join(cell["source"]) for cell in after)
    assert [c["outputs"] for c in after if c["cell_type"] == "code"] == [
        c["outputs"] for c in before if c["cell_type"] == "code"
    ]
    # and it is settled: the next build finds nothing to do, and no hand has changed the report
    assert "all tasks are fresh" in built.octavo("status").stdout


def test_new_code_runs(built: Folder) -> None:
    built.write("note.py", NOTEBOOK.replace('"0"', '"1"'))
    assert built.octavo("build").returncode == 0
    assert built.read("ran") == "xx"


def test_a_report_that_a_hand_changed_is_kept_beside_the_new_one(built: Folder) -> None:
    built.write("out/note.ipynb", built.read("out/note.ipynb").replace("A title", "My title"))
    built.write("note.py", NOTEBOOK.replace("The end", "An end"))
    assert built.octavo("build").returncode == 0
    assert "My title" in built.read("out/note.edited.ipynb")
    assert "An end" in built.read("out/note.ipynb")


KILLED = """
import os
import octavo
from octavo.kinds import notebook

whole = notebook.write_whole


def write(data, path):
    whole(data, path)
    os._exit(9)


notebook.write_whole = write
octavo.load(".").build()
"""


def test_killed_while_a_report_gets_new_words_it_is_made_again_and_was_changed_by_nobody(
    built: Folder,
) -> None:
    built.write("note.py", NOTEBOOK.replace("The end", "The very end"))
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=built.path, check=False)
    assert killed.returncode == 9
    assert "The very end" in built.read("out/note.ipynb")
    assert "its last run did not finish" in built.octavo("status").stdout
    assert "1 restored" in built.octavo("build").stdout
    assert "The very end" in built.read("out/note.ipynb")
    assert built.read("ran") == "x"
    assert "all tasks are fresh" in built.octavo("status").stdout
