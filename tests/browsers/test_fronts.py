"""Other front ends than JupyterLab alone, in a real browser: Notebook 7, two people in one notebook, JupyterHub."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from labs import PIPELINE, Server, in_a_browser, lab
from octavo.model import Json
from projects import Folder

pytest.importorskip("jupyter_server")

ROOT = Path(__file__).parents[2]
#: The pipeline with one notebook.
CLEAN = PIPELINE.split("\n- {source: nb/fit")[0].replace(".py", ".ipynb")

pytestmark = [pytest.mark.nightly, in_a_browser]

Visit = Callable[..., Any]
Labs = Callable[[str], Server]


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


def opened(server: Server, visit: Callable[..., Any], front: str, name: str, another: bool = False) -> Any:
    """Open the notebook of a project of its own in a front end."""
    page = visit(f"{server.address}{front}/{name}/nb/clean.ipynb?token=tok", another)
    page.locator(".jp-Cell .cm-content").filter(has_text="shown while this is open").wait_for()
    return page


def project(server: Server, name: str) -> Folder:
    found = Folder(server.project.path / name)
    found.write("pipeline.yaml", CLEAN)
    found.write("nb/clean.ipynb", NOTEBOOK)
    return found


def test_in_notebook_7_the_badge_makes_a_run_the_result_of_the_task(
    labs: Labs, visit: Visit, expect: Any
) -> None:
    server = labs("newest")
    seven = project(server, "seven")
    page = opened(server, visit, "notebooks", "seven")
    badge = page.locator("button.octavo-badge")
    badge.click()
    page.get_by_role("button", name="Restart and run all as the result of clean").click()
    expect(page.get_by_role("region", name="Is this notebook clean?")).to_contain_text(
        "The task clean is fresh."
    )
    expect(badge).to_have_text("clean")
    assert seven.read("out/n.txt") == "1"
    assert "fresh" in seven.octavo("status").stdout
    assert "shown while this is open" not in seven.read("nb/clean.ipynb")


def test_two_people_in_one_notebook_see_one_cell_of_values_and_save_none(
    labs: Labs, visit: Visit, expect: Any
) -> None:
    server = labs("newest")
    two_people = project(server, "two")
    one = opened(server, visit, "lab/tree", "two")
    two = opened(server, visit, "lab/tree", "two", another=True)
    one.locator(".jp-Cell .cm-content").last.click()
    one.keyboard.press("Control+End")
    one.keyboard.type("\nx = 42")
    expect(two.locator(".jp-Cell .cm-content").last).to_contain_text("x = 42")
    end = time.monotonic() + 60
    while "x = 42" not in two_people.read("nb/clean.ipynb"):
        assert time.monotonic() < end
        time.sleep(0.2)
    for page in (one, two):
        expect(
            page.locator(".jp-Cell .cm-content").filter(has_text="shown while this is open")
        ).to_have_count(1)
    saved = json.loads(two_people.read("nb/clean.ipynb"))
    assert [found["id"] for found in saved["cells"]] == ["a", "b"]


HUB = """
c.JupyterHub.bind_url = "http://127.0.0.1:{0}"
c.JupyterHub.hub_port = {1}
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.cookie_secret_file = "{home}/cookie"
c.JupyterHub.db_url = "sqlite:///{home}/hub.sqlite"
c.JupyterHub.cleanup_servers = True
c.ConfigurableHTTPProxy.command = ["{proxy}"]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{2}"
c.ConfigurableHTTPProxy.pid_file = "{home}/proxy.pid"
c.Authenticator.allow_all = True
c.Spawner.notebook_dir = "{home}/root"
c.Spawner.args = ["--allow-root"]
c.Spawner.cmd = ["{python}", "-m", "jupyterhub.singleuser"]
c.LocalProcessSpawner.interrupt_timeout = c.LocalProcessSpawner.term_timeout = 2
c.Spawner.start_timeout = c.Spawner.http_timeout = 180
c.SimpleLocalProcessSpawner.home_dir_template = "{home}/users/{{username}}"
c.Spawner.environment = {environ}
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """A hub with its proxy, whose users' servers show a project; its address."""
    python = lab("newest")
    proxy = ROOT / ".venv-engines/proxy/node_modules/.bin/configurable-http-proxy"
    if not proxy.exists():
        pytest.skip("the proxy of JupyterHub is not installed: make test-browsers does it")
    folder = Folder(tmp_path / "root")
    folder.write("pipeline.yaml", CLEAN)
    folder.write("nb/clean.ipynb", NOTEBOOK)
    ports = []
    with ExitStack() as open_:
        for _ in range(3):
            found = open_.enter_context(socket.socket())
            found.bind(("127.0.0.1", 0))
            ports.append(found.getsockname()[1])
    environ = {
        "JUPYTER_CONFIG_PATH": str(ROOT / "src/jupyter-config"),
        "JUPYTER_PATH": str(tmp_path / "data"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
    }
    (tmp_path / "data/labextensions").mkdir(parents=True)
    (tmp_path / "data/labextensions/octavo").symlink_to(ROOT / "src/jupyter-labextension")
    (tmp_path / "hub.py").write_text(
        HUB.format(*ports, home=tmp_path, proxy=proxy, python=python, environ=environ)
    )
    path = os.pathsep.join([str(ROOT / ".venv-engines/bin"), os.environ["PATH"]])  # where node may be
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [python, "-m", "jupyterhub", "-f", str(tmp_path / "hub.py")],
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "HOME": str(tmp_path)},
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{ports[0]}/"
    end = time.monotonic() + 180
    try:
        while True:
            assert process.poll() is None and time.monotonic() < end, (tmp_path / "log").read_text()
            try:
                urllib.request.urlopen(f"{address}hub/login", timeout=60).close()
                break
            except OSError:
                time.sleep(0.3)
        yield address
    finally:
        process.terminate()
        process.wait(120)


def test_under_a_hub_the_panel_builds_and_the_badge_makes_a_run_the_result(
    visit: Visit, expect: Any, hub: str, tmp_path: Path
) -> None:
    page = visit(f"{hub}hub/login?next=/hub/spawn", another=True)
    page.get_by_label("Username:").fill("ann")
    page.get_by_label("Password:").fill("x")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/user/ann/**")
    page.goto(f"{hub}user/ann/lab/tree/nb/clean.ipynb")
    page.locator(".jp-Cell .cm-content").filter(has_text="shown while this is open").wait_for()
    page.locator('.jp-SideBar [data-id="octavo-panel"]').click()
    clean = page.locator('li[data-task="clean"]')
    expect(clean).to_have_attribute("data-state", "stale")
    page.get_by_role("button", name="Build all").click()
    expect(clean).to_have_attribute("data-state", "fresh")
    folder = Folder(tmp_path / "root")
    assert folder.read("out/n.txt") == "1"
    folder.write("nb/clean.ipynb", NOTEBOOK.replace("write('1')", "write('2')"))
    page.get_by_role("button", name="Refresh").click()
    expect(clean).to_have_attribute("data-state", "stale")
