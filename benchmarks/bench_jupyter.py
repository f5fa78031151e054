"""JupyterLab with octavo beside JupyterLab with jupytext alone, and the panel of a large pipeline in a browser.

Bars: processor time of a start at most 1.05 times as much; opening a task's script at most 1.5 times as long; a
folder of 500 files listed in at most 1.1 times the time; the panel of 300 tasks on the screen within 1 s of the click;
and an event of a build within 0.3 s of the moment when it happened. ``--panel`` measures the panel alone.

The panel needs Debian's chromium and playwright; without them it is left out.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from bench import ROOT, Environment, Settings, bar, middle, peers, settings, tree, workplace

PEERS = (("jupyterlab", "jupytext"),)
CHROMIUM = shutil.which("chromium")
SCRIPT = """# %% tags=["parameters"]
upstream = {upstream}
product = None

# %%
open(product["data"], "w").write("1")
"""
#: A task whose cells tell when they began, and then give the screen the time to show it.
SLOW = SCRIPT + "".join(
    f"\n# %%\nimport time\nopen('began-{number}', 'w').write(str(time.time()))\ntime.sleep(0.5)\n"
    for number in range(4, 10)
)
#: In the page: when there were tasks, and when the cell with a number was shown to run.
WATCH = """() => {
    window.seen = {};
    const look = () => {
        const list = document.querySelector(".octavo ul");
        if (!list) return;
        if (list.childElementCount && !window.seen.tasks) requestAnimationFrame(() => setTimeout(() => {
            window.seen.tasks ||= Date.now() / 1000;
        }));
        for (const one of list.querySelectorAll(".course")) {
            const cell = /cell (\\d+) of/.exec(one.textContent);
            if (cell && !window.seen[cell[1]]) window.seen[cell[1]] = Date.now() / 1000;
        }
    };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


class Lab:
    """A JupyterLab, with octavo's extension or with jupytext's alone, which shows a folder."""

    def __init__(self, env: Environment, home: Path, root: Path, octavo: bool) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}/"
        shutil.rmtree(home, ignore_errors=True)
        (home / "data/labextensions").mkdir(parents=True)
        if octavo:
            (home / "data/labextensions/octavo").symlink_to(ROOT / "src/jupyter-labextension")
        environ = {
            "HOME": str(home),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_CONFIG_PATH": str(ROOT / "src/jupyter-config") if octavo else "",
            "JUPYTER_PATH": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "IPYTHONDIR": str(home / "ipython"),
        }
        words = [
            "--allow-root",
            "--no-browser",
            "--ip=127.0.0.1",
            f"--port={port}",
            "--IdentityProvider.token=tok",
        ]
        began = time.perf_counter()
        with (home / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    env.python,
                    "-m",
                    "jupyterlab",
                    *words,
                    "--ServerApp.port_retries=0",
                    f"--ServerApp.root_dir={root}",
                ],
                cwd=home,
                env={**env.variables, **environ},
                stdout=log,
                stderr=log,
            )
        while True:
            try:
                self.get("api/status")
                break
            except OSError:
                if self.process.poll() is not None or time.perf_counter() - began > 120:
                    raise SystemExit((home / "log").read_text()) from None
                time.sleep(0.05)
        #: Seconds of processor until it answered.
        self.start = self.cpu()

    def cpu(self) -> float:
        """Return the seconds of processor that it has used, with all that it has started."""
        spent = 0
        for pid in tree(self.process.pid):
            try:
                words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            spent += int(words[11]) + int(words[12])
        return spent / os.sysconf("SC_CLK_TCK")

    def get(self, path: str) -> Any:
        request = urllib.request.Request(self.address + path, headers={"Authorization": "token tok"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def seconds(self, path: str) -> float:
        began = time.perf_counter()
        self.get(path)
        return time.perf_counter() - began

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _project(folder: Path, tasks: int) -> None:
    """Write a pipeline of a chain of tasks; the first one is slow."""
    (folder / "nb").mkdir(parents=True)
    lines = []
    for number in range(tasks):
        text = SCRIPT.format(upstream=f'["t{number - 1}"]') if number else SLOW.format(upstream=None)
        (folder / f"nb/t{number}.py").write_text(text)
        product = f"{{nb: out/t{number}.ipynb, data: out/t{number}.txt}}"
        lines.append(f"- {{source: nb/t{number}.py, name: t{number}, product: {product}}}\n")
    (folder / "pipeline.yaml").write_text("".join(lines))


@contextmanager
def _both(env: Environment, folder: Path, root: Path) -> Iterator[tuple[Lab, Lab]]:
    with ExitStack() as open_:
        found = []
        for octavo in (True, False):
            found.append(Lab(env, folder / f"home-{octavo}", root, octavo))
            open_.callback(found[-1].close)
        yield found[0], found[1]


def _beside(asked: Settings, folder: Path, root: Path) -> None:
    """Measure a start, a GET and a listing with octavo beside those with jupytext alone."""
    (root / "many").mkdir()
    for number in range(10 if asked.quick else 500):
        (root / f"many/{number}.py").write_text("# %%\n1\n")
    paths = {
        "a task's script opened": ("api/contents/project/nb/t1.py?type=notebook&content=1", 1.5),
        "a folder listed": ("api/contents/many?content=1", 1.1),
    }
    starts: list[float] = []
    found: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(asked.rounds):
        with _both(asked.environment, folder, root) as (ours, theirs):
            starts.append(ours.start / theirs.start)
            for name, (path, _) in paths.items():
                pairs = [(ours.seconds(path), theirs.seconds(path)) for _ in range(3 if asked.quick else 40)][
                    1:
                ]
                found[name].append(statistics.median(a / b for a, b in pairs))
    print(f"\nJupyterLab with octavo / with jupytext alone: median (least–most) of {asked.rounds}")
    print(f"  start, processor  {middle(starts)}")
    for name, values in found.items():
        print(f"  {name}  {middle(values)}")
    bar("processor time of a start, times jupytext's", statistics.median(starts), at_most=1.05)
    for name, (_, most) in paths.items():
        bar(f"{name}, times jupytext's", statistics.median(found[name]), at_most=most)


def _panel(asked: Settings, folder: Path, root: Path) -> None:
    """Measure in a browser when the panel shows its tasks, and when it shows what a build tells."""
    project = root / "project"
    if CHROMIUM is None or importlib.util.find_spec("playwright") is None:
        print("chromium or playwright is not installed here: the panel is skipped")
        return
    paints: list[float] = []
    server: list[float] = []
    late: list[float] = []
    with import_module("playwright.sync_api").sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(asked.rounds):
            for left in (".octavo", "out"):
                shutil.rmtree(project / left, ignore_errors=True)
            lab = Lab(asked.environment, folder / "home", root, octavo=True)
            try:
                page = browser.new_page()
                page.goto(f"{lab.address}lab/tree/project?token=tok&reset")
                tab = page.locator('.jp-SideBar [data-id="octavo-panel"]')
                tab.wait_for()
                page.wait_for_timeout(3000)  # JupyterLab goes on loading for a while
                page.evaluate(WATCH)
                before, began = lab.cpu(), time.time()
                tab.click()
                page.wait_for_function("window.seen.tasks")
                server.append(lab.cpu() - before)
                paints.append(page.evaluate("window.seen.tasks") - began)
                page.locator('li[data-task="t0"] summary').click()
                page.get_by_role("button", name="Build: t0", exact=True).click()
                page.wait_for_selector('li[data-task="t0"][data-state="fresh"]', timeout=60_000)
                seen = page.evaluate("window.seen")
                late += [
                    seen[str(cell)] - float((project / f"began-{cell}").read_text()) for cell in range(4, 10)
                ]
                page.close()
            finally:
                lab.close()
        browser.close()
    tasks = len(list((project / "nb").iterdir()))
    print(f"\nthe panel of {tasks} tasks, read for the first time: median (least–most) of {asked.rounds}")
    print(f"  from the click until it is on the screen, s      {middle(paints)}")
    print(f"  of these processor time of the server, s         {middle(server)}")
    print(f"  from the event of a build until it is there, ms  {middle([1000 * one for one in late], 0)}")
    bar("the panel on the screen, seconds after the click", statistics.median(paints), at_most=1)
    bar("an event on the screen, seconds after it happened", max(late), at_most=0.3)


def main() -> None:
    only = ("--panel", {"action": "store_true", "help": "measure the panel alone"})
    asked = settings(__doc__ or "", 3, only, make=lambda: peers("lab", PEERS))
    if not asked.environment.has("jupyterlab"):
        return
    with workplace() as folder:
        root = folder / "root"
        # below the folder that JupyterLab shows: nothing has read it before it is asked for
        _project(root / "project", 10 if asked.quick else 300)
        if not asked.options.panel:
            _beside(asked, folder, root)
        _panel(asked, folder, root)


if __name__ == "__main__":
    main()
