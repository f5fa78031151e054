"""The panel in JupyterLab: a pipeline is built, read and mended in it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from labs import CLEAN, FIT, Server, in_a_browser, inside, written

pytestmark = [pytest.mark.nightly, in_a_browser]

Visit = Callable[..., Any]
Labs = Callable[[str], Server]


@pytest.mark.parametrize("which", ["oldest", "newest"])
def test_the_pipeline_is_built_from_the_panel(labs: Labs, visit: Visit, expect: Any, which: str) -> None:
    server = labs(which)
    project = written(server, "panel")
    project.write("nb/fit.py", FIT + "\n# %%\n1 / 0\n")
    page = visit(inside(server, "panel"))
    page.locator('.jp-SideBar [data-id="octavo-panel"]').click()
    tasks = page.get_by_role("region", name="Pipeline").get_by_role("list", name="Tasks")
    clean = tasks.locator('li[data-task="clean"]')
    fit = tasks.locator('li[data-task="fit"]')
    expect(clean).to_have_attribute("data-state", "stale")
    # by the keyboard alone
    clean.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(clean).to_contain_text("first run")
    page.get_by_role("button", name="Build: clean", exact=True).press("Enter")
    expect(clean).to_have_attribute("data-state", "fresh")
    expect(page.get_by_role("status").filter(has_text="The build is done.")).to_be_visible()
    page.get_by_role("button", name="Build all").press("Enter")
    expect(fit).to_have_attribute("data-state", "failed")
    expect(fit).to_contain_text("ZeroDivisionError: division by zero (cell [4], line 1)")
    page.get_by_role("button", name="Go to the cell that failed").press("Enter")
    active = page.locator(".jp-NotebookPanel:visible .jp-Notebook .jp-mod-active")
    expect(active).to_contain_text("1 / 0")
    page.get_by_role("button", name="Log: fit").click()
    expect(page.get_by_role("log", name="What fit printed")).to_contain_text("ZeroDivisionError")
    # the graph, and from it back to the task
    page.get_by_role("button", name="Graph").press("Enter")
    box = page.get_by_role("button", name="fit, failed")
    expect(box).to_be_visible()
    box.press("Enter")
    expect(fit.locator("summary")).to_be_focused()
    page.get_by_role("button", name="Open source: clean").click()
    cells = page.locator(".jp-NotebookPanel:visible .jp-Cell .cm-content")
    expect(cells.filter(has_text="shown while this is open")).to_be_visible()
    # an edit that is not saved; the badge builds what makes it true
    cells.filter(has_text="open(product").last.click()  # a notebook shows its cells one after the other
    page.keyboard.press("Control+End")
    page.keyboard.type("\nx = 3")
    edit = page.get_by_role("status").filter(has_text="The unsaved edit would make stale: clean")
    expect(edit).to_be_visible()
    page.locator(".jp-NotebookPanel:visible button.octavo-badge").click()
    page.get_by_role("button", name="Build clean").click()
    expect(page.locator(".jp-NotebookPanel:visible")).to_have_count(2)
    expect(page.locator(".jp-NotebookPanel:visible").last).to_contain_text("x = 3")
    expect(clean).to_have_attribute("data-state", "fresh")
    # a run in the notebook's own kernel as the result
    cells.filter(has_text="x = 3").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nprint(x * 2)")
    page.keyboard.press("Control+s")
    page.get_by_role("button", name="Restart and run all as the result of clean").click()
    # not the badge, which a narrow toolbar puts into its menu
    section = page.get_by_role("region", name="Is this notebook clean?")
    expect(section).to_contain_text("The task clean is fresh.")
    expect(section).to_contain_text("All cells ran in order in this kernel")
    expect(clean).to_have_attribute("data-state", "fresh")
    assert "-jupyter" in project.octavo("log").stdout


THEMES = ("JupyterLab Dark", "JupyterLab Dark High Contrast", "JupyterLab Light")


def test_panel_and_badge_break_no_rule_of_axe_in_any_theme(labs: Labs, visit: Visit) -> None:
    axe = importlib.import_module("axe_playwright_python.sync_playwright").Axe()
    server = labs("newest")
    project = written(server, "axe")
    project.write("nb/clean.py", CLEAN + "print('said')\n")
    project.write("nb/fit.py", FIT + "\n# %%\n1 / 0\n")
    project.octavo("build")
    book = {"cells": [], "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}}}
    project.write("a.ipynb", json.dumps({**book, "nbformat": 4, "nbformat_minor": 5}))
    page = visit(inside(server, "axe/a.ipynb"))
    page.locator('.jp-SideBar [data-id="octavo-panel"]').click()
    for task in ("clean", "fit"):
        page.locator(f'li[data-task="{task}"] summary').click()
    page.get_by_role("button", name="Log: clean").click()
    page.get_by_role("log", name="What clean printed").get_by_text("said").wait_for()
    page.locator("button.octavo-badge").click()
    page.get_by_role("region", name="Is this notebook clean?").get_by_text("No cell has run").wait_for()

    def broken(part: str) -> object:
        return axe.run(page, context=part).response["violations"]

    for theme in THEMES:
        page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme
        )
        page.wait_for_selector(f'body[data-jp-theme-name="{theme}"]', state="attached")
        for part in (".octavo", "button.octavo-badge", '[aria-label="Is this notebook clean?"]'):
            assert broken(part) == [], (theme, part)
        page.get_by_role("button", name="Graph").click()
        page.locator(".octavo .picture g[data-task=fit]").wait_for()
        assert broken(".octavo") == [], theme
        page.get_by_role("button", name="Graph").click()
        page.locator('li[data-task="fit"] summary').wait_for()
        button = page.locator("button.octavo-badge")
        before = button.get_attribute("style")
        for colour in page.evaluate("Object.values(window._JUPYTERLAB.octavo.COLOURS)"):
            button.evaluate("(node, colour) => { node.style.background = colour; }", colour)
            assert broken("button.octavo-badge") == [], (theme, colour)
        button.evaluate("(node, style) => node.setAttribute('style', style)", before)
