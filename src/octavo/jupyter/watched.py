"""In a kernel of Jupyter's: watch it as a worker is watched, while it runs all cells of a task's notebook."""

from __future__ import annotations

import ast
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..errors import Error
from ..events import (
    CellFinished,
    CellStarted,
    KernelReady,
    Note,
    NotebookOpened,
    Output,
    TaskFinished,
    encode,
)
from ..kernels.buffers import with_buffers
from ..kinds.notebook import Exporter, prepare
from ..model import Failure, Outcome
from ..notebook.inject import INJECTED, runs, tags
from ..process.child import become
from ..reading.folders import scope
from ..worker.around import finish, folder_of, importable, placed
from ..worker.observe import Observer
from ..worker.worker import discovered

if TYPE_CHECKING:
    from ..events import Event
    from ..model import Json, Task

#: The files by which a server and the kernel speak: the task, the number of the kernel's process, what happens there.
TASK, PROCESS, EVENTS = "task", "process", "events"
#: How a note begins that says why a run is no result.
REFUSED = "this run is not its result: "

#: Messages to a kernel's clients that make up what a cell shows.
_SHOWN = frozenset(
    {
        *("stream", "display_data", "execute_result", "error", "update_display_data", "clear_output"),
        *("comm_open", "comm_msg", "comm_close"),
    }
)
#: The names of a kernel in which nothing has run, not even a startup file.
_FIRST = frozenset({"In", "Out", "exit", "get_ipython", "open", "quit"})
#: What a debugger asks for that may change a value.
_CHANGING = frozenset({"evaluate", "setExpression", "setVariable"})
_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


_Buffers = Sequence[bytes | memoryview] | None


class _Info(Protocol):
    raw_cell: str


class _CellResult(Protocol):
    success: bool
    execution_count: int | None
    error_before_exec: BaseException | None
    error_in_exec: BaseException | None


class _ShellEvents(Protocol):
    def register(self, event: str, function: Callable[..., object], /) -> None: ...
    def unregister(self, event: str, function: Callable[..., object], /) -> None: ...


class _Session(Protocol):
    send: Callable[..., object]

    def pack(self, content: object, /) -> bytes: ...
    def unpack(self, content: bytes, /) -> Json: ...


class _Kernel(Protocol):
    session: _Session
    shell_handlers: dict[str, Callable[..., object]]
    control_handlers: dict[str, Callable[..., object]]
    language_info: Json
    raw_input: Callable[..., object]
    getpass: Callable[..., object]


class KernelShell(Protocol):
    """What is used of IPython's shell in a kernel."""

    execution_count: int
    user_ns: dict[str, object]
    user_ns_hidden: dict[str, object]
    events: _ShellEvents
    kernel: _Kernel
    meta: dict[str, object]


def begin(shell: KernelShell, folder: str) -> None:
    """Watch a kernel that has just been started, from now on; ``folder`` has the task.

    Raises ``errors.Error`` for a kernel that is not as a worker would be.
    """
    root, task, prefix = pickle.loads(Path(folder, TASK).read_bytes())
    if prefix != sys.prefix:
        raise Error(f"the kernel runs in another environment than octavo: {sys.prefix}")
    names = [name for name in shell.user_ns if name not in shell.user_ns_hidden and name[:1] != "_"]
    if names or shell.execution_count != 1:
        raise Error(f"the kernel is not a fresh one: {', '.join(names) or 'cells have run in it'}")
    watched = Watched(shell, root, task, Path(folder))
    watched.begin()
    shell.meta["octavo"] = watched


def end(shell: KernelShell) -> None:
    """End the watch, and tell what came of it: a result, if all cells have run, in order and as they are on disk."""
    watched = shell.meta.pop("octavo", None)
    if not isinstance(watched, Watched):
        raise Error("this kernel is not watched: it was restarted")
    watched.end()


class Watched:
    """A kernel that is watched from its start to the end of its notebook. What happens is written as events."""

    def __init__(self, shell: KernelShell, root: str, task: Task, folder: Path) -> None:
        self._shell, self._root, self._task = shell, root, task
        self._folder = folder
        self._lock = threading.Lock()
        self._cleanup = ExitStack()
        self._cells: list[tuple[int, Json]] = []
        self._next = 0
        self._depth = 0
        self._cell: int | None = None
        self._began = 0.0
        self._started = 0.0
        self._executed = self._asked = 0
        self._wrong: str | None = None
        self._failure: Failure | None = None

    def begin(self) -> None:
        task, shell = self._task, self._shell
        notebook, values = prepare(_beside(task, self._root))
        self._cells = [(index, cell) for index, cell in enumerate(notebook["cells"]) if runs(cell)]
        self._tell: Callable[[Event], None] = self._written()
        here = os.getcwd()
        self._cleanup.callback(lambda: os.chdir(here if os.path.isdir(here) else self._root))
        os.chdir(folder_of(task, self._root))
        path = list(sys.path)
        self._cleanup.callback(lambda: sys.path.__setitem__(slice(None), path))
        argv = sys.argv
        self._cleanup.callback(lambda: setattr(sys, "argv", argv))
        mine = placed(task, self._root)
        within = scope(task, self._root)
        self._cleanup.callback(
            become(self._root, mine.source.path, importable(task, self._root), scope=within)
        )
        self._exporter = Exporter(mine)
        self._tell = self._exporter.followed(self._tell)
        self._tell(Note("run in Jupyter, by the kernel of its notebook", task.name))
        self._tell(NotebookOpened(task.name, notebook, values))
        self._tell(KernelReady(task.name, dict(shell.kernel.language_info), _KERNELSPEC))
        self._listen()
        self._hide()
        self._began = time.perf_counter()
        self._observer = Observer(self._root, _others(within), lambda: self._cell, within)
        self._observer.start()
        self._cleanup.callback(self._observer.stop)

    def _written(self) -> Callable[[Event], None]:
        Path(self._folder, PROCESS).write_text(str(os.getpid()), "ascii")
        # opened before anything is watched, and by no name afterwards
        events = os.open(Path(self._folder, EVENTS), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._cleanup.callback(os.close, events)
        process = os.getpid()

        def write(event: Event) -> None:
            if os.getpid() == process:
                with self._lock:
                    os.write(events, encode(event) + b"\n")

        return write

    def _listen(self) -> None:
        """Hear of each cell, of what it shows, and of what a worker would not have: input, widgets that people move."""
        shell, kernel = self._shell, self._shell.kernel
        heard: dict[str, Callable[..., object]] = {
            "pre_execute": self._executing,
            "pre_run_cell": self._before,
            "post_run_cell": self._after,
        }
        for event, hear in heard.items():
            shell.events.register(event, hear)
            self._cleanup.callback(shell.events.unregister, event, hear)
        send = kernel.session.send

        def sent(
            stream: object,
            message: object,
            content: Json | None = None,
            *more: object,
            buffers: _Buffers = None,
            **named: object,
        ) -> object:
            done = send(stream, message, content, *more, buffers=buffers, **named)
            self._sent(message, content, buffers)
            return done

        kernel.session.send = sent
        self._cleanup.callback(lambda: setattr(kernel.session, "send", send))
        for name in ("raw_input", "getpass"):
            self._refuse(kernel, name)
        for handlers in (kernel.shell_handlers, kernel.control_handlers):
            for kind, wrong in _MEDDLING.items():
                self._heed(handlers, kind, wrong)

    def _heed(
        self, handlers: dict[str, Callable[..., object]], kind: str, wrong: Callable[[Json], str | None]
    ) -> None:
        """Look at each message of a kind before it is handled, for what a worker would not have."""
        if (handler := handlers.get(kind)) is None:
            return

        def handled(stream: object, ident: object, parent: Json) -> object:
            if words := wrong(parent["content"]):
                self._doubt(words)
            return handler(stream, ident, parent)

        handlers[kind] = handled
        self._cleanup.callback(handlers.__setitem__, kind, handler)

    def _hide(self) -> None:
        """Take away, meanwhile, what startup files have set, for a worker runs none of them."""
        names = self._shell.user_ns
        set_ = {name: names.pop(name) for name in [*names] if name[:1] != "_" and name not in _FIRST}
        self._cleanup.callback(lambda: names.update(set_ | names))

    def _refuse(self, kernel: _Kernel, name: str) -> None:
        asked = getattr(kernel, name)

        def ask(*arguments: object, **named: object) -> object:
            self._doubt("a cell asked a person")
            return asked(*arguments, **named)

        setattr(kernel, name, ask)
        self._cleanup.callback(lambda: delattr(kernel, name))

    def _doubt(self, words: str) -> None:
        self._wrong = self._wrong or words

    def _executing(self) -> None:
        self._executed += 1

    def _before(self, info: _Info) -> None:
        self._asked += 1
        self._depth += 1
        if self._depth > 1:
            return  # a cell that runs code as a cell
        if self._next >= len(self._cells):
            self._doubt("something else has run after the last cell")
            return
        index, cell = self._cells[self._next]
        self._next += 1
        if not _same(cell, info.raw_cell):
            self._doubt(
                f"cell {self._next} is not as in {self._task.source.path}, or something else has run before it"
            )
        self._cell, self._started = index, time.perf_counter()
        self._tell(CellStarted(self._task.name, index, self._next, len(self._cells), time.time()))

    def _after(self, result: _CellResult) -> None:
        self._depth -= 1
        if self._depth or self._cell is None:
            return
        sys.stdout.flush()  # what it has printed arrives before its end
        sys.stderr.flush()
        index, failed = self._cell, not result.success
        cell = self._cells[self._next - 1][1]
        seconds = time.perf_counter() - self._started
        count = result.execution_count
        self._tell(CellFinished(self._task.name, index, time.time(), seconds, count, failed))
        self._cell = None
        error = result.error_before_exec or result.error_in_exec
        if failed and "raises-exception" not in tags(cell) and self._failure is None:
            words = (type(error).__name__, str(error)) if error else ("Error", "it did not end well")
            path = self._task.source.path
            self._failure = Failure(*words, cell=index, number=count, path=path, code=cell["source"])

    def _sent(self, message: object, content: Json | None, buffers: _Buffers) -> None:
        if isinstance(message, dict):
            kind, content = message["header"]["msg_type"], message["content"]
            buffers = buffers or message.get("buffers")
        else:
            kind = str(message)
        cell = self._cell
        if cell is None or kind not in _SHOWN:
            return
        session = self._shell.kernel.session
        plain = session.unpack(session.pack(content)) if content else {}
        self._tell(Output(self._task.name, cell, kind, with_buffers(plain, buffers)))

    def end(self) -> None:
        """Say what came of it, and let the kernel be an ordinary one again."""
        name = self._task.name
        # whoever asks for the end does so by one more execution
        if self._executed - self._asked != 1:
            self._doubt("something else has run in the kernel meanwhile")
        if self._failure is None and self._next < len(self._cells):
            self._doubt(f"cell {self._next + 1} has not run")
        failure = self._failure
        try:
            if failure is None and self._wrong is None:
                failure = self._exporter.write(self._tell) or finish(
                    self._task, self._root, self._tell, self._observer
                )
            self._observer.stop()
            seconds = time.perf_counter() - self._began
            if self._wrong is not None:
                self._tell(Note(f"{REFUSED}{self._wrong}", name))
                self._tell(TaskFinished(name, Outcome.CANCELLED, seconds))
            elif failure is not None:
                self._tell(TaskFinished(name, Outcome.FAILED, seconds, failure))
            else:
                found = discovered(self._observer, self._task, self._tell)
                touched = self._observer.touched()
                self._tell(TaskFinished(name, Outcome.DONE, seconds, discovered=found, touched=touched))
        finally:
            self._cleanup.close()


def _evaluates(content: Json) -> str | None:
    return "a page had expressions evaluated in the kernel" if content.get("user_expressions") else None


def _changes(content: Json) -> str | None:
    return "a debugger was at work" if content.get("command") in _CHANGING else None


def _opens(content: Json) -> str | None:
    # by that one, pages ask for the widgets that there are
    return None if content.get("target_name") == "jupyter.widget.control" else "a page has opened a channel"


def _moves(content: Json) -> str | None:
    method = content.get("data", {}).get("method")
    return "a widget was changed by hand" if method in ("custom", "update") else None


#: What pages send that may change what a cell makes, and why that is so.
_MEDDLING: dict[str, Callable[[Json], str | None]] = {
    "execute_request": _evaluates,
    "comm_open": _opens,
    "comm_msg": _moves,
    "debug_request": _changes,
}


def _beside(task: Task, root: str) -> Task:
    """Return a task with its paths as its open notebook shows them: for a kernel in the folder of the notebook."""
    return placed(replace(task, cwd=os.path.dirname(task.source.path)), root)


def _same(cell: Json, source: str) -> bool:
    """Return whether a cell is what has run. Of the one with the task's values the words above it do not count."""
    if INJECTED not in tags(cell):
        return bool(cell["source"] == source)
    try:
        return ast.dump(ast.parse(cell["source"])) == ast.dump(ast.parse(source))
    except SyntaxError:
        return False


def _others(folder: str) -> frozenset[str]:
    """Return the modules that are here by no doing of the project, as those of a profile's startup files may be."""
    inside = folder.rstrip(os.sep) + os.sep
    return frozenset(
        name
        for name, module in [*sys.modules.items()]
        if not str(getattr(module, "__file__", None) or "").startswith(inside)
    )
