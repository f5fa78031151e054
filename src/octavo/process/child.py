"""Start, and become, a process of the project.

Such a process runs the user's code: workers, their warm server, and children that are asked one question. Its folder
is the project's, whose ``json.py`` must not be taken for the standard library's while octavo itself is imported.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from ..dataclass import dataclass
from ..lazy import lazy_imports
from ..reading.folders import edited, folders
from .bytecode import distrust_bytecode

with lazy_imports():
    from ..venvs import making
    from . import finder

#: Where octavo is imported from.
_HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# ── starting


def command(module: str, *arguments: str, python: str = "") -> list[str]:
    """Return the command that calls ``main`` of a module in a new interpreter, of this environment or of another.

    The folder it starts in is not on its path; the option -P would say so too, but notebooks see it in ``sys.flags``.
    """
    # in another environment octavo is the very one that is here, and its files are known for octavo's
    ours = f"sys.path.insert(0, {_HERE!r}); import octavo; del sys.path[0]; " if python else ""
    begin = f"import sys; sys.path[:1] == [''] and sys.path.pop(0); {ours}from {module} import main; main()"
    return [python or sys.executable, "-c", begin, *arguments]


def start(
    module: str,
    *arguments: str,
    root: str,
    descriptors: Sequence[int] = (),
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    python: str = "",
) -> subprocess.Popen[bytes]:
    """Start ``main`` of a module in the project's folder, in a session of its own; it inherits ``descriptors``.

    ``python`` is that of another environment, which the process then finds itself in.
    """
    return subprocess.Popen(
        command(module, *arguments, python=python),
        cwd=root,
        pass_fds=descriptors,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        env=making.around(python, os.environ) if python else None,
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """How a child ended that was asked something: its exit code, negative for a signal, and all that was printed.

    ``value`` is what it answered, as JSON has it, if it has ``answered``.
    """

    code: int
    output: str
    answered: bool = False
    value: Any = None  # JSON; whoever asked knows its form


def ask(module: str, question: object, root: str, timeout: float | None = None) -> Answer:
    """Start a module whose ``main`` calls ``answer``, and return what it answers to a question that can be pickled.

    What it leaves running is ended with it. Raises ``TimeoutError`` after so many seconds.
    """
    with contextlib.ExitStack() as opened:
        # files, not pipes: a process that it leaves behind would hold them open
        asking, answer, output = (opened.enter_context(_memory()) for _ in range(3))
        pickle.dump((root, question), asking)
        asking.seek(0)
        child = start(module, root=root, stdin=asking, stdout=answer, stderr=output)
        try:
            code = child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"it did not answer in {timeout:.0f} s") from None
        finally:
            _end(child)
        for file in (answer, output):
            file.seek(0)
        data, text = answer.read(), output.read().decode("utf-8", "replace")
    if code or not data:
        return Answer(code, text)
    return Answer(code, text, True, json.loads(data))


def _memory() -> IO[bytes]:
    """Return a file that needs no disk, where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("octavo"), "w+b")
    return tempfile.TemporaryFile()


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a child with all of its group."""
    with contextlib.suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


# ── becoming


def become(
    root: str,
    argv0: str = "octavo",
    first: Sequence[str] | None = None,
    *,
    standard_first: bool = False,
    scope: str | None = None,
) -> Callable[[], None]:
    """Turn this process into one of the project, with its modules as they are now; return what ends the latter.

    ``first`` are the folders from which it imports before all others (default: the project's own), or, as in a
    kernel of Jupyter, with ``standard_first`` after the standard library only. ``scope`` is the folder of the user's
    own modules where it is more than the project.
    """
    sys.path[:] = filter(None, sys.path)
    put_first(folders(root) if first is None else first, standard_first=standard_first)
    sys.argv = [argv0]
    finder.install()
    return distrust_bytecode(scope or root)


def put_first(first: Sequence[str], *, standard_first: bool = False) -> None:
    """Let this process import from folders before all others, or before all but the standard library."""
    rest = [path for path in sys.path if path not in first]
    at = next((n for n, path in enumerate(rest) if "-packages" in path), len(rest)) if standard_first else 0
    sys.path[:] = [*rest[:at], *first, *rest[at:]]


@contextlib.contextmanager
def visiting(root: str, folder: str, argv0: str, first: Sequence[str], scope: str) -> Iterator[None]:
    """Be a process of the project for a while, in a folder of it, and leave no trace of that afterwards."""
    here, path, argv, modules = os.getcwd(), list(sys.path), sys.argv, set(sys.modules)
    os.chdir(folder if os.path.isdir(folder) else root)
    end = become(root, argv0, first, scope=scope)
    try:
        yield
    finally:
        end()
        os.chdir(here)
        sys.path[:] = path
        sys.argv = argv
        # the next time, modules that people edit must be imported as they are then
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules[name], "__file__", None) or ""
            own = file.startswith((root + os.sep, folder + os.sep, scope + os.sep))
            if own or (file and edited(file)):
                del sys.modules[name]


def answer(work: Callable[..., object], *, standard_first: bool = False) -> None:
    """Be the child of ``ask``: become a process of the project, and send what ``work`` makes of the question."""
    root, question = pickle.load(sys.stdin.buffer)
    out = os.dup(1)
    os.dup2(2, 1)  # what the project's code prints is no answer
    become(root, standard_first=standard_first)
    value = json.dumps(work(question))
    sys.stdout.flush()
    with os.fdopen(out, "w", encoding="ascii") as stream:
        stream.write(value)
