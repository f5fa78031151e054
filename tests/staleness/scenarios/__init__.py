"""Scenarios: a project, a change, and what it must lead to. Each folder member is a table of a kind; add rows there.

A scenario is played in five acts: built, built again, changed and built, changed back and built. Each time all products
must be those that the very same files give where nothing was built before; nothing runs twice without a reason; and a
change that should not matter runs nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from octavo.model import Outcome
from octavo.project import load
from octavo.report import Report

from ..builder import Forked, Place


class Link(str):
    """Where a link points to, among files."""


#: Files by their paths, as text, bytes, or where they link to; None for one that is not there. "x/" is a folder.
Files = Mapping[str, str | bytes | None]
Change = Files | Callable[[Path], None]

#: What tools leave in folders: no task makes it.
LEFT = (
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "__pycache__/x.cpython-311.pyc",
    ".ipynb_checkpoints/0-checkpoint.txt",
    ".0.txt.swp",
    ".0.txt.swo",
    "0.txt~",
    ".#0.txt",
    ".~lock.0.txt#",
    ".nfs000000000000a1b200000001",
)
#: The same of other systems and programs, which are told apart by their names in the same way.
LEFT_BY_OTHERS = (
    *(
        "._0.txt",
        ".AppleDouble/0.txt",
        ".Spotlight-V100/x",
        ".Trashes",
        ".localized",
        "Icon\r",
        ".fseventsd/x",
    ),
    *("ehthumbs.db", "Desktop.ini", "$RECYCLE.BIN/x", "System Volume Information/x", "~$0.docx"),
    *(".directory", ".goutputstream-XY12", ".Trash-1000/x", ".fuse_hidden0001", ".__afs12", "lost+found/x"),
    *("@eaDir/x", "#recycle/x", "#0.txt#", ".0.txt.kate-swp", "_0.txt.swp", ".idea/x.xml", ".vscode/x.json"),
    *(".dropbox", ".dropbox.cache/x", ".syncthing.0.txt.tmp", ".stfolder/x", ".sync.ffs_db", "._sync_a1.db"),
    *(".pytest_cache/x", ".Rhistory", ".virtual_documents/x", ".jupyter_ystore.db"),
)

#: What a project has unless its scenario says otherwise: one task, a function.
PIPELINE = "tasks:\n  - {source: steps.make, product: out/make.txt}\n"


@dataclass(frozen=True)
class Scenario:
    """One change of a project.

    ``runs`` are the tasks that it must make run, none for a change that does not matter. ``says`` must be among the
    reasons. ``alike``: what runs makes the same all the same. ``back`` is False where the way back cannot be gone.
    """

    files: Files
    change: Change
    runs: tuple[str, ...] = ("make",)
    says: str = ""
    alike: bool = False
    back: bool = True


def versions(files: Files, **how: Any) -> Scenario:
    """Return the scenario in which ``@@`` stands for 1 in some files, and then for 2."""
    texts = {name: it for name, it in files.items() if isinstance(it, str) and "@@" in it}
    before = {**files, **{name: it.replace("@@", "1") for name, it in texts.items()}}
    return Scenario(before, {name: it.replace("@@", "2") for name, it in texts.items()}, **how)


def write(folder: Path, files: Files) -> None:
    """Write files into a folder, and remove those that are None."""
    for name, content in files.items():
        path = folder / name
        if path.is_symlink() or isinstance(content, Link | None):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=isinstance(content, Link))
        if content is None:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
            continue
        if isinstance(content, Link):
            path.symlink_to(content)
            continue
        data = dedent(content).lstrip("\n").encode() if isinstance(content, str) else content
        path.write_bytes(data)


def change(folder: Path, how: Change) -> None:
    """Change a project."""
    if callable(how):
        how(folder)
    else:
        write(folder, how)


def build(folder: Path, cache: bool = True) -> Report:
    """Build a project in workers, as a user does."""
    with load(folder) as project:
        report = project.build(executor=Forked, cache=cache)
    assert report.exit_code == 0, {name: str(event.failure) for name, event in report.failures.items()}
    return report


def reasons(folder: Path) -> dict[str, list[str]]:
    """Return why tasks are stale; those that are fresh, or wait for others, are left out."""
    with load(folder) as project:
        return {
            name: [str(it) for it in step.reasons] for name, step in project.status().items() if step.reasons
        }


def fresh(folder: Path) -> set[str]:
    """Return the tasks that are fresh."""
    with load(folder) as project:
        return {name for name, step in project.status().items() if step.fresh}


def products(folder: Path) -> dict[str, Any]:
    """Return what the tasks of a project have made."""
    with load(folder) as project:
        paths = [product.path for step in project.status().values() for product in step.task.products]
    return {path: _made(it) for path, it in Place(folder).results(paths).items()}


def _made(content: Any) -> Any:
    """Return a product without what tools have left in it."""
    if not isinstance(content, dict):
        return content
    return {name: it for name, it in content.items() if not name.endswith((*LEFT, *LEFT_BY_OTHERS))}


def from_nothing(files: Path, at: Path) -> dict[str, Any]:
    """Return the products of a build of some files where there was none before."""
    shutil.copytree(files, at, symlinks=True)
    build(at, cache=False)
    return products(at)


def put_back(folder: Path, files: Path) -> None:
    """Make the sources of a project those of a folder again; products and what octavo knows stay."""
    for path in sorted(folder.rglob("*"), reverse=True):
        name = path.relative_to(folder)
        if name.parts[0] in (".octavo", "out") or "__pycache__" in name.parts:
            continue
        there = files / name
        if path.is_symlink() or path.is_file():
            same = not path.is_symlink() and there.is_file() and there.read_bytes() == path.read_bytes()
            if not same:
                path.unlink()
        elif not there.is_dir() or there.is_symlink():
            shutil.rmtree(path)
    for path in sorted(files.rglob("*")):
        there = folder / path.relative_to(files)
        if path.is_dir() and not path.is_symlink():
            there.mkdir(exist_ok=True)
        elif not there.exists():
            shutil.copyfile(path, there, follow_symlinks=False)


def play(scenario: Scenario, folder: Path) -> None:
    """Play a scenario in an empty folder."""
    before, after, here = folder / "before", folder / "after", folder / "here"
    write(before, {"pipeline.yaml": PIPELINE, **scenario.files})
    shutil.copytree(before, here, symlinks=True)
    shutil.copytree(before, after, symlinks=True)
    change(after, scenario.change)
    was, becomes = from_nothing(before, folder / "1"), from_nothing(after, folder / "2")
    changes = bool(scenario.runs) and not scenario.alike
    assert changes == (was != becomes), "the scenario is none: its change is not what it says"

    build(here)
    assert products(here) == was
    rests(here)
    change(here, scenario.change)
    why, ready = reasons(here), fresh(here)
    assert why.keys() <= set(scenario.runs), f"status says {why}"
    assert ready.isdisjoint(scenario.runs), f"status says that these are fresh: {ready}"
    assert scenario.says in str(why), f"status says {why}"
    ended = build(here).outcomes
    assert products(here) == becomes
    assert {name for name, it in ended.items() if it is not Outcome.FRESH} == set(scenario.runs)
    rests(here)
    if scenario.back:
        put_back(here, before)
        build(here)
        assert products(here) == was
        rests(here)


def rests(folder: Path) -> None:
    """Assert that nothing is stale after a build, and that one more does nothing."""
    assert (why := reasons(folder)) == {}, why
    assert set(build(folder).outcomes.values()) == {Outcome.FRESH}
