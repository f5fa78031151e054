"""A server of HTTP for requests: each in a thread, until somebody ends it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType

from .. import __version__
from ..errors import Error
from ..process.signals import handled
from .requests import LARGEST, HttpReply, Service, refusal

#: Seconds that a connection may be silent.
_SILENCE = 30.0


class _Http(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, place: tuple[str, int], service: Service, log: Callable[[str], None] | None) -> None:
        self.service, self.log = service, log
        super().__init__(place, _HttpRequest)


class _HttpRequest(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"
    server_version, sys_version = f"octavo/{__version__}", ""
    timeout = _SILENCE
    # header and body in one packet: Nagle's algorithm would let the second wait for 40 ms
    wbufsize = -1
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        self._send(self.server.service.reply(self.command, self.path, b""))

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _answer

    def do_POST(self) -> None:
        said = self.headers.get("Content-Length", "")
        if not said.isdecimal():
            self.close_connection = True
            self._send(refusal(411, "the request says no Content-Length"))
        elif int(said) > LARGEST:
            self.close_connection = True  # it is not read
            self._send(refusal(413, f"the body has more than {LARGEST >> 20} MB"))
        else:
            self._send(self.server.service.reply("POST", self.path, self.rfile.read(int(said))))

    def _send(self, reply: HttpReply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        with suppress(OSError):
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        if self.server.log is not None:
            self.server.log(f"{self.address_string()} {format % args}")


def server(
    service: Service, host: str, port: int, log: Callable[[str], None] | None = None
) -> ThreadingHTTPServer:
    """Return a server that listens; ``serve_forever`` answers. Port 0 is any that is free."""
    try:
        return _Http((host, port), service, log)
    except (OSError, OverflowError) as error:
        words = getattr(error, "strerror", None) or str(error)
        hint = "--port 0 takes one that is free"
        raise Error(f"{host}:{port} cannot be listened to: {words}", hint=hint) from None


def serve(listening: ThreadingHTTPServer) -> None:
    """Answer until SIGINT or SIGTERM; what has been asked by then is answered."""

    def end(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=listening.shutdown, daemon=True).start()

    with handled([signal.SIGINT, signal.SIGTERM], end):
        listening.daemon_threads = False
        try:
            listening.serve_forever(poll_interval=0.1)
        finally:
            listening.server_close()
