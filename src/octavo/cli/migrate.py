"""octavo migrate: what in a project depends on Ploomber."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Error
from ..lazy import lazy_imports
from ..show.screen import flat, many, screen
from . import options

with lazy_imports():
    from .. import project as projects
    from ..compat import command_lines, migrate, traces
    from ..spec import entry

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Mapping, Sequence

    from ..compat.migrate import Migration
    from ..model import Trace
    from ..show.screen import Screen
    from .options import Parser

_OTHERWISE = (
    "a task is stale when its code, parameters, inputs, or modules of the project that it uses have other contents; "
    "times do not count, nor do comments and markdown",
    "a task whose inputs were made again with the same contents does not run",
    "tasks run in the project's folder, wherever octavo is started, and get paths relative to it",
    "a product that was changed by hand is not overwritten; octavo accept takes it as it is",
    "nothing of the project is run to say what is stale, and no source is ever written to",
)


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo migrate``."""
    options.file(parser)
    parser.add_argument("--diff", action="store_true", help="show what --apply would change")
    parser.add_argument("--apply", action="store_true", help="rewrite imports, and show the changes")
    parser.add_argument("--json", action="store_true", help="print a JSON list with an object per finding")
    parser.examples("""\
octavo runs Ploomber projects unchanged. This command lists what in a project depends on Ploomber. --apply rewrites
imports in Python files and notebooks; products, executed notebooks and files ignored by git are skipped.

examples:
  octavo migrate
  octavo migrate --diff
  octavo migrate --apply

exit code: 0 the project runs as it is, 1 something must change first, 2 invalid command""")


def main(args: Namespace) -> int:
    """Show what was found, change what was asked for, and return the exit code."""
    out = screen(sys.stdout, os.environ)
    found = _migration(args)
    if args.json:
        out.say(json.dumps([_plain(one) for one in found.findings], indent=1, ensure_ascii=False))
    elif not (args.diff or args.apply):
        for line in _report(found, out):
            out.say(line)
    if (args.diff or args.apply) and not args.json:
        for line in _diff(found, out):
            out.say(line)
    if args.apply:
        found.apply()
        if not args.json:
            for line in _applied(found):
                out.say(line)
    return 1 if any(one.severity in ("error", "warning") for one in found.findings) else 0


def _migration(args: Namespace) -> Migration:
    root, products, messages, named = (
        Path.cwd(),
        list[str](),
        list[str | Error | ExceptionGroup[Error]](),
        list[str | Path](),
    )
    try:
        found = entry.find(args.file)
        root, named = found.root, [args.file or found.path]
    except Error as error:
        messages.append(error)
    if not args.file:
        others = [
            root / path for path in traces.pipelines(migrate.files(root), lambda path: _text(root / path))
        ]
        named += [path for path in others if path not in named]
        messages = [] if named else messages
    for one in named:
        try:
            with projects.load(one) as project:
                messages += [note for note in project.notes if note not in messages]
                products += [
                    str(project.root / product.path) for task in project.graph for product in task.products
                ]
        except (Error, ExceptionGroup) as error:
            if isinstance(error, ExceptionGroup) and error.split(Error)[1] is not None:
                raise
            messages.append(error)
    return migrate.migration(root, products, messages, partial(_advice, args.verbs))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _advice(verbs: Mapping[str, tuple[options.Verb, str]], verb: str, words: Sequence[str]) -> str:
    """Return what becomes of a command of Ploomber's."""
    parser = options.Parser(verb, "what it does")
    if verb in verbs:
        verbs[verb][0].arguments(parser)
    return command_lines.advice(verb, words, parser.takes)


def _report(found: Migration, to: Screen) -> Iterator[str]:
    kinds = migrate.KINDS
    for code, title in kinds.items():
        mine = [one for one in found.findings if one.code == code]
        if not mine:
            continue
        yield to.paint(title, "bold")
        for alike in _alike(mine):
            one, *others = alike
            lines = "".join(f", {other.where.line}" for other in others)
            place = f"{one.where}{lines}: " if one.where.path and code != "result" else ""
            yield f"  {to.paint(place, 'dim')}{flat(one.message)}"
            if one.hint:
                yield f"    {to.paint('→', 'cyan')} {one.hint.splitlines()[0]}"
        yield ""
    if not found.findings:
        yield "nothing here depends on Ploomber"
        yield ""
    yield to.paint("what octavo does differently", "bold")
    yield from (f"  {line}" for line in _OTHERWISE)
    yield ""
    if found.changes:
        yield f"--apply rewrites the imports in {many(len(found.changes), 'file')}, --diff shows how; it is not needed"
    else:
        yield "there is nothing for --apply to change"


def _alike(found: list[Trace]) -> list[list[Trace]]:
    """Return the findings with those that say the same of one file together."""
    table: dict[tuple[str, str, str], list[Trace]] = {}
    for one in found:
        table.setdefault((one.where.path, one.message, one.hint), []).append(one)
    return list(table.values())


def _diff(found: Migration, to: Screen) -> Iterator[str]:
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for change in found.changes:
        for line in change.diff():
            yield to.paint(line, colours[line[0]]) if line[:1] in colours else line
    if not found.changes:
        yield "there is nothing to change"


def _applied(found: Migration) -> Iterator[str]:
    if found.changes:
        yield f"rewrote {', '.join(change.path for change in found.changes)}"
        yield "tasks with code in these files are stale now: octavo accept takes their results as they are"


def _plain(one: Trace) -> dict[str, object]:
    where = {"path": one.where.path, "line": one.where.line, "column": one.where.column}
    return {"kind": one.code, "severity": one.severity, **where, "message": one.message, "hint": one.hint}
