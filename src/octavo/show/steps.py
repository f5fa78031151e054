"""Say of each step whether it is fresh or stale and why, as lines of a table or plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import parts
from ..dataclass import dataclass
from ..model import Json, Step
from .screen import columns, cut, flat, many, pad, several

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from ..model import Reason
    from .screen import Screen

_REASONS = 3  # shown of a task; verbosely all


@dataclass(frozen=True, slots=True)
class FileStep(Step):
    """A file, drawn like a step in pictures of lineage: it is no task, and not counted."""


def state(step: Step) -> str:
    """Return the word for a step: fresh, stale, waits, or blocked by a product that was changed by hand."""
    if any(reason.edited for reason in step.reasons):
        return "blocked"
    return "stale" if step.reasons else "waits" if step.waits else "fresh"


def plain(step: Step) -> Json:
    """Return a step as plain JSON values."""
    task = step.task
    return {
        "task": task.name,
        "state": state(step),
        "reasons": [{"part": r.part, "was": r.was, "now": r.now, "text": str(r)} for r in step.reasons],
        "waits": list(step.waits),
        "upstream": list(task.upstream),
        "kind": task.kind,
        "source": task.source.entry or task.source.path,
        "products": [product.path for product in task.products],
    }


def table(
    steps: Mapping[str, Step],
    to: Screen,
    verbose: bool = False,
    diffs: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
    selected: Container[str] | None = None,
) -> Iterator[str]:
    """Yield a line for each step, cut to the terminal, and one that counts them; below a step what differs.

    ``selected`` are the tasks that were asked for, where these steps are only some of them.
    """
    width = to.width
    longest = max(map(columns, steps), default=0)
    names = longest if width is None else min(longest, max(12, width // 2))
    states = {name: state(step) for name, step in steps.items()}
    width_of_states = max(map(len, {*states.values()}), default=5)
    left = None if width is None else max(0, width - width_of_states - 2 - names - 2)
    for name, step in steps.items():
        first, *more = _why(step, verbose, steps if selected is None else selected) or [""]
        word = to.word(states[name], width_of_states)
        yield f"{word}  {pad(flat(name), names)}  {cut(first, left)}" if first else f"{word}  {flat(name)}"
        for reason in more:
            yield " " * (width_of_states + 2 + names + 2) + cut(reason, left)
        for part, lines in (diffs or {}).get(name, {}).items():
            yield f"       {to.paint(part, 'bold')}"
            yield from (f"         {_painted(line, to)}" for line in lines)
    yield counted(steps)
    yield from hints(reason for step in steps.values() for reason in step.reasons)


def hints(reasons: Iterable[Reason]) -> Iterator[str]:
    """Yield what to do about products that are not octavo's to replace, a line for all of one sort."""
    edited = [reason for reason in reasons if reason.edited]
    strangers = [reason for reason in edited if parts.split(reason.part)[0] is parts.STRANGER]
    if len(strangers) < len(edited):
        yield "changed by hand: octavo accept TASK keeps it, octavo build --force TASK replaces it"
    if strangers:
        adopt = (
            "octavo build --adopt takes over what Ploomber made, " if any(r.detail for r in strangers) else ""
        )
        yield f"there before: {adopt}octavo accept TASK keeps it, octavo build --force TASK replaces it"


def _painted(line: str, to: Screen) -> str:
    colour = {"+": "green", "-": "red"}.get(line[:1])
    return to.paint(line, colour) if colour else line


def counted(steps: Mapping[str, Step]) -> str:
    """Return the line that counts the steps."""
    states = [state(step) for step in steps.values() if not isinstance(step, FileStep)]
    stale, waiting, total = (
        states.count("stale") + states.count("blocked"),
        states.count("waits"),
        len(states),
    )
    if not stale and not waiting:
        return (
            "there are no tasks"
            if not total
            else "all tasks are fresh"
            if total == 1
            else f"all {total:,} tasks are fresh"
        )
    line = f"{stale:,} of {many(total, 'task')} {'is' if stale == 1 else 'are'} stale"
    if not waiting:
        return line
    return f"{line}, {waiting:,} {'waits' if waiting == 1 else 'wait'}"


def _why(step: Step, verbose: bool, selected: Container[str]) -> list[str]:
    """Return why a step must run, in one line or, verbose, in one for each reason."""
    if step.fresh:
        return []
    reasons = [flat(str(reason)) for reason in step.reasons]
    names = [name if name in selected else f"{name} (not selected)" for name in step.waits]
    waits = [f"waits for {several(names, len(names) if verbose else _REASONS)}"] if names else []
    if verbose:
        return reasons + waits
    if not reasons:
        return ["".join(waits)]
    outside = [f"{name} (not selected)" for name in step.waits if name not in selected]
    # it says why status exits with 1
    waits = [f"waits for {several(outside, _REASONS)}"] if outside else []
    return [", ".join([several(reasons, _REASONS), *waits])]
