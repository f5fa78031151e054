"""Make the sides of a pair the same: what is to be written, from which side, and why from that."""

from __future__ import annotations

import os
from dataclasses import replace

from .. import notebook as documents
from .. import products
from ..dataclass import dataclass
from ..errors import Error
from ..model import Json
from ..notebook.cells import Notebook
from ..products import writing
from . import convert, judge
from .pairs import Pair, PairSide


@dataclass(frozen=True, slots=True)
class Syncing:
    """What a pair needs: ``source`` is the side that is taken, None where all say the same."""

    pair: Pair
    source: PairSide | None = None
    why: str = ""
    #: The sides that are to be written, as they will be.
    written: tuple[PairSide, ...] = ()
    #: Whether what they say now is nowhere else.
    unkept: bool = False


def plan(pair: Pair, taken: str | None = None) -> Syncing:
    """Return what is to be written; ``taken`` is the side that the user wants. Raises ``Error`` on a conflict."""
    there = [side for side in pair.sides if side.notebook is not None]
    if taken is not None:
        side = next(one for one in there if _same_file(one.path, taken))
        return _from(pair, side, "as you say", unkept=True)
    if len(there) == len(pair.sides) and _same(there, pair.options):
        return Syncing(pair)
    verdict = judge.judged(pair)
    if isinstance(verdict, str):
        raise _conflict(there, verdict)
    return _from(pair, verdict.side, verdict.why, unkept=not verdict.kept)


def _same_file(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _same(there: list[PairSide], options: Json) -> bool:
    """Return whether all sides say the same, as far as their formats hold it."""
    first = next((side for side in there if side.form.notebook), there[0])
    assert first.notebook is not None
    for side in there:
        if side is first or side.notebook is None:
            continue
        held = convert.converted(first.notebook, side.form, options, side.notebook)
        if not convert.alike(held, side.notebook) or convert.head(held) != convert.head(side.notebook):
            return False
    return True


def _conflict(there: list[PairSide], why: str) -> Error:
    names = [side.path for side in there]
    one, *_, other = names
    said = f"{', '.join(names[:-1])} and {other} say different things: {why}"
    hint = (
        f"octavo diff {one} {other} shows what; octavo sync {one} --take {one}, or --take {other}, keeps one"
    )
    return Error(said, one, hint)


def _from(pair: Pair, source: PairSide, why: str, *, unkept: bool) -> Syncing:
    assert source.notebook is not None
    written = []
    for side in pair.sides:
        if side is source:
            continue
        made = convert.converted(source.notebook, side.form, pair.options, side.notebook)
        if side.notebook is not None and made.data == side.notebook.data:
            continue
        data = documents.dumps(made)
        if data != side.data:
            written.append(replace(side, data=data, notebook=made))
    return Syncing(pair, source if written else None, why, tuple(written), unkept)


def carried_out(found: Syncing) -> list[str]:
    """Write what a plan says, the .ipynb first, and keep what is known then; return where copies were kept."""
    copies = []
    old = {side.path: side for side in found.pair.sides}
    for side in sorted(found.written, key=lambda one: not one.form.notebook):
        before = old[side.path]
        now = products.whole(side.path) if os.path.lexists(side.path) else None
        if now != before.data:
            raise Error("it was changed while the pair was read", side.path, "octavo sync again")
        if found.unkept and before.data is not None:
            copies.append(judge.keep(found.pair, before))
        os.makedirs(os.path.dirname(side.path) or ".", exist_ok=True)
        writing.write(side.path, [side.data or b""])
    written = {side.path: side for side in found.written}
    sides = tuple(written.get(side.path, side) for side in found.pair.sides)
    if any(side.form.notebook for side in found.written):
        # jupytext's own rule: an .ipynb that is newer than its text is not opened
        for side in sides:
            if not side.form.notebook and side.path not in written:
                os.utime(side.path)
    judge.record(Pair(tuple(map(_read, sides)), found.pair.options))
    return copies


def _read(side: PairSide) -> PairSide:
    """Return a side with the notebook that its bytes are: what was made may hold what its format does not."""
    if side.data is None:
        return side
    notebook: Notebook = documents.loads(side.data, side.path)
    return replace(side, notebook=notebook)
