"""End warm servers that somebody has stopped (SIGSTOP), and that nobody would hear of again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator

from ..process.family import state
from .handle import Worker
from .warm import Warm

#: How often servers that owe an answer are looked at, in seconds.
GLANCE = 0.5
#: Seconds after which a stopped one is ended: whoever looks at it with a debugger goes on before.
LIMIT = 10.0


def owing(servers: Iterable[Warm], workers: Iterable[Worker]) -> set[Warm]:
    """Return the servers that owe an answer: what they import, the process of a worker, or how one has ended.

    One of which nothing at all was heard owes it by the others: one of them is to fork it.
    """
    every = set(servers)
    found = {server for server in every if not server.ready or not server.pid}
    if any(not server.pid for server in found):
        return every
    return found | {
        worker.server
        for worker in workers
        if worker.server is not None and (not worker.pid or (worker.closed and not worker.ended))
    }


def look(servers: Iterable[Warm], now: float, limit: float = LIMIT) -> Iterator[tuple[Warm, int]]:
    """End each server that has been stopped for longer than the limit; yield it, with the process that it was."""
    for server in servers:
        if not server.pid or state(server.pid) not in ("T", "t"):
            server.stopped = None
        elif server.stopped is None:
            server.stopped = now
        elif now - server.stopped > limit:
            try:
                os.kill(server.pid, signal.SIGKILL)
            except OSError:
                continue
            yield server, server.pid
