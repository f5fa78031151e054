"""What cannot be observed is said, with what to write; how a task was observed stands in its record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from projects import Folder

pytest.importorskip("pyarrow")

BLIND = {"OCTAVO_OBSERVE": "none"}


@pytest.fixture
def native(folder: Folder) -> Folder:
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.make, product: out/made.txt}\n")
    folder.write("data/a.csv", "x\n1\n")
    folder.write(
        "tasks.py",
        """
        from pyarrow import csv

        def make(product):
            product.write_text(str(csv.read_csv("data/a.csv")["x"][0]))
        """,
    )
    return folder


def manifest(folder: Folder) -> dict[str, str]:
    line = folder.octavo("history", "make", "--json").stdout.splitlines()[0]
    found: dict[str, str] = json.loads(line)["manifest"]
    return found


def test_what_a_library_may_read_unseen_is_named_with_the_line_to_add(native: Folder) -> None:
    said = native.octavo("build", env=BLIND)
    words = (
        "what pyarrow read cannot be seen here: if it is data/a.csv, add to the task:  inputs: [data/a.csv]"
    )
    assert words in said.stdout + said.stderr
    assert manifest(native)["observed"] == "Python"
    native.write("pipeline.yaml", native.read("pipeline.yaml").replace("}", ", inputs: [data/a.csv]}"))
    said = native.octavo("build", env=BLIND)
    assert "cannot be seen" not in said.stdout + said.stderr
    native.write("data/a.csv", "x\n2\n")
    assert native.octavo("build", env=BLIND).returncode == 0
    assert native.read("out/made.txt") == "2"


def test_where_it_is_observed_there_is_nothing_to_say(native: Folder) -> None:
    said = native.octavo("build")
    how = manifest(native)["observed"]
    assert how in ("fanotify", "inotify", "Python")
    assert ("cannot be seen" in said.stdout + said.stderr) == (how == "Python")
    assert "all tasks are fresh" in native.octavo("status").stdout


def test_how_a_task_was_observed_is_no_reason_to_run_it(native: Folder) -> None:
    native.write("pipeline.yaml", native.read("pipeline.yaml") + "environment: strict\n")
    assert native.octavo("build", env=BLIND).returncode == 0
    assert "all tasks are fresh" in native.octavo("status").stdout


def test_a_file_outside_of_the_project_is_named_with_the_line_to_add(folder: Folder, tmp_path: Path) -> None:
    shelf = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    shelf.mkdir()
    (shelf / "1.csv").write_text("one")
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.make, product: out/made.txt}\n")
    folder.write("data/a.csv", "here")
    folder.write(
        "tasks.py",
        f"""
        import os, tempfile
        from pathlib import Path

        def make(product):
            found = Path({str(shelf)!r}, f"{{1}}.csv").read_text() + Path("data/a.csv").read_text()
            with tempfile.TemporaryDirectory() as place:  # what it makes there itself is nobody's affair
                Path(place, "x").write_text(found)
                product.write_text(Path(place, "x").read_text())
            Path({str(shelf)!r}, "2.csv").write_text("its own")
            Path({str(shelf)!r}, "2.csv").read_text()
        """,
    )
    said = folder.octavo("build").stdout
    line = f"inputs: [{shelf}/1.csv]"
    assert (
        f"make: it reads {shelf}/1.csv, outside of the project: what changes there makes nothing stale"
        in said
    )
    assert f"add to the task:  {line}" in said and "2.csv" not in said
    folder.write("pipeline.yaml", folder.read("pipeline.yaml").replace("}", f", {line}}}"))
    assert "outside of" not in folder.octavo("build").stdout
    (shelf / "1.csv").write_text("two")
    assert f"make  file {shelf}/1.csv changed" in folder.octavo("status").stdout


def test_a_time_of_modification_is_said_to_count_for_nothing(folder: Folder) -> None:
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.make, product: out/made.txt}\n")
    folder.write("data/a.csv", "x")
    folder.write(
        "tasks.py",
        """
        import os

        def make(product):
            product.write_text(str(os.path.getmtime("data/a.csv") > 0) + str(os.path.exists("data")))
        """,
    )
    said = folder.octavo("build").stdout
    assert (
        "make: it asks when data/a.csv was modified: that makes nothing stale, what is in a file does" in said
    )


def test_what_is_no_part_of_the_project_is_said_to_count_for_nothing(folder: Folder) -> None:
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.make, product: out/made.txt}\n")
    folder.write(
        "tasks.py",
        """
        import os, shutil, socket, subprocess

        def make(product):
            os.environ["MINE"] = "1"
            asked = [os.environ.get("CITY"), os.getenv("YEAR"), os.environ["MINE"], os.environ.get("DB_PASSWORD")]
            for host in ("localhost", "192.0.2.1"):
                try:
                    socket.getaddrinfo(host, 80)
                except OSError:
                    pass
            subprocess.run(["sh", "-c", "git log; true"], env={**os.environ, "MORE": "1"}, capture_output=True)
            product.write_text(str(shutil.disk_usage(".").total > 0))
        """,
    )
    said = folder.octavo("build", env={"CITY": "Bern", "UNREAD": "1"}).stdout
    notes = [line.partition("make: ")[2] for line in said.splitlines() if ": it " in line]
    assert notes == [
        "it reads environment variables (CITY, YEAR), which make nothing stale; as a parameter they do, "
        "say  city: '{{env.CITY}}'",
        "it connects to 192.0.2.1: what comes from there makes nothing stale",
        "it asks git: commits, branches and tags make nothing stale",
        "it asks how full a disk is: that makes nothing stale",
    ]
