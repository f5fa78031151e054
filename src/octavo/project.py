"""A pipeline on disk: the entry point for the command line, Python and every other surface."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from .engine import Run
from .errors import Error, raise_all
from .events import Event
from .executed.editions import editions, home
from .executors import Asked, Executor
from .executors.ahead import Ahead
from .executors.running import attempt
from .explain import differences
from .graph import Graph
from .kinds import keys, preflight
from .lazy import lazy_imports
from .load import load as load_spec
from .model import Json, Reason, Record, Step, Task
from .parts import Now
from .plan import drift, estimate, judged, key_of, plan, seconds_saved
from .report import Report, tell_all
from .spec import sources
from .spec.entry import EntryPoint, find
from .state.lock import holding
from .state.order import Order, exclusive
from .state.runlog import RunLog
from .state.store import PastRun, Store

if TYPE_CHECKING:
    from .cache.local import Cache
    from .lockfile import Lockfile

with lazy_imports():
    from . import lockfile, notify, single, upkeep
    from .cache import exchange, reuse
    from .compat import adopt as adoption
    from .executed import keeper as keepers
    from .executors import members as places
    from .kinds import members
    from .reading import edits
    from .show import in_jupyter
    from .tables import proxies
    from .venvs import making
    from .worker import hook_process


def load(
    path: str | Path | None = None,
    *,
    params: Mapping[str, object] | None = None,
    waiting: Callable[[str], None] | None = None,
) -> Project:
    """Load the pipeline of a file, of a folder, or of the nearest folder upwards from here; see ``entry.find``.

    ``params`` override keys of env.yaml, or else parameters of the tasks that declare them. ``waiting`` is told of
    another process that has locked the project's state, while it is waited for. Raises
    ``errors.Error`` for a mistake and ``errors.Errors`` for several.
    """
    return Project(find(path), params or {}, waiting)


class Project:
    """A loaded pipeline: its graph, what is stale in it, and how to build it."""

    def __init__(
        self, entry: EntryPoint, params: Mapping[str, object], waiting: Callable[[str], None] | None = None
    ) -> None:
        self.path, self.root = entry.path, entry.root
        self.store = Store(self.root / ".octavo", self.root, waiting)
        self._noticed: tuple[str, ...] = ()
        self._judged: dict[str, Record] = {}  # when the state was asked for last
        try:
            self._loaded = load_spec(str(self.path), str(self.root), self.store, params, entry.data)
            # with parameters, there may be more to the pipeline
            self.lock = self.store.claims = self._locked(whole=not params)
        except BaseException:
            self.store.close()
            raise
        self.around: Json = self._loaded.around  # what the file says of schedule, notify, executor
        self.graph: Graph = self._ordered(self._loaded.graph, Order(self.store))  # as was seen, too

    def _locked(self, whole: bool) -> Lockfile | None:
        wanted, tasks = self._loaded.lock and self.path.is_file(), self._loaded.graph.tasks
        return lockfile.Lockfile(str(self.path), tasks, self.store, whole) if wanted else None

    def _ordered(self, graph: Graph, seen: Order) -> Graph:
        used = [*self._loaded.mentioned, *seen.pairs()]
        turns = [*seen.pairs_in_turn(), *exclusive(graph, self._loaded.mentioned)]
        used += self.lock.pairs() if self.lock else ()
        return graph.ordered(used, turns, within=self._loaded.serial) if used or turns else graph

    @property
    def notes(self) -> tuple[str, ...]:
        """What loading noticed and a person should know; and mistakes in sources, which cannot run as they are."""
        unfit = (f"{name} cannot run: {one}" for name, found in self._loaded.unfit.items() for one in found)
        return (*self._loaded.overridden, *self._loaded.notes, *self._noticed, *self.store.notes, *unfit)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The notes that a person should read before anything runs: cells that assign what the pipeline sets."""
        return self._loaded.overridden

    def unchanged(self) -> bool:
        """Return whether loading it again would give the same pipeline; False where that cannot be told."""
        return self._loaded.unchanged() and (self.lock is None or self.lock.unchanged())

    def status(self, targets: Sequence[str] = (), *, force: bool = False) -> dict[str, Step]:
        """Return the steps of the selected tasks, in order: why each is stale, and what it waits for.

        Nothing of the user's is run or imported, but for what connects to the databases that products are in.
        """
        return self._plan(targets, force)

    def _plan(self, targets: Sequence[str], force: bool = False, recall: bool = False) -> dict[str, Step]:
        if any(product.relation is not None for task in self.graph for product in task.products):
            self._noticed = proxies.verify(self.graph, str(self.root), self.store)
        selected = self.graph.select(targets)
        raise_all(preflight.places((self.graph[name] for name in selected), str(self.root)))
        self._judged = self.store.records()
        steps = plan(self.graph, self.store, frozenset(selected), force, recall, self._judged)
        if recall and self.lock is not None:
            self.lock.settle(steps)
        self.store.flush()
        return steps

    def lies(self, steps: Mapping[str, Step]) -> list[str]:
        """Return what ``octavo.lock`` says that is not so, and what it lacks; nothing where there is to be none."""
        return [*self.lock.lies(steps)] if self.lock else []

    def _relock(self, names: Iterable[str]) -> None:
        """Write what the results of tasks that are fresh were made from to the lock."""
        if self.lock is not None and (note := self.lock.update([*names])):
            self._noticed = (*self._noticed, note)

    def build(
        self,
        targets: Sequence[str] = (),
        *,
        force: bool = False,
        jobs: int | None = None,
        fail_fast: bool = False,
        executor: Asked = None,
        listeners: Sequence[Callable[[Event], None]] = (),
        waiting: Callable[[str], None] | None = None,
        wait: bool = True,
        cache: bool = True,
        remote: bool | str = False,
        stay: Mapping[str, object] | None = None,
    ) -> Report:
        """Run what is stale among the selected tasks and return how it went.

        ``jobs`` tasks run at a time (default: one per processor); ``executor`` is a name, or makes one itself.
        Each listener is told every event; one that raises is dropped and becomes a note. While another build holds the
        project, ``waiting`` is told who, and this one waits, or raises ``StateError`` when ``wait`` is False.
        Results are taken from the cache and kept there unless ``cache`` is False; ``remote``: at its URL, or this, too.
        ``stay`` makes a task that has failed wait: ``{"hold": True}`` for ``jupyter console --existing``,
        ``{"debug": path}`` at a prompt on that terminal.
        """
        report, run = Report(), _new_run(getattr(executor, "place", ""))
        with self._holding(waiting, wait):
            steps = self._plan(targets, force, recall=True)
            stale = [step.task for step in steps.values() if not step.fresh]
            said, root = self._loaded, str(self.root)
            raise_all(preflight.errors(stale, said.unfit, said.hooks, root, str(self.path)))
            if apart := [task for task in stale if "environment" in task.own]:
                making.ready(apart, root, listeners)
            where = self._executor(executor, 1 if jobs is None and self._loaded.serial else jobs, stale, stay)
            ahead = Ahead(self.root, self.store)
            ahead.recall(where)
            log = RunLog(self.store.folder / "runs" / f"{run}.jsonl")
            for folder in self._loaded.folders if stale else ():
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            with log if stale or self._loaded.hooks else nullcontext() as tell:
                engine = Run(
                    self.graph,
                    steps,
                    self.store,
                    where,
                    name=run,
                    clock=time.time,
                    filled=sources.Reader(str(self.root), self.store).filled,
                    keeper=lambda task: _keeper(task, self.root),
                    pause=stay,
                    modules=lambda: ahead.modules(stale, self._loaded.preload),
                    call_on_failure=lambda *died: hook_process.call_in_child(str(self.root), *died),
                    refresh=lambda task: members.kind(task.kind).refresh(task, str(self.root)),
                    fail_fast=fail_fast,
                    strict=self._loaded.strict,
                    cache=self._reuse(remote, stale) if stale and cache else None,
                )
                shown = [*(listeners or in_jupyter.bars())]
                if told := self.around.get("notify"):
                    shown.append(notify.Notices(told, str(self.root), str(self.path), self.store, report))
                try:
                    tell_all(self._hooked(engine.events()), report, [tell, *shown] if tell else shown)
                finally:
                    self._relock(name for name, outcome in report.outcomes.items() if outcome.good)
            ahead.remember(self.graph, where)
        return report

    def _hooked(self, events: Iterator[Event]) -> Iterator[Event]:
        """Return a build's events with the pipeline's own hooks called around them, where it has any."""
        if not self._loaded.hooks:
            return events
        root, hooks = self.root, self._loaded.hooks
        return hook_process.Hooked(str(root), root.name, hooks, self.graph.tasks).events(events)

    def _reuse(self, remote: bool | str, wanted: Sequence[Task] = ()) -> reuse.Reuse | None:
        """Return the cache as the engine uses it; None where the pipeline wants none."""
        now = Now(self.store, self.graph)
        cache = reuse.reuse(self.root, self._loaded.cache, remote, self.graph.tasks, self.store, now.again)
        if cache is not None:
            cache.expect(wanted)
        return cache

    def _shared(self, wanted: Sequence[Task] = (), remote: bool = True) -> reuse.Reuse:
        if (cache := self._reuse(remote, wanted)) is None:
            raise Error("the pipeline has disabled its cache")
        return cache

    def cache(self) -> Cache:
        """Return the cache of this project, whether builds use it or not."""
        return reuse.opened(self.root, self._loaded.cache, False)

    def push(self, targets: Sequence[str] = ()) -> exchange.Exchanged:
        """Send the results of the selected tasks that are fresh to the remote cache; return what came of it."""
        with self._holding():
            steps = self.status(targets)
            known = {name: self.store.record(key_of(step.task)) for name, step in steps.items()}
            return exchange.push(self._shared(), steps, known)

    def pull(self, targets: Sequence[str] = (), remote: bool = True) -> exchange.Exchanged:
        """Restore the selected tasks that are stale, and whose results are known, without running any."""
        with self._recording(targets):
            order, now = [step.task for step in self.status(targets).values()], Now(self.store, self.graph)
            return exchange.pull(
                self._shared(order, remote),
                order,
                _new_run(),
                lambda task: judged(task, self.graph.tasks, self.store, at=now.again(task.name))[0],
            )

    def estimate(self, steps: Mapping[str, Step], jobs: int | None = None) -> float | None:
        """Return the seconds that a build of these steps should take by earlier runs; None without any."""
        return estimate(self.store, steps, jobs or os.cpu_count() or 1)

    def inputs(self) -> set[str]:
        """Return the files and folders whose change can make a task stale."""
        return edits.inputs(self.graph, self.store.records().values(), self.root, self.path)

    def saved(self, report: Report) -> float:
        """Return the seconds that a build's fresh and restored tasks took when they last ran."""
        return seconds_saved(self.store, self.graph, report.outcomes)

    def differences(self, step: Step) -> dict[str, list[str]]:
        """Return the lines of a diff for each reason of a step that is about a text: the source, or a module."""
        record = self.store.record(key_of(step.task))
        if record is None:
            return {}
        found = {r.part: list(differences(self.store, step.task, record, r)) for r in step.reasons}
        return {part: lines for part, lines in found.items() if lines}

    def drift(self) -> list[str]:
        """Return a note on each package that results were made with in another version than is installed now."""
        records = self._judged or self.store.records()
        return drift(self.store, (it for it in records.values() if it.task in self.graph.tasks))

    def accept(self, targets: Sequence[str]) -> dict[str, tuple[Reason, ...]]:
        """Take the products of the selected tasks, as they are, for good; return the reasons that no longer hold."""
        with self._recording(targets):
            return upkeep.accept(self.graph, self.store, self.graph.select(targets))

    def adopt(self, targets: Sequence[str] = (), *, commit: bool = True) -> list[adoption.Verdict]:
        """Take what Ploomber made of the selected tasks as fresh, where it says that nothing has changed since.

        Returns an ``adopt.Verdict`` for each task of which octavo has no results yet; without ``commit`` that is all.
        """
        with self._recording(targets) if commit else self._holding():
            selected = self.graph.select(targets)
            return adoption.adopt(self.graph, self.store, selected, self._loaded.unfit, commit)

    def leftovers(self, targets: Sequence[str] = ()) -> list[upkeep.Leftover]:
        """Return the products of the selected tasks that are on disk."""
        return upkeep.leftovers(self.graph, self.store, self.graph.select(targets))

    def orphans(self) -> list[upkeep.Leftover]:
        """Return the files on disk that tasks once made and that no task of the pipeline makes, uses or is in."""
        return upkeep.orphans(self.graph, self.store)

    def clean(self, found: Iterable[upkeep.Leftover]) -> None:
        """Remove products that ``leftovers`` found."""
        with self._holding():
            for leftover in found:
                upkeep.remove(self.store, leftover)

    def history(self, task: str) -> list[PastRun]:
        """Return how the runs of a task ended, the newest first."""
        return self.store.history(*self.graph.select([task]))

    def close(self) -> None:
        """Close the project's state."""
        self.store.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _recording(self, targets: Sequence[str]) -> Iterator[None]:
        """Hold the project, for new results of the selected tasks that no run makes."""
        with self._holding():
            yield
            if self.lock is not None:
                self._relock(name for name, step in self._plan(targets, recall=True).items() if step.fresh)

    @contextmanager
    def _holding(self, waiting: Callable[[str], None] | None = None, wait: bool = False) -> Iterator[None]:
        """Hold the project, with a state that what is written to stays in."""
        with holding(self.store.folder, waiting, wait), self.store.written():
            yield

    def _executor(
        self, asked: Asked, jobs: int | None, todo: Sequence[Task], stay: Mapping[str, object] | None
    ) -> Executor | None:
        """Return the executor for a build, None where nothing is stale; raise what it refuses."""
        if not todo and asked in (None, "local"):
            return None
        make = places.chosen(asked, self.around.get("executor", {}), self.graph.tasks)
        if not todo:  # a name that is unknown is refused all the same
            return None
        executor = make(str(self.root), jobs, log=str(self.store.folder / "server.log"))
        places.agree(executor, [attempt(task, pause=stay) for task in todo])
        return executor


def run(
    source: str | Path,
    output: str | Path | None = None,
    *,
    parameters: Mapping[str, object] | None = None,
    kernel: str | None = None,
    cwd: str | Path | None = None,
    allow_errors: bool = False,
    strict: bool = True,
    timeout: float | None = None,
    cell_timeout: float | None = None,
    output_limit: int | str | None = None,
    memory: int | str | None = None,
    report_mode: bool = False,
    listeners: Sequence[Callable[[Event], None]] = (),
) -> Report:
    """Execute one notebook, without a pipeline, and write the executed copy to ``output``.

    Both may be URLs (https://, s3://, … with the extra ``remote``) or "-", standard input and output, and may name
    parameters in braces: "out-{city}.ipynb". Parameters that the notebook does not declare, or of another type than
    it declares, raise ``ParameterError`` unless ``strict`` is False. The notebook runs in ``cwd`` (default: here).
    ``timeout`` and ``cell_timeout`` are seconds, ``memory`` is bytes or a size such as "4GB": beyond them the run has
    failed. ``report_mode`` hides the code of the executed notebook from its readers.
    """
    options = single.NotebookOptions(
        kernel=kernel,
        cwd=cwd,
        allow_errors=allow_errors,
        strict=strict,
        timeout=timeout,
        cell_timeout=cell_timeout,
        output_limit=_size(output_limit) if output_limit else None if output_limit is None else 0,
        memory=_size(memory),
        report_mode=report_mode,
    )
    return single.run(source, output, parameters or {}, options, listeners)


def _size(memory: int | str | None) -> int | None:
    found: int = 0 if memory is None else keys.as_bytes(memory)
    if memory is not None and found <= 0:
        raise Error(f"{memory!r} is not a memory size", hint='write a number of bytes, or "4GB", "512MB"')
    return found or None


def _keeper(task: Task, root: Path) -> keepers.Keeper | None:
    """Return what keeps the executed notebook of a task; None for one that leaves none."""
    if not (wanted := editions(task)):
        return None
    report = next((edition.path for edition in wanted if edition.plain), wanted[0].path)
    return keepers.of_product(root, report, task, home(task))


def _new_run(place: str = "") -> str:
    # to the microsecond: names in the order of the runs, and one project has one run at a time
    now = time.time_ns() // 1000
    return time.strftime("%Y%m%d-%H%M%S", time.localtime(now // 1_000_000)) + f"-{now % 1_000_000:06}{place}"
