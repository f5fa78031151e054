"""The badge at a notebook in JupyterLab: whether what is shown is what a run of all cells from the top would leave."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from test_jupyter_panel import Server

SCRIPT = Path(__file__).parents[2] / "src/jupyter-labextension/static/remoteEntry.js"
CHROMIUM = shutil.which("chromium") or ""

pytestmark = pytest.mark.skipif(
    not CHROMIUM or not importlib.util.find_spec("playwright"),
    reason="wants Debian's chromium (make system) and: pip install playwright",
)

#: What a person does with the cells a, b and c: runs one ("a"; "a!" raises), edits it ("a=", "a<" takes that back),
#: deletes it ("-a"), restarts the kernel ("@"), adds a cell at the end ("+d") or above all ("^d"), empties one ("a~"),
#: runs something that is no cell of it, as in a console (">"), moves the last cell to the top ("%").
SESSIONS = {
    # ── honest
    "": "not run",
    "a b c": "clean",
    "a b c a b c @ a b c": "clean",
    "b a @ a b c": "clean",
    "a= a b c": "clean",
    "a b c a= a<": "clean",
    "a b c +d d": "clean",
    "-b a c": "clean",
    "a b~ c": "clean",
    "a b c = @ a b c": "clean",
    "^d d a b c": "clean",
    "a b c % @ c a b": "clean",
    "a b c -c @ a b": "clean",
    # ── dishonest, or not known
    "a b": "in doubt",
    "a b c c": "in doubt",
    "> a b c": "in doubt",
    "a b > c": "in doubt",
    "a b c -b": "in doubt",
    "a b c +d": "in doubt",
    "a b c a": "not clean",
    "a b c b": "not clean",
    "a c": "not clean",
    "c b a": "not clean",
    "a b c a=": "not clean",
    "a b c c=": "not clean",
    "a b! c": "not clean",
    "a b c %": "not clean",
    "a b c ^d": "not clean",
    "a b c ^d d": "not clean",
    "a b c @": "not run",
    "a b c @ b": "not clean",
}

PLAY = """steps => {
    const sheet = new window._JUPYTERLAB.octavo.Sheet();
    let cells = ["a", "b", "c"].map(id => ({ id, source: id })), count = 0;
    for (const step of steps) {
        const id = step.replace(/[^a-z]/g, ""), cell = cells.find(one => one.id === id);
        if (step === "@") { sheet.restarted(); count = 0; }
        else if (step === ">") count += 1;
        else if (step === "%") cells.unshift(cells.pop());
        else if (step.startsWith("+")) cells.push({ id, source: id });
        else if (step.startsWith("^")) cells.unshift({ id, source: id });
        else if (step.startsWith("-")) { cells = cells.filter(one => one.id !== id); sheet.removed(id); }
        else if (step.endsWith("=")) { if (cell) cell.source += " edited"; }
        else if (step.endsWith("<")) cell.source = id;
        else if (step.endsWith("~")) cell.source = " ";
        else {
            sheet.scheduled(id, cell.source);
            sheet.executed(id, cell.source, ++count, !step.endsWith("!"));
        }
    }
    return sheet.verdict(cells);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:  # of playwright, which need not be there
    with import_module("playwright.sync_api").sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


def test_the_badge_is_right_in_sessions_of_editing_and_running(browser: Any) -> None:
    page = browser.new_page()
    page.add_script_tag(path=str(SCRIPT))
    told = {session: page.evaluate(PLAY, session.split()) for session in SESSIONS}
    assert {session: one["state"] for session, one in told.items()} == SESSIONS
    assert all(bool(one["reasons"]) == (one["state"] != "clean") for one in told.values())
    assert told["a b c a="]["reasons"] == ["Cell 1 was edited after it ran as [1]."]
    assert told["a b > c"]["reasons"] == ["Before cell 3, [4], something else has run."]
    assert told["a b c -b"]["reasons"] == [
        "Before cell 2, [3], something else has run.",
        "[2] was a cell that is deleted now.",
    ]


@pytest.mark.nightly
@pytest.mark.skipif(not importlib.util.find_spec("jupyterlab"), reason="wants: pip install jupyterlab")
def test_a_notebook_in_jupyterlab_is_made_clean_by_one_click(browser: Any, tmp_path: Path) -> None:
    expect = import_module("playwright.sync_api").expect
    server = Server(tmp_path, "jupyterlab")
    server.project.write("a.ipynb", NOTEBOOK)
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(90_000)
    page.goto(f"{server.address}lab/tree/a.ipynb?token=tok&reset")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    page.get_by_text("Python 3 (ipykernel) | Idle").first.wait_for()
    badge = page.locator("button.octavo-badge")
    expect(badge).to_have_text("not run")
    badge.press("Enter")
    section = page.get_by_role("region", name="Is this notebook clean?")
    expect(section).to_contain_text("No cell has run in this kernel.")
    # by the mouse, which only reaches what is really shown, and by the keyboard further down
    section.get_by_role("button", name="Restart and run all").click()
    expect(badge).to_have_text("clean", timeout=90_000)
    page.locator(".jp-Cell .cm-content").first.click()
    page.keyboard.press("End")
    page.keyboard.type("0")
    expect(badge).to_have_text("not clean")
    expect(section).to_contain_text("Cell 1 was edited after it ran as [1].")
    page.keyboard.press("Control+Enter")
    expect(section).to_contain_text("Cell 2 ran as [2], before a cell above it.")
    section.get_by_role("button", name="Restart and run all").press("Enter")
    expect(badge).to_have_text("clean", timeout=90_000)
    assert errors == []
    page.close()
    server.close()


NOTEBOOK = """
{"cells": [
  {"cell_type": "code", "execution_count": null, "id": "a", "metadata": {}, "outputs": [], "source": "x = 1"},
  {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "text"},
  {"cell_type": "code", "execution_count": null, "id": "b", "metadata": {}, "outputs": [], "source": "print(x)"}
 ],
 "metadata": {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}},
 "nbformat": 4, "nbformat_minor": 5}
"""
