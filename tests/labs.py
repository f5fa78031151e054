"""Servers of Jupyter's with octavo's extension, and a browser in which their pages are looked at."""

from __future__ import annotations

import importlib
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
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from octavo.model import Json
from projects import Folder

SRC = Path(__file__).parents[1] / "src"
CHROMIUM = shutil.which("chromium") or ""

PIPELINE = """
- {source: nb/clean.py, product: {nb: out/clean.ipynb, data: out/n.txt}}
- {source: nb/fit.py, product: {nb: out/fit.ipynb, data: out/fit.txt}}
"""
CLEAN = '# %% tags=["parameters"]\nupstream = None\nproduct = None\n\n# %%\nopen(product["data"], "w").write("1")\n'
FIT = CLEAN.replace("None", '["clean"]', 1)


#: Tests that look at pages are of no use without a browser.
in_a_browser = pytest.mark.skipif(
    not CHROMIUM or not importlib.util.find_spec("playwright"), reason="wants Debian's chromium: make system"
)


def lab(which: str) -> str:
    """Return the Python of an environment with JupyterLab, the newest or the oldest, which make test-browsers makes."""
    found = SRC.parent / f".venv-engines/jupyter-{which}/bin/python"
    if not found.exists():
        pytest.skip(f"the {which} JupyterLab is not installed: make test-browsers does it")
    return str(found)


def chromium() -> Iterator[Any]:
    """Yield a browser: Debian's, which playwright only steers."""
    sync = importlib.import_module("playwright.sync_api")
    sync.expect.set_options(timeout=180_000)
    with sync.sync_playwright() as play:
        words = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        found = play.chromium.launch(executable_path=CHROMIUM, args=words, timeout=180_000)
        yield found
        found.close()


class Server:
    """A server of Jupyter's with octavo's extension, spoken to as the panel does."""

    def __init__(
        self,
        home: Path,
        module: str,
        *options: str,
        python: str = sys.executable,
        project: Folder | None = None,
    ) -> None:
        self.project = project or Folder(home / "root")
        self.project.path.mkdir(parents=True, exist_ok=True)
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

    def events(self, path: str) -> Generator[Json]:
        """Watch a project from now on, until its build has ended."""
        request = urllib.request.Request(
            f"{self.address}octavo/events?path={path}", headers={"Authorization": "token tok"}
        )
        stream = urllib.request.urlopen(request, timeout=120)

        def each() -> Generator[Json]:
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


def written(server: Server, name: str) -> Folder:
    project = Folder(server.project.path / name)
    project.write("pipeline.yaml", PIPELINE)
    project.write("nb/clean.py", CLEAN)
    project.write("nb/fit.py", FIT)
    return project


def inside(server: Server, name: str) -> str:
    """Return the address of JupyterLab with a file or folder open, and nothing else."""
    return f"{server.address}lab/tree/{name}?token=tok&reset"
