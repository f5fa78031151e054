"""What makes a result stale although it is easily overlooked; each was once a false fresh, or a needless run."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from octavo import products
from octavo.project import load
from projects import Folder


def build(folder: Folder) -> dict[str, str]:
    with load(folder.path) as project:
        report = project.build(executor="inline", cache=False)
        assert not report.failures, report.failures
        return {name: outcome.value for name, outcome in report.outcomes.items()}


def why(folder: Folder) -> dict[str, list[str]]:
    with load(folder.path) as project:
        return {name: [str(reason) for reason in step.reasons] for name, step in project.status().items()}


def one_task(folder: Folder, *lines: str) -> None:
    code = "".join(f"    {line}\n" for line in lines)
    folder.write("steps.py", f"import os\nimport settings\n\n\ndef make(product):\n{code}")
    folder.write("settings.py", "N = 1\n")
    folder.write("pipeline.yaml", "tasks:\n  - source: steps.make\n    product: out/make.txt\n")


@pytest.fixture(autouse=True)
def byte_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python write byte code, which is one of the things that may be stale."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def test_a_module_runs_as_it_is_and_not_as_it_was_compiled(folder: Folder) -> None:
    one_task(folder, "product.write_text(str(settings.N))")
    build(folder)
    module = folder.path / "settings.py"
    before = module.stat()
    module.write_text("N = 2\n")
    os.utime(
        module, ns=(before.st_atime_ns, before.st_mtime_ns)
    )  # as when both were unpacked from one archive
    assert why(folder) == {"make": ["module settings changed (N)"]}
    assert build(folder) == {"make": "done"}
    assert folder.read("out/make.txt") == "2"


def test_a_file_more_in_a_listed_folder_is_a_reason(folder: Folder) -> None:
    folder.write("data/a.csv", "1")
    one_task(folder, "product.write_text(' '.join(sorted(os.listdir('data'))))")
    assert build(folder) == {"make": "done"}
    assert build(folder) == {"make": "fresh"}
    folder.write("data/b.csv", "2")
    assert why(folder) == {"make": ["folder data has other files"]}
    assert build(folder) == {"make": "done"}
    assert folder.read("out/make.txt") == "a.csv b.csv"


def test_what_tasks_make_is_in_no_listing_and_what_others_put_there_is(folder: Folder) -> None:
    one_task(folder, "product.write_text(str(sorted(os.listdir('.'))) + str(os.listdir('out')))")
    build(folder)
    assert build(folder) == {"make": "fresh"}
    folder.write("out/else.txt", "")
    assert why(folder) == {"make": ["folder out has other files"]}
    build(folder)
    folder.write("else.txt", "")
    assert why(folder) == {"make": ["folder . has other files"]}
    assert build(folder) == {"make": "done"}
    assert build(folder) == {"make": "fresh"}


def test_a_file_that_was_looked_for_in_vain_is_a_reason_when_it_is_there(folder: Folder) -> None:
    try_to = [
        "try:",
        "    text = __import__('pathlib').Path('local.txt').read_text()",
        "except FileNotFoundError:",
        "    text = 'none'",
    ]
    one_task(folder, *try_to, "product.write_text(text)")
    build(folder)
    assert build(folder) == {"make": "fresh"}
    folder.write("local.txt", "here")
    assert why(folder) == {"make": ["file local.txt is new"]}
    assert build(folder) == {"make": "done"}
    assert folder.read("out/make.txt") == "here"


def test_products_that_change_their_paths_are_made_anew(folder: Folder) -> None:
    folder.write(
        "steps.py", "def make(product):\n    product['a'].write_text('a')\n    product['b'].write_text('b')\n"
    )
    spec = "tasks:\n  - source: steps.make\n    product: {{a: out/{}.txt, b: out/{}.txt}}\n"
    folder.write("pipeline.yaml", spec.format(1, 2))
    build(folder)
    folder.write("pipeline.yaml", spec.format(2, 1))
    assert why(folder) == {"make": ["the paths passed to it changed"]}
    assert build(folder) == {"make": "done"}
    assert folder.read("out/1.txt") == "b"


def test_a_stamp_cannot_be_set_back(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("1")
    before, stamp = file.stat(), products.stamp(str(file))
    while products.racy(str(file)):
        time.sleep(0.005)
    file.write_text("2")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert products.stamp(str(file)) != stamp


REPORT = """
# %% [markdown]
# {words}

# %% tags=["parameters"]
upstream = None
product = None

# %%
1 + 1
"""
READ = """
import json

def read(product, upstream):
    cells = json.loads(upstream["report"].read_text())["cells"]
    product.write_text("".join(cells[0]["source"]))
"""


def test_who_reads_a_report_gets_its_new_words_in_the_same_build(folder: Folder) -> None:
    folder.write("report.py", REPORT.format(words="Old"))
    folder.write("steps.py", READ)
    tasks = "- {source: report.py, product: out/report.ipynb}\n"
    tasks += "- {source: steps.read, product: out/read.txt, upstream: report}\n"
    folder.write("pipeline.yaml", tasks)
    folder.octavo("build")
    assert why(folder) == {"report": [], "read": []}  # not even once more than needed
    folder.write("report.py", REPORT.format(words="New"))
    done = folder.octavo("build")
    assert done.returncode == 0, done.stderr
    assert folder.read("out/read.txt") == "New"
    assert why(folder) == {"report": [], "read": []}
