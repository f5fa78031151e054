"""octavo check: find what is wrong with notebooks, without running them."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ..checks import run
from ..checks.members import rules
from ..checks.settings import settings
from ..errors import Error
from ..hints import did_you_mean
from ..show import findings
from ..show.mistakes import show
from ..show.rules import explained
from ..show.screen import many, screen

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from ..checks import Finding, Rule
    from .options import Parser

_FORMATS = ("text", "json", "github", "sarif")


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo check``."""
    parser.add_argument(
        "paths", nargs="*", default=["."], metavar="PATH", help="notebooks and folders (default: here)"
    )
    codes = "codes or their beginnings, with commas between them: NB101,NB12"
    parser.add_argument("--select", default="", metavar="CODES", help=f"look for these rules only: {codes}")
    parser.add_argument("--ignore", default="", metavar="CODES", help="leave these rules out")
    parser.add_argument("--output-format", choices=_FORMATS, default="text", help="how findings are printed")
    parser.add_argument("--statistics", action="store_true", help="count the findings of each rule instead")
    parser.add_argument("--exit-zero", action="store_true", help="exit with 0 in spite of findings")
    parser.add_argument("--list", action="store_true", help="list the rules")
    parser.add_argument("--explain", metavar="CODE", help="say what a rule finds, and why it matters")
    parser.examples("""\
exit code: 0 nothing found, 1 something found, 2 a file could not be read

examples:
  octavo check
  octavo check notebooks/clean.ipynb --ignore NB131
  octavo check --output-format sarif > octavo.sarif""")


def main(args: Namespace) -> int:
    """Check notebooks, print the findings, and return the exit code."""
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
    found: list[Finding] = []
    unread, looked = 0, 0
    for path in dict.fromkeys(run.files(args.paths)):
        looked += 1
        try:
            here, broken = run.check(path, known, wanted)
        except Error as error:
            show(error, err)
            unread += 1
            continue
        found += here
        for words in broken:
            err.say(words)
            unread += 1
        if args.output_format == "text" and not args.statistics:
            findings.text(here, out)
    if args.statistics:
        for code, count in Counter(one.code for one in found).most_common():
            out.say(f"{count:>5}  {code}  {next(rule.name for rule in known if rule.code == code)}")
    elif args.output_format == "json":
        out.say(json.dumps(findings.plain(found), ensure_ascii=False, indent=2))
    elif args.output_format == "github":
        for line in findings.github(found):
            out.say(line)
    elif args.output_format == "sarif":
        out.say(findings.sarif(found, known))
    if args.output_format == "text":
        errors = sum(one.severity == "error" for one in found)
        counted = f"{many(len(found), 'finding')}, {many(errors, 'error')}" if found else "nothing found"
        err.say(f"{counted} in {many(looked, 'notebook')}")
    return 2 if unread else int(bool(found) and not args.exit_zero)


def _named(text: str, known: Sequence[Rule]) -> Rule:
    """Return the rule with a code or a name."""
    for rule in known:
        if text.strip().lower() in (rule.code.lower(), rule.name):
            return rule
    codes = [rule.code for rule in known]
    raise Error(
        f'there is no rule "{text}"',
        hint=did_you_mean(text.upper(), codes) or "octavo check --list names them",
    )


def _codes(text: str) -> list[str]:
    return [code for part in text.split(",") if (code := part.strip().upper())]
