"""octavo serve: answer requests with the functions of a pipeline, computed in memory."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..errors import Error
from ..lazy import lazy_imports
from ..show.screen import screen
from . import options

with lazy_imports():
    from ..online import place, requests, server

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo serve``."""
    add = parser.add_argument
    add("task", metavar="TASK", help="the task whose value is the answer")
    given = "a task whose value requests bring (default: those without upstream); may be repeated"
    add("--given", metavar="NAME", action="append", default=[], help=given)
    held = "a task whose product is loaded once, as it is: a model; may be repeated"
    add("--held", metavar="NAME", action="append", default=[], help=held)
    add("--host", metavar="ADDRESS", default="127.0.0.1", help="where to listen (default: 127.0.0.1)")
    add("--port", metavar="NUMBER", type=int, default=8000, help="the port; 0 is any (default: 8000)")
    add("--log", action="store_true", help="print a line for each request")
    options.file(parser)
    options.values(parser, "set a parameter; VALUE is YAML: 3, 0.5, true, null, text, [1, 2]")
    parser.examples("""\
examples:
  octavo serve predict --held fit
  curl -d '{"age": 41, "city": "Rome"}' http://127.0.0.1:8000

The tasks between are functions that return their values. What a request brings
is checked against the product that the given task has made: its columns, and
what they hold. GET / says what is asked for, GET /health that it is there.""")


def main(args: Namespace) -> int:
    """Serve until it is ended, and return the exit code."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    if not 0 <= args.port < 1 << 16:
        raise Error(f"--port {args.port} is no port", hint="a number up to 65535")
    with options.project(args) as project:
        place.stand(str(project.root))
        service = requests.Service(project, args.task, args.given, args.held, log=err.say)
    listening = server.server(service, args.host, args.port, err.say if args.log else None)
    port = listening.server_address[1]
    out.say(
        f"http://{args.host}:{port} answers with {args.task}, computed by {', '.join(service.memory.tasks)}"
    )
    for name, shape in service.shapes.items():
        listed = f" with {', '.join(shape.columns)}" if shape.columns else ""
        out.say(f"  {name}: {shape.kind}{listed}")
    if unknown := [name for name, shape in service.shapes.items() if shape.kind == "any"]:
        err.say(f"note: {', '.join(unknown)} has no product here, so what requests bring is not checked")
    out.stream.flush()
    server.serve(listening)
    return 0
