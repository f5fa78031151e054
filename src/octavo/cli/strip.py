"""``octavo strip``: remove outputs and what machines leave in the metadata of notebooks, for commits."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from .. import products
from ..errors import Error
from ..lazy import lazy_imports
from ..model import Json
from ..products import writing
from ..reading.folders import walk
from ..review import git, strip
from ..show.mistakes import show
from ..show.screen import flat, many, screen

with lazy_imports():
    from ..review import filter_process

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from .options import Parser


#: How a notebook begins that is text by now: git blame hands over what the driver for diffs has made of it.
_TEXT = b"# %%"


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo strip``."""
    add = parser.add_argument
    add("paths", nargs="*", metavar="PATH", help='notebooks and folders; "-" strips standard input')
    add("--check", action="store_true", help="write nothing; exit with 1 if a file would change")
    add("-t", "--textconv", action="store_true", help="print what is left instead of writing it")
    add("--redact", action="store_true", help="also remove secrets, and names in paths of home folders")
    add("--ids", choices=("keep", "content", "sequential"), default="keep", help="what becomes of cell ids")
    outputs(parser)
    add("--mode", choices=("jupyter", "zeppelin"), help="what files are, whatever their extension")
    add("--process", action="store_true", help="be a filter of git, which asks on standard input")
    parser.examples("""\
Only what is removed changes: what is left keeps its bytes, and a file with nothing to remove stays as it is.
exit code: 0 fine, 1 --check found something, 2 a file could not be read

examples:
  octavo strip notebooks/
  octavo strip --check .              in CI
  octavo strip - < in.ipynb > out.ipynb
  octavo strip fit.ipynb --max-size 1k --drop-tagged-cells solution
  octavo git install                  strip whatever is committed""")


def outputs(parser: Parser) -> None:
    """Add the options that are nbstripout's."""
    add = parser.add_argument
    words: Json = {"action": "extend", "nargs": "+", "default": [], "metavar": "TYPE"}
    add("--keep-output", action="store_true", default=None, help="keep outputs, strip the rest")
    add("--keep-count", action="store_true", help="keep execution counts")
    add("--keep-id", action="store_true", help="keep cell ids: the default here")
    add("--max-size", type=_size, default=0, metavar="SIZE", help="keep outputs of up to SIZE: 500, 10k, 1M")
    add("--keep-output-type", **words, help="keep outputs of these types: error, stream:stderr")
    add("--drop-output-type", **words, help="of what is kept, drop outputs of these types")
    add(
        "--extra-keys", default="", metavar="KEYS", help='also remove these: "metadata.foo cell.metadata.bar"'
    )
    add("--keep-metadata-keys", default="", metavar="KEYS", help="do not remove these")
    add("--drop-empty-cells", action="store_true", help="remove cells with nothing in them")
    add("--drop-tagged-cells", default="", metavar="TAGS", help='remove cells with one of these tags: "a b"')
    add("--strip-init-cells", action="store_true", help="strip cells that say init_cell, too")
    add("--unix-newlines", action="store_true", help="end lines with LF")


def main(args: Namespace) -> int:
    """Strip, and say what was changed."""
    err = screen(sys.stderr, os.environ)
    wanted, wrong = _wanted(args)
    for key in wrong:
        err.say(f"note: --extra-keys: {flat(key)} is left out: keys begin with metadata. or cell.")
    if args.process:

        def clean(data: bytes, path: str) -> bytes:
            if not data or data.startswith(_TEXT):
                return data
            return strip.stripped(data, path, wanted, args.mode)

        filter_process.serve(sys.stdin.buffer, sys.stdout.buffer, clean, err.say)
        return 0
    if not args.paths:
        raise Error(
            "what is to be stripped?", hint='octavo strip . for all notebooks here, "-" for standard input'
        )
    if "-" in args.paths and len(args.paths) > 1:
        raise Error('"-" is for standard input alone')
    changed, looked, unread = 0, 0, 0
    for path in dict.fromkeys(_files(args.paths)):
        looked += 1
        name = "standard input" if path == "-" else path
        try:
            data = sys.stdin.buffer.read() if path == "-" else products.edited(path)
            new = strip.stripped(data, name, wanted, args.mode)
        except OSError as error:
            raise Error(error.strerror or str(error), path) from error
        except Error as error:
            show(error, err)
            unread += 1
            continue
        changed += new != data
        _put(path, name, data, new, args)
    if not (args.textconv or args.paths == ["-"]):
        words = "would be stripped" if args.check else "stripped"
        err.say(f"{changed} of {many(looked, 'notebook')} {words}")
    return 2 if unread else int(args.check and changed > 0)


def _put(path: str, name: str, data: bytes, new: bytes, args: Namespace) -> None:
    if args.check:
        if new != data:
            screen(sys.stdout, os.environ).say(f"would strip {flat(name)}")
    elif path == "-" or args.textconv:
        sys.stdout.buffer.write(new)
        sys.stdout.buffer.flush()
    elif new != data:
        writing.write(path, [new])


def _wanted(args: Namespace) -> tuple[strip.Stripping, list[str]]:
    configured = git.of_filters(("nbstripout", "octavo"))
    keys, wrong = strip.keys(args.extra_keys.split(), args.keep_metadata_keys.split(), configured)
    if args.keep_id and args.ids != "keep":
        raise Error(f"--keep-id and --ids {args.ids} contradict each other")
    return strip.Stripping(
        keys=tuple(keys),
        keep_output=args.keep_output,
        keep_count=args.keep_count,
        ids=args.ids,
        drop_empty_cells=args.drop_empty_cells,
        drop_tagged_cells=frozenset(args.drop_tagged_cells.split()),
        strip_init_cells=args.strip_init_cells,
        drop_output_types=frozenset(args.drop_output_type),
        keep_output_types=frozenset(args.keep_output_type),
        max_size=args.max_size,
        unix_newlines=args.unix_newlines,
        redact=args.redact,
    ), wrong


def _files(paths: list[str]) -> Iterator[str]:
    """Yield files that are named, and of folders all notebooks below."""
    for path in paths:
        if path == "-" or not os.path.isdir(path):
            if path != "-" and not os.path.exists(path):
                raise Error("there is no such file or folder", path)
            yield path
            continue
        for full in map(os.path.relpath, walk(path)):
            if full.endswith((".ipynb", ".zpln")):
                yield full


def _size(text: str) -> int:
    number, unit = text.rstrip("kKmMgG"), text[-1:].upper()
    if not number.isdecimal() or len(text) - len(number) > 1:
        raise ArgumentTypeError(f'"{text}" is no size such as 500, 10k or 1M')
    return int(number) * {"K": 1000, "M": 1000**2, "G": 1000**3}.get(unit, 1)
