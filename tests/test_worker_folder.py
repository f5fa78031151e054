"""A task that runs in another folder of the project: absolute paths for it, relative ones in what is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from octavo.errors import Place
from octavo.events import Event, Note, Output, TaskFinished
from octavo.executors import Executor
from octavo.executors.inline import Inline
from octavo.executors.local import Local
from octavo.executors.running import Running
from octavo.model import PROXIES, Call, Outcome, Product, Relation, Source, Task
from octavo.spec.sources import Reader
from octavo.worker.around import folder_of, placed
from projects import Folder
from tasks import with_options

EXECUTORS: dict[str, Callable[[str], Any]] = {
    "forked": lambda root: Local(root, 1),
    "spawned": lambda root: Local(root, 1, fork=False),
    "inline": Inline,
}


@pytest.fixture(params=list(EXECUTORS))
def executor(request: pytest.FixtureRequest, folder: Folder) -> Iterator[Any]:
    made = EXECUTORS[request.param](str(folder.path))
    yield made
    made.close()


def task(folder: Folder, source: str, product: str, **options: Any) -> Task:
    reader = Reader(str(folder.path))
    kind, found = reader.source(source, Place("pipeline.yaml"))
    return with_options(Task("t", kind, reader.read(kind, found, text=True), (Product(product),)), **options)


def run(executor: Executor, task: Task) -> tuple[TaskFinished, str]:
    running, events = Running(executor), list[Event]()
    running.start(task, None)
    while running:
        events += running.next()
    said = ""
    for event in events:
        if isinstance(event, Output) and event.kind == "stream":
            said += event.content["text"]
        if isinstance(event, Note):
            said += event.message
    assert isinstance(events[-1], TaskFinished)
    return events[-1], said


def test_paths_are_absolute_where_a_task_runs_elsewhere() -> None:
    made = Task(
        "t",
        "function",
        Source("sub/tasks.py", "sub.tasks.f"),
        (Product("out/a"), Product(f"{PROXIES}db/x", "x", relation=Relation("x"), maker="SQLRelation")),
        inputs={"a": "in/a", "b-*": {"b-0": "in/b"}, "table": Relation("y", "s")},
        cwd="sub",
    )
    mine = placed(made, "/project")
    assert mine.source.path == "/project/sub/tasks.py"
    assert [product.path for product in mine.products] == ["/project/out/a", f"{PROXIES}db/x"]
    assert mine.inputs["a"] == "/project/in/a"
    assert mine.inputs["b-*"] == {"b-0": "/project/in/b"}
    assert mine.inputs["table"] is made.inputs["table"]
    assert folder_of(made, "/project") == "/project/sub"
    assert placed(replace(made, cwd=""), "/project").products[0].path == "out/a"


@pytest.mark.parametrize("source", ["./sub/nb.py", "steps.tasks.make"])
def test_a_task_reads_and_writes_beside_its_source(folder: Folder, executor: Any, source: str) -> None:
    folder.write("sub/data.txt", "data")
    folder.write("sub/beside.py", "WORD = 'beside'\n")
    body = """
    import os, beside
    from pathlib import Path
    text = f"{os.path.basename(os.getcwd())} {beside.WORD} {Path('data.txt').read_text()}"
    assert os.path.isabs(product)
    Path(product).write_text(text)
    """
    folder.write(
        "sub/nb.py", f'# %% tags=["parameters"]\nproduct = None\n# %%\n{body}'.replace("\n    ", "\n")
    )
    folder.write("steps/tasks.py", f"def make(product):\n{body}")
    (folder.path / "out").mkdir()
    ended, said = run(executor, task(folder, source, "out/made.txt", cwd="sub"))
    assert ended.outcome is Outcome.DONE, (ended.failure, said)
    assert folder.read("out/made.txt") == "sub beside data"
    if isinstance(executor, Inline) and source.endswith("nb.py"):
        return  # in a kernel of its own nobody watches
    seen = {part: path for part, (path, _) in ended.discovered.items()}
    assert seen["file sub/data.txt"] == "sub/data.txt"
    assert seen["module beside"] == "sub/beside.py"
    assert not any("made.txt" in part for part in seen)


def test_a_failure_tells_the_path_relative_to_the_project(folder: Folder, executor: Any) -> None:
    folder.write("steps/tasks.py", "def make(product):\n    import above\n    above.fail()\n")
    folder.write("above.py", "def fail():\n    1 / 0\n")
    ended, _ = run(executor, task(folder, "steps.tasks.make", "out.txt", cwd="steps"))
    assert ended.failure is not None
    assert (ended.failure.path, ended.failure.line) == ("steps/tasks.py", 3)


def test_a_folder_that_is_not_there_is_a_failure(folder: Folder, executor: Any) -> None:
    folder.write("tasks.py", "def make(product):\n    pass\n")
    ended, _ = run(executor, task(folder, "tasks.make", "out.txt", cwd="gone"))
    assert ended.failure is not None
    assert "the folder it should run in is not there: gone" in ended.failure.message


def test_hooks_of_a_task_elsewhere_get_absolute_paths(folder: Folder, executor: Any) -> None:
    folder.write("steps/tasks.py", "def make(product):\n    product.write_text('x')\n")
    folder.write(
        "checks.py", "def check(product):\n    assert product.is_absolute() and product.exists()\n    1 / 0\n"
    )
    (folder.path / "steps" / "deep").mkdir()
    made = task(folder, "steps.tasks.make", "out.txt", cwd="steps/deep", on_finish=Call("checks.check"))
    ended, _ = run(executor, made)
    assert ended.failure is not None
    assert (ended.failure.kind, ended.failure.path, ended.failure.line) == (
        "ZeroDivisionError",
        "checks.py",
        3,
    )
    assert Path(folder.path, "out.txt").exists()
