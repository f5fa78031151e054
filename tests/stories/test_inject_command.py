"""octavo inject and uninject: values in the files of notebooks, and gone again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from octavo import cli
from octavo.errors import Error
from octavo.project import load
from projects import Folder

CLEAN = """# %% tags=["parameters"]
upstream = None
product = None
n = 1

# %%   odd
open(product["data"], "w").write(str(n))"""
FIT = "# %% [markdown]\n# Fit\n\n# %%\n# parameters\nupstream = ['clean']\nproduct = None\napi_token = m = None\n"

PIPELINE = """
- {source: nb/clean.py, product: {nb: out/clean.ipynb, data: out/n.txt}, params: {n: 3}}
- {source: nb/fit.py, name: fit, product: out/fit.ipynb}
- {source: nb/fit.py, name: again, product: out/again.ipynb, params: {api_token: hunter2hunter2}}
- {source: nb/plot.ipynb, product: out/plot.ipynb}
"""


@pytest.fixture
def project(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("nb/clean.py", CLEAN)
    folder.write("nb/fit.py", FIT)
    book = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    folder.write("nb/plot.ipynb", json.dumps(book, indent=2))
    monkeypatch.chdir(folder.path)
    return folder


def files(project: Folder) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((project.path / "nb").iterdir())}


def run(*words: str) -> int:
    return cli.main(words)


def test_values_stand_in_the_files_and_are_gone_again_byte_by_byte(
    project: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(project)
    assert run("inject", "--check") == 1 and files(project) == before
    assert run("inject") == 0
    told = capsys.readouterr().out
    assert "injected clean into nb/clean.py\n" in told
    assert "injected fit into nb/fit.py; also the source of again\n" in told
    assert (
        f'product = "{project.path}/out/plot.ipynb"'
        in json.loads(project.read("nb/plot.ipynb"))["cells"][0]["source"][1]
    )
    values: dict[str, object] = {}
    script = project.read("nb/clean.py").partition("# %%   odd")[0]
    exec(script, values)
    assert values["n"] == 3 and values["product"] == {
        "nb": f"{project.path}/out/clean.ipynb",
        "data": f"{project.path}/out/n.txt",
    }
    injected = files(project)
    assert run("inject") == 0 == run("inject", "--check") and files(project) == injected
    project.write("pipeline.yaml", PIPELINE.replace("n: 3", "n: 4"))
    assert run("inject", "--check") == 1
    assert run("inject", "nb/clean.py") == 0 and "n = 4" in project.read("nb/clean.py")
    project.write("pipeline.yaml", "tasks: [")
    assert run("uninject", "--check", "nb/clean.py") == 1
    assert run("uninject", *(str(file) for file in Path("nb").iterdir())) == 0
    assert files(project) == before
    project.write("pipeline.yaml", PIPELINE)
    assert run("uninject", "--check") == 0


def test_a_task_is_named_for_its_values_and_secrets_are_not_written(
    project: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(project)
    assert run("inject", "again") == 0
    assert "injected again into nb/fit.py; also the source of fit" in capsys.readouterr().out
    assert "hunter2" not in project.read("nb/fit.py")
    assert "set api_token before you run it" in project.read("nb/fit.py")
    assert run("inject", "fit") == 0 and "Parameters of task fit" in project.read("nb/fit.py")
    assert {name for name, text in files(project).items() if text != before[name]} == {"fit.py"}
    assert run("uninject", "fit") == 0 and files(project) == before


def test_injected_values_make_no_task_stale_nor_does_a_run_see_them_twice(project: Folder) -> None:
    project.write("pipeline.yaml", PIPELINE.replace("hunter2hunter2", "1").replace("api_token", "m"))
    assert project.octavo("build").returncode == 0
    run("inject")
    with load() as loaded:
        assert all(step.fresh for step in loaded.status().values())
    said = project.octavo("build", "clean", "--force")
    assert said.returncode == 0, said.stderr
    cells = json.loads(project.read("out/clean.ipynb"))["cells"]
    assert ["injected-parameters" in cell["metadata"].get("tags", []) for cell in cells] == [
        False,
        True,
        False,
    ]


def test_nothing_is_written_where_anything_is_wrong(project: Folder) -> None:
    before = files(project)
    run("inject")
    edited = project.read("nb/clean.py").replace("n = 3", "n = 33")
    project.write("nb/clean.py", edited)
    hand = '# %% tags=["injected-parameters"]\nn = 1\n# %%\nprint(api_token)\n'
    project.write("nb/fit.py", hand)
    with pytest.raises(ExceptionGroup) as wrong:
        run("inject")
    assert sorted(map(str, wrong.value.exceptions)) == [
        "nb/clean.py: the cell of octavo inject was edited\n  hint: --force removes it as it is; what it said is lost",
        'nb/fit.py: cell 1 has a tag "injected-parameters"\n  hint: remove that cell, or its tag',
    ]
    with pytest.raises(Error, match="was edited"):
        run("uninject")
    assert project.read("nb/clean.py") == edited and project.read("nb/fit.py") == hand
    assert "injected" in project.read("nb/plot.ipynb")
    assert run("uninject", "--force", "nb/clean.py") == 0
    assert project.read("nb/clean.py") == before["clean.py"]


def test_other_formats_are_left_and_refused_where_they_are_named(
    project: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write("nb/text.md", "```python\nx = 1\n```\n")
    project.write("pipeline.yaml", PIPELINE + "- {source: nb/text.md, product: out/text.ipynb}\n")
    assert run("inject") == 0
    assert "left nb/text.md as it is" in capsys.readouterr().out
    with pytest.raises(Error, match="cannot be put into a file in the format md"):
        run("inject", "nb/text.md")
    with pytest.raises(Error, match=r"pipeline.yaml is the source of no task"):
        run("inject", "pipeline.yaml")
    assert run("uninject") == 0
