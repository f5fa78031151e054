"""What surrounds a pipeline when it is read: folders, environment variables, time, user and git, each on demand."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from ..errors import SpecError
from ..lazy import lazy_imports
from .version import stated_version

with lazy_imports():
    # few pipelines ask for the time, the user, or git
    import datetime
    import getpass
    import json
    import subprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The variable that says what {{git}}, {{now}} and others stood for where a run was submitted, as JSON.
SURROUNDINGS = "OCTAVO_SURROUNDINGS"
BUILTINS = ("cwd", "env", "git", "git_hash", "here", "now", "root", "user", "version")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where and when a pipeline is read. The callables are asked only if a placeholder asks for them.

    ``root`` is the project, ``here`` the folder of the pipeline file, ``cwd`` where octavo was started. The
    callables return None for what does not exist here.
    """

    root: str
    here: str
    cwd: str
    environ: Mapping[str, str]
    now: Callable[[], str | None]
    git: Callable[[], str | None]
    git_hash: Callable[[], str | None]
    user: Callable[[], str | None]
    version: Callable[[], str | None] = lambda: None

    def value(self, name: str) -> str | None:
        """Return what a built-in stands for ("git", "env.HOME"), or None if it has no value here."""
        if name.startswith("env."):
            return self.environ.get(name[4:])
        known = getattr(self, name) if name in BUILTINS and name != "env" else None
        value: str | None = known() if callable(known) else known
        return value


def surroundings(root: str, here: str | None = None) -> Surroundings:
    """Return the real surroundings of a project; each answer is found once, so that two ``{{now}}`` agree.

    What a run that was submitted elsewhere has found there stands in its environment: its tasks have no git.
    """
    folder = here or root
    if said := os.environ.get(SURROUNDINGS):
        known = {name: partial(str, value) if value else _nothing for name, value in json.loads(said).items()}
        return Surroundings(root=root, here=folder, cwd=os.getcwd(), environ=os.environ, **known)
    return Surroundings(
        root=root,
        here=folder,
        cwd=os.getcwd(),
        environ=os.environ,
        now=cache(_now),
        git=cache(lambda: _git(root, "symbolic-ref", "--short", "HEAD") or _describe(root)),
        git_hash=cache(lambda: _describe(root, "--dirty=-dirty")),
        user=cache(_user),
        version=cache(lambda: stated_version(root, folder)),
    )


def frozen(around: Surroundings) -> dict[str, str | None]:
    """Return what is another on each machine and at each time, as it is here and now."""
    return {name: around.value(name) for name in ("git", "git_hash", "now", "user", "version")}


def _nothing() -> None:
    return None


def env_file(path: str) -> str | None:
    """Return the env file of a pipeline file: the first candidate in the working directory or beside the pipeline.

    Raises ``SpecError`` when ``PLOOMBER_ENV_FILENAME`` names one that is in neither.
    """
    folders = (os.getcwd(), os.path.dirname(path))
    for one in env_name(path, os.environ):
        for folder in folders:
            if os.path.isfile(found := os.path.join(folder, one)):
                return found
    if name := os.environ.get("PLOOMBER_ENV_FILENAME"):
        beside = os.path.relpath(folders[1])
        hint = "it is looked for here" + (f" and in {beside}" if beside != "." else "")
        raise SpecError(f"PLOOMBER_ENV_FILENAME: there is no {name}", hint=hint)
    return None


def env_name(spec_filename: str, environ: Mapping[str, str]) -> list[str]:
    """Return the names that the environment of a pipeline file may have, the best first.

    ``PLOOMBER_ENV_FILENAME`` wins; then ``pipeline.serve.yaml`` → ``env.serve.yaml``; then ``env.yaml``.
    """
    if name := environ.get("PLOOMBER_ENV_FILENAME"):
        if os.path.basename(name) != name:
            raise SpecError(f'PLOOMBER_ENV_FILENAME must be a file name without folders: "{name}"')
        return [name]
    parts = os.path.basename(spec_filename).split(".")
    return [*(["env." + ".".join(parts[1:-1]) + ".yaml"] if len(parts) > 2 else []), "env.yaml"]


def _now() -> str:
    return datetime.datetime.now().isoformat()


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container whose user has no name
        return None


def _describe(root: str, *options: str) -> str | None:
    return _git(root, "describe", "--tags", "--always", *options)


def _git(root: str, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", root, *words], capture_output=True, encoding="utf-8", check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip() or None
