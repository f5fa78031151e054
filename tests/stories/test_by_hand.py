"""What no hand changed stops nothing: results that come back, notebooks that were saved, files that are set aside."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from projects import Folder


@pytest.fixture
def tracked(folder: Folder) -> Folder:
    """Return a repository of git that has products, too, with a branch "other" on which all is another."""
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: tasks.make
            product: out/made.txt
          - source: look.py
            product: out/look.ipynb
        """,
    )
    folder.write("data.txt", "one")
    folder.write(
        "tasks.py",
        """
        from pathlib import Path

        def make(product):
            product.write_text(Path("data.txt").read_text().upper())
        """,
    )
    folder.write(
        "look.py",
        """
        # %% tags=["parameters"]
        upstream = ["make"]
        product = None

        # %%
        import time
        print(time.time(), open(upstream["make"]).read())
        """,
    )
    git(folder, "init", "-q", "-b", "main")
    assert folder.octavo("build").returncode == 0
    commit(folder, "one")
    git(folder, "checkout", "-q", "-b", "other")
    folder.write("data.txt", "two")
    assert folder.octavo("build").returncode == 0
    commit(folder, "two")
    return folder


def git(folder: Folder, *words: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, *words], cwd=folder.path, check=True)


def commit(folder: Folder, words: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", words)


def test_a_branch_that_has_its_products_is_fresh(tracked: Folder) -> None:
    for branch, made in (("main", "ONE"), ("other", "TWO"), ("main", "ONE")):
        git(tracked, "checkout", "-q", branch)
        assert "all 2 tasks are fresh" in tracked.octavo("status").stdout
        report = tracked.read("out/look.ipynb")
        assert "2 tasks fresh" in tracked.octavo("build", "--no-cache").stdout
        assert (tracked.read("out/made.txt"), tracked.read("out/look.ipynb")) == (made, report)


def test_a_product_of_another_branch_is_nobody_s_work(tracked: Folder) -> None:
    git(tracked, "checkout", "-q", "main", "--", "out")
    status = tracked.octavo("status").stdout
    assert "stale  make  product out/made.txt is that of an earlier run" in status
    assert "waits  look" in status and "blocked" not in status
    assert tracked.octavo("build").returncode == 0
    assert tracked.read("out/made.txt") == "TWO" and "TWO" in tracked.read("out/look.ipynb")
    assert not list((tracked.path / "out").glob("*.edited*"))


def test_an_older_report_of_the_same_inputs_is_fresh(tracked: Folder) -> None:
    older = tracked.read("out/look.ipynb")
    assert tracked.octavo("build", "--force", "look").returncode == 0
    assert tracked.read("out/look.ipynb") != older
    tracked.write("out/look.ipynb", older)
    assert "2 tasks fresh" in tracked.octavo("build").stdout
    assert tracked.read("out/look.ipynb") == older


def test_a_hand_is_still_noticed(tracked: Folder) -> None:
    git(tracked, "checkout", "-q", "main")
    tracked.write("out/made.txt", "mended")
    assert "product out/made.txt was changed by hand" in tracked.octavo("status").stdout
    assert tracked.octavo("build").returncode == 1
    assert tracked.read("out/made.txt") == "mended"
    assert tracked.octavo("accept", "make").returncode == 0
    assert "1 done, 1 fresh" in tracked.octavo("build").stdout
    git(tracked, "stash", "-q")
    assert "all 2 tasks are fresh" in tracked.octavo("status").stdout
    git(tracked, "stash", "pop", "-q")
    assert "all 2 tasks are fresh" in tracked.octavo("status").stdout


def test_a_saved_notebook_stops_no_build_and_is_kept(tracked: Folder) -> None:
    report = tracked.read("out/look.ipynb")
    tracked.write("out/look.ipynb", report.replace("import time", "import time  # mine"))
    saved = tracked.read("out/look.ipynb")
    for number, day in enumerate(("three", "four")):
        tracked.write("data.txt", day)
        if number:
            tracked.write("out/look.ipynb", saved + "\n")
        done = tracked.octavo("build")
        assert done.returncode == 0
        kept = f"out/look.edited{'-2' * number}.ipynb"
        assert f"out/look.ipynb was saved by hand: that is now {kept}" in done.stdout + done.stderr
        assert tracked.read(kept) == saved + "\n" * number
        assert day.upper() in tracked.read("out/look.ipynb")
    assert "all 2 tasks are fresh" in tracked.octavo("status").stdout
    assert tracked.octavo("clean", "--yes").returncode == 0
    assert tracked.read("out/look.edited.ipynb") == saved


def test_a_notebook_that_was_only_saved_comes_back_from_the_cache(tracked: Folder) -> None:
    report = tracked.read("out/look.ipynb")
    tracked.write("out/look.ipynb", report + "\n")
    assert "1 restored" in tracked.octavo("build").stdout
    assert tracked.read("out/look.ipynb") == report


@pytest.fixture
def appending(folder: Folder) -> Folder:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: tasks.make
            product: {all: out/all.csv, db: out/all.db}
            retries: 1
        """,
    )
    folder.write("data.txt", "one")
    folder.write(
        "tasks.py",
        """
        import sqlite3
        from pathlib import Path

        def make(product):
            text = Path("data.txt").read_text()
            with open(product["all"], "a") as file:
                file.write(text)
            with sqlite3.connect(product["db"]) as db:
                db.execute("create table if not exists t (x)")
                db.execute("insert into t values (?)", [text])
            db.close()
            if text == "bad":
                raise ValueError(text)
            if text == "once":
                Path("data.txt").write_text("more")
                raise ValueError(text)
        """,
    )
    assert folder.octavo("build").returncode == 0
    return folder


def rows(folder: Folder) -> str:
    program = "import sqlite3; print(sqlite3.connect('out/all.db').execute('select x from t').fetchall())"
    return subprocess.run(
        ["python3", "-c", program], cwd=folder.path, capture_output=True, text=True, check=True
    ).stdout


def test_a_task_that_appends_begins_anew(appending: Folder) -> None:
    appending.write("data.txt", "two")
    assert appending.octavo("build").returncode == 0
    assert (appending.read("out/all.csv"), rows(appending)) == ("two", "[('two',)]\n")
    assert not (appending.path / ".octavo/aside").exists()


def test_a_task_that_is_tried_again_begins_anew(appending: Folder) -> None:
    appending.write("data.txt", "once")
    done = appending.octavo("build")
    assert done.returncode == 0 and "attempt 1 failed" in done.stdout + done.stderr
    assert (appending.read("out/all.csv"), rows(appending)) == ("more", "[('more',)]\n")


def test_a_file_that_a_failed_task_has_not_made_comes_back(appending: Folder) -> None:
    appending.write("tasks.py", "def make(product):\n    raise ValueError\n")
    assert appending.octavo("build").returncode == 1
    assert (appending.read("out/all.csv"), rows(appending)) == ("one", "[('one',)]\n")


def test_what_a_database_kept_beside_it_is_no_part_of_the_next(appending: Folder) -> None:
    appending.write("out/all.db-journal", "of a process that was killed")
    appending.write("data.txt", "two")
    assert appending.octavo("build").returncode == 0
    assert rows(appending) == "[('two',)]\n"


def test_a_hard_link_of_another_tool_is_not_written_through(appending: Folder) -> None:
    shared = appending.path / "cache-of-another-tool"
    shutil.copy2(appending.path / "out/all.csv", shared)
    (appending.path / "out/all.csv").unlink()
    os.link(shared, appending.path / "out/all.csv")
    appending.write("data.txt", "two")
    assert appending.octavo("build").returncode == 0
    assert (shared.read_text(), appending.read("out/all.csv")) == ("one", "two")


def test_a_file_that_octavo_has_never_made_is_not_moved(folder: Folder) -> None:
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.make, product: log.txt}\n")
    folder.write("log.txt", "somebody's\n")
    folder.write("tasks.py", "def make(product):\n    product.open('a').write('more\\n')\n")
    said = folder.octavo("build")
    assert said.returncode == 1 and "blocked make" in said.stdout
    assert folder.read("log.txt") == "somebody's\n"


def test_a_folder_that_was_changed_names_the_files(folder: Folder) -> None:
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.make, product: out/many}\n")
    folder.write(
        "tasks.py",
        """
        def make(product):
            product.mkdir()
            for n in range(9):
                (product / f"{n}.txt").write_text(str(n))
        """,
    )
    assert folder.octavo("build").returncode == 0
    folder.write("out/many/3.txt", "three")
    assert "product out/many was changed by hand (3.txt)" in folder.octavo("status").stdout
    folder.write("out/many/new.txt", "new")
    (folder.path / "out/many/4.txt").unlink()
    (folder.path / "out/many/5.txt").unlink()
    words = "product out/many was changed by hand (3.txt, new.txt is new, 4.txt is gone and 1 more)"
    assert words in folder.octavo("status").stdout
    assert folder.octavo("build").returncode == 1
    shutil.rmtree(folder.path / ".octavo/cache")
    (folder.path / "out/many/new.txt").unlink()
    folder.write("out/many/3.txt", "3")
    assert "1 done" in folder.octavo("build").stdout
    assert sorted(os.listdir(folder.path / "out/many")) == [f"{n}.txt" for n in range(9)]


def test_a_product_that_a_pull_has_brought_is_replaced_and_one_that_was_committed_here_is_not(
    tracked: Folder,
) -> None:
    here = Folder(tracked.path.with_name(f"{tracked.path.name}-clone"))
    subprocess.run(["git", "clone", "-q", tracked.path, here.path], check=True)
    assert here.octavo("build", "--force").returncode == 0
    git(here, "checkout", "-q", "--", ".")
    tracked.write("out/made.txt", "TWO by another machine")
    commit(tracked, "another result")
    git(here, "pull", "-q")
    assert "stale  make  product out/made.txt came with a commit" in here.octavo("status").stdout
    assert here.octavo("build").returncode == 0
    assert here.read("out/made.txt") == "TWO"

    here.write("out/made.txt", "mended")
    commit(here, "by hand")
    assert here.octavo("build").returncode == 1
    assert here.read("out/made.txt") == "mended"
