"""Make the environment of a task: once for each digest, by uv or else by venv and pip, under the user's cache."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from ..digests import digest
from ..errors import Error, Place, raise_all
from ..events import Event, word
from ..lazy import lazy_imports
from ..model import Task
from ..products import writing
from . import wanted as reading
from .wanted import Needs

with lazy_imports():
    from packaging import specifiers

if TYPE_CHECKING:
    from collections.abc import Iterator

#: octavo's own package, which each environment sees as it is: the code that runs a task is that which planned it.
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_OLDEST = (3, 11)
#: What is written when an environment is whole.
_WHOLE = "whole.json"
#: Lines of a tool's message that are shown.
_SHOWN = 12


def place() -> Path:
    """Return where environments are kept: below the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "octavo" / "environments"


def made(wanted: str) -> str | None:
    """Return the Python of an environment by the digest of what it is to hold, if it is there and whole."""
    folder = place() / _key(wanted)
    python = folder / "bin" / "python"
    return str(python) if (folder / _WHOLE).is_file() and python.exists() else None


def make(wanted: Needs, say: Callable[[str], None]) -> str:
    """Return the Python of an environment, and make it before if it is not there.

    Whoever else wants the same waits for it. What a killed process has begun is removed and begun anew. Raises Error
    where it cannot be made.
    """
    if found := made(wanted.digest):
        return found
    key = _key(wanted.digest)
    folder = place() / key
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(
            folder.parent / f"{key}.lock",
            lambda: say(f"waiting: another makes the environment {wanted.name}"),
        ) as held:
            if found := made(wanted.digest):
                return found
            say(f"making the environment {wanted.name}")
            shutil.rmtree(folder, ignore_errors=True)
            try:
                _fill(wanted, folder, held)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    except OSError as error:
        raise Error(
            f'the environment "{wanted.name}" cannot be made: {error.strerror}', str(error.filename)
        ) from None
    return str(folder / "bin" / "python")


def ready(tasks: Iterable[Task], root: str, listeners: Sequence[Callable[[Event], None]] = ()) -> None:
    """Make the environments of tasks that are about to run; raise all errors of those that cannot be made."""

    def say(text: str) -> None:
        for tell in listeners:
            tell(word(text))

    wanted, mistakes = dict[str, Needs](), list[Error]()
    for task in tasks:
        said = task.own.get("environment")
        if said and said["digest"] not in wanted and made(said["digest"]) is None:
            try:
                if found := reading.of_task(task, root):
                    wanted[found.digest] = found
            except Error as error:
                mistakes.append(error)
    for one in wanted.values():
        try:
            make(one, say)
        except Error as error:
            mistakes.append(error)
    raise_all(mistakes)


def around(python: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a process has in an environment, as where it is activated."""
    folder = os.path.dirname(os.path.dirname(python))
    path = os.pathsep.join(filter(None, (os.path.dirname(python), environ.get("PATH"))))
    rest = {name: value for name, value in environ.items() if name not in ("PYTHONHOME", "CONDA_PREFIX")}
    return {**rest, "VIRTUAL_ENV": folder, "PATH": path}


def packages(python: str) -> list[str]:
    """Return the folders in which an environment has its packages."""
    lib = Path(python).parent.parent / "lib"
    return [str(folder) for folder in sorted(lib.glob("python3*/site-packages"))]


def _key(wanted: str) -> str:
    """Return what tells an environment from all others: what it holds, the Python below it, and octavo in it."""
    base = [*sys.version_info[:2], sys.platform, sys.base_prefix, _PACKAGE, *ours()]
    return digest(json.dumps([wanted, *base]))


def ours() -> list[str]:
    """Return what octavo itself needs in an environment."""
    try:
        needed = metadata.requires("octavo") or []
    except metadata.PackageNotFoundError:
        needed = ["PyYAML", "ipykernel", "Jinja2", "jupyter_client", "jupytext", "rich"]
    return sorted(line for line in needed if "extra ==" not in line)


def program(name: str) -> str | None:
    """Return where a program is, on the PATH or beside this Python; None where it is not installed."""
    return shutil.which(name) or shutil.which(name, path=os.path.dirname(sys.executable))


def _fill(wanted: Needs, folder: Path, held: int) -> None:
    """Make an environment in a folder that is not there. ``held`` is the lock, which the tools hold, too."""
    tool = program("uv")
    python = _base(wanted, tool)
    begin = [tool, "venv", "--quiet", "--no-project"] if tool else [sys.executable, "-m", "venv"]
    _run([*begin, *(["--python", python] if tool else []), str(folder)], wanted, held)
    inside = str(folder / "bin" / "python")
    install = (
        [tool, "pip", "install", "--quiet", "--python", inside]
        if tool
        else [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    )
    listed, binding, own = (folder / f"{name}.txt" for name in ("requirements", "constraints", "octavo"))
    for path, lines in ((listed, wanted.requirements), (binding, wanted.constraints), (own, ours())):
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    steps = [["-r", str(listed), "-r", str(own), "-c", str(binding)]]
    if any("--hash" in line for line in wanted.requirements):  # then all in one go would need one
        steps = [["-r", str(listed)], ["-r", str(own), "-c", str(binding)]]
        pins = [found[0] for line in wanted.requirements if (found := re.match(r"[^\s;]+==[^\s;]+", line))]
        binding.write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8")
    for step in steps:
        _run([*install, *step], wanted, held)
    for place_ in packages(inside):
        with suppress(FileExistsError):
            Path(place_, "octavo").symlink_to(_PACKAGE)
    writing.write(folder / _WHOLE, [json.dumps({"name": wanted.name, "digest": wanted.digest}).encode()])


def _base(wanted: Needs, tool: str | None) -> str:
    """Return the Python that an environment is made from: this one where it fits."""
    try:
        allowed = specifiers.SpecifierSet(wanted.python)
    except specifiers.InvalidSpecifier:
        raise Error(f'requires-python is "{wanted.python}", which says no version', _where(wanted)) from None
    if allowed.contains(".".join(map(str, sys.version_info[:3])), prereleases=True):
        return sys.executable
    if tool is None:
        hint = "pip install uv: it finds or brings other versions"
        raise Error(
            f"it wants Python {wanted.python}, and this is {sys.version.split()[0]}", _where(wanted), hint
        )
    return f"{wanted.python},>={'.'.join(map(str, _OLDEST))}"


def _run(words: Sequence[str], wanted: Needs, held: int) -> None:
    """Run a tool to its end; what it says is the message where it fails."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    }
    ended = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        pass_fds=(held,),
        env=environ,
        stdin=subprocess.DEVNULL,
        errors="replace",
    )
    if ended.returncode:
        text = (ended.stderr.strip() or ended.stdout.strip()).replace(str(place()), "…")
        lines = [line for line in text.splitlines() if line.strip()][-_SHOWN:]
        message = f'the environment "{wanted.name}" cannot be made:\n' + "\n".join(lines)
        raise Error(message, _where(wanted, text))


def _where(wanted: Needs, text: str = "") -> Place | str:
    """Return the place of the line that a message speaks of, or of the file."""
    for line, place_ in wanted.places.items():
        name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
        if name and re.search(rf"\b{re.escape(name[0])}\b", text):
            return place_
    return wanted.files[0] if wanted.files else wanted.name


@contextmanager
def _alone(path: Path, waiting: Callable[[], None]) -> Iterator[int]:
    """Hold a lock; who waits for it is told so. A process that is killed holds none."""
    held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(held, fcntl.LOCK_EX)
        yield held
    finally:
        os.close(held)
