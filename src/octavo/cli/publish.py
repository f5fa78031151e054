"""octavo publish: put an immutable copy of notebooks where a team finds them, if they are sound."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import remote
from ..errors import Error, Errors
from ..executors.lent import Lent
from ..executors.local import Local
from ..metadata.roles import Roles
from ..publishing import SHELF, Version, content, crate, is_version, ready
from ..publishing.shelf import shelf
from ..show.mistakes import show
from ..show.screen import flat, screen
from . import options

if TYPE_CHECKING:
    from argparse import Namespace

    from ..publishing.ready import Candidate
    from ..publishing.shelf import Shelf
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo publish``."""
    add = parser.add_argument
    add("paths", nargs="+", metavar="PATH", help="notebooks: executed ones, or sources of tasks")
    add("--version", required=True, metavar="VERSION", help="the version, such as 1.0")
    add("--to", default=SHELF, metavar="TARGET", help=f"a folder or a URL such as s3://… (default: {SHELF})")
    add("--no-verify", action="store_true", help="do not run them again to see that their outputs are true")
    parser.examples("""\
A notebook is published if it has an id and a title, octavo check finds no error in it, it ran from
top to bottom, gives the same outputs when it is run again, all is committed, its task is fresh,
and the notebooks that it needs are published.

examples:
  octavo publish output/report.ipynb --version 1.0
  octavo publish notebooks/clean.py notebooks/report.py --version 1.0 --to s3://team/notebooks
  octavo verify published/7QxT2mPzK4ab/1.0        prove that nothing was changed since

exit code: 0 published, 1 something keeps one from being published, 2 one cannot be read""")


def main(args: Namespace) -> int:
    """Publish notebooks, each if nothing keeps it from that, and return the exit code."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    if not is_version(args.version):
        raise Error(
            f'"{args.version}" is not a version', hint="letters, digits, and . + - _: 1.0, 2026.1, 1.0rc1"
        )
    options.interruptible()
    kept = shelf(args.to)
    code = 0
    roles, local = Roles(), Local(str(Path.cwd()), 1)
    try:
        for path in dict.fromkeys(args.paths):
            try:
                one = ready.candidate(path, roles)
                wrong = _publish(one, kept, Lent(local), args)
            except (Error, Errors) as error:
                show(error, err)
                code = 2
                continue
            if wrong:
                err.say(f"{flat(path)} is not published:")
                for line in wrong:
                    err.say(f"  {flat(line)}")
                code = max(code, 1)
            else:
                out.say(
                    f"{flat(path)}: {flat(args.version)} in {flat(remote.shown(args.to)).rstrip('/')}/{one.id}"
                )
    finally:
        local.close()
        roles.close()
    return code


def _publish(one: Candidate, kept: Shelf, executor: Lent, args: Namespace) -> list[str]:
    """Publish one; return what keeps it from being published."""
    made = Version(
        one.id,
        args.version,
        one.about.title,
        datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        crate.code(one.data["cells"]),
        content(one.data["cells"]),
    )
    if same := kept.find(one.id, made.version) if one.id else None:
        return (
            []
            if same.content == made.content
            else [f"version {made.version} is published with other content"]
        )
    away = [] if remote.is_url(args.to) else [Path(args.to)]
    commit, changed = ready.unclean(Path(one.named).resolve().parent, away)
    wrong = [f"{name} is not committed" for name in changed[:5]]
    wrong += [f"… and {len(changed) - 5} more files"] if len(changed) > 5 else []
    wrong += ready.problems(one, kept, executor, not args.no_verify)
    if wrong:
        return wrong
    checked = [
        "check",
        "title",
        "order",
        *([] if args.no_verify else ["verify"]),
        *(["git"] if commit else []),
    ]
    provenance = crate.MadeFrom(
        one.role.inputs if one.role else {}, ready.parents(one.role, kept) if one.role else {}, checked
    )
    version = Version(made.id, made.version, made.title, made.at, made.code, made.content, commit)
    kept.put(version, crate.files(one.data, one.about, version, provenance))
    return []
