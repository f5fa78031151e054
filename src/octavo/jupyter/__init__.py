"""An extension of Jupyter's server: sources of tasks open as notebooks with the real values of their pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .contents import wrap

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from .contents import Contents

__all__ = ["_jupyter_server_extension_points", "_load_jupyter_server_extension"]


class _Callbacks(Protocol):
    def add_callback(self, callback: Callable[[], None], /) -> None: ...


class _Server(Protocol):
    io_loop: _Callbacks
    contents_manager: Contents
    log: logging.Logger


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: _Server) -> None:
    # by then every other extension is loaded, and has put its own contents manager in place
    server.io_loop.add_callback(lambda: wrap(server.contents_manager, server.log))
