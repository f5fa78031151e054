"""Locks of the environments that tasks have of their own: written by uv, and compared with what was made of them."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .. import environment
from ..errors import Error
from ..products import writing
from ..project import Project
from ..reading.versions import normal
from ..venvs import making, wanted
from ..venvs.wanted import Needs
from .lock import tool

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*])?\s*==\s*([^\s;]+)\s*(;.*)?$")


def environments(project: Project, *, locked: bool = True) -> list[Needs]:
    """Return the environments of a project's tasks, each once; without ``locked``: as if none had a lock."""
    named = dict.fromkeys(
        task.own["environment"]["from"] for task in project.graph if "environment" in task.own
    )
    return [wanted.wanted(str(project.root), name, locked=locked) for name in named]


def lock(project: Project, found: Needs) -> str:
    """Write the lock of an environment, and return where it is or what there is to do."""
    root, name = project.root, found.name
    uv = tool()
    if (root / name).is_dir() or name.endswith((".toml", "uv.lock")):
        if Path(name).name.startswith("pylock."):
            return f"{name} is a lock"
        folder = root / name if (root / name).is_dir() else (root / name).parent
        _run([uv, "lock", "--quiet", "--project", str(folder)], root)
        return str((folder / "uv.lock").relative_to(root))
    if name.endswith(".ipynb"):
        return f"{name} keeps its lock in its metadata: juv lock {name}"
    if wanted.is_script(name):
        _run([uv, "lock", "--quiet", "--script", name], root)
        return f"{name}.lock"
    with tempfile.TemporaryDirectory(prefix="octavo-lock-") as folder_:
        listed = Path(folder_, "requirements.txt")
        listed.write_text("".join(f"{line}\n" for line in (*found.requirements, *making.ours())))
        words = [uv, "pip", "compile", str(listed), "--quiet", "--no-header", "--no-annotate"]
        text = _run([*words, "--no-emit-index-url"], root)
    there = wanted.lock_of(name)
    writing.write(root / there, [f"# of {name}, by octavo env lock\n{text}".encode()], named=True)
    return there


def _run(words: list[str], root: Path) -> str:
    ended = subprocess.run(words, capture_output=True, text=True, check=False, cwd=root)
    if ended.returncode:
        raise Error(f"uv finds no versions that fit together:\n{ended.stderr.strip()}")
    return ended.stdout


def differences(found: Needs) -> Iterator[str]:
    """Yield how an environment that was made here differs from its lock."""
    python = making.made(found.digest)
    there = environment.versions(making.packages(python)) if python else {}
    installed = {normal(name): version for name, version in there.items()}
    for line in (*found.constraints, *found.requirements) if python else ():
        pin = _PIN.match(line)
        if pin is None or pin[3]:  # under markers, which may mean another machine
            continue
        name = normal(pin[1])
        if name in installed and installed[name] != pin[2]:
            yield f"{found.name}: {name} is {installed[name]}, and {pin[2]} is locked"
        elif name not in installed and line in found.requirements:
            yield f"{found.name}: {name} {pin[2]} is not installed"


def state(found: Needs) -> str:
    """Return in a word how an environment stands: whether it is locked, and made here."""
    locked = "locked" if found.constraints or all(map(_PIN.match, found.requirements)) else "not locked"
    return f"{found.name}: {locked}, {'made here' if making.made(found.digest) else 'not made here yet'}"
