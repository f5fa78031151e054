"""The lock of an environment, requirements.lock: written by uv, and compared with what is installed."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from .. import environment
from ..errors import Error, Place
from ..reading.versions import normal
from ..venvs import making
from .used import Used

NAME = "requirements.lock"
_PYTHON = "# Python "
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*])?\s*==\s*([^\s;#\\]+)")


def tool() -> str:
    """Return uv, which makes locks."""
    found = making.program("uv")
    if found is None:
        raise Error("the lock is made by uv, which is not installed", hint="pip install uv")
    return found


def locked(used: Used, own: str = "") -> tuple[str, list[str]]:
    """Return the text of a lock of what is used, with all that it needs, and notes on it.

    What it needs is as it is installed here, where that fits; else as uv finds it.
    """
    python = ".".join(used.python.split(".")[:2])
    wanted = "".join(
        f"{line}\n" for line in (*(f"{d}=={v}" for d, v in used.versions.items()), *([own] if own else []))
    )
    words = [tool(), "pip", "compile", "-", "--quiet", "--no-header", "--no-annotate", "--no-emit-index-url"]
    words += ["--python-version", python]
    installed = {
        dist: version for dist, version in environment.versions().items() if dist not in used.versions
    }
    notes = []
    with tempfile.TemporaryDirectory(prefix="octavo-lock-") as folder:
        here = Path(folder, "installed.txt")
        here.write_text(
            "".join(f"{dist}=={version}\n" for dist, version in installed.items() if dist != "octavo")
        )
        ended = _run([*words, "--constraint", str(here)], wanted, folder)
        if ended.returncode:
            ended = _run(words, wanted, folder)
            notes.append("what is installed here does not fit together: what packages need was found anew")
    if ended.returncode:
        raise Error(f"uv finds no versions that fit together:\n{ended.stderr.strip()}")
    return f"{_PYTHON}{used.python}: what the tasks import, and all that it needs\n{ended.stdout}", notes


def _run(words: list[str], text: str, folder: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, input=text, capture_output=True, text=True, check=False, cwd=folder)


def read(path: Path) -> tuple[str, dict[str, str]]:
    """Return the version of Python that a lock names, "" for none, and those of its distributions."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise Error("there is no lock", str(path), "octavo env lock writes it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Error(f"it cannot be read: {error}", str(path)) from None
    python, found = "", {}
    for number, line in enumerate(lines, 1):
        if line.startswith(_PYTHON):
            python = line.removeprefix(_PYTHON).partition(":")[0]
        if not line.strip() or line.lstrip().startswith(("#", "--")):
            continue
        entry = _LINE.match(line.strip())
        if entry is None:
            hint = "a lock names versions: name==1.2; octavo env lock writes it anew"
            raise Error(f'"{line.strip()[:60]}" is no line of a lock', Place(str(path), number, 1), hint)
        found[normal(entry[1])] = entry[2]
    return python, found


def differences(python: str, wanted: Mapping[str, str]) -> Iterator[str]:
    """Yield how this environment differs from a lock. A patch of Python more or less is no difference."""
    mine, installed = environment.python_version(), environment.versions()
    there = {normal(name): version for name, version in installed.items()}
    if python and python.split(".")[:2] != mine.split(".")[:2]:
        yield f"Python is {mine}, and {python} is locked"
    for name, version in sorted(wanted.items()):
        if name not in there:
            yield f"{name} {version} is not installed"
        elif there[name] != version:
            yield f"{name} is {there[name]}, and {version} is locked"
