"""``octavo sample``: a sample of the raw inputs, for smoke tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import products
from ..errors import Error
from ..products import writing
from ..show.screen import many, screen
from ..smoke import SAMPLES, SETTINGS, taking
from . import options

if TYPE_CHECKING:
    from argparse import Namespace

    from ..project import Project
    from .options import Parser

_NO_DATA = (
    ".py",
    ".ipynb",
    ".sql",
    ".sh",
    ".R",
    ".Rmd",
    ".qmd",
    ".md",
    ".yaml",
    ".yml",
    ".toml",
    ".cfg",
    ".ini",
)


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo sample``."""
    add = parser.add_argument
    add(
        "paths",
        nargs="*",
        metavar="PATH",
        help="files or folders (default: the raw inputs that builds have seen)",
    )
    add(
        "--rows",
        type=options.positive,
        default=100,
        metavar="N",
        help="rows of each, or files (default: 100)",
    )
    add("--seed", type=int, default=0, metavar="N", help="another seed takes others (default: 0)")
    add(
        "--key",
        dest="keys",
        action="append",
        default=[],
        metavar="KEY",
        help="keep the rows that rows refer to: orders.csv:customer=customers.csv:id",
    )
    add("--force", action="store_true", help="replace samples that are there")
    options.file(parser)
    parser.examples("""\
examples:
  octavo sample                            100 rows of each raw input
  octavo sample data/raw/orders.csv --rows 20
  octavo sample --key orders.csv:customer=customers.csv:id
  octavo test                              build with them, in a place of its own""")


def main(args: Namespace) -> int:
    """Take samples, write them, and return the exit code."""
    out = screen(sys.stdout, os.environ)
    with options.project(args) as project:
        root, paths = project.root, _raw(args, project)
    tables = [path for path in paths if path.endswith(taking.ROWS)]
    keys = [taking.key_of(text, tables) for text in args.keys]
    found = dict(taking.samples(str(root), tables, args.rows, args.seed, keys))
    others = taking.of_folders([path for path in paths if path not in tables], args.rows, args.seed)
    found |= {path: (root / path).read_bytes() for path in others}
    places = taking.by_place(found)
    there = [place for place in places if (root / SAMPLES / place).exists()]
    if there and not args.force:
        raise Error("there is a sample already", f"{SAMPLES}/{there[0]}", "--force replaces it")
    for place, data in places.items():
        file = root / SAMPLES / place
        file.parent.mkdir(parents=True, exist_ok=True)
        writing.write(file, [data])
        out.say(f"{out.paint('+', 'green')} {SAMPLES}/{place}")
    env, settings = root / "env.yaml", root / SETTINGS
    if not settings.exists():
        text = env.read_bytes() if env.exists() else b"{}\n"
        writing.write(settings, [b"# the values of env.yaml for smoke tests: octavo test\n", text])
        out.say(f"{out.paint('+', 'green')} {SETTINGS}")
    out.say(f"{many(len(places), 'sample')} taken; next: octavo test")
    return 0


def _raw(args: Namespace, project: Project) -> list[str]:
    """Return the raw inputs, relative to the project: those that are named, that builds have read, or of data/raw."""
    root = project.root
    made = {product.path for task in project.graph for product in task.products}
    if args.paths:
        named = [Path(os.path.abspath(path)) for path in args.paths]
        for path in named:
            if not path.exists():
                raise Error("there is no such file or folder", os.path.relpath(path))
            if kind := products.special(path):
                raise Error(f"it is {kind}", os.path.relpath(path), "name a file")
            if not path.is_relative_to(root):
                raise Error("it is outside of the project", str(path))
        found = [file for path in named for file in (_below(path) if path.is_dir() else [path])]
    else:
        found = [Path(path) for path in project.inputs()]
        found = [path for path in found if path.is_file() and path.is_relative_to(root)]
        found = [path for path in found if not path.name.endswith(_NO_DATA)] or _below(root / "data" / "raw")
    inside = sorted({path.relative_to(root).as_posix() for path in found})
    kept = [path for path in inside if not (path in made or path.startswith((SAMPLES + "/", ".octavo")))]
    if not kept:
        raise Error(
            "no raw inputs are known", hint="name them, or build once: octavo then knows what tasks read"
        )
    return kept


def _below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(_NO_DATA)]
