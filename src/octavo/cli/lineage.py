"""octavo lineage: what made a file, what depends on it, and which cell shows a number."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__, notebook
from ..dataclass import dataclass
from ..errors import Error
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..lineage import Job, Lineage, reach
from ..lineage.gather import gather
from ..show import lineage as words
from ..show.screen import flat, screen
from ..spec.entry import around
from . import options

with lazy_imports():
    from ..lineage import alone, cells, openlineage
    from ..timeline import revisions

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Iterator

    from ..project import Project
    from ..show.screen import Screen
    from .options import Parser

_NUMBER = re.compile(r"[-+]?\d[\d,]*(\.\d+)?([eE][-+]?\d+)?|[-+]?\.\d+")
_CELL = re.compile(r"(.+)#(\d+)")


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo lineage``."""
    parser.add_argument(
        "what",
        nargs="?",
        metavar="WHAT",
        help="a file, a table, a task, a notebook, its id, NOTEBOOK#CELL, or a number (default: all)",
    )
    parser.add_argument("--value", metavar="VALUE", help="the cells whose outputs show it")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--json", action="store_true", help="print an object of JSON")
    either.add_argument(
        "--openlineage", action="store_true", help="print the runs as events of OpenLineage, a line each"
    )
    options.file(parser)
    parser.examples("""\
It reads what runs have left; nothing is run. Cells are code cells, counted from 1.

examples:
  octavo lineage out/clean.csv        what made it, what it was made from, who uses it
  octavo lineage out/fit.ipynb#4      what this cell rests on
  octavo lineage --value 0.91         the cells that show this number
  octavo lineage --openlineage > events.jsonl""")


@dataclass(frozen=True, slots=True)
class _Scene:
    """A lineage, the folder that its paths are relative to, and the project, if there is one."""

    lineage: Lineage
    root: str
    project: Project | None

    def full(self, path: str) -> str:
        return os.path.join(self.root, path)

    def when(self, job: Job) -> str:
        """Return when the last good run of a job ended."""
        if self.project is None:
            return job.run[:16].replace("T", " ")
        runs = self.project.store.history(job.name) if job.run else []
        at = next((run.at for run in runs if run.run == job.run), None)
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(at)) if at else ""


def main(args: Namespace) -> int:
    """Tell where something comes from and return the exit code."""
    out = screen(sys.stdout, os.environ)
    if args.file is None and not any(around(Path.cwd(), Path(Path.cwd().anchor))):
        here = os.path.realpath(".")
        _tell(args, _Scene(alone.gather(here), here, None), out)
        return 0
    with options.project(args) as project:
        _tell(args, _Scene(gather(project), os.path.realpath(project.root), project), out)
        return 0


def _tell(args: Namespace, place: _Scene, out: Screen) -> None:
    if args.value is not None:
        _value(args, args.value, _notebooks(place, args.what), place, out)
        return
    if args.what is None:
        _all(args, place, out)
        return
    if args.what.endswith(".ipynb") and os.path.isfile(args.what):
        notebook.read(args.what)  # of one that cannot be read, nothing that is said here would be true
    if (asked := _CELL.fullmatch(args.what)) and not os.path.exists(args.what):
        _cell(args, _relative(asked[1], place), int(asked[2]), place, out)
        return
    name = _named(args.what, place)
    if name is None and _NUMBER.fullmatch(args.what):
        _value(args, args.what, _notebooks(place, None), place, out)
        return
    if name is None:
        known = [*place.lineage.jobs, *place.lineage.files]
        raise Error(f'nothing is known of "{args.what}"', hint=did_you_mean(args.what, known))
    makers, readers, paths = _about(name, place)
    if args.openlineage:
        both = (*reach(makers, place.lineage.before), *reach([*makers, *readers], place.lineage.after))
        _events({one.name: one for one in both}.values(), place, out)
    elif args.json:
        what = {"what": name, "read_by": [one.name for one in readers]}
        found = what | words.around(place.lineage, makers, readers)
        out.say(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        _show(name, makers, paths, place, out)


def _all(args: Namespace, place: _Scene, out: Screen) -> None:
    lineage = place.lineage
    if args.openlineage:
        _events(lineage.jobs.values(), place, out)
    elif args.json:
        found = words.plain(lineage, lineage.jobs.values())
        out.say(json.dumps(found, ensure_ascii=False, indent=1))
    elif not lineage.jobs and not lineage.notebooks:
        out.say("no notebook here has run with octavo, and none has an id")
    for line in () if args.openlineage or args.json else words.listing(lineage, out):
        out.say(line)


# ── what is asked


def _relative(path: str, place: _Scene) -> str:
    full = os.path.realpath(path)
    inside = os.path.join(place.root, "")
    return full[len(inside) :] if full.startswith(inside) else full


def _named(word: str, place: _Scene) -> str | None:
    """Return what the graph calls something that a person names: a path, a table, a task; None for what it has not."""
    lineage = place.lineage
    path = _relative(word, place)
    if path in lineage:
        return path
    if word in lineage or word in lineage.jobs:
        return word
    if found := lineage.paths(word):
        return found[0]
    return path if os.path.lexists(word) else None


def _about(name: str, place: _Scene) -> tuple[list[Job], list[Job], list[str]]:
    """Return who made what is named, who reads it, and the files whose users are shown."""
    lineage = place.lineage
    if name in lineage and (lineage.makers(name) or not lineage.of(name)):
        return lineage.makers(name), lineage.readers(name), [name]
    found = lineage.of(name) or [one for one in lineage.jobs.values() if one.name == name]
    return found, [], [*(path for one in found for path in one.writes), *(one.source for one in found)]


def _notebooks(place: _Scene, only: str | None) -> list[tuple[str, str]]:
    """Return the executed notebooks that there are, each by its name and its file; or only one that is named."""
    if only is not None:
        if not os.path.isfile(only):
            raise Error("there is no such notebook", only)
        return [(_relative(only, place), only)]
    paths = {one.notebook: None for one in place.lineage.jobs.values() if one.notebook}
    return [(path, place.full(path)) for path in paths if os.path.isfile(place.full(path))]


# ── answers


def _show(name: str, makers: Sequence[Job], paths: Sequence[str], place: _Scene, out: Screen) -> None:
    lineage = place.lineage
    what = {True: "made by", False: "source of"}[any(name in one.writes for one in makers)]
    if not makers:
        known = name in lineage
        told = "no task makes it" if known else "no run is known to have made or read it"
    else:
        told = "" if name in lineage.jobs else f"{what} {', '.join(map(words.title, makers))}"
    out.say(f"{out.paint(flat(name), 'bold')}{': ' if told else ''}{told}")
    for maker in makers:
        for key, value in _known(maker, place):
            out.say(f"  {key:<8} {value}")
        if name in maker.writes:
            if cell := words.numbers(maker.writes[name].cells):
                out.say(f"  {'written':<8} by {cell} of {flat(maker.notebook or maker.source)}")
            if changed := _changed(name, maker, place):
                out.say(f"  {'now':<8} {changed}")
    inputs = words.inputs(lineage, makers) | dict.fromkeys(lineage.parents(name), words.PARENT)
    _tree("made from", words.up(lineage, inputs, out), out)
    _tree("used by", words.down(lineage, paths, out), out)


def _known(maker: Job, place: _Scene) -> Iterator[tuple[str, str]]:
    one = revisions.commit_of(place.full(maker.source), maker.raw) if maker.raw else None
    commit = f"commit {one.commit[:9]} ({one.at[:10]}, {one.by})" if one else ""
    return words.about(maker, place.when(maker), commit)


def _tree(heading: str, lines: Iterator[str], out: Screen) -> None:
    for number, line in enumerate(lines):
        if number == 0:
            out.say(out.paint(heading, "bold"))
        out.say(line)


def _changed(name: str, maker: Job, place: _Scene) -> str:
    digest = maker.writes[name].digest
    if place.project is None or not digest or len(place.lineage.makers(name)) > 1:
        return ""
    if not os.path.lexists(place.full(name)):
        return "gone" if os.sep in name or "." in name else ""  # a table is in its database
    return "" if place.project.store.digest(name) == digest else "changed since: it is not what the run left"


def _cell(args: Namespace, path: str, number: int, place: _Scene, out: Screen) -> None:
    """Tell what a cell rests on."""
    lineage = place.lineage
    try:
        found = cells.cell(notebook.read(place.full(path), name=path), number)
    except OSError as error:
        raise Error(f"it cannot be read: {error.strerror}", path) from None
    makers = lineage.makers(path) or lineage.of(path)
    counted = {*found.rests_on, number}
    reads: dict[str, tuple[int, ...]] = {}
    for one in makers:
        for read, use in one.reads.items():
            # where nothing tells which cell read it, any may have; cells of a source are counted in another way
            if one.notebook != path or not use.cells or counted & {*use.cells}:
                reads[read] = use.cells
    if args.openlineage:
        raise Error("--openlineage tells of runs, not of cells", hint=f"octavo lineage {path} --openlineage")
    if args.json:
        about = {
            "notebook": path,
            "cell": number,
            "source": found.source,
            "shows": found.text,
            "rests_on": list(found.rests_on),
            "as_it_ran": found.ran,
            "inputs": [{"path": read, "cells": list(used)} for read, used in reads.items()],
        }
        out.say(json.dumps(about | words.around(lineage, makers, ()), ensure_ascii=False, indent=1))
        return
    told = f" of {', '.join(map(words.title, makers))}" if makers else ""
    out.say(f"{out.paint(f'{flat(path)}, cell {number}', 'bold')}{told}")
    for line in _lines(found.source):
        out.say(f"  {out.paint('|', 'dim')} {line}")
    for line in _lines(found.text):
        out.say(f"  {out.paint('→', 'dim')} {line}")
    if found.ran is False:
        out.say("  now      edited after it ran: its output is of other code")
    if found.rests_on:
        out.say(f"  rests on {words.numbers(found.rests_on)}")
    for maker in makers:
        for key, value in _known(maker, place):
            out.say(f"  {key:<8} {value}")
    _tree(
        "made from", words.up(lineage, {read: words.numbers(used) for read, used in reads.items()}, out), out
    )


def _lines(text: str) -> Iterator[str]:
    lines = text.rstrip("\n").splitlines()
    yield from map(flat, lines[:12])
    if len(lines) > 12:
        yield f"… {len(lines) - 12} more lines"


def _value(args: Namespace, value: str, notebooks: list[tuple[str, str]], place: _Scene, out: Screen) -> None:
    """Tell which cells show a value; of a single one, what it rests on."""
    if not value.strip():
        raise Error("the value to look for is empty")
    if not notebooks:
        raise Error("there is no executed notebook here that could show it", hint="octavo build, octavo run")
    hits = cells.showing(notebooks, value)
    if not hits:
        where = f"the {len(notebooks)} executed notebooks" if len(notebooks) != 1 else notebooks[0][0]
        raise Error(f"no cell of {where} shows {value}")
    if len(hits) == 1:
        _cell(args, hits[0].path, hits[0].number, place, out)
    elif args.json:
        found = [
            {"notebook": hit.path, "cell": hit.number, "line": hit.line, "exact": hit.exact} for hit in hits
        ]
        out.say(json.dumps({"value": value, "cells": found}, ensure_ascii=False, indent=1))
    elif args.openlineage:
        raise Error("--openlineage tells of runs, not of values")
    else:
        for hit in hits:
            out.say(f"{flat(hit.path)}#{hit.number}  {out.paint(flat(hit.line)[:100], 'dim')}")
        out.say(f"{len(hits)} cells show it: octavo lineage {flat(hits[0].path)}#{hits[0].number}")


# ── OpenLineage


def _events(jobs: Iterable[Job], place: _Scene, out: Screen) -> None:
    name = os.path.basename(place.root) or "project"
    where = openlineage.Issuer(name, place.root, f"urn:octavo:{__version__}")
    for event in openlineage.events(_runs(jobs, place), where):
        out.say(json.dumps(event, ensure_ascii=False))


def _runs(jobs: Iterable[Job], place: _Scene) -> Iterator[tuple[Job, openlineage.RunEnd]]:
    """Yield the last good run of each job, and the one that failed since."""
    for one in jobs:
        if place.project is None:
            yield one, openlineage.alone(one)
            continue
        history = place.project.store.history(one.name)
        ended = [openlineage.RunEnd(run.run, run.at, run.outcome, run.seconds) for run in history]
        if one.run:
            known = next((run for run in ended if run.run == one.run), None)
            yield one, known or openlineage.by_name(one)
        if ended and ended[0].outcome in ("failed", "cancelled"):
            yield one, ended[0]
