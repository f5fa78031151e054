"""``--debug`` and ``--hold``: a task that has failed waits for a person."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect  # type: ignore[import-untyped, unused-ignore]
import pytest
from jupyter_client import BlockingKernelClient

from projects import Folder

PIPELINE = """
tasks:
  - source: look.py
    product: out/look.ipynb
  - source: steps.fit
    product: out/fit.txt
  - source: steps.fine
    product: out/fine.txt
  - source: elsewhere.py
    product: out/elsewhere.ipynb
    kernel: other
"""
LOOK = """
# %% tags=["parameters"]
upstream = None
product = None

# %%
x = 41

def inner(y):
    z = y + 1
    return z / 0

# %%
inner(x)
"""
STEPS = """
def inner(data):
    return data["missing"]


def fit(product):
    total = 99
    inner({"a": total})


def fine(product):
    product.write_text("fine")
"""
_CODES = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|\][^\x07]*\x07)")


@pytest.fixture
def project(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("look.py", LOOK)
    folder.write("elsewhere.py", LOOK)
    folder.write("steps.py", STEPS)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Other", "language": "python"}
    folder.write("jupyter/kernels/other/kernel.json", json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(folder.path / "jupyter"))
    monkeypatch.delenv(
        "PYTEST_CURRENT_TEST", raising=False
    )  # where it is set, ipykernel shows no children's output
    return folder


class Terminal:
    """A person at a terminal in front of a command line."""

    def __init__(self, folder: Folder, *arguments: str, term: str = "dumb") -> None:
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "octavo", *arguments],
            cwd=str(folder.path),
            env={**os.environ, "TERM": term, "PROMPT_TOOLKIT_NO_CPR": "1"},
            encoding="utf-8",
            timeout=60,
            dimensions=(40, 160),
        )

    def prompt(self) -> str:
        """Return what was said until the debugger asks."""
        self.child.expect("ipdb>")
        return plain(self.child.before)

    def ask(self, line: str) -> str:
        self.child.sendline(line)
        # an editor draws the prompt again, before it shows the answer
        self.child.expect_exact("\n")
        return self.prompt()

    def end(self) -> tuple[int, str]:
        """Return how the command ended, and what it said last."""
        self.child.expect(pexpect.EOF)
        said = plain(self.child.before)
        self.child.close()
        return self.child.exitstatus, said


def plain(text: str) -> str:
    return _CODES.sub("", text)


# ── at a debugger's prompt


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_a_failed_notebook_is_looked_at_where_it_failed(project: Folder, term: str) -> None:
    terminal = Terminal(project, "build", "--debug", "look", term=term)
    assert "ZeroDivisionError: division by zero" in terminal.prompt()
    assert "42" in terminal.ask("p z")
    assert "inner(x)" in terminal.ask("up")
    assert "41" in terminal.ask("p x")
    assert "return z / 0" in terminal.ask("down")
    terminal.child.sendline("q")
    code, said = terminal.end()
    assert code == 1
    assert "out/look.failed.ipynb" in said and "1 failed" in said


def test_a_failed_function_is_looked_at_where_it_failed(project: Folder) -> None:
    terminal = Terminal(project, "build", "--debug", "fit", "fine")
    assert "KeyError: 'missing'" in terminal.prompt()
    assert "{'a': 99}" in terminal.ask("p data")
    terminal.ask("up")
    assert "99" in terminal.ask("p total")
    assert "printed here" in terminal.ask("!print('printed', 'here')")
    terminal.child.sendline("q")
    code, said = terminal.end()
    assert (code, project.read("out/fine.txt")) == (1, "fine")
    assert "1 done, 1 failed" in said


def test_the_end_of_input_ends_the_debugger(project: Folder) -> None:
    terminal = Terminal(project, "run", "--debug", "look.py")
    terminal.prompt()
    terminal.child.sendeof()
    assert terminal.end()[0] == 1


def test_an_interrupt_is_for_what_runs_at_the_prompt(project: Folder) -> None:
    terminal = Terminal(project, "build", "--debug", "fit")
    terminal.prompt()
    terminal.child.sendline("!import time; print('asleep'); time.sleep(600)")
    terminal.child.expect("asleep\r")
    time.sleep(0.3)
    terminal.child.sendintr()
    assert "KeyboardInterrupt" in terminal.prompt()
    assert "{'a': 99}" in terminal.ask("p data")
    terminal.child.sendline("q")
    assert terminal.end()[0] == 1


def test_a_limit_of_time_does_not_end_the_debugger(project: Folder) -> None:
    project.write("pipeline.yaml", "tasks: [{source: look.py, product: out/look.ipynb, timeout: 2}]")
    project.write(
        "look.py", '# %% tags=["parameters"]\nupstream = None\n# %%\nimport time\ntime.sleep(600)\n'
    )
    terminal = Terminal(project, "build", "--debug")
    assert "KeyboardInterrupt" in terminal.prompt()
    time.sleep(6)  # SIGTERM would follow after 5 s
    assert "'time'" in terminal.ask("p time.__name__")
    terminal.child.sendline("q")
    assert "Timeout" in terminal.end()[1]


def test_another_kernel_is_not_debugged_but_says_what_is_possible(project: Folder) -> None:
    code, said = Terminal(project, "build", "--debug", "elsewhere").end()
    assert code == 1
    assert "--hold" in said and "jupyter console" in said


def test_debugging_wants_a_terminal(project: Folder) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "octavo", "build", "--debug"],
        cwd=project.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: --debug requires a terminal")


def test_debugging_wants_workers(project: Folder) -> None:
    code, said = Terminal(project, "build", "--debug", "--executor", "inline").end()
    assert code == 2 and "executor inline" in said


def test_the_debuggers_magic_fails_at_once_in_a_notebook(project: Folder) -> None:
    project.write("look.py", "# %%\n1 / 0\n# %%\n%debug\n# %%\nimport pdb; pdb.set_trace()\n")
    ended = project.octavo("run", "look.py", "out.ipynb", "--allow-errors", timeout=60)
    assert ended.returncode == 0, ended.stdout
    cells = json.loads(project.read("out.ipynb"))["cells"]
    names = [[o.get("ename") for o in cell["outputs"] if o["output_type"] == "error"] for cell in cells]
    assert names == [["ZeroDivisionError"], ["StdinNotImplementedError"], ["StdinNotImplementedError"]]


# ── as a kernel


@contextmanager
def held(folder: Folder, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Start a command whose task will fail and wait; give it with the connection file that it names."""
    process = subprocess.Popen(
        [sys.executable, "-m", "octavo", *arguments],
        cwd=folder.path,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout
        line = next(line for line in process.stdout if "jupyter console --existing" in line)
        yield process, Path(line.split("--existing")[1].strip())
    finally:
        process.kill()
        process.communicate()


@contextmanager
def attached(connection: Path) -> Iterator[BlockingKernelClient]:
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        yield client
    finally:
        client.stop_channels()
        client.context.destroy(linger=0)


def said(client: BlockingKernelClient, code: str) -> str:
    """Return what a cell shows."""
    shown: list[str] = []

    def hear(message: dict[str, dict[str, str]]) -> None:
        content = message["content"]
        shown.append(content.get("text", "") or str(content.get("data", {})) or content.get("ename", ""))

    client.execute_interactive(code, output_hook=hear, timeout=120)
    return "".join(shown)


@pytest.mark.parametrize(("task", "name", "value"), [("look", "x", 41), ("fit", "data['a']", 99)])
def test_a_held_task_shows_its_variables(project: Folder, task: str, name: str, value: int) -> None:
    with held(project, "build", "--hold", task) as (process, connection):
        with attached(connection) as client:
            assert str(value) in said(client, name)
            assert "from a child" in said(client, "!echo from a child")
            client.shutdown()
        rest, _ = process.communicate(timeout=120)
        assert process.returncode == 1
        assert "1 failed" in rest and "from a child" not in rest
        assert not connection.parent.exists()


def test_a_notebook_of_another_kernel_is_held_too(project: Folder) -> None:
    with held(project, "build", "--hold", "elsewhere") as (process, connection):
        with attached(connection) as client:
            assert "41" in said(client, "x")
            client.shutdown()
        process.communicate(timeout=120)
        assert process.returncode == 1
        assert not connection.parent.exists()


def test_a_held_kernel_that_has_said_that_it_ends_is_ended(project: Folder) -> None:
    stays = "import time; from ipykernel import kernelapp; kernelapp.launch_new_instance(); time.sleep(900)"
    spec = {
        "argv": [sys.executable, "-c", stays, "-f", "{connection_file}"],
        "display_name": "Other",
        "language": "python",
    }
    project.write("jupyter/kernels/other/kernel.json", json.dumps(spec))
    with held(project, "build", "--hold", "elsewhere") as (process, connection):
        with attached(connection) as client:
            client.shutdown()
        process.communicate(timeout=120)
        assert process.returncode == 1


def test_exit_in_the_console_ends_the_wait(project: Folder) -> None:
    with held(project, "run", "--hold", "look.py") as (process, connection):
        with attached(connection) as client:
            client.execute("exit")
            process.communicate(timeout=120)
        assert process.returncode == 1


def test_an_interrupt_ends_the_wait_and_the_build_goes_on_to_its_end(project: Folder) -> None:
    with held(project, "build", "--hold", "look", "fine", "--jobs", "1") as (process, connection):
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=120)
        assert process.returncode == 1
        assert "1 done, 1 failed" in rest
        assert "ZeroDivisionError" in rest
        assert not connection.parent.exists()
