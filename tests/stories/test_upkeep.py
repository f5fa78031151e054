"""Products between builds: changed by hand, accepted, removed; and what is known of a task's past."""

from __future__ import annotations

import json

import pytest

from projects import Folder


@pytest.fixture
def built(folder: Folder) -> Folder:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: tasks.make
            product: out/made.txt
            params: {n: 1}
          - source: use.py
            product: {nb: out/use.ipynb, data: out/used.txt}
        """,
    )
    folder.write("tasks.py", "def make(product, n):\n    product.write_text(str(n))\n")
    folder.write(
        "helper.py", "def shout(text):\n    return text.upper()\n\ndef quiet(text):\n    return text\n"
    )
    folder.write(
        "use.py",
        """
        # %% tags=["parameters"]
        upstream = ["make"]
        product = None

        # %%
        from pathlib import Path
        from helper import shout

        # %%
        Path(product["data"]).write_text(shout("got " + Path(upstream["make"]).read_text()))
        """,
    )
    assert folder.octavo("build").returncode == 0
    return folder


def test_a_product_changed_by_hand_blocks_its_task_until_it_is_accepted(built: Folder) -> None:
    built.write("out/made.txt", "mended")
    status = built.octavo("status").stdout
    assert "blocked  make  product out/made.txt was changed by hand" in status
    done = built.octavo("build")
    assert done.returncode == 1
    assert "octavo accept TASK keeps it" in done.stdout
    assert built.read("out/made.txt") == "mended"
    assert (
        built.octavo("accept", "make").stdout == "accepted make: product out/made.txt was changed by hand\n"
    )
    assert built.octavo("build").returncode == 0
    assert built.read("out/used.txt") == "GOT MENDED"
    assert built.octavo("accept", "make").stdout == "nothing to accept: these tasks are fresh\n"


def test_force_makes_a_hand_changed_product_again(built: Folder) -> None:
    built.write("out/made.txt", "mended")
    assert built.octavo("build", "--force", "make").returncode == 0
    assert built.read("out/made.txt") == "1"


def test_a_change_that_needs_no_run_is_accepted(built: Folder) -> None:
    built.write("helper.py", built.read("helper.py").replace("text.upper()", "str.upper(text)"))
    assert "module helper changed (shout)" in built.octavo("status").stdout
    assert built.octavo("accept", "use").returncode == 0
    assert "all 2 tasks are fresh" in built.octavo("status").stdout


def test_what_is_not_there_cannot_be_accepted(built: Folder) -> None:
    (built.path / "out/made.txt").unlink()
    done = built.octavo("accept", "make")
    assert done.returncode == 2
    assert 'cannot accept "make": out/made.txt does not exist' in done.stderr
    assert built.octavo("accept").returncode == 2


def test_status_shows_what_changed_in_a_cell(built: Folder) -> None:
    built.write("use.py", built.read("use.py").replace('"got "', '"received "'))
    shown = built.octavo("status", "-v").stdout
    assert "source changed (cell 3)" in shown
    assert '-Path(product["data"]).write_text(shout("got "' in shown
    assert '+Path(product["data"]).write_text(shout("received "' in shown


def test_a_rehearsal_runs_nothing_and_says_how_long_it_may_take(built: Folder) -> None:
    built.write("pipeline.yaml", built.read("pipeline.yaml").replace("n: 1", "n: 2"))
    said = built.octavo("build", "--dry-run").stdout
    assert "stale  make  param n 1 → 2" in said and "waits  use" in said
    assert "estimated from earlier runs" in said
    assert built.read("out/made.txt") == "1"
    assert [row["task"] for row in json.loads(built.octavo("build", "-n", "--json").stdout)] == [
        "make",
        "use",
    ]


def test_cleaning_lists_first_and_leaves_what_a_hand_changed(built: Folder) -> None:
    built.write("out/made.txt", "mended")
    listed = built.octavo("clean", "--dry-run").stdout
    assert "out/used.txt" in listed and "stays:  out/made.txt was changed by hand" in listed
    refused = built.octavo("clean")
    assert refused.returncode == 2 and "octavo clean --yes" in refused.stderr
    assert built.octavo("clean", "--yes").returncode == 0
    assert sorted(path.name for path in (built.path / "out").iterdir()) == ["made.txt"]
    assert built.octavo("clean", "--yes", "--force").returncode == 0
    assert list((built.path / "out").iterdir()) == []
    assert built.octavo("clean").stdout == "nothing to remove\n"
    assert built.octavo("build").returncode == 0


def test_failed_notebooks_are_cleaned_too(built: Folder) -> None:
    built.write("use.py", built.read("use.py") + "\n# %%\n1 / 0\n")
    assert built.octavo("build").returncode == 1
    assert (built.path / "out/use.failed.ipynb").exists()
    assert "out/use.failed.ipynb" in built.octavo("clean", "use", "--yes").stdout
    assert not (built.path / "out/use.failed.ipynb").exists()


def test_the_history_of_a_task_tells_what_changed_between_runs(built: Folder) -> None:
    built.write("pipeline.yaml", built.read("pipeline.yaml").replace("n: 1", "n: 2"))
    built.octavo("build")
    listed = built.octavo("history", "make").stdout.splitlines()
    assert len(listed) == 2
    assert listed[0].endswith("param n 1 → 2") and listed[1].endswith("first run")
    runs = [line.split()[0] for line in listed]
    assert built.octavo("history", "make", *runs).stdout == "param n 2 → 1\n"
    rows = [json.loads(line) for line in built.octavo("history", "make", "--json").stdout.splitlines()]
    assert rows[0]["manifest"]["param n"] == "2"
    assert built.octavo("history", "nonsense").returncode == 2
    assert built.octavo("history", "make", "1999", "2000").returncode == 2


def test_a_failed_run_is_in_the_history_and_is_a_reason(built: Folder) -> None:
    built.write("tasks.py", "def make(product, n):\n    raise ValueError('no')\n")
    assert built.octavo("build").returncode == 1
    assert "stale  make  its last run failed" in built.octavo("status").stdout
    assert "failed" in built.octavo("history", "make").stdout.splitlines()[0]


def test_the_history_does_not_take_what_a_failed_run_could_not_discover_for_gone(built: Folder) -> None:
    built.write("phrase.py", "WORD = 'one'\n")
    built.write(
        "tasks.py", "import phrase\ndef make(product, n):\n    open(product, 'w').write(phrase.WORD)\n"
    )
    assert built.octavo("build").returncode == 0
    built.write("tasks.py", "import phrase\ndef make(product, n):\n    raise ValueError('no')\n")
    assert built.octavo("build").returncode == 1
    newest = built.octavo("history", "make").stdout.splitlines()[0]
    assert "failed" in newest and "source changed" in newest
    assert "gone" not in newest


def test_what_no_task_makes_any_more_is_found_and_removed(built: Folder) -> None:
    pipeline = built.read("pipeline.yaml")
    built.write("pipeline.yaml", pipeline.replace("out/made.txt", "new/made.txt"))
    assert built.octavo("build").returncode == 0
    built.write("pipeline.yaml", built.read("pipeline.yaml").replace("out/used.txt", "new/used.txt"))
    assert built.octavo("build").returncode == 0
    built.write("out/used.txt", "mine")
    listed = built.octavo("clean", "--orphans", "--dry-run").stdout
    assert "out/made.txt" in listed and "1 product, " in listed and "new" not in listed
    assert "stays:  out/used.txt was changed by hand" in listed
    assert built.octavo("clean", "--orphans", "--yes").returncode == 0
    assert sorted(path.name for path in (built.path / "out").iterdir()) == ["use.ipynb", "used.txt"]
    assert "all 2 tasks are fresh" in built.octavo("status").stdout
    assert built.octavo("clean", "--orphans", "--yes", "--force").returncode == 0
    assert built.octavo("clean", "--orphans").stdout == "nothing to remove\n"
    assert built.octavo("clean", "--orphans", "make").returncode == 2


def test_what_a_task_reads_or_is_made_of_is_no_orphan(built: Folder) -> None:
    built.write("tasks.py", "def make(product, n):\n    product.write_text(open('old/data.txt').read())\n")
    built.write("first.py", "def old(product):\n    product.write_text('old')\n")
    pipeline = built.read("pipeline.yaml")
    built.write("pipeline.yaml", f"{pipeline}  - {{source: first.old, product: old/data.txt}}\n")
    assert built.octavo("build", "old").returncode == 0
    assert built.octavo("build").returncode == 0
    built.write("pipeline.yaml", pipeline)
    assert built.octavo("clean", "--orphans").stdout == "nothing to remove\n"
