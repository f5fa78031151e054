"""The options --debug and --hold, and the terminal of the debugger."""

from __future__ import annotations

import os
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import Error

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator


def arguments(parser: ArgumentParser, *short: str) -> None:
    """Add --debug, with these short forms, and --hold."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        *short,
        "--debug",
        action="store_true",
        help="when a task fails, open a debugger where it did, here; q goes on",
    )
    either.add_argument(
        "--hold",
        action="store_true",
        help="when a task fails, keep its kernel for jupyter console; Ctrl-C goes on",
    )


@contextmanager
def staying(args: Namespace) -> Iterator[dict[str, Any] | None]:
    """Give what a failed task does, for ``Project.build``; leave the terminal as it was found."""
    if args.hold:
        yield {"hold": True}
        return
    if not args.debug:
        yield None
        return
    number = next((number for number in (0, 1, 2) if os.isatty(number)), None)
    if number is None:
        raise Error(
            "--debug needs a terminal to ask you", hint="--hold keeps the kernel instead, to be attached to"
        )
    before = termios.tcgetattr(number)
    try:
        # by its path: workers have no terminal of their own
        yield {"debug": os.ttyname(number), "term": os.environ.get("TERM", "")}
    finally:
        # a prompt that was killed has left it raw
        termios.tcsetattr(number, termios.TCSADRAIN, before)
