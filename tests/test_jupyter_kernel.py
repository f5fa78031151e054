"""Kernels by jupyter_client: found, started, interrupted and ended, and nothing of them is left."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from octavo.errors import KernelError
from octavo.kernels import specs
from octavo.kernels.jupyter import Jupyter, open_kernel
from projects import Folder

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install kernelspecs where only this test sees them."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def add(name: str, *argv: str, **content: Any) -> Path:
        path = tmp_path / "jupyter" / "kernels" / name / "kernel.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"argv": argv, "display_name": name, "language": "python", **content}))
        return path

    return add


@pytest.fixture
def said() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def kernel(said: list[tuple[str, dict[str, Any]]]) -> Iterator[Jupyter]:
    opened = open_kernel(lambda kind, content: said.append((kind, content)), "python3")
    yield opened
    opened.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


# ── finding


def test_a_kernel_is_found_by_its_name_in_any_case(install: Install) -> None:
    install("myenv", "python")
    assert specs.find("MyEnv").name == "myenv"


def test_a_language_has_its_usual_kernel(install: Install) -> None:
    install("ir", "R", language="R")
    install("another-r", "R", language="R")
    assert specs.find(None, "R").name == "ir"
    assert specs.find(None, "python").name == "python3"


def test_the_newest_kernel_of_a_language_is_taken(install: Install) -> None:
    for version in ("1.9", "1.10", "1.2"):
        install(f"julia-{version}", "julia", language="julia")
    assert specs.find(None, "julia").name == "julia-1.10"


def test_a_missing_kernel_is_an_error_that_helps(install: Install) -> None:
    install("my-analysis", "python")
    with pytest.raises(KernelError) as caught:
        specs.find("my-analysys")
    assert "my-analysis, python3" in caught.value.message
    assert 'did you mean "my-analysis"?' in str(caught.value.hint)
    assert "--kernel python3" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("name", "language", "hint"),
    [("ir", "R", "IRkernel"), ("julia-1.10", "julia", "IJulia"), ("bash", "bash", "bash_kernel")],
)
def test_a_missing_kernel_says_how_to_install_it(
    name: str, language: str, hint: str, install: Install
) -> None:
    if name in specs._folders():
        pytest.skip(f"the kernel {name} is installed here")
    for wanted in (name, None):
        with pytest.raises(KernelError) as caught:
            specs.find(wanted, language)
        assert hint in str(caught.value.hint)


@pytest.mark.parametrize("text", ["", "[]", '{"display_name": "x"}', '{"argv": 3}', "\xff"])
def test_a_broken_kernelspec_is_named_with_its_place(text: str, install: Install) -> None:
    path = install("broken", "python")
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(KernelError) as caught:
        specs.find("broken")
    assert caught.value.where is not None
    assert caught.value.where.path == str(path)


def test_a_kernel_of_another_machine_is_refused(install: Install) -> None:
    install("far", "python", metadata={"kernel_provisioner": {"provisioner_name": "yarn-provisioner"}})
    with pytest.raises(KernelError, match="yarn-provisioner"):
        specs.find("far")


# ── starting


def test_a_kernel_that_ends_at_its_start_says_what_it_printed(install: Install) -> None:
    install("sick", sys.executable, "-c", "import sys; sys.exit('no licence found')", "{connection_file}")
    with pytest.raises(
        KernelError, match=r'(?s)"sick" ended before it was ready \(exit code 1\).*no licence found'
    ):
        open_kernel(print, "sick")


def test_a_kernel_whose_program_is_missing_says_which(install: Install) -> None:
    path = install("gone", "/nowhere/python", "-f", "{connection_file}")
    with pytest.raises(KernelError, match="/nowhere/python") as caught:
        open_kernel(print, "gone")
    assert str(path.parent) in str(caught.value.hint)


def test_a_kernel_that_never_answers_is_given_up(install: Install, tmp_path: Path) -> None:
    install(
        "mute",
        sys.executable,
        "-c",
        "import time; print('hm', flush=True); time.sleep(60)",
        "{connection_file}",
    )
    with pytest.raises(KernelError, match=r'(?s)"mute" did not answer within 0.5 s.*hm'):
        open_kernel(print, "mute", start_timeout=0.5)
    assert list(tmp_path.glob("octavo-*")) == []


def test_the_environment_of_the_kernelspec_is_set(install: Install, said: list[Any]) -> None:
    argv = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
    install("with-env", *argv, env={"OCTAVO_A": "a", "OCTAVO_HOME": "${HOME}/x"})
    kernel = open_kernel(lambda kind, content: said.append(content), "with-env")
    kernel.execute("import os; print(os.environ['OCTAVO_A'], os.environ['OCTAVO_HOME'])", 0)
    kernel.close()
    assert said == [{"name": "stdout", "text": f"a {os.environ['HOME']}/x\n"}]


@pytest.mark.parametrize(
    ("argv", "content", "expected"),
    [
        (("python", "-m", "ipykernel_launcher", "-f", "{connection_file}"), {}, True),
        (
            ("python3", "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"),
            {},
            True,
        ),
        ((sys.executable, "-m", "ipykernel", "-f", "{connection_file}"), {"env": {}}, True),
        (("python", "-m", "ipykernel_launcher", "-f", "{connection_file}"), {"env": {"A": "1"}}, False),
        (("python", "-m", "ipykernel_launcher", "-f", "{connection_file}", "--pylab"), {}, False),
        (("python2", "-m", "ipykernel_launcher", "-f", "{connection_file}"), {}, False),
        (("/elsewhere/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"), {}, False),
        (("python", "-m", "xeus", "-f", "{connection_file}"), {}, False),
        ((), {"argv": 3}, False),
    ],
)
def test_python3_is_this_python_unless_its_kernelspec_says_otherwise(
    argv: tuple[str, ...], content: dict[str, Any], expected: bool, install: Install
) -> None:
    assert specs.is_this_environment("python3")
    install("python3", *argv, **content)
    for name in ("python3", None, "python"):
        assert specs.is_this_environment(name) is expected


def test_a_notebook_runs_in_the_kernel_that_the_kernelspec_python3_names(
    install: Install, tmp_path: Path
) -> None:
    argv = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
    install("python3", *argv, env={"OCTAVO_MARK": "from the kernelspec"})
    folder = Folder(tmp_path / "project")
    folder.write("in.py", "import os\nprint(os.environ.get('OCTAVO_MARK'))\n")
    done = folder.octavo("run", "in.py", "out.ipynb", "--log-output")
    assert "from the kernelspec\n" in done.stdout, done.stderr
    folder.write("pipeline.yaml", "- {source: in.py, product: built.ipynb}\n")
    assert folder.octavo("build").returncode == 0
    assert "from the kernelspec" in folder.read("built.ipynb")


def test_another_pythons_syntax_is_left_to_its_kernel(install: Install, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "project")
    folder.write("in.py", "x = 1\n\n# %%\nprint x\n")
    refused = folder.octavo("run", "in.py", "out.ipynb")
    assert (refused.returncode, "syntax error: " in refused.stderr) == (2, True)
    argv = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
    install("other", *argv)
    for words in (["-k", "other"], []):
        if not words:
            install("python3", *argv, env={"OTHER": "1"})
        done = folder.octavo("run", "in.py", "out.ipynb", *words)
        assert (done.returncode, "SyntaxError" in done.stdout) == (1, True), done.stderr


def test_cells_after_an_input_transformer_are_left_to_the_kernel(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(
        "in.py",
        """
        # %%
        def let(lines):
            return [line.replace("let ", "").replace(" be ", " = ") for line in lines]

        get_ipython().input_transformers_cleanup.append(let)

        # %%
        let x be 41
        print(x)
        """,
    )
    done = folder.octavo("run", "in.py", "out.ipynb", "--log-output")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "41\n" in done.stdout
    before = folder.read("in.py").replace("input_transformers_cleanup", "nothing")
    folder.write("before.py", before)
    assert "syntax error: " in folder.octavo("run", "before.py", "out.ipynb").stderr


def test_a_long_temporary_folder_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[Any]
) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    kernel = open_kernel(lambda kind, content: said.append(content["text"]), "python3")
    kernel.execute("print(1)", 0)
    kernel.close()
    assert said == ["1\n"]
    assert list(deep.iterdir()) == []


# ── ending


def test_nothing_is_left_of_a_closed_kernel(install: Install, tmp_path: Path) -> None:
    gc.collect()  # what other tests have left is not counted
    open_files = len(os.listdir("/proc/self/fd"))
    kernel = open_kernel(print, "python3")
    assert kernel._process is not None
    pid = kernel._process._popen.pid
    assert kernel.execute("x = 1", 0).status == "ok"
    kernel.close()
    kernel.close()
    assert not Path(f"/proc/{pid}").exists()
    assert list(tmp_path.glob("octavo-*")) == []
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == open_files
    assert [it.name for it in threading.enumerate()] == ["MainThread"]


def test_a_kernel_that_does_not_want_to_end_is_killed_with_its_children(said: list[Any]) -> None:
    kernel = open_kernel(lambda kind, content: said.append(content.get("text")), "python3")
    stubborn = (
        "import atexit, signal, subprocess, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '300'])\nprint(child.pid)\natexit.register(time.sleep, 300)"
    )
    kernel.execute(stubborn, 0)
    began = time.monotonic()
    kernel.close()
    assert time.monotonic() - began < 4
    deadline = time.monotonic() + 2
    while alive(int(said[0])) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(int(said[0]))


def test_a_kernel_stays_in_the_process_group_of_its_worker(kernel: Jupyter) -> None:
    assert kernel._process is not None
    assert os.getpgid(kernel._process._popen.pid) == os.getpgrp()


def test_who_ends_the_group_of_the_worker_ends_the_kernel(tmp_path: Path) -> None:
    script = (
        "from octavo.kernels.jupyter import open_kernel\nkernel = open_kernel(print, 'python3')\n"
        "print(kernel._process._popen.pid, flush=True)\nkernel.execute('import time; time.sleep(300)', 0)\n"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert worker.stdout is not None
    pid = int(worker.stdout.readline())
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists() or not alive(pid)


# ── running


def test_an_interrupt_of_this_process_interrupts_the_cell_alone(kernel: Jupyter) -> None:
    before = signal.getsignal(signal.SIGINT)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    reply = kernel.execute("import time\ntime.sleep(60)", 0)
    timer.join()
    assert (reply.status, reply.kind) == ("error", "KeyboardInterrupt")
    assert signal.getsignal(signal.SIGINT) is before
    assert kernel.execute("1", 1).status == "ok"


def test_an_interrupt_reaches_the_children_of_the_kernel(kernel: Jupyter) -> None:
    timer = threading.Timer(0.5, kernel.interrupt)
    timer.start()
    began = time.monotonic()
    # the interpreter itself waits in C, where only the child's end wakes it
    kernel.execute("import os\nos.system('sleep 60')", 0)
    timer.join()
    assert time.monotonic() - began < 10


def test_a_dead_kernel_stays_dead(kernel: Jupyter, said: list[Any]) -> None:
    kernel.execute(
        "print('last')", 0
    )  # a cell of its own: what ZeroMQ has not yet sent dies with the process
    reply = kernel.execute(
        "import os, sys\nos.write(sys.__stderr__.fileno(), b'why')\nos.kill(os.getpid(), 11)", 1
    )
    assert (reply.status, reply.kind) == ("dead", "DeadKernel")
    assert "SIGSEGV" in reply.message
    assert reply.traceback == ("why",)
    assert [content["text"] for kind, content in said if kind == "stream"] == ["last\n"]
    assert kernel.execute("1", 2) == reply


def test_much_output_arrives_whole_and_in_order(kernel: Jupyter, said: list[Any]) -> None:
    kernel.execute("for i in range(20_000): print(i, 'x' * 100)", 0)
    text = "".join(content["text"] for kind, content in said)
    assert text == "".join(f"{i} {'x' * 100}\n" for i in range(20_000))


def test_a_kernel_may_print_to_its_own_terminal_without_end(kernel: Jupyter) -> None:
    # more than a pipe holds: somebody must read it
    reply = kernel.execute("import sys\nx = sys.__stdout__.write('y' * 1_000_000); sys.__stdout__.flush()", 0)
    assert reply.status == "ok"


def test_binary_buffers_travel_as_base64(kernel: Jupyter, said: list[Any]) -> None:
    kernel.execute(
        "from comm import create_comm\nc = create_comm('t', data={'a': 1}, buffers=[b'\\x00\\xff'])", 0
    )
    ((kind, content),) = said
    assert kind == "comm_open"
    assert content["data"] == {"a": 1}
    assert content["buffers"] == ["AP8="]
