"""octavo meta: give notebooks ids and fields, keep what they import, write requirements of it."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

from .. import notebook, products
from ..checks import run
from ..errors import Error
from ..hints import did_you_mean
from ..metadata import keep
from ..metadata.about import about
from ..metadata.identity import identity
from ..metadata.requirements import block, lines
from ..metadata.roles import Roles
from ..notebook.inject import parse_value
from ..products import writing
from ..show.mistakes import show
from ..show.screen import flat, many, screen

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from ..metadata import About
    from ..show.screen import Screen
    from .options import Parser

ACTIONS = ("init", "sync", "reqs")


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo meta``."""
    add = parser.add_argument
    add("action", metavar="ACTION", help="init, sync or reqs")
    add("paths", nargs="+", metavar="PATH", help="notebooks, and folders of them")
    add(
        "--field",
        action="append",
        default=[],
        type=_field,
        metavar="NAME=VALUE",
        help="init: a field of your own, shown by octavo show; may be repeated",
    )
    add("--new", action="store_true", help="init: give them new ids, as for a copy of a notebook")
    add("-o", "--output", metavar="FILE", help="reqs: write to a file, such as requirements.txt")
    add("--pep723", action="store_true", help="reqs: as the block of a script that uv and juv read (PEP 723)")
    parser.examples("""\
  init  give notebooks an id, a version and the time, in the form of nbproject
  sync  keep what they import, with the versions of their last run, else those installed here
  reqs  print what they import as requirements

examples:
  octavo meta init notebooks/ --field team=pricing
  octavo meta sync notebooks/
  octavo meta reqs notebooks/ -o requirements.txt""")


def main(args: Namespace) -> int:
    """Run an action on notebooks and return the exit code."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    if args.action not in ACTIONS:
        hint = did_you_mean(args.action, ACTIONS) or "there are: " + ", ".join(ACTIONS)
        raise Error(f'octavo meta has no action "{args.action}"', hint=hint)
    for name, action in (("field", "init"), ("new", "init"), ("output", "reqs"), ("pep723", "reqs")):
        if getattr(args, name) and args.action != action:
            raise Error(f"--{name} belongs to octavo meta {action}")
    found: dict[str, bytes] = {}
    code = 0
    for path in dict.fromkeys(run.files(args.paths)):
        try:
            found[path] = products.whole(path)
            notebook.loads(found[path], path)  # nothing is written if one cannot be read
        except (Error, OSError) as error:
            show(error if isinstance(error, Error) else Error(error.strerror or str(error), path), err)
            code = 2
    if code:
        return code
    if args.action == "reqs":
        return _reqs([known for _, known in _known(found)], args, out)
    if args.action == "init":
        now = datetime.datetime.now(datetime.UTC).isoformat()
        changed = {
            path: keep.begun(_metadata(data, path), now, dict(args.field), args.new)
            for path, data in found.items()
        }
    else:
        changed = {
            path: keep.synced(
                _metadata(found[path], path),
                {one.name: one.stored or one.installed for one in known.packages},
            )
            for path, known in _known(found)
        }
    _write(found, changed, args.action, out)
    return _twice(changed, err)


def _known(found: Mapping[str, bytes]) -> list[tuple[str, About]]:
    roles = Roles()
    try:
        return [
            (path, about(notebook.loads(data, path), list(roles.of(path)))) for path, data in found.items()
        ]
    finally:
        roles.close()


def _metadata(data: bytes, path: str) -> dict[str, object]:
    metadata: dict[str, object] = notebook.loads(data, path).data["metadata"]
    return metadata


def _write(
    found: Mapping[str, bytes], changed: Mapping[str, dict[str, object]], action: str, out: Screen
) -> None:
    """Write the files that change, all of them or none if one cannot hold its metadata."""
    files = {path: keep.rewritten(found[path], path, metadata) for path, metadata in changed.items()}
    written = [path for path, data in files.items() if data != found[path]]
    for path in written:
        writing.write(path, [files[path]])
        out.say(f"{flat(path)}: {identity(changed[path]).id}")
    if not written:
        without = [path for path, metadata in changed.items() if not identity(metadata).id]
        hint = f"; octavo meta init {without[0]} gives an id" if without and action == "sync" else ""
        out.say(f"nothing to change in {many(len(files), 'notebook')}{flat(hint)}")


def _twice(changed: Mapping[str, dict[str, object]], err: Screen) -> int:
    """Tell which notebooks have the same id; return the exit code."""
    by_id = defaultdict[str, list[str]](list)
    for path, metadata in changed.items():
        if name := identity(metadata).id:
            by_id[name].append(path)
    same = [(name, paths) for name, paths in by_id.items() if len(paths) > 1]
    for name, paths in same:
        err.say(
            f"{flat(', '.join(paths))} have the same id {flat(name)}: octavo meta init --new {flat(paths[-1])}"
        )
    return 1 if same else 0


def _reqs(known: Sequence[About], args: Namespace, out: Screen) -> int:
    """Print or write the requirements."""
    wanted = lines(known)
    text = block(wanted) if args.pep723 else "".join(line + "\n" for line in wanted)
    if args.output:
        writing.write(args.output, [text.encode()], named=True)
        out.say(f"{flat(args.output)}: {many(len(wanted), 'requirement')}")
    else:
        out.stream.write(text)
    return 0


def _field(text: str) -> tuple[str, object]:
    name, equal, value = text.partition("=")
    if not equal or not name.strip():
        raise argparse.ArgumentTypeError(f'"{text}" is not NAME=VALUE')
    return name.strip(), parse_value(value)
