"""The badge at a notebook in JupyterLab: whether what is shown is what a run of all cells from the top would leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labs import SRC, Server, in_a_browser, inside

SCRIPT = SRC / "jupyter-labextension/static/remoteEntry.js"

pytestmark = in_a_browser

#: What a person does with the cells a, b and c: runs one ("a"; "a!" raises or is interrupted), edits it ("a=", "a<"
#: takes that back), deletes it ("-a"), undoes that ("a*"), clears its output ("a_"), splits it ("a|d"), makes it text
#: ("a#", and code again "a$"), runs it in another browser ("a&"), restarts or changes the kernel ("@"), adds a cell at
#: the end ("+d") or above all ("^d"), empties one ("a~"), runs something that is no cell of it, as in a console, a line
#: that is selected, or another view of its kernel (">"), moves the last cell to the top ("%").
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
    "a b c b= @ a b c": "clean",
    "^d d a b c": "clean",
    "a b c % @ c a b": "clean",
    "a b c -c @ a b": "clean",
    "a b c -b b*": "clean",
    "a b c -a -b b* a*": "clean",
    "a b c % % %": "clean",
    "a b|d @ a b d c": "clean",
    "a b c b= -c @ a b": "clean",
    "a b! @ a b c": "clean",
    "a b c a_ @ a b c": "clean",
    "a b c b# @ a c": "clean",
    "a b c b# b$ @ a b c": "clean",
    "a b c a= a< >": "clean",
    "a? b? c? a. b. c.": "clean",
    "a? b? c? a. b! c0 @ a? b? c? a. b. c.": "clean",
    "a? b? @ a b c": "clean",
    "a? -a a* a= a b c": "clean",
    # ── dishonest, or not known
    "a? a= a. b c": "not clean",
    "a? a= a? a= a. a. b c": "not clean",
    "a b c b? b0": "in doubt",
    "a? b? c? a. b! c0": "not clean",
    "a b c a? a= b? b= a. b.": "not clean",
    "a b c b= -c": "not clean",
    "a b": "in doubt",
    "a b c c": "in doubt",
    "> a b c": "in doubt",
    "a b > c": "in doubt",
    "a b c -b": "in doubt",
    "a b c +d": "in doubt",
    "a b c a_": "in doubt",
    "a b c a_ b_ c_": "in doubt",
    "a b c b#": "in doubt",
    "a b c b# b$": "in doubt",
    "a b c b&": "in doubt",
    "a b c a& b& c&": "in doubt",
    "a b c -b b* -c": "in doubt",
    "a b -b b* > c": "in doubt",
    "a b c a": "not clean",
    "a b c b": "not clean",
    "a c": "not clean",
    "c b a": "not clean",
    "a b c a=": "not clean",
    "a b c c=": "not clean",
    "a b! c": "not clean",
    "a b!": "not clean",
    "a b c c!": "not clean",
    "a b c b|d": "not clean",
    "a b c b|d d": "not clean",
    "a b c -b b* b=": "not clean",
    "a b c a= -b": "not clean",
    "a b c % %": "not clean",
    "a b c -a a* b": "not clean",
    "a b c %": "not clean",
    "a b c ^d": "not clean",
    "a b c ^d d": "not clean",
    "a b c @": "not run",
    "a& b& c&": "not run",
    "a b c @ b": "not clean",
}

PLAY = """steps => {
    const sheet = new window._JUPYTERLAB.octavo.Sheet();
    const cell = id => ({ id, source: id, count: null });
    let cells = ["a", "b", "c"].map(cell), count = 0;
    const gone = {};
    for (const step of steps) {
        const id = step.replace(/[^a-z].*/, "") || step.slice(1);
        const at = cells.findIndex(one => one.id === id), one = cells[at];
        if (step === "@") { sheet.restarted(); count = 0; }
        else if (step === ">") count += 1;
        else if (step === "%") cells.unshift(cells.pop());
        else if (step.startsWith("+")) cells.push(cell(id));
        else if (step.startsWith("^")) cells.unshift(cell(id));
        else if (step.startsWith("-") || step.endsWith("#")) { gone[id] = [at, one]; cells.splice(at, 1); }
        else if (step.endsWith("*")) cells.splice(gone[id][0], 0, gone[id][1]);
        else if (step.endsWith("$")) cells.splice(gone[id][0], 0, { ...gone[id][1], count: null });
        else if (step.endsWith("_")) one.count = null;
        else if (step.endsWith("?")) sheet.scheduled(id, one.source);
        else if (step.endsWith("0")) sheet.executed(id, one.source, one.count = null, false);
        else if (step.endsWith(".")) sheet.executed(id, one.source, one.count = ++count, true);
        else if (step.endsWith("&")) one.count = ++count;
        else if (step.includes("|")) { one.source = "half"; cells.splice(at + 1, 0, cell(step.slice(-1))); }
        else if (step.endsWith("=")) one.source += " edited";
        else if (step.endsWith("<")) one.source = id;
        else if (step.endsWith("~")) one.source = " ";
        else if (one) {
            sheet.scheduled(id, one.source);
            sheet.executed(id, one.source, one.count = ++count, !step.endsWith("!"));
        }
        sheet.verdict(cells);  // the badge is drawn at each step
    }
    return sheet.verdict(cells);
}"""


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
def test_a_notebook_in_jupyterlab_is_made_clean_by_one_click(
    labs: Callable[[str], Server], visit: Callable[..., Any], expect: Any
) -> None:
    server = labs("newest")
    server.project.write("badge/a.ipynb", NOTEBOOK)
    page = visit(inside(server, "badge/a.ipynb"))
    page.get_by_text("Python 3 (ipykernel) | Idle").first.wait_for()
    badge = page.locator("button.octavo-badge")
    expect(badge).to_have_text("not run")
    section = page.get_by_role("region", name="Is this notebook clean?")
    while not section.is_visible():  # toolbars are arranged anew for a while
        badge.press("Enter")
        page.wait_for_timeout(2_000)
    expect(section).to_contain_text("No cell has run in this kernel since this page was opened.")
    # by the mouse, which only reaches what is really shown, and by the keyboard further down
    section.get_by_role("button", name="Restart and run all").click()
    expect(badge).to_have_text("clean")
    page.locator(".jp-Cell .cm-content").first.click()
    page.keyboard.press("End")
    page.keyboard.type("0")
    expect(badge).to_have_text("not clean")
    expect(section).to_contain_text("Cell 1 was edited after it ran as [1].")
    page.keyboard.press("Control+Enter")
    expect(section).to_contain_text("Cell 2 ran as [2], before a cell above it.")
    section.get_by_role("button", name="Restart and run all").press("Enter")
    expect(badge).to_have_text("clean")
    # a deletion that is undone; outputs that are cleared; a second view of the same notebook
    page.locator(".jp-Cell .cm-content").last.click()
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    page.keyboard.press("d")
    expect(badge).to_have_text("in doubt")
    page.keyboard.press("z")
    expect(badge).to_have_text("clean")
    page.locator(".jp-Cell .cm-content").last.click()
    page.keyboard.press("Escape")
    assert page.evaluate("[...window.jupyterapp.shell.currentWidget.model.deletedCells]") == []
    for _ in range(2):  # over the text between them
        page.keyboard.press("Control+Shift+ArrowUp")
    expect(badge).to_have_text("not clean")
    for _ in range(2):
        page.keyboard.press("Control+Shift+ArrowDown")
    expect(badge).to_have_text("clean")
    page.get_by_role("menuitem", name="File", exact=True).click()
    page.get_by_role("menuitem", name="New View for Notebook").click()
    expect(badge).to_have_text(["clean", "clean"])
    page.get_by_role("menuitem", name="Edit").click()
    page.get_by_role("menuitem", name="Clear Outputs of All Cells").click()
    expect(badge).to_have_text(["in doubt", "in doubt"])


NOTEBOOK = """
{"cells": [
  {"cell_type": "code", "execution_count": null, "id": "a", "metadata": {}, "outputs": [], "source": "x = 1"},
  {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "text"},
  {"cell_type": "code", "execution_count": null, "id": "b", "metadata": {}, "outputs": [], "source": "print(x)"}
 ],
 "metadata": {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}},
 "nbformat": 4, "nbformat_minor": 5}
"""
