"""Starting a project, and adding tasks to it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from octavo.ci.members import SYSTEMS
from octavo.cli import main
from octavo.errors import Error
from octavo.scaffold import adding, layout
from octavo.spec import document
from projects import Folder


def test_a_new_project_builds_its_sample_and_passes_its_checks_and_tests(folder: Folder) -> None:
    pytest.importorskip("pandas")
    made = folder.octavo("new", "Iris flowers", "--licence", "mit", "--author", "Ada")
    assert made.returncode == 0, made.stderr
    assert "next: cd 'Iris flowers' && " in made.stdout
    project = Folder(folder.path / "Iris flowers")
    settings = tomllib.loads(project.read("pyproject.toml"))["project"]
    assert (settings["name"], settings["license"]) == ("iris-flowers", "MIT")
    assert "Ada" in project.read("LICENSE")
    added = project.octavo("add", "task", "fit-all", "--upstream", "clean,get", "--kind", "function")
    assert added.returncode == 0, added.stderr
    checked = project.octavo("check")
    assert "nothing found in 2 notebooks" in checked.stderr, checked.stdout
    built = project.octavo("build", env={"PLOOMBER_ENV_FILENAME": "env.sample.yaml"})
    assert "4 done" in built.stdout, built.stderr
    assert len(project.read("output/sample/clean.csv").splitlines()) == 16
    assert not (project.path / "output/clean.csv").exists()
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in tested.stdout, tested.stdout


def test_a_folder_that_is_not_empty_is_left_alone_unless_asked(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write("work/README.md", "mine")
    folder.write("work/notebooks/clean.ipynb", "{}")
    folder.write("work/sales/__init__.py", "")
    monkeypatch.chdir(folder.path / "work")
    before = sorted(folder.path.rglob("*"))
    with pytest.raises(Error, match=r"the folder is not empty: README\.md and 2 more") as told:
        main(["new", "."])
    assert told.value.hint is not None
    assert "--around" in told.value.hint
    assert sorted(folder.path.rglob("*")) == before

    assert main(["new", ".", "--around"]) == 0
    said = capsys.readouterr().out
    assert "kept as they are: README.md" in said
    assert "octavo init" in said
    assert folder.read("work/README.md") == "mine"
    assert 'packages = ["sales"]' in folder.read("work/pyproject.toml")
    assert not (folder.path / "work/pipeline.yaml").exists()
    assert not (folder.path / "work/src").exists()


@pytest.mark.parametrize("name", ["json", "pandas", "1", "class", "数"])
def test_a_name_that_no_package_can_have_is_refused_before_anything_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Error, match="a package cannot be called") as told:
        main(["new", name])
    assert told.value.hint == "--package NAME gives it another name"
    assert not (tmp_path / name).exists()
    assert main(["new", name, "--package", "mine", "--ci", "none"]) == 0
    assert (tmp_path / name / "src/mine/data.py").is_file()
    assert not (tmp_path / name / ".github").exists()


@pytest.mark.parametrize("system", [*SYSTEMS])
def test_the_file_of_the_ci_system_is_that_of_octavo_ci(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "sales", "--ci", system]) == 0
    written = Path("sales", SYSTEMS[system].PATH).read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path / "sales")
    capsys.readouterr()
    assert main(["ci", system, "--branch", "main", "-o", "-"]) == 0
    assert written == capsys.readouterr().out
    assert "pip install --editable . --group dev" in written


def test_a_file_in_the_place_of_the_project_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("mine")
    with pytest.raises(Error, match="there is a file of this name"):
        main(["new", "taken", "--around"])


@pytest.fixture
def small(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    folder.write("pipeline.yaml", "tasks:\n- source: steps.first\n  product: made/first.txt\n# the end\n")
    folder.write("steps.py", "def first(product):\n    product.write_text('1')\n")
    monkeypatch.chdir(folder.path)
    return folder


def test_tasks_of_every_kind_are_added_and_build_at_once(small: Folder) -> None:
    pytest.importorskip("sqlalchemy")
    assert main(["add", "task", "note", "--upstream", "first"]) == 0
    assert main(["add", "task", "count-it", "--upstream", "first,note", "--kind", "function"]) == 0
    assert main(["add", "task", "joined", "--upstream", "count-it", "--kind", "shell"]) == 0
    assert main(["add", "task", "kept", "--upstream", "joined", "--kind", "sql"]) == 0
    assert main(["add", "task", "again", "--upstream", "kept", "--kind", "sql"]) == 0
    assert main(["add", "task", "alone", "--kind", "shell", "--product", "made/own.csv"]) == 0
    text = small.read("pipeline.yaml")
    assert text.startswith(
        "tasks:\n- source: steps.first\n  product: made/first.txt\n- source: notebooks/note.py\n"
    )
    assert text.endswith("\n# the end\n")
    built = small.octavo("build")
    assert "7 done" in built.stdout, built.stderr
    assert small.read("made/joined.txt") == "11"
    assert small.read("made/own.csv") == "new\n"


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["first"], 'there is a task "first" already', None),
        (["two", "--upstream", "frist"], 'there is no task "frist"', 'did you mean "first"?'),
        (["../two"], 'a task cannot be called "../two"', "letters, digits, - and _"),
        (["steps", "--kind", "function"], "there is a file of this name", "give the task another name"),
        (["json", "--kind", "function"], 'a package cannot be called "json"', None),
        ([], "a task needs a name", "octavo add task NAME"),
    ],
)
def test_what_cannot_be_added_is_told_and_changes_nothing(
    small: Folder, words: list[str], message: str, hint: str | None
) -> None:
    before = {path: path.read_bytes() for path in small.path.rglob("*") if path.is_file()}
    with pytest.raises(Error, match=message) as told:
        main(["add", "task", *words])
    assert hint is None or told.value.hint == hint
    state = small.path / ".octavo"
    after = {path: path.read_bytes() for path in small.path.rglob("*") if path.is_file()}
    assert {path: text for path, text in after.items() if state not in path.parents} == before


def test_a_task_that_makes_the_pipeline_invalid_is_taken_back(small: Folder) -> None:
    before = small.read("pipeline.yaml")
    with pytest.raises((Error, ExceptionGroup)):
        main(["add", "task", "two", "--kind", "shell", "--product", "made/first.txt"])
    assert small.read("pipeline.yaml") == before
    assert not (small.path / "scripts").exists()


ENTRY = {"source": "b.py", "product": {"nb": "{{out}}/b.ipynb", "data": "no"}, "upstream": ["a: b", "3"]}


@pytest.mark.parametrize(
    "text",
    [
        "tasks:\n  - source: a.py",
        "tasks:\n  - source: a.py\n\n  - source: c.py\n\n# about the clients\nclients:\n  x: y.z\n",
        "meta: {}\ntasks:\n-   source: a.py\n    params:\n      n: |\n        a text\n\n        of three lines\n",
        "tasks:\r\n  - source: a.py\r\n",
    ],
)
def test_an_entry_is_added_after_the_last_one_and_other_lines_stay(text: str) -> None:
    after = adding.appended(text, "pipeline.yaml", ENTRY)
    assert document.parse(after, "").data["tasks"][-1] == ENTRY
    left = iter(after.splitlines())
    assert all(line in left for line in text.splitlines()), after


@pytest.mark.parametrize("text", ["tasks: [{source: a.py}]\n", "tasks: []\n", "meta: {}\n", ""])
def test_a_pipeline_that_is_written_in_another_way_is_told(text: str) -> None:
    with pytest.raises(Error, match=r"pipeline\.yaml"):
        adding.appended(text, "pipeline.yaml", ENTRY)


def test_a_package_is_added_once(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.path)
    assert main(["add", "package", "sales"]) == 0
    assert layout.found(str(folder.path)).inside == "src/sales"
    assert 'packages = ["src/sales"]' in folder.read("pyproject.toml")
    with pytest.raises(Error, match="there is a package already: src/sales"):
        main(["add", "package", "other"])
