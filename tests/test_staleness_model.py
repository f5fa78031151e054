"""Nothing stale is ever taken for fresh: a person's days of work at random, each build compared with one from scratch.

Every step edits sources or results of a real project, as people and their tools do, and mostly builds. After a build
that ends well, all products hold what a build from scratch gives, a second build runs nothing, and ``status`` agrees;
what a person wrote into a product stays until it is given up; where only comments, markdown, formatting or times
changed, nothing runs.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings, stateful
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from octavo.model import Outcome
from octavo.report import Report
from staleness.builder import Content, Mixed, Place, Scratch
from staleness.world import CODE, DATA, ENV, EXTRA, FINDS, FUNCTIONS, NUMBERS, OPTIONAL, PARAMS, World

THEN_BUILD = st.sampled_from([True, True, False])
VALUE = st.integers(0, 9)
RENAMED = ("load", "many", "pair", "join", "peek", "found")
MOVED = ("load", "many", "join", "report", "last", "found")
PARTS = ("part-a", "part-b", "part-c", "part-d")


def step(**strategies: Any) -> Callable[[Callable[..., None]], Any]:
    """Make a rule that is counted, and told in the story of a failure.

    Hypothesis tells it too, where the failure comes again: what depends on the clock may not.
    """

    def decorate(function: Callable[..., None]) -> Any:
        @functools.wraps(function)
        def told(self: Work, **values: Any) -> None:
            Work.steps += 1
            words = ", ".join(f"{name}={value!r}" for name, value in values.items())
            self.story.append(f"{function.__name__}({words})")
            with self.telling():
                function(self, **values)

        made: Any = rule(**strategies)
        return made(told)

    return decorate


class Work(RuleBasedStateMachine):
    """One project, what its sources should be, and what a person changed by hand in its products."""

    steps = 0
    builds = 0
    kills = 0
    failures: ClassVar[list[str]] = []

    def __init__(self) -> None:
        super().__init__()
        self.story: list[str] = []
        self.folder = Path(tempfile.mkdtemp(prefix="staleness-model-"))
        self.place = Place(self.folder / "project")
        self.scratch = Scratch(self.folder / "scratch")
        self.world = World()
        self.branches = {"main": self.world, "other": self.world}
        self.branch = "main"
        self.place.write(self.world)
        self.edits = 0
        self.before: dict[str, Content] = {}  # products some builds ago
        #: what octavo is known to have left: of each record its products; None where its last run did not end well
        self.records: dict[tuple[str, ...], dict[str, Content] | None] = {}
        #: what of results octavo knows, also of earlier ones, by those keys
        self.made: dict[tuple[str, ...], list[dict[str, Content]]] = {}
        self.settled = False  # since the last full build only looks changed

    def teardown(self) -> None:
        try:
            with self.telling():
                self._build()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Keep the story of what goes wrong."""
        try:
            yield
        except AssertionError as error:
            self.failures.append("\n  ".join([*self.story, str(error)]))
            raise

    # ── edits of sources

    def _become(self, world: World, then_build: bool, looks: bool = False) -> None:
        self.world = self.branches[self.branch] = world
        self.place.write(world)
        self.settled = self.settled and looks
        if then_build:
            self._build()

    @step(which=st.sampled_from(sorted(NUMBERS)), value=VALUE, then_build=THEN_BUILD)
    def change_code(self, which: str, value: int, then_build: bool) -> None:
        self._become(self.world.change("numbers", which, value), then_build)

    @step(which=st.sampled_from(sorted(NUMBERS)), then_build=THEN_BUILD)
    def refactor(self, which: str, then_build: bool) -> None:
        """Write other code with the same result, or write it as before."""
        self._become(replace(self.world, sums=self.world.sums ^ {which}), then_build)

    @step(path=st.sampled_from(CODE), style=VALUE, then_build=THEN_BUILD)
    def reword(self, path: str, style: int, then_build: bool) -> None:
        """Change comments, docstrings, markdown, formatting."""
        self._become(self.world.change("styles", path, style), then_build, looks=True)

    @step(path=st.sampled_from(CODE), style=VALUE)
    def only_reword(self, path: str, style: int) -> None:
        """Change nothing but looks between two builds."""
        self._build()
        self._become(self.world.change("styles", path, style), then_build=True, looks=True)

    @step(which=st.sampled_from(sorted({**PARAMS, **ENV})), value=st.integers(1, 5), then_build=THEN_BUILD)
    def change_param(self, which: str, value: int, then_build: bool) -> None:
        self._become(self.world.change("params", which, value), then_build)

    @step(which=st.sampled_from(sorted({**PARAMS, **ENV})), value=st.integers(1, 5))
    def change_param_and_back(self, which: str, value: int) -> None:
        before = self.world
        self._become(before.change("params", which, value), then_build=True)
        self._become(before, then_build=True)

    @step(path=st.sampled_from([*DATA, OPTIONAL, EXTRA]), value=VALUE, then_build=THEN_BUILD)
    def write_data(self, path: str, value: int, then_build: bool) -> None:
        self._become(self.world.change("data", path, value), then_build)

    @step(path=st.sampled_from([*DATA, "steps/deep.py", "report.py", "pipeline.yaml"]), value=VALUE)
    def edit_unseen(self, path: str, value: int) -> None:
        """Edit a file right after a build read it, and give it the size and modification time that it had."""
        self._build()
        file = self.place.root / path
        before = file.stat()
        key = {"steps/deep.py": ("numbers", "deep"), "report.py": ("numbers", "report")}.get(
            path, ("data", path)
        )
        if path == "pipeline.yaml":
            key, value = ("params", "n"), 1 + value % 5
        self._become(self.world.change(*key, value), then_build=False)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        self._build()

    @step(path=st.sampled_from([OPTIONAL, EXTRA]), then_build=THEN_BUILD)
    def remove_data(self, path: str, then_build: bool) -> None:
        data = {name: value for name, value in self.world.data.items() if name != path}
        self._become(replace(self.world, data=data), then_build)

    @step(
        what=st.sampled_from([(key, value) for key, values in FINDS.items() for value in values]),
        then_build=THEN_BUILD,
    )
    def change_what_is_found(self, what: tuple[str, Any], then_build: bool) -> None:
        """Change an optional module, where a link points, a folder, what a child reads, a decorator, a mapping."""
        self._become(self.world.change("found", *what), then_build)

    @step(back=st.booleans())
    def touch(self, back: bool) -> None:
        """Give all sources another time, and build: nothing runs."""
        self._build()
        for path in self.place.written:
            file = self.place.root / path
            then = file.stat().st_mtime_ns - 10**9 * 60 if back else time.time_ns()
            os.utime(file, ns=(then, then))
        self._build()

    @step(task=st.sampled_from(RENAMED), then_build=THEN_BUILD)
    def rename(self, task: str, then_build: bool) -> None:
        name = task if task in self.world.names else f"{task}2"
        names = {**self.world.names, task: name}
        if name == task:
            del names[task]
        self._become(replace(self.world, names=names), then_build)

    @step(task=st.sampled_from(MOVED), then_build=THEN_BUILD)
    def move_product(self, task: str, then_build: bool) -> None:
        paths = dict(self.world.paths)
        if task in paths:
            del paths[task]
        else:
            paths[task] = f"out/moved/{task}" + ("" if task == "many" else ".txt")
        self._become(replace(self.world, paths=paths), then_build)

    @step(then_build=THEN_BUILD)
    def swap_products(self, then_build: bool) -> None:
        """Let two products of a task change their paths."""
        self._become(replace(self.world, swapped=not self.world.swapped), then_build)

    @step(part=st.sampled_from(PARTS), then_build=THEN_BUILD)
    def add_or_remove_task(self, part: str, then_build: bool) -> None:
        parts = {*self.world.parts} ^ {part}
        self._become(replace(self.world, parts=tuple(sorted(parts or {"part-a"}))), then_build)

    @step(then_build=THEN_BUILD)
    def switch_branch(self, then_build: bool) -> None:
        self.branch = "other" if self.branch == "main" else "main"
        self._become(self.branches[self.branch], then_build)

    @step(then_build=THEN_BUILD)
    def merge(self, then_build: bool) -> None:
        """Let the other branch be what this one is."""
        self.branches = dict.fromkeys(self.branches, self.world)
        self._become(self.world, then_build, looks=True)

    @step(task=st.sampled_from(FUNCTIONS), repeat=st.booleans())
    def fail_and_mend(self, task: str, repeat: bool) -> None:
        before = self.world
        self._become(replace(before, broken=before.broken | {task}), then_build=True)
        if repeat:
            self._build()
        self._become(before, then_build=True)

    # ── edits of products

    def _paths(self) -> list[str]:
        return [path for paths in self.world.products().values() for path in paths]

    def _pick(self, number: int) -> str:
        paths = self._paths()
        return paths[number % len(paths)]

    def _file(self, path: str) -> Path | None:
        """Return the file of a product, or one of its files."""
        full = self.place.root / path
        files = sorted(file for file in full.rglob("*") if file.is_file()) if full.is_dir() else [full]
        return files[0] if files and files[0].is_file() else None

    @step(
        number=st.integers(0, 20), how=st.sampled_from(["edit", "truncate", "older"]), then_build=THEN_BUILD
    )
    def edit_product(self, number: int, how: str, then_build: bool) -> None:
        path = self._pick(number)
        self.settled = False
        self.edits += 1
        if how == "older":
            if self.before.get(path) is not None:
                self.place.put(path, self.before[path])
        elif file := self._file(path):
            file.write_bytes(
                file.read_bytes()[:-1] if how == "truncate" else f"by hand {self.edits}\n".encode()
            )
        if then_build:
            self._build()

    @step(number=st.integers(0, 20))
    def edit_product_unseen(self, number: int) -> None:
        """Change a byte of a product and leave its size and modification time."""
        self._build()
        self.settled = False
        if (file := self._file(self._pick(number))) and (data := file.read_bytes()):
            before = file.stat()
            file.write_bytes(data[:-1] + (b"x" if data[-1:] != b"x" else b"y"))
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        self._build()

    @step(number=st.integers(0, 20), then_build=THEN_BUILD)
    def delete_product(self, number: int, then_build: bool) -> None:
        self.settled = False
        self.place.put(self._pick(number), None)
        if then_build:
            self._build()

    @step(number=st.integers(0, 20), then_build=THEN_BUILD)
    def clean(self, number: int, then_build: bool) -> None:
        self.settled = False
        names = sorted(self.world.products())
        self.place.clean(names[number % len(names)])
        if then_build:
            self._build()

    @step(number=st.integers(0, 20))
    def accept_an_edit(self, number: int) -> None:
        """Take an edited product for good, see it used, and give it up again."""
        self._build()
        path = self._pick(number)
        task = self._maker(path)
        file = self._file(path)
        if file is None:
            return
        self.edits += 1
        file.write_bytes(f"by hand {self.edits}\n".encode())
        edited = self.place.content(path)
        self.place.accept(task)
        self._note_record(task)
        step = self.place.status()[task]
        assert step.fresh, f"{task} was accepted and is stale: {_said(step.reasons)}"
        report = self._run()
        assert report.outcomes[task] is Outcome.FRESH, f"{task} was accepted and ran"
        assert self.place.content(path) == edited, f"{path} was accepted and is gone"
        self._run(task, force=True)
        self.settled = False
        self._build()

    @step()
    def forget(self) -> None:
        """Delete .octavo: nothing is known any more, and what stands there is left alone until it is given up."""
        self.place.put(
            self.world.path("many"), None
        )  # nor what a folder holds from whatever else it may hold
        # also what tasks have left that are not there now, and may come back
        ever = {path for key in (*self.records, *self.made) for path in key[1:]} | set(self._paths())
        shutil.rmtree(self.place.root / ".octavo", ignore_errors=True)
        self.records.clear()
        self.made.clear()
        self.settled = False
        kept = {path: self.place.content(path) for path in self._paths()}
        self._run()
        for path, content in kept.items():
            assert content is None or self.place.content(path) == content, (
                f"{path} of nobody knows whom is replaced"
            )
        for path in ever:
            self.place.put(path, None)
        self.records.clear()
        self.made.clear()
        self._build()

    # ── builds

    @step(number=st.integers(0, 20), before=st.booleans(), after=st.booleans())
    def build_some(self, number: int, before: bool, after: bool) -> None:
        names = sorted(self.world.products())
        self._run("+" * before + names[number % len(names)] + "+" * after)

    @step(number=st.integers(0, 20))
    def build_forced(self, number: int) -> None:
        names = sorted(self.world.products())
        self._run(names[number % len(names)], force=True)
        self._build()

    @step(cache=st.booleans())
    def build(self, cache: bool) -> None:
        self._build(cache=cache)

    @step(
        started=st.integers(1, 8), which=st.sampled_from(["load", "deep", "join", "pair"]), back=st.booleans()
    )
    def kill_a_build(self, started: int, which: str, back: bool) -> None:
        """Kill a build when so many tasks have started; build again, perhaps with the code as it was before."""
        if Work.kills * 30 > Work.steps:  # each takes seconds
            return
        Work.kills += 1
        self._give_up()
        before = self.world
        self._become(before.change("numbers", which, (before.numbers[which] + 3) % 10), then_build=False)
        _kill(self.place.root, started)
        if back:
            self._become(before, then_build=False)
        self.records = {self._key(task): None for task in self.world.products()}
        self._build()
        assert not self._edited(), "a killed build left what looks like somebody's work"

    # ── what must hold

    def _build(self, cache: bool = True) -> None:
        """Build everything; give up edits of products where they are in the way; then everything must be right."""
        settled = self.settled
        expected, edited = self._expected(), self._edited()
        kept = {path: self.place.content(path) for path in edited}
        report = self._run(cache=cache)
        outcomes = {name: outcome.value for name, outcome in report.outcomes.items()}
        ended = {name: "good" if report.outcomes[name].good else outcomes[name] for name in outcomes}
        assert ended == expected, (
            f"{ended}, and not {expected}, with {sorted(edited)} edited; {_failures(report)}"
        )
        for path, content in kept.items():
            assert self.place.content(path) == content, f"{path} was edited by hand and is overwritten"
        if settled:
            ran = {name for name, outcome in outcomes.items() if outcome != "fresh"}
            # it reads the report, whose markdown is new
            assert not ran - {self.world.name("peek")}, f"only looks have changed, and {ran} ran"
        if self.world.broken:
            return
        if edited:
            self._give_up()
            self._run(cache=cache)
        self._check()
        self.settled = True

    def _check(self) -> None:
        """Compare with a build from scratch; see that a second build runs nothing."""
        found, expected = self.place.results(self._paths()), self.scratch.results(self.world)
        for path, content in expected.items():
            assert found[path] == content, (
                f"false fresh: {path} holds {found[path]!r}, from scratch {content!r}"
            )
        stale = {name: step for name, step in self.place.status().items() if not step.fresh}
        words = {name: _said(step.reasons) or f"waits for {step.waits}" for name, step in stale.items()}
        assert not stale, f"after a build status says {words}"
        again = {name: outcome.value for name, outcome in self._run().outcomes.items()}
        assert set(again.values()) == {"fresh"}, f"a second build ran something: {again}"

    def _run(self, *targets: str, force: bool = False, cache: bool = True) -> Report:
        type(self).builds += 1
        self.before = {**self.before, **{path: self.place.content(path) for path in self._paths()}}
        report = self.place.build(*targets, force=force, cache=cache)
        for task, outcome in report.outcomes.items():
            if outcome in (Outcome.DONE, Outcome.RESTORED, Outcome.FRESH):
                self._note_record(task)
            elif outcome is Outcome.FAILED:
                self.records[self._key(task)] = None
        return report

    def _key(self, task: str) -> tuple[str, ...]:
        return (task, *sorted(self.world.products()[task]))

    def _note_record(self, task: str) -> None:
        made = {path: self.place.content(path) for path in self.world.products()[task]}
        self.records[self._key(task)] = made
        self.made.setdefault(self._key(task), []).append(made)

    def _maker(self, path: str) -> str:
        return next(task for task, paths in self.world.products().items() if path in paths)

    def _edited(self) -> set[str]:
        """Return the products that are not as octavo ever left them; executed notebooks are for people."""
        found = set()
        for path in self._paths():
            if path.endswith(".ipynb"):
                continue
            content = self.place.content(path)
            known = [record for key, record in self.records.items() if path in key[1:]]
            theirs = [record[path] for record in known if record]  # of none whose last run is in doubt
            own = self.made.get(self._key(self._maker(path)), ())
            if any(made[path] == content for made in own):
                continue
            if content is not None and known and len(theirs) == len(known) and content not in theirs:
                found.add(path)
        return found

    def _expected(self) -> dict[str, str]:
        """Return how each task of a full build should end: edits of products stop it, and so do failures."""
        ended: dict[str, str] = {}
        edited, upstream = self._edited(), self.world.upstream()
        broken = {self.world.name(task) for task in self.world.broken}
        for task, paths in self.world.products().items():
            if any(ended[up] != "good" for up in upstream[task]) or edited.intersection(paths):
                ended[task] = "blocked"
            else:
                ended[task] = "failed" if task in broken else "good"
        return ended

    def _give_up(self) -> None:
        """Rebuild by force what was edited by hand."""
        edited = self._edited()
        for paths in self.world.products().values():
            if edited.intersection(paths):
                for path in paths:
                    self.place.put(path, None)


def _said(reasons: Any) -> str:
    return "; ".join(map(str, reasons))


def _failures(report: Report) -> str:
    return "; ".join(f"{name}: {event.failure}" for name, event in report.failures.items())


def _kill(root: Path, started: int) -> None:
    """Start a build as a user does; kill it while the task that is the so-manyth to start writes its product."""
    before = set((root / ".octavo" / "runs").glob("*.jsonl"))
    command = [sys.executable, "-m", "octavo", "build", "--quiet"]
    process = subprocess.Popen(
        command,
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "SLOW": "0.1"},
    )
    while process.poll() is None:
        logs = set((root / ".octavo" / "runs").glob("*.jsonl")) - before
        if sum(log.read_bytes().count(b'"TaskStarted"') for log in logs) >= started:
            time.sleep(0.08)
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.002)
    process.wait()


@pytest.fixture
def warm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let Python write byte code, which is one of the things that may be stale; end the warm server afterwards."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    yield
    Mixed.end()


def _work(days: int, steps: int, least: int) -> None:
    Work.steps = Work.builds = Work.kills = 0
    Work.failures.clear()
    began = time.monotonic()
    how = settings(
        max_examples=days,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if os.environ.get("SHRINK") else [Phase.generate],
    )
    try:
        stateful.run_state_machine_as_test(Work, settings=how)
    except Exception as error:
        shortest = min(Work.failures, key=len, default="none")
        raise AssertionError(f"the shortest of {len(Work.failures)} stories:\n  {shortest}") from error
    print(f"{Work.steps} steps, {Work.builds} builds, {Work.kills} killed, {time.monotonic() - began:.0f} s")
    assert Work.steps >= least


def test_nothing_stale_is_taken_for_fresh(warm: None) -> None:
    _work(days=2, steps=20, least=40)


@pytest.mark.nightly
def test_nothing_stale_is_taken_for_fresh_in_a_long_night(warm: None) -> None:
    _work(days=70, steps=45, least=2000)
