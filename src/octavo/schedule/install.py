"""Put a schedule where systemd or cron finds it, and take it away again."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Error
from ..products import writing
from . import units

if TYPE_CHECKING:
    from . import Schedule

WAYS: Mapping[str, str] = {
    "systemd": "timers of systemd, of this user",
    "crontab": "a line in the crontab of this user",
    "launchd": "print a property list for macOS",
    "windows": "print a task for Windows, which runs it in WSL",
}


def usual(schedule: Schedule) -> str:
    """Return how a schedule is installed on this machine unless somebody says so: systemd before cron."""
    if shutil.which("systemctl"):
        return "systemd"
    if shutil.which("crontab"):
        return "crontab"
    hint = (
        "octavo schedule run needs neither; --systemd --print and --crontab --print show what they would get"
    )
    raise Error("there is neither systemd nor cron on this machine", hint=hint)


def rendered(way: str, schedule: Schedule, path: Path, words: Sequence[str]) -> dict[str, str]:
    """Return the files that a way of installing wants, by their names."""
    if way == "systemd":
        return units.systemd(schedule, path, words)
    make = {"crontab": units.crontab, "launchd": units.launchd, "windows": units.windows}[way]
    return {units.name(path): make(schedule, path, words)}


def install(way: str, files: Mapping[str, str], path: Path) -> Iterator[str]:
    """Write files for systemd or the crontab; yield what was done. What was there for this pipeline is replaced."""
    if way == "crontab":
        block = _block(path)
        line = "\n".join(files.values())
        _write_crontab([*_without(_crontab(), block), block[0], line, block[1]])
        yield "the crontab has a line for this pipeline; crontab -l shows it"
        return
    for old in _units(path):
        if old.name not in files:
            _systemctl("disable", "--now", old.name)
            old.unlink()
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        writing.write(str(folder / name), [text.encode()])
        yield f"wrote {folder / name}"
    starts = next(name for name in files if not name.endswith(".service"))
    if error := _systemctl("daemon-reload") or _systemctl("enable", "--now", starts):
        yield f"note: {error}"
        yield f"to start it: systemctl --user daemon-reload && systemctl --user enable --now {starts}"
    else:
        yield f"started {starts}; systemctl --user list-timers shows it"
        yield "for builds while you are logged out: loginctl enable-linger"


def uninstall(path: Path, way: str | None) -> list[str]:
    """Take a pipeline out of systemd and the crontab, or one of them; return what was removed."""
    found = []
    if way in (None, "systemd"):
        for unit in _units(path):
            if not unit.name.endswith(".service"):
                _systemctl("disable", "--now", unit.name)
            unit.unlink()
            found.append(str(unit))
        if found:
            _systemctl("daemon-reload")
    if way == "crontab" or (way is None and shutil.which("crontab")):
        lines, block = _crontab(), _block(path)
        if (rest := _without(lines, block)) != lines:
            _write_crontab(rest)
            found.append("the line of the crontab")
    return found


def _folder() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(home, "systemd", "user")


def _units(path: Path) -> list[Path]:
    return sorted(_folder().glob(f"{units.name(path)}.*"))


def _systemctl(*words: str) -> str:
    """Call systemctl for this user; return what went wrong."""
    try:
        ended = subprocess.run(
            ["systemctl", "--user", *words], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"systemctl: {getattr(error, 'strerror', None) or error}"
    said = ended.stderr.strip().partition("\n")[0]
    return f"systemctl: {said or f'exit code {ended.returncode}'}" if ended.returncode else ""


def _block(path: Path) -> tuple[str, str]:
    return f"# octavo begin {units.name(path)}", f"# octavo end {units.name(path)}"


def _crontab() -> list[str]:
    try:
        ended = subprocess.run(["crontab", "-l"], capture_output=True, check=False, timeout=30)
    except FileNotFoundError:
        raise Error(
            "there is no crontab on this machine", hint="install cron, or: octavo schedule run"
        ) from None
    if ended.returncode and b"no crontab" not in ended.stderr.lower():
        raise Error(f"crontab -l: {ended.stderr.decode(errors='replace').strip()}")
    return ended.stdout.decode("utf-8", "surrogateescape").splitlines() if not ended.returncode else []


def _write_crontab(lines: Sequence[str]) -> None:
    text = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    ended = subprocess.run(["crontab", "-"], input=text, capture_output=True, check=False, timeout=30)
    if ended.returncode:
        raise Error(f"crontab: {ended.stderr.decode(errors='replace').strip()}")


def _without(lines: Sequence[str], block: tuple[str, str]) -> list[str]:
    """Return the lines of a crontab without those between two marks; all of them, if the second is missing."""
    if block[0] not in lines or block[1] not in lines[lines.index(block[0]) :]:
        return [*lines]
    first = lines.index(block[0])
    return [*lines[:first], *lines[lines.index(block[1], first) + 1 :]]
