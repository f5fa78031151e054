"""Run any Jupyter kernel in a process of its own, over ZeroMQ.

The sockets are files in a private folder: ports, which jupyter_client prefers, are chosen first and bound later, so
that kernels started at the same time take each other's. One thread polls them; nothing here is asynchronous, which
halves what a trivial cell costs on this side. The kernel stays in the process group of its worker, so that whoever
ends the group ends the kernel, too.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from json import dumps
from pathlib import Path

import zmq
from jupyter_client.session import Session

from ..errors import KernelError
from ..model import Json
from ..products.scratch import Scratch
from . import Reply, Say, widget_update
from .buffers import with_buffers
from .process import Process, ending
from .specs import Kernelspec, find

_CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
_QUIET = frozenset({"status", "execute_input", "iopub_welcome"})
_TICK = 200  # milliseconds between two looks at the process
_IDLE_WAIT = 4.0  # seconds that outputs may arrive after the reply, as nbclient gives
_PATIENCE = 1.0  # seconds that a kernel has to end when asked to
_LAST = 5.0  # seconds that it has to end after it has said that it does


def open_kernel(
    say: Say, name: str | None, language: str = "python", *, start_timeout: float = 60.0
) -> Jupyter:
    """Start the kernel called ``name``, or the usual one of ``language``, in the current directory.

    Raises ``KernelError`` when it is not installed or does not answer in ``start_timeout`` seconds.
    """
    kernel = Jupyter(say, find(name, language))
    try:
        kernel.start(start_timeout)
    except BaseException:
        kernel.close()
        raise
    return kernel


class Jupyter:
    """A kernel in a process of its own."""

    def __init__(self, say: Say, spec: Kernelspec) -> None:
        self.language: Json = {}
        self.kernelspec = {"display_name": spec.display_name, "language": spec.language, "name": spec.name}
        self._say = say
        self._spec = spec
        self._scratch = Scratch(sockets=True)
        self._folder = self._scratch.path
        self._session = Session(key=secrets.token_hex(16).encode(), username="octavo")
        self._context = zmq.Context()
        self._process: Process | None = None
        self._poller = zmq.Poller()
        self._dead: Reply | None = None
        self._busy = False
        self._closed = False

    # ── starting

    def start(self, timeout: float) -> None:
        """Start the process and wait until it answers on its shell and its IOPub channel."""
        addresses = self._connection_file()
        self._process = Process(self._spec, self._folder)
        kinds = {"shell": zmq.DEALER, "control": zmq.DEALER, "iopub": zmq.SUB}
        sockets = {channel: self._context.socket(kind) for channel, kind in kinds.items()}
        self._shell, self._control, self._iopub = sockets["shell"], sockets["control"], sockets["iopub"]
        for channel, one in sockets.items():
            one.linger = 0
            one.reconnect_ivl = 5  # milliseconds until the next look whether the kernel has made its socket
            one.reconnect_ivl_max = 100
            if channel == "iopub":
                one.rcvhwm = 0  # a publisher drops what a slow reader has no room for
                one.subscribe(b"")
            else:
                one.identity = self._session.bsession
            one.connect(addresses[channel])
        for one in (self._shell, self._iopub):
            self._poller.register(one, zmq.POLLIN)
        self._poller.register(self._process.printed, zmq.POLLIN)
        self._wait_until_ready(time.monotonic() + timeout, timeout)

    def _connection_file(self) -> dict[str, str]:
        transport = "ipc" if zmq.has("ipc") else "tcp"
        ip = f"{self._folder}/k" if transport == "ipc" else "127.0.0.1"
        ports = range(1, 6) if transport == "ipc" else _free_ports(5)
        numbers = dict(zip(_CHANNELS, ports, strict=True))
        content = {f"{channel}_port": port for channel, port in numbers.items()} | {
            "transport": transport,
            "ip": ip,
            "key": self._session.key.decode(),
            "signature_scheme": self._session.signature_scheme,
            "kernel_name": self._spec.name,
        }
        Path(self._folder, "kernel.json").write_text(dumps(content), encoding="utf-8")
        between = "-" if transport == "ipc" else ":"
        return {channel: f"{transport}://{ip}{between}{port}" for channel, port in numbers.items()}

    def _wait_until_ready(self, deadline: float, timeout: float) -> None:
        """Ask until a reply comes and IOPub speaks: a subscription that came too late misses the first answer."""
        heard = False
        self._ask("kernel_info_request", {})
        while not (self.language and heard):
            again = time.monotonic() + 0.05 if self.language else deadline
            while time.monotonic() < min(again, deadline) and not (self.language and heard):
                for one in self._arrived(50 if self.language else _TICK):
                    message = self._receive(one)
                    if message is None:
                        continue
                    heard = heard or one is self._iopub
                    if message["msg_type"] == "kernel_info_reply":
                        self._greet(message["content"])
                self._check_start(deadline, timeout)
            if self.language and not heard:
                self._ask("kernel_info_request", {})

    def _greet(self, content: Json) -> None:
        # what every kernel must send, and some do not
        self.language = dict(content.get("language_info") or {"name": self._spec.language})
        major = str(content.get("protocol_version") or "5").partition(".")[0]
        self._session.adapt_version = int(major) if major.isdigit() and int(major) != 5 else 0

    def _check_start(self, deadline: float, timeout: float) -> None:
        assert self._process is not None
        name, hint = self._spec.name, f"its kernelspec is {self._spec.folder}"
        if (code := self._process.poll()) is not None:
            message = f'the kernel "{name}" ended before it was ready ({ending(code)})'
        elif time.monotonic() > deadline:
            message = f'the kernel "{name}" did not answer within {timeout:g} s'
        else:
            return
        words = self._process.last_words(10)
        raise KernelError("\n".join([message, *words]), hint=hint)

    # ── running

    def execute(self, code: str, cell: int) -> Reply:
        """Run a cell, which may not ask for input; an interrupt of this process interrupts the cell."""
        if self._dead is not None:
            return self._dead
        request = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        self._busy = True
        with _interrupts(self.interrupt):
            request_id = self._ask("execute_request", request)
            content = self._answer(request_id)
        self._busy = False
        return _reply(content) if content is not None else self._died()

    def _answer(self, request_id: str) -> Json | None:
        """Pass on what the kernel says about one request until it is answered and idle; None: the kernel died."""
        assert self._process is not None
        content: Json | None = None
        idle, deadline = False, 0.0
        while content is None or not idle:
            sockets = self._arrived(_TICK)
            for one in sockets:
                message = self._receive(one)
                if message is None or message["parent_header"].get("msg_id") != request_id:
                    continue  # of an earlier cell or another client: no frontend shows it, either
                if one is self._shell:
                    content, deadline = message["content"], time.monotonic() + _IDLE_WAIT
                elif _is_idle(message):
                    idle = True
                else:
                    self._pass_on(message)
            if not sockets:
                if self._process.poll() is not None and not self._arrived(0):
                    break
                if content is not None and time.monotonic() > deadline:
                    break
        return content

    def _pass_on(self, message: Json) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind in _QUIET:
            return
        self._say(kind, with_buffers(content, message.get("buffers")))

    def _died(self) -> Reply:
        assert self._process is not None
        code = self._process.wait()
        words = self._process.last_words(20)
        self._dead = Reply("dead", None, "DeadKernel", f"the kernel died ({ending(code)})", tuple(words))
        return self._dead

    def update_widget(self, comm: str, state: Json) -> None:
        """Update a widget before the next cell runs; what the kernel says to it is nobody's output."""
        if self._dead is None:
            self._ask("comm_msg", widget_update(comm, state))

    def used(self) -> tuple[float | None, int | None]:
        """Return what the kernel's process has used; its children are not counted."""
        return self._process.used() if self._process is not None else (None, None)

    def interrupt(self) -> None:
        """Interrupt the running cell, in the way the kernelspec asks for."""
        if self._spec.interrupt_mode == "message":
            self._session.send(self._control, "interrupt_request", {})
        elif self._process is not None:
            self._process.send_signal(signal.SIGINT)

    def raised(self) -> None:
        """Return nothing: it was raised elsewhere."""

    def hold(self, ready: Callable[[str], None]) -> None:
        """Stay until another client has ended the kernel; what it says meanwhile is not ours."""
        assert self._process is not None
        if self._process.poll() is None:
            ready(os.path.join(self._folder, "kernel.json"))
        over = float("inf")
        while self._process.poll() is None and time.monotonic() < over:
            for one in self._arrived(_TICK):
                message = self._receive(one)
                if message is not None and message["msg_type"] == "shutdown_reply":
                    # ipykernel may then wait for ever for a thread that speaks to one that is gone
                    over = min(over, time.monotonic() + _LAST)

    # ── messages

    def _ask(self, kind: str, content: Json) -> str:
        message = self._session.send(self._shell, kind, content)
        request_id: str = message["header"]["msg_id"]
        return request_id

    def _arrived(self, milliseconds: int) -> list[zmq.Socket[bytes]]:
        """Return the sockets on which a message waits, IOPub first; take what the process has printed."""
        assert self._process is not None
        ready = dict(self._poller.poll(milliseconds))
        if self._process.printed in ready and not self._process.listen():
            self._poller.unregister(self._process.printed)
        return [one for one in (self._iopub, self._shell) if one in ready]

    def _receive(self, one: zmq.Socket[bytes]) -> Json | None:
        """Return the next message of a socket, or None for one that is not signed as ours are."""
        try:
            _, message = self._session.recv(one)
        except (ValueError, TypeError):
            return None
        received: Json | None = message
        return received

    # ── ending

    def close(self) -> None:
        """Ask the kernel to end, make it end, and leave nothing behind."""
        if self._closed:
            return
        self._closed = True
        if self._process is not None:
            if self._process.poll() is None and self.language and not self._busy:
                self._session.send(self._control, "shutdown_request", {"restart": False})
                self._process.wait(_PATIENCE)
            self._process.end()
        self._context.destroy(linger=0)
        self._scratch.remove()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextmanager
def _interrupts(answer: Callable[[], None]) -> Iterator[None]:
    """Let the first SIGINT call ``answer``; the second one means this process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def first(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        answer()

    before = signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _is_idle(message: Json) -> bool:
    return bool(message["msg_type"] == "status" and message["content"].get("execution_state") == "idle")


def _reply(content: Json) -> Reply:
    count = content.get("execution_count")
    match content.get("status"):
        case "ok":
            leaving = any(
                entry.get("source") == "ask_exit" and not entry.get("keepkernel")
                for entry in content.get("payload") or ()
            )
            return Reply("exit" if leaving else "ok", count)
        case "error":
            traceback = tuple(str(line) for line in content.get("traceback") or ())
            return Reply("error", count, content.get("ename", ""), content.get("evalue", ""), traceback)
        case status:
            return Reply("error", count, "Aborted", f"the kernel did not run the cell ({status})")


__all__ = ["Jupyter", "open_kernel"]
