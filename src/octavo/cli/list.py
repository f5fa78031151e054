"""octavo list: the tasks of the pipeline, with what each is made from and what it makes."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from ..show.screen import columns, cut, flat, many, pad, screen, several
from . import options

if TYPE_CHECKING:
    from argparse import Namespace

    from ..model import Task
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo list``."""
    options.selection(parser)
    parser.add_argument("--names", action="store_true", help="print only the names, one a line")
    parser.add_argument("--json", action="store_true", help="print a list of objects, one for each task")
    parser.examples(f"""\
{options.SELECTING}

examples:
  octavo list
  octavo list tag:daily
  octavo list --names | wc -l
  octavo list +report --json""")


def main(args: Namespace) -> int:
    """List the selected tasks in the order in which they run."""
    out = screen(sys.stdout, os.environ)
    with options.project(args) as project:
        tasks = [project.graph[name] for name in project.graph.select(args.targets)]
    if args.json:
        out.say(json.dumps([_plain(task) for task in tasks], ensure_ascii=False))
        return 0
    if args.names:
        for task in tasks:
            out.say(task.name)
        return 0
    rows = [(flat(task.name), task.kind, flat(_source(task)), _products(task), _tags(task)) for task in tasks]
    widths = [max((columns(row[place]) for row in rows), default=0) for place in range(3)]
    for name, kind, source, products, tags in rows:
        line = f"{pad(name, widths[0])}  {pad(kind, widths[1])}  {pad(source, widths[2])}  → {products}{tags}"
        out.say(cut(line, out.width).rstrip())
    out.say(many(len(tasks), "task"))
    return 0


def _source(task: Task) -> str:
    return task.source.entry or task.source.path


def _products(task: Task) -> str:
    return several([flat(product.path) for product in task.products], 3)


def _tags(task: Task) -> str:
    return f"  [{', '.join(task.tags)}]" if task.tags else ""


def _plain(task: Task) -> dict[str, object]:
    return {
        "task": task.name,
        "kind": task.kind,
        "source": _source(task),
        "products": [product.path for product in task.products],
        "upstream": list(task.upstream),
        "tags": list(task.tags),
        "where": str(task.where or ""),
    }
