"""octavo export: write the pipeline as a file of a scheduler."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Error
from ..lazy import lazy_imports
from ..products import writing
from ..show.screen import many, screen
from . import options

with lazy_imports():
    from .. import exporters
    from ..deploy import depot, engines
    from ..deploy import submit as submitting
    from ..exporters import members
    from ..online import place, requests, sam
    from ..travel import lock

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo export``."""
    add = parser.add_argument
    add("engine", metavar="ENGINE", help="airflow, argo, json (for any other), kubeflow, kubernetes, lambda")
    options.selection(parser)
    options.handed_over(parser)
    add(
        "--schedule",
        metavar="CRON",
        help='when it runs, such as "15 3 * * *" (default: as pipeline.yaml says)',
    )
    add("--image", metavar="NAME", help="the container image of tasks: octavo, and what they import")
    add(
        "--secret",
        metavar="NAME",
        help="the Secret of Kubernetes whose keys tasks get as environment variables",
    )
    add("--name", metavar="NAME", help="what the workflow is called (default: as the project's folder)")
    add("--octavo", metavar="COMMAND", default="octavo", help="octavo where tasks run (default: octavo)")
    add("-o", "--output", metavar="FILE", help="the file to write, - for standard output")
    parser.examples("""\
examples:
  octavo export airflow --remote s3://bucket/team --schedule "15 3 * * *"
  octavo export argo --image registry/team:3 --secret store -o pipeline.yaml
  octavo export kubernetes --image registry/team:3 --option jobs=4
  octavo export lambda predict --option held=fit

Code and plan go to the store, and the file names them by their digests: after
an edit, export again. Each run makes what the store does not know yet.""")


def main(args: Namespace) -> int:
    """Write the file and return the exit code."""
    if args.engine == "lambda":
        return _lambda(args)
    with depot.told(args.remote):
        return _main(args)


def _main(args: Namespace) -> int:
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    exporter = members.exporter(args.engine)
    own = engines.options(args.options, exporter.options, args.engine)
    with options.project(args) as project:
        url = args.remote or project.cache().url
        if not url:
            hint = "--remote s3://bucket/folder, or in pipeline.yaml: cache: s3://bucket/folder"
            raise Error("a run elsewhere needs a store, which is reached from there", hint=hint)
        schedule, zone, left = exporters.of_pipeline(project.around.get("schedule") or {})
        if args.schedule is not None:
            schedule, left = exporters.cron(args.schedule) if args.schedule else "", []
        for name in left:
            err.say(f'{err.paint("note:", "cyan")} "{name}" of the schedule is not in the file')
        base = os.getcwd() if args.remote else str(project.root)
        store = depot.Depot(depot.absolute(url, base), base, patience=10.0)
        wanted = exporters.Workflow(
            args.name or project.root.name,
            "",
            store.url,
            {},
            shlex.split(args.octavo),
            schedule,
            args.image or "",
            args.secret or "",
            own,
            zone,
        )
        if error := exporter.refuses(wanted):
            raise error
        path = args.output or exporter.file.format(name=engines.plain(wanted.name))
        if path != "-":
            options.writable(Path(path))
        request = submitting.Request(
            args.targets, options.parameters(args), args.file, committed=args.committed, every=True
        )
        prepared = submitting.prepare(project, store, request, err.say)
        if prepared is None:
            raise Error("no task is selected")
        whole = exporters.filled(wanted, prepared.digest, prepared.plan.tasks)
        if error := exporter.refuses(whole):
            raise error
        text = exporter.export(whole)
    if path == "-":
        out.stream.write(text)
        return 0
    writing.write(Path(path), [text.encode()], named=True)
    out.say(f"{path}: {many(len(whole.tasks), 'task')}")
    return 0


#: What --option says of a function of AWS Lambda.
_OF_LAMBDA = {
    "given": "tasks whose values requests bring, with commas",
    "held": "tasks whose products are loaded once, with commas",
    "memory": "megabytes (default: 1024)",
    "timeout": "seconds (default: 30)",
    "lock": "the requirements that are installed (default: requirements.lock)",
    "octavo": "a wheel of octavo in the project, where the lock has none",
}


def _lambda(args: Namespace) -> int:
    """Write the files of a function that answers requests, and return the exit code."""
    out = screen(sys.stdout, os.environ)
    own = engines.options(args.options, _OF_LAMBDA, "lambda")
    for name in ("remote", "schedule", "image", "secret"):
        if getattr(args, name):
            raise Error(f"--{name} is not for lambda", hint="its options are: " + ", ".join(_OF_LAMBDA))
    if len(args.targets) != 1:
        raise Error("a function answers with one task", hint="octavo export lambda TASK")
    given, held = (own.get(name, "").split(",") if own.get(name) else [] for name in ("given", "held"))
    numbers = {name: _number(own[name], name) for name in ("memory", "timeout") if name in own}
    with options.project(args) as project:
        path = project.root / own.get("lock", lock.NAME)
        python, there = lock.read(path)
        if "octavo" not in there and not own.get("octavo"):
            hint = "--option octavo=dist/octavo-1.0-py3-none-any.whl, a wheel in the project"
            raise Error("the lock has no octavo, and so would the function", str(path), hint)
        place.stand(str(project.root))
        service = requests.Service(project, args.targets[0], given, held)
        version = ".".join((python or sys.version.split()[0]).split(".")[:2])
        wanted = sam.LambdaFunction(
            args.name or project.root.name,
            args.targets[0],
            [*service.shapes],
            held,
            {name: shape.plain() for name, shape in service.shapes.items()},
            version,
            os.path.relpath(path, project.root),
            own.get("octavo", ""),
            **numbers,
        )
        folder = Path(args.output) if args.output else project.root
        for name, text in sam.files(wanted).items():
            there_ = folder / name
            if there_.exists() and sam.MARK not in there_.read_text(encoding="utf-8", errors="replace")[:200]:
                raise Error(
                    "octavo has not written it", str(there_), "move it, or name another folder by --output"
                )
            writing.write(there_, [text.encode()], named=True)
            out.say(name)
    return 0


def _number(text: str, name: str) -> int:
    if not text.isdecimal() or not int(text):
        raise Error(f"--option {name}={text} is no whole number above 0")
    return int(text)
