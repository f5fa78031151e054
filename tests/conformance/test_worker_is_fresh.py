"""A worker that was forked from a server full of modules is as good as a process that has just started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crashes import command
from octavo.events import Event, TaskFinished
from octavo.executed.writer import ExecutedNotebook
from octavo.executors.local import CAN_FORK, Local
from octavo.model import Outcome
from projects import Folder
from stages import Stage, made

pytestmark = pytest.mark.skipif(
    not CAN_FORK or not Path("/proc/self/fd").exists(), reason="forking is not safe, or /proc is not there"
)

#: What the server has imported before it forks; what is not installed is left out.
WARM: tuple[str, ...] = (
    "octavo.kinds.notebook",
    "octavo.kinds.function",
    "octavo.kernels.native",
    "numpy",
    "pandas",
    "joblib",
)
WARM += (
    "matplotlib.pyplot",
    "plotly.graph_objects",
    "tqdm.auto",
    "ipywidgets",
    "sqlite3",
    "logging",
    "asyncio",
)

#: Everything of a process that user code may come to depend on.
PROBE = """
import decimal, gc, json, locale, logging, multiprocessing, os, resource, signal, socket, sys, threading, warnings

def name(handler):
    return str(getattr(handler, "__qualname__", handler))

state = {
    "signals": {it.name: name(signal.getsignal(it)) for it in signal.Signals},
    "blocked signals": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "sys.path": sys.path,
    "working directory": os.getcwd(),
    "umask": os.umask(0o022),
    "environment": dict(os.environ),
    "warnings": sorted(str(it[:2]) for it in warnings.filters if "completer" not in str(it)),
    "main thread": threading.current_thread() is threading.main_thread(),
    "garbage": (gc.isenabled(), gc.get_threshold(), gc.get_debug()),
    "interpreter": (sys.getrecursionlimit(), sys.getswitchinterval(), str(sys.flags), sys.executable),
    "tracing": (sys.gettrace(), sys.getprofile()),
    "locale": locale.setlocale(locale.LC_ALL),
    "logging": ([str(it) for it in logging.root.handlers], logging.root.level),
    "decimal": str(decimal.getcontext()),
    "multiprocessing": (multiprocessing.current_process().name, multiprocessing.get_start_method()),
    "limits": [resource.getrlimit(it) for it in (resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_CORE)],
    "nice": os.nice(0),
    "timeout": socket.getdefaulttimeout(),
    "main": (sys.modules["__main__"].__name__, getattr(sys.modules["__main__"], "__file__", None)),
    "hooks": (sys.excepthook.__name__, type(sys.displayhook).__name__, threading.excepthook.__name__),
    "standard streams": (sys.stdin.read(), sys.stdout.encoding.lower(), sys.stdout.isatty(), sys.stderr.isatty()),
    "last exception": hasattr(sys, "last_value"),
}
"""
#: What differs by nature: where a kernel's parent is, and what an import of a warm module sets in any process.
MEANT = {
    "JPY_PARENT_PID",
    "OCTAVO_METRICS",
    "PYDEVD_USE_FRAME_EVAL",
    "KMP_INIT_AT_FORK",
    "KMP_DUPLICATE_LIB_OK",
    "PYTEST_CURRENT_TEST",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    local = Local(str(tmp_path_factory.mktemp("fresh")), 2)
    local.prepare(WARM, WARM)
    yield local
    local.close()


@pytest.fixture
def warm(server: Local) -> Stage:
    stage = Stage(Folder(Path(server.root)), made(server))
    for old in stage.folder.path.glob("*.py"):
        old.unlink()
    return stage


def executed(events: list[Event]) -> dict[str, Any]:
    fold = ExecutedNotebook()
    for event in events:
        fold(event)
    data = fold.finished()
    assert data is not None
    return data


def good(stage: Stage, *cells: str, **options: Any) -> dict[str, Any]:
    """Run a notebook that must end well and return it as it was executed."""
    ended = stage.run(stage.notebook(*cells, **options))["n"]
    assert ended.outcome is Outcome.DONE, ended.failure
    return executed(stage.events)


def below(pid: int) -> list[int]:
    """Return the children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def text(notebook: dict[str, Any], cell: int = -1) -> str:
    return "".join(output.get("text", "") for output in notebook["cells"][cell]["outputs"])


def shown(notebook: dict[str, Any], cell: int = -1) -> list[str]:
    """Return the kinds of data that a cell shows."""
    return [kind for output in notebook["cells"][cell]["outputs"] for kind in output.get("data", ())]


def without(state: dict[str, Any], meant: set[str]) -> dict[str, Any]:
    return {**state, "environment": {k: v for k, v in state["environment"].items() if k not in meant}}


# ── its state


def test_a_functions_process_is_like_a_new_one(warm: Stage) -> None:
    warm.folder.write("probing.py", PROBE + "\ndef probe():\n    print('@' + json.dumps(state))\n")
    warm.folder.write("script.py", "import probing\nprobing.probe()\n")
    ended = warm.run(warm.function("import probing\nprobing.probe()"))["f"]
    assert ended.outcome is Outcome.DONE, ended.failure
    new = subprocess.run(
        [sys.executable, "script.py"],
        cwd=warm.folder.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    found, expected = (without(json.loads(it.split("@")[1]), MEANT) for it in (warm.text(), new.stdout))
    expected["main"], found["main"] = "a script", "a script"
    assert found == expected


def test_a_notebooks_process_is_like_a_new_kernel(warm: Stage) -> None:
    pytest.importorskip("pandas")
    cell = PROBE.replace("sys.stdin.read()", "''") + "\nprint('@' + json.dumps(state))"
    found = json.loads(text(good(warm, cell)).split("@")[1])
    warm.events.clear()
    expected = json.loads(text(good(warm, cell, isolated=True, kernel="python3")).split("@")[1])
    assert without(found, MEANT) == without(expected, MEANT)


def test_what_notebooks_change_in_the_environment_reaches_no_function(warm: Stage) -> None:
    good(warm, "import os\nos.environ['LEFT'] = 'x'\nprint(os.environ['MPLBACKEND'])")
    warm.run(warm.function("import os\nprint('@', 'LEFT' in os.environ, 'MPLBACKEND' in os.environ, sep='')"))
    assert warm.text().endswith("@FalseFalse\n")


def test_only_what_it_needs_is_open(warm: Stage) -> None:
    body = "import os\nprint(sum(os.path.exists(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')))"
    warm.run(*(warm.function(body, f"f{n}") for n in range(3)))
    counts = [int(word) for word in warm.text().split()]
    # 0, 1, 2; the socket to the driver; the pipes of both streams; that of crashes
    assert min(counts) >= 7
    # what observes the task: fanotify's group, the memory its forked children write to, a pipe that ends it;
    # and the ends that sys.stdout and sys.stderr have for themselves, and show as their descriptors
    assert max(counts) <= 15
    assert len(counts) == 3 and len(set(counts)) == 1, "and no task leaves any to the next"


def test_no_zombies_are_left(warm: Stage) -> None:
    body = "import subprocess, os\nos.system('true')\nsubprocess.Popen(['sleep', '0'])\n"
    body += "if os.fork() == 0:\n    os._exit(0)"
    warm.run(*(warm.function(body, f"f{n}") for n in range(4)))
    assert isinstance(warm.executor, Local) and warm.executor._servers and warm.executor._servers.process
    server = warm.executor._servers.process.pid
    for child in below(server):  # the servers that it forked
        assert below(child) == [] or all("octavo.worker.server" in command(it) for it in below(child))
    assert Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split() == [str(server)]


def test_warm_modules_are_not_copied(warm: Stage) -> None:
    pytest.importorskip("pandas")
    cells = (
        "import pandas, gc\nframe = pandas.DataFrame({'a': range(1000)}).describe()\nprint(len(gc.get_objects()) > 0)",
        "gc.collect();",
        "held = {}\nfor line in open('/proc/self/smaps_rollup'):\n    name, _, rest = line.partition(':')\n"
        "    held[name] = rest.split()[0]",
        "own = int(held['Private_Dirty']) + int(held['Private_Clean'])\nprint(own < int(held['Rss']) / 2, own)",
    )
    assert text(good(warm, *cells)).startswith("True "), warm.text()


def test_its_exit_handlers_are_its_own(warm: Stage) -> None:
    body = (
        "import atexit, threading\natexit.register(print, 'first registered')\natexit.register(print, 'last')"
    )
    ended = warm.run(warm.function(body))["f"]
    assert ended.outcome is Outcome.DONE
    assert warm.text() == "last\nfirst registered\n"


# ── what runs in it


def test_joblib_works_in_a_notebook(warm: Stage) -> None:
    pytest.importorskip("joblib")
    notebook = good(
        warm,
        "from joblib import Parallel, delayed\nimport os\ndef double(x):\n    return 2 * x, os.getpid()",
        "found = Parallel(n_jobs=2)(delayed(double)(x) for x in range(4))\n"
        "print([it for it, _ in found], os.getpid() in [pid for _, pid in found])",
    )
    assert text(notebook) == "[0, 2, 4, 6] False\n"


def test_spawned_processes_work_in_a_function(warm: Stage) -> None:
    warm.folder.write("helper.py", "def double(x):\n    return 2 * x\n")
    body = "import helper\nfrom concurrent.futures import ProcessPoolExecutor\nimport multiprocessing\n"
    body += "context = multiprocessing.get_context('spawn')\n"
    body += "with ProcessPoolExecutor(1, mp_context=context) as pool:\n    print(list(pool.map(helper.double, [1, 2])))"
    ended = warm.run(warm.function(body))["f"]
    assert ended.outcome is Outcome.DONE, ended.failure
    assert warm.text() == "[2, 4]\n"


def test_tasks_of_asyncio_go_on_between_cells(warm: Stage) -> None:
    notebook = good(
        warm,
        "import asyncio\nseen = []\nasync def tick():\n    while len(seen) < 3:\n"
        "        seen.append(1)\n        await asyncio.sleep(0.01)\n    return 'ticked'",
        "task = asyncio.create_task(tick())",
        "await asyncio.sleep(0.2)\nprint(len(seen), task.done())",
        "print(await task, asyncio.get_running_loop().is_running())",
    )
    assert [text(notebook, -2), text(notebook, -1)] == ["3 True\n", "ticked True\n"]


def test_threads_print_into_the_cell_that_runs(warm: Stage) -> None:
    notebook = good(
        warm,
        "import threading\nfrom concurrent.futures import ThreadPoolExecutor",
        "with ThreadPoolExecutor(4) as pool:\n    list(pool.map(lambda n: print(f'thread {n}\\n', end=''), range(50)))",
    )
    assert sorted(text(notebook).split()) == sorted(["thread"] * 50 + [str(n) for n in range(50)])


def test_a_database_and_a_child_work_beside_warm_modules(warm: Stage) -> None:
    notebook = good(
        warm,
        "import sqlite3, subprocess, sys",
        "with sqlite3.connect('data.db') as db:\n    db.execute('create table if not exists t (x)')\n"
        "    db.execute('insert into t values (5)')\n"
        "found = sqlite3.connect('data.db').execute('select x from t')\nprint(found.fetchone())",
        "print(subprocess.run([sys.executable, '-c', 'print(7)'], capture_output=True, text=True).stdout, end='')",
    )
    assert [text(notebook, -2), text(notebook, -1)] == ["(5,)\n", "7\n"]


def test_logging_and_warnings_are_shown_once(warm: Stage) -> None:
    notebook = good(
        warm,
        "import logging, warnings",
        "def old():\n    warnings.warn('gone soon', FutureWarning)",
        "for _ in range(3):\n    old()\nlogging.warning('logged')",
        "old()",
    )
    assert text(notebook, -2).count("FutureWarning: gone soon") == 1
    assert text(notebook, -2).count("WARNING:root:logged") == 1
    # as in Jupyter, where every cell shows it once
    assert text(notebook, -1).count("FutureWarning: gone soon") == 1


# ── what it shows


def test_plots_appear_in_a_notebook(warm: Stage) -> None:
    pytest.importorskip("matplotlib")
    notebook = good(warm, "import matplotlib.pyplot as plt", "plt.plot([1, 2]);", "print(plt.get_backend())")
    assert "image/png" in shown(notebook, -2)
    assert "inline" in text(notebook)


def test_a_function_that_plots_has_no_window_and_no_notebook(warm: Stage) -> None:
    pytest.importorskip("matplotlib")
    body = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nplt.savefig('plot.png')\n"
    body += "print(plt.get_backend().lower(), plt.get_fignums())"
    ended = warm.run(warm.function(body))["f"]
    assert ended.outcome is Outcome.DONE, ended.failure
    assert warm.text() == "agg [1]\n"
    assert (warm.folder.path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_the_users_choice_of_a_backend_is_kept(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("MPLBACKEND", "svg")
    local = Local(str(folder.path), 1)
    try:
        local.prepare(WARM, WARM)
        stage = Stage(folder, made(local))
        good(
            stage, "import matplotlib.pyplot as plt, os", "print(plt.get_backend(), os.environ['MPLBACKEND'])"
        )
        assert stage.text() == "svg svg\n"
    finally:
        local.close()


def test_progress_bars_and_their_states_are_kept(warm: Stage) -> None:
    pytest.importorskip("tqdm")
    pytest.importorskip("ipywidgets")
    notebook = good(warm, "from tqdm.auto import tqdm", "for _ in tqdm(range(3), desc='going'):\n    pass")
    assert "application/vnd.jupyter.widget-view+json" in shown(notebook)
    states = notebook["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    bars = [it["state"] for it in states if it["model_name"] == "FloatProgressModel"]
    assert [(bar["value"], bar["bar_style"]) for bar in bars] == [(3, "success")]


def test_figures_of_plotly_are_kept(warm: Stage) -> None:
    pytest.importorskip("plotly")
    notebook = good(warm, "import plotly.graph_objects as go", "go.Figure(go.Bar(y=[1, 2])).show()")
    assert "application/vnd.plotly.v1+json" in shown(notebook)


def test_tasks_do_not_see_each_others_modules(warm: Stage) -> None:
    good(warm, "import json\njson.marked = True\nimport sys\nsys.modules['made_up'] = json")
    body = "import json, sys\nprint('@', hasattr(json, 'marked'), 'made_up' in sys.modules, sep='')"
    ended: TaskFinished = warm.run(warm.function(body))["f"]
    assert ended.outcome is Outcome.DONE
    assert warm.text().endswith("@FalseFalse\n")
