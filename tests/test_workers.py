"""Workers are processes: how they die, what they leave, what they print, and how the warm server starts them."""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import octavo
from octavo.events import Event, Output, TaskFinished
from octavo.executed.writer import ExecutedNotebook
from octavo.executors.local import CAN_FORK, Local
from octavo.executors.running import Running
from octavo.executors.watchdog import silent
from octavo.model import Outcome
from octavo.process.family import state
from projects import Folder
from stages import EXECUTORS, Stage, gone

FORKED, SPAWNED = "local", "local without forks"

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="forking is not safe on this system")


@pytest.fixture(params=[FORKED, SPAWNED])
def worker_stage(request: pytest.FixtureRequest, folder: Folder) -> Iterator[Stage]:
    made = Stage(folder, EXECUTORS[request.param])
    yield made
    made.executor.close()


@pytest.fixture
def forked(folder: Folder) -> Iterator[Stage]:
    made = Stage(folder, EXECUTORS[FORKED])
    yield made
    made.executor.close()


def test_tasks_run_at_the_same_time(worker_stage: Stage) -> None:
    # each waits for the other's file: one after the other they would never end
    body = "import pathlib, time\npathlib.Path('{0}').write_text('')\n"
    body += "while not pathlib.Path('{1}').exists(): time.sleep(0.01)"
    one = worker_stage.function(body.format("one", "two"), "one")
    two = worker_stage.function(body.format("two", "one"), "two")
    ended = worker_stage.run(one, two)
    assert {event.outcome for event in ended.values()} == {Outcome.DONE}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import os; os._exit(3)", "exited with code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("import os; os.abort()", "SIGABRT"),
    ],
)
def test_a_worker_that_dies_is_a_failure_that_says_how(worker_stage: Stage, body: str, words: str) -> None:
    ended = worker_stage.run(worker_stage.function(body), worker_stage.function("pass", "g"))
    failure = ended["f"].failure
    assert failure is not None and failure.kind == "WorkerDied"
    assert words in failure.message
    assert ended["g"].outcome is Outcome.DONE


def test_the_last_words_of_a_crash_and_its_place_are_known(worker_stage: Stage) -> None:
    task = worker_stage.function("print('before')\nimport ctypes; ctypes.string_at(0)")
    failure = worker_stage.run(task)["f"].failure
    assert worker_stage.text() == "before\n"
    assert worker_stage.text("stderr") == ""
    assert failure is not None and failure.line
    lines = worker_stage.folder.read(task.source.path).splitlines()
    assert "string_at" in lines[failure.line - 1]
    assert any("in string_at" in entry for entry in failure.traceback)


def test_output_of_children_and_of_c_code_stands_in_its_place(worker_stage: Stage) -> None:
    body = """import os, subprocess, sys
print('1')
os.system('echo 2')
print('3')
subprocess.run(['echo', '4'])
os.write(1, b'5\\n')
print('6')"""
    worker_stage.run(worker_stage.function(body))
    assert worker_stage.text().split() == list("123456")


def test_much_output_of_a_child_does_not_block(worker_stage: Stage) -> None:
    body = "import subprocess\nsubprocess.run(['head', '-c', '3000000', '/dev/zero'])"
    assert worker_stage.run(worker_stage.function(body))["f"].outcome is Outcome.DONE
    assert len(worker_stage.text()) == 3_000_000


def test_output_is_told_while_the_task_runs(worker_stage: Stage) -> None:
    task = worker_stage.function(
        "import os, time\nprint('early')\nwhile not os.path.exists('go'): time.sleep(0.01)"
    )
    worker_stage.executor.submit(task)
    event = worker_stage.executor.next()
    assert isinstance(event, Output) and event.content["text"] == "early\n"
    worker_stage.folder.write("go", "")
    assert isinstance(worker_stage.executor.next(), TaskFinished)


def test_unseeded_random_numbers_differ_between_tasks(forked: Stage) -> None:
    forked.executor.prepare(("random", "numpy"))
    body = "import random\nprint(random.random())\ntry:\n    import numpy\nexcept ImportError: pass\n"
    body += "else:\n    print(numpy.random.random())"
    forked.run(*(forked.function(body, f"f{i}") for i in range(4)))
    numbers = forked.text().split()
    assert len(set(numbers)) == len(numbers) >= 4


def test_exit_handlers_run_before_the_task_is_done(worker_stage: Stage) -> None:
    body = "import atexit, threading\natexit.register(lambda: product.write_text('late'))\n"
    body += "threading.Timer(0.2, lambda: open('thread', 'w').close()).start()"
    assert worker_stage.run(worker_stage.function(body))["f"].outcome is Outcome.DONE
    assert (worker_stage.folder.path / "f.out").read_text() == "late"
    assert (worker_stage.folder.path / "thread").exists()


def test_a_worker_inherits_no_descriptors(forked: Stage) -> None:
    fd = os.open(forked.folder.path, os.O_RDONLY)
    os.set_inheritable(fd, True)
    try:
        body = "import os\nprint(sorted(os.readlink(f'/proc/self/fd/{n}').split(':')[0] "
        body += "for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')))"
        forked.run(forked.function(body))
    finally:
        os.close(fd)
    assert str(forked.folder.path) not in forked.text()


def test_what_a_task_leaves_running_is_ended_with_it(worker_stage: Stage) -> None:
    body = "import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid)"
    worker_stage.run(worker_stage.function(body))
    gone(int(worker_stage.text()))


def test_closing_ends_workers_and_their_children(worker_stage: Stage) -> None:
    body = (
        "import subprocess, time\nprint(subprocess.Popen(['sleep', '600']).pid, flush=True)\ntime.sleep(600)"
    )
    worker_stage.executor.submit(worker_stage.function(body))
    event = worker_stage.executor.next()
    assert isinstance(event, Output)
    worker_stage.executor.close()
    gone(int(event.content["text"]))


def test_a_task_over_its_time_is_interrupted_and_says_where(worker_stage: Stage) -> None:
    # long enough for a busy machine to come to the second cell
    task = worker_stage.notebook("x = 1", "import time\ntime.sleep(600)", timeout=6.0)
    failure = worker_stage.run(task)["n"].failure
    assert failure is not None and failure.kind == "Timeout"
    assert "6 s" in failure.message
    assert (failure.cell, failure.line) == (2, 2)  # after the injected cell


def test_a_task_that_ignores_the_interrupt_is_killed(forked: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "octavo.executors.limits.MEANS", ((signal.SIGINT, 0.2), (signal.SIGTERM, 0.2), (signal.SIGKILL, 60.0))
    )
    body = "import signal, time\nfor n in (signal.SIGINT, signal.SIGTERM): signal.signal(n, signal.SIG_IGN)\n"
    failure = forked.run(forked.function(body + "time.sleep(600)", timeout=0.5))["f"].failure
    assert failure is not None and failure.kind == "Timeout"


def test_a_task_over_its_memory_is_ended_and_says_how_much_it_used(worker_stage: Stage) -> None:
    body = "import subprocess, sys, time\nheld = bytearray(300 << 20)\ntime.sleep(600)"
    failure = worker_stage.run(worker_stage.function(body, memory=200 << 20))["f"].failure
    assert failure is not None and failure.kind == "OutOfMemory"
    assert "more than its limit of 200 MB" in failure.message


def test_the_memory_of_children_counts(worker_stage: Stage) -> None:
    child = "held = bytearray(300 << 20); import time; time.sleep(600)"
    body = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])"
    failure = worker_stage.run(worker_stage.function(body, memory=200 << 20))["f"].failure
    assert failure is not None and failure.kind == "OutOfMemory"


def test_a_server_that_is_killed_fails_its_tasks_and_is_replaced(forked: Stage) -> None:
    task = forked.function("import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)")
    failure = forked.run(task)["f"].failure
    assert failure is not None and failure.kind == "WorkerDied"
    assert forked.run(forked.function("pass", "g"))["g"].outcome is Outcome.DONE


def test_a_module_that_starts_threads_is_left_out_of_the_server(forked: Stage, tmp_path: Path) -> None:
    site = tmp_path / "elsewhere"
    site.mkdir()
    (site / "threaded_thing.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    )
    forked.executor.close()
    os.environ["PYTHONPATH"] = str(site)
    try:
        forked.executor = EXECUTORS[FORKED](str(forked.folder.path))
        forked.executor.prepare(("threaded_thing", "json"))
        task = forked.function(
            "import sys, threading\nprint(threading.active_count(), 'threaded_thing' in sys.modules)"
        )
        assert forked.run(task)["f"].outcome is Outcome.DONE
    finally:
        del os.environ["PYTHONPATH"]
    assert forked.text().split()[1] == "False"
    assert isinstance(forked.executor, Local)
    assert list(forked.executor.unforkable) == ["threaded_thing"]


def test_a_module_that_ends_the_server_does_not_end_the_build(forked: Stage, tmp_path: Path) -> None:
    site = tmp_path / "elsewhere"
    site.mkdir()
    (site / "deadly_thing.py").write_text("import os\nos._exit(9)")
    forked.executor.close()
    os.environ["PYTHONPATH"] = str(site)
    try:
        forked.executor = EXECUTORS[FORKED](str(forked.folder.path))
        forked.executor.prepare(("deadly_thing",))
        assert forked.run(forked.function("pass"))["f"].outcome is Outcome.DONE
    finally:
        del os.environ["PYTHONPATH"]


def test_an_interrupted_event_line_is_never_torn(forked: Stage) -> None:
    # interrupts at random moments while a cell prints: what arrives is whole events, and the end is told
    cell = (
        "import time\ntry:\n    while True:\n        print('x' * 1000)\nexcept KeyboardInterrupt:\n    pass"
    )
    forked.executor.submit(forked.notebook(cell))
    chance = random.Random(7)
    assert isinstance(forked.executor, Local)
    ended = None
    pid = 0
    while ended is None:
        event = forked.executor.next()
        pid = pid or next((worker.pid for worker in forked.executor._workers.values()), 0)
        if isinstance(event, TaskFinished):
            ended = event
        elif pid and isinstance(event, Output) and chance.random() < 0.2:
            os.kill(pid, signal.SIGINT)
    assert ended.outcome in (Outcome.DONE, Outcome.FAILED)


def test_a_notebooks_main_is_its_own(forked: Stage) -> None:
    cells = (
        "import sys, pickle",
        "class Thing: pass",
        "print(type(pickle.loads(pickle.dumps(Thing()))).__name__, __name__, sys.argv[0])",
    )
    assert forked.run(forked.notebook(*cells))["n"].outcome is Outcome.DONE
    assert forked.text() == "Thing __main__ n.py\n"


def test_environment_of_one_task_is_not_that_of_the_next(forked: Stage) -> None:
    one = forked.function("import os\nos.environ['LEFT'] = 'x'\nos.chdir('/')", "one")
    two = forked.function("import os\nprint(os.environ.get('LEFT'), os.getcwd())", "two")
    forked.run(one)
    forked.run(two)
    assert forked.text().split() == ["None", os.path.realpath(forked.folder.path)]


def test_cells_that_do_not_run_keep_what_is_stored_in_them(folder: Folder) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "stored\n"}
    stored = {"cell_type": "code", "metadata": {}, "outputs": [output], "execution_count": 7}
    cells = [
        {**stored, "source": "", "id": "a"},
        {**stored, "source": "1 / 0", "id": "b", "metadata": {"tags": ["skip-execution"]}},
        {**stored, "source": "print('new')", "id": "c"},
    ]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    folder.write("in.ipynb", json.dumps(book))
    assert folder.octavo("run", "in.ipynb", "out.ipynb").returncode == 0
    after = json.loads(folder.read("out.ipynb"))["cells"]
    assert ["".join(cell["outputs"][0]["text"]) for cell in after] == ["stored\n", "stored\n", "new\n"]
    assert [cell["execution_count"] for cell in after] == [7, 7, 1]


def test_a_kernel_in_a_process_of_its_own_that_dies_is_told(worker_stage: Stage) -> None:
    task = worker_stage.notebook("x = 1", "import os; os._exit(3)", "x", allow_errors=True, isolated=True)
    failure = worker_stage.run(task)["n"].failure
    assert failure is not None and failure.kind == "DeadKernel"
    assert "3" in failure.message


# ── a server that is killed


def test_a_server_that_is_killed_between_two_tasks_leaves_nobody_waiting(forked: Stage) -> None:
    assert isinstance(forked.executor, Local)
    running = Running(forked.executor)
    running.start(forked.function("import time\nprint('there', flush=True)\ntime.sleep(600)", "one"), None)
    while not forked.text():
        forked.events += running.next()
    (worker,) = forked.executor._workers.values()
    server = int(Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(server, signal.SIGKILL)
    with suppress(FileNotFoundError, ProcessLookupError):  # or it is gone
        while Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.001)  # its memory goes first, its sockets are closed when it is a zombie
    # nobody has heard of it when the next task is to be forked
    running.start(forked.function("pass", "two"), None)
    while running:
        forked.events += running.next()
    ended = {event.task: event for event in forked.events if isinstance(event, TaskFinished)}
    assert ended["one"].failure is not None and ended["one"].failure.kind == "WorkerDied"
    assert ended["two"].outcome is Outcome.DONE


SILENT = {
    "is stopped (SIGSTOP)": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "has left its line to octavo": "import os\nos.execvp('sleep', ['sleep', '600'])",
}


@pytest.mark.parametrize("words", SILENT)
def test_a_process_that_can_say_nothing_any_more_is_told_and_ended(forked: Stage, words: str) -> None:
    assert isinstance(forked.executor, Local)
    running = Running(forked.executor)
    running.start(forked.function(SILENT[words]), None)
    (worker,) = forked.executor._workers.values()
    while not (worker.closed or state(worker.pid) == "T"):
        assert forked.executor.next(0.05) is None
    workers = forked.executor._workers.values()
    now = time.monotonic()
    assert [list(silent(workers, now + more)) for more in (0, 5)] == [[], []]
    (note,) = silent(workers, now + 11)
    assert words in note.message and str(worker.pid) in note.message
    assert list(silent(workers, now + 50)) == []
    assert not list(silent(workers, now + 61))
    while running:
        forked.events += running.next()
    (ended,) = (event for event in forked.events if isinstance(event, TaskFinished))
    assert ended.failure is not None and words in ended.failure.message


def test_a_process_that_goes_on_is_not_ended(forked: Stage) -> None:
    assert isinstance(forked.executor, Local)
    running = Running(forked.executor)
    running.start(forked.function("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"), None)
    (worker,) = forked.executor._workers.values()
    while state(worker.pid) != "T":
        assert forked.executor.next(0.05) is None
    workers = forked.executor._workers.values()
    now = time.monotonic()
    assert not list(silent(workers, now))
    os.kill(worker.pid, signal.SIGCONT)
    while state(worker.pid) == "T":
        time.sleep(0.01)
    assert not list(silent(workers, now + 61))
    while running:
        forked.events += running.next()
    (ended,) = (event for event in forked.events if isinstance(event, TaskFinished))
    assert ended.outcome is Outcome.DONE


# ── a worker's word is no law

SPEAKS = """\
import gc, socket
(line,) = (it for it in gc.get_objects() if isinstance(it, socket.socket))
line.sendall({})
import time
time.sleep(600)
"""


@pytest.mark.parametrize(
    "message",
    [
        "b'not a message, whatever its length may be ' * 10",
        "len(b'{}').to_bytes(8, 'big') + b'{}'",
        "(1 << 40).to_bytes(8, 'big')",
        "(1 << 30).to_bytes(8, 'big') + b'x'",
        *(
            f"len(it := json.dumps({it}).encode()).to_bytes(8, 'big') + it"
            for it in (
                {"event": "RunFinished", "run": "x", "good": True, "seconds": 1, "at": 1},
                {"event": "TaskFinished", "task": "g", "outcome": "done"},
                {"event": "TaskFinished", "task": "f", "outcome": "splendid"},
                {"event": "TaskFinished", "task": "f", "outcome": "done", "seconds": "long"},
                {"event": "TaskFinished", "task": "f", "outcome": "fresh"},
                {"event": "Paused", "task": "f", "failure": {"kind": "x", "message": "", "traceback": []}},
                {"event": "Output", "task": "f", "cell": 7, "kind": "stream", "content": {}},
                {"event": "Output", "task": "f", "cell": None, "kind": "stream", "content": {"name": "x"}},
                {"event": "NotebookOpened", "task": "f", "notebook": {"cells": 3}},
                {"event": "CellStarted", "task": "f", "cell": 10**9, "number": 1, "total": 1, "at": 0},
            )
        ),
    ],
)
def test_what_a_worker_sends_fails_at_most_its_own_task(forked: Stage, message: str) -> None:
    bad = forked.function("import json\n" + SPEAKS.format(message))
    good = forked.function("print('fine')", "g")
    ended = forked.run(bad, good)
    assert ended["g"].outcome is Outcome.DONE
    failure = ended["f"].failure
    assert failure is not None and failure.kind == "WorkerError"
    assert "something that octavo cannot read" in failure.message


LEAVES = {
    "cut off": "line.send(len(it).to_bytes(8, 'big') + it[:-1])\nos._exit(0)",
    "exited with code 3": "line.send(len(it).to_bytes(8, 'big') + it)\nos._exit(3)",
    "killed (SIGKILL)": "line.send(len(it).to_bytes(8, 'big') + it)\nos.kill(os.getpid(), 9)",
    "again": "line.send(2 * (len(it).to_bytes(8, 'big') + it))",
}


@pytest.mark.parametrize("words", LEAVES)
def test_what_says_that_it_is_done_and_dies_is_not_done(forked: Stage, words: str) -> None:
    said = {"event": "Diverged", "task": "f", "why": "again"} if words == "again" else {}
    said = said or {"event": "TaskFinished", "task": "f", "outcome": "done"}
    body = SPEAKS.partition("line.sendall")[0] + f"import json, os\nit = json.dumps({said}).encode()\n"
    failure = forked.run(forked.function(body + LEAVES[words]))["f"].failure
    assert failure is not None
    assert words in failure.message or (words, failure.kind) == ("again", "WorkerError")


def test_a_notebook_is_not_done_in_the_middle_of_a_cell(forked: Stage) -> None:
    said = {"event": "TaskFinished", "task": "n", "outcome": "done"}
    cell = "import gc\n(wire,) = (it for it in gc.get_objects() if type(it).__name__ == 'Wire')\n"
    cell += f"import json, os\nit = json.dumps({said}).encode()\nline = wire._line\n"
    cell += "line.sendall(len(it).to_bytes(8, 'big') + it)\nos._exit(0)"
    failure = forked.run(forked.notebook(cell))["n"].failure
    assert failure is not None and "in the middle of a cell" in failure.message


def test_what_another_comm_says_is_of_any_kind(worker_stage: Stage) -> None:
    cell = "import comm\nit = comm.create_comm('mine', data=[1, 'x'])\nit.send(data=3)"
    task = worker_stage.notebook(cell)
    assert worker_stage.run(task)["n"].outcome is Outcome.DONE
    fold = ExecutedNotebook()
    for event in worker_stage.events:
        fold(event)
    assert fold.finished() is not None


def test_an_exception_that_shows_no_traceback_fails_its_task_alone(worker_stage: Stage) -> None:
    cell = "class StopExecution(Exception):\n    def _render_traceback_(self):\n        return None\n"
    cell += "raise StopExecution"
    ended = worker_stage.run(worker_stage.notebook(cell), worker_stage.function("pass"))
    assert ended["f"].outcome is Outcome.DONE
    failure = ended["n"].failure
    assert failure is not None and (failure.kind, failure.cell) == ("StopExecution", 1)
    fold = ExecutedNotebook()
    for event in worker_stage.events:
        if getattr(event, "task", "n") == "n":
            fold(event)
    assert fold.finished() is not None


@pytest.mark.parametrize("leaves", ["", "raise ValueError('of the fork')", "import sys; sys.exit()"])
@pytest.mark.parametrize("notebook", [False, True])
def test_a_fork_that_goes_on_is_not_the_task(worker_stage: Stage, notebook: bool, leaves: str) -> None:
    body = f"import os\nif os.fork() == 0:\n    pass\n    {leaves}\nelse:\n    os.wait()\n    print('parent')"
    if notebook:
        task = worker_stage.notebook(body, "open('cells', 'a').write('x')")
    else:
        task = worker_stage.function(body + "\nproduct.write_text('whole')")
    ended = worker_stage.run(task)[task.name]
    assert ended.outcome is Outcome.DONE, ended.failure
    assert worker_stage.text().count("parent") == 1
    assert [isinstance(event, TaskFinished) for event in worker_stage.events].count(True) == 1
    if notebook:
        assert worker_stage.folder.read("cells") == "x"


def test_tasks_in_this_process_leave_no_descriptors_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "open_files.py").write_text("def make(product):\n    product.write_text('x')\n")
    (tmp_path / "pipeline.yaml").write_text("- {source: open_files.make, product: out.txt}\n")
    monkeypatch.chdir(tmp_path)

    def opened() -> int:
        before = {*threading.enumerate()}
        with octavo.load() as project:
            report = project.build(force=True, executor="inline")
            assert report, [ended.failure for ended in report.ended.values()]
        for thread in {*threading.enumerate()} - before:
            thread.join(60)
            assert not thread.is_alive(), thread
        gc.collect()  # what other tests have left is not counted
        return len(os.listdir("/proc/self/fd"))

    opened()  # what stays open for good
    assert opened() == opened()


@pytest.mark.parametrize("executor", ["local", "inline"])
def test_a_function_may_write_bytes_between_its_lines_of_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    (tmp_path / "bytes_below.py").write_text(
        """
import sys

def make(product):
    print("before")
    sys.stdout.buffer.write("ä\\n".encode())
    print("after")
    sys.stdout.buffer.write(b"long " * 100_000 + b"\\n")
    product.write_text("x")
"""
    )
    (tmp_path / "pipeline.yaml").write_text("- {source: bytes_below.make, product: out.txt}\n")
    monkeypatch.chdir(tmp_path)
    shown: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Output):
            shown.append(event.content["text"])

    with octavo.load() as project:
        report = project.build(executor=executor, listeners=(listen,))
    assert report, [ended.failure for ended in report.ended.values()]
    assert "".join(shown) == "before\nä\nafter\n" + "long " * 100_000 + "\n"
