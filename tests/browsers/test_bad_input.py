"""What goes wrong while people work in JupyterLab: notebooks open, edits arrive on disk, nothing asks or blocks."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from labs import CLEAN, PIPELINE, Server, in_a_browser, inside, lab, written
from octavo.model import Json

pytestmark = [pytest.mark.nightly, in_a_browser]

Visit = Callable[..., Any]
Labs = Callable[[str], Server]

BROKEN = "- {source: nb/clean.ipynb\n"
WHOLE = PIPELINE.replace("nb/clean.py", "nb/clean.ipynb")
SHOWN = "shown while this is open"


def cell(name: str, source: str, *tags: str) -> Json:
    about: Json = {"cell_type": "code", "execution_count": None, "id": name, "outputs": []}
    return {**about, "metadata": {"tags": [*tags]} if tags else {}, "source": source}


def book(*cells: Json, kernel: str = "python3") -> str:
    spec = {"name": kernel, "display_name": "Of another machine", "language": "python"}
    return json.dumps(
        {"cells": [*cells], "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    )


class Page:
    """A notebook that is open in JupyterLab, and its file."""

    def __init__(self, page: Any, file: Path) -> None:
        self.page, self.file = page, file
        self.cells = page.locator(".jp-NotebookPanel:visible .jp-Cell .cm-content")

    def edit(self, words: str) -> None:
        """Write a line at the end of the last cell, and save."""
        self.cells.last.click()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.type(f"\n{words}")
        self.page.keyboard.press("Control+s")

    def saved(self, words: str) -> bool:
        end = time.monotonic() + 180
        while words not in self.file.read_text():
            assert time.monotonic() < end, f"{words} is not saved"
            time.sleep(0.2)
        return self.dialogs() == []

    def dialogs(self) -> list[str]:
        found: list[str] = self.page.locator(".jp-Dialog-header").all_inner_texts()
        return found


@contextmanager
def unwritable(file: Path) -> Iterator[None]:
    """Take the right to write a file, also from root, who has all rights of others."""
    root = os.getuid() == 0
    if root and (not shutil.which("chattr") or subprocess.run(["chattr", "+i", file]).returncode):
        pytest.skip("this file system knows no file that root cannot write")
    file.chmod(0o644 if root else 0o444) if not root else None
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", file], check=True) if root else file.chmod(0o644)


def faults(server: Server) -> list[str]:
    """Return what a server says of its own faults.

    Its channels to kernels may fail as a page closes, and its checkpoints of a file that nobody can write.
    """
    lines = server.log.read_text().splitlines()
    return [
        line
        for line in lines
        if re.search(r" 500 \w+ (?!/api/kernels|\S+/checkpoints)|/octavo/jupyter/.*, line", line)
    ]


@pytest.mark.parametrize("which", ["oldest", "newest"])
def test_a_broken_pipeline_a_missing_kernel_and_cells_made_by_hand_stop_no_work(
    labs: Labs, visit: Visit, expect: Any, which: str
) -> None:
    server = labs(which)
    project = written(server, "bad")
    project.write("pipeline.yaml", WHOLE)
    hand = cell("h", "n = 5", "injected-parameters")
    parameters = cell("p", "upstream = None\nproduct = None", "parameters")
    project.write("nb/clean.ipynb", book(parameters, hand, cell("b", "n"), kernel="of-nobody"))
    page = Page(visit(inside(server, "bad/nb/clean.ipynb")), project.path / "nb/clean.ipynb")
    page.cells.filter(has_text="The kernel of-nobody is not installed here").wait_for()
    page.page.get_by_text("Python 3 (ipykernel) | Idle").first.wait_for()
    page.page.locator('.jp-SideBar [data-id="octavo-panel"]').click()
    expect(page.page.locator('li[data-task="clean"]')).to_have_attribute("data-state", "stale")
    # the pipeline breaks while the notebook is open
    project.write("pipeline.yaml", BROKEN)
    page.page.get_by_role("button", name="Refresh").click()
    expect(page.page.locator(".octavo li.mistake")).to_contain_text("the bracket opened on line 1")
    page.edit("x = 1")
    assert page.saved("x = 1")
    saved = json.loads(page.file.read_text())
    assert [found["id"] for found in saved["cells"]] == ["p", "h", "b"]
    assert saved["metadata"]["kernelspec"]["name"] == "of-nobody"
    # and another notebook opens all the same, with a word
    project.write("nb/other.ipynb", book(cell("a", "1")))
    project.write("pipeline.yaml", BROKEN.replace("clean", "other"))
    other = Page(visit(inside(server, "bad/nb/other.ipynb")), project.path / "nb/other.ipynb")
    other.cells.filter(has_text="octavo cannot tell the values of this notebook").wait_for()
    other.edit("y = 2")
    assert other.saved("y = 2") and "cannot tell" not in other.file.read_text()
    # mended, the panel has its tasks again
    project.write("pipeline.yaml", WHOLE)
    page.page.get_by_role("button", name="Refresh").click()
    expect(page.page.locator('li[data-task="clean"]')).to_have_attribute("data-state", "stale")
    assert page.dialogs() == other.dialogs() == faults(server) == []


@pytest.mark.parametrize("which", ["oldest", "newest"])
def test_no_edit_is_lost_where_the_file_is_read_only_or_changes_on_disk(
    labs: Labs, visit: Visit, which: str
) -> None:
    server = labs(which)
    project = written(server, "disk")
    project.write("pipeline.yaml", WHOLE)
    parameters = cell("p", "upstream = None\nproduct = None", "parameters")
    project.write("nb/clean.ipynb", book(parameters, cell("b", "1")))
    page = Page(visit(inside(server, "disk/nb/clean.ipynb")), project.path / "nb/clean.ipynb")
    page.cells.filter(has_text=SHOWN).wait_for()
    page.page.get_by_text("Python 3 (ipykernel) | Idle").first.wait_for()
    with unwritable(page.file):
        page.edit("w = 4")
        if which == "oldest":  # it says so; with collaboration the newest keeps the edit in its room
            page.page.get_by_role("button", name="Dismiss").click()
        page.page.wait_for_timeout(2_000)
        assert "w = 4" in page.cells.last.inner_text() and page.dialogs() == []
    page.edit("v = 5")
    assert page.saved("v = 5") and "w = 4" in page.file.read_text()
    # somebody else writes the file; without collaboration JupyterLab asks whose version counts
    page.page.wait_for_timeout(1_500)
    page.file.write_text(page.file.read_text().replace("product = None", "product = None # by git"))
    if which == "newest":
        page.cells.filter(has_text="by git").wait_for()
    page.edit("z = 6")
    if which == "oldest":
        page.page.get_by_role("button", name="Overwrite").click()
    assert page.saved("z = 6") and SHOWN not in page.file.read_text()


def test_a_notebook_of_50_mb_and_a_folder_without_a_pipeline_are_worked_in(
    labs: Labs, visit: Visit, expect: Any
) -> None:
    server = labs("oldest")  # others may ask whether one goes on waiting
    project = written(server, "big")
    project.write("pipeline.yaml", "- {source: nb/big.ipynb, product: out/big.ipynb, params: {n: 3}}\n")
    png = base64.b64encode(os.urandom(750_000)).decode()
    shown = {"output_type": "display_data", "metadata": {}, "data": {"image/png": png}}
    many = [{**cell(f"c{i}", f"x{i} = {i}"), "execution_count": i, "outputs": [shown]} for i in range(1, 51)]
    project.write("nb/big.ipynb", book(cell("p", "n = 1", "parameters"), *many))
    page = Page(visit(inside(server, "big/nb/big.ipynb")), project.path / "nb/big.ipynb")
    page.cells.filter(has_text=SHOWN).wait_for()
    page.cells.first.click()
    page.page.keyboard.press("Control+End")
    page.page.keyboard.type("\nq = 1")
    page.page.keyboard.press("Control+s")
    assert page.saved("q = 1") and page.file.stat().st_size > 50_000_000
    # a folder without a pipeline
    server.project.write("free/a.ipynb", book(cell("a", "1")))
    free = Page(visit(inside(server, "free/a.ipynb")), server.project.path / "free/a.ipynb")
    free.page.locator('.jp-SideBar [data-id="octavo-panel"]').click()
    expect(free.page.get_by_role("heading", name="No pipeline")).to_be_visible()
    expect(free.page.get_by_role("button", name="Build all")).to_be_disabled()
    free.edit("1 + 1")
    assert free.saved("1 + 1") and faults(server) == []


RIGHTS = """
from jupyter_server.auth import Authorizer
class Reading(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return action == "read" or resource != "kernels"
c.ServerApp.authorizer_class = Reading
c.LabApp.expose_app_in_browser = True
"""


def test_a_second_lab_on_the_project_follows_the_builds_of_the_first_and_one_without_rights_says_so(
    labs: Labs, visit: Visit, expect: Any, tmp_path: Path
) -> None:
    first = labs("newest")
    project = written(first, "shared")
    project.write("nb/clean.py", CLEAN + "\n# %%\nimport time; time.sleep(3)\n")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/jupyter_server_config.py").write_text(RIGHTS)
    second = Server(tmp_path, "jupyterlab", python=lab("newest"), project=first.project)
    try:
        one, two = (visit(inside(server, "shared")) for server in (first, second))
        for page in (one, two):
            page.locator('.jp-SideBar [data-id="octavo-panel"]').click()
            expect(page.locator('li[data-task="fit"]')).to_have_attribute("data-state", "stale")
        # who may only read sees why nothing is built
        two.get_by_role("button", name="Build all").click()
        expect(two.get_by_role("region", name="Pipeline").get_by_role("status").first).to_contain_text(
            "not authorized"
        )
        assert two.locator(".jp-Dialog").count() == 0
        one.get_by_role("button", name="Build all").click()
        for page in (one, two):
            expect(page.locator('li[data-task="fit"]')).to_have_attribute("data-state", "fresh")
        assert faults(first) == faults(second) == []
    finally:
        second.close()
