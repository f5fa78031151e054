"""octavo run: run one notebook without a pipeline."""

from __future__ import annotations

import os
import sys
import time
from argparse import SUPPRESS, ArgumentTypeError, BooleanOptionalAction, Namespace
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from .. import notebook as documents
from .. import products
from ..compat import parameters as values
from ..errors import Error
from ..events import Event, Output, RunStarted
from ..lazy import lazy_imports
from ..model import Json
from ..notebook.inject import runs
from ..show.progress import Progress
from ..show.screen import screen, seconds
from ..show.summary import summary
from . import options

with lazy_imports():
    import base64

    from .. import single
    from ..kinds import keys
    from ..kinds import notebook as notebook_kind
    from ..products import writing
    from ..review import text
    from ..show import inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..notebook.cells import Notebook
    from ..show.screen import Screen
    from .options import Parser

#: Options of papermill's that change nothing here, and why.
_MEANINGLESS = {
    "engine": "octavo runs the notebook itself",
    "language": "octavo reads it in the notebook, or asks the kernel",
    "log_level": "octavo keeps no log; --quiet and --log-output say how much is printed",
}


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo run``: papermill's arguments, with its meaning."""
    parser._optionals.conflict_handler = "resolve"  # its --help is no reason to stop reading: IN may follow
    add = parser.add_argument
    add(
        "source",
        metavar="IN",
        nargs="?",
        help='a notebook: .ipynb, .py, .md, .Rmd, …; a URL; "-" for standard input',
    )
    out = (
        'where to write it: .ipynb, or exported to .html, .md, .pdf; a URL; "-" (default: IN.executed.ipynb)'
    )
    add("output", metavar="OUT", nargs="?", help=out)
    add("-h", "--help", action="store_true", help="show this; with IN, the notebook's parameters")
    inspect = "show the notebook's parameters, with types and defaults, without running it"
    add("--inspect", "--help-notebook", action="store_true", help=inspect)
    _parameters(parser)
    _running(parser)
    _output(parser)
    parser.examples("""\
Later parameter options in this list win: -b, -f, -y, -p, -r. A failed run writes the notebook up to the failed cell.
IN and OUT may contain parameters in braces. URLs are https, and s3, gs, az … with the extra "remote".

examples:
  octavo run in.py out.ipynb
  octavo run in.ipynb --inspect
  octavo run in.ipynb 'out-{city}.ipynb' -p n 3 -p sample true -r city Bern
  octavo run in.ipynb out.ipynb -f params.yaml -y '{cities: [Bern, Wien]}'
  octavo run analysis.Rmd -k ir --log-output --execution-timeout 600
  cat in.ipynb | octavo run - - -p n 3 > out.ipynb
  octavo run in.ipynb --until in.ipynb#4
  octavo run https://example.org/in.ipynb s3://bucket/out.ipynb""")


def _parameters(parser: Parser) -> None:
    add = parser.add_argument
    pair, meaning = (
        ("NAME", "VALUE"),
        "set a parameter, also NAME=VALUE; VALUE is YAML: 3, true, text, [1, 2]",
    )
    parser.pair("-p", "--parameters", "--param", dest="parameters", metavar=pair, help=meaning)
    pair, meaning = ("NAME", "TEXT"), "set a parameter to a string"
    raw = ("-r", "--parameters-raw", "--parameters_raw")
    parser.pair(*raw, dest="parameters_raw", metavar=pair, help=meaning)
    one: Json = {"action": "append", "default": []}
    yaml = "parameters as a YAML mapping"
    add("-y", "--parameters-yaml", "--parameters_yaml", **one, metavar="YAML", help=yaml)
    file = "parameters from a YAML or JSON file, or a URL"
    add("-f", "--parameters-file", "--parameters_file", **one, metavar="FILE", help=file)
    coded = "parameters as a Base64-encoded YAML mapping"
    add("-b", "--parameters-base64", "--parameters_base64", **one, metavar="TEXT", help=coded)
    strict = "accept undeclared parameters, values of other types, and cells that assign them"
    add("--no-strict", action="store_true", help=strict)
    for which in ("input", "output"):
        name = f"PAPERMILL_{which.upper()}_PATH"
        add(f"--inject-{which}-path", action="store_true", help=f"pass the path as the parameter {name}")
    add("--inject-paths", action="store_true", help="pass both")


def _running(parser: Parser) -> None:
    add = parser.add_argument
    add("-k", "--kernel", metavar="NAME", help="the kernel to use")
    apart = "run in an environment that FILE describes; none: in octavo's own, whatever the notebook says"
    add("--environment", metavar="FILE", help=apart)
    add("--cwd", metavar="FOLDER", help="the working directory (default: the current folder)")
    add("--allow-errors", action="store_true", help="run all cells, even after one failed")
    add("--until", metavar="NB#CELL", help="run the cells up to this one: by number, id or tag")
    add("--only", action="append", default=[], metavar="NB#CELL", help="run this cell alone; repeatable")
    number: Json = {"type": _number, "metavar": "SECONDS"}
    add("--timeout", **number, help="stop the run after this time")
    cell = "stop the run if a cell takes longer than this"
    add("--execution-timeout", "--cell-timeout", **number, help=cell)
    start = "how long the kernel may take to start (default: 60)"
    add("--start-timeout", "--start_timeout", **number, help=start)
    add("--memory", type=_size, metavar="SIZE", help="stop the run if it uses more memory: 4GB, 512MB")
    output = "how much of what a cell prints the notebook keeps (default: 8MB); 0 keeps all"
    add("--output-limit", type=_size_or_0, metavar="SIZE", help=output)
    add("--retries", type=_whole, default=0, metavar="N", help="retry up to N times after a failure")
    options.pausing(parser)
    prepared = "write the notebook with its parameters, without running it"
    add("--prepare-only", action="store_true", help=prepared)
    add("--prepare-execute", dest="prepare_only", action="store_false", help=SUPPRESS)


def _output(parser: Parser) -> None:
    add = parser.add_argument
    flag: Json = {"action": BooleanOptionalAction, "default": False}
    add("--report-mode", **flag, help="hide the code in the executed notebook")
    add("--safe", action="store_true", help="take scripts, styles and event handlers out of OUT.html")
    add("--log-output", **flag, help="print the output of cells")
    add("--stdout-file", metavar="FILE", help="write the standard output of cells to a file")
    add("--stderr-file", metavar="FILE", help="write the standard error of cells to a file")
    every = "how often to save while it runs (default: 2); 0: only at the end"
    add("--autosave-cell-every", type=_seconds, default=2.0, metavar="SECONDS", help=every)
    save = "save while it runs (the default)"
    add("--request-save-on-cell-execute", **{**flag, "default": True}, help=save)
    add("--progress-bar", **{**flag, "default": True}, help="show live progress; --no-…: print lines")
    add("--json", action="store_true", help="print events as lines of JSON")
    add("-q", "--quiet", action="store_true", help="print nothing unless something goes wrong")
    add("--engine", metavar="NAME", help="accepted for papermill, no effect")
    parser.aliases["-l"] = "--language"  # papermill's
    add("--language", metavar="NAME", help="accepted for papermill, no effect")
    add("--log-level", metavar="LEVEL", help="accepted for papermill, no effect")
    parser.set_defaults(show_help=parser.print_help)


def main(args: Namespace) -> int:
    """Run the notebook, show how it goes, and return the exit code."""
    if args.help and not (args.source and Path(args.source).is_file()):
        args.show_help()
        return 0
    if not args.source:
        hint = "octavo run --help shows its options and examples"
        raise Error("octavo run: the following arguments are required: IN", hint=hint)
    if args.help or args.inspect:
        source = single.read(args.source)
        inputs.show(source, screen(sys.stdout, os.environ), args.json)
        return 0
    return _run(args)


def _run(args: Namespace) -> int:
    began = time.perf_counter()
    options.interruptible()
    target = single.local(args.output or single.beside(args.source))
    # standard output is for the notebook alone when it goes there
    out = screen(sys.stderr if target == single.STDIO else sys.stdout, os.environ)
    out.live = out.live and args.progress_bar
    for name, why in _MEANINGLESS.items():
        if getattr(args, name) not in (None, "octavo") and not args.quiet:
            print(f"note: --{name.replace('_', '-')} has no effect: {why}", file=sys.stderr)
    logs = args.log_output and not args.json
    with ExitStack() as stack:
        tee = Tee(_opened(args, target, stack))
        pause = stack.enter_context(options.pause(args))
        out.live = out.live and not pause
        progress = stack.enter_context(Progress(out, quiet=args.quiet, as_json=args.json, logs=logs))
        listeners: list[Callable[[Event], None]] = [progress, tee, *([Results(out)] if logs else [])]
        try:
            single.run(
                args.source, target, parameters(args), replace(_settings(args), pause=pause), listeners
            )
        except KeyboardInterrupt:
            pass  # the report is then unfinished, which is its exit code
    code = progress.report.exit_code
    if not args.json and not (args.quiet and code == 0):
        _end(progress, time.perf_counter() - began, out)
    return code


def _settings(args: Namespace) -> single.NotebookOptions:
    wanted = {"INPUT": args.inject_input_path, "OUTPUT": args.inject_output_path}
    return single.NotebookOptions(
        kernel=args.kernel,
        environment=args.environment,
        cwd=args.cwd,
        allow_errors=args.allow_errors,
        strict=not args.no_strict,
        report_mode=args.report_mode,
        safe=args.safe,
        prepare_only=args.prepare_only,
        timeout=args.timeout,
        cell_timeout=args.execution_timeout,
        start_timeout=args.start_timeout,
        memory=args.memory,
        output_limit=args.output_limit,
        retries=args.retries,
        save_every=args.autosave_cell_every if args.request_save_on_cell_execute else 0,
        paths=tuple(f"PAPERMILL_{name}_PATH" for name, on in wanted.items() if on or args.inject_paths),
        cells=_chosen(args),
    )


def _chosen(args: Namespace) -> tuple[int, ...] | None:
    """Return which of the notebook's own cells run, by their places; None for all. Raises ``Error``."""
    if args.until is None and not args.only:
        return None
    if args.until is not None and args.only:
        raise Error("--until and --only contradict each other")
    path = single.local(args.source)
    if not Path(path).is_file():
        raise Error("cells can be named in a notebook that is a file", args.source)
    notebook = documents.loads(products.whole(path), path)
    own = notebook_kind.own_cells(notebook.cells)
    if args.until is not None:
        last = _place(args.until, path, notebook)
        return tuple(place for place, at in enumerate(own) if at <= last)
    named = {_place(word, path, notebook) for word in args.only}
    for at in sorted(named):
        if not runs(notebook.cells[at]):
            number = text.numbers(notebook.cells)[at]
            raise Error(f"#{number} is no cell that runs", path, "octavo cat shows which are code")
    return tuple(place for place, at in enumerate(own) if at in named)


def _place(word: str, path: str, notebook: Notebook) -> int:
    """Return which cell a word names: "4", "#load", or with the notebook's own name before it."""
    name, _, address = word.rpartition("#")
    if name and not (Path(name).exists() and Path(name).samefile(path)):
        raise Error(f"{word} is a cell of another notebook", path, f"#{address} of the one that runs")
    return text.addressed(notebook, address)


class Tee:
    """Writes what the cells print to files, one for each stream: by its name, its path and the open file."""

    def __init__(self, files: dict[str, tuple[str, TextIO]]) -> None:
        self.files = files

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):  # of a run that is refused, what they held stays
            for path, file in self.files.values():
                writing.cut(path, file.fileno())
        if not (isinstance(event, Output) and event.kind == "stream"):
            return
        if (found := self.files.get(event.content["name"])) is not None:
            found[1].write(event.content["text"])
            found[1].flush()


class Results:
    """Prints the results of the cells as text, between what they print."""

    def __init__(self, to: Screen) -> None:
        self.to = to

    def __call__(self, event: Event) -> None:
        if not (isinstance(event, Output) and event.kind in ("execute_result", "display_data")):
            return
        if text := event.content.get("data", {}).get("text/plain"):
            self.to.say(str(text))


def _opened(args: Namespace, target: str, stack: ExitStack) -> dict[str, tuple[str, TextIO]]:
    """Open the files for what the cells print."""
    found: dict[str, tuple[str, TextIO]] = {}
    for name in ("stdout", "stderr"):
        path = getattr(args, f"{name}_file")
        if path is None:
            continue
        for other, what in ((args.source, "the notebook itself"), (target, "the executed notebook")):
            if not writing.passing(path) and os.path.realpath(path) == os.path.realpath(other):
                raise Error(f"--{name}-file is {what}", path, "choose another name")
        try:
            opened = open(writing.stream(path), "w", encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115
        except OSError as error:
            raise Error(f"it cannot be written: {error.strerror}", path) from None
        found[name] = path, stack.enter_context(opened)
    return found


# ── values


def parameters(args: Namespace) -> Json:
    """Return the parameters of all options, in the order in which they win."""
    found: Json = {}
    for text in args.parameters_base64:
        found |= values.mapping(_decoded(text), "--parameters-base64")
    for path in args.parameters_file:
        found |= values.file(path)
    for text in args.parameters_yaml:
        found |= values.mapping(text, "--parameters-yaml")
    found |= {name: values.value(text) for name, text in args.parameters}
    return found | dict(args.parameters_raw)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except ValueError:  # of which UnicodeDecodeError is one
        raise Error("this is not valid Base64", "--parameters-base64") from None


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise ArgumentTypeError(f'"{text}" is not a number of seconds')
    return found


def _number(text: str) -> float:
    if (found := _seconds(text)) == 0:
        raise ArgumentTypeError(f'"{text}" is not a number of seconds above 0')
    return found


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f'"{text}" is not a whole number, 0 or more')
    return int(text)


def _size_or_0(text: str) -> int:
    return 0 if text == "0" else _size(text)


def _size(text: str) -> int:
    found: int = keys.as_bytes(text)
    if found <= 0:
        raise ArgumentTypeError(f'"{text}" is not a size such as 4GB or 512MB')
    return found


# ── the end


def _end(progress: Progress, took: float, out: Screen) -> None:
    """Print how it went: where the notebook is, or what failed."""
    lines = list(summary(progress, took, os.getcwd()))
    if progress.report:
        where = next(iter(progress.report.ended.values())).notebook
        wrote = f"wrote {where}" if where != "-" else "wrote the notebook to standard output"
        lines[-1] = f"{wrote} in {seconds(took)}"
    elif progress.report.finished:
        lines.pop()
    for line in lines:
        out.say(line)
