"""Hooks of tasks and of the pipeline: when they are called, with what, and what their failure means."""

from __future__ import annotations

import json

import pytest

from projects import Folder

TASKS = """
from pathlib import Path

def make(product):
    Path(product).write_text("made")

def use(upstream, product):
    Path(product).write_text(Path(upstream["make"]).read_text() + " used")
"""
TWO = """
tasks:
  - source: tasks.make
    product: out/made.txt
    {hook}
  - source: tasks.use
    product: out/used.txt
"""


def project(folder: Folder, hook: str, hooks: str, spec: str = TWO, **rest: str) -> Folder:
    folder.write("tasks.py", TASKS)
    folder.write("pipeline.yaml", spec.format(hook=hook, **rest))
    folder.write("checks.py", hooks)
    return folder


def outcomes(folder: Folder, *arguments: str) -> dict[str, str]:
    lines = folder.octavo("build", "--json", *arguments).stdout.splitlines()
    events = [json.loads(line) for line in lines]
    return {it["task"]: it["outcome"] for it in events if it["event"] == "TaskFinished"}


def test_hooks_of_a_task_get_what_they_name(folder: Folder) -> None:
    project(
        folder,
        "on_render: checks.before\n    on_finish: {dotted_path: checks.after, least: 3}\n    params: {n: 1}",
        """
        from pathlib import Path

        def before(task, params, upstream, client):
            Path("before.txt").write_text(f"{task.name} {params['n']} {dict(upstream)} {client}")
            assert not Path("out/made.txt").exists()

        def after(product, least, params, task):
            assert len(product.read_text()) >= least
            Path("after.txt").write_text(f"{params['product']} {task.exec_status.value}")
        """,
    )
    folder.write("tasks.py", TASKS.replace("make(product)", "make(product, n)"))
    ended = folder.octavo("build")
    assert ended.returncode == 0, ended.stdout
    assert folder.read("before.txt") == "make 1 {} None"
    assert folder.read("after.txt") == "out/made.txt executed"


def test_a_task_whose_check_fails_has_failed_and_its_product_does_not_count(folder: Folder) -> None:
    hooks = "def check(product):\n    assert product.read_text() == 'better', 'not good enough'\n"
    project(folder, "on_finish: checks.check", hooks)
    ended = folder.octavo("build")
    assert ended.returncode == 1
    assert "AssertionError: in on_finish checks.check: not good enough" in ended.stdout
    assert "checks.py:2" in ended.stdout
    assert "blocked use: make failed" in ended.stdout
    assert (folder.path / "out/made.txt").exists()
    assert "its last run failed" in folder.octavo("status").stdout
    folder.write("tasks.py", TASKS.replace('"made"', '"better"'))
    assert folder.octavo("build").returncode == 0


def test_a_changed_check_makes_its_task_stale_and_an_edited_on_failure_does_not(folder: Folder) -> None:
    hooks = """
    LEAST = 1

    def check(product):
        assert len(product.read_text()) >= LEAST

    def failed():
        print("oh")
    """
    project(folder, "on_finish: checks.check\n    on_failure: checks.failed", hooks)
    assert folder.octavo("build").returncode == 0
    folder.write("checks.py", hooks.replace("oh", "oh dear"))
    assert outcomes(folder) == {"make": "fresh", "use": "fresh"}
    folder.write("checks.py", hooks.replace("LEAST = 1", "LEAST = 2"))
    assert "hook checks.check changed" in folder.octavo("status").stdout
    assert outcomes(folder) == {"make": "done", "use": "fresh"}
    assert outcomes(folder) == {"make": "fresh", "use": "fresh"}


def test_a_check_in_the_module_of_its_task_and_what_it_imports_count(folder: Folder) -> None:
    check = (
        "\nfrom limits import LEAST\n\ndef check(product):\n    assert len(product.read_text()) >= LEAST\n"
    )
    folder.write("limits.py", "LEAST = 1\n")
    folder.write("tasks.py", TASKS + check)
    folder.write("pipeline.yaml", TWO.format(hook="on_finish: tasks.check"))
    assert folder.octavo("build").returncode == 0
    folder.write("tasks.py", TASKS + check.replace(">= LEAST", "> LEAST"))
    assert outcomes(folder) == {"make": "done", "use": "fresh"}
    folder.write("limits.py", "LEAST = 2\n")
    assert outcomes(folder)["make"] == "done"


@pytest.mark.parametrize("where", ["task", "product", "on_render"])
def test_on_failure_is_called_whatever_failed(folder: Folder, where: str) -> None:
    hooks = """
    from pathlib import Path

    def raises():
        raise ValueError("before it began")

    def failed(task, traceback):
        Path("failed.txt").write_text(f"{task.name} {task.exec_status.value} {traceback}")
    """
    extra = "\n    on_render: checks.raises" if where == "on_render" else ""
    project(folder, "on_failure: checks.failed" + extra, hooks)
    broken = {"task": "1 / 0", "product": "pass"}.get(where)
    if broken:
        folder.write("tasks.py", TASKS.replace('Path(product).write_text("made")', broken))
    assert outcomes(folder) == {"make": "failed", "use": "blocked"}
    text = folder.read("failed.txt")
    said = {"task": "ZeroDivisionError", "product": "MissingProduct", "on_render": "before it began"}[where]
    assert text.startswith("make errored ") and said in text


def test_on_failure_is_called_for_a_worker_that_died_and_once_for_all_attempts(folder: Folder) -> None:
    hooks = """
    from pathlib import Path

    def failed(task):
        with open("failed.txt", "a") as file:
            file.write(task.name + "\\n")
    """
    project(folder, "on_failure: checks.failed\n    retries: 1", hooks)
    folder.write("tasks.py", TASKS.replace('Path(product).write_text("made")', "import os; os._exit(3)"))
    assert outcomes(folder)["make"] == "failed"
    assert folder.read("failed.txt") == "make\n"


def test_a_failing_on_failure_is_a_note(folder: Folder) -> None:
    project(folder, "on_failure: checks.failed", "def failed():\n    raise OSError('no mail today')\n")
    folder.write("tasks.py", TASKS.replace('Path(product).write_text("made")', "1 / 0"))
    ended = folder.octavo("build")
    assert ended.returncode == 1
    assert "ZeroDivisionError" in ended.stdout
    assert "note: make: OSError: in on_failure checks.failed: no mail today" in ended.stdout


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("on_finish: checks.chek", 'on_finish: there is no "chek" in checks'),
        ("on_finish: checks.greedy", "on_finish: checks.greedy requires money, which is not given"),
        ("on_finish: {dotted_path: checks.check, leest: 1}", "checks.check has no argument leest"),
        ("on_finish: checks.later", "checks.later would not run: it is an async function"),
        ("on_finish: checks.each", "checks.each would not run: it is a generator"),
    ],
)
def test_a_hook_that_cannot_be_called_says_why_before_anything_runs(
    folder: Folder, hook: str, said: str
) -> None:
    late = "async def later(): ...\ndef each(product):\n    yield product\n"
    project(folder, hook, "def check(product, least=1): ...\ndef greedy(money): ...\n" + late)
    ended = folder.octavo("build")
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "start" not in ended.stdout


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("on_finish: checks.chek", 'in on_finish: there is no "chek" in checks'),
        ("on_finish: checks.greedy", "in on_finish: checks.greedy requires money, which is not given"),
        ("on_finish: checks.later", "checks.later has not run: it is an async function"),
        ("on_finish: checks.each", "checks.each has not run: it is a generator"),
    ],
)
def test_a_hook_that_only_running_could_tell_of_says_why(folder: Folder, hook: str, said: str) -> None:
    late = "async def _later(): ...\ndef _each(product):\n    yield product\nlater, each = _later, _each\n"
    late += "def __getattr__(name):\n    raise AttributeError(name)\ngreedy = _greedy\n"
    project(folder, hook, "def _greedy(money): ...\n" + late)
    ended = folder.octavo("build")
    assert ended.returncode == 1
    assert said in ended.stdout


def test_the_check_of_a_notebook_finds_the_executed_notebook(folder: Folder) -> None:
    folder.write(
        "nb.py", '# %% tags=["parameters"]\nproduct = None\n# %%\nimport os; os.chdir("/"); print("hi")\n'
    )
    spec = "tasks:\n  - source: nb.py\n    product: out/nb.ipynb\n    on_finish: checks.check\n"
    folder.write("pipeline.yaml", spec)
    check = "def check(product):\n    assert 'hi' in product.read_text()\n    print('looked')\n"
    folder.write("checks.py", check)
    ended = folder.octavo("build")
    assert ended.returncode == 0, ended.stdout


STOPPING = """
class DAGBuildEarlyStop(Exception):
    pass

def stop():
    raise DAGBuildEarlyStop("no new data")
"""


@pytest.mark.parametrize("where", ["task", "on_render", "on_finish", "notebook"])
def test_an_early_stop_cancels_what_follows_and_is_no_failure(folder: Folder, where: str) -> None:
    hook = f"{where}: checks.stop" if where.startswith("on_") else ""
    project(folder, hook, STOPPING)
    if where == "task":
        body = 'Path(product).write_text("made")'
        folder.write("tasks.py", TASKS.replace(body, "import checks; checks.stop()"))
    if where == "notebook":
        folder.write("make.py", "# %%\nimport checks\nchecks.stop()\n")
        spec = TWO.format(hook="").replace("tasks.make", "make.py").replace("made.txt", "made.ipynb")
        folder.write("pipeline.yaml", spec)
    ended = folder.octavo("build")
    assert ended.returncode == 0, ended.stdout
    assert "it stopped the build" in ended.stdout and "no new data" in ended.stdout
    assert "2 cancelled" in ended.stdout
    assert outcomes(folder) == {"make": "cancelled", "use": "cancelled"}


PIPELINE = """
on_render: checks.before
on_finish: checks.after
on_failure: checks.failed
tasks:
  - source: tasks.make
    product: out/made.txt
  - source: tasks.use
    product: out/used.txt
"""
ALL = """
from pathlib import Path

def before(dag):
    Path("before.txt").write_text(" ".join(dag))

def after(dag, report):
    print(report)
    Path("after.txt").write_text(f"{report['name']} {report['Ran?']} {dag['make'].product.read_text()}")
    with open("count.txt", "a") as file:
        file.write("x")

def failed(dag, traceback):
    Path("failed.txt").write_text(f"{dag['make'].exec_status.value}|{sorted(traceback)}|{traceback}")
"""


def test_hooks_of_the_pipeline_are_called_around_each_build(folder: Folder) -> None:
    project(folder, "", ALL, PIPELINE)
    ended = folder.octavo("build")
    assert ended.returncode == 0, ended.stdout
    assert folder.read("before.txt") == "make use"
    assert folder.read("after.txt") == "['make', 'use'] [True, True] made"
    assert "on_finish says:" in ended.stdout and "Elapsed (s)" in ended.stdout
    assert outcomes(folder) == {"make": "fresh", "use": "fresh"}
    assert folder.read("after.txt") == "['make', 'use'] [False, False] made"
    assert folder.read("count.txt") == "xx"
    assert not (folder.path / "failed.txt").exists()


def test_the_pipelines_on_failure_gets_the_tracebacks(folder: Folder) -> None:
    project(folder, "", ALL, PIPELINE)
    folder.write("tasks.py", TASKS.replace('Path(product).write_text("made")', "1 / 0"))
    assert folder.octavo("build").returncode == 1
    status, keys, text = folder.read("failed.txt").split("|")
    assert (status, keys) == ("errored", "['build']")
    assert "ZeroDivisionError" in text
    assert not (folder.path / "after.txt").exists()


def test_a_failing_on_finish_of_the_pipeline_fails_the_build(folder: Folder) -> None:
    hooks = ALL.replace("    print(report)\n", "    print('looking'); 1 / 0\n")
    project(folder, "", hooks, PIPELINE)
    ended = folder.octavo("build")
    assert ended.returncode == 1
    assert "failed on_finish of the pipeline: checks.py:7" in ended.stdout
    assert "ZeroDivisionError: in on_finish checks.after: division by zero" in ended.stdout
    assert "looking" in ended.stdout
    assert "2 done" in ended.stdout
    assert folder.octavo("build").returncode == 1
    assert len(list((folder.path / ".octavo/runs").iterdir())) == 2
    assert folder.read("failed.txt").split("|")[1] == "['build', 'on_finish']"
    assert "1 / 0" in folder.read("failed.txt")


@pytest.mark.parametrize(("stops", "code"), [(True, 0), (False, 1)])
def test_on_render_of_the_pipeline_decides_whether_anything_runs(
    folder: Folder, stops: bool, code: int
) -> None:
    hooks = STOPPING + "\ndef fail():\n    raise ValueError('not today')\n"
    spec = "on_render: checks." + ("stop" if stops else "fail") + PIPELINE[PIPELINE.index("\ntasks:") :]
    project(folder, "", hooks, spec)
    ended = folder.octavo("build")
    assert ended.returncode == code, ended.stdout
    assert ("it stopped the build" if stops else "not today") in ended.stdout
    assert not (folder.path / "out/made.txt").exists()


def test_hooks_are_called_where_tasks_run_in_this_process(folder: Folder) -> None:
    project(folder, "on_finish: checks.check", "def check(product):\n    assert not product.read_text()\n")
    ended = folder.octavo("build", "--executor", "inline")
    assert ended.returncode == 1
    assert "AssertionError: in on_finish checks.check" in ended.stdout


def test_a_function_and_its_hooks_get_the_client_that_they_name_and_it_is_closed(folder: Folder) -> None:
    hooks = """
    class Client:
        def __init__(self, where):
            self.where = where

        def close(self):
            with open("closed.txt", "a") as file:
                file.write(self.where)

    def connect(where):
        return Client(where)

    def check(client, product):
        assert client.where == product.read_text()
    """
    spec = """
    clients:
      PythonCallable: {dotted_path: checks.connect, where: here}
    tasks:
      - source: tasks.make
        product: out/made.txt
        on_finish: checks.check
    """
    project(folder, "", hooks)
    folder.write("pipeline.yaml", spec)
    folder.write("tasks.py", "def make(product, client):\n    product.write_text(client.where)\n")
    ended = folder.octavo("build")
    assert ended.returncode == 0, ended.stdout
    assert folder.read("closed.txt") == "herehere"


def test_a_restored_result_has_passed_its_check_and_another_check_is_another_result(folder: Folder) -> None:
    check = "def check(product):\n    open('checked.txt', 'a').write(product.read_text())\n"
    project(folder, "on_finish: checks.check", check)
    assert folder.octavo("build").returncode == 0
    folder.write("tasks.py", TASKS.replace("made", "other"))
    assert outcomes(folder)["make"] == "done"
    folder.write("tasks.py", TASKS)
    assert outcomes(folder)["make"] == "restored"
    assert folder.read("checked.txt") == "madeother"
    folder.write("checks.py", check.replace("'a'", "'w'"))
    assert outcomes(folder)["make"] == "done"
    assert folder.read("checked.txt") == "made"


def test_a_task_that_ran_out_of_time_calls_its_on_failure(folder: Folder) -> None:
    hooks = "def failed(task):\n    with open('failed.txt', 'a') as file:\n        file.write(task.name)\n"
    project(folder, "on_failure: checks.failed\n    timeout: 0.5", hooks)
    folder.write("tasks.py", TASKS.replace('Path(product).write_text("made")', "import time; time.sleep(60)"))
    ended = folder.octavo("build")
    assert "Timeout" in ended.stdout
    assert folder.read("failed.txt") == "make"


def test_a_check_that_ran_out_of_time_shows_where_it_was(folder: Folder) -> None:
    hooks = "import time\n\ndef check():\n    time.sleep(60)\n"
    # long enough for a busy machine to come to the check
    project(folder, "on_finish: checks.check\n    timeout: 5", hooks)
    said = folder.octavo("build").stdout
    assert "failed make: checks.py:4" in said
    assert "Timeout: it ran longer than its limit of 5 s" in said


def test_a_hook_of_the_pipeline_that_crashes_is_told_by_its_signal(folder: Folder) -> None:
    hooks = "import os, signal\n\ndef after():\n    os.kill(os.getpid(), signal.SIGSEGV)\n"
    project(folder, "", hooks, "on_finish: checks.after\n" + TWO.format(hook=""))
    ended = folder.octavo("build")
    assert ended.returncode == 1
    assert "WorkerDied: its process crashed (SIGSEGV)" in ended.stdout


def test_functions_and_checks_take_turns_with_a_file_of_duckdb(folder: Folder) -> None:
    pytest.importorskip("duckdb_engine")
    tasks = """
    import time
    from octavo.clients import SQLAlchemyClient

    def connect():
        return SQLAlchemyClient("duckdb:///data.db")

    def make(product, client, i):
        client.execute(f"create table t{i} as select {i} as x")
        time.sleep(0.2)
        product.write_text("made")

    def check(client, params):
        client.execute(f"select * from t{params['i']}")
        time.sleep(0.2)
    """
    spec = """
    clients:
      PythonCallable: tasks.connect
    tasks:
      - source: tasks.make
        name: make-[[i]]
        product: out/made.txt
        grid: {i: [1, 2, 3]}
        on_finish: tasks.check
    """
    folder.write("tasks.py", tasks)
    folder.write("pipeline.yaml", spec)
    ended = folder.octavo("build", "--jobs", "3")
    assert ended.returncode == 0, ended.stdout


def test_the_traceback_that_on_failure_gets_is_plain_text(folder: Folder) -> None:
    folder.write("fails.py", "# %%\n1 / 0\n")
    folder.write("checks.py", "def tell(traceback):\n    open('told.txt', 'w').write(traceback)\n")
    folder.write(
        "pipeline.yaml", "tasks:\n  - {source: fails.py, product: out.ipynb, on_failure: checks.tell}\n"
    )
    assert folder.octavo("build").returncode == 1
    told = folder.read("told.txt")
    assert "ZeroDivisionError: division by zero" in told
    assert "\x1b" not in told
