"""``octavo sync``: make the files of pairs say the same again, from the side that was changed."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from ..errors import Error, Errors
from ..pairing import pairs, sync
from ..show.mistakes import show
from ..show.screen import flat, many, screen

if TYPE_CHECKING:
    from argparse import Namespace

    from ..model import Json
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo sync``."""
    add = parser.add_argument
    add("paths", nargs="*", metavar="PATH", help="files of pairs, folders (default: this folder)")
    add("--take", metavar="FILE", help="take this side, whatever the other says")
    add("--check", action="store_true", help="write nothing; exit with 1 if sides differ")
    add("--json", action="store_true", help="print what was done as JSON")
    parser.examples("""\
Pairs are jupytext's: by "formats" in their metadata, in jupytext.toml or in pyproject.toml. Outputs, ids and
attachments stay where they are, in the .ipynb. Where both sides were changed nothing is written.
exit code: 0 fine, 1 --check found something, 2 a conflict, or a file could not be read

examples:
  octavo sync                     all pairs below this folder
  octavo sync fit.py
  octavo sync --check             in CI
  octavo sync fit.py --take fit.py""")


def main(args: Namespace) -> int:
    """Bring pairs together, and say which side was taken, and why."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    said: list[Json] = []
    wrong = looked = changed = 0
    for path, pair in pairs.found(args.paths or ["."]):
        try:
            if isinstance(pair, Exception):
                raise pair
            if pair is None:
                raise Error("it is not paired", path, f"octavo pair {path}")
            looked += 1
            if args.take is not None and args.take not in [side.path for side in pair.sides]:
                raise Error(f"{args.take} is no side of this pair", path, "--take names one of its files")
            plan = sync.plan(pair, args.take)
            copies = [] if args.check else sync.carried_out(plan)
        except (Error, Errors) as error:
            show(error, err)
            wrong += 1
            continue
        changed += bool(plan.written)
        said.append(_row(plan, copies))
        if not args.json and plan.source is not None:
            words = "would write" if args.check else "wrote"
            names = ", ".join(side.path for side in plan.written)
            out.say(f"{words} {flat(names)} from {flat(plan.source.path)} ({plan.why})")
            for copy in copies:
                out.say(f"  what it said is kept: {flat(copy)}")
    if args.json:
        out.say(json.dumps(said, ensure_ascii=False))
    elif not changed and not wrong:
        out.say(f"{many(looked, 'pair')}: the same on all sides" if looked else "no pairs here")
    return 2 if wrong else int(args.check and changed > 0)


def _row(plan: sync.Syncing, copies: list[str]) -> Json:
    return {
        "files": [side.path for side in plan.pair.sides],
        "source": plan.source.path if plan.source else None,
        "why": plan.why,
        "written": [side.path for side in plan.written],
        "kept": copies,
    }
