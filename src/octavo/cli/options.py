"""What the verbs share: the parser, task selection, --file, --param, --env--KEY."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, Protocol

from ..compat import parameters as given
from ..errors import Error
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..model import Json
from ..show.screen import screen

with lazy_imports():
    from .. import project as projects
    from ..compat import option_aliases
    from ..products import writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ..project import Project


class Verb(Protocol):
    """What a module of this folder has: what its command takes, and what it does."""

    def arguments(self, parser: Parser, /) -> None: ...
    def main(self, args: argparse.Namespace, /) -> int: ...


#: The name of a run that octavo submit has given.
_RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")

SELECTING = """\
select tasks by name, glob or tag; "+" adds what comes before or after:
  fit  "plot-*"  tag:daily     these tasks
  fit+  +fit  +fit+            and those after, before, both
  1+fit                        and those at most one step before
  '!report'                    all but this"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes are ours: raised as ``Error``, with "did you mean"."""

    def __init__(self, verb: str, line: str) -> None:
        super().__init__(
            prog=f"octavo {verb}",
            description=line[0].upper() + line[1:] + ".",
            formatter_class=_formatter,
            allow_abbrev=False,
            add_help=False,
        )
        self.words: Sequence[str] = ()
        #: Options with two words after them, by destination; and short options of other programs, as octavo has them.
        self.pairs: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        #: Whether what stands after "--" is for another program: ``args.passed``.
        self.passes_on = False
        self.add_argument("-h", "--help", action="help", help="show this")
        self.set_defaults(params=[], parameters_file=[])  # of commands that take none

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Return what the words of a command line say; --env--KEY is an option for any key of env.yaml."""
        self.words = words
        passed: Sequence[str] = ()
        if self.passes_on and "--" in words:
            words, passed = words[: words.index("--")], words[words.index("--") + 1 :]
        words = [self.aliases.get(word, word) for word in words]
        if self.takes("-f") and self.takes("--force"):
            words = [self._noted(*word) for word in given.force(words)]
        taken = given.take(words, self.pairs)
        args, environment = self.parse_intermixed_args(taken.rest), taken.environment
        for dest, pairs in taken.pairs.items():
            setattr(args, dest, pairs)
        if environment and not hasattr(args, "env"):
            self.error(f"unrecognized arguments: --env--{next(iter(environment)).replace('.', '--')}")
        args.env = environment
        args.passed = passed
        return args

    def pair(self, *names: str, dest: str, metavar: tuple[str, str], help: str) -> None:
        """Add an option that is followed by a name and a value, whatever they look like."""
        self.add_argument(*names, dest=dest, nargs=2, default=[], metavar=metavar, help=help)
        self.pairs |= dict.fromkeys(names, dest)

    def _noted(self, word: str, note: str | None) -> str:
        if note:
            print(f"note: {note}", file=sys.stderr)
        return word

    def takes(self, option: str) -> bool:
        """Return whether there is such an option."""
        # here and below: argparse tells its options nowhere in public
        return option in self._option_string_actions

    def examples(self, text: str) -> None:
        """Show this below the options."""
        self.epilog = text

    def error(self, message: str) -> NoReturn:
        known = [*self._option_string_actions]
        wrong = [word for word in message.split() if word.startswith("-")]
        hint = None
        if "unrecognized" in message and wrong:
            word = wrong[0].partition("=")[0]
            hint = option_aliases.instead(word, self.words) or self._long(word) or did_you_mean(word, known)
        raise Error(f"{self.prog}: {message}", hint=hint or f"see {self.prog} --help")

    def _long(self, option: str) -> str | None:
        """Return the hint for a short option that there is only in long form."""
        found = [action for action in self._option_string_actions if action.startswith(f"-{option}")]
        return f"did you mean {' or '.join(found)}?" if len(option) == 2 and found else None


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Return argparse's formatter with a width: left to find it, it imports shutil, which costs 4 ms."""
    size = screen(sys.stdout, os.environ).size
    return argparse.RawDescriptionHelpFormatter(prog, width=min(size[0] - 2, 110) if size else 100)


def selection(parser: argparse.ArgumentParser, tasks: str = "the tasks to use (default: all)") -> None:
    """Add what every verb of a pipeline takes: targets, --file, --param. ``tasks`` says what the targets are."""
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=tasks)
    file(parser)
    values(parser, "set a parameter; VALUE is YAML: 3, 0.5, true, null, text, [1, 2]")


def file(parser: argparse.ArgumentParser) -> None:
    """Add --file, which names the pipeline, and Ploomber's alias for it."""
    parser.add_argument(
        "-F",
        "--file",
        "-e",
        "--entry-point",
        metavar="FILE",
        help="the pipeline: a file, a folder, '*.py', package.factory, package::pipeline.yaml",
    )


def elsewhere(parser: argparse.ArgumentParser) -> None:
    """Add --remote, whose value is the URL of a store; "" is the one that the pipeline names."""
    parser.add_argument(
        "--remote",
        nargs="?",
        const="",
        metavar="URL",
        help="the store of runs that were submitted (default: that of pipeline.yaml's cache)",
    )


def handed_over(parser: argparse.ArgumentParser) -> None:
    """Add what submit and export have in common: where code and results go, which code, and options of an engine."""
    add = parser.add_argument
    meaning = "the store of code and results (default: that of pipeline.yaml's cache)"
    add("--remote", metavar="URL", help=meaning)
    add("--committed", action="store_true", help="refuse code that is not committed as it is")
    add(
        "--option",
        dest="options",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the engine, such as partition=gpu; repeatable",
    )


def writable(path: Path) -> None:
    """Raise an Error now for a file that could not be written after hours of work."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writing.check(path, named=True)
    except OSError as error:
        raise Error(f"it cannot be written: {error.strerror}", str(path)) from None


def is_run(words: Sequence[str]) -> bool:
    """Return whether a command names one run that was submitted, as no task is called: 20260102-101500-5e8f1a."""
    return len(words) == 1 and _RUN.fullmatch(words[0]) is not None


def values(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Add --param, --parameters-file and Ploomber's --env--KEY."""
    parser.add_argument(
        "-p",
        "--param",
        dest="params",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=meaning,
    )
    parser.add_argument(
        "-f",
        "--parameters-file",
        action="append",
        default=[],
        metavar="FILE",
        help="parameters from a file of YAML or JSON",
    )
    parser.add_argument("--env--KEY", dest="env", metavar="VALUE", help="the same: --env--sample true")


def parameters(args: argparse.Namespace) -> dict[str, object]:
    """Return the parameters that a command line says, whichever way."""
    found: dict[str, object] = {}
    for path in args.parameters_file:
        found |= given.file(path)
    found |= given.params(args.params) | args.env
    return found


def project(args: argparse.Namespace) -> Project:
    """Open the pipeline that --file names, or the one found from this folder upwards."""
    found = parameters(args)
    err = screen(sys.stderr, os.environ)
    return projects.load(args.file, params=found or None, waiting=err.say)


def opened(file: str | None) -> Project:
    """Open the pipeline that a file names, or the one found from this folder upwards, as it is without parameters."""
    return projects.load(file, waiting=screen(sys.stderr, os.environ).say)


def positive(text: str) -> int:
    """Return a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is not a whole number of at least 1')
    return int(text)


def interruptible() -> None:
    """Let SIGTERM and SIGHUP do what Ctrl-C does, unless they are ignored, as by nohup.

    Whoever stops a command, what runs may clean up, what it showed is kept, and a summary is printed.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def pausing(parser: argparse.ArgumentParser, *short: str) -> None:
    """Add --debug, with these short forms, and --hold."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        *short,
        "--debug",
        action="store_true",
        help="open a debugger where a task fails; q quits",
    )
    either.add_argument(
        "--hold",
        action="store_true",
        help="keep the kernel of a failed task for jupyter console, until Ctrl-C",
    )


@contextmanager
def pause(args: argparse.Namespace) -> Iterator[Json | None]:
    """Yield how a failed task pauses, for ``Project.build``; restore the terminal at the end."""
    if args.hold:
        yield {"hold": True}
        return
    if not args.debug:
        yield None
        return
    number = next((number for number in (0, 1, 2) if os.isatty(number)), None)
    if number is None:
        raise Error("--debug requires a terminal", hint="use --hold to keep the kernel and attach to it")
    before = termios.tcgetattr(number)
    try:
        # by its path: workers have no terminal of their own
        yield {"debug": os.ttyname(number), "term": os.environ.get("TERM", "")}
    finally:
        # a prompt that was killed has left it raw
        termios.tcsetattr(number, termios.TCSADRAIN, before)
