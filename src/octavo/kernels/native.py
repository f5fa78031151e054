"""Run ipykernel's own kernel inside the worker, with function calls instead of sockets.

Everything a notebook can observe (display hook, publisher, comms, magics, tracebacks, async cells, inline plots) is
ipykernel's and IPython's code. What is ours is the one method ``DirectSession.send``, which every message passes on
its way to ZeroMQ in Jupyter. Importing this module is the slow part (0.2 s) and happens once, in the warm server;
``open_kernel`` is called in the forked worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import importlib
import inspect
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

# ipykernel imports its debugger where debugpy is installed, half of its import time, and nobody can attach here.
# Only ipykernel.debugger must find it missing; a notebook may import debugpy as it likes.
_debugpy = sys.modules.get("debugpy")
sys.modules["debugpy"] = None  # type: ignore[assignment]
try:
    import ipykernel.debugger  # noqa: F401
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelapp import IPKernelApp
finally:
    del sys.modules["debugpy"]
    if _debugpy is not None:
        sys.modules["debugpy"] = _debugpy

# wanted by every kernel when it is made, so better imported before the fork
import IPython.core.debugger
import IPython.extensions.storemagic  # noqa: F401
from IPython.core.history import HistoryManager
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.session import Session, new_id

from ..model import Json
from ..tracebacks import trim
from . import Reply, Say, widget_update
from .attach import serve
from .buffers import with_buffers

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
#: Characters of each cell's streams that IPython keeps.
_REMEMBERED = 1_000_000
_QUIET = frozenset({"status", "execute_input"})

# IPython imports these when a kernel is made, and compiles the patterns of its tokenizer for the first cell
for _name in ("core.completerlib", "core.logger", "core.oinspect", "utils.wildcard"):
    with contextlib.suppress(ImportError):  # its insides, which another version may not have
        importlib.import_module(f"IPython.{_name}")
importlib.import_module("encodings.utf_8_sig")
TransformerManager().transform_cell("1 + 1\n")


#: What a library registers something in.
Registry = dict[object, object] | list[object]


class DirectSession(Session):  # type: ignore[misc]  # jupyter_client is read without its types
    """A session whose messages go to a function."""

    say: Say | None = None

    def send(
        self,
        stream: object,
        msg_or_type: object,
        content: Json | None = None,
        parent: object = None,
        ident: object = None,
        buffers: Iterable[bytes | memoryview] | None = None,
        *_: object,
        **__: object,
    ) -> Json | None:
        if isinstance(msg_or_type, dict):
            kind, content = msg_or_type["header"]["msg_type"], msg_or_type["content"]
            buffers = buffers or msg_or_type.get("buffers")
        else:
            kind = msg_or_type
        if kind not in _QUIET and self.say is not None:
            # what would arrive: images as base64, NumPy's numbers as numbers, and the errors of what is no JSON
            content = self.unpack(self.pack(content)) if content else {}
            self.say(kind, with_buffers(content, buffers))
        if isinstance(msg_or_type, dict) or kind in _QUIET:
            return None
        # a cell may end with it, and so show it
        message: Json = self.msg(kind, content=content, parent=parent)
        return message


class Native:
    """An IPython kernel in this process."""

    kernelspec = KERNELSPEC

    def __init__(self, say: Say, argv0: str, passed: Callable[[], None]) -> None:
        """``passed`` is called where the code has a breakpoint."""
        self._passed = passed
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        # cells share one context, so that a context variable set in one is seen in the next
        self.context = contextvars.copy_context()
        self.kernel = prepared()
        os.environ["JPY_PARENT_PID"] = str(os.getppid())  # by which libraries recognise Jupyter
        if "" not in sys.path:
            sys.path[:] = ["" if path == os.getcwd() else path for path in sys.path]
        self.shell = self.kernel.shell
        self.shell.starting_dir = os.getcwd()
        self.shell.history_manager.dir_hist[:] = [Path.cwd()]
        self.kernel.session.say = say
        self.kernel.session.session = new_id()
        self.kernel.io_loop = _Loop(self.loop)
        self.language = dict(self.kernel.language_info)
        sys.argv = [argv0]
        sys.excepthook = sys.__excepthook__
        _show_trimmed(self.shell)
        _remember_little(self.shell)
        sys.breakpointhook = self._breakpoint

    def _breakpoint(self, *arguments: object, **more: object) -> object:
        """Go on, as in Jupyter without a debugger attached; what PYTHONBREAKPOINT names is called."""
        if os.environ.get("PYTHONBREAKPOINT"):
            return sys.__breakpointhook__(*arguments, **more)
        self._passed()
        return None

    def execute(self, code: str, cell: int) -> Reply:
        """Run a cell in the kernel, as an execute request that allows no input."""
        return self.loop.run_until_complete(
            self.loop.create_task(self._execute(code, cell), context=self.context)
        )

    async def _execute(self, code: str, cell: int) -> Reply:
        parent = self.kernel.session.msg("execute_request", {"code": code, "allow_stdin": False})
        parent["header"]["msg_id"] = parent["msg_id"] = f"cell-{cell}"
        self.kernel.set_parent([], parent)
        shell = self.shell
        shell.exit_now = False
        try:
            content = await self.kernel.do_execute(
                code, silent=False, store_history=True, allow_stdin=False, cell_meta={}
            )
        except KeyboardInterrupt:
            # an interrupt that came between the cell's code and its end
            return Reply("error", shell.execution_count - 1, "KeyboardInterrupt", "")
        await asyncio.sleep(0)  # background tasks of the cell get their turn, as they do between requests
        if shell.exit_now:
            return Reply("exit", content["execution_count"])
        if content["status"] == "ok":
            return Reply("ok", content["execution_count"])
        return Reply(
            "error",
            content["execution_count"],
            content.get("ename", ""),
            content.get("evalue", ""),
            tuple(content.get("traceback") or ()),
        )

    def update_widget(self, comm: str, state: Json) -> None:
        """Update a widget; what the kernel says to it is nobody's output."""
        wire = self.kernel.session
        say, wire.say = wire.say, None
        try:
            self.loop.run_until_complete(
                self.loop.create_task(self._comm(widget_update(comm, state)), context=self.context)
            )
        finally:
            wire.say = say

    async def _comm(self, content: Json) -> None:
        message = {**self.kernel.session.msg("comm_msg", content), "buffers": []}
        self.kernel.set_parent([], message)
        answer = self.kernel.shell_handlers["comm_msg"](None, [], message)
        if inspect.isawaitable(answer):
            await answer

    def used(self) -> tuple[float, int]:
        """Return what this process has used: processor seconds, and its peak of memory in bytes."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        unit = 1 if sys.platform == "darwin" else 1024
        return used.ru_utime + used.ru_stime, used.ru_maxrss * unit

    def raised(self) -> BaseException | None:
        found: BaseException | None = getattr(sys, "last_value", None)  # where IPython, too, looks for %debug
        return found

    def hold(self, ready: Callable[[str], None]) -> None:
        serve(self.shell, self.loop, ready)

    def interrupt(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    def close(self) -> None:
        """Run what the shell registered for its end; the process's own exit handlers are the worker's affair."""
        try:
            self.shell.events.trigger("shell_closing")
        except Exception:
            pass


def registries() -> dict[str, Registry]:
    """Return what libraries register with when a cell imports them, by name."""
    kernel = prepared()
    shell = kernel.shell
    found: dict[str, Registry] = {f"events.{name}": held for name, held in shell.events.callbacks.items()}
    found["comm targets"] = kernel.comm_manager.targets
    found["ast transformers"] = shell.ast_transformers
    found["input transformers"] = shell.input_transformers_post
    found["names"] = shell.user_ns
    for name in ("cleanup_transforms", "line_transforms", "token_transformers"):
        found[name] = getattr(shell.input_transformer_manager, name)
    for kind, magics in shell.magics_manager.magics.items():
        found[f"{kind} magics"] = magics
    for kind, formatter in shell.display_formatter.formatters.items():
        for name in ("type_printers", "deferred_printers", "singleton_printers"):
            found[f"{kind} {name}"] = getattr(formatter, name)
    return found


def _show_trimmed(shell: InteractiveShell) -> None:
    """Let the shell show tracebacks without octavo's own frames in them."""
    found = getattr(shell, "_get_exc_info", None)  # IPython's insides, which another version may not have
    if found is None:
        return

    def trimmed(*arguments: object, **options: object) -> object:
        kind, error, trace = found(*arguments, **options)
        if isinstance(error, BaseException):
            trim(error)
        return kind, error, trace

    shell._get_exc_info = trimmed


def _remember_little(shell: InteractiveShell) -> None:
    """Let the shell keep only the beginning of what a cell prints; it keeps it all, for ``%notebook``, in memory."""
    tee = getattr(shell, "_tee", None)  # of IPython 9; its insides, too
    if tee is None:
        return

    @contextlib.contextmanager
    def bounded(channel: str) -> Iterator[None]:
        with tee(channel):
            stream = getattr(sys, channel)
            remembering: Callable[[str], object] = stream.write
            plain = partial(type(stream).write, stream)
            room = _REMEMBERED

            def write(text: str) -> object:
                nonlocal room
                room -= len(text)
                return (remembering if room > 0 else plain)(text)

            stream.write = write
            yield

    setattr(shell, "_tee", bounded)  # noqa: B010 - not in its types


class _Socket:
    """Stands for the publishing socket where code only asks whether there is one."""

    io_thread = None


class _Loop:
    """What ipykernel wants of tornado's loop: a call from a signal handler. Stopping after ``quit()`` is ours to do."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.add_callback = loop.call_soon_threadsafe

    def call_later(self, *_: object) -> None: ...

    def stop(self) -> None: ...


def _fresh_main() -> ModuleType:
    """Make an empty ``__main__`` as a kernel has it, so that pickling and multiprocessing find the notebook's names."""
    main = ModuleType("__main__", "Automatically created module for IPython interactive environment")
    main.__dict__["__builtins__"] = sys.modules["builtins"]
    sys.modules["__main__"] = main
    return main


def prepared() -> IPythonKernel:
    """Return the kernel of this process, made the first time: in the warm server, for its workers to come.

    Matplotlib's backend, tqdm, pandas and ipywidgets look for a running application and its kernel.
    """
    if IPythonKernel.initialized():
        return IPythonKernel.instance()
    if not os.environ.get("MPLBACKEND"):
        os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    main = _fresh_main()
    # No history database: it belongs to interactive use, and costs a thread and a file per worker.
    HistoryManager.enabled = False
    log = logging.getLogger("octavo.kernel")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    path = list(sys.path)
    app = IPKernelApp.instance()
    kernel = IPythonKernel.instance(
        parent=app,
        session=DirectSession(),
        iopub_socket=_Socket(),
        user_module=main,
        user_ns=main.__dict__,
        log=log,
    )
    app.kernel, app.shell = kernel, kernel.shell
    kernel.shell.history_manager.hist_file = ":memory:"
    kernel.shell_channel_thread = SimpleNamespace(parent_thread=threading.main_thread())
    app.init_pdb()
    app.init_extensions()
    sys.path[:] = path  # where "" belongs, the task knows
    return kernel


@contextlib.contextmanager
def as_in_a_cell() -> Iterator[None]:
    """Let what is imported meanwhile find what it finds when a cell imports it."""
    kernel = prepared()
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # the worker's parent, which this process will be
    with kernel.shell.builtin_trap, kernel.shell.display_trap:
        kernel._forward_input(False)
        try:
            yield
        finally:
            kernel._restore_input()


def open_kernel(say: Say, argv0: str = "", passed: Callable[[], None] = lambda: None) -> Native:
    """Return a kernel of this very environment, in this process. One process has one.

    Breakpoints do not stop it, as nobody could answer a debugger; ``passed`` is called at each.
    """
    return Native(say, argv0, passed)


__all__ = ["Native", "as_in_a_cell", "open_kernel", "prepared", "registries"]
