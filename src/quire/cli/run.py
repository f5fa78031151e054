"""``quire run``: one notebook, without a pipeline."""

from __future__ import annotations

import os
import signal
import sys
import time
from argparse import Action, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Error
from ..plugins import load
from . import options
from .screen import screen, seconds
from .summary import summary
from .watch import Watch

if TYPE_CHECKING:
    from .options import Parser
    from .screen import Screen


def arguments(parser: Parser) -> None:
    """Say what ``quire run`` takes: papermill's arguments, where they do the same."""
    add = parser.add_argument
    add("source", metavar="IN", help="a notebook: .ipynb, .py, .md, .Rmd, .qmd, …")
    add("output", metavar="OUT", nargs="?", help="the executed notebook (IN.executed.ipynb, beside IN)")
    pair: Any = {"nargs": 2, "action": Pair, "default": []}
    add(
        "-p",
        "--parameters",
        **pair,
        metavar=("NAME", "VALUE"),
        help="a parameter; VALUE as in YAML: 3, true, text, [1, 2]",
    )
    add(
        "-r",
        "--parameters-raw",
        "--parameters_raw",
        **pair,
        metavar=("NAME", "TEXT"),
        help="a parameter that is text, whatever it looks like",
    )
    one: Any = {"action": "append", "default": []}
    add(
        "-y",
        "--parameters-yaml",
        "--parameters_yaml",
        **one,
        metavar="YAML",
        help="parameters as a YAML mapping",
    )
    add(
        "-f",
        "--parameters-file",
        "--parameters_file",
        **one,
        metavar="FILE",
        help="parameters from a file of YAML or JSON",
    )
    add("-k", "--kernel", metavar="NAME", help="the kernel to run it with")
    add("--cwd", metavar="FOLDER", help="where it runs (the current folder)")
    add("--allow-errors", action="store_true", help="run all cells, even after one failed")
    add(
        "--no-strict",
        action="store_true",
        help="take parameters that the notebook does not declare, or of another type",
    )
    add("--log-output", action="store_true", help="print what the cells print")
    add("--json", action="store_true", help="print each event as a line of JSON, and nothing else")
    add("-q", "--quiet", action="store_true", help="print nothing unless something goes wrong")
    parser.examples("""\
A later source of a parameter wins over an earlier one: -f, then -y, then -p, then -r.
The notebook itself is never changed. A failed run leaves the executed notebook up to the cell that failed.

examples:
  quire run in.py out.ipynb
  quire run in.ipynb out.ipynb -p n 3 -p sample true -r code 007
  quire run in.ipynb out.ipynb -f params.yaml -y '{cities: [Bern, Wien]}'
  quire run analysis.Rmd -k ir --log-output""")


class Pair(Action):
    """Two words, name and value; NAME=VALUE, as everywhere else, would swallow the next word unseen."""

    def __call__(
        self, parser: Any, namespace: Namespace, values: Any, option_string: str | None = None
    ) -> None:
        name, text = values
        if "=" in name:
            hint = f"name and value are two words: {option_string} {name.replace('=', ' ', 1)}"
            raise Error(f'"{name}" is no name of a parameter', hint=hint)
        setattr(namespace, self.dest, [*getattr(namespace, self.dest), (name, text)])


def main(args: Namespace) -> int:
    """Run the notebook, show how it goes, and return the exit code."""
    began = time.perf_counter()
    # whoever stops us, Ctrl-C or the system: what runs is ended, what it showed is kept, and a summary is printed
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    out = screen(sys.stdout, os.environ)
    target = args.output or str(Path(args.source).with_suffix(".executed.ipynb"))
    with Watch(out, quiet=args.quiet, as_json=args.json, logs=args.log_output and not args.json) as watch:
        try:
            load("quire.project:run")(
                args.source,
                target,
                parameters=parameters(args),
                kernel=args.kernel,
                cwd=args.cwd,
                allow_errors=args.allow_errors,
                strict=not args.no_strict,
                listeners=(watch,),
            )
        except KeyboardInterrupt:
            pass  # the report is then unfinished, which is its exit code
    code = watch.report.exit_code
    if not args.json and not (args.quiet and code == 0):
        _end(watch, target, time.perf_counter() - began, out)
    return code


def parameters(args: Namespace) -> dict[str, Any]:
    """Return the parameters of all options, in the order in which they win."""
    found: dict[str, Any] = {}
    for path in args.parameters_file:
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise Error(f"the parameters cannot be read: {reason}", path) from None
        found |= _mapping(text, path)
    for text in args.parameters_yaml:
        found |= _mapping(text, "--parameters-yaml")
    found |= {name: options.value(text) for name, text in args.parameters}
    return found | dict(args.parameters_raw)


def _mapping(text: str, path: str) -> dict[str, Any]:
    data = load("quire.document:parse")(text, path).data
    if data is None:
        return {}
    if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
        raise Error("this is no mapping of parameters", path, hint="for example: {n: 3, city: Bern}")
    return data


def _end(watch: Watch, target: str, took: float, out: Screen) -> None:
    """Print how it went: where the notebook is, or what failed."""
    lines = list(summary(watch, took, os.getcwd()))
    if watch.report:
        lines[-1] = f"wrote {target} in {seconds(took)}"
    elif watch.report.finished:
        lines.pop()
    for line in lines:
        out.say(line)
