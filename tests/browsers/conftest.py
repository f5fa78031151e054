"""One browser, and one server of each JupyterLab, for all tests of this folder."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from labs import Server, chromium, lab

#: Tests give commands to JupyterLab that have no button: themes.
SHOWN = "--LabApp.expose_app_in_browser=True"


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:  # of playwright, which need not be there
    yield from chromium()


@pytest.fixture(scope="package")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """What gives the server of a JupyterLab, the newest or the oldest; it is started when it is first asked for."""
    known: dict[str, Server] = {}
    with ExitStack() as running:

        def given(which: str) -> Server:
            if which not in known:
                home = tmp_path_factory.mktemp(which)
                known[which] = Server(home, "jupyterlab", SHOWN, python=lab(which))
                running.callback(known[which].close)
            return known[which]

        yield given


@pytest.fixture(scope="package")
def context(browser: Any) -> Iterator[Any]:
    """A person's browser: it keeps what it has loaded for the next test."""
    found = browser.new_context(viewport={"width": 1400, "height": 900})
    yield found
    found.close()


@pytest.fixture
def visit(browser: Any, context: Any) -> Iterator[Callable[..., Any]]:
    """What opens a page at an address, or with ``another`` one in another person's browser.

    Nothing of octavo's may raise in a page that a test has opened.
    """
    wrong: list[str] = []
    with ExitStack() as open_:

        def heard(error: Any) -> None:
            # those of other extensions, whichever are installed, are not octavo's
            if "octavo" in str(error.stack):
                wrong.append(str(error.stack))

        def go(address: str, another: bool = False) -> Any:
            person = browser.new_context() if another else context
            page = person.new_page()
            open_.callback(person.close if another else page.close)
            page.set_default_timeout(180_000)
            page.on("pageerror", heard)
            page.goto(address)
            return page

        yield go
    assert wrong == []


@pytest.fixture
def expect() -> Any:
    return importlib.import_module("playwright.sync_api").expect
