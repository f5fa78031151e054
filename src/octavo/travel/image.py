"""Files that make an environment of a lock elsewhere: a Dockerfile, Binder's, and a development container's."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence

#: What each file says in its first lines, so that no other is ever replaced.
MARK = "written by octavo env image"
_HOME = "/home/octavo/project"

_DOCKERFILE = """\
# {mark}: the environment of {lock}. Code is not in it: octavo run-task brings it,
# or the project is mounted at {home}. An edited notebook needs no new image.
FROM python:{python}-slim AS build
RUN pip install --no-cache-dir uv
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
RUN uv venv --python /usr/local/bin/python /opt/environment
COPY {lock} /tmp/requirements.lock
RUN --mount=type=cache,target=/root/.cache/uv \\
    uv pip install --python /opt/environment/bin/python --requirement /tmp/requirements.lock
{octavo}
FROM python:{python}-slim
RUN useradd --create-home --uid 1000 octavo && install --directory --owner octavo {home}
COPY --from=build /opt/environment /opt/environment
ENV PATH=/opt/environment/bin:$PATH PYTHONUNBUFFERED=1
USER 1000
WORKDIR {home}
CMD ["octavo", "build"]
"""
_WHEEL = """\
COPY {copied}
RUN --mount=type=cache,target=/root/.cache/uv \\
    uv pip install --python /opt/environment/bin/python {wheel}
"""
_IGNORE = """\
# {mark}: what is built is the environment, so little is sent
*
!{lock}
"""


def files(lock: str, text: str, python: str, octavo: str = "") -> Mapping[str, str]:
    """Return the files by their paths. ``octavo`` is a wheel in the project, "" where the lock has it.

    ``lock`` is the path of the lock in the project, ``text`` what it holds.
    """
    minor = ".".join(python.split(".")[:2])
    name = octavo.rpartition("/")[2]
    copied = json.dumps([octavo, f"/tmp/{name}"])
    wheel = (
        _WHEEL.format(copied=copied, wheel=shlex.quote(f"octavo[remote] @ file:///tmp/{name}"))
        if octavo
        else ""
    )
    ignore = _IGNORE.format(mark=MARK, lock=lock) + (f"!{octavo}\n" if octavo else "")
    container = {
        "name": "octavo",
        "build": {"dockerfile": "../Dockerfile", "context": ".."},
        "workspaceFolder": _HOME,
        "workspaceMount": f"source=${{localWorkspaceFolder}},target={_HOME},type=bind",
        "customizations": {"vscode": {"extensions": ["ms-python.python", "ms-toolsai.jupyter"]}},
    }
    return {
        "Dockerfile": _DOCKERFILE.format(mark=MARK, lock=lock, python=minor, home=_HOME, octavo=wheel),
        ".dockerignore": ignore,
        ".binder/requirements.txt": f"# {MARK}\n{text}",
        ".binder/runtime.txt": f"python-{minor}\n",
        ".devcontainer/devcontainer.json": f"// {MARK}\n{json.dumps(container, indent=2)}\n",
    }


def ours(path: str, text: str) -> bool:
    """Return whether a file that is there may be written anew."""
    return MARK in text[:500] or (path == ".binder/runtime.txt" and text.startswith("python-"))


def smoke(engine: str, tag: str, modules: Sequence[str]) -> list[list[str]]:
    """Return commands that an image has to pass: octavo is in it, it imports what tasks do, and nobody is root."""
    run = [engine, "run", "--rm", tag]
    imports = "; ".join(f"import {module}" for module in modules) or "pass"
    return [
        [*run, "octavo", "--version"],
        [*run, "python", "-c", f"import os; assert os.getuid(); {imports}"],
    ]


def build(engine: str, tag: str) -> list[str]:
    """Return the command that builds an image in the folder of the project."""
    return [engine, "build", "--tag", tag, "."]


def shown(words: Sequence[str]) -> str:
    """Return a command as a person types it."""
    return shlex.join(words)
