"""What commands say of a run that was submitted: its tasks as a table or as JSON, and what they printed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence

from ..errors import Error
from ..events import Event
from ..show.screen import Screen, flat, seconds
from .depot import told
from .follow import TaskState, events, exit_code, states
from .runs import GOOD, at

_COLOURS = {"failed": "red", "lost": "red", "blocked": "yellow", "cancelled": "yellow", "running": "cyan"}


def status(
    words: Sequence[str], url: str | None, file: str | None, as_json: bool, strict: bool, out: Screen
) -> int:
    """Show the tasks of a run and return the exit code: with ``strict`` 1 where one has not ended well."""
    if len(words) != 1:
        raise Error(
            "octavo status --remote takes the name of one run", hint="octavo runs --remote lists them"
        )
    with told(url):
        here = at(url, file)
        head = here.known(words[0])
        run, now = str(head["run"]), time.time()
        found = states(here, run, here.plan(str(head["plan"])), now)
    if as_json:
        out.say(json.dumps([_plain(one) for one in found], ensure_ascii=False))
    else:
        width = max((len(flat(one.task)) for one in found), default=0)
        for one in found:
            out.say(_line(one, width, now, out))
    return exit_code(found) if strict else 0


def log(run: str, task: str | None, url: str | None, file: str | None) -> Iterator[Event]:
    """Yield what happened in the tasks of a run."""
    with told(url):
        here = at(url, file)
        head = here.known(run)
        yield from events(here, str(head["run"]), here.plan(str(head["plan"])), task)


def _line(one: TaskState, width: int, now: float, out: Screen) -> str:
    colour = "green" if one.state in GOOD else _COLOURS.get(one.state, "dim")
    words = [f"{flat(one.task):<{width}}", out.paint(f"{one.state:<9}", colour)]
    if one.run is not None:
        took = (one.run.ended or now) - one.run.started if one.run.started else 0.0
        words.append(f"{seconds(took):>8}" if took else " " * 8)
        words += [flat(one.run.host)] if one.run.host else []
        words += [f"attempt {one.run.attempt}"] if one.run.attempt > 1 else []
        words += [flat(one.run.why)] if one.run.why else []
    return "  ".join(words).rstrip()


def _plain(one: TaskState) -> dict[str, object]:
    run = one.run
    return {
        "task": one.task,
        "state": one.state,
        "attempt": run.attempt if run else 0,
        "host": run.host if run else "",
        "started": run.started if run else None,
        "ended": run.ended if run else None,
        "seconds": run.seconds if run else None,
        "why": run.why if run else "",
    }
