"""Accept or explain Ploomber's commands and options that octavo spells differently."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Error

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable, Sequence

#: Commands that octavo does not have, and what is done instead.
COMMANDS = {
    "nb": "not needed: octavo runs notebooks without changing them",
    "scaffold": "write pipeline.yaml; octavo status names missing sources",
    "examples": "Ploomber's examples run unchanged: git clone https://github.com/ploomber/projects",
    "install": "use pip or conda: pip install -r requirements.txt",
    "cloud": "octavo has no cloud service; octavo cache push shares results through your own storage",
    "execute": 'did you mean "build"?',
}

#: Options that octavo does not have, and what is done instead.
OPTIONS = {
    **dict.fromkeys(("--debuglater", "-D"), "use --hold to keep the kernel of a failed task, or --debug"),
    **dict.fromkeys(("--backend", "-b"), "octavo draws the graph itself: use --format or --output"),
    **dict.fromkeys(("--include-products", "-i"), "octavo status --json lists the products"),
    **dict.fromkeys(("--skip-upstream", "-su"), "octavo build TASK runs a task and nothing before it"),
    "--env-file": "the variable PLOOMBER_ENV_FILENAME names another environment file",
    **dict.fromkeys(
        ("--log", "-l", "--log-file"), "octavo build --log LEVEL sets what tasks log; octavo log shows it"
    ),
}

_LEVELS = ("debug", "info", "warning", "error", "critical")


def instead(option: str, words: Sequence[str]) -> str | None:
    """Return what is done instead of an option that octavo does not have; None if it is none of Ploomber's.

    With a factory as entry point, Ploomber made options of its arguments.
    """
    named = [after for before, after in pairwise(words) if before in ("-e", "--entry-point", "-F", "--file")]
    entry = (named or [os.environ.get("ENTRY_POINT", "")])[-1]
    factory = "." in entry and not entry.endswith((".yaml", ".yml")) and not set("/*:") & set(entry)
    if factory and option.startswith("--") and option not in OPTIONS:
        return f"an argument of {entry} is a parameter here: -p {option[2:].replace('-', '_')}=VALUE"
    return OPTIONS.get(option)


def arguments(parser: ArgumentParser) -> None:
    """Add the options of ``ploomber build``."""
    add = parser.add_argument
    add("--partially", metavar="TASK", help="the same as octavo build +TASK")
    add("-su", "--skip-upstream", action="store_true", help="with --partially: run only the task itself")
    logging(parser)


def logging(parser: ArgumentParser) -> None:
    """Add the options by which functions log: of ``build`` and of ``task``."""
    add = parser.add_argument
    logged = "record what functions log at this level or above: debug, info, …"
    add("-l", "--log", metavar="LEVEL", type=str.lower, choices=_LEVELS, help=logged)
    add("--log-file", metavar="PATH", help="append log records to this file instead (default level: info)")


def understood(args: Namespace, note: Callable[[str], None]) -> None:
    """Turn what was said in Ploomber's way into octavo's: targets, and variables for the workers.

    ``-p TASK`` is Ploomber's short form of --partially: what has no "=" is no parameter.
    """
    for word in [word for word in args.params if "=" not in word and word.strip()]:
        args.params.remove(word)
        if args.partially:
            raise Error(f'--partially is set twice: "{args.partially}" and "{word}"')
        args.partially = word
        note(f"-p {word} means --partially {word}, or octavo build +{word}; -p NAME=VALUE sets a parameter")
    if args.skip_upstream and not args.partially:
        raise Error("--skip-upstream requires --partially", hint=OPTIONS["-su"])
    if args.partially:
        args.targets = [*args.targets, args.partially if args.skip_upstream else f"+{args.partially}"]
    if args.log or args.log_file:
        os.environ["OCTAVO_LOG"] = (args.log or "info").upper()
        if args.log_file:
            file = Path(args.log_file).absolute()
            try:
                file.touch()
            except OSError as error:
                raise Error(f"--log-file: it cannot be written: {error.strerror}", args.log_file) from None
            os.environ["OCTAVO_LOG_FILE"] = str(file)


def unlogged(args: Namespace, kinds: Iterable[str]) -> str | None:
    """Return what must be said of --log where tasks of these kinds run."""
    if (args.log or args.log_file) and {"notebook", "script"} & set(kinds):
        return "--log applies to functions; notebooks and scripts show what they log in their outputs"
    return None
