"""NB124: random numbers without a seed: each run gives others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from . import CodeCell, Hit, Severity, Subject, at, random_numbers
from .imported import FullCall, Placed, choose, full_calls, may_give

#: What sets the seeds of several families: ``set_seed(0)``, ``seed_everything(0)``, ``seed_all(0)``.
_ALL = re.compile(
    r"(?:.*_)?(?:set|fix|init)\w*_(?:seeds?|determinis\w+)(?:_\w+)?|(?:.*_)?seed(?:_?everything|_?all|_?it)\w*"
)
#: Parameters by which a call takes its own seed.
_OWN = ("random_state", "seed", "random_seed", "rng", "generator", "key", "sampler")


class Unseeded:
    """Random numbers are drawn without a seed, so each run gives others.

        rng = np.random.default_rng()              # default_rng(0)
        train_test_split(X, y)                     # random_state=0, or np.random.seed(0) in a cell above
        key = uuid.uuid4()

    Of `random`, NumPy and what draws from its numbers (SciPy, pandas, scikit-learn), PyTorch, TensorFlow and Keras,
    JAX, polars, NetworkX and others; also UUIDs, `os.urandom` and `hash()` of texts.
    A seed counts from its place on, and one that is taken from the clock is none. Only the first place is reported of
    all that one seed would settle.
    """

    code = "NB124"
    name = "unseeded"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        calls = full_calls(subject, _likely)
        clues: random_numbers.Clues | None = None
        seeds = _seeds(calls)
        said: set[str] = set()
        for place, call in enumerate(calls):
            clues = clues or random_numbers.clues(subject)
            drawn = random_numbers.drawn(call, clues)
            if drawn is None or drawn.family in said or _seeded(drawn, place, call, seeds):
                continue
            said.add(drawn.family)
            yield at(call.cell, call.node, drawn.words, drawn.hint)


def _likely(cell: CodeCell) -> list[Placed]:
    return choose(cell, lambda last: random_numbers.matters(last) or bool(_ALL.fullmatch(last)), magics=False)


def _seeds(calls: Sequence[FullCall]) -> Mapping[str, int]:
    """Return the families that are seeded, "*" for all, each with the place of its first seed."""
    found: dict[str, int] = {}
    for place, call in enumerate(calls):
        family = random_numbers.seeds(call.name)
        if not family and _ALL.fullmatch(call.last):
            family = "*"
        if family and _real(call):
            found.setdefault(family, place)
    return found


def _real(call: FullCall) -> bool:
    """Return whether a seed is one: neither none at all, nor of the clock."""
    given = [*call.node.args, *(one.value for one in call.node.keywords)]
    if not given:
        return bool(_ALL.fullmatch(call.last))  # a function of the project that knows its seed
    return not any(map(random_numbers.from_clock, given)) and getattr(given[0], "value", 0) is not None


def _seeded(drawn: random_numbers.Drawn, place: int, call: FullCall, seeds: Mapping[str, int]) -> bool:
    """Return whether numbers have a seed: their own, or that of a family before them.

    One further down will do where they are drawn later, as by a function.
    """
    if not drawn.seeds:
        return False
    later = call.inside or drawn.later
    return may_give(call.node, *_OWN) or any(
        one in seeds and (later or seeds[one] < place) for one in (*drawn.seeds, "*")
    )


RULE = Unseeded()
