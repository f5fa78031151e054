"""Run a command as a task, stream its output, and turn its exit code into a failure."""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..dataclass import dataclass
from ..model import Failure

_BLOCK = 1 << 16
_KEPT = 1 << 14
#: How long what was printed is waited for after the command's end, when something that it started holds the pipes.
_GRACE = 0.2
#: What comes after an interrupt that a command has not heeded, and how many seconds each is given.
_PATIENCE = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 1.0))
#: Lines of stderr that a failure shows.
_LAST = 5


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, negative for a signal, and the end of what it wrote to stderr."""

    code: int
    stderr: str

    @property
    def words(self) -> str:
        """Return its end as the rest of a sentence."""
        if self.code >= 0:
            return f"exit code {self.code}"
        try:
            return f"signal {signal.Signals(-self.code).name}"
        except ValueError:
            return f"signal {-self.code}"

    @property
    def last(self) -> str:
        """Return the last lines of stderr."""
        return "\n".join(self.stderr.strip().splitlines()[-_LAST:])


def follow(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    shown: Callable[[str], str] = lambda text: text,
) -> Ended:
    """Run a command to its end and write what it prints to ``sys.stdout`` and ``sys.stderr``, as ``shown`` says it.

    OSError where there is no such command. When this is interrupted, the command is ended.
    """
    # a worker is ended with its whole group, and so is a terminal's foreground; elsewhere nobody would end the rest
    group = None if os.getpgrp() == os.getpid() else 0
    pipe = subprocess.PIPE
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=env, cwd=cwd, process_group=group
    )
    with child:
        try:
            return Ended(*_followed(child, shown))
        except BaseException:
            _end(child, child.pid if group == 0 else os.getpgrp())
            raise


def _end(child: subprocess.Popen[bytes], group: int) -> None:
    """Interrupt a command and what it has started, then terminate it, each with time to clean up; then kill it."""
    own = group == os.getpgrp()
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        if own and not main:
            child.send_signal(signal.SIGINT)
        else:
            os.killpg(group, signal.SIGINT)
        for number, patience in _PATIENCE:
            try:
                out, err = child.communicate(timeout=patience)
            except subprocess.TimeoutExpired:
                child.send_signal(number)
                continue
            sys.stdout.write(out.decode("utf-8", "replace"))
            sys.stderr.write(err.decode("utf-8", "replace"))
            break
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill() if own else os.killpg(group, signal.SIGKILL)
        if main:
            signal.signal(signal.SIGINT, before)


def _followed(child: subprocess.Popen[bytes], shown: Callable[[str], str]) -> tuple[int, str]:
    stderr = ""
    decode = codecs.getincrementaldecoder("utf-8")
    with selectors.DefaultSelector() as waiting:
        for pipe, name in ((child.stdout, "stdout"), (child.stderr, "stderr")):
            assert pipe is not None
            waiting.register(pipe, selectors.EVENT_READ, (name, decode(errors="replace")))
        patience = None
        while waiting.get_map():
            ready = waiting.select(1.0 if patience is None else patience)
            if not ready and patience is not None:
                break  # something in the background holds the pipes: it may live on, and nobody waits for it
            for key, _ in ready:
                text, over = _read(key)
                if over:
                    waiting.unregister(key.fileobj)
                text = shown(text)
                getattr(sys, key.data[0]).write(text)
                if key.data[0] == "stderr":
                    stderr = (stderr + text)[-_KEPT:]
            patience = None if child.poll() is None else _GRACE
    return child.wait(), stderr


def _read(key: selectors.SelectorKey) -> tuple[str, bool]:
    data = os.read(key.fd, _BLOCK)
    return key.data[1].decode(data, final=not data), not data


def absent(command: Sequence[str], error: OSError, hint: str) -> Failure:
    """Return the failure of a command that cannot be started."""
    return Failure("CommandError", f'"{command[0]}" cannot be started: {error.strerror}', hint=hint)


def same_lines(template: str, rendered: str) -> bool:
    """Return whether a rendered template has the lines of its source, so that a line of one is that of the other."""
    return template.count("\n") == rendered.count("\n") + (template.endswith("\n") != rendered.endswith("\n"))


def text_of(path: Path) -> str:
    """Return a small file's text, or none where it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
