"""Locks of environments that conda makes: written by conda-lock of environment.yml, and compared with what is there."""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from .. import environment
from ..errors import Error
from ..products import writing
from ..products.scratch import Scratch
from ..reading.versions import normal
from ..venvs import making

SOURCES, NAME = ("environment.yml", "environment.yaml"), "conda-lock.yml"
#: Platforms as conda calls them.
_PLATFORMS = {
    ("Linux", "x86_64"): "linux-64",
    ("Linux", "aarch64"): "linux-aarch64",
    ("Darwin", "x86_64"): "osx-64",
    ("Darwin", "arm64"): "osx-arm64",
    ("Windows", "AMD64"): "win-64",
}


def source(root: Path) -> Path | None:
    """Return the file of a project that says an environment of conda, if there is one."""
    return next((root / name for name in SOURCES if (root / name).is_file()), None)


def tool() -> str | None:
    """Return conda-lock, if it is installed."""
    return making.program("conda-lock")


def here() -> str:
    """Return the platform of this machine, as conda calls it."""
    return _PLATFORMS.get((platform.system(), platform.machine()), "noarch")


def lock(words: str, said: Path, target: Path) -> None:
    """Let conda-lock write the lock of an environment file, for its platforms or else for this one, or not at all."""
    text = said.read_text(encoding="utf-8", errors="replace")
    platforms = [] if re.search(r"(?m)^platforms\s*:", text) else ["--platform", here()]
    with Scratch() as scratch:
        made = Path(scratch.path, NAME)
        ended = subprocess.run(
            [words, "lock", "--file", str(said), "--lockfile", str(made), *platforms],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if ended.returncode or not made.is_file():
            last = "\n".join((ended.stderr.strip() or ended.stdout.strip()).splitlines()[-12:])
            raise Error(f"conda-lock makes no lock of it:\n{last}", str(said))
        read(made)
        writing.write(target, [made.read_bytes()], named=True)


def read(path: Path) -> Mapping[tuple[str, str], str]:
    """Return the versions that a lock of conda-lock has for this platform, by who installs them and their names."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {
            (str(one.get("manager", "conda")), normal(str(one["name"]))): str(one["version"])
            for one in data["package"]
            if one.get("platform", here()) in (here(), "noarch")
        }
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        message = f"this is no lock of conda-lock: {str(error).partition(chr(10))[0]}"
        raise Error(message, str(path), "octavo env lock writes it anew") from None


def differences(wanted: Mapping[tuple[str, str], str], prefix: Path) -> Iterator[str]:
    """Yield how the environment at a prefix differs from a lock."""
    there = {("pip", normal(name)): version for name, version in environment.versions().items()}
    meta = prefix / "conda-meta"
    if meta.is_dir():
        there |= {("conda", name): version for name, version in _of_conda(meta)}
    elif count := sum(manager == "conda" for manager, _ in wanted):
        yield f"{prefix} is no environment of conda, and {count} packages of conda are locked"
        wanted = {key: version for key, version in wanted.items() if key[0] != "conda"}
    for (manager, name), version in sorted(wanted.items()):
        found = there.get((manager, name))
        if found is None:
            yield f"{name} {version} is not installed ({manager})"
        elif found != version:
            yield f"{name} is {found}, and {version} is locked ({manager})"


def _of_conda(meta: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(meta.glob("*.json")):
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            yield normal(str(said["name"])), str(said["version"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # conda itself passes over what it cannot read
