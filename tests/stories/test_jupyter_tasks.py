"""Jupyter: which task a file is of, whatever its pipeline is called, how many there are, and what becomes of it."""

from __future__ import annotations

import errno
import json
import logging
import os
from pathlib import Path
from typing import cast

import pytest
from tornado.web import HTTPError

from octavo import products
from octavo.jupyter.contents import Contents, wrap
from octavo.jupyter.tasks import Pipelines, choose
from octavo.model import Json
from octavo.project import load
from projects import Folder

SCRIPT = '# %% tags=["parameters"]\nupstream = None\nproduct = None\nn = 1\n'


class Disk:
    """A contents manager of plain files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _get_os_path(self, path: str) -> str:
        return str(self.root / path)

    def get(self, path: str, content: bool = True) -> Json:
        data: Json = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        return {"type": "notebook", "path": path, "content": data if content else None}

    def save(self, model: Json, path: str = "") -> Json:
        (self.root / path).write_text(model["content"])
        return model


@pytest.fixture
def disk(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.delenv("ENTRY_POINT", raising=False)
    found = Disk(folder.path)
    wrap(cast(Contents, found), logging.getLogger(__name__))
    folder.write("nb/a.py", SCRIPT)
    return found


def shown(disk: Disk, path: str = "nb/a.py") -> str:
    """Return the text of the cell that a file shows; "" where it shows none."""
    cells = disk.get(path)["content"]["cells"]
    found = [cell["source"] for cell in cells if "injected-parameters" in cell["metadata"].get("tags", ())]
    return "".join(found)


def test_pipelines_of_other_names_are_found_and_that_of_entry_point_comes_first(
    disk: Disk, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown(disk) == ""
    folder.write("pipeline.train.yaml", "- {source: nb/a.py, product: out/a.ipynb, params: {n: 2}}\n")
    assert "task a, from pipeline.train.yaml" in shown(disk) and "n = 2" in shown(disk)
    folder.write("pipeline.yaml", "- {source: nb/a.py, product: out/b.ipynb, params: {n: 3}}\n")
    assert "n = 3" in shown(disk)
    assert "This is also the source of: a --file pipeline.train.yaml" in shown(disk)
    monkeypatch.setenv("ENTRY_POINT", "pipeline.train.yaml")
    assert "n = 2" in shown(disk)
    monkeypatch.delenv("ENTRY_POINT")
    folder.write("setup.cfg", "[ploomber]\nentry-point = pipeline.train.yaml\n")
    assert "n = 2" in shown(disk)


def test_the_pipeline_of_a_package_has_the_notebooks_of_its_project(disk: Disk, folder: Folder) -> None:
    folder.write("setup.py", "")
    folder.write("src/wine/pipeline.yaml", "- {source: nb/a.py, product: out/a.ipynb, params: {n: 4}}\n")
    assert "n = 4" in shown(disk)
    folder.write("pipeline.yaml", "- {source: nb/a.py, product: out/a.ipynb, params: {n: 5}}\n")
    assert "n = 5" in shown(disk) and "source of: a" in shown(disk), "commands would ask which is meant"


def test_of_several_tasks_the_chosen_one_is_shown_until_it_is_gone(disk: Disk, folder: Folder) -> None:
    tasks = "".join(
        f"- {{source: nb/a.py, name: {name}, product: out/{name}.ipynb, params: {{n: {n}}}}}\n"
        for n, name in enumerate(("one", "two", "three"))
    )
    folder.write("pipeline.yaml", tasks)
    assert "task one" in shown(disk) and "source of: two, three" in shown(disk)
    assert "%octavo task two" in shown(disk)
    file = folder.path / "nb/a.py"
    three = Pipelines(folder.path).of(file).tasks[2]
    choose(three, file)
    assert "task three" in shown(disk) and "n = 2" in shown(disk)
    folder.write("pipeline.yaml", tasks.replace("name: three", "name: four"))
    assert "task one" in shown(disk)
    for nonsense in ("", "[]", '{"nb/a.py": 3}', '{"nb/a.py": ["pipeline.yaml"]}'):
        (folder.path / ".octavo/chosen.json").write_text(nonsense)
        assert "task one" in shown(disk)


def test_a_broken_pipeline_is_told_and_another_that_is_whole_says_the_values(
    disk: Disk, folder: Folder
) -> None:
    folder.write("pipeline.yaml", "- {source: nb/a.py, produkt: out/a.ipynb}\n")
    assert "octavo cannot tell the values of this notebook" in shown(disk) and "produkt" in shown(disk)
    folder.write("pipeline.train.yaml", "- {source: nb/a.py, product: out/a.ipynb, params: {n: 2}}\n")
    assert "n = 2" in shown(disk)


def test_what_was_read_of_a_pipeline_is_read_again_when_any_of_it_changes(folder: Folder) -> None:
    folder.write("nb/a.py", SCRIPT)
    folder.write("nb/b.py", SCRIPT.replace("upstream = None", "upstream = ['a']"))
    folder.write("env.yaml", "n: 1\n")
    folder.write(
        "pipeline.yaml",
        """
        - {source: nb/a.py, product: out/a.ipynb, params: {n: "{{n}}"}}
        - {source: nb/b.py, product: out/b.ipynb}
        """,
    )
    old = 1_000_000_000
    for file in folder.path.rglob("*.*"):
        os.utime(file, (old, old))
    wait_until_old(folder)
    with load(folder.path) as project:
        assert project.unchanged() and project.unchanged()
        for path in ("pipeline.yaml", "env.yaml", "nb/a.py", "nb/b.py"):
            text = folder.read(path)
            folder.write(path, text + "\n# more\n")
            assert not project.unchanged(), path
            wait_until_old(folder)
            project = load(folder.path)
            assert project.unchanged(), path
            project.close()
        (folder.path / "env.yaml").unlink()
        assert not project.unchanged()


def wait_until_old(folder: Folder) -> None:
    """Wait until no file is so young that its stamp proves nothing."""
    while any(products.racy(str(file)) for file in folder.path.rglob("*.*") if file.is_file()):
        pass


def test_a_file_that_has_changed_on_disk_while_it_was_open_is_saved_as_it_is_shown(
    disk: Disk, folder: Folder
) -> None:
    folder.write("pipeline.yaml", "- {source: nb/a.py, product: out/a.ipynb, params: {n: 2}}\n")
    folder.write("nb/a.py", SCRIPT + "\n# %%   x\nx = 1\n")
    model = disk.get("nb/a.py")
    model["content"]["cells"][-1]["source"] = "x = 2"
    folder.write("nb/a.py", SCRIPT + "\n# %%   x\nx = 1\n\n# %%\ny = 1\n")
    disk.save(model, "nb/a.py")
    assert folder.read("nb/a.py") == SCRIPT + "\n# %%   x\nx = 2\n"
    (folder.path / "nb/a.py").unlink()
    notebook = disk.get("pipeline.yaml")["content"]
    assert notebook["cells"] == []


def test_what_the_contents_manager_refuses_to_save_is_refused(folder: Folder) -> None:
    class ReadOnly(Disk):
        def save(self, model: Json, path: str = "") -> Json:
            raise PermissionError(13, "Permission denied", path)

    folder.write("pipeline.yaml", "- {source: nb/a.py, product: out/a.ipynb, params: {n: 2}}\n")
    folder.write("nb/a.py", SCRIPT)
    disk = ReadOnly(folder.path)
    wrap(cast(Contents, disk), logging.getLogger(__name__))
    model = disk.get("nb/a.py")
    before = json.dumps(model)
    with pytest.raises(HTTPError) as refused:
        disk.save(model, "nb/a.py")
    assert refused.value.status_code == 403 and "no right to write it" in str(refused.value)
    assert json.dumps(model) == before


@pytest.mark.parametrize(
    ("number", "status"),
    [(errno.ENOSPC, 507), (errno.EROFS, 403), (errno.ENOENT, 404), (errno.EISDIR, 409), (errno.EIO, 500)],
)
def test_what_the_system_refuses_is_no_fault_of_the_server_and_said(
    folder: Folder, number: int, status: int
) -> None:
    class Refusing(Disk):
        def save(self, model: Json, path: str = "") -> Json:  # as jupytext and the server do it
            try:
                raise OSError(number, os.strerror(number), path)
            except OSError as error:
                raise HTTPError(500, "Unexpected error") from error

    folder.write("pipeline.yaml", "- {source: nb/a.py, product: out/a.ipynb, params: {n: 2}}\n")
    folder.write("nb/a.py", SCRIPT)
    disk = Refusing(folder.path)
    wrap(cast(Contents, disk), logging.getLogger(__name__))
    with pytest.raises(HTTPError) as refused:
        disk.save(disk.get("nb/a.py"), "nb/a.py")
    assert refused.value.status_code == status
    del (other := disk.get("nb/a.py"))["content"]["metadata"]["octavo-opened"]
    other["content"]["cells"] = []
    with pytest.raises(HTTPError) as refused:
        disk.save(other, "nb/a.py")
    assert refused.value.status_code == 500, "other files behave as without octavo"
