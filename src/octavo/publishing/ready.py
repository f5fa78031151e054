"""Say what keeps a notebook from being published: all of it at once, before anything is written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import notebook as documents
from ..checks import run as checks
from ..checks.members import rules
from ..checks.settings import settings
from ..compare import Tolerance
from ..dataclass import dataclass
from ..errors import Error, Errors, each
from ..metadata import About, Role, Trust
from ..metadata.about import about
from ..metadata.identity import identity
from ..verifying import judge
from ..verifying.again import VerifyOptions
from . import Version, crate
from .shelf import Shelf

if TYPE_CHECKING:
    from ..executors import Executor
    from ..metadata.roles import Roles
    from ..model import Json


@dataclass(frozen=True, slots=True)
class Candidate:
    """A notebook that is to be published: what a person named, the executed notebook, and its role if it has one."""

    named: str
    executed: str
    data: Json
    about: About
    role: Role | None

    @property
    def id(self) -> str:
        return self.about.identity.id


def candidate(path: str, roles: Roles) -> Candidate:
    """Return what would be published for a path: itself, or the executed notebook of the task that it belongs to."""
    found = list(roles.of(path))
    role = next((one for one in found if one.made), None)
    executed = role.made if role else path
    if not Path(executed).is_file():
        hint = f"octavo build {role.task}" if role else None
        raise Error(
            "there is no executed notebook yet" if role else "there is no such notebook", executed, hint
        )
    notebook = documents.read(executed)
    if notebook.format != "ipynb":
        target = str(Path(path).with_suffix(".ipynb"))
        raise Error("it keeps no outputs", path, f"octavo run {path} {target}, then publish {target}")
    known = about(notebook, [role] if role else [])
    if role and not known.identity.id:  # ids are kept in sources
        known = _with_identity(known, path, role)
    return Candidate(path, executed, notebook.data, known, role)


def _with_identity(known: About, path: str, role: Role) -> About:
    if path == role.made:
        return known
    source = about(documents.read(path))
    return replace(known, identity=source.identity, title=known.title or source.title)


def problems(one: Candidate, shelf: Shelf, executor: Executor | None, verify: bool) -> Iterator[str]:
    """Yield what keeps a notebook from being published, with what to do about it."""
    if not one.id:
        yield f"it has no id: octavo meta init {one.named}"
    if not one.about.title:
        yield "it has no title: begin it with a markdown cell such as: # Clean the orders"
    if one.role and not one.role.fresh:
        why = "; ".join(one.role.reasons[:3])
        yield f"its task {one.role.task} is stale ({why}): octavo build {one.role.task}"
    trust = one.about.integrity
    if trust.state in (Trust.UNSOUND, Trust.NOTHING):
        yield from (f"{reason}: run it from top to bottom" for reason in trust.reasons)
    known = rules()
    chosen = settings(Path(one.executed).parent, (), (), [rule.code for rule in known])
    checked = checks.check(one.executed, known, chosen)
    yield from (
        f"{hit.place} {hit.code} {hit.message}" for hit in checked.findings if hit.severity == "error"
    )
    yield from checked.broken
    if one.role:
        yield from _unpublished(one.role, shelf)
    if verify and trust.state in (Trust.SOUND, Trust.UNCERTAIN):
        yield from _not_verified(one, executor)


def _unpublished(role: Role, shelf: Shelf) -> Iterator[str]:
    """Yield the notebooks before it that are not published as they are."""
    there = _published(role, shelf)
    for name, path in role.before.items():
        if name not in there:
            yield f"the notebook of {name}, which it needs, is not published as it is: octavo publish {path}"


def parents(role: Role, shelf: Shelf) -> dict[str, str]:
    """Return the versions of the notebooks before it that have the code that they have now, by id."""
    return {one.id: one.version for one in _published(role, shelf).values()}


def _published(role: Role, shelf: Shelf) -> dict[str, Version]:
    """Return, for the tasks before it, the last version that has the code that their notebooks have now."""
    found = {}
    for name, path in role.before.items():
        notebook = documents.read(path)
        id, code = identity(notebook.data["metadata"], path).id, crate.code(notebook.cells)
        same = [one for one in shelf.versions(id) if one.code == code] if id else []
        if same:
            found[name] = same[-1]
    return found


def _not_verified(one: Candidate, executor: Executor | None) -> Iterator[str]:
    """Run it again, and yield the cells that show something else than what is stored."""
    options = VerifyOptions(cwd=one.role.folder if one.role else None, executor=executor)
    try:
        notebook, _ = judge.read(one.executed)
        verdict, _ = judge.judge(notebook, judge.Asked(Tolerance(), options))
    except (Error, Errors) as error:
        yield from (str(single) for single in each(error))
        return
    if verdict.failure:
        yield f"it cannot be run again: {verdict.failure}"
    for cell in verdict.cells:
        if not cell.state.good:
            yield f"cell {cell.number} {cell.state.value} when it is run again: octavo verify {one.executed}"


def unclean(folder: Path, but: Sequence[Path]) -> tuple[str, list[str]]:
    """Return the commit of a git tree, and the files that are not as they were committed; "" where there is no git."""
    root = _git(folder, "rev-parse", "--show-toplevel")
    if root is None:
        return "", []
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD") or ""
    listed = _git(Path(root.strip()), "status", "--porcelain", "-z", "--untracked-files=all") or ""
    changed = [line[3:] for line in listed.split("\0") if len(line) > 3 and line[2] == " "]
    away = [os.path.realpath(path) for path in but]
    full = {name: os.path.realpath(os.path.join(root.strip(), name)) for name in changed}
    return commit.strip(), [
        name
        for name, path in full.items()
        if not any(path == one or path.startswith(one + os.sep) for one in away)
    ]


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
