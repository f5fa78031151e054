"""Find the notebook that a kernel works for, from within: each front end tells it in another way, and some do not."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from ..lazy import lazy_imports
from ..model import Json
from ..process.variables import NOTEBOOK

with lazy_imports():
    import json
    from urllib import request as http

#: How long a server of Jupyter may take to answer, in seconds: the header of a notebook must not keep it waiting.
PATIENCE = 1.0
_CONNECTION = re.compile(r"kernel-(?P<id>[0-9a-f-]{36})\.json$")


class _Publisher(Protocol):
    def publish(self, data: dict[str, str], metadata: dict[str, object], /) -> None: ...


class Shell(Protocol):
    """IPython's shell, as far as it is asked here. ``kernel`` is there in kernels alone."""

    user_ns: dict[str, object]
    display_pub: _Publisher


def path(shell: Shell | None = None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the path of the notebook that runs here, None where nobody tells; ``shell`` is IPython's, if there is one.

    Runs of octavo say it in the environment. VS Code says it with each cell, or in ``__vsc_ipynb_file__``. Servers of
    Jupyter, those of a hub included, are asked for their sessions, as a notebook may have been renamed since its kernel
    was started; what they said then stands in ``JPY_SESSION_NAME``.
    """
    return next((found for found in _answers(shell, environ) if found and os.path.isfile(found)), None)


def _answers(shell: Shell | None, environ: Mapping[str, str]) -> Iterator[str | None]:
    yield environ.get(NOTEBOOK)
    if shell is not None:
        yield _vscode(shell)
        yield str(shell.user_ns.get("__vsc_ipynb_file__") or "")
        yield _session(shell, environ)
    yield environ.get("JPY_SESSION_NAME")


def _vscode(shell: Shell) -> str | None:
    """Return what VS Code says with a cell: ``vscode-notebook-cell:/folder/name.ipynb#W0sZmlsZQ``."""
    try:
        cell = shell.kernel.get_parent()["metadata"]["cellId"]  # type: ignore[attr-defined]
    except (AttributeError, KeyError, TypeError):
        return None
    parts = urlsplit(str(cell))
    return unquote(parts.path) if parts.scheme == "vscode-notebook-cell" else None


def _session(shell: Shell, environ: Mapping[str, str]) -> str | None:
    """Return what the servers that run on this machine say of this kernel."""
    application = getattr(getattr(shell, "kernel", None), "parent", None)
    found = _CONNECTION.search(str(getattr(application, "connection_file", "")))
    if found is None:
        return None
    for server in _servers(environ):
        address = f"{str(server['url']).rstrip('/')}/api/sessions"
        token = server.get("token") or environ.get("JUPYTERHUB_API_TOKEN") or ""
        request = http.Request(address, headers={"Authorization": f"token {token}"})
        try:
            with http.urlopen(request, timeout=PATIENCE) as answer:
                sessions = json.load(answer)
        except (OSError, ValueError):
            continue
        for session in sessions:
            if session.get("kernel", {}).get("id") == found["id"]:
                return os.path.join(str(server.get("root_dir", "")), str(session.get("path", "")))
    return None


def _servers(environ: Mapping[str, str]) -> Iterator[Json]:
    """Yield what the servers of this user say of themselves: address, token and folder."""
    data = environ.get("JUPYTER_DATA_DIR") or os.path.expanduser("~/.local/share/jupyter")
    folder = Path(environ.get("JUPYTER_RUNTIME_DIR") or os.path.join(data, "runtime"))
    files = sorted(folder.glob("jpserver-*.json"), key=lambda one: one.stat().st_mtime, reverse=True)
    for file in files:
        try:
            found = json.loads(file.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and isinstance(found.get("url"), str):
            yield found
