"""Run the tasks of a branch whose results are not known: of each side in a worktree of its own, through the cache.

The working folder stays as it is: what runs has the files of its commit, copies of the inputs that git does not have,
and a state of its own. What outlives it are the entries of the cache, and the metrics that were reported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from .. import project
from ..dataclass import dataclass
from ..events import Event
from ..kinds import row
from ..metrics import kept
from ..model import Task
from ..plan import key_of
from ..process.signals import at_most
from ..reading.folders import walk
from ..reading.mentions import Mentions, mentions
from ..report import Report
from ..state import key
from . import git
from .branch_known import Known, KnownResult
from .branch_sides import Side
from .worktrees import bring, paths_of_python, worktree

#: Larger files are data, and name nothing.
_LARGEST_CODE = 2_000_000


@dataclass(frozen=True, slots=True)
class ReviewRun:
    """How the tasks of a review run: so many at a time, for so many seconds of each side, with a remote cache or not.

    ``say`` is told what is run, ``listener`` makes what follows each build.
    """

    say: Callable[[str], None]
    listener: Callable[[], AbstractContextManager[Callable[[Event], None]]]
    jobs: int | None = None
    seconds: float | None = None
    remote: bool = False


@dataclass(frozen=True, slots=True)
class SideRuns:
    """Runs tasks of sides of a branch. What it opens stays until ``stack`` is closed.

    ``name`` is the pipeline's file in the repository at ``top``.
    """

    here: project.Project
    top: str
    name: str
    how: ReviewRun
    stack: ExitStack

    def run(self, known: Known, wanted: Sequence[str]) -> list[str]:
        """Run tasks of a side, add their results to what is known of it, and return notes on what is missing."""
        side = known.side
        wanted, notes = _safe(side, wanted)
        if not wanted:
            return notes
        self.how.say(f"{side.short}: running {', '.join(wanted)}")
        made, opened = self._opened(side)
        _add_inputs(self.here, opened, made)
        with _python_path(paths_of_python(self.top, made, os.path.relpath(opened.root, made), sys.path)):
            report, late = self._build(opened, wanted)
        notes += [f"{side.short}: {note}" for note in _failures(report, wanted, late, self.how.seconds)]
        for name, task in opened.graph.tasks.items():
            record = opened.store.record(key_of(task))
            if record is None or record.state != "done":
                continue
            leads = [path for path in record.discovered.values() if self._is_here(path)]
            if leads:
                notes.append(
                    f"{side.short}: {name} used {leads[0]} of the working folder: its result is not taken"
                )
            elif name in report.outcomes and report.outcomes[name].good:
                folders = (Path(opened.root), self.here.root)
                known.results[name] = KnownResult(record.run, record.products, folders)
        kept.take_over(opened.root, self.here.root)
        return notes

    def _opened(self, side: Side) -> tuple[str, project.Project]:
        """Return a worktree of a side and the pipeline in it, with the cache and the key of this project."""
        scratch, made = self.stack.enter_context(worktree(side.commit, self.top))
        root = Path(made, self.name).parent
        state = root / os.path.relpath(side.opened.root, side.opened.path.parent) / ".octavo"
        key.lend(self.here.store.folder, state)
        opened = self.stack.enter_context(project.load(Path(made, self.name)))
        opened.around = {name: value for name, value in opened.around.items() if name != "notify"}
        _link_cache(opened, self.here, scratch)
        return made, opened

    def _build(self, opened: project.Project, wanted: Sequence[str]) -> tuple[Report, bool]:
        late = [False]
        report = Report()

        def interrupt() -> KeyboardInterrupt:  # as Ctrl-C would
            late[0] = True
            return KeyboardInterrupt()

        try:
            with self.how.listener() as show, at_most(self.how.seconds, interrupt):
                opened.build(
                    [f"+{name}" for name in wanted],
                    jobs=self.how.jobs,
                    executor="local",
                    listeners=[report, show],
                    remote=self.how.remote,
                )
        except KeyboardInterrupt:
            if not late[0]:
                raise
        return report, late[0]

    def _is_here(self, path: str) -> bool:
        """Return whether a file that a run used is one of the working folder."""
        if not os.path.isabs(path):
            return False
        inside = os.path.realpath(path).startswith(os.path.realpath(self.top) + os.sep)
        return (
            inside and "-packages" not in path and "/.octavo/" not in path and not path.startswith(sys.prefix)
        )


def _safe(side: Side, wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the tasks that may run, and notes on others: what they, or those before them, make is not in files here.

    A table or an object of a store is that of the real pipeline, in whatever folder its task runs.
    """
    graph, kept_back = side.opened.graph, dict[str, str]()
    for task in graph:
        why = next((kept_back[name] for name in task.upstream if name in kept_back), None) or _outside(task)
        if why:
            kept_back[task.name] = why
    whys = dict.fromkeys(kept_back[name] for name in wanted if name in kept_back)
    notes = [f"{side.short}: not run, because {why}" for why in whys]
    return [name for name in wanted if name not in kept_back], notes


def _outside(task: Task) -> str | None:
    if row(task.kind).borrowed:
        return None
    for product in task.products:
        if product.maker != "File":
            return f"{task.name} makes {product.relation or product.path}, which is no file of the project"
        if os.path.isabs(product.path) or os.path.normpath(product.path).startswith(".."):
            return f"{task.name} makes {product.path}, which is outside of the project"
    return f"{task.name} sends its products elsewhere" if task.run.file_client else None


def _add_inputs(here: project.Project, opened: project.Project, made: str) -> None:
    """Copy what tasks read, as far as anybody can tell, and git does not have, into a worktree.

    That is what they declare, what earlier runs were seen to read, and ignored files that their code names.
    """
    borrowed = {product.path for task in opened.graph if row(task.kind).borrowed for product in task.products}
    products = {product.path for task in opened.graph for product in task.products} - borrowed
    read = {os.path.relpath(path, here.root) for path in here.inputs()}
    for path in sorted({*_declared(opened), *borrowed, *read, *_named(here, opened, products)}):
        place = os.path.join(opened.root, path)
        inside = os.path.normpath(place).startswith(made + os.sep) and not path.startswith(".octavo")
        mine = any(f"{path}/".startswith(f"{product}/") for product in products)
        if inside and not mine and not os.path.lexists(place):
            bring(os.path.join(here.root, path), place, linking=True)


def _declared(opened: project.Project) -> Iterator[str]:
    for task in opened.graph:
        yield from (
            *(task.declared.inputs or ()),
            *task.declared.resources.values(),
            *task.declared.templates,
        )


def _named(here: project.Project, opened: project.Project, products: set[str]) -> Iterator[str]:
    """Yield ignored files of the working folder that the code of a project names, and links that lead out of it."""
    ignored = [path for path in git.ignored(str(here.root)) if path not in products]
    if not ignored:
        return
    named = Mentions()
    for path in walk(str(opened.root)):
        if os.path.getsize(path) <= _LARGEST_CODE:
            named |= mentions(Path(path).read_text(encoding="utf-8", errors="replace"))
    for path in ignored:
        if os.path.islink(here.root / path) or named.names(path):
            yield path


def _link_cache(opened: project.Project, here: project.Project, scratch: str) -> None:
    """Let a project in a worktree use the cache of this one, wherever its settings say that it is."""
    own, shared = opened.cache().at.parent, here.cache().at.parent
    place = os.path.normpath(own)
    if place.startswith(os.path.realpath(scratch) + os.sep) and not os.path.lexists(place):
        shared.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.symlink(os.path.abspath(shared), place)


def _failures(report: Report, wanted: Sequence[str], late: bool, seconds: float | None) -> Iterator[str]:
    for name, event in report.failures.items():
        said = event.failure
        yield f"{name} failed: {said.kind}: {said.message}".partition("\n")[0] if said else f"{name} failed"
    if late:
        left = [name for name in wanted if name not in report.outcomes or not report.outcomes[name].good]
        yield f"stopped after {seconds:g} s, before the end of {', '.join(left) or 'the build'}"


@contextmanager
def _python_path(folders: Sequence[str]) -> Iterator[None]:
    """Let processes that start look for modules in these folders first."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*folders, *([before] if before else [])])
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
