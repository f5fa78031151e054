"""Kinds of tasks that other packages bring. docs/extending.md shows one, installed as users do it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from projects import Folder

KIND = """
from pathlib import Path

from octavo.digests import digest
from octavo.kinds import Row
from octavo.kinds.keys import Key, is_count
from octavo.model import Facts, Failure


class Repeat:
    row = Row(suffixes=(".rep",), keys={"times": Key("a whole number above 0", is_count)})

    def facts(self, source, data):
        return Facts(digest(data), language="text")

    def preload(self, task):
        return ()

    def run(self, task, tell):
        if "fail" in task.source.text:
            return Failure("RepeatError", "the source says so", path=task.source.path, line=1)
        Path(task.products[0].path).write_text(task.source.text * task.own.get("times", 1))

    def refresh(self, task, root):
        return None


KIND = Repeat()
"""


class Installed:
    """A package that is installed in a folder of its own, as pip leaves it."""

    def __init__(self, folder: Path) -> None:
        self.site = folder
        self.env = {"PYTHONPATH": str(folder)}

    def install(self, text: str = KIND, target: str = "octavo_repeat:KIND") -> None:
        info = self.site / "octavo_repeat-1.0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (self.site / "octavo_repeat.py").write_text(text)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: octavo-repeat\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[octavo.kinds]\nrepeat = {target}\n")

    def uninstall(self) -> None:
        shutil.rmtree(self.site)


@pytest.fixture
def package(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    made = Installed(tmp_path_factory.mktemp("elsewhere") / "site")
    made.install()
    return made


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write("a.rep", "ab")
    folder.write("pipeline.yaml", "tasks:\n  - {source: a.rep, product: out/a.txt}\n")
    return folder


def test_a_source_is_of_a_kind_by_its_end(project: Folder, package: Installed) -> None:
    assert "1 done" in project.octavo("build", env=package.env).stdout
    assert project.read("out/a.txt") == "ab"
    assert "all tasks are fresh" in project.octavo("status", env=package.env).stdout
    project.write("a.rep", "cd")
    assert "source changed" in project.octavo("build", env=package.env).stdout
    assert project.read("out/a.txt") == "cd"


def test_a_source_is_of_a_kind_by_its_class_and_keys_of_the_kind_count(
    folder: Folder, package: Installed
) -> None:
    folder.write("a.txt", "ab")
    text = "tasks:\n  - {source: a.txt, class: repeat, times: 2, product: out/a.txt}\n"
    folder.write("pipeline.yaml", text)
    assert "1 done" in folder.octavo("build", env=package.env).stdout
    assert folder.read("out/a.txt") == "abab"
    folder.write("pipeline.yaml", text.replace("times: 2", "times: 3"))
    assert "option times 2 → 3" in folder.octavo("build", env=package.env).stdout
    assert folder.read("out/a.txt") == "ababab"


def test_a_kind_that_comes_to_make_something_else_runs_its_tasks_again(
    project: Folder, package: Installed
) -> None:
    project.octavo("build", env=package.env)
    package.install(KIND.replace("Row(", "Row(version=2, ").replace("text * task", "text[::-1] * task"))
    assert "class repeat → repeat 2" in project.octavo("build", env=package.env).stdout
    assert project.read("out/a.txt") == "ba"


def test_a_failure_is_shown_with_its_line(project: Folder, package: Installed) -> None:
    project.write("a.rep", "fail\n")
    said = project.octavo("build", env=package.env)
    assert said.returncode == 1
    assert "failed a: a.rep:1" in said.stdout
    assert "RepeatError: the source says so" in said.stdout


def test_the_result_of_a_foreign_kind_is_restored_from_the_cache(project: Folder, package: Installed) -> None:
    project.octavo("build", env=package.env)
    project.write("a.rep", "cd")
    project.octavo("build", env=package.env)
    project.write("a.rep", "ab")
    assert "1 restored" in project.octavo("build", env=package.env).stdout
    assert project.read("out/a.txt") == "ab"


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (
            "{source: a.rep, times: lots, product: a}",
            '"times" must be a whole number above 0, not the string',
        ),
        ("{source: a.rep, tims: 1, product: a}", 'has no key "tims"\n  hint: did you mean "times"?'),
        (
            "{source: a.rep, class: repat, product: a}",
            'there is no class "repat"\n  hint: did you mean "repeat"?',
        ),
    ],
)
def test_a_mistake_is_told_as_of_any_kind(
    project: Folder, package: Installed, task: str, message: str
) -> None:
    project.write("pipeline.yaml", f"tasks:\n  - {task}\n")
    said = project.octavo("status", env=package.env)
    assert said.returncode == 2
    assert message in said.stderr


def test_a_package_that_is_gone_is_told(project: Folder, package: Installed) -> None:
    project.octavo("build", env=package.env)
    package.uninstall()
    said = project.octavo("status", env=package.env)
    assert said.returncode == 2
    assert 'no notebook format has the extension ".rep"' in said.stderr
    project.write("pipeline.yaml", "tasks:\n  - {source: a.rep, class: repeat, product: out/a.txt}\n")
    said = project.octavo("status", env=package.env)
    assert said.returncode == 2
    assert 'pipeline.yaml:2:28: task "a.rep": there is no class "repeat"' in said.stderr


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        (KIND.replace("row = Row(", "rows = Row("), "octavo_repeat:KIND", 'the kind "repeat" has no row'),
        ("1 / 0\n", "octavo_repeat:KIND", "octavo_repeat cannot be imported: ZeroDivisionError"),
        ("import nowhere\n", "octavo_repeat:KIND", 'the package "nowhere" is not installed'),
        (KIND, "octavo_repeat:KINDS", "there is no KINDS in octavo_repeat"),
    ],
)
def test_a_package_that_is_of_no_use_is_told(
    project: Folder, package: Installed, text: str, target: str, message: str
) -> None:
    package.install(text, target)
    project.write("pipeline.yaml", "tasks:\n  - {source: a.rep, class: repeat, product: out/a.txt}\n")
    said = project.octavo("status", env=package.env)
    assert said.returncode == 2
    assert message in said.stderr
