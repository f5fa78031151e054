"""octavo check: find what is wrong with notebooks, without running them."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import plugins
from ..checks import NotebookFindings, many, run
from ..checks.around import ProjectsAround
from ..checks.members import rules
from ..checks.memory import Memory
from ..checks.settings import settings
from ..dataclass import dataclass
from ..errors import Error, Errors
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..show import findings, mistakes
from ..show.rules import explained
from ..show.screen import many as counted
from ..show.screen import screen

with lazy_imports():
    import difflib

    from .. import project as projects
    from ..checks import fixing, ruff

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from ..checks import Finding, Named, Sketch
    from ..checks.settings import Selection
    from ..graph import Graph
    from ..show.screen import Screen
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo check``."""
    add = parser.add_argument
    add("paths", nargs="*", default=["."], metavar="PATH", help="notebooks and folders (default: here)")
    codes = "codes or their beginnings, with commas between them: NB101,NB12"
    add("--select", default="", metavar="CODES", help=f"look for these rules only: {codes}")
    add("--ignore", default="", metavar="CODES", help="leave these rules out")
    changes = parser.add_mutually_exclusive_group()
    changes.add_argument(
        "--fix", action="store_true", help="mend what can be mended without changing what code does"
    )
    changes.add_argument(
        "--diff", action="store_true", help="print what --fix would change, and change nothing"
    )
    changes.add_argument("--add-noqa", action="store_true", help="excuse all findings where they stand")
    add("--ruff", action="store_true", help="ask ruff, too, which must be installed, by its own settings")
    add("--output-format", choices=findings.FORMATS, default="text", help="how findings are printed")
    add("--no-cache", action="store_true", help="look at all notebooks, also at those that are as they were")
    add("--statistics", action="store_true", help="count the findings of each rule instead")
    add("--exit-zero", action="store_true", help="exit with 0 in spite of findings")
    add("--list", action="store_true", help="list the rules")
    add("--explain", metavar="CODE", help="say what a rule finds, and why it matters")
    parser.examples("""\
exit code: 0 nothing found, 1 something found, 2 a file could not be read

examples:
  octavo check
  octavo check notebooks/clean.ipynb --ignore NB131
  octavo check --fix
  octavo check --output-format sarif > octavo.sarif""")


def main(args: Namespace) -> int:
    """Check notebooks, print the findings, and return the exit code."""
    gc.disable()  # trees of code have no cycles: it would only walk them, for a quarter of the time
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    known = rules()
    if args.list:
        for rule in known:
            out.say(f"{rule.code}  {rule.severity:<7}  {rule.name}")
        return 0
    if args.explain:
        out.say(explained(_named(args.explain, known)))
        return 0
    wanted = settings(Path.cwd(), _codes(args.select), _codes(args.ignore), [rule.code for rule in known])
    if args.fix or args.diff or args.add_noqa:
        code = _change(args, known, wanted, out, err)
        if not args.fix:
            return code
    return _report(args, known, wanted, out, err)


def _report(args: Namespace, known: Sequence[Named], wanted: Selection, out: Screen, err: Screen) -> int:
    """Look for findings, print them, and return the exit code."""
    arounds = ProjectsAround()
    memory = None if args.no_cache or plugins.brought("checks") else Memory(Path.cwd(), wanted)
    looked = list(dict.fromkeys(run.files(args.paths)))
    found: list[Finding] = []
    sketches: list[Sketch] = []
    unread = 0
    as_text = args.output_format == "text" and not args.statistics
    for _, checked in many.check(looked, known, wanted, memory, arounds):
        if not isinstance(checked, NotebookFindings):
            mistakes.show(checked, err)
            unread += 1
            continue
        found += checked.findings
        sketches += [checked.sketch] if checked.sketch else []
        unread += _told(checked.broken, err)
        if as_text:
            findings.text(checked.findings, out)
    together, broken = many.across(sketches, known, wanted, args.paths, arounds)
    in_pipeline, more = _bound(args.paths, known, wanted, err)
    together, broken = [*together, *in_pipeline], [*broken, *more]
    if args.ruff:
        together += ruff.check(looked)
    found += together
    unread += _told(broken, err)
    if as_text:
        findings.text(together, out)
    if args.statistics:
        findings.statistics(found, out)
    elif not as_text:
        out.say(findings.formatted(args.output_format, found, known, looked))
    if args.output_format == "text":
        errors = sum(one.severity == "error" for one in found)
        words = f"{counted(len(found), 'finding')}, {counted(errors, 'error')}" if found else "nothing found"
        fixable = sum(bool(one.edits) for one in found)
        mend = f" ({fixable} fixable with --fix)" if fixable else ""
        err.say(f"{words} in {counted(len(looked), 'notebook')}{mend}")
    return 2 if unread else int(bool(found) and not args.exit_zero)


@dataclass(frozen=True, slots=True)
class _Bound:
    """The pipeline of the folder that is checked."""

    path: str
    root: Path
    graph: Graph

    def text(self, path: str) -> str:
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def named(self, path: str) -> str:
        return os.path.relpath(self.root / path)


def _bound(
    asked: Sequence[str], known: Sequence[Named], wanted: Selection, err: Screen
) -> tuple[list[Finding], list[str]]:
    """Return what rules find in the pipelines of the folders that are asked for."""
    found: list[Finding] = []
    broken: list[str] = []
    for folder in asked:
        if not os.path.isfile(os.path.join(folder, "pipeline.yaml")):
            continue
        try:
            with projects.load(folder) as project:
                pipeline = _Bound(str(project.path), project.root, project.graph)
                here, more = many.bound(pipeline, known, wanted)
        except (Error, Errors) as error:
            mistakes.show(error, err)
            broken.append(f"{folder}: its pipeline was not looked at")
            continue
        found += here
        broken += more
    return found, broken


def _told(broken: Sequence[str], err: Screen) -> int:
    """Say what went wrong in rules themselves, and return how much it was."""
    for words in broken:
        err.say(words)
    return len(broken)


def _change(args: Namespace, known: Sequence[Named], wanted: Selection, out: Screen, err: Screen) -> int:
    """Mend or excuse findings in the files, or show how, and return the exit code."""
    change = fixing.add_noqa if args.add_noqa else fixing.fix
    settled, files, unread, around = 0, 0, 0, ProjectsAround()
    for path in dict.fromkeys(run.files(args.paths)):
        try:
            mended = change(path, known, wanted, around.of(path))
            if mended.after != mended.before and not args.diff:
                mended.write()
        except Error as error:
            if not args.fix:  # what cannot be read is told with the findings that are left
                mistakes.show(error, err)
            unread += 1
            continue
        if mended.after != mended.before:
            settled, files = settled + mended.settled, files + 1
            if args.diff:
                _diff(mended, out)
    verb = "excused" if args.add_noqa else "would be mended" if args.diff else "mended"
    if settled or not args.fix:
        err.say(f"{counted(settled, 'finding')} {verb} in {counted(files, 'notebook')}")
    return 2 if unread else int(args.diff and bool(files) and not args.exit_zero)


def _diff(mended: fixing.Mended, out: Screen) -> None:
    before, after = (data.decode("utf-8", "replace").splitlines() for data in (mended.before, mended.after))
    for line in difflib.unified_diff(before, after, mended.path, mended.path, lineterm=""):
        colour = {"+": "green", "-": "red"}.get(line[0])
        out.say(out.paint(line, colour) if colour else line)


def _named(text: str, known: Sequence[Named]) -> Named:
    """Return the rule with a code or a name."""
    for rule in known:
        if text.strip().lower() in (rule.code.lower(), rule.name):
            return rule
    codes = [rule.code for rule in known]
    hint = did_you_mean(text.upper(), codes, 0.8) or "octavo check --list names them"
    raise Error(f'there is no rule "{text}"', hint=hint)


def _codes(text: str) -> list[str]:
    return [code for part in text.split(",") if (code := part.strip().upper())]
