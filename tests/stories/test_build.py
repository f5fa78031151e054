"""``octavo build``: what it says while it runs and at its end, in a pipe and in a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from typing import Any

import pytest

from projects import Folder

PIPELINE = """
tasks:
  - source: get.py
    product: {nb: out/get.ipynb, data: out/get.txt}
    params: {n: 1}
  - source: steps.fit
    product: out/fit.txt
    upstream: [get]
    params: {good: true}
  - source: steps.show
    product: out/show.txt
    upstream: [fit]
"""
GET = """
# %% tags=["parameters"]
upstream = None
product = None
n = 0

# %%
print("got it")

# %%
open(product["data"], "w").write("x" * n)
"""
STEPS = """
from pathlib import Path


def fit(product, upstream, good):
    print("fitting")
    Path(product).write_text({True: "good"}[good])


def show(product, upstream):
    Path(product).write_text("shown")


def slow(product):
    import time

    time.sleep(60)
"""
_SECONDS = re.compile(r"\d+\.\d+ s")


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("get.py", GET)
    folder.write("steps.py", STEPS)
    return folder


def timeless(text: str) -> str:
    """Return text with every duration as "0 s"."""
    return _SECONDS.sub("0 s", text)


def test_a_pipe_gets_a_line_for_each_start_and_end(project: Folder) -> None:
    ended = project.octavo("build")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert timeless(ended.stdout) == (
        "start    get: first run\n"
        "done     get 0 s\n"
        "start    fit: first run\n"
        "done     fit 0 s\n"
        "start    show: first run\n"
        "done     show 0 s\n"
        "3 done in 0 s\n"
    )


def test_nothing_to_do_is_one_line(project: Folder) -> None:
    project.octavo("build")
    assert timeless(project.octavo("build").stdout) == "3 tasks fresh in 0 s\n"
    assert timeless(project.octavo("build", "get").stdout) == "1 task fresh in 0 s\n"


def test_fresh_tasks_are_only_counted(project: Folder) -> None:
    project.octavo("build")
    (project.path / "out/show.txt").unlink()
    assert timeless(project.octavo("build", "--no-cache").stdout) == (
        "start    show: product out/show.txt is gone\ndone     show 0 s\n1 done, 2 fresh in 0 s\n"
    )


def test_restored_tasks_are_said_and_counted(project: Folder) -> None:
    project.octavo("build")
    (project.path / "out/show.txt").unlink()
    assert timeless(project.octavo("build").stdout) == "restored show 0 s\n2 fresh, 1 restored in 0 s\n"


def test_parameters_and_force_select_what_runs(project: Folder) -> None:
    project.octavo("build")
    said = project.octavo("build", "get", "-p", "n=3").stdout
    assert said.startswith("start    get: param n 1 → 3\n")
    assert project.read("out/get.txt") == "xxx"
    assert "start    show: forced\n" in project.octavo("build", "show", "--force").stdout


def test_a_failing_function_shows_its_line_and_what_it_blocks(project: Folder) -> None:
    project.write("pipeline.yaml", PIPELINE.replace("good: true", "good: false"))
    ended = project.octavo("build")
    assert ended.returncode == 1
    _, _, end = timeless(ended.stdout).partition("\n\n")
    assert end == (
        "failed fit: steps.py:6\n"
        "    3 |\n"
        "    4 | def fit(product, upstream, good):\n"
        '    5 |     print("fitting")\n'
        '  → 6 |     Path(product).write_text({True: "good"}[good])\n'
        "    7 |\n"
        "    8 |\n"
        "    9 | def show(product, upstream):\n"
        "  KeyError: False\n"
        "  last output:\n"
        "  | fitting\n"
        "\n"
        "blocked show: fit failed\n"
        "1 done, 1 failed, 1 blocked in 0 s\n"
    )


def test_a_failing_cell_shows_its_line_in_the_file_and_the_notebook(project: Folder) -> None:
    project.write("get.py", GET + "\n# %%\nimport helper\nhelper.look({})\n")
    project.write("helper.py", 'def look(table):\n    return table["a"]\n')
    ended = project.octavo("build")
    assert ended.returncode == 1
    assert "failed   get 0 s: cell 5: KeyError: 'a'\n" in timeless(ended.stdout)
    assert "\nfailed get: get.py:14 (cell 5, line 2)\n" in ended.stdout
    assert "    1 | import helper\n  → 2 | helper.look({})\n" in ended.stdout
    assert "    helper.py:2 in look: return table[\"a\"]\n  KeyError: 'a'\n" in ended.stdout
    notebook = next(line for line in ended.stdout.splitlines() if "partial notebook: " in line)
    assert (project.path / notebook.rpartition(": ")[2]).is_file()


def test_many_blocked_tasks_are_one_line(project: Folder) -> None:
    more = "".join(
        f"  - source: steps.show\n    name: show-{n}\n    product: out/{n}.txt\n    upstream: [fit]\n"
        for n in range(6)
    )
    project.write("pipeline.yaml", PIPELINE.replace("good: true", "good: false") + more)
    said = project.octavo("build").stdout
    assert "blocked 7 tasks: fit failed (show, show-0, show-1 and 4 more)\n" in said


def test_quiet_says_nothing_unless_something_fails(project: Folder) -> None:
    assert project.octavo("build", "-q").stdout == ""
    project.write("pipeline.yaml", PIPELINE.replace("good: true", "good: false"))
    said = project.octavo("build", "-q").stdout
    assert "KeyError: False" in said and "start" not in said


def test_json_is_one_event_a_line_and_nothing_else(project: Folder) -> None:
    project.write("pipeline.yaml", PIPELINE.replace("good: true", "good: false"))
    ended = project.octavo("build", "--json")
    events: list[dict[str, Any]] = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (ended.returncode, ended.stderr) == (1, "")
    assert [events[0]["event"], events[-1]["event"]] == ["RunStarted", "RunFinished"]
    outcomes = {event["task"]: event["outcome"] for event in events if event["event"] == "TaskFinished"}
    assert outcomes == {"get": "done", "fit": "failed", "show": "blocked"}


def test_all_mistakes_of_a_pipeline_are_told_together(project: Folder) -> None:
    project.write(
        "pipeline.yaml", PIPELINE.replace("product: out/fit.txt", "produkt: out/fit.txt") + "  - 3\n"
    )
    ended = project.octavo("build")
    assert ended.returncode == 2
    assert 'hint: did you mean "product"?' in ended.stderr
    assert int(ended.stderr.splitlines()[-1].removesuffix(" errors")) > 1


# ── in a terminal ───────────────────────────────────────────────────────────────────────────────────────


class Terminal:
    """A build in a pseudo-terminal, and the screen as its output leaves it."""

    def __init__(
        self, project: Folder, *arguments: str, size: tuple[int, int] = (80, 24), **env: str
    ) -> None:
        mine, yours = pty.openpty()
        fcntl.ioctl(yours, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        environ = {
            k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "octavo", *arguments],
            cwd=project.path,
            env={**environ, "TERM": "xterm-256color", **env},
            stdin=yours,
            stdout=yours,
            stderr=yours,
            start_new_session=True,
        )
        os.close(yours)
        self.file, self.raw = mine, ""

    def until(self, text: str, patience: float = 30) -> None:
        """Read until a text has been written."""
        end = time.monotonic() + patience
        while text not in self.raw:
            assert time.monotonic() < end and self._read(), f"no {text!r} in {self.raw!r}"

    def finish(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        os.close(self.file)
        return self.process.wait(30)

    def _read(self) -> bool:
        try:
            data = os.read(self.file, 65536)
        except OSError:  # how Linux says that the other side is closed
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)

    def screen(self) -> list[str]:
        """Return the lines that are left to see."""
        lines, row, column = [""], 0, 0
        for part in re.split(r"(\x1b\[[?0-9;]*[A-Za-z]|\r|\n)", self.raw):
            if part == "\r":
                column = 0
            elif part == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif part.startswith("\x1b["):
                if part.endswith("A"):
                    row = max(0, row - int(part[2:-1] or 1))
                elif part.endswith("K"):
                    lines[row] = "" if part[2:-1] == "2" else lines[row][:column]
            else:
                lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + len(part) :]
                column += len(part)
        while lines and not lines[-1]:
            lines.pop()
        return [line.rstrip() for line in lines]


def test_a_terminal_sees_what_runs_and_keeps_only_what_ended(project: Folder) -> None:
    project.write("get.py", GET.replace('print("got it")', "import time\ntime.sleep(0.6)"))
    terminal = Terminal(project, "build")
    terminal.until("import time")  # the first line of the cell that runs
    assert "running" in terminal.raw and "of 3 tasks" in terminal.raw and "3/4" in terminal.raw
    assert terminal.finish() == 0
    assert [timeless(line) for line in terminal.screen()] == [
        "done     get 0 s",
        "done     fit 0 s",
        "done     show 0 s",
        "3 done in 0 s",
    ]
    assert terminal.raw.count("\x1b[?25l") == terminal.raw.count("\x1b[?25h")  # the cursor is back


@pytest.mark.parametrize("size", [(80, 24), (30, 4), (8, 2)])
def test_no_line_that_is_drawn_over_is_wider_than_the_terminal(
    project: Folder, size: tuple[int, int]
) -> None:
    long = PIPELINE.replace("steps.fit", "steps.fit\n    name: fit-" + "x" * 100)
    project.write("pipeline.yaml", long.partition("  - source: steps.show")[0])
    project.write("get.py", GET.replace('print("got it")', "import time\ntime.sleep(0.6)"))
    terminal = Terminal(project, "build", size=size)
    assert terminal.finish() == 0
    assert terminal.screen()[-1].startswith("2 done in")
    drawn = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", terminal.raw.replace("\r", "\n")).splitlines()
    assert all(len(line) <= size[0] for line in drawn if "done " not in line)


def test_colour_obeys_the_environment(project: Folder) -> None:
    coloured = Terminal(project, "build")
    assert coloured.finish() == 0 and "\x1b[32m" in coloured.raw
    plain = Terminal(project, "build", "--force", NO_COLOR="1")
    assert plain.finish() == 0 and not re.search(r"\x1b\[[0-9;]*m", plain.raw)
    dumb = Terminal(project, "build", "--force", TERM="dumb")
    assert dumb.finish() == 0 and "\x1b" not in dumb.raw and "start    get" in dumb.raw


def test_an_interrupt_ends_the_build_and_says_how_far_it_came(project: Folder) -> None:
    more = "  - source: steps.slow\n    product: out/slow.txt\n    upstream: [show]\n"
    project.write("pipeline.yaml", PIPELINE + more)
    project.write("steps.py", STEPS.replace("slow(product)", "slow(product, upstream)"))
    terminal = Terminal(project, "build")
    terminal.until("slow")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.finish() == 130
    assert timeless(terminal.screen()[-1]) == "interrupted after 0 s: 3 done, 1 stopped"
    assert "Traceback" not in terminal.raw
    assert not (project.path / "out/slow.txt").exists()


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_are_no_mistake(folder: Folder, closed: str) -> None:
    folder.write("look.py", "# %%\nprint('shown')\n# %%\n!echo from a child\n")
    folder.write("steps.py", "def make(product):\n    print('made')\n    product.write_text('x')\n")
    folder.write(
        "pipeline.yaml",
        "tasks:\n- {source: look.py, product: out/look.ipynb}\n- {source: steps.make, product: out/made.txt}\n",
    )
    octavo = f"{sys.executable} -m octavo"
    for command in ("build", "status", "run look.py out/again.ipynb", "log"):
        done = subprocess.run(["sh", "-c", f"{octavo} {command} {closed}"], cwd=folder.path, timeout=60)
        assert done.returncode == 0, command
    assert folder.read("out/made.txt") == "x"
    for path in ("out/look.ipynb", "out/again.ipynb"):
        cells = json.loads(folder.read(path))["cells"]
        shown = "".join("".join(output["text"]) for cell in cells for output in cell["outputs"])
        assert shown.split() == ["shown", "from", "a", "child"]


@pytest.mark.parametrize(
    ("cell", "params", "noted"),
    [("print(1)", "{}", False), ("print(product)", "{}", True), ("print(n)", "{n: 1}", True)],
)
def test_that_there_is_no_parameters_cell_is_noted_where_it_matters(
    folder: Folder, cell: str, params: str, noted: bool
) -> None:
    folder.write("a.py", f"# %%\n{cell}\n")
    folder.write(
        "pipeline.yaml", f"tasks:\n  - source: a.py\n    product: out/a.ipynb\n    params: {params}\n"
    )
    ended = folder.octavo("build")
    assert ended.returncode == 0, ended.stderr
    assert ('it has no cell tagged "parameters"' in ended.stdout + ended.stderr) == noted
