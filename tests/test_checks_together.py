"""Rules for the notebooks of a project together, what is remembered of them, and processes that share the work."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from octavo.checks import Finding, NotebookFindings, many
from octavo.checks.around import ProjectsAround
from octavo.checks.members import RULES, rules
from octavo.checks.memory import Memory
from octavo.checks.requirements import required
from octavo.checks.run import check, files
from octavo.checks.settings import Selection
from projects import Folder

TITLE = "# %% [markdown]\n# # A title\n"
FUNCTION = "\n".join(["def load(path):", *(f"    step_{n} = {n}" for n in range(8)), "    return path", ""])


@pytest.fixture(autouse=True)
def here(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.path / "cache"))


def together(*asked: str) -> list[Finding]:
    """Return what the rules find in the notebooks of this folder together."""
    arounds = ProjectsAround()
    paths = [*files(asked or ["."])]
    sketches = [found.sketch for path in paths if (found := check(path, RULES, Selection())).sketch]
    findings, broken = many.across(sketches, RULES, Selection(), asked or ["."], arounds)
    assert broken == []
    return findings


def said(*asked: str) -> list[tuple[str, str, str]]:
    return [(one.code, one.place, one.message) for one in together(*asked)]


#: A file that says what a project requires, what a notebook imports, and which of it is missing.
REQUIREMENTS = [
    ("requirements.txt", "lightgbm>=4\n# numpy\n", "import lightgbm\nimport catboost", ["catboost"]),
    ("requirements.txt", "scikit_learn==1.5\n", "from sklearn import svm\nimport cv2", ["cv2"]),
    ("requirements.txt", "opencv-python-headless\n", "import cv2", []),
    ("requirements/base.txt", "polars[all]\n", "import polars, duckdb", ["duckdb"]),
    (
        "environment.yml",
        "dependencies:\n  - pytorch=2\n  - pip:\n    - lightgbm==4\n",
        "import torch, lightgbm",
        [],
    ),
    (
        "environment.yml",
        "name: x\ndependencies:\n  - conda-forge::polars\n",
        "import polars, duckdb",
        ["duckdb"],
    ),
    (
        "pyproject.toml",
        '[project]\nname = "p"\ndependencies = [\n  "polars>=1",\n]\noptional-dependencies.ml = ["catboost"]\n',
        "import polars, catboost, duckdb",
        ["duckdb"],
    ),
    (
        "pyproject.toml",
        '[tool.poetry.dependencies]\npython = "^3.11"\npolars = "^1"\n'
        '[tool.poetry.group.dev.dependencies]\ncatboost = "*"\n',
        "import polars, catboost, duckdb",
        ["duckdb"],
    ),
    ("pyproject.toml", '[dependency-groups]\nnb = ["polars"]\n', "import polars, duckdb", ["duckdb"]),
    (
        "setup.py",
        'from setuptools import setup\nsetup(install_requires=["polars"])\n',
        "import polars, duckdb",
        ["duckdb"],
    ),
    (
        "setup.cfg",
        "[options]\ninstall_requires =\n    polars\n    catboost>=1\n",
        "import polars, duckdb",
        ["duckdb"],
    ),
    ("README.md", "no requirements\n", "import duckdb", []),
]


@pytest.mark.parametrize(("name", "text", "code", "missing"), REQUIREMENTS)
def test_an_import_that_no_requirement_provides_is_found(
    folder: Folder, name: str, text: str, code: str, missing: list[str]
) -> None:
    folder.write(name, text)
    folder.write("a.py", f"{TITLE}# %%\n{code}\n")
    found = [one.message.split('"')[1] for one in together("a.py") if one.code == "NB201"]
    assert found == missing


SOUND_IMPORTS = """\
import json, sys, own, beside
from package import inner
from IPython.display import display
try:
    import cupy
except ImportError:
    cupy = None
!pip install -q duckdb
import duckdb
import yaml  # noqa: NB201
from . import relative
"""


def test_what_needs_no_requirement_is_not_reported(folder: Folder) -> None:
    folder.write("requirements.txt", "polars\n")
    folder.write("own.py", "x = 1\n")
    folder.write("src/package/__init__.py", "")
    folder.write("notebooks/beside.py", "x = 1\n")
    folder.write("notebooks/a.py", f"{TITLE}# %%\n{SOUND_IMPORTS}")
    folder.write(".git/HEAD", "")
    assert said("notebooks") == []


def test_what_requirements_require_is_provided(folder: Folder) -> None:
    folder.write("requirements.txt", "ipykernel\n")
    folder.write("a.py", f"{TITLE}# %%\nimport zmq, tornado\n")
    assert said() == []


def test_a_requirement_that_nothing_imports_is_found_in_a_whole_project(folder: Folder) -> None:
    folder.write(".git/HEAD", "")
    folder.write("requirements.txt", "# data\npolars\nduckdb\npyarrow\njupyterlab\ncatboost\n")
    folder.write("notebooks/a.py", f"{TITLE}# %%\nimport polars\n")
    folder.write("src/module.py", "import catboost\n")
    assert said() == [("NB202", "requirements.txt:3:1", "nothing imports duckdb")]
    assert said("notebooks") == [], "others may import it"
    folder.write("requirements.txt", "duckdb==1  # via polars\npolars==1\n")
    assert said() == [], "a tool wrote down what others need"


def test_code_that_stands_in_three_notebooks_is_found_once(folder: Folder) -> None:
    for name in "abc":
        other = FUNCTION.replace("    step_3", f"    # copy {name}\n\n    step_3")
        folder.write(f"{name}.py", f"{TITLE}# %%\nimport os\n{other}\n# %%\nprint(load(os.sep), '{name}')\n")
    ((code, place, message),) = said()
    assert (code, place) == ("NB205", "a.py:5:1")
    assert message == '"load" also stands in b.py, c.py'
    assert said("a.py", "b.py") == [], "one of the two may be a draft"


def test_cells_that_import_and_set_options_may_be_the_same(folder: Folder) -> None:
    start = "\n".join(
        [*(f"import {name}" for name in "abcdefgh"), "c.set_option('x', 1)", "%matplotlib inline"]
    )
    for name in "abc":
        folder.write(f"{name}.py", f"{TITLE}# %%\n{start}\n")
    assert said() == []


def test_notebooks_that_are_too_long_and_full_of_functions_are_found(folder: Folder) -> None:
    many_cells = "".join(f"# %%\nx{n} = {n}\n" for n in range(5))
    functions = "".join(f"def f{n}():\n    return {n}\n" for n in range(4))
    folder.write("a.py", f"{TITLE}{many_cells}# %%\n{functions}")
    assert check("a.py", RULES, Selection()).findings == []
    less = Selection(limits={"max-cells": 5, "max-functions": 3})
    found = check("a.py", RULES, less).findings
    assert [(one.code, one.row) for one in found] == [("NB206", 0), ("NB207", 14)]
    assert "6 cells of code" in found[0].message and "4 functions" in found[1].message
    (long,) = check("a.py", RULES, Selection(limits={"max-lines": 10})).findings
    assert long.message == "it has 13 lines of code"


def test_where_a_requirement_stands_is_told(folder: Folder) -> None:
    folder.write(
        "pyproject.toml", '[project]\nname = "p"\ndependencies = [\n  "polars>=1",\n  "Duck_DB",\n]\n'
    )
    assert [(one.name, one.line) for one in required(Path())] == [("polars", 4), ("duck-db", 5)]


# ── what is remembered


def looked(memory: bool = True) -> dict[str, NotebookFindings]:
    arounds = ProjectsAround()
    found = many.check(
        [*files(["."])], rules(), Selection(), Memory(Path.cwd(), Selection()) if memory else None, arounds
    )
    return {path: one for path, one in found if isinstance(one, NotebookFindings)}


def aged(folder: Folder, name: str, text: str) -> None:
    """Write a file that is too old to change again without a new stamp."""
    folder.write(name, text)
    os.utime(folder.path / name, ns=(10**18, 10**18))


def test_what_is_remembered_is_what_would_be_found(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("octavo.products.RACY", -(10**12))  # files of tests are young
    folder.write(
        "a.py",
        f"{TITLE}# %%\nprint(x)\n{FUNCTION}# %%\nimport duckdb\ny = 1  # noqa: NB121\nz = 1  # noqa: NB201\n",
    )
    folder.write("b.py", f"{TITLE}# %%\nimport os\nos.environ['WEATHER_KEY']\n")
    first = looked()
    stored = json.loads(next((folder.path / "cache").rglob("*.json")).read_text())
    assert {*stored["found"]} == {"a.py", "b.py"}
    assert looked() == first == looked(memory=False)
    assert [one.code for one in first["a.py"].findings] == ["NB101", "NB191"]

    folder.write("a.py", f"{TITLE}# %%\nprint(1)\n")
    folder.write(".env.example", "WEATHER_KEY=\n")  # what the project names counts, too
    again = looked()
    assert again["a.py"].findings == again["b.py"].findings == []


def test_what_cannot_be_remembered_is_found_all_the_same(folder: Folder) -> None:
    folder.write("a.py", f"{TITLE}# %%\nprint(x)\n")
    folder.write("cache", "a file where the folder would be\n")
    assert [one.code for one in looked()["a.py"].findings] == ["NB101"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": 1}', '{"key": "x", "found": {"a.py": 3}}'])
def test_a_damaged_memory_is_none(folder: Folder, text: str) -> None:
    folder.write("a.py", f"{TITLE}# %%\nprint(x)\n")
    looked()
    for path in (folder.path / "cache").rglob("*.json"):
        path.write_text(text)
    assert [one.code for one in looked()["a.py"].findings] == ["NB101"]


def test_many_notebooks_are_looked_at_by_processes_with_the_same_result(folder: Folder) -> None:
    for n in range(70):
        folder.write(f"{n:02}.py", f"{TITLE}# %%\nprint(x{n})\n")
    folder.write("broken.ipynb", "{")
    arounds = ProjectsAround()
    paths = [*files(["."])]
    together = [*many.check(paths, rules(), Selection(), None, arounds)]
    alone = [found for path in paths for found in many.check([path], rules(), Selection(), None, arounds)]
    assert [path for path, _ in together] == paths
    assert [str(found) for _, found in together] == [str(found) for _, found in alone]
    assert sum(isinstance(found, NotebookFindings) for _, found in together) == 70


# ── pipelines

PIPELINE = """
tasks:
  - source: load.py
    product: {nb: out/load.ipynb, orders: out/orders.csv, old: out/old.csv}
  - source: clean.py
    product: {nb: out/clean.ipynb}
"""
LOAD = (
    TITLE
    + '# %% tags=["parameters"]\nupstream = None\nproduct = None\n# %%\nopen(product["orders"]).close()\n'
)


def task(upstream: str, code: str) -> str:
    return f'{TITLE}# %% tags=["parameters"]\nupstream = {upstream}\nproduct = None\n# %%\n{code}\n'


@pytest.mark.parametrize(
    ("clean", "expected"),
    [
        (task('["load"]', 'open(upstream["load"]["orders"])'), [("NB204", "pipeline.yaml:2:1")]),
        (task("None", 'open("out/orders.csv")'), [("NB203", "clean.py:7:1")]),
        (task('["load"]', 'print(upstream["load"]["orders"], upstream["load"]["old"])'), []),
        (task('["load"]', 'for path in upstream["load"].values():\n    print(path)'), []),
        (task('["load"]', 'open(upstream["load"]["orders"]); open("out/old.csv")'), []),
        (task("None", "print(1)"), []),
    ],
)
def test_tasks_that_do_not_say_what_they_use_are_found(
    folder: Folder, clean: str, expected: list[tuple[str, str]]
) -> None:
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("load.py", LOAD)
    folder.write("clean.py", clean)
    done = folder.octavo("check", "--output-format", "json")
    plain = json.loads(done.stdout)
    assert [(one["code"], f"{one['path']}:{one['row']}:{one['column']}") for one in plain] == expected


def test_mistakes_of_a_pipeline_do_not_keep_notebooks_from_being_checked(folder: Folder) -> None:
    folder.write("pipeline.yaml", "tasks: 3\n")
    folder.write("a.py", f"{TITLE}# %%\nprint(x)\n")
    done = folder.octavo("check")
    assert done.returncode == 2 and "NB101" in done.stdout
    assert "pipeline.yaml" in done.stderr and "its pipeline was not looked at" in done.stderr


# ── ruff


def test_ruff_is_asked_and_its_cells_are_counted_as_octavo_counts(folder: Folder) -> None:
    cells = [
        ("markdown", "# T"),
        ("code", "x = 1"),
        ("markdown", "words"),
        ("code", "%%bash\nls"),
        ("code", "import os\nx = 2"),
    ]
    book = {
        "cells": [
            {"cell_type": kind, "id": f"c{n}", "metadata": {}, "source": source}
            | ({"outputs": [], "execution_count": None} if kind == "code" else {})
            for n, (kind, source) in enumerate(cells)
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    folder.write("a.ipynb", json.dumps(book))
    folder.write("b.py", f"{TITLE}# %%\nimport sys\n")
    folder.write("ruff.toml", 'lint.select = ["F"]\n')
    assert folder.octavo("check").returncode == 0
    done = folder.octavo("check", "--ruff")
    assert done.returncode == 1
    assert "a.ipynb:cell 3:1:8: F401" in done.stdout and "b.py:4:8: F401" in done.stdout
    folder.write("ruff.toml", "nonsense = 3\n")
    assert "ruff failed" in folder.octavo("check", "--ruff").stderr


#: What a notebook writes, only tries, or names in a magic, is no requirement that is missing or idle.
QUIET = """\
%%writefile helper.py
x = 1
# %%
import helper, model_pb2
try:
    import catboost
except ImportError:
    catboost = None
%load_ext duckdb
import tensorflow_serving
"""


def test_what_is_written_tried_or_loaded_by_a_magic_is_neither_missing_nor_idle(folder: Folder) -> None:
    folder.write(".git/HEAD", "")
    folder.write("requirements.txt", "catboost\nduckdb\ntensorflow-serving-api\n")
    folder.write("a.py", f"{TITLE}# %%\n{QUIET}")
    assert said() == []


def test_an_import_that_many_notebooks_lack_is_said_once(folder: Folder) -> None:
    folder.write("requirements.txt", "polars\n")
    for name in "abc":
        folder.write(f"{name}.py", f"{TITLE}# %%\nimport duckdb\n")
    ((_, place, message),) = said("a.py", "b.py", "c.py")
    assert (place, "here and in 2 more" in message) == ("a.py:4:1", True)


def test_what_a_tool_wrote_down_is_not_called_idle(folder: Folder) -> None:
    folder.write(".git/HEAD", "")
    folder.write("a.py", f"{TITLE}# %%\nimport json\n")
    folder.write("requirements.txt", "".join(f"package{n}==1.{n}\n" for n in range(50)))
    assert said() == []
    lines = "".join(f"  - polars{n}=1.{n}=h0\n" for n in range(50))
    folder.write("environment.yml", f"dependencies:\n{lines}  - pyyaml=6=h0\n")
    assert said() == []


def test_a_cell_that_was_edited_after_octavo_ran_it_is_found(folder: Folder) -> None:
    folder.write("a.py", f"{TITLE}# %%\nprint('one')\n# %%\nprint('two')\n# %%\nx = 1\n")
    assert folder.octavo("run", "a.py", "done.ipynb").returncode == 0
    assert check("done.ipynb", RULES, Selection()).findings == []
    text = folder.read("done.ipynb")
    (folder.path / "done.ipynb").write_text(
        text.replace("print('two')", "print('2')").replace("x = 1", "x = 2")
    )
    found = check("done.ipynb", RULES, Selection()).findings
    assert [(one.code, one.cell) for one in found] == [("NB105", 2)], (
        "a cell without outputs shows nothing else"
    )
