"""octavo doctor: what this machine and this folder lack for the pipeline, and what would make it slow."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..dataclass import dataclass
from ..errors import Error, each
from ..kinds import row
from ..lazy import lazy_imports
from ..show.screen import flat, many, screen, several
from . import options

with lazy_imports():
    from ..kernels import specs
    from ..reading import folders
    from ..state import filesystem

if TYPE_CHECKING:
    from argparse import Namespace

    from ..model import Task
    from ..project import Project
    from ..show.screen import Screen
    from .options import Parser

#: Bytes of free disk below which a build may fail, and of a source that is slow to read.
_LITTLE = 1 << 30
_LARGE = 20 << 20
_COLOURS = {"ok": "green", "note": "yellow", "fail": "red"}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at: "ok", a "note", or a "fail" that stops a build."""

    state: str
    about: str
    message: str
    hint: str = ""


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo doctor``."""
    options.file(parser)
    parser.add_argument("--json", action="store_true", help="print a list of objects, one for each finding")
    parser.examples("""\
examples:
  octavo doctor
  octavo doctor --json > doctor.json    for a bug report

exit code: 0 nothing stands in the way of a build, 1 something does""")


def main(args: Namespace) -> int:
    """Look at everything and return the exit code."""
    out = screen(sys.stdout, os.environ)
    found = list(_findings(args))
    if args.json:
        out.say(json.dumps([{name: getattr(one, name) for name in Diagnosis.__slots__} for one in found]))
    else:
        for one in found:
            _say(one, out)
    return 1 if any(one.state == "fail" for one in found) else 0


def _say(one: Diagnosis, out: Screen) -> None:
    state = out.paint(one.state, _COLOURS[one.state]) + " " * (4 - len(one.state))
    out.say(f"{state}  {one.about:<9} {flat(one.message)}")
    if one.hint:
        out.say(f"{'':16}{out.paint('hint:', 'cyan')} {flat(one.hint)}")


def _findings(args: Namespace) -> Iterator[Diagnosis]:
    python = f"Python {platform.python_version()} ({sys.executable})"
    yield Diagnosis("ok", "octavo", f"{__version__}, {python}, {platform.platform()}")
    try:
        with options.project(args) as project:
            tasks = list(project.graph)
            yield Diagnosis("ok", "pipeline", f"{os.path.relpath(project.path)}: {many(len(tasks), 'task')}")
            yield from (Diagnosis("note", "pipeline", note) for note in project.notes)
            yield from _kernels(tasks)
            yield from _packages(tasks, str(project.root))
            yield from _git(project.root)
            yield from _state(project)
            yield from _lockfile(project)
            yield from _sources(tasks, project.root)
    except* Error as errors:
        for error in each(errors):
            message = f"{error.where}: {error.message}" if error.where else error.message
            yield Diagnosis("fail", "pipeline", message, error.hint or "")


def _kernels(tasks: list[Task]) -> Iterator[Diagnosis]:
    """Look for the kernels that notebooks name; a Python notebook that names none needs none."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for task in tasks:
        if row(task.kind).executed:
            kernel = task.kernel or task.source.facts.kernel or ""
            wanted.setdefault((kernel, task.source.facts.language), []).append(task.name)
    good: list[str] = []
    for (name, language), names in wanted.items():
        if name in ("", "python3") and language == "python":
            good.append("python3")
            continue
        try:
            good.append(specs.find(name or None, language).name)
        except Error as error:
            yield Diagnosis("fail", "kernels", f"{several(names, 3)}: {error.message}", error.hint or "")
    if good:
        yield Diagnosis("ok", "kernels", ", ".join(dict.fromkeys(good)))


def _packages(tasks: list[Task], root: str) -> Iterator[Diagnosis]:
    """Look for the packages that Python sources import."""
    users: dict[str, list[str]] = {}
    for task in tasks:
        if task.source.facts.language == "python":
            for top in dict.fromkeys(name.partition(".")[0] for name in task.source.facts.imports):
                if top and top not in sys.stdlib_module_names:
                    users.setdefault(top, []).append(task.name)
    missing = {top: names for top, names in users.items() if folders.find_package(top, root) is None}
    for top, names in missing.items():
        hint = f"pip install {top}, if the package is called as the module is"
        yield Diagnosis("fail", "packages", f"{several(names, 3)}: {top} is not installed", hint)
    if users.keys() - missing.keys():
        yield Diagnosis("ok", "packages", several(sorted(users.keys() - missing.keys()), 8))


def _asked(root: Path, *words: str) -> str | None:
    """Return what git answers in a folder; None where it says no, or is not there."""
    if shutil.which("git") is None:
        return None
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    return None if done.returncode else done.stdout.strip()


def _git(root: Path) -> Iterator[Diagnosis]:
    if _asked(root, "rev-parse", "--git-dir") is None:
        yield Diagnosis("note", "git", "the project is in no git repository")
        return
    if _asked(root, "ls-files", "--", ".octavo"):
        hint = "git rm -r --cached .octavo, and .octavo/ in .gitignore"
        yield Diagnosis("fail", "git", "the state of builds (.octavo) is committed", hint)
    else:
        yield Diagnosis("ok", "git", "the state of builds (.octavo) is not tracked")


def _state(project: Project) -> Iterator[Diagnosis]:
    folder = project.store.folder
    if not os.access(folder if folder.exists() else project.root, os.W_OK):
        yield Diagnosis(
            "fail",
            "state",
            f"{os.path.relpath(folder)} cannot be written",
            "octavo status works, builds do not",
        )
    if filesystem.networked(str(project.root)):
        hint = "builds are right here, and slower than on a local disk"
        yield Diagnosis("note", "disk", "the project is on a network file system", hint)
    free = shutil.disk_usage(project.root).free
    if free < _LITTLE:
        hint = "octavo cache gc makes room; octavo clean removes products"
        yield Diagnosis("note", "disk", f"only {free >> 20} MB are free", hint)
    else:
        yield Diagnosis("ok", "disk", f"{free >> 30} GB free")
    yield _lock(folder / "lock")
    if unforkable := project.store.keys("left"):
        hint = "they start threads when imported, so tasks that import them start a little slower"
        yield Diagnosis("note", "server", f"not imported ahead: {several(sorted(unforkable), 8)}", hint)


def _lock(path: Path) -> Diagnosis:
    try:
        with path.open("r+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        pass
    except BlockingIOError:
        return Diagnosis("note", "lock", "a build of this project is running")
    except OSError as error:
        return Diagnosis("note", "lock", f"it cannot be taken: {error.strerror}")
    return Diagnosis("ok", "lock", "free")


def _lockfile(project: Project) -> Iterator[Diagnosis]:
    """Look at ``octavo.lock``, where the pipeline asks for one: is it so, whole, and does git have it?"""
    if project.lock is None:
        return
    wrong = project.lies(project.status())
    yield from (Diagnosis("note", "lockfile", message) for message in wrong)
    name, folder = os.path.basename(project.lock.path), Path(project.lock.path).parent
    if _asked(folder, "check-ignore", "--", name):
        hint = "remove it from .gitignore and commit it with the results"
        yield Diagnosis("note", "lockfile", f"git ignores {name}, so clones lack it", hint)
    elif project.lock.there and _asked(folder, "ls-files", "--", name) == "":
        yield Diagnosis("note", "lockfile", f"{name} is not in git, so clones lack it", f"git add {name}")
    elif not wrong:
        yield Diagnosis("ok", "lockfile", f"{name} is whole")


def _sources(tasks: list[Task], root: Path) -> Iterator[Diagnosis]:
    for task in tasks:
        path = root / task.source.path
        if path.is_file() and path.stat().st_size > _LARGE:
            hint = "notebooks are stored with their outputs: clear them, builds keep executed copies of their own"
            yield Diagnosis("note", "slow", f"{task.source.path} has {path.stat().st_size >> 20} MB", hint)
