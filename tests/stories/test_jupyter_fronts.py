"""Other front ends than JupyterLab alone, in a real browser: Notebook 7, and two people in one notebook."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from test_jupyter_panel import CHROMIUM, PIPELINE, Server, chromium, lab

from octavo.model import Json

pytest.importorskip("jupyter_server")

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(
        not CHROMIUM or not importlib.util.find_spec("playwright"),
        reason="wants Debian's chromium: make system",
    ),
]


def cell(name: str, source: str, *tags: str) -> Json:
    about: Json = {"cell_type": "code", "execution_count": None, "id": name, "outputs": []}
    return {**about, "metadata": {"tags": [*tags]} if tags else {}, "source": source}


NOTEBOOK = json.dumps(
    {
        "cells": [
            cell("a", "upstream = None\nproduct = None", "parameters"),
            cell("b", "open(product['data'], 'w').write('1')"),
        ],
        "metadata": {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:  # of playwright, which need not be there
    yield from chromium()


def begun(home: Path, module: str) -> Server:
    server = Server(home, module, python=lab("newest"))
    server.project.write("pipeline.yaml", PIPELINE.split("\n- {source: nb/fit")[0].replace(".py", ".ipynb"))
    server.project.write("nb/clean.ipynb", NOTEBOOK)
    return server


def opened(browser: Any, server: Server, path: str, errors: list[str]) -> Any:
    page = browser.new_context().new_page()
    page.set_default_timeout(60_000)
    # those of other extensions, whichever are installed, are not octavo's
    page.on("pageerror", lambda error: errors.extend([str(error)] if "octavo" in str(error.stack) else []))
    page.goto(f"{server.address}{path}/nb/clean.ipynb?token=tok")
    page.locator(".jp-Cell .cm-content").filter(has_text="shown while this is open").wait_for()
    return page


def test_in_notebook_7_the_badge_makes_a_run_the_result_of_the_task(browser: Any, tmp_path: Path) -> None:
    server = begun(tmp_path, "notebook")
    errors: list[str] = []
    try:
        page = opened(browser, server, "notebooks", errors)
        badge = page.locator("button.octavo-badge")
        badge.click()
        page.get_by_role("button", name="Restart and run all as the result of clean").click()
        page.get_by_text("This run is the result of clean now.").first.wait_for(state="attached")
        import_module("playwright.sync_api").expect(badge).to_have_text("clean")
        assert server.project.read("out/n.txt") == "1"
        assert "fresh" in server.project.octavo("status").stdout
        assert "shown while this is open" not in server.project.read("nb/clean.ipynb")
        assert errors == []
    finally:
        server.close()


def test_two_people_in_one_notebook_see_one_cell_of_values_and_save_none(
    browser: Any, tmp_path: Path
) -> None:
    expect = import_module("playwright.sync_api").expect
    server = begun(tmp_path, "jupyterlab")
    errors: list[str] = []
    try:
        one, two = (opened(browser, server, "lab/tree", errors) for _ in range(2))
        one.locator(".jp-Cell .cm-content").last.click()
        one.keyboard.press("Control+End")
        one.keyboard.type("\nx = 42")
        expect(two.locator(".jp-Cell .cm-content").last).to_contain_text("x = 42")
        end = time.monotonic() + 60
        while "x = 42" not in server.project.read("nb/clean.ipynb"):
            assert time.monotonic() < end
            time.sleep(0.2)
        for page in (one, two):
            expect(
                page.locator(".jp-Cell .cm-content").filter(has_text="shown while this is open")
            ).to_have_count(1)
        saved = json.loads(server.project.read("nb/clean.ipynb"))
        assert [found["id"] for found in saved["cells"]] == ["a", "b"]
        assert errors == []
    finally:
        server.close()
