"""Notebooks and tasks as tests of pytest."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

import pexpect  # type: ignore[import-untyped, unused-ignore]
import pytest

from octavo.errors import Error, Errors
from octavo.model import Json
from octavo.notebook import loads
from octavo.testing import settings, telling
from octavo.testing.naming import named
from projects import Folder

SCRIPT = """\
# %% [markdown]
# # Clean

# %% tags=["load"]
import shop
print("loading")

# %% compute
total = shop.price(3)
if total > 100:
    total = 0

# %%
def share():
    return total / 0
share()
"""
SHOP = "def price(n):\n    if n > 1:\n        return n * 2\n    return 0\n"


def code(source: str, outputs: Sequence[Json] = (), count: int | None = None, **metadata: object) -> Json:
    return {
        "cell_type": "code",
        "id": f"c{abs(hash(source)) % 10**8}",
        "metadata": metadata,
        "source": source,
        "outputs": list(outputs),
        "execution_count": count,
    }


def notebook(*cells: Json, **metadata: object) -> str:
    return json.dumps({"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def printed(text: str) -> Json:
    return {"output_type": "stream", "name": "stdout", "text": text}


def run(folder: Folder, *arguments: str, leave: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run pytest as a user would, without what is installed beside octavo for its own tests."""
    others = [f"-pno:{name}" for name in ("nbval", "nbmake", "hypothesispytest") if name not in leave]
    if not metadata.entry_points(group="pytest11", name="octavo"):  # of a checkout that was installed before
        others.append("-poctavo.testing.pytest_plugin")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *others, "-pno:cacheprovider", *arguments],
        cwd=folder.path,
        env={**os.environ, "PYTHONPATH": str(folder.path), "COLUMNS": "120", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_notebooks_are_tests_and_fail_as_python_tests_do(folder: Folder) -> None:
    folder.write("shop.py", SHOP)
    folder.write("nb/clean.py", SCRIPT)
    folder.write(
        "nb/good.ipynb",
        notebook(
            code("x = 1", nbmake={"mock": {"x": "it's"}, "post_cell_execute": ["x += '!'"]}),
            code('assert x == "it\'s!", x\nprint(get_ipython().execution_count)'),
            code("1 / 0", tags=["raises-exception"]),
            code("1 / 0", tags=["skip-execution"]),
        ),
    )
    folder.write("nb/through.ipynb", notebook(code("1 / 0"), code("2"), execution={"allow_errors": True}))
    folder.write("nb/slow.ipynb", notebook(code("import time; time.sleep(60)"), execution={"timeout": 1}))
    shows = "try:\n    1 / 0\nexcept ZeroDivisionError:\n    get_ipython().showtraceback()"
    folder.write("nb/shows.ipynb", notebook(code(shows)))
    folder.write(
        "nb/kernel.ipynb", notebook(code("1"), kernelspec={"name": "none-such", "language": "python"})
    )
    folder.write("nb/cut.ipynb", '{"cells": [')
    folder.write("test_it.py", "def test_it(): assert True\n")
    words = ("--durations=0", "--durations-min=0", "--junitxml=out.xml", "--continue-on-collection-errors")
    ended = run(folder, "--octavo", "-rA", *words)
    assert ended.returncode == 1, ended.stdout
    assert "ERROR nb/cut.ipynb" in ended.stdout
    said = ended.stdout
    assert ">       return total / 0\nE   ZeroDivisionError: division by zero\n\nnb/clean.py:15:" in said
    assert "FAILED nb/clean.py::notebook - ZeroDivisionError: division by zero" in said
    assert "FAILED nb/slow.ipynb::notebook - Timeout" in said
    assert 'nb/kernel.ipynb: the kernel "none-such" is not installed' in said
    assert "--octavo-kernel python3" in said
    assert "octavo-scratch" not in said
    assert "FAILED nb/shows.ipynb::notebook - ZeroDivisionError" in said
    assert "Captured stdout call" in said and "loading" in said
    assert "nb/clean.py::compute" in said.partition("slowest cells")[2]
    assert {
        "PASSED nb/good.ipynb::notebook",
        "PASSED nb/through.ipynb::notebook",
        "PASSED test_it.py::test_it",
    } <= {*said.splitlines()}
    written = ElementTree.parse(folder.path / "out.xml")
    (case,) = written.findall(".//testcase[@classname='nb.clean']")
    assert {one.get("name") for one in case.iter("property")} == {"load", "compute", "cell 3"}
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == "ZeroDivisionError: division by zero"


def test_cells_are_tests_with_names_and_compare_their_outputs_and_accept_them(folder: Folder) -> None:
    path = folder.write(
        "a.ipynb",
        notebook(
            code("print(0.1 + 0.2)", [printed("0.3\n")], 1, tags=["sum"]),
            code("print('new')", [printed("old\n")], 2),
            code("1 / 0", tags=["broken"]),
            code("# NBVAL_IGNORE_OUTPUT\nprint('any')", [printed("thing\n")], 4),
        ),
    )
    ended = run(folder, "--octavo", "--octavo-cells", "--octavo-verify", "-rA")
    said = ended.stdout
    assert "PASSED a.ipynb::sum" in said
    assert "FAILED a.ipynb::cell 2 - cell 2: stdout: old → new" in said
    assert "FAILED a.ipynb::broken - ZeroDivisionError" in said
    assert "PASSED a.ipynb::cell 4" in said
    only = run(folder, "--octavo-cells", "--octavo-update", "-k", "cell", "-q", "-rA")
    assert only.stdout.count("PASSED") == 2, only.stdout
    stored = loads(path.read_bytes(), "a.ipynb").cells
    # the last one is not compared, so nothing is to be accepted there
    assert [cell["outputs"][0]["text"] for cell in stored if cell["outputs"]] == ["0.3\n", "new\n", "thing\n"]
    assert stored[2]["outputs"] == []


def test_options_of_nbval_and_nbmake_are_understood_where_they_are_not_there(folder: Folder) -> None:
    path = folder.write(
        "a.ipynb", notebook(code("print(1)", [printed("2\n")], 1), code("#NBVAL_CHECK_OUTPUT\n3", [], 2))
    )
    folder.write("b.py", "# %%\n1 / 0\n")
    folder.write("pipeline.yaml", "- {source: b.py, product: out.ipynb}\n")
    lax = run(folder, "--nbval-lax", "-rA")
    assert "PASSED a.ipynb::Cell 0" in lax.stdout
    assert "FAILED a.ipynb::Cell 1" in lax.stdout
    assert "2 items" in lax.stdout
    made = run(folder, "--nbmake", "--overwrite", "-q")
    assert made.returncode == 0, made.stdout
    assert loads(path.read_bytes(), "a.ipynb").cells[0]["outputs"] == [printed("1\n")]


def test_tasks_of_a_pipeline_are_tests_in_their_order(folder: Folder) -> None:
    folder.write(
        "tasks.py",
        "def get(product): open(product, 'w').write('1')\n\ndef bad(product, upstream):\n    1 / 0\n",
    )
    folder.write(
        "fit.py", '# %% tags=["parameters"]\nupstream = ["get"]\nproduct = None\n# %%\nprint("hi")\n'
    )
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: fit.py, product: out/fit.ipynb}
          - {source: tasks.get, product: out/get.txt}
          - {source: tasks.bad, product: out/bad.txt, upstream: [get]}
          - {source: tasks.get, name: last, product: out/last.txt, upstream: [bad]}
        """,
    )
    ended = run(folder, "--octavo", "-rA", "pipeline.yaml", "fit.py")
    assert ended.returncode == 1
    assert "FAILED pipeline.yaml::bad - ZeroDivisionError" in ended.stdout
    assert "tasks.py:4: ZeroDivisionError" in ended.stdout
    assert "it needs bad, which failed" in ended.stdout
    assert {"PASSED pipeline.yaml::get", "PASSED pipeline.yaml::fit", "PASSED fit.py::fit"} <= {
        *ended.stdout.splitlines()
    }


def test_lines_are_covered_as_they_are_where_the_same_code_is_a_script(folder: Folder) -> None:
    if importlib.util.find_spec("pytest_cov") is None:
        pytest.skip("pytest-cov is not installed")
    folder.write("shop.py", SHOP)
    folder.write("nb/clean.py", SCRIPT.replace(" / 0", " / 1"))
    arguments = ("--octavo", "--octavo-cells", "--cov=.", "--cov-branch", "--cov-report=json:a.json")
    ended = run(folder, *arguments, "nb")
    assert ended.returncode == 0, ended.stdout
    assert "nb/clean.py      8      1    87%\n  compute        3      1    66%   3" in ended.stdout
    coverage = [sys.executable, "-m", "coverage"]
    environ = {**os.environ, "PYTHONPATH": str(folder.path)}
    for words in (["run", "--branch", "--source=.", "nb/clean.py"], ["json", "-o", "b.json", "-q"]):
        subprocess.run([*coverage, *words], cwd=folder.path, env=environ, check=True, capture_output=True)
    ours, theirs = (json.loads(folder.read(f"{name}.json"))["files"] for name in "ab")
    for file in ("shop.py", "nb/clean.py"):
        for what in ("executed_lines", "missing_lines", "executed_branches", "missing_branches"):
            assert ours[file][what] == theirs[file][what], (file, what)


def test_tasks_of_a_pipeline_are_covered_in_their_processes_and_while_they_are_fresh(folder: Folder) -> None:
    if importlib.util.find_spec("pytest_cov") is None:
        pytest.skip("pytest-cov is not installed")
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: work.fit, product: out/fit.txt}
          - {source: show.py, product: out/show.ipynb}
        """,
    )
    folder.write("work.py", "import shop\n\ndef fit(product):\n    product.write_text(str(shop.sign(1)))\n")
    folder.write(
        "shop.py", "def sign(x):\n    if x > 0:\n        return 1\n    return -1\n\ndef no():\n    return 0\n"
    )
    show = "# %% tags=['parameters']\nupstream = ['fit']\n"
    show += "\n# %%\nimport shop\n\nif shop.sign(-1) > 0:\n    print('no')\n"
    folder.write("show.py", show)
    for name in "ab":
        cover = ("--cov=.", "--cov-branch", f"--cov-report=json:{name}.json")
        ended = run(folder, "--octavo", *cover, "pipeline.yaml")
        assert ended.returncode == 0, ended.stdout
        assert "show.py           4      1    75%\n  cell 2          3      1    66%   4" in ended.stdout
    first, second = (json.loads(folder.read(f"{name}.json"))["files"] for name in "ab")
    assert {file: it["missing_lines"] for file, it in first.items()} == {
        "work.py": [],
        "shop.py": [7],
        "show.py": [8],
    }
    assert first["shop.py"]["executed_branches"] == [[2, 3], [2, 4]]
    assert first["show.py"]["missing_branches"] == [[7, 8]]
    assert {file: it["summary"] for file, it in second.items()} == {
        file: it["summary"] for file, it in first.items()
    }
    runs = [json.loads(line) for line in folder.octavo("history", "fit", "--json").stdout.splitlines()]
    (manifest,) = (one["manifest"] for one in runs)
    assert not [part for part in manifest if part.startswith(("folder ", "file "))], (
        "coverage looks there, not the task"
    )


def test_two_plugins_that_would_run_one_notebook_are_told(folder: Folder) -> None:
    folder.write(
        "nbval.py", "def pytest_addoption(parser):\n    parser.addoption('--nbval', action='store_true')\n"
    )
    ended = run(folder, "-p", "nbval", "--octavo", "--nbval", leave=("nbval",))
    assert ended.returncode == 4
    assert "two plugins would run the notebooks: octavo and nbval\n  hint: -p no:nbval" in ended.stderr


def test_the_plugin_imports_nothing_of_octavo_until_it_is_asked_for(folder: Folder) -> None:
    folder.write(
        "conftest.py",
        """
        import sys

        def pytest_unconfigure():
            print(sorted(name for name in sys.modules if name.split(".")[0] == "octavo"))
        """,
    )
    ended = run(folder, "-q")
    found = ended.stdout.splitlines()[-1]
    known = ["octavo", "octavo.dataclass", "octavo.errors", "octavo.lazy", "octavo.testing"]
    assert found == str([*known, "octavo.testing.late", "octavo.testing.pytest_plugin"])


def test_mistakes_in_pyproject_are_told_all_at_once(tmp_path: Path) -> None:
    assert settings.table(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text('[tool.octavo.test]\ncells = true\nsanitize-with = ["a"]\n')
    found = settings.table(tmp_path)
    assert found is not None
    wanted = settings.of_table(found, tmp_path)
    assert wanted.cells
    assert wanted.sanitize == (str(tmp_path / "a"),)
    with pytest.raises(Errors) as told:
        settings.of_table({"cel": 1, "rtol": "x", "cell-timeout": True}, tmp_path)
    assert [str(one).partition("\n")[0].partition(": ")[2] for one in told.value.exceptions] == [
        '[tool.octavo.test] has no key "cel"',
        '"rtol" of [tool.octavo.test] must be a number',
        '"cell-timeout" of [tool.octavo.test] must be a number of seconds',
    ]
    assert all(isinstance(one, Error) for one in told.value.exceptions)


@pytest.mark.parametrize(
    ("name", "text", "anyway", "named"),
    [
        ("a.py", "# %%\n1\n", True, True),
        ("a.py", "# ---\n# jupyter:\n#   jupytext:\n", True, True),
        ("a.py", "# ---\nimport jupytext\n", False, False),
        ("package/a.py", "# %%\n1\n", False, True),
        ("README.md", "```python\n1\n```\n", False, False),
        ("a.md", "---\njupytext:\n---\n```{code-cell}\n1\n```\n", True, True),
        ("a.qmd", "```{python}\n1\n```\n", True, True),
        ("a.ipynb", "{}", True, True),
        (".ipynb_checkpoints/a.ipynb", "{}", False, False),
        ("a.txt", "# %%\n", False, False),
        ("a.scala", "// %%\n", False, True),
    ],
)
def test_what_is_taken_for_a_notebook_is_one(
    name: str, text: str, anyway: bool, named: bool, folder: Folder
) -> None:
    folder.write("package/__init__.py", "")
    path = folder.write(name, text)
    assert telling.is_tested(path) == anyway
    assert telling.is_tested(path, named=True) == named


def test_each_cell_has_a_name_of_its_own() -> None:
    data = notebook(
        code("a", tags=["hide-input", "load"]), code("b", tags=["load"]), code(""), code("c", title="x::y")
    )
    found = loads(data.encode(), "a.ipynb")
    assert [name for _, _, name in named(found)] == ["load", "load (cell 2)", "x:y"]
    assert [name for _, _, name in named(found, nbval=True)] == [f"Cell {n}" for n in range(4)]


@pytest.mark.nightly
def test_the_debugger_stops_in_the_failing_cell_and_pytest_opens_no_other(folder: Folder) -> None:
    folder.write("shop.py", SHOP)
    folder.write("clean.py", SCRIPT)
    folder.write("test_it.py", "def test_it():\n    inner = 41\n    assert inner + 1 == 0\n")
    words = ["-m", "pytest", "-poctavo.testing.pytest_plugin", "-pno:octavo", "--octavo", "--pdb"]
    environ = {**os.environ, "PYTHONPATH": str(folder.path), "TERM": "dumb"}
    spoken = pexpect.spawn(
        sys.executable, words, cwd=str(folder.path), env=environ, timeout=60, encoding="utf-8"
    )
    spoken.expect("ipdb> ")
    spoken.sendline("p total * 7")
    spoken.expect("42\r\n")
    spoken.sendline("q")
    spoken.expect(r"\(Pdb\) ")  # of the Python test, which has pytest's own
    spoken.sendline("p inner")
    spoken.expect("41\r\n")
    spoken.sendline("c")
    spoken.expect("2 failed")
    spoken.expect(pexpect.EOF)
    spoken.close()
    assert spoken.exitstatus == 1


@pytest.mark.nightly
def test_cells_of_a_notebook_stay_together_on_several_processes_and_are_covered_there(folder: Folder) -> None:
    if importlib.util.find_spec("pytest_cov") is None:
        pytest.skip("pytest-cov is not installed")
    folder.write("shop.py", SHOP)
    for name in ("a", "b", "c"):
        folder.write(
            f"{name}.py", SCRIPT.replace(" / 0", " / 1").replace("# %% [markdown]\n# # Clean\n\n", "")
        )
    ended = run(folder, "--octavo-cells", "-n2", "--cov=.", "-v")
    assert ended.returncode == 0, ended.stdout
    assert "9 passed" in ended.stdout
    workers = {(name, worker) for worker, name in re.findall(r"\[(gw\d)\].*PASSED (\w+)\.py::", ended.stdout)}
    assert len(workers) == 3
    assert ended.stdout.count("compute      3      1    66%   3") == 3, ended.stdout
    assert re.search(r"^shop\.py +4 +1 +75%", ended.stdout, re.M)
