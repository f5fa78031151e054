"""``lock: true``: results that are committed count in clones, as far as octavo.lock proves them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from octavo import project as projects
from octavo.errors import Errors, SpecError
from octavo.lockfile import VERSION, lines
from octavo.model import Outcome
from projects import Folder

WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "core.autocrlf=false")

FILES = {
    "pipeline.yaml": """
        lock: true
        tasks:
          - source: clean.py
            product: {nb: out/clean.ipynb, data: out/clean.txt}
          - source: steps.count
            product: out/count.txt
            params: {n: 2}
          - source: steps.spell
            product: out/spell.txt
            params: {where: "/mnt/nowhere"}
    """,
    "clean.py": """
        # %% tags=["parameters"]
        product = None

        # %%
        from rules import keep

        with open("raw.txt") as file, open(product["data"], "w") as out:
            out.writelines(line for line in file if keep(line))
    """,
    "rules.py": """
        def keep(line):
            return not line.startswith("#")
    """,
    "steps.py": """
        def count(upstream, product, n=1):
            product.write_text(str(n * len(upstream["clean"]["data"].read_text())))

        def spell(product, where):
            product.write_text(where[::-1])
    """,
    ".gitignore": "__pycache__\n",
    "raw.txt": "# cities\nBern\n",
}


def git(folder: Folder, *words: str) -> str:
    done = subprocess.run(["git", *WHO, *words], cwd=folder.path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit(folder: Folder, words: str = "all") -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", words)


def clone(folder: Folder, to: Path) -> Folder:
    to.parent.mkdir(parents=True, exist_ok=True)
    git(folder, "clone", "--quiet", str(folder.path), str(to))
    return Folder(to)


def build(folder: Folder, *targets: str, **params: object) -> Mapping[str, Outcome]:
    """Build and return how the tasks ended."""
    with projects.load(folder.path / "pipeline.yaml", params=params) as project:
        return project.build(targets, jobs=1).outcomes


def said(folder: Folder, **params: object) -> list[str]:
    """Return what ``octavo status --exit-code`` complains of."""
    with projects.load(folder.path / "pipeline.yaml", params=params) as project:
        steps = project.status()
        reasons = [f"{name}: {reason}" for name, step in steps.items() for reason in step.reasons]
        return [*reasons, *project.lies(steps)]


def lock(folder: Folder) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for text in folder.read("octavo.lock").splitlines():
        if text.startswith("{"):
            found.setdefault((line := json.loads(text))["task"], []).append(line)
    return found


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A repository with results that are committed, and their lock. It is cloned, and stays as it is."""
    folder = Folder(tmp_path_factory.mktemp("origin") / "project")
    for name, text in FILES.items():
        folder.write(name, text)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    done = folder.octavo("build", "-j", "1")
    assert done.returncode == 0, done.stderr
    assert "octavo.lock is new: commit it with the results, and .gitattributes" in done.stdout + done.stderr
    commit(folder)
    return folder


@pytest.fixture
def copy(origin: Folder, tmp_path: Path) -> Folder:
    return clone(origin, tmp_path / "copy")


def test_a_clone_is_fresh_in_any_folder_and_runs_nothing(origin: Folder, tmp_path: Path) -> None:
    deep = clone(origin, tmp_path / "a folder" / "further" / "down")
    status = deep.octavo("status", "--exit-code")
    assert (status.returncode, status.stdout.splitlines()[-1]) == (0, "all 3 tasks are fresh")
    assert {*build(deep).values()} == {Outcome.FRESH}
    assert git(deep, "status", "--porcelain") == ""
    deep.write("pipeline.yaml", FILES["pipeline.yaml"].replace("lock: true", "lock: false"))
    assert said(deep) == []  # it is known here from now on
    git(deep, "checkout", "--quiet", "pipeline.yaml")
    git(deep, "worktree", "add", "--quiet", "../tree", "-b", "other")
    assert said(Folder(tmp_path / "a folder" / "further" / "tree")) == []


def test_the_lock_has_a_line_for_each_task_and_nothing_of_this_machine_or_day(origin: Folder) -> None:
    text = origin.read("octavo.lock")
    assert sorted(lock(origin)) == [*lock(origin)] == ["clean", "count", "spell"]
    assert str(origin.path) not in text
    assert os.path.expanduser("~") not in text
    assert "/mnt" not in text
    assert not re.search(r"20\d\d-\d\d|T\d\d:\d\d|\d{10}\.\d", text)
    assert json.loads(text.splitlines()[2])["products"].keys() == {"out/clean.ipynb", "out/clean.txt"}
    assert origin.read(".gitattributes") == "octavo.lock merge=union\n"
    before = (origin.path / "octavo.lock").stat()
    build(origin)
    assert (origin.path / "octavo.lock").stat() == before, "what does not change is not written"


@pytest.mark.parametrize(
    ("edit", "reasons"),
    [
        (("clean.py", "if keep", "if 1 and keep"), ["clean: source changed"]),
        (("rules.py", '"#"', '"%"'), ["clean: module rules changed"]),
        (("raw.txt", "Bern", "Rome"), ["clean: file raw.txt changed"]),
        (("pipeline.yaml", "n: 2", "n: 3"), ["count: param n 2 → 3"]),
        (
            ("pipeline.yaml", "/mnt/nowhere", "/mnt/there"),
            ['spell: param where (a path of another machine) → "/mnt/there"'],
        ),
        (
            ("pipeline.yaml", "/mnt/nowhere", "here"),
            ['spell: param where (a path of another machine) → "here"'],
        ),
        (("out/count.txt", "1", "2"), ["count: product out/count.txt was changed by hand"]),
        (("steps.py", "# ", "#  "), []),
        (
            ("pipeline.yaml", "steps.spell", "steps.spell\n    name: say"),
            ["say: first run", "octavo.lock has spell, which is no task of the pipeline any more"],
        ),
        (
            ("pipeline.yaml", "out/spell.txt", "out/said.txt"),
            ["spell: first run", "octavo.lock has out/spell.txt of spell, which makes something else"],
        ),
    ],
    ids=lambda value: "-".join(value[:2]).replace("/", "-") if isinstance(value, tuple) else "",
)
def test_what_has_changed_since_is_named(
    copy: Folder, edit: tuple[str, str, str], reasons: list[str]
) -> None:
    name, old, new = edit
    text = copy.read(name)
    assert old in text or not reasons
    copy.write(name, text.replace(old, new))
    assert said(copy) == reasons


def test_a_lie_that_is_committed_is_found_and_made_anew_while_what_is_not_committed_stays(
    copy: Folder, tmp_path: Path
) -> None:
    copy.write("out/count.txt", "12345")
    assert build(copy)["count"] is Outcome.BLOCKED
    commit(copy, "a better number")
    there = clone(copy, tmp_path / "there")
    assert said(there) == ["count: product out/count.txt is not that of octavo.lock"]
    (there.path / "out/spell.txt").unlink()
    assert "spell: product out/spell.txt is gone" in said(there)
    assert there.octavo("status", "--exit-code").returncode == 1
    assert build(there)["count"] is Outcome.DONE
    assert said(there) == []
    assert there.read("out/count.txt") == "10"
    assert git(there, "diff", "--name-only").split() == ["out/count.txt"], "the lock was right all the time"


def test_accepted_products_are_in_the_lock(copy: Folder, tmp_path: Path) -> None:
    copy.write("out/count.txt", "12345")
    with projects.load(copy.path / "pipeline.yaml") as project:
        project.accept(["count"])
    assert lock(copy)["count"][0]["accepted"] is True
    commit(copy)
    there = clone(copy, tmp_path / "there")
    assert said(there) == []
    assert build(there)["count"] is Outcome.FRESH


def test_what_is_pulled_is_fresh_and_an_older_result_of_here_is_not_in_its_way(
    origin: Folder, tmp_path: Path
) -> None:
    mine, yours = clone(origin, tmp_path / "mine"), clone(origin, tmp_path / "yours")
    build(mine)
    yours.write("raw.txt", "Wien\n")
    build(yours)
    commit(yours)
    git(mine, "pull", "--quiet", str(yours.path), "main")
    assert said(mine) == []
    assert {*build(mine).values()} == {Outcome.FRESH}
    assert git(mine, "status", "--porcelain") == ""
    yours.write("raw.txt", "Wien\nRome\n")  # and here somebody has forgotten to build
    commit(yours)
    git(mine, "pull", "--quiet", str(yours.path), "main")
    assert said(mine) == ["clean: file raw.txt changed"]


def branches(folder: Folder) -> Iterator[str]:
    for name in ("left", "right"):
        git(folder, "checkout", "--quiet", "-b", name, "main")
        yield name
        build(folder)
        commit(folder, name)


def test_branches_that_touch_different_tasks_merge_without_a_question(copy: Folder) -> None:
    new = "\n  - source: {0}.{0}\n    product: out/{0}.txt\n"
    for name in branches(
        copy
    ):  # each changes a task, these are neighbours in the lock, and adds another between them
        task = {"left": "east", "right": "eve"}[name]
        copy.write(f"{task}.py", f"def {task}(product):\n    product.write_text('x')\n")
        pipeline = copy.read("pipeline.yaml")
        if name == "left":
            copy.write(
                "pipeline.yaml",
                pipeline.replace("tasks:", "tasks:" + new.format(task)).replace("n: 2", "n: 4"),
            )
        else:
            copy.write("pipeline.yaml", pipeline.replace("/mnt/nowhere", "b") + new.format(task))
    git(copy, "merge", "--quiet", "--no-edit", "left")
    assert said(copy) == []
    assert sorted(lock(copy)) == ["clean", "count", "east", "eve", "spell"]
    build(copy)
    assert {len(lines) for lines in lock(copy).values()} == {1}


def test_branches_that_touch_one_task_leave_both_lines_until_the_next_build(copy: Folder) -> None:
    for name in branches(copy):
        copy.write("pipeline.yaml", copy.read("pipeline.yaml").replace("n: 2", f"n: {len(name)}"))
    done = subprocess.run(["git", *WHO, "merge", "left"], cwd=copy.path, check=False, capture_output=True)
    assert done.returncode == 1
    assert git(copy, "diff", "--name-only", "--diff-filter=U").split() == ["out/count.txt", "pipeline.yaml"]
    git(copy, "checkout", "--theirs", "out/count.txt", "pipeline.yaml")
    assert [line["made_from"]["param n"] for line in lock(copy)["count"]] == ["5", "4"]  # type: ignore[index]
    assert said(copy) == []
    git(copy, "checkout", "--ours", "out/count.txt")  # the result of the other branch is a lie
    assert said(copy) == ["count: param n 5 → 4"] or said(copy) == [
        "count: product out/count.txt is that of an earlier run"
    ]
    build(copy)
    assert [line["made_from"]["param n"] for line in lock(copy)["count"]] == ["4"]  # type: ignore[index]
    assert copy.read("out/count.txt") == "20"


def test_a_lock_without_its_line_in_gitattributes_conflicts_and_any_way_out_is_right(copy: Folder) -> None:
    (copy.path / ".gitattributes").unlink()
    commit(copy)
    for name in branches(copy):
        copy.write("pipeline.yaml", copy.read("pipeline.yaml").replace("n: 2", f"n: {len(name)}"))
    subprocess.run(["git", *WHO, "merge", "left"], cwd=copy.path, check=False, capture_output=True)
    git(copy, "checkout", "--theirs", "out/count.txt", "pipeline.yaml")
    for command in ("status", "build"):
        done = copy.octavo(command)
        assert done.returncode == 2
        assert re.search(r"octavo.lock:\d+:1: the file has merge conflict markers", done.stderr), done.stderr
    kept = [
        line
        for line in copy.read("octavo.lock").splitlines()
        if line[:7] not in ("<<<<<<<", "=======", ">>>>>>>")
    ]
    copy.write("octavo.lock", "\n".join(kept))
    assert said(copy) == []
    assert {*build(copy).values()} == {Outcome.FRESH}
    assert len(lock(copy)["count"]) == 1


@pytest.mark.parametrize("mistake", ["product", "input", "cut", "empty", "gone", "version", "words"])
def test_a_lock_that_was_edited_or_cut_proves_nothing(copy: Folder, mistake: str) -> None:
    text = copy.read("octavo.lock")
    lines = text.splitlines()
    digest = lock(copy)["count"][0]["products"]["out/count.txt"]  # type: ignore[index]
    copy.write("out/count.txt", "11")
    with projects.load(copy.path / "pipeline.yaml") as project:
        other = project.store.digest("out/count.txt")
    assert other is not None
    edited = {
        "product": text.replace(digest, other),
        "input": text.replace('"param n": "2"', '"param n": "3"'),
        "cut": text[: text.index(digest) + 20],
        "empty": "",
        "gone": "\n".join(line for line in lines if '"count"' not in line),
        "version": text.replace("Version ", "Version 9"),
        "words": text.replace('{"task": "count"', 'count: {"task": "count"'),
    }[mistake]
    (copy.path / "octavo.lock").write_text(edited, encoding="utf-8")
    if mistake == "input":
        copy.write("pipeline.yaml", copy.read("pipeline.yaml").replace("n: 2", "n: 3"))
    found = said(copy)
    assert any(line.startswith("count: ") for line in found), found
    if mistake in ("product", "input", "cut", "words"):
        number = next(n for n, line in enumerate(edited.splitlines(), 1) if '"count"' in line)
        assert f"octavo.lock:{number} is not as octavo has written it: it is not believed" in str(found)
    assert copy.octavo("status", "--exit-code").returncode == 1
    (copy.path / "out/count.txt").unlink()
    build(copy)
    assert said(copy) == []


def test_what_the_lock_cannot_tell_is_said_and_not_fresh(origin: Folder, tmp_path: Path) -> None:
    here = Folder(tmp_path / "here")
    here.write(
        "pipeline.yaml",
        """
        lock: true
        secret: token
        clients: {SQLScript: db.client}
        tasks:
          - source: steps.ask
            product: out/ask.txt
            params: {token: "abc"}
          - source: steps.outside
            product: out/outside.txt
            inputs: ["%s"]
          - source: steps.mixed
            product: out/mixed
          - source: table.sql
            product: [items, table]
        """
        % (tmp_path / "far.txt"),
    )
    here.write(
        "steps.py",
        """
        def ask(product, token):
            product.write_text(token[0])

        def outside(product):
            product.write_text("x")

        def mixed(product):
            product.mkdir(exist_ok=True)
            (product / "own.txt").write_text("x")
        """,
    )
    here.write(
        "db.py",
        "from octavo.clients import SQLAlchemyClient\n\n\ndef client():\n    return SQLAlchemyClient('sqlite:///data.db')\n",
    )
    here.write("table.sql", "DROP TABLE IF EXISTS {{product}};\nCREATE TABLE {{product}} AS SELECT 1 AS x")
    here.write("out/mixed/README", "by hand")
    (tmp_path / "far.txt").write_text("far")
    git(here, "init", "--quiet")
    done = here.octavo("build", env={"OCTAVO_SECRETS_KEY": "ours"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(tmp_path) not in here.read("octavo.lock")
    assert "abc" not in here.read("octavo.lock")
    commit(here)
    there = clone(here, tmp_path / "there")
    done = there.octavo("status", "--exit-code", env={"OCTAVO_SECRETS_KEY": "ours"})
    assert done.returncode == 1
    assert done.stdout.splitlines()[:4] == [
        "fresh  ask",
        "stale  outside  octavo.lock cannot tell: it uses what is outside the repository",
        "stale  mixed    octavo.lock cannot tell: out/mixed holds files of others",
        "stale  table    octavo.lock cannot tell: what it makes is no file",
    ]
    done = there.octavo("status", "ask")
    assert done.stdout.splitlines()[0] == (
        "stale  ask  octavo.lock cannot tell: its secrets were digested with another OCTAVO_SECRETS_KEY"
    )


def test_a_task_that_was_seen_to_use_what_another_makes_comes_after_it_in_a_clone_too(tmp_path: Path) -> None:
    here = Folder(tmp_path / "here")
    here.write(
        "pipeline.yaml",
        """
        lock: true
        tasks:
          - {source: steps.late, product: out/late.txt}
          - {source: steps.early, product: out/early.txt}
        """,
    )
    here.write(
        "steps.py",
        """
        import os

        PATH = "/".join(["out", "early.txt"])

        def late(product):
            product.write_text(open(PATH).read() if os.path.exists(PATH) else "none")

        def early(product):
            product.write_text("1")
        """,
    )
    git(here, "init", "--quiet")
    for _ in range(3):
        here.octavo("build")
    assert here.read("out/late.txt") == "1"
    commit(here)
    there = clone(here, tmp_path / "there")
    assert said(there) == []
    there.write("steps.py", there.read("steps.py").replace('"1"', '"2"'))
    assert there.octavo("build").returncode == 0
    assert there.read("out/late.txt") == "2"


def test_parameters_of_a_build_leave_the_lines_of_others(copy: Folder) -> None:
    text = copy.read("pipeline.yaml").replace("out/count.txt", '"{{to}}/count.txt"')
    copy.write("pipeline.yaml", text)
    copy.write("env.yaml", "to: out\n")
    assert said(copy) == []
    build(copy, to="sample")
    assert [[*line["products"]] for line in lock(copy)["count"]] == [["out/count.txt"], ["sample/count.txt"]]  # type: ignore[misc]
    assert said(copy, to="sample") == []
    build(copy)  # without parameters, the pipeline is all that there is
    assert [[*line["products"]] for line in lock(copy)["count"]] == [["out/count.txt"]]  # type: ignore[misc]


def test_builds_at_the_same_time_write_one_lock(copy: Folder) -> None:
    copy.write("raw.txt", "Rome\n")
    copy.write("steps.py", copy.read("steps.py").replace("[::-1]", "[::-1] * 2"))
    command = [sys.executable, "-m", "octavo", "build"]
    running = [subprocess.Popen([*command, name], cwd=copy.path) for name in ("clean", "spell", "+count")]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    assert said(copy) == []


def test_pipelines_beside_each_other_have_locks_of_their_own(copy: Folder) -> None:
    shutil.copy(copy.path / "pipeline.yaml", copy.path / "pipeline.train.yaml")
    with projects.load(copy.path / "pipeline.train.yaml") as project:
        project.build(jobs=1)
    assert copy.read("octavo.train.lock").count("task") == copy.read("octavo.lock").count("task")
    assert copy.read(".gitattributes").splitlines() == [
        "octavo.lock merge=union",
        "octavo.train.lock merge=union",
    ]


def test_a_lock_that_cannot_be_read_or_written_is_an_error(copy: Folder) -> None:
    (copy.path / "octavo.lock").unlink()
    (copy.path / "octavo.lock").mkdir()
    with pytest.raises((SpecError, Errors), match=r"octavo.lock: it cannot be read: Is a directory"):
        said(copy)


def test_another_python_is_noted_and_counts_where_the_environment_is_strict(copy: Folder) -> None:
    line = lines.read(text := copy.read("octavo.lock").splitlines()[4], VERSION)
    assert line is not None
    assert line.task == "count"
    older = replace(line, made_from={**line.made_from, "python": "3.8.1"})
    copy.write("octavo.lock", copy.read("octavo.lock").replace(text, lines.written(older, VERSION)))
    assert said(copy) == []
    with projects.load(copy.path / "pipeline.yaml") as project:
        assert [note.partition(", ")[0] for note in project.drift()] == ["count ran with Python 3.8.1"]
    copy.write("pipeline.yaml", "environment: strict\n" + copy.read("pipeline.yaml"))
    assert [found.partition(" → ")[0] for found in said(copy)] == ["count: python 3.8.1"]


def test_the_lock_is_no_news_to_a_task_that_lists_the_project(tmp_path: Path) -> None:
    here = Folder(tmp_path)
    here.write("pipeline.yaml", "lock: true\ntasks: [{source: steps.names, product: out/names.txt}]")
    here.write(
        "steps.py", "import os\n\ndef names(product):\n    product.write_text(' '.join(os.listdir()))\n"
    )
    git(here, "init", "--quiet")
    build(here)
    assert (tmp_path / ".gitattributes").exists()
    assert said(here) == []
