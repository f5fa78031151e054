"""octavo plot: draw the graph."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Error
from ..hints import did_you_mean, of_windows
from ..lazy import lazy_imports
from ..products import writing
from ..show.screen import screen
from . import options

with lazy_imports():
    from ..lineage import gather
    from ..show import draw, graph_page, lanes, lineage, svg

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping

    from ..model import Step
    from ..show.screen import Screen
    from .options import Parser

#: Each format: what draws the steps, given a title and the terminal that the drawing is for, if any.
FORMATS: dict[str, Callable[[Mapping[str, Step], str, Screen | None], str]] = {
    "text": lambda steps, title, to: lanes.text(steps, to),
    "svg": lambda steps, title, to: svg.svg(steps, title),
    "html": lambda steps, title, to: graph_page.html(steps, title),
    "mermaid": lambda steps, title, to: draw.mermaid(steps, title),
    "dot": lambda steps, title, to: draw.dot(steps, title),
    "json": lambda steps, title, to: draw.as_json(steps, title),
}
_SUFFIXES = {
    "": "text",
    ".txt": "text",
    ".svg": "svg",
    ".html": "html",
    ".htm": "html",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".json": "json",
}


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo plot``."""
    options.selection(parser)
    parser.add_argument(
        "--format", metavar="FORMAT", help=f"{', '.join(FORMATS)} (default: by FILE's extension, or text)"
    )
    parser.add_argument("--lineage", action="store_true", help="draw files, too: what tasks read and write")
    parser.add_argument("-o", "--output", metavar="FILE", help="the file to write, - for standard output")
    parser.examples(f"""\
{options.SELECTING}

examples:
  octavo plot                       in the terminal
  octavo plot +fit                  only fit and what it depends on
  octavo plot -o graph.html         a page: point at a task for details
  octavo plot --lineage -o files.svg  with the files that tasks read and write
  octavo plot --format mermaid      for a README on GitHub or GitLab
  octavo plot --format dot | dot -Tpdf > graph.pdf""")


def main(args: Namespace) -> int:
    """Draw the graph; a picture that goes into a file is written beside it and renamed."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    if args.output == "-":
        args.output = None
    form = args.format or (_form(args.output) if args.output else "text")
    if form not in FORMATS:
        raise Error(
            f'there is no format "{form}"',
            hint=did_you_mean(form, FORMATS) or f"formats: {', '.join(FORMATS)}",
        )
    with options.project(args) as project:
        steps = project.status(args.targets)
        if args.lineage:
            steps = lineage.steps(gather.gather(project), steps)
        drawn = FORMATS[form](steps, project.root.name, None if args.output else out)
        for note in project.notes:
            err.say(f"{err.paint('note:', 'cyan')} {note}")
    if args.output:
        write(Path(args.output), drawn)
    else:
        out.say(drawn.rstrip("\n"))
    return 0


def _form(name: str) -> str:
    """Return the format that a file's name says; what is no drawing of ours is refused: text is no .png."""
    suffix = Path(name).suffix.lower()
    if suffix not in _SUFFIXES:
        hint = (
            f"{Path(name).stem}.svg or .html; octavo plot --format dot | dot -Tpng > graph.png makes others"
        )
        raise Error(f"cannot draw {suffix} files, only .svg, .html, .mmd, .dot, .json, .txt", name, hint)
    return _SUFFIXES[suffix]


def write(path: Path, text: str, what: str = "drawing") -> None:
    """Write a page or a drawing beside its place and rename it there."""
    if hint := of_windows(str(path)):
        raise Error(f"the {what} has a backslash in its path, as Windows does", str(path), hint)
    try:
        writing.write(path, [text.encode()], named=True)
    except FileNotFoundError:
        hint = f"mkdir -p {shlex.quote(str(path.parent))}"
        raise Error(f"there is no folder {path.parent} for the {what}", str(path), hint) from None
    except OSError as error:
        raise Error(f"the {what} cannot be written: {error.strerror}", str(path)) from None
