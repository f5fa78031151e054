"""What the protocol of executors says holds for every one of them: nobody is left out, and nothing is done half."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import clusters
from octavo.events import Event, Note, Output, Paused, TaskFinished
from octavo.executors.dask import Dask
from octavo.executors.local import CAN_FORK
from octavo.executors.running import Running, attempt
from octavo.model import Call, Outcome, Task
from projects import Folder
from stages import EXECUTORS, Stage, gone

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="forking is not safe on this system")


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with clusters.cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster.address


@pytest.fixture(params=[*EXECUTORS, pytest.param("dask", marks=pytest.mark.engines)])
def stage(request: pytest.FixtureRequest, folder: Folder) -> Iterator[Stage]:
    if request.param == "dask":
        made = Stage(folder, functools.partial(Dask, address=request.getfixturevalue("scheduler")))
    else:
        made = Stage(folder, EXECUTORS[request.param])
    yield made
    made.executor.close()


def test_a_function_gets_its_product_and_what_it_prints_is_told(stage: Stage) -> None:
    task = stage.function("print('hello', type(product).__name__)\nproduct.write_text('x')")
    ended = stage.run(task)["f"]
    assert ended.outcome is Outcome.DONE
    assert stage.text().startswith("hello ")
    assert (stage.folder.path / "f.out").read_text() == "x"


def test_the_project_is_the_working_directory_and_importable(stage: Stage) -> None:
    stage.folder.write("lib.py", "WORD = 'found'")
    task = stage.function("import lib, os\nprint(lib.WORD, os.getcwd())")
    ended = stage.run(task)["f"]
    assert ended.outcome is Outcome.DONE
    assert stage.text().split() == ["found", os.path.realpath(stage.folder.path)]
    found = [path for part, (path, _) in ended.discovered.items() if part.startswith("module ")]
    # packages that are edited elsewhere may have been loaded before in this process: who uses them is unknown
    assert [path for path in found if not path.startswith("..")] == ["lib.py"]


def test_a_failing_function_is_data_with_the_users_own_traceback(stage: Stage) -> None:
    task = stage.function("x = 1\nraise ValueError('no good')")
    failure = stage.run(task)["f"].failure
    assert failure is not None
    assert (failure.kind, failure.message, failure.line) == ("ValueError", "no good", 3)
    assert "tasks_f.py" in failure.traceback[1]
    assert not any("octavo" in line for line in failure.traceback)


def test_a_module_that_does_not_import_fails_its_task(stage: Stage) -> None:
    task = stage.function("pass")
    stage.folder.write("tasks_f.py", "import nonexistent_thing\ndef f(product): ...\n")
    failure = stage.run(task)["f"].failure
    assert failure is not None and failure.kind == "ModuleNotFoundError"
    assert failure.line == 1


def test_an_argument_that_nobody_gives_is_named(stage: Stage) -> None:
    failure = stage.run(stage.function("pass", arguments="product, rate"))["f"].failure
    assert failure is not None and "rate" in failure.message


def test_files_that_are_read_are_discovered_and_written_ones_are_not(stage: Stage) -> None:
    stage.folder.write("data/in.csv", "1")
    past = time.time() - 10
    os.utime(stage.folder.path / "data/in.csv", (past, past))
    body = "from pathlib import Path\nPath('data/in.csv').read_text()\nscratch = Path('scratch')\n"
    body += "scratch.write_text('x')\nscratch.read_text()\nproduct.write_text('x')"
    found = stage.run(stage.function(body))["f"].discovered
    assert [part for part in found if part.startswith("file ")] == ["file data/in.csv"]


def test_a_notebook_runs_its_cells(stage: Stage) -> None:
    ended = stage.run(stage.notebook("x = 20", "print(x + 1)", "x * 2"))["n"]
    assert ended.outcome is Outcome.DONE
    assert stage.text() == "21\n"
    results = [
        e.content["data"] for e in stage.events if isinstance(e, Output) and e.kind == "execute_result"
    ]
    assert results == [{"text/plain": "40"}]


def test_a_failing_cell_is_data(stage: Stage) -> None:
    failure = stage.run(stage.notebook("x = 1", "y = 2\n1 / 0\nz = 3"))["n"].failure
    assert failure is not None
    assert (failure.kind, failure.message) == ("ZeroDivisionError", "division by zero")
    assert (failure.cell, failure.number, failure.line) == (2, 3, 2)


def test_a_kernel_that_dies_fails_its_task_whatever_errors_are_allowed(stage: Stage) -> None:
    task = stage.notebook("x = 1", "import os; os._exit(3)", "x", allow_errors=True)
    failure = stage.run(task)["n"].failure
    assert failure is not None and failure.kind in ("WorkerDied", "DeadKernel")
    assert "exited with code 3" in failure.message


def test_multiprocessing_works_inside_a_task(stage: Stage) -> None:
    cells = (
        "import multiprocessing as mp\nfrom concurrent.futures import ProcessPoolExecutor",
        "def square(x):\n    print('in child')\n    return x * x",
        "with mp.get_context('fork').Pool(2) as pool:\n    print(pool.map(square, [1, 2, 3]))",
        "with ProcessPoolExecutor(2, mp_context=mp.get_context('fork')) as pool:\n"
        "    print(list(pool.map(square, [4])))",
    )
    assert stage.run(stage.notebook(*cells))["n"].outcome is Outcome.DONE
    assert "[1, 4, 9]" in stage.text() and "[16]" in stage.text()
    assert stage.text().count("in child") == 4


# ── one end for each task


def test_each_task_ends_once_and_nothing_is_told_of_it_afterwards(stage: Stage) -> None:
    tasks = [
        stage.function("print('one')", "one"),
        stage.function("print('two')\nraise ValueError('no')", "two"),
        stage.function("import sys\nsys.exit(3)", "three"),
        stage.function("raise KeyboardInterrupt", "four"),
        stage.notebook("print('five')", name="five"),
        stage.notebook("print('six')\n1 / 0", name="six"),
    ]
    ended = stage.run(*tasks)
    assert {name: event.outcome is Outcome.DONE for name, event in ended.items()} == {
        "one": True,
        "two": False,
        "three": False,
        "four": False,
        "five": True,
        "six": False,
    }
    for task in tasks:
        of_task = [event for event in stage.events if getattr(event, "task", None) == task.name]
        assert [isinstance(event, TaskFinished) for event in of_task].count(True) == 1
        assert isinstance(of_task[-1], TaskFinished)


def test_no_more_tasks_run_than_there_are_slots(folder: Folder) -> None:
    for make in EXECUTORS.values():
        executor = make(str(folder.path), 3)
        assert executor.slots in (1, 3)
        executor.close()


def test_a_second_task_sees_nothing_of_the_first(stage: Stage) -> None:
    first = stage.function("import os, sys\nsys.path.insert(0, 'left'); os.chdir('/')", "first")
    second = stage.function("import os, sys\nprint('left' in sys.path, os.getcwd(), sys.argv)", "second")
    stage.run(first)
    stage.run(second)
    assert stage.text().split() == ["False", os.path.realpath(stage.folder.path), "['tasks_second.py']"]


# ── what a task says is kept, or refused


def kept(stage: Stage, task: Task, words: str) -> TaskFinished | None:
    """Run a task that an executor does not refuse; None for one that is refused in words that name what is asked."""
    if (error := stage.executor.refuses(task)) is not None:
        assert words in error.message and task.name in error.message and error.hint
        return None
    return stage.run(task)[task.name]


def test_the_time_of_a_task_is_kept_or_refused(stage: Stage) -> None:
    for task in (
        stage.function("import time\ntime.sleep(600)", timeout=1.0),
        stage.notebook("x = 1", "import time\ntime.sleep(600)", timeout=2.5),
    ):
        ended = kept(stage, task, '"timeout"')
        assert ended is not None or task.kind == "function"
        if ended is not None:
            assert ended.failure is not None and ended.failure.kind == "Timeout"


def test_the_time_of_a_cell_is_kept(stage: Stage) -> None:
    task = stage.notebook("x = 1", "import time\ntime.sleep(600)", cell_timeout=1.0)
    failure = stage.run(task)["n"].failure
    assert stage.executor.refuses(task) is None
    assert failure is not None and failure.kind == "Timeout" and "cell 3" in failure.message


def test_the_memory_of_a_task_is_kept_or_refused(stage: Stage) -> None:
    body = "import time\nheld = bytearray(300 << 20)\ntime.sleep(600)"
    for task in (stage.function(body, memory=200 << 20), stage.notebook(body, memory=200 << 20)):
        ended = kept(stage, task, '"memory"')
        assert ended is not None or task.kind == "function"
        if ended is not None:
            assert ended.failure is not None and ended.failure.kind == "OutOfMemory"


@pytest.mark.parametrize("notebook", [False, True])
def test_a_failed_task_waits_or_that_is_refused(stage: Stage, notebook: bool) -> None:
    hold = {"hold": True}
    task = stage.notebook("1 / 0") if notebook else stage.function("raise ValueError('no')")
    if (error := stage.executor.refuses(attempt(task, pause=hold))) is not None:
        assert "cannot wait" in error.message
        assert not notebook or isinstance(stage.executor, Dask)
        return
    running, events = Running(stage.executor, pause=hold), list[Event]()
    running.start(task, None)
    while not any(isinstance(event, Paused) for event in events):
        events += running.next()
    assert len(running) == 1


def test_tasks_without_limits_are_never_refused(stage: Stage) -> None:
    assert stage.executor.refuses(stage.function("pass")) is None
    assert stage.executor.refuses(stage.notebook("1")) is None


# ── what the engine decides


COUNTING = """\
import pathlib
count = pathlib.Path('count')
count.write_text(count.read_text() + 'x' if count.exists() else 'x')
assert len(count.read_text()) > 2, 'not yet'
"""


@pytest.mark.parametrize("notebook", [False, True])
def test_a_task_is_tried_again(stage: Stage, notebook: bool) -> None:
    task = (stage.notebook if notebook else stage.function)(COUNTING, retries=2)
    assert stage.run(task)[task.name].outcome is Outcome.DONE
    notes = [event.message for event in stage.events if isinstance(event, Note) and "again" in event.message]
    assert notes == [
        "attempt 1 failed (AssertionError); again in 1 s",
        "attempt 2 failed (AssertionError); again in 2 s",
    ]


def test_a_task_has_failed_when_it_is_not_tried_again(stage: Stage) -> None:
    stage.folder.write(
        "hooks.py", "def failed(product):\n    with open('called', 'a') as file: file.write('x')\n"
    )
    hook = Call("hooks.failed")
    ended = stage.run(stage.function("raise ValueError('no')", retries=1, on_failure=hook))["f"]
    assert ended.outcome is Outcome.FAILED and ended.on_failure_called
    assert stage.folder.read("called") == "x"


# ── the beginning and the end


def children() -> set[str]:
    """Return the children of this process."""
    found: set[str] = set()
    for thread in Path("/proc/self/task").iterdir():
        found |= set((thread / "children").read_text().split())
    return found


def test_nothing_is_started_before_the_first_task(folder: Folder) -> None:
    before = children()
    for make in EXECUTORS.values():
        executor = make(str(folder.path), 2, log=str(folder.path / "log"))
        assert children() == before
        assert list(executor.close()) == []


def test_it_can_be_closed_twice_and_leaves_no_process(stage: Stage) -> None:
    before = children()
    stage.run(stage.function("pass"), stage.notebook("1"))
    assert list(stage.executor.close()) == []
    assert list(stage.executor.close()) == []
    assert children() <= before


def test_what_runs_is_ended_and_what_it_said_is_told(stage: Stage) -> None:
    body = "import os, subprocess, time\nprint(os.getpid(), subprocess.Popen(['sleep', '600']).pid, flush=True)\n"
    running = Running(stage.executor)
    running.start(stage.notebook(body + "time.sleep(600)"), None)
    events: list[Event] = []
    while not any(isinstance(event, Output) for event in events):
        events += running.next()
    assert [task.name for task in running.stop()] == ["n"]
    assert not running
    pids = next(event.content["text"] for event in events if isinstance(event, Output)).split()
    for pid in map(int, pids):
        gone(pid)


def test_there_is_an_end_to_waiting(stage: Stage) -> None:
    began = time.monotonic()
    assert stage.executor.next(0.01) is None
    assert time.monotonic() - began < 60


def test_this_process_is_left_as_it_was(stage: Stage) -> None:
    before = os.getcwd(), list(sys.path), sys.argv, sys.stdout, sys.stderr, dict(os.environ)
    stage.run(stage.function("import os, lib_of_nobody", "broken"), stage.notebook("1"))
    assert (os.getcwd(), sys.path, sys.argv, sys.stdout, sys.stderr, dict(os.environ)) == before
    assert "tasks_broken" not in sys.modules
