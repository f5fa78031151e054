"""Which tasks a branch affects: those whose last run on the sample used what it changes, and those that never ran."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

from ..errors import Error
from ..model import Record, Task
from ..plan import key_of
from ..project import Project
from . import SETTINGS


def files(root: str, revision: str) -> set[str]:
    """Return the files of a project that differ from where it left a revision: edited, new and removed ones."""
    base = _git(root, "merge-base", revision, "HEAD")
    if base is None:
        known = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") is not None
        why = "has nothing in common with HEAD" if known else "is not known to git here"
        hint = (
            "a shallow clone has too little history: git fetch --unshallow"
            if known
            else "git fetch origin main"
        )
        raise Error(f'the revision "{revision}" {why}', hint=hint)
    differing = _git(root, "diff", "--name-only", "--relative", "-z", base.strip())
    new = _git(root, "ls-files", "-z", "--others", "--exclude-standard")
    return {path for path in f"{differing or ''}\0{new or ''}".split("\0") if path}


def targets(sample: Project, changed: set[str], stands_for: Mapping[str, str]) -> list[str]:
    """Return the tasks to build in the place, each with those after it: ["+clean+"]."""
    here = os.path.relpath(sample.path, sample.root)
    settings = {here, "env.yaml", SETTINGS, "pyproject.toml"}
    changed = changed | {meant for meant, own in stands_for.items() if own in changed}
    if not settings.isdisjoint(changed):
        return [f"+{name}+" for name in sample.graph.tasks]
    found = []
    for name, task in sample.graph.tasks.items():
        record = sample.store.record(key_of(task))
        if record is None or _uses(task, record, changed):
            found.append(f"+{name}+")
    return found


def _uses(task: Task, record: Record, changed: set[str]) -> bool:
    used = {os.path.normpath(path) for path in (task.source.path, *record.discovered.values())}
    return any(path in used or any(path.startswith(f"{folder}/") for folder in used) for path in changed)


def _git(root: str, *words: str) -> str | None:
    try:
        return subprocess.run(["git", "-C", root, *words], capture_output=True, check=True).stdout.decode()
    except FileNotFoundError as error:
        raise Error("--changed asks git, which is not installed") from error
    except subprocess.CalledProcessError:
        return None
