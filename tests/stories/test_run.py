"""``octavo run``: one notebook, without a pipeline."""

from __future__ import annotations

import json
from typing import Any

import pytest

from projects import Folder

NOTEBOOK = """
# %% tags=["parameters"]
n = 1
city = "Bern"
sample = False

# %%
print(city * n, sample)
"""


@pytest.fixture
def notebook(folder: Folder) -> Folder:
    folder.write("in.py", NOTEBOOK)
    return folder


def printed(folder: Folder, name: str) -> str:
    """Return what the last cell of an executed notebook printed."""
    cells: list[dict[str, Any]] = json.loads(folder.read(name))["cells"]
    return "".join("".join(output["text"]) for output in cells[-1]["outputs"])


def test_a_notebook_runs_with_its_defaults_and_is_written_beside_it(notebook: Folder) -> None:
    ended = notebook.octavo("run", "in.py")
    assert ended.returncode == 0, ended.stderr
    assert "wrote in.executed.ipynb in " in ended.stdout
    assert printed(notebook, "in.executed.ipynb") == "Bern False\n"
    assert notebook.read("in.py") == NOTEBOOK.lstrip("\n")


def test_parameters_come_from_files_yaml_and_words_and_the_last_wins(notebook: Folder) -> None:
    notebook.write("params.yaml", "n: 5\ncity: Wien\nsample: true")
    words = ["-p", "n", "2", "-f", "params.yaml", "-y", "{n: 3, city: Rom}", "-r", "city", "7"]
    ended = notebook.octavo("run", "in.py", "out.ipynb", *words)
    assert ended.returncode == 0, ended.stderr
    assert printed(notebook, "out.ipynb") == "77 True\n"


def test_a_parameter_that_is_not_declared_is_a_mistake_that_lists_what_is(notebook: Folder) -> None:
    ended = notebook.octavo("run", "in.py", "out.ipynb", "-p", "m", "2")
    assert ended.returncode == 2
    assert 'in.py: there is no parameter "m"' in ended.stderr
    assert not (notebook.path / "out.ipynb").exists()
    assert notebook.octavo("run", "in.py", "out.ipynb", "-p", "m", "2", "--no-strict").returncode == 0


def test_name_and_value_are_two_words_or_one_as_everywhere_else(notebook: Folder) -> None:
    for words in (["-p", "n", "3"], ["-p", "n=3"], ["--param", "n=3"]):
        ended = notebook.octavo("run", *words, "in.py", "out.ipynb")
        assert ended.returncode == 0, ended.stderr
        assert printed(notebook, "out.ipynb") == "BernBernBern False\n"
    ended = notebook.octavo("run", "in.py", "-p", "n")
    assert (ended.returncode, ended.stderr) == (
        2,
        "error: -p requires a name and a value\n  hint: -p n 3, or -p n=3\n",
    )


def test_values_may_begin_with_a_dash(folder: Folder) -> None:
    folder.write("in.py", "# %% tags=['parameters']\nf = 1.0\ns = b = ''\n# %%\nprint(f, s, b)\n")
    ended = folder.octavo("run", "in.py", "out.ipynb", "-p", "f", "-1e-3", "-r", "s", "-v", "-p", "b", "--")
    assert ended.returncode == 0, ended.stderr
    assert printed(folder, "out.ipynb") == "-0.001 -v --\n"


def test_a_failure_shows_the_line_in_the_file_and_leaves_what_ran(notebook: Folder) -> None:
    notebook.write("in.py", NOTEBOOK + "\n# %%\nfirst = 1\nfirst / 0\n")
    ended = notebook.octavo("run", "in.py", "out.ipynb")
    assert ended.returncode == 1
    assert "failed in: in.py:11 (cell 3, line 2)" in ended.stdout
    assert "    1 | first = 1\n  → 2 | first / 0\n  ZeroDivisionError: division by zero\n" in ended.stdout
    assert "  | Bern False\n" in ended.stdout
    assert "partial notebook: out.ipynb" in ended.stdout
    assert len(json.loads(notebook.read("out.ipynb"))["cells"]) >= 3


def test_output_can_be_followed_and_events_read(notebook: Folder) -> None:
    assert "BernBern False\n" in notebook.octavo("run", "in.py", "-p", "n", "2", "--log-output").stdout
    events = [json.loads(line) for line in notebook.octavo("run", "in.py", "--json").stdout.splitlines()]
    assert events[0]["event"] == "RunStarted"
    assert events[-1]["event"] == "RunFinished" and events[-1]["good"]


def test_parameters_that_cannot_be_read_name_their_file(notebook: Folder) -> None:
    assert notebook.octavo("run", "in.py", "-f", "no.yaml").stderr.startswith(
        "no.yaml: the parameters cannot"
    )
    notebook.write("list.yaml", "- 1")
    assert "list.yaml: this is not a mapping" in notebook.octavo("run", "in.py", "-f", "list.yaml").stderr


def test_a_missing_notebook_is_a_mistake(folder: Folder) -> None:
    ended = folder.octavo("run", "in.py")
    assert (ended.returncode, ended.stderr) == (2, "in.py: there is no such notebook\n")


def test_quiet_says_nothing_when_all_is_well(notebook: Folder) -> None:
    ended = notebook.octavo("run", "in.py", "-q")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_an_output_called_html_is_a_page(notebook: Folder) -> None:
    ended = notebook.octavo("run", "in.py", "out.html", "-p", "n", "2")
    assert ended.returncode == 0, ended.stderr
    assert "wrote out.html in " in ended.stdout
    page = notebook.read("out.html")
    assert page.lstrip().startswith("<!DOCTYPE html>") and "BernBern False" in page
    assert "print" in page
    assert notebook.octavo("run", "in.py", "out.html", "--report-mode").returncode == 0
    assert "sample</span>" not in notebook.read("out.html")


def test_a_failed_run_leaves_the_last_good_page_and_the_notebook_beside_it(notebook: Folder) -> None:
    assert notebook.octavo("run", "in.py", "out.html").returncode == 0
    page = notebook.read("out.html")
    words = ["run", "in.py", "out.html", "-p", "n", "{}", "--no-strict"]
    ended = notebook.octavo(*words)
    assert ended.returncode == 1
    assert "partial notebook: out.failed.ipynb" in ended.stdout
    assert notebook.read("out.html") == page
    assert json.loads(notebook.read("out.failed.ipynb"))["cells"]
    assert notebook.octavo("run", "in.py", "out.html").returncode == 0
    assert not (notebook.path / "out.failed.ipynb").exists()


def test_a_page_that_no_server_takes_leaves_the_notebook_here(notebook: Folder) -> None:
    ended = notebook.octavo("run", "in.py", "http://127.0.0.1:9/out.html")
    assert ended.returncode == 1
    assert "its notebook: out.failed.ipynb" in ended.stdout
    assert printed(notebook, "out.failed.ipynb") == "Bern False\n"


@pytest.mark.parametrize("name", ["other.py", "out.R", "out.Rmd"])
def test_an_output_with_the_name_of_a_source_is_refused(notebook: Folder, name: str) -> None:
    notebook.write(name, "kept")
    ended = notebook.octavo("run", "in.py", name)
    assert ended.returncode == 2
    assert f"{name} is the name of a source, not of an executed notebook" in ended.stderr
    assert notebook.read(name).strip() == "kept"


def test_without_nbconvert_a_page_is_refused_before_anything_runs(notebook: Folder) -> None:
    notebook.write("nbconvert.py", "raise ModuleNotFoundError('no', name='nbconvert')")
    ended = notebook.octavo("run", "in.py", "out.html", env={"PYTHONPATH": str(notebook.path)})
    assert ended.returncode == 2
    assert "out.html is made with it" in ended.stderr
    assert 'pip install "octavo[export]"' in ended.stderr
    assert not (notebook.path / "out.html").exists()


@pytest.mark.parametrize("mended", [True, False])
def test_an_output_that_cannot_be_written_is_noted_once_and_tried_again(folder: Folder, mended: bool) -> None:
    # a folder in the place of the output makes every save fail until it is gone
    folder.write(
        "slow.py",
        f"""
        # %%
        import contextlib, os, time
        with contextlib.suppress(FileNotFoundError):
            os.remove("out.ipynb")
        os.mkdir("out.ipynb")
        for n in range(12):
            print(n)
            time.sleep(0.1)
        # %%
        if {mended}:
            os.rmdir("out.ipynb")
        """,
    )
    ended = folder.octavo("run", "slow.py", "out.ipynb", "--autosave-cell-every", "0.2")
    said = ended.stdout + ended.stderr
    assert said.count("out.ipynb cannot be saved now: Is a directory") == 1
    assert ended.returncode == (0 if mended else 1), said
    assert ("wrote out.ipynb" in said) is mended
    assert ("out.ipynb cannot be written: it is a folder" in said) is not mended


def test_cells_run_up_to_one_or_alone_and_the_others_keep_what_they_showed(folder: Folder) -> None:
    old = {"output_type": "stream", "name": "stdout", "text": ["old\n"]}

    def cell(name: str, source: str, *tags: str) -> dict[str, Any]:
        metadata = {"tags": [*tags]} if tags else {}
        made = {"cell_type": "code", "id": name, "metadata": metadata, "source": source}
        return made | {"outputs": [old], "execution_count": 9}

    cells = [
        cell("put", "n = 9", "injected-parameters"),
        cell("given", "n = 1", "parameters"),
        {"cell_type": "markdown", "id": "said", "metadata": {}, "source": "# Title"},
        cell("first", "print(n)", "load"),
        cell("last", "print(n, 'last')\n1 +"),
    ]
    folder.write("in.ipynb", json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))

    def shown(*words: str) -> list[str]:
        ended = folder.octavo("run", "in.ipynb", "out.ipynb", *words)
        assert ended.returncode == 0, ended.stderr
        found = json.loads(folder.read("out.ipynb"))["cells"]
        code = [one for one in found if one["cell_type"] == "code"]
        return ["".join("".join(out["text"]) for out in one["outputs"]) for one in code]

    assert shown("--until", "in.ipynb#load") == ["", "", "1\n", "old\n"]
    assert "stale" not in folder.read("out.ipynb")
    assert shown("--only", "#first", "-p", "n", "3") == ["old\n", "", "3\n", "old\n"]
    for words, message in {
        ("--until", "4x"): 'there is no cell "4x"',
        ("--until", "other.ipynb#1"): "is a cell of another notebook",
        ("--only", "m1"): "#m1 is no cell that runs",
        ("--only", "1", "--until", "2"): "contradict each other",
    }.items():
        ended = folder.octavo("run", "in.ipynb", *words)
        assert ended.returncode == 2 and message in ended.stderr
