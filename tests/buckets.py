"""Object stores on loopback: S3 as moto serves it, and as much of Google's as clients of files use."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import urlopen

import pytest

needs_moto = pytest.mark.skipif(
    not all(map(find_spec, ("moto", "flask", "boto3"))), reason="moto[server] or boto3 is not installed"
)


@contextmanager
def moto() -> Iterator[dict[str, str]]:
    """Serve S3 on loopback; yield the environment in which AWS's tools find it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        while True:
            try:
                with urlopen(f"{endpoint}/moto-api/", timeout=5):
                    break
            except OSError:
                assert time.monotonic() < until and server.poll() is None, "moto does not start"
                time.sleep(0.2)
        yield {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        server.kill()
        server.wait()


def s3(code: str, env: dict[str, str]) -> str:
    """Run code that has an S3 ``client``, in a process of its own (boto3 warns), and return what it prints."""
    script = f"import boto3\nclient = boto3.client('s3')\n{code}\n"
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], env=env, capture_output=True, text=True, check=True
    )
    return ended.stdout


@dataclass
class Google:
    """A bucket of Google's, as far as objects are put, got and listed by its XML interface."""

    url: str
    objects: dict[str, bytes] = field(default_factory=dict)

    def credentials(self, path: Path) -> Path:
        """Write the credentials of a service account that is found here."""
        said = {"gcs_base_url": self.url, "disable_oauth": True, "client_email": "", "private_key": ""}
        path.write_text(json.dumps({**said, "private_key_id": ""}))
        return path


@contextmanager
def google() -> Iterator[Google]:
    """Serve a bucket "books" on loopback."""
    found = Google("")

    class Handler(BaseHTTPRequestHandler):
        def answer(self, code: int, body: bytes = b"") -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"1"')
            self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
            self.end_headers()
            self.wfile.write(body)

        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            found.objects[unquote(urlsplit(self.path).path).removeprefix("/books/")] = data
            self.answer(200)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            name = unquote(parts.path).removeprefix("/books").strip("/")
            if name:
                self.answer(200 if name in found.objects else 404, found.objects.get(name, b""))
                return
            prefix = parse_qs(parts.query).get("prefix", [""])[0]
            listed = "".join(
                f"<Contents><Key>{key}</Key><Size>{len(data)}</Size><ETag>1</ETag>"
                "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
                for key, data in sorted(found.objects.items())
                if key.startswith(prefix)
            )
            self.answer(200, f"<ListBucketResult>{listed}</ListBucketResult>".encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
