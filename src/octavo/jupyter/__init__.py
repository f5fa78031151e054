"""An extension of Jupyter's server: sources of tasks open as notebooks with the real values of their pipeline."""

from __future__ import annotations

import atexit
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..lazy import lazy_imports
from .contents import wrap

with lazy_imports():
    # only a server has what these import
    from . import builds, routes

if TYPE_CHECKING:
    import logging

    from .builds import Loop
    from .contents import Contents
    from .routes import Application

__all__ = ["_jupyter_server_extension_points", "_load_jupyter_server_extension"]


class _Server(Protocol):
    io_loop: Loop
    contents_manager: Contents
    log: logging.Logger
    root_dir: str
    web_app: Application
    kernel_spec_manager: object


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: _Server) -> None:
    # by then every other extension is loaded, and has put its own contents manager in place
    # other managers of kernels than Jupyter's own know of kernels that are not on this machine
    local = type(server.kernel_spec_manager).__module__.startswith("jupyter_client.")
    server.io_loop.add_callback(lambda: wrap(server.contents_manager, server.log, local=local))
    running = builds.Builds(server.io_loop)
    atexit.register(running.close)
    routes.add(server.web_app, Path(server.root_dir), running)
