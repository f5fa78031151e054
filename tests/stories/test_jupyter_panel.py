"""The panel in JupyterLab: what its server answers, and the panel itself in a real browser."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import octavo.project
from octavo import notebook as documents
from octavo.jupyter.unsaved import would_be
from octavo.model import Json
from projects import Folder

pytest.importorskip("jupyter_server")

SRC = Path(__file__).parents[2] / "src"
CHROMIUM = shutil.which("chromium") or ""

PIPELINE = """
- {source: nb/clean.py, product: {nb: out/clean.ipynb, data: out/n.txt}}
- {source: nb/fit.py, product: {nb: out/fit.ipynb, data: out/fit.txt}}
"""
CLEAN = '# %% tags=["parameters"]\nupstream = None\nproduct = None\n\n# %%\nopen(product["data"], "w").write("1")\n'
FIT = CLEAN.replace("None", '["clean"]', 1)


def lab(which: str) -> str:
    """Return the Python of an environment with JupyterLab, the newest or the oldest, which make test-browsers makes."""
    found = SRC.parent / f".venv-engines/jupyter-{which}/bin/python"
    if not found.exists():
        pytest.skip(f"the {which} JupyterLab is not installed: make test-browsers does it")
    return str(found)


def chromium() -> Iterator[Any]:
    """Yield a browser: Debian's, which playwright only steers."""
    sync = importlib.import_module("playwright.sync_api")
    sync.expect.set_options(timeout=90_000)
    with sync.sync_playwright() as play:
        words = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        found = play.chromium.launch(executable_path=CHROMIUM, args=words, timeout=180_000)
        yield found
        found.close()


class Server:
    """A server of Jupyter's with octavo's extension, spoken to as the panel does."""

    def __init__(self, home: Path, module: str, *options: str, python: str = sys.executable) -> None:
        self.project = Folder(home / "root")
        self.project.path.mkdir(parents=True)
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{found.getsockname()[1]}/"
        (home / "data/labextensions").mkdir(parents=True)
        (home / "data/labextensions/octavo").symlink_to(SRC / "jupyter-labextension")
        environ = {
            "HOME": str(home),
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTER_CONFIG_PATH": str(SRC / "jupyter-config"),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTER_PATH": str(home / "data"),
        }
        port = self.address.rpartition(":")[2].strip("/")
        words = [
            "--allow-root",
            "--no-browser",
            "--ip=127.0.0.1",
            f"--port={port}",
            "--IdentityProvider.token=tok",
        ]
        words += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={self.project.path}", *options]
        self.log = home / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [python, "-m", module, *words],
                cwd=home,  # extensions leave files where they are started
                env={**os.environ, **environ},
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 180
        while True:
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise AssertionError(self.log.read_text())
            try:
                self.call("api/status")
                break
            except OSError:
                time.sleep(0.2)

    def call(self, path: str, body: Json | None = None, token: str = "tok") -> Json:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"Authorization": f"token {token}"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            found: Json = json.load(answer)
        return found

    def refused(self, path: str, body: Json | None = None, token: str = "tok") -> int:
        with pytest.raises(urllib.error.HTTPError) as wrong:
            self.call(path, body, token)
        wrong.value.close()
        return wrong.value.code

    def events(self, path: str) -> Iterator[Json]:
        """Watch a project from now on, until its build has ended."""
        request = urllib.request.Request(
            f"{self.address}octavo/events?path={path}", headers={"Authorization": "token tok"}
        )
        stream = urllib.request.urlopen(request, timeout=120)

        def each() -> Iterator[Json]:
            with stream:
                for line in stream:
                    if line.startswith(b"data: "):
                        event: Json = json.loads(line[6:])
                        yield event
                        if event["event"] == "Ended":
                            return

        return each()

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:  # threads of its own that read files are not always told to end
            self.process.kill()
            self.process.wait(60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("panel"), "jupyter_server")
    yield found
    found.close()


@pytest.fixture
def served() -> Iterator[Callable[[Server], Server]]:
    """What ends a server of one test, whichever way that goes."""
    with ExitStack() as running:

        def serve(server: Server) -> Server:
            running.callback(server.close)
            return server

        yield serve


def written(server: Server, name: str) -> Folder:
    project = Folder(server.project.path / name)
    project.write("pipeline.yaml", PIPELINE)
    project.write("nb/clean.py", CLEAN)
    project.write("nb/fit.py", FIT)
    return project


def states(server: Server, path: str) -> dict[str, str]:
    return {task["task"]: task["state"] for task in server.call(f"octavo/status?path={path}")["tasks"]}


def test_the_state_of_a_pipeline_is_that_of_octavo_status_for_any_file_in_it(server: Server) -> None:
    project = written(server, "a")
    told = server.call("octavo/status?path=a/nb/clean.py")
    assert (told["pipeline"], told["building"], told["mistakes"]) == ("a/pipeline.yaml", False, [])
    clean, fit = told["tasks"]
    assert (clean["state"], clean["reasons"][0]["text"], clean["open"]) == (
        "stale",
        "first run",
        "a/nb/clean.py",
    )
    assert fit["waits"] == ["clean"]
    assert clean["products"] == [
        {
            "name": "out/clean.ipynb",
            "what": "executed notebook",
            "path": "a/out/clean.ipynb",
            "there": False,
        },
        {"name": "out/n.txt", "what": "product", "path": "a/out/n.txt", "there": False},
    ]
    drawn = server.call("octavo/status?path=a&graph=1")["graph"]
    assert drawn.startswith("<svg") and 'data-from="clean" data-to="fit"' in drawn and "<style>" not in drawn
    project.write("pipeline.yaml", PIPELINE.replace("source", "sauce"))
    told = server.call("octavo/status?path=a")
    assert told["tasks"] == [] and "sauce" in "".join(told["mistakes"])
    assert server.call("octavo/status?path=")["pipeline"] is None


def test_a_build_is_followed_to_its_end_by_all_who_watch(server: Server) -> None:
    project = written(server, "b")
    project.write("nb/clean.py", CLEAN + 'print("1 was \x1b[1mwritten\x1b[0m")\n')
    watching = server.events("b")
    assert server.call("octavo/build", {"path": "b", "targets": ["clean"]}) == {}
    seen = list(watching)
    assert [event["event"] for event in seen if event["event"] != "CellFinished"][:2] == [
        "RunStarted",
        "TaskStarted",
    ]
    assert [event["number"] for event in seen if event["event"] == "CellStarted"] == [1, 2, 3]
    assert (seen[-1]["code"], seen[-1]["said"]) == (0, "")
    assert states(server, "b") == {"clean": "fresh", "fit": "stale"}
    assert project.read("out/n.txt") == "1"
    log = server.call("octavo/log?path=b&task=clean")
    assert (log["text"], log["cut"]) == ("1 was written\n", False) and log["run"] == seen[0]["run"]
    assert server.call("octavo/log?path=b&task=fit")["run"] is None
    project.write("out/n.txt", "by hand")
    assert states(server, "b")["clean"] == "blocked"
    assert server.call("octavo/accept", {"path": "b", "task": "clean"})["accepted"]
    assert states(server, "b")["clean"] == "fresh" and project.read("out/n.txt") == "by hand"
    assert server.refused("octavo/accept", {"path": "b", "task": "claen"}) == 409
    assert server.refused("octavo/accept", {"path": "b"}) == 409


def test_a_build_is_cancelled_and_there_is_one_at_a_time(server: Server) -> None:
    project = written(server, "c")
    project.write("nb/clean.py", CLEAN + "\n# %%\nimport time\ntime.sleep(600)\n")
    watching = server.events("c")
    server.call("octavo/build", {"path": "c"})
    assert server.refused("octavo/build", {"path": "c"}) == 409
    assert server.call("octavo/status?path=c")["building"]
    for event in watching:
        if event["event"] == "CellStarted" and event["number"] == 4:
            assert server.call("octavo/cancel", {"path": "c"}) == {"cancelled": True}
    assert event["code"] == 130
    assert server.call("octavo/cancel", {"path": "c"}) == {"cancelled": False}


def test_the_panel_says_what_an_edit_that_is_not_saved_would_make_stale(tmp_path: Path) -> None:
    project = Folder(tmp_path)
    project.write("pipeline.yaml", PIPELINE + "- {source: nb/other.py, product: out/other.ipynb}\n")
    project.write("nb/clean.py", CLEAN)
    project.write("nb/fit.py", FIT)
    project.write("nb/other.py", "# %%\n2")
    assert project.octavo("build", "clean", "other").returncode == 0
    file = (tmp_path / "nb/clean.py").resolve()
    opened = documents.read(file).data
    with octavo.project.load(tmp_path) as loaded:

        def said(*cells: Json) -> Json:
            return would_be(loaded, file, {**opened, "cells": [*opened["cells"], *cells]})

        assert said() == {"changed": [], "stale": [], "mistakes": []}
        code: Json = {"cell_type": "code", "id": "new", "metadata": {}, "source": "# a comment"}
        shown = {**code, "metadata": {"octavo-opened": True}, "source": "product = 3"}
        assert said(code, shown, {**code, "cell_type": "markdown", "source": "x = 1"})["changed"] == []
        # fit is stale already
        assert said({**code, "source": "x = 1"}) == {"changed": ["clean"], "stale": ["clean"], "mistakes": []}
        (mistake,) = said({**code, "source": "x ="})["mistakes"]
        assert "invalid syntax" in mistake
        with pytest.raises(octavo.Error, match="no notebook"):
            would_be(loaded, file, {"cells": [{}]})
        assert loaded.status()["clean"].fresh
    assert project.octavo("build").returncode == 0
    with octavo.project.load(tmp_path) as loaded:
        assert said({**code, "source": "x = 1"})["stale"] == ["clean", "fit"]


def test_a_notebook_of_no_task_is_run_in_a_worker(server: Server) -> None:
    project = Folder(server.project.path / "free")
    project.write("-a b.py", "# %%\nprint(6 * 7)\n")
    path = "free/-a%20b.py"
    watching = server.events(path + "&run=1")
    body = {"path": "free/-a b.py"}
    assert server.call("octavo/run", body) == {"executed": "free/-a b.executed.ipynb"}
    *_, ended = watching
    assert (ended["code"], ended["said"]) == (0, "")
    assert "42" in project.read("-a b.executed.ipynb")
    assert server.call("octavo/cancel", {**body, "run": True}) == {"cancelled": False}
    assert server.refused("octavo/run", {"path": "free/gone.py"}) == 404
    assert server.refused("octavo/run", {"path": "../../etc/passwd"}) == 404


def test_what_is_asked_wrongly_or_by_strangers_is_refused(server: Server) -> None:
    written(server, "d")
    assert server.refused("octavo/status?path=d", token="other") == 403
    assert server.refused("octavo/build", {"path": "d"}, token="other") == 403
    assert server.refused("octavo/status?path=../../..") == 404
    assert server.refused("octavo/build", {"path": "d", "targets": ["--debug"]}) == 400
    assert server.refused("octavo/build", {"path": ""}) == 404
    assert server.refused("octavo/take", {"path": "", "task": "clean"}) == 404
    assert server.refused("octavo/events?path=") == 404
    assert server.refused("octavo/log?path=&task=clean") == 404
    assert server.refused("octavo/unsaved", {"path": "d/nb/clean.py", "content": []}) == 400
    stale = server.call("octavo/unsaved", {"path": "d/nb/clean.py", "content": {"cells": [3]}})
    assert stale["mistakes"] and not stale["stale"]
    folder = server.project.path / "d"
    for name in ("accept", "build", "cancel", "choose", "run", "take", "unsaved"):
        for path in ("d\0", "\ud800", "x" * 300):
            assert server.refused(f"octavo/{name}", {"path": path}) in (400, 404, 409), (name, path)
    assert server.refused("octavo/choose", {"path": "d", "source": "\0", "task": "clean"}) == 400
    (folder / "nb/loop.py").symlink_to("loop.py")
    assert states(server, "d/nb/loop.py").keys() == {"clean", "fit"}
    shutil.rmtree(folder / ".octavo")
    (folder / ".octavo").symlink_to("gone/gone")
    assert server.refused("octavo/choose", {"path": "d", "source": "d/nb/clean.py", "task": "clean"}) in (
        404,
        409,
    )
    (folder / ".octavo").unlink()
    watching = server.events("d")
    server.call("octavo/build", {"path": "d", "targets": ["claen"]})
    (ended,) = watching
    assert ended["code"] == 2 and 'did you mean "clean"?' in ended["said"]


def test_of_several_tasks_with_one_source_the_one_is_chosen_whose_values_are_shown(server: Server) -> None:
    project = written(server, "e")
    project.write(
        "pipeline.yaml", PIPELINE + "- {source: nb/clean.py, name: again, product: out/again.ipynb}\n"
    )
    several = {task["task"]: task["several"] for task in server.call("octavo/status?path=e")["tasks"]}
    assert several == {"clean": True, "fit": False, "again": True}

    def shown() -> str:
        cells = server.call("api/contents/e/nb/clean.py?type=notebook&content=1")["content"]["cells"]
        return str(
            next(
                cell["source"] for cell in cells if "injected-parameters" in cell["metadata"].get("tags", ())
            )
        )

    assert "task clean" in shown()
    assert server.call("octavo/choose", {"path": "e", "source": "e/nb/clean.py", "task": "again"}) == {}
    assert "task again" in shown()
    assert server.refused("octavo/choose", {"path": "e", "source": "e/nb/fit.py", "task": "again"}) == 404


def test_the_panel_is_small_and_ships_with_the_package() -> None:
    files = [path for path in (SRC / "jupyter-labextension").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 60_000
    package = json.loads((SRC / "jupyter-labextension/package.json").read_text())
    assert (SRC / "jupyter-labextension" / package["jupyterlab"]["_build"]["load"]).is_file()


@pytest.mark.nightly
@pytest.mark.skipif(
    not CHROMIUM or not importlib.util.find_spec("playwright"), reason="wants Debian's chromium: make system"
)
@pytest.mark.parametrize("which", ["oldest", "newest"])
def test_the_pipeline_is_built_from_the_panel_in_a_browser(
    tmp_path: Path, which: str, served: Callable[[Server], Server]
) -> None:
    python = lab(which)
    sync: Any = importlib.import_module("playwright.sync_api")
    server = served(Server(tmp_path, "jupyterlab", python=python))
    project = server.project
    project.write("pipeline.yaml", PIPELINE)
    project.write("nb/clean.py", CLEAN)
    project.write("nb/fit.py", FIT + "\n# %%\n1 / 0\n")
    for browser in chromium():
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))  # noqa: B023 - one browser
        page.set_default_timeout(90_000)
        page.goto(f"{server.address}lab?token=tok&reset")
        page.wait_for_selector("#jupyterlab-splash", state="detached")
        page.locator('.jp-SideBar [data-id="octavo-panel"]').click()
        tasks = page.get_by_role("region", name="Pipeline").get_by_role("list", name="Tasks")
        clean = tasks.locator('li[data-task="clean"]')
        fit = tasks.locator('li[data-task="fit"]')
        sync.expect(clean).to_have_attribute("data-state", "stale")
        # by the keyboard alone
        clean.locator("summary").focus()
        page.keyboard.press("Enter")
        sync.expect(clean).to_contain_text("first run")
        page.get_by_role("button", name="Build: clean", exact=True).press("Enter")
        sync.expect(clean).to_have_attribute("data-state", "fresh")
        sync.expect(page.get_by_role("status").filter(has_text="The build is done.")).to_be_visible()
        page.get_by_role("button", name="Build all").press("Enter")
        sync.expect(fit).to_have_attribute("data-state", "failed")
        sync.expect(fit).to_contain_text("ZeroDivisionError: division by zero (cell [4], line 1)")
        page.get_by_role("button", name="Go to the cell that failed").press("Enter")
        active = page.locator(".jp-NotebookPanel:visible .jp-Notebook .jp-mod-active")
        sync.expect(active).to_contain_text("1 / 0")
        page.get_by_role("button", name="Log: fit").click()
        sync.expect(page.get_by_role("log", name="What fit printed")).to_contain_text("ZeroDivisionError")
        # the graph, and from it back to the task
        page.get_by_role("button", name="Graph").press("Enter")
        box = page.get_by_role("button", name="fit, failed")
        sync.expect(box).to_be_visible()
        box.press("Enter")
        sync.expect(fit.locator("summary")).to_be_focused()
        page.get_by_role("button", name="Open source: clean").click()
        cells = page.locator(".jp-NotebookPanel:visible .jp-Cell .cm-content")
        sync.expect(cells.filter(has_text="shown while this is open")).to_be_visible()
        # an edit that is not saved; the badge builds what makes it true
        cells.filter(has_text="open(product").last.click()  # a notebook shows its cells one after the other
        page.keyboard.press("Control+End")
        page.keyboard.type("\nx = 3")
        edit = page.get_by_role("status").filter(has_text="The unsaved edit would make stale: clean")
        sync.expect(edit).to_be_visible()
        page.locator(".jp-NotebookPanel:visible button.octavo-badge").click()
        page.get_by_role("button", name="Build clean").click()
        sync.expect(page.locator(".jp-NotebookPanel:visible")).to_have_count(2)
        sync.expect(page.locator(".jp-NotebookPanel:visible").last).to_contain_text("x = 3")
        sync.expect(clean).to_have_attribute("data-state", "fresh")
        # a run in the notebook's own kernel as the result
        cells.filter(has_text="x = 3").first.click()
        page.keyboard.press("Control+End")
        page.keyboard.type("\nprint(x * 2)")
        page.keyboard.press("Control+s")
        page.get_by_role("button", name="Restart and run all as the result of clean").click()
        sync.expect(page.get_by_text("This run is the result of clean now.").first).to_be_visible()
        # not the badge, which a narrow toolbar puts into its menu
        section = page.get_by_role("region", name="Is this notebook clean?")
        sync.expect(section).to_contain_text("All cells ran in order in this kernel")
        sync.expect(clean).to_have_attribute("data-state", "fresh")
        assert "-jupyter" in project.octavo("log").stdout
        assert errors == []


THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")


@pytest.mark.nightly
@pytest.mark.skipif(
    not CHROMIUM or not importlib.util.find_spec("playwright"), reason="wants Debian's chromium: make system"
)
def test_panel_and_badge_break_no_rule_of_axe_in_any_theme(
    tmp_path: Path, served: Callable[[Server], Server]
) -> None:
    axe = importlib.import_module("axe_playwright_python.sync_playwright").Axe()
    server = served(Server(tmp_path, "jupyterlab", python=lab("newest")))
    server.project.write("pipeline.yaml", PIPELINE)
    server.project.write("nb/clean.py", CLEAN + "print('said')\n")
    server.project.write("nb/fit.py", FIT + "\n# %%\n1 / 0\n")
    server.project.octavo("build")
    book = {"cells": [], "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}}}
    server.project.write("a.ipynb", json.dumps({**book, "nbformat": 4, "nbformat_minor": 5}))
    settings = tmp_path / "config/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    for browser in chromium():
        for theme in THEMES:
            (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
            page = browser.new_page()
            page.set_default_timeout(90_000)
            page.goto(f"{server.address}lab/tree/a.ipynb?token=tok&reset")
            page.wait_for_selector("#jupyterlab-splash", state="detached")
            page.wait_for_selector(f'body[data-jp-theme-name="{theme}"]', state="attached")
            page.locator('.jp-SideBar [data-id="octavo-panel"]').click()
            for task in ("clean", "fit"):
                page.locator(f'li[data-task="{task}"] summary').click()
            page.get_by_role("button", name="Log: clean").click()
            page.get_by_role("log", name="What clean printed").get_by_text("said").wait_for()
            page.locator("button.octavo-badge").click()
            page.get_by_role("region", name="Is this notebook clean?").get_by_text(
                "No cell has run"
            ).wait_for()
            for part in (".octavo", "button.octavo-badge", '[aria-label="Is this notebook clean?"]'):
                broken = axe.run(page, context=part).response["violations"]
                assert broken == [], (theme, part)
            page.get_by_role("button", name="Graph").click()
            page.locator(".octavo .picture g[data-task=fit]").wait_for()
            assert axe.run(page, context=".octavo").response["violations"] == [], theme
            for colour in page.evaluate("Object.values(window._JUPYTERLAB.octavo.COLOURS)"):
                page.evaluate(
                    "c => document.querySelector('button.octavo-badge').style.background = c", colour
                )
                found = axe.run(page, context="button.octavo-badge").response["violations"]
                assert found == [], (theme, colour)
            page.close()
