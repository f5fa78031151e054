"""Open IPython's debugger after an exception, on a given terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

from IPython.core.completer import IPCompleter
from IPython.core.debugger import Pdb
from IPython.core.getipython import get_ipython
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell
from IPython.terminal.ptutils import IPythonPTCompleter
from prompt_toolkit import PromptSession
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.output.vt100 import Vt100_Output

PROMPT = "ipdb> "


def post_mortem(trace: TracebackType, before: str, terminal: str, term: str) -> None:
    """Show a text and let a person look around, until they type ``q``. ``term`` is the kind of the terminal."""
    # NOCTTY: the terminal stays the driver's, and so does what its keys send
    number = os.open(terminal, os.O_RDWR | os.O_NOCTTY)
    with (
        os.fdopen(number, encoding="utf-8", errors="replace") as reader,
        os.fdopen(os.dup(number), "w", encoding="utf-8", errors="replace", buffering=1) as writer,
        _redirected(reader, writer),
    ):
        able = term not in ("", "dumb")
        writer.write((before if able else plain(before)).rstrip("\n") + "\n")
        _shell()
        debugger = Pdb(stdin=reader, stdout=writer)
        if not able:
            debugger.set_theme_name("nocolor")
        else:
            debugger.stdin = _Editor(reader, writer, term, lambda: debugger)
            debugger.prompt = ""
        debugger.reset()
        debugger.botframe = trace.tb_frame
        debugger.interaction(None, trace)


def _shell() -> None:
    """Let there be a shell, which the debugger asks for its settings: a bare one where no notebook has made any."""
    if get_ipython() is None:
        main = sys.modules["__main__"]
        HistoryManager.enabled = False
        InteractiveShell.instance()
        sys.modules["__main__"] = main


def plain(text: str) -> str:
    """Return text without colours."""
    parts = text.split("\x1b[")
    return parts[0] + "".join(part.partition("m")[2] for part in parts[1:])


class _Editor:
    """Reads lines from a terminal with history and completion."""

    def __init__(self, reader: TextIO, writer: TextIO, term: str, debugger: Callable[[], Pdb]) -> None:
        self._debugger = debugger
        self._names = IPCompleter(shell=debugger().shell, namespace={}, global_namespace={})
        # which frame is looked at changes from line to line
        self._session: PromptSession[str] = PromptSession(
            PROMPT,
            input=Vt100Input(reader),
            output=Vt100_Output.from_pty(writer, term=term),
            completer=IPythonPTCompleter(self._names),
            complete_while_typing=False,
        )

    def readline(self) -> str:
        frame = self._debugger().curframe
        if frame is not None:
            self._names.namespace, self._names.global_namespace = frame.f_locals, frame.f_globals
        try:
            # in a thread, for it has a loop of its own
            return self._session.prompt(in_thread=True) + "\n"
        except EOFError:
            return ""


@contextmanager
def _redirected(reader: TextIO, writer: TextIO) -> Iterator[None]:
    """Let what is called at the prompt print to the terminal and read from it."""
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = reader, writer, writer
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
