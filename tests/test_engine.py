"""The loop: what runs, what waits, what is recorded, and that nobody is told more than is true."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from octavo.engine import Run
from octavo.errors import Error
from octavo.events import Event, Note, RunFinished, RunStarted, TaskFinished, TaskStarted
from octavo.graph import Graph
from octavo.model import Facts, Failure, Outcome, Product, Source, Task
from octavo.plan import plan
from octavo.report import Report
from octavo.state.store import Store

Work = Callable[[Path, Task], None]


class Direct:
    """An executor that calls a function for each task, one after another."""

    def __init__(self, root: Path, work: Work, slots: int = 1) -> None:
        self.root, self.work, self.slots = root, work, slots
        self.started: list[str] = []
        self.closed = False
        self._waiting: deque[Task] = deque()

    def prepare(self, modules: tuple[str, ...], cells: tuple[str, ...] = ()) -> None: ...

    def submit(self, task: Task) -> None:
        self.started.append(task.name)
        self._waiting.append(task)

    def refuses(self, task: Task) -> Error | None:
        return None

    def next(self, timeout: float | None = None) -> Event:
        task = self._waiting.popleft()
        try:
            self.work(self.root, task)
        except ArithmeticError as error:
            return TaskFinished(task.name, Outcome.FAILED, 0.1, Failure("ArithmeticError", str(error)))
        return TaskFinished(task.name, Outcome.DONE, 0.1)

    def close(self) -> tuple[Event, ...]:
        self.closed = True
        return ()


class Pipeline:
    """A few tasks on disk: each writes the sum of what it reads plus ``n`` to its product, or what ``work`` does."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Store(root / ".octavo", root)
        self.params: dict[str, dict[str, int]] = {}
        self.code: dict[str, str] = {}
        self.executor = Direct(root, total)

    def graph(self) -> Graph:
        return Graph(
            [
                self.task("a"),
                self.task("b", "a"),
                self.task("c", "b"),
                self.task("d", "a"),
            ]
        )

    def task(self, name: str, *upstream: str) -> Task:
        return Task(
            name,
            "function",
            Source(f"{name}.py", facts=Facts(self.code.get(name, "code"))),
            (Product(f"out/{name}"),),
            self.params.get(name, {}),
            upstream,
            {up: f"out/{up}" for up in upstream},
        )

    def events(
        self,
        *targets: str,
        work: Work | None = None,
        force: bool = False,
        fail_fast: bool = False,
        slots: int = 1,
    ) -> Iterator[Event]:
        graph, clock = self.graph(), itertools.count()
        self.executor = Direct(self.root, work or total, slots)
        run = Run(
            graph,
            plan(graph, self.store, frozenset(graph.select(targets)), force),
            self.store,
            self.executor,
            name="run",
            clock=lambda: float(next(clock)),
            filled=lambda task: task,
            keeper=lambda task: None,
            fail_fast=fail_fast,
        )
        return run.events()

    def build(self, *targets: str, work: Work | None = None, **options: bool) -> dict[str, str]:
        report = Report()
        for event in self.events(*targets, work=work, **options):
            report(event)
        return {name: outcome.value for name, outcome in report.outcomes.items()}

    def why(self) -> dict[str, list[str]]:
        steps = plan(self.graph(), self.store, frozenset("abcd"))
        return {
            name: [str(reason) for reason in step.reasons] or [f"waits {up}" for up in step.waits]
            for name, step in steps.items()
        }


def total(root: Path, task: Task) -> None:
    read = [int((root / str(path)).read_text()) for path in task.inputs.values()]
    (root / task.products[0].path).write_text(str(sum(read) + task.params.get("n", 0)))


def rounded(root: Path, task: Task) -> None:
    """Like total, but a's result is the same for n = 0 and n = 1."""
    total(root, task)
    if task.name == "a":
        (root / "out/a").write_text("7")


def failing(*names: str) -> Work:
    def work(root: Path, task: Task) -> None:
        if task.name in names:
            raise ArithmeticError("as told")
        total(root, task)

    return work


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    made = Pipeline(tmp_path)
    yield made
    made.store.close()


ALL_DONE = dict.fromkeys("abcd", "done")
ALL_FRESH = dict.fromkeys("abcd", "fresh")


def test_the_first_build_runs_everything_and_the_second_nothing(pipeline: Pipeline) -> None:
    assert pipeline.build() == ALL_DONE
    assert pipeline.build() == ALL_FRESH
    assert pipeline.executor.started == []


def test_a_changed_parameter_runs_its_task_and_what_follows(pipeline: Pipeline) -> None:
    pipeline.build()
    pipeline.params["b"] = {"n": 5}
    assert pipeline.why() == {"a": [], "b": ["param n is new"], "c": ["waits b"], "d": []}
    assert pipeline.build() == {"a": "fresh", "b": "done", "c": "done", "d": "fresh"}


def test_a_rebuilt_input_with_the_same_bytes_stops_the_wave(pipeline: Pipeline) -> None:
    pipeline.build(work=rounded)
    pipeline.params["a"] = {"n": 1}
    assert pipeline.why() == {"a": ["param n is new"], "b": ["waits a"], "c": ["waits b"], "d": ["waits a"]}
    assert pipeline.build(work=rounded) == {"a": "done", "b": "fresh", "c": "fresh", "d": "fresh"}


def test_changed_code_is_a_reason(pipeline: Pipeline) -> None:
    pipeline.build()
    pipeline.code["d"] = "other code"
    assert pipeline.why()["d"] == ["source changed"]
    assert pipeline.build() == {"a": "fresh", "b": "fresh", "c": "fresh", "d": "done"}


def test_a_deleted_product_is_made_again_and_what_follows_stays_fresh(pipeline: Pipeline) -> None:
    pipeline.build()
    (pipeline.root / "out/b").unlink()
    assert pipeline.why()["b"] == ["product out/b is gone"]
    assert pipeline.build() == {"a": "fresh", "b": "done", "c": "fresh", "d": "fresh"}


def test_a_failure_blocks_what_follows_and_nothing_else(pipeline: Pipeline) -> None:
    assert pipeline.build(work=failing("b")) == {"a": "done", "b": "failed", "c": "blocked", "d": "done"}
    # and the next build starts where it failed
    assert pipeline.build() == {"a": "fresh", "b": "done", "c": "done", "d": "fresh"}


def test_fail_fast_starts_nothing_after_a_failure(pipeline: Pipeline) -> None:
    outcomes = pipeline.build(work=failing("b"), fail_fast=True)
    assert outcomes == {"a": "done", "b": "failed", "c": "blocked", "d": "cancelled"}


def test_a_promise_that_was_not_kept_is_a_failure_and_no_record(pipeline: Pipeline) -> None:
    def forgetful(root: Path, task: Task) -> None:
        if task.name != "d":
            total(root, task)

    report = Report()
    for event in pipeline.events(work=forgetful):
        report(event)
    failure = report.failures["d"].failure
    assert failure is not None and failure.kind == "MissingProduct" and "out/d" in failure.message
    assert pipeline.why()["d"] == ["its last run failed"]


def test_a_rerun_that_fails_half_way_is_never_taken_for_done(pipeline: Pipeline) -> None:
    pipeline.build()

    def torn(root: Path, task: Task) -> None:
        (root / task.products[0].path).write_text("99")
        raise ArithmeticError("half-way")

    assert pipeline.build("b", work=torn, force=True)["b"] == "failed"
    assert pipeline.why()["b"] == ["its last run failed"]
    assert pipeline.build() == {"a": "fresh", "b": "done", "c": "fresh", "d": "fresh"}


def in_folder(root: Path, task: Task) -> None:
    """Like total, but d makes a folder with n files."""
    if task.name != "d":
        total(root, task)
        return
    for i in range(task.params["n"]):
        (root / "out/d").mkdir(exist_ok=True)
        (root / f"out/d/{i}").write_text("7")


def test_a_folder_holds_nothing_of_an_earlier_run(pipeline: Pipeline) -> None:
    pipeline.params["d"] = {"n": 3}
    pipeline.build(work=in_folder)
    pipeline.params["d"] = {"n": 1}
    assert pipeline.build(work=in_folder)["d"] == "done"
    assert [path.name for path in (pipeline.root / "out/d").iterdir()] == ["0"]


def test_a_folder_of_an_earlier_run_is_there_again_after_a_failure(pipeline: Pipeline) -> None:
    pipeline.params["d"] = {"n": 3}
    pipeline.build(work=in_folder)
    pipeline.params["d"] = {"n": 1}
    assert pipeline.build(work=failing("d"))["d"] == "failed"
    assert len(list((pipeline.root / "out/d").iterdir())) == 3
    assert not (pipeline.root / ".octavo/aside").exists()


def test_a_folder_that_no_task_made_is_left_alone(pipeline: Pipeline) -> None:
    (pipeline.root / "out/d").mkdir(parents=True)
    (pipeline.root / "out/d/mine").write_text("work of years")
    pipeline.params["d"] = {"n": 1}
    assert pipeline.build(work=in_folder)["d"] == "done"
    assert (pipeline.root / "out/d/mine").exists()


def renamed(pipeline: Pipeline) -> None:
    """Let d have another name, and the path that it had."""
    usual = pipeline.task
    pipeline.graph = lambda: Graph(  # type: ignore[method-assign]
        [usual("a"), replace(usual("d", "a"), name="e", params={"n": 9})]
    )


def test_what_another_task_left_is_no_work_of_a_person(pipeline: Pipeline) -> None:
    pipeline.build()
    renamed(pipeline)
    assert pipeline.build() == {"a": "fresh", "e": "done"}
    del pipeline.graph
    assert pipeline.build() == {"a": "fresh", "b": "fresh", "c": "fresh", "d": "done"}


def test_a_product_changed_by_hand_is_kept_although_its_task_has_another_name(pipeline: Pipeline) -> None:
    pipeline.build()
    (pipeline.root / "out/d").write_text("1000")
    renamed(pipeline)
    assert pipeline.build() == {"a": "fresh", "e": "blocked"}
    assert (pipeline.root / "out/d").read_text() == "1000"


def test_force_runs_what_is_fresh(pipeline: Pipeline) -> None:
    pipeline.build()
    assert pipeline.build("b", force=True) == {"b": "done"}
    assert pipeline.build(force=True) == ALL_DONE


def test_a_selection_runs_alone_on_what_is_there(pipeline: Pipeline) -> None:
    assert pipeline.build("c") == {"c": "blocked"}
    assert pipeline.build("+c") == {"a": "done", "b": "done", "c": "done"}
    pipeline.params["a"] = {"n": 3}
    assert pipeline.build("c") == {"c": "fresh"}


def test_a_product_changed_by_hand_is_a_reason(pipeline: Pipeline) -> None:
    pipeline.build()
    (pipeline.root / "out/a").write_text("1000")
    why = pipeline.why()
    assert why["a"] == ["product out/a was changed by hand"]
    assert why["b"] == ["upstream a changed"]


def test_a_product_changed_by_hand_is_not_overwritten_unasked(pipeline: Pipeline) -> None:
    pipeline.build()
    (pipeline.root / "out/a").write_text("1000")
    pipeline.params["a"] = {"n": 3}
    assert pipeline.build() == {"a": "blocked", "b": "blocked", "c": "blocked", "d": "blocked"}
    assert (pipeline.root / "out/a").read_text() == "1000"
    assert pipeline.build("a", force=True) == {"a": "done"}
    assert (pipeline.root / "out/a").read_text() == "3"


def test_closing_the_events_ends_the_run_and_records_nothing_half_done(pipeline: Pipeline) -> None:
    events = pipeline.events()
    for event in events:
        if isinstance(event, TaskStarted) and event.task == "b":
            break
    events.close()  # type: ignore[attr-defined]
    assert pipeline.executor.closed
    assert pipeline.why()["a"] == []
    assert pipeline.why()["b"] == ["its last run did not finish"]


def test_the_events_tell_the_whole_story_in_order(pipeline: Pipeline) -> None:
    told = list(pipeline.events())
    assert isinstance(told[0], RunStarted) and told[0].stale == ("a", "b", "c", "d")
    assert isinstance(told[-1], RunFinished) and told[-1].good
    started = [event.task for event in told if isinstance(event, TaskStarted)]
    ended = [event.task for event in told if isinstance(event, TaskFinished)]
    assert sorted(started) == sorted(ended) == list("abcd")
    for name in "abcd":
        begin = next(i for i, e in enumerate(told) if isinstance(e, TaskStarted) and e.task == name)
        end = next(i for i, e in enumerate(told) if isinstance(e, TaskFinished) and e.task == name)
        assert begin < end


def test_a_record_is_committed_before_done_is_told(pipeline: Pipeline) -> None:
    for event in pipeline.events():
        if isinstance(event, TaskFinished) and event.outcome is Outcome.DONE:
            assert pipeline.why()[event.task] == []


def test_independent_tasks_run_side_by_side(pipeline: Pipeline) -> None:
    pipeline.build("a")
    running: set[str] = set()
    most = 0
    for event in pipeline.events(slots=2):
        if isinstance(event, TaskStarted):
            running.add(event.task)
        elif isinstance(event, TaskFinished):
            running.discard(event.task)
        most = max(most, len(running))
    assert most == 2


def test_reading_a_product_that_is_not_named_is_told(pipeline: Pipeline) -> None:
    def reads_on(work: Direct) -> Callable[[float | None], Event]:
        def following(timeout: float | None = None) -> Event:
            event = Direct.next(work)
            if isinstance(event, TaskFinished) and event.task == "d":
                return TaskFinished("d", event.outcome, 0.1, discovered={"file out/b": ("out/b", "x")})
            return event

        return following

    events = pipeline.events()
    next(events)
    pipeline.executor.next = reads_on(pipeline.executor)  # type: ignore[method-assign, assignment]
    notes = [event for event in events if isinstance(event, Note)]
    assert [note.task for note in notes] == ["d"]
    assert "out/b, a product of b" in notes[0].message


def test_a_report_is_good_only_when_everything_went_well() -> None:
    def folded(*events: Event) -> Report:
        report = Report()
        for event in events:
            report(event)
        return report

    end = RunFinished("r", True, 1.0, 2.0)
    ends: Sequence[tuple[Outcome, int]] = [
        (Outcome.DONE, 0),
        (Outcome.FRESH, 0),
        (Outcome.FAILED, 1),
        (Outcome.BLOCKED, 1),
        (Outcome.CANCELLED, 0),
    ]
    for outcome, code in ends:
        assert folded(TaskFinished("a", outcome), end).exit_code == code
    assert folded(TaskFinished("a", Outcome.DONE)).exit_code == 130


def test_products_that_go_elsewhere_leave_the_usual_ones_fresh(pipeline: Pipeline) -> None:
    pipeline.build()
    usual = pipeline.task

    def elsewhere(name: str, *upstream: str) -> Task:
        task = usual(name, *upstream)
        inputs = {up: f"smoke/{up}" for up in upstream}
        return replace(task, products=(Product(f"smoke/{name}"),), inputs=inputs)

    pipeline.task = elsewhere  # type: ignore[method-assign]
    assert pipeline.build() == ALL_DONE
    pipeline.task = usual  # type: ignore[method-assign]
    assert pipeline.build() == ALL_FRESH
