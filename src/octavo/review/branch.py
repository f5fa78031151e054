"""What a branch changes in a pipeline: tasks, their code and parameters, what must run again, and results.

Nothing runs. Both sides are looked at as ``octavo status`` looks at a project: the table of what a task depends on, as
one commit has it, and as the other has it. Their difference gives the reasons.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from .. import fingerprint, parts, project
from .. import notebook as documents
from ..checks import Finding, Named, members, run
from ..checks.settings import settings
from ..errors import Error
from ..model import Reason, Step
from ..plan import key_of
from ..products import file_digest
from ..spec.surroundings import env_file
from ..state import key
from . import changes, checkouts, git, syntax, veil
from .branch_known import Known
from .branch_results import with_results
from .branch_run import ReviewRun, SideRuns
from .branch_sides import Review, Side
from .changes import ChangedCell, Comparison
from .modules import Modules


def review(first: str, second: str | None, outputs: bool, running: ReviewRun | None = None) -> Review | None:
    """Compare a pipeline between two commits, or one and the working folder; None where neither side has one.

    ``outputs``: results are looked at, too. ``running``: tasks of which a side has no result run, as it says.
    """
    if git.line("rev-parse", "--is-bare-repository") == "true":
        return None
    top = git.required("rev-parse", "--show-toplevel")
    with ExitStack() as stack:
        here = stack.enter_context(project.load()) if running else _here(stack)
        if here is None:
            return None
        file = Path(os.path.realpath(here.path))
        if not file.is_file() or not file.is_relative_to(os.path.realpath(top)):
            return None
        name = str(file.relative_to(os.path.realpath(top)))
        try:
            before = _side(first, name, here, top, stack)
            after = _side(second, name, here, top, stack) if second else _working(here, top)
        except (Error, ExceptionGroup) as error:
            if isinstance(error, ExceptionGroup) and error.split(Error)[1] is not None:
                raise
            one = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            return Review(first, second or "the working folder", {}, notes=(f"no graph: {one}",))
        if before is None or after is None:
            return None
        runs = SideRuns(here, top, name, running, stack) if running else None
        return _compared(before, after, here, outputs, runs)


def _here(stack: ExitStack) -> project.Project | None:
    """Return the pipeline of this folder; None where there is none, or where it is broken: notebooks are compared."""
    found: project.Project | None = None
    try:
        found = stack.enter_context(project.load())
    except* Error:
        pass
    return found


def _side(commit: str, name: str, here: project.Project, top: str, stack: ExitStack) -> Side | None:
    """Return a commit's side; None where it has no such pipeline."""
    tree = checkouts.tree(commit, top)
    if name not in tree.blobs:
        return None
    folder = checkouts.folder(tree, top, here.store.folder / "review")
    state = (folder / name).parent / os.path.relpath(here.root, here.path.parent) / ".octavo"
    key.lend(here.store.folder, state)  # else each secret would be another on each side
    opened = stack.enter_context(project.load(folder / name))
    inside = os.path.relpath(opened.root, folder)
    return _of(commit, commit, opened, tree.blobs, inside)


def _working(here: project.Project, top: str) -> Side:
    """Return the side of the working folder: files as they are now, but for what git ignores."""
    said = git.run("ls-files", "-s", "-z", cwd=top) or b""
    rows = [row.partition("\t") for row in os.fsdecode(said).split("\0") if row]
    blobs = {path: about.split()[1] for about, _, path in rows}
    for words in (("diff", "--name-only", "-z"), ("ls-files", "--others", "--exclude-standard", "-z")):
        for path in os.fsdecode(git.run(*words, cwd=top) or b"").split("\0"):
            full = os.path.join(top, path)
            if path and os.path.isfile(full):
                blobs[path] = file_digest(full)
            else:
                blobs.pop(path, None)
    inside = os.path.relpath(os.path.realpath(here.root), os.path.realpath(top))
    return _of("the working folder", None, here, blobs, inside)


def _of(
    name: str, commit: str | None, opened: project.Project, blobs: Mapping[str, str], inside: str
) -> Side:
    start = "" if inside == "." else f"{inside}/"
    own = {path[len(start) :]: blob for path, blob in blobs.items() if path.startswith(start)}
    return Side(
        name,
        commit,
        opened,
        own,
        sorted(own),
        parts.Now(opened.store, opened.graph),
        Modules(str(opened.root)),
    )


def _compared(
    before: Side, after: Side, here: project.Project, outputs: bool, runs: SideRuns | None
) -> Review:
    was, now = before.opened.graph.tasks, after.opened.graph.tasks
    records = here.store.records()
    steps: dict[str, Step] = {}
    pending: set[str] = set()
    for task in after.opened.graph:
        record = records.get(key_of(task))
        reasons: tuple[Reason, ...] = (parts.RECORD.reason("", None, "new"),)
        if task.name in was:
            found = fingerprint.differences(before.table(was[task.name], record), after.table(task, record))
            # what follows from other tasks is said of those
            reasons = tuple(it for it in found if parts.split(it.part)[0] is not parts.UPSTREAM)
        waits = tuple(name for name in after.opened.graph.before(task.name) if name in pending)
        if reasons or waits:
            pending.add(task.name)
        steps[task.name] = Step(task, reasons, waits)
    seen = Review(
        before.short,
        after.short,
        steps,
        tuple(name for name in now if name not in was),
        tuple(name for name in was if name not in now),
        code=tuple(_code(before, after, steps)),
        findings=tuple(_findings(before, after, steps)),
        secrets=frozenset(_secrets(before, after)),
    )
    if not outputs:
        return seen
    return with_results(seen, Known(before, here), Known(after, here), runs)


def _code(before: Side, after: Side, steps: Mapping[str, Step]) -> Iterator[Comparison]:
    """Yield the files of changed tasks that are no notebooks: modules, SQL, shell, and pipeline.yaml."""
    paths = {os.path.relpath(after.opened.path, after.opened.root): None}
    for step in steps.values():
        if step.reasons:
            paths[step.task.source.path] = None
        for reason in step.reasons:
            row, what = parts.split(reason.part)
            if row.python:
                paths |= dict.fromkeys(_files_of(what))
    for path in paths:
        one, other = before.blobs.get(path), after.blobs.get(path)
        if one == other or path.endswith(".ipynb"):
            continue
        texts = [_text(side, path) for side in (before, after)]
        if None in texts or (documents.is_notebook(path) and "%%" in f"{texts[0]}{texts[1]}"):
            continue  # of notebooks the cells are compared
        was, now = texts[0] or "", texts[1] or ""
        lines = changes.text_lines(was, now)
        if any(line.sign in "+-" for line in lines):
            language = syntax.of_file(path)
            cell = ChangedCell(
                "changed", "", "whole", {"source": was}, {"source": now}, lines, language=language
            )
            yield Comparison(f"{before.short}:{path}", f"{after.short}:{path}", (cell,))


def _secrets(before: Side, after: Side) -> Iterator[str]:
    """Yield what is secret on either side: to their tasks, and in what the files of their pipelines say."""
    for side in (before, after):
        for task in side.opened.graph:
            yield from task.hidden.words
        file = str(side.opened.path)
        for path in filter(None, (file, env_file(file))):
            yield from veil.of_settings(_text(side, os.path.relpath(path, side.opened.root)) or "", path)


def _findings(before: Side, after: Side, steps: Mapping[str, Step]) -> Iterator[str]:
    """Yield what check finds in notebooks of changed tasks, and did not find on the other side."""
    changed = [step.task for step in steps.values() if step.reasons]
    # a module of functions is no notebook, and reading it as one would take a second
    paths = {task.source.path: None for task in changed if task.source.entry is None}
    rules = members.rules()
    for path in paths:
        if not documents.is_notebook(path) or before.blobs.get(path) == after.blobs.get(path):
            continue
        found = [_found(side, path, rules) for side in (before, after)]
        known = Counter((one.code, one.message) for one in found[0])
        for one in found[1]:
            if known[one.code, one.message]:
                known[one.code, one.message] -= 1
            else:
                yield f"{replace(one, path=path).place} {one.code} {one.message}"


def _found(side: Side, path: str, rules: Sequence[Named]) -> list[Finding]:
    full = side.opened.root / path
    wanted = settings(side.opened.root, (), (), [rule.code for rule in rules])
    try:
        return [*run.check(str(full), rules, wanted).findings] if full.is_file() else []
    except Error:
        return []  # it is told where the notebook is compared


def _files_of(module: str) -> Iterator[str]:
    path = module.replace(".", "/")
    for folder in ("", "src/"):
        yield from (f"{folder}{path}.py", f"{folder}{path}/__init__.py")
    yield module


def _text(side: Side, path: str) -> str | None:
    """Return a file as text: "" where it is not there, None where it is none."""
    try:
        return (side.opened.root / path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError):
        return None
