"""octavo backfill: build the pipeline once for each value of a parameter, as for the days of a month."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from ..compat import parameters as given
from ..errors import Error
from ..lazy import lazy_imports
from ..show.mistakes import show
from ..show.progress import Progress
from ..show.screen import flat, many, screen, seconds
from . import options

with lazy_imports():
    from .. import project as projects

if TYPE_CHECKING:
    from argparse import Namespace

    from ..project import Project
    from ..show.screen import Screen
    from .options import Parser

_STEPS = ("hour", "day", "week", "month", "year")
_MOST = 10_000


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo backfill``."""
    options.selection(parser)
    parser.add_argument(
        "--step", choices=_STEPS, default=None, help="between two dates (default: day, with times: hour)"
    )
    parser.add_argument("--reverse", action="store_true", help="begin with the last value")
    parser.add_argument("--force", action="store_true", help="run the selected tasks even if they are fresh")
    parser.add_argument("--fail-fast", action="store_true", help="end with the first value that fails")
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="list the values, and what would run for each"
    )
    parser.add_argument(
        "-j", "--jobs", type=options.positive, metavar="N", help="run at most N tasks at a time"
    )
    parser.examples("""\
One parameter says a range: dates or whole numbers with .. between them, or values with commas. The paths of products
must contain it ("out/{{date}}.csv"), or each build would overwrite the last one. What is fresh already does not run.

examples:
  octavo backfill --param date=2026-01-01..2026-01-31
  octavo backfill --param month=2026-01-01..2026-12-01 --step month report
  octavo backfill --param shard=0..15 --param sample=true
  octavo backfill --param city=paris,rome,oslo

exit code: 0 all built, 1 some failed""")


def main(args: Namespace) -> int:
    """Build for each value, and say how each ended."""
    options.interruptible()
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    name, values, others = _ranged(args)
    if args.reverse:
        values.reverse()
    _refuse_one_place(args, name, values, others)
    width = max(map(len, values))
    began, bad = time.perf_counter(), list[str]()
    for value in values:
        code, words = _build(args, others | given.params([f"{name}={value}"]), out, err)
        out.say(f"{flat(value):<{width}}  {words}")
        if code == 130:
            return code
        bad += [value] if code else []
        if code and args.fail_fast:
            break
    took = seconds(time.perf_counter() - began)
    if not args.dry_run:
        out.say(f"{many(len(values), 'value')} of {flat(name)}, {len(bad)} failed in {took}" if bad else
                f"{many(len(values), 'value')} of {flat(name)} in {took}")  # fmt: skip
    return 1 if bad else 0


def _build(args: Namespace, params: dict[str, object], out: Screen, err: Screen) -> tuple[int, str]:
    """Build for one value; return the exit code and how it ended in words."""
    try:
        with projects.load(args.file, params=params, waiting=err.say) as project:
            if args.dry_run:
                steps = project.status(args.targets, force=args.force)
                stale = sum(not step.fresh for step in steps.values())
                return 0, f"{stale} of {many(len(steps), 'task')} would run"
            with Progress(out, quiet=True) as progress:
                try:
                    project.build(
                        args.targets,
                        force=args.force,
                        jobs=args.jobs,
                        fail_fast=args.fail_fast,
                        listeners=(progress,),
                        waiting=lambda text: err.say(f"{text}; waiting for it to end"),
                    )
                except KeyboardInterrupt:
                    return 130, "interrupted"
            report = progress.report
            counts = ", ".join(f"{n:,} {outcome.value}" for outcome, n in report.counts.items() if n)
            first = next(iter(report.failures.values()), None)
            why = f": {first.task}: {flat(first.failure.message)}" if first and first.failure else ""
            hint = f"; octavo log {report.run}" if report.exit_code else ""
            return report.exit_code, f"{counts or 'no tasks'} in {seconds(report.seconds)}{why}{hint}"
    except* Error as error:
        show(error, err)
    return 2, "it could not begin"


def _ranged(args: Namespace) -> tuple[str, list[str], dict[str, object]]:
    """Return the parameter that has several values, these, and the other parameters."""
    found: list[tuple[str, list[str]]] = []
    single: list[str] = []
    for text in args.params:
        name, _, said = text.partition("=")
        values = _values(said, args.step)
        if values is None:
            single.append(text)
        else:
            found.append((name, values))
    if len(found) != 1:
        which = f"{len(found)} parameters say ranges: {', '.join(name for name, _ in found)}" if found else \
            "no parameter says several values"  # fmt: skip
        raise Error(which, hint="octavo backfill --param date=2026-01-01..2026-01-31")
    others: dict[str, object] = {}
    for path in args.parameters_file:
        others |= given.file(path)
    return (*found[0], others | given.params(single) | args.env)


def _values(said: str, step: str | None) -> list[str] | None:
    """Return the values that a text stands for; None for a single one."""
    first, dots, last = said.partition("..")
    if not dots:
        values = [value for value in said.split(",") if value]
        return values if len(values) > 1 and said[:1] not in "[{\"'" else None
    if first.lstrip("-").isdecimal() and last.lstrip("-").isdecimal():
        return _counted(said, [*map(str, range(int(first), min(int(last), int(first) + _MOST) + 1))])
    start, end = _moment(first), _moment(last)
    if start is None or end is None:
        hint = (
            "dates as 2026-01-01..2026-01-31, times as 2026-01-01T00:00..2026-01-01T23:00, numbers as 0..15"
        )
        raise Error(f'"{said}" is no range', hint=hint)
    timed = "T" in first or " " in first
    step = step or ("hour" if timed else "day")
    if step == "hour" and not timed:
        raise Error('"--step hour" wants times', hint="2026-01-01T00:00..2026-01-01T23:00")
    found: list[str] = []
    for moment in _steps(start, end, step):
        found.append(moment.isoformat(timespec="minutes") if timed else moment.date().isoformat())
        if len(found) > _MOST:
            break
    return _counted(said, found)


def _counted(said: str, values: list[str]) -> list[str]:
    if not values:
        raise Error(f'"{said}" is empty: it ends before it begins')
    if len(values) > _MOST:
        raise Error(f'"{said}" has more than {_MOST:,} values', hint="a larger --step, or fewer at once")
    return values


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return None


def _steps(first: datetime, last: datetime, step: str) -> Iterator[datetime]:
    """Yield moments from one to another; the 31st of a month is the last day of a shorter one."""
    number = 0
    while True:
        if step in ("month", "year"):
            months = first.month - 1 + number * (12 if step == "year" else 1)
            year, month = first.year + months // 12, months % 12 + 1
            end = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
            moment = first.replace(year=year, month=month, day=min(first.day, end))
        else:
            moment = (
                first + number * {"hour": timedelta(hours=1), "day": timedelta(1), "week": timedelta(7)}[step]
            )
        if moment > last:
            return
        yield moment
        number += 1


def _refuse_one_place(args: Namespace, name: str, values: list[str], others: dict[str, object]) -> None:
    """Refuse to build into the same files for each value: of all but the last nothing would be left."""
    if len(values) < 2:
        return
    one, other = (_places(args, others | given.params([f"{name}={value}"])) for value in values[:2])
    same = [path for task, path in one.items() if other.get(task) == path]
    if one and len(same) == len(one):
        hint = f'put it into the paths of products: "out/{{{{{name}}}}}.csv", with {name} in env.yaml'
        raise Error(f"each value of {name} would overwrite the results of the last: {same[0]}", hint=hint)


def _places(args: Namespace, params: dict[str, object]) -> dict[str, str]:
    with projects.load(args.file, params=params) as project:
        return _selected(project, args.targets)


def _selected(project: Project, targets: list[str]) -> dict[str, str]:
    return {
        name: ", ".join(product.path for product in project.graph[name].products)
        for name in project.graph.select(targets)
        if project.graph[name].products
    }
