"""End processes that nobody would hear of again: somebody has stopped them (SIGSTOP), or they have left their line."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Iterable, Iterator

from ..events import Note, word
from ..model import Failure
from ..process.family import state
from .handle import Worker, end
from .warm import Warm

#: How often servers that owe an answer are looked at, and workers that were not forked, in seconds.
_GLANCE = 0.5
#: How often every worker is.
_ROUND = 2.0
#: Seconds after which a stopped one is ended: whoever looks at it with a debugger goes on before.
LIMIT = 10.0
#: Seconds after which a worker that can say nothing any more is ended; it is told after ``LIMIT``.
_PATIENCE = 60.0


def due(servers: Iterable[Warm], workers: Collection[Worker]) -> float | None:
    """Return in how many seconds somebody has to be looked at; None where nobody has."""
    if owing(servers, workers) or any(worker.process for worker in workers):
        return _GLANCE
    return _ROUND if workers else None


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


def silent(
    workers: Iterable[Worker], now: float, said: float = LIMIT, limit: float = _PATIENCE
) -> Iterator[Note]:
    """Say of each worker that it can say nothing any more, and end it after the limit: its task has failed.

    One that a debugger has stopped is left alone.
    """
    for worker in workers:
        stopped = state(worker.pid) == "T" if worker.pid and not worker.ended else False
        lost = worker.closed and not worker.ended
        if worker.paused or not (stopped or lost):
            worker.silent = None
            continue
        if worker.silent is None:
            worker.silent, worker.told = now, False
        why = "is stopped (SIGSTOP)" if stopped else "has left its line to octavo"
        if now - worker.silent > limit:
            failure = Failure("WorkerDied", f"its process {why}, and was ended after {limit:g} s")
            worker.fault = worker.fault or failure
            end(worker.pid, signal.SIGKILL)
        elif now - worker.silent > said and not worker.told:
            worker.told = True
            go = f"; kill -CONT {worker.pid} lets it go on" if stopped else ""
            words = f"its process {worker.pid} {why}: it is ended in {limit - said:g} s{go}"
            yield word(words, worker.task.name)
