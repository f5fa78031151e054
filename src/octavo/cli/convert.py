"""``octavo convert``: notebooks in another format, and what that format cannot hold."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import notebook as documents
from .. import products
from ..errors import Error, Errors
from ..notebook.cells import Notebook
from ..pairing import convert, forms, pairs, setting
from ..products import writing
from ..reading.folders import walk
from ..show.mistakes import show
from ..show.screen import Screen, flat, many, screen

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo convert``."""
    add = parser.add_argument
    add("paths", nargs="+", metavar="PATH", help='notebooks and folders; "-" is standard input')
    add("--to", metavar="FORMAT", help="ipynb, py, py:light, md, md:myst, Rmd, qmd, R, jl, auto …")
    add("-o", "--output", metavar="OUT", help='a file, a folder, or "-" for standard output')
    add("--from", dest="origin", metavar="FORMAT", help="what standard input is (default: as it looks)")
    add("--force", action="store_true", help="replace files that say something else")
    add("--check", action="store_true", help="write nothing; exit with 1 if a file would be written")
    parser.examples("""\
Formats are jupytext's; py is a script with # %% cells. An .ipynb that is there keeps outputs, ids and attachments of
its cells, and a script the text of cells that say the same. What the format cannot hold is told.

examples:
  octavo convert fit.ipynb --to py
  octavo convert fit.py -o reports/fit.ipynb
  octavo convert notebooks/ --to ipynb -o built/
  octavo convert - --to md < fit.ipynb > fit.md""")


def main(args: Namespace) -> int:
    """Convert, and say what was written, and what was left behind."""
    err = screen(sys.stderr, os.environ)
    if "-" in args.paths and len(args.paths) > 1:
        raise Error('"-" is for standard input alone')
    if args.to is None and args.output in (None, "-"):
        raise Error("convert to what?", hint="--to py, or -o fit.py")
    if args.to is not None:
        forms.form(args.to)  # a wrong one is told before anything is read
    files = [*dict.fromkeys(_files(args.paths))]
    into = args.output is not None and (os.path.isdir(args.output) or args.output.endswith(os.sep))
    if args.output not in (None, "-") and not into and len(files) > 1:
        raise Error(f"{len(files)} notebooks do not fit into one file", args.output, f"-o {args.output}/")
    wrong = written = 0
    for path, below in files:
        try:
            source = _read(path, args.origin)
            form = _form(args, source, into)
            if below and form.format == source.format:
                continue
            target = _target(args, path, below, form, into)
            source = _unpaired(source, path, target)
            if target == "-":
                sys.stdout.buffer.write(documents.dumps(convert.converted(source, form, _options(path))))
                sys.stdout.buffer.flush()
                _tell_lost(source, form, path, err)
                continue
            written += _converted(source, form, path, target, args, err)
        except (Error, Errors) as error:
            show(error, err)
            wrong += 1
    if len(files) > 1:
        err.say(
            f"{written} of {many(len(files), 'notebook')} {'to be converted' if args.check else 'converted'}"
        )
    return 2 if wrong else int(args.check and written > 0)


def _files(paths: list[str]) -> Iterator[tuple[str, str]]:
    """Yield files, those of a folder with their paths below it; scripts and texts where they say what they are."""
    for path in paths:
        if path == "-" or not os.path.isdir(path):
            if path != "-" and not os.path.exists(path):
                raise Error("there is no such file or folder", path)
            yield path, ""
            continue
        for full in walk(path):
            if documents.is_notebook(full) and os.path.isfile(full) and _says_so(full):
                yield os.path.relpath(full), os.path.relpath(full, path)


def _says_so(path: str) -> bool:
    if path.endswith(".ipynb"):
        return True
    data = products.whole(path)
    return b"jupytext:" in data or any(line.startswith(b"# %%") for line in data.splitlines())


def _read(path: str, origin: str | None) -> Notebook:
    if path != "-":
        return documents.loads(products.whole(path), path)
    data = sys.stdin.buffer.read()
    if origin is None:
        origin = "ipynb" if data.lstrip()[:1] == b"{" else "py"
    name = forms.form(origin).extension
    return replace(documents.loads(data, f"standard input{name}"), path="standard input")


def _form(args: Namespace, source: Notebook, into: bool) -> forms.Form:
    if args.to is not None:
        return forms.form(args.to, source.data["metadata"])
    if into:
        raise Error("convert to what?", args.output, "--to py")
    return forms.of_path(args.output)


def _target(args: Namespace, path: str, below: str, form: forms.Form, into: bool) -> str:
    if args.output == "-" or (path == "-" and args.output is None):
        return "-"
    if args.output is not None and not into:
        return str(args.output)
    name = below or (os.path.basename(path) if into else path)
    if path == "-":
        raise Error("name the file for standard input", args.output)
    return os.path.join(args.output if into else "", os.path.splitext(name)[0] + form.extension)


def _unpaired(source: Notebook, path: str, target: str) -> Notebook:
    """Return a notebook that does not say of a file outside of its pair that it is of it."""
    if not pairs.said_formats(source):
        return source
    try:
        pair = pairs.pair(path, source) if path != "-" else None
    except (Error, Errors):
        pair = None
    of_pair = {os.path.realpath(side.path) for side in (pair.sides if pair else ())}
    return source if os.path.realpath(target) in of_pair else setting.with_formats(source, "")


def _options(path: str) -> dict[str, object]:
    found = forms.configuration(path if path != "-" else "stdin")
    return found.options if found else {}


def _tell_lost(source: Notebook, form: forms.Form, path: str, err: Screen) -> None:
    left = [*convert.lost(source, convert.through(source, form, _options(path)))]
    if left:
        err.say(f"{flat(path)}: {form.format} does not hold: {flat('; '.join(left))}")


def _converted(
    source: Notebook, form: forms.Form, path: str, target: str, args: Namespace, err: Screen
) -> bool:
    """Write one notebook; return whether its file was, or would be, another."""
    if os.path.realpath(target) == os.path.realpath(path):
        raise Error("it would replace itself", path, "name another file: -o FILE")
    options = _options(target)
    before = products.whole(target) if os.path.isfile(target) else None  # into a pipe or device it is written
    old = None
    if before is not None:
        try:
            old = documents.loads(before, target)
        except (Error, Errors):
            if not args.force:
                raise Error(
                    "it is there already, and is no notebook", target, "--force replaces it"
                ) from None
    made = convert.converted(source, form, options, old)
    if old is not None and not args.force and not convert.alike(made, old):
        hint = "--force replaces it; octavo pair keeps two formats the same"
        raise Error(f"it is there already, and says something else than {path}", target, hint)
    data = before if old is not None and made.data == old.data else documents.dumps(made)
    changed = data != before
    verb = "as it was" if not changed else "would be written" if args.check else "written"
    if changed and not args.check:
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        writing.write(target, [data or b""], named=True)
    err.say(f"{flat(path)} → {flat(target)}: {verb}")
    _tell_lost(source, form, path, err)
    return changed
