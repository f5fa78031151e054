"""The packages that results were made with: noted, and a reason only where that is asked for."""

from __future__ import annotations

import importlib.metadata
import sqlite3
import sys
from pathlib import Path

import pytest

from octavo.environment import packages, versions
from octavo.state.store import Store
from projects import Folder


def test_folder_names_tell_the_versions_that_metadata_tell() -> None:
    known = {
        dist.name.lower().replace("_", "-").replace(".", "-"): dist.version
        for dist in importlib.metadata.distributions()
    }
    found = {name.replace(".", "-"): version for name, version in versions().items()}
    assert {name: found.get(name) for name in ("pytest", "ipykernel", "pyyaml", "jupyter-client")} == {
        name: known[name] for name in ("pytest", "ipykernel", "pyyaml", "jupyter-client")
    }


def test_a_module_is_traced_to_its_distribution(tmp_path: Path) -> None:
    store = Store(tmp_path / ".octavo", tmp_path)
    found = packages(store, ["yaml", "os.path", "nonexistent", "pytest"])
    assert {part: dist for part, (dist, _) in found.items()} == {
        "pytest": "pytest",
        "yaml": "pyyaml",
    }
    store.close()


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.f, product: out.txt}\n")
    folder.write("tasks.py", "import thing\n\ndef f(product):\n    product.write_text('x')\n")
    site = folder.path / "elsewhere" / "site-packages"
    site.mkdir(parents=True)
    (site / "thing.py").write_text("")
    (site / "thing-1.0.dist-info").mkdir()
    return folder


def upgrade(folder: Folder) -> None:
    site = folder.path / "elsewhere" / "site-packages"
    (site / "thing-1.0.dist-info").rename(site / "thing-2.0.dist-info")


def test_another_version_is_noted_and_no_reason(project: Folder) -> None:
    env = {"PYTHONPATH": str(project.path / "elsewhere" / "site-packages")}
    assert project.octavo("build", env=env).returncode == 0
    upgrade(project)
    said = project.octavo("status", env=env)
    assert "all tasks are fresh" in said.stdout
    assert "note: f ran with thing 1.0, now 2.0" in said.stderr


def test_another_version_is_a_reason_where_the_environment_is_strict(project: Folder) -> None:
    env = {"PYTHONPATH": str(project.path / "elsewhere" / "site-packages")}
    project.write("pipeline.yaml", "environment: strict\n" + project.read("pipeline.yaml"))
    assert project.octavo("build", env=env).returncode == 0
    assert "1 task fresh" in project.octavo("build", env=env).stdout
    upgrade(project)
    assert "stale  f  package thing 1.0 → 2.0" in project.octavo("status", env=env).stdout
    assert project.octavo("build", env=env).returncode == 0
    assert "1 task fresh" in project.octavo("build", env=env).stdout


def test_the_version_of_python_is_noted_and_a_reason_where_the_environment_is_strict(
    project: Folder,
) -> None:
    env = {"PYTHONPATH": str(project.path / "elsewhere" / "site-packages")}
    project.octavo("build", env=env)
    now = ".".join(map(str, sys.version_info[:3]))
    with sqlite3.connect(project.path / ".octavo" / "state.db") as db:
        changed = db.execute("UPDATE records SET manifest = replace(manifest, ?, ?)", (now, "2.7.18"))
        assert changed.rowcount == 1
        db.execute("DELETE FROM results")  # which know what the Python of now has made
    db.close()
    said = project.octavo("status", env=env)
    assert "all tasks are fresh" in said.stdout
    assert f"note: f ran with Python 2.7.18, now {now}" in said.stderr
    project.write("pipeline.yaml", "environment: strict\n" + project.read("pipeline.yaml"))
    assert f"python 2.7.18 → {now}" in project.octavo("status", env=env).stdout
