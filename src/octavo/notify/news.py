"""What tasks of a build have reported that people want to know: metrics that compare so, checks that did not pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from ..dataclass import dataclass
from ..events import CheckFinished, Event, MetricsLogged
from ..hints import did_you_mean
from ..metrics import kept, where
from ..metrics.kept import RunMetrics
from ..spec.notices import CHECK, METRIC, WHEN

#: Among so many results it is looked whether anybody has ever reported a metric.
_LOOKED = 500


@dataclass(frozen=True, slots=True)
class News:
    """What is told of a condition: lines by what they are about, and all that was reported, be it so or not."""

    lines: Mapping[str, str]
    reported: frozenset[str]


class Reported:
    """What tasks have reported so far."""

    def __init__(self) -> None:
        self._metrics: dict[str, dict[str, int | float]] = {}
        self._checks: dict[str, CheckFinished] = {}

    def take(self, event: Event) -> None:
        """Note a metric or a check; a later one of a name replaces an earlier one."""
        if isinstance(event, MetricsLogged):
            self._metrics.setdefault(event.task, {}).update(event.metrics)
        elif isinstance(event, CheckFinished):
            self._checks[f"{event.task}: {event.check}"] = event

    def news(self, word: str) -> News:
        """Return what there is to tell by a word of ``when``."""
        kind, _, said = word.partition(" ")
        return self._of_checks(said) if kind == CHECK else self._of_metrics(said)

    def _of_checks(self, name: str) -> News:
        known = {about: one for about, one in self._checks.items() if name in ("", one.check)}
        lines = {
            about: f"check {one.check} of {one.task}: {one.found or 'it did not pass'}"
            for about, one in known.items()
            if not one.good
        }
        return News(lines, frozenset(known))

    def _of_metrics(self, text: str) -> News:
        asked, lines, reported = where.parsed(text), dict[str, str](), set[str]()
        for task, metrics in self._metrics.items():
            row = RunMetrics("", task, 0.0, "", 0.0, metrics, {})
            if all(one.name == "task" or one.name in metrics for one in asked):
                reported.add(task)
                if all(one.holds(row) for one in asked):
                    names = dict.fromkeys(one.name for one in asked if one.name in metrics)
                    values = ", ".join(f"{name} {metrics[name]:.6g}" for name in names)
                    lines[task] = f"metric {values} of {task}: {text}"
        return News(lines, frozenset(reported))

    def unknown(self, words: Iterable[str], root: str) -> Iterator[str]:
        """Yield what is wrong with conditions on metrics that nobody reports, while others are."""
        names = {name for metrics in self._metrics.values() for name in metrics}
        if not names:
            return
        for word in words:
            kind, _, text = word.partition(" ")
            for one in where.parsed(text) if kind == METRIC else ():
                if one.name in ("task", *names):
                    continue
                earlier = {name for row in islice(kept.rows(root), _LOOKED) for name in row.metrics}
                if one.name not in earlier:
                    hint = did_you_mean(one.name, names | earlier)
                    yield f'no task reports a metric "{one.name}"{f": {hint}" if hint else ""}'


def conditions(when: Iterable[str]) -> list[str]:
    """Return the words of ``when`` that are about what tasks report."""
    return [word for word in when if word not in WHEN]
