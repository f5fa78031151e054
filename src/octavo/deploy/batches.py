"""Jobs as SLURM and its relatives take them: tasks that are submitted at once, and the script of a job."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..dataclass import dataclass
from .engines import Handover
from .plan import Planned

#: Bytes that a job gets beyond the limit of its task, and seconds beyond its timeout, for octavo itself.
ROOM, GRACE = 512 << 20, 300
#: So many jobs are cancelled by one command.
_AT_ONCE = 500

#: The process is ended by the signal that SLURM sends before the limit; what is worth it is tried again.
_SCRIPT = """\
#!/bin/sh
{prologue}
set -- {tasks}
shift "${{SLURM_ARRAY_TASK_ID:-0}}"
stopped=
trap 'stopped=1; kill -TERM "$process" 2>/dev/null' TERM
for attempt in 1 2 3; do
  {octavo} run-task "$1" --run {run} --remote {url} &
  process=$!
  wait "$process"
  code=$?
  while kill -0 "$process" 2>/dev/null; do
    wait "$process"
    code=$?
  done
  if [ "$code" != 75 ] || [ -n "$stopped" ]; then exit "$code"; fi
  sleep 10
done
exit "$code"
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks that are submitted at once: one, or some of a grid, which have all needs in common."""

    tasks: tuple[Planned, ...]

    @property
    def first(self) -> Planned:
        return self.tasks[0]


def batches(tasks: Mapping[str, Planned], most: int, engine: str) -> Iterator[Batch]:
    """Yield tasks in order, those of a grid together, no more at once than an array may have."""
    alike: dict[tuple[object, ...], list[Planned]] = {}
    for task in tasks.values():
        alike.setdefault((task.source, task.upstream, task.needs(engine)), []).append(task)
    done: set[str] = set()
    waiting = [
        Batch(tuple(group[at : at + most])) for group in alike.values() for at in range(0, len(group), most)
    ]
    while waiting:
        ready = [one for one in waiting if {*one.first.upstream} & tasks.keys() <= done]
        yield from ready
        done |= {task.name for one in ready for task in one.tasks}
        waiting = [one for one in waiting if one not in ready]


def script(order: Handover, batch: Batch) -> str:
    """Return the script of a batch's jobs."""
    prologue = order.options.get("prologue")
    return _SCRIPT.format(
        prologue=Path(prologue).read_text(encoding="utf-8") if prologue else "",
        tasks=shlex.join([task.name for task in batch.tasks]),
        octavo=shlex.join(order.octavo),
        run=shlex.quote(order.run),
        url=shlex.quote(order.url),
    )


def own_words(task: Planned, engine: str) -> list[str]:
    """Return what a task says to the command of an engine that submits it."""
    said = task.engines.get(engine, ())
    return [word for text in ([said] if isinstance(said, str) else said) for word in shlex.split(text)]


def cancelled(command: Sequence[str], numbers: Sequence[str]) -> str:
    """Cancel jobs by a command that takes their numbers; return what it says where it cannot."""
    for at in range(0, len(numbers), _AT_ONCE):
        try:
            words = [*command, *numbers[at : at + _AT_ONCE]]
            ended = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError as error:
            return f"{command[0]}: {error.strerror}"
        if ended.returncode:
            return ended.stderr.strip() or f"{command[0]} ended with {ended.returncode}"
    return ""
