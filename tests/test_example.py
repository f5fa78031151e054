"""The example is built as its README says, and edits of it run what they should and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

EXAMPLE = Path(__file__).parent.parent / "examples" / "wine"
NOTEBOOKS = ("clean", "features-chemistry", "features-colour", "fit", "report")
TASKS = {"get", *NOTEBOOKS}
SMOKE = ("--param", "sample=15", "--param", "n_estimators=20", "--param", "out=output/smoke")


def copy(project: Path, to: Path) -> Path:
    return shutil.copytree(project, to, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))


def python(*argv: str, cwd: Path) -> str:
    """Run Python as a user would; what it printed, once it went well."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, *argv], cwd=cwd, env=env, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-5000:]
    return ran.stdout


def build(project: Path, *argv: str) -> dict[str, str]:
    """Build and return the outcome of each task."""
    lines = python("-m", "octavo", "build", "--jobs", "2", "--json", *argv, cwd=project).splitlines()
    events = [json.loads(line) for line in lines]
    return {event["task"]: event["outcome"] for event in events if event["event"] == "TaskFinished"}


def done(outcomes: dict[str, str]) -> set[str]:
    """Return the tasks that ran; all others must have been fresh."""
    assert set(outcomes.values()) <= {"done", "fresh"}
    return {task for task, outcome in outcomes.items() if outcome == "done"}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} has changed: adapt this test"
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built once; tests that change it take a copy."""
    ignored = shutil.ignore_patterns("output", ".octavo", "__pycache__", ".pytest_cache")
    project = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("example") / "wine", ignore=ignored)
    assert build(project) == dict.fromkeys(TASKS, "done")
    return project


def test_its_functions_pass_their_own_tests() -> None:
    assert "passed" in python("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", cwd=EXAMPLE)


@pytest.mark.parametrize("file", sorted((EXAMPLE / "notebooks").glob("*.py")), ids=lambda file: file.name)
def test_its_scripts_are_what_jupytext_writes(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert jupytext.writes(jupytext.reads(text, fmt="py:percent"), fmt="py:percent") == text


def test_its_ipynb_is_what_nbformat_writes_and_holds_no_outputs() -> None:
    text = (EXAMPLE / "notebooks" / "features-colour.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert nbformat.writes(notebook) + "\n" == text
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


def test_a_second_build_has_nothing_to_do(built: Path) -> None:
    assert build(built) == dict.fromkeys(TASKS, "fresh")


def test_its_numbers_tell_the_story_of_its_readme(built: Path) -> None:
    metrics = json.loads((built / "output" / "metrics.json").read_text())
    accuracy = metrics["accuracy"]
    assert metrics["wines"] == 178
    assert set(accuracy) == {"chemistry", "colour", "together"}
    assert 0.78 < accuracy["colour"] < 0.9 < accuracy["chemistry"] < accuracy["together"] <= 1


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_was_executed_without_an_error(built: Path, name: str) -> None:
    notebook = nbformat.read(built / "output" / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert outputs
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert str(built) not in nbformat.writes(notebook)


def test_the_report_has_its_plots_and_a_table(built: Path) -> None:
    report = nbformat.read(built / "output" / "report.ipynb", as_version=4)
    data = [output.data for cell in report.cells for output in cell.get("outputs", []) if "data" in output]
    assert sum("image/png" in shown for shown in data) == 4
    assert sum("text/html" in shown for shown in data) == 1


AN_EDIT_RUNS = {
    "a comment": ("wine/colour.py", "    red =", "    # first the red\n    red =", set()),
    "a docstring": ("wine/model.py", "The classifier and", "A classifier, and", set()),
    "markdown": ("notebooks/report.py", "## What the eye sees", "## What everybody sees", set()),
    "a title": ("wine/plots.py", "Wines recognised", "Wines known", {"report"}),
    "another way to the same features": (
        "wine/colour.py",
        '(1 + table["hue"])',
        '(table["hue"] + 1)',
        {"features-colour"},
    ),
    "one more feature": (
        "wine/colour.py",
        "assign(red=red,",
        "assign(red=red, share=red / table.intensity,",
        {"features-colour", "fit", "report"},
    ),
    "a limit": ("wine/cleaning.py", '"alcohol": (8, 17)', '"alcohol": (9, 17)', {"clean"}),
    "a function of two notebooks": (
        "wine/model.py",
        '== predictions["cul',
        '>= predictions["cul',
        {"fit", "report"},
    ),
    "a seed that is not used": ("wine/data.py", "random_state=0", "random_state=1", {"get"}),
}


@pytest.mark.parametrize(("file", "old", "new", "runs"), AN_EDIT_RUNS.values(), ids=AN_EDIT_RUNS)
def test_an_edit_runs_what_it_should(
    built: Path, tmp_path: Path, file: str, old: str, new: str, runs: set[str]
) -> None:
    project = copy(built, tmp_path / "wine")
    edit(project / file, old, new)
    assert done(build(project)) == runs


def test_a_parameter_runs_the_task_that_has_it_and_what_follows(built: Path, tmp_path: Path) -> None:
    project = copy(built, tmp_path / "wine")
    assert done(build(project, "--param", "n_estimators=50")) == {"fit", "report"}


def test_one_more_notebook_of_features_takes_part(built: Path, tmp_path: Path) -> None:
    project = copy(built, tmp_path / "wine")
    shutil.copy(project / "notebooks" / "features-colour.ipynb", project / "notebooks" / "features-age.ipynb")
    edit(
        project / "notebooks" / "features-age.ipynb",
        "colour.features(table)",
        "(table[['proline']] ** 0.5).add_prefix('root_')",
    )
    entry = (
        "  - source: notebooks/features-age.ipynb\n    product:\n"
        '      nb: "{{out}}/features-age.ipynb"\n      data: "{{out}}/features-age.csv"\n\n'
    )
    edit(project / "pipeline.yaml", "  - source: notebooks/fit.py", entry + "  - source: notebooks/fit.py")
    assert done(build(project)) == {"features-age", "fit", "report"}
    assert "age" in json.loads((project / "output" / "metrics.json").read_text())["accuracy"]


def test_the_smoke_test_builds_on_a_sample_beside_the_real_results(built: Path, tmp_path: Path) -> None:
    project = copy(built, tmp_path / "wine")
    real = {file.name: file.read_bytes() for file in (project / "output").iterdir()}
    assert build(project, *SMOKE) == dict.fromkeys(TASKS, "done")
    smoke = project / "output" / "smoke"
    assert json.loads((smoke / "metrics.json").read_text())["wines"] == 45
    assert {file.name for file in smoke.iterdir()} == set(real)
    assert {file.name: file.read_bytes() for file in (project / "output").iterdir() if file != smoke} == real


def test_its_readme_shows_the_smoke_test_that_is_tested_here() -> None:
    assert " ".join(["octavo build", *SMOKE]) in (EXAMPLE / "README.md").read_text(encoding="utf-8")
