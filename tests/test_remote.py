"""Notebooks at the other end of a URL: a web server on loopback, S3 as moto serves it, and fsspec's memory."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from buckets import moto, needs_moto, s3
from octavo import remote
from octavo.errors import Error, MissingExtra, NotebookError
from octavo.project import run
from projects import Folder

NOTEBOOK = '# %% tags=["parameters"]\nn = 1\n\n# %%\nprint("n is", n)\n'

needs_fsspec = pytest.mark.skipif(find_spec("fsspec") is None, reason="fsspec is not installed")
needs_s3fs = pytest.mark.skipif(find_spec("s3fs") is None, reason="s3fs is not installed")


@dataclass
class Web:
    """A web server that keeps what is sent to it; paths below /locked are refused."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture
def web() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = served.files.get(self.path.partition("?")[0])
            self.send_response(404 if data is None else 200)
            self.end_headers()
            self.wfile.write(data or b"")

        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            locked = self.path.startswith("/locked")
            if not locked:
                served.files[self.path] = data
            self.send_response(403 if locked else 201)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    served = Web(f"http://127.0.0.1:{server.server_port}")
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def printed(data: bytes | str) -> str:
    return "".join(json.loads(data)["cells"][-1]["outputs"][0]["text"])


# ── the web


def test_a_notebook_of_the_web_runs_and_is_sent_back(folder: Folder, web: Web) -> None:
    web.files["/in.py"] = NOTEBOOK.encode()
    ended = folder.octavo("run", f"{web.url}/in.py?token=secret", f"{web.url}/out.ipynb", "-p", "n", "3")
    assert ended.returncode == 0, ended.stderr
    assert f"wrote {web.url}/out.ipynb in" in ended.stdout
    assert printed(web.files["/out.ipynb"]) == "n is 3\n"
    note = json.loads(web.files["/out.ipynb"])["metadata"]["papermill"]
    assert (note["input_path"], note["output_path"]) == (f"{web.url}/in.py", f"{web.url}/out.ipynb")
    assert b"secret" not in web.files["/out.ipynb"] and "secret" not in ended.stdout
    assert list(folder.path.iterdir()) == []


def test_a_notebook_of_the_web_is_written_here_when_nobody_says_where(folder: Folder, web: Web) -> None:
    web.files["/deep/in.py"] = NOTEBOOK.encode()
    web.files["/params.yaml"] = b"n: 5"
    ended = folder.octavo("run", f"{web.url}/deep/in.py", "-f", f"{web.url}/params.yaml")
    assert ended.returncode == 0, ended.stderr
    assert printed(folder.read("in.executed.ipynb")) == "n is 5\n"


def test_a_notebook_of_the_web_that_fails_is_sent_as_far_as_it_came(folder: Folder, web: Web) -> None:
    web.files["/in.py"] = b"# %%\nprint('here')\n1 / 0\n"
    ended = folder.octavo("run", f"{web.url}/in.py", f"{web.url}/out.ipynb")
    assert ended.returncode == 1 and "ZeroDivisionError" in ended.stdout
    assert printed(web.files["/out.ipynb"]) == "here\n"


def test_what_nobody_takes_is_kept_here(folder: Folder, web: Web) -> None:
    folder.write("in.py", NOTEBOOK)
    ended = folder.octavo("run", "in.py", f"{web.url}/locked/out.ipynb")
    assert ended.returncode == 1
    assert f"{web.url}/locked/out.ipynb: it cannot be written: HTTP Error 403" in ended.stdout
    assert "it is saved here as out.unsent.ipynb" in ended.stdout
    assert printed(folder.read("out.unsent.ipynb")) == "n is 1\n"


def test_what_is_not_there_is_a_mistake(folder: Folder, web: Web) -> None:
    ended = folder.octavo("run", f"{web.url}/no.ipynb?token=secret")
    assert (ended.returncode, ended.stderr) == (
        2,
        f"{web.url}/no.ipynb: it cannot be read: HTTP Error 404: Not Found\n",
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "refused" in folder.octavo("run", f"http://127.0.0.1:{port}/in.ipynb").stderr


def test_a_notebook_of_the_web_can_be_inspected(folder: Folder, web: Web) -> None:
    web.files["/in.py"] = NOTEBOOK.encode()
    assert "  n  int  = 1" in folder.octavo("run", f"{web.url}/in.py", "--inspect").stdout


def test_a_url_without_an_extension_is_what_its_contents_are(folder: Folder, web: Web) -> None:
    folder.write("in.py", NOTEBOOK)
    assert folder.octavo("run", "in.py", "in.ipynb", "--prepare-only").returncode == 0
    for name, text in {"script": NOTEBOOK, "book": folder.read("in.ipynb")}.items():
        web.files[f"/{name}"] = text.encode()
        assert folder.octavo("run", f"{web.url}/{name}", f"{name}.ipynb").returncode == 0
        assert printed(folder.read(f"{name}.ipynb")) == "n is 1\n"


# ── files, fsspec


def test_a_url_of_a_file_is_that_file(folder: Folder) -> None:
    file = folder.write("a b.py", NOTEBOOK)
    ended = folder.octavo("run", file.as_uri(), (folder.path / "out.ipynb").as_uri())
    assert ended.returncode == 0, ended.stderr
    assert printed(folder.read("out.ipynb")) == "n is 1\n"


@needs_fsspec
def test_the_python_function_takes_urls_of_fsspec() -> None:
    import fsspec

    store = fsspec.filesystem("memory")
    store.pipe("/in.py", NOTEBOOK.encode())
    report = run("memory://in.py", "memory://made/out-{n}.ipynb", parameters={"n": 4})
    assert report and printed(store.cat("/made/out-4.ipynb")) == "n is 4\n"
    with pytest.raises(NotebookError, match="there is no such notebook"):
        run("memory://no.py")


@needs_fsspec
def test_a_scheme_that_nobody_knows_is_a_mistake() -> None:
    with pytest.raises(NotebookError, match="Protocol not known: nonsense") as caught:
        remote.read("nonsense://a/b.ipynb")
    assert caught.value.hint is not None and "fsspec" in caught.value.hint


@pytest.mark.parametrize(
    ("missing", "url", "hint"),
    [
        ("fsspec", "s3://bucket/in.ipynb", 'pip install "octavo[remote]"'),
        pytest.param(
            "gcsfs", "gs://bucket/in.ipynb", 'pip install "octavo[remote]" gcsfs', marks=needs_fsspec
        ),
        pytest.param("s3fs", "s3://bucket/in.ipynb", 'pip install "octavo[remote]" s3fs', marks=needs_fsspec),
    ],
)
def test_a_missing_driver_says_what_to_install(
    missing: str, url: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "fsspec"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra) as caught:
        remote.read(url)
    assert caught.value.hint == hint


def test_fsspec_is_not_imported_where_no_url_is(folder: Folder) -> None:
    folder.write("in.py", NOTEBOOK)
    code = """
import sys, octavo
octavo.run("in.py", "out.ipynb")
print(sorted({"fsspec", "urllib.request"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder.path, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://me:word@host:80/a/in.ipynb?sig=1#x", "https://host:80/a/in.ipynb"),
        ("s3://bucket/in.ipynb", "s3://bucket/in.ipynb"),
        ("a?b#c@d.py", "a?b#c@d.py"),
        ("-", "-"),
    ],
)
def test_secrets_of_a_url_are_not_shown(url: str, text: str) -> None:
    assert remote.shown(url) == text


# ── S3


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let there be an S3 on loopback that has the bucket "books"."""
    with moto() as there:
        for name, value in there.items():
            monkeypatch.setenv(name, value)
        s3("client.create_bucket(Bucket='books')", dict(os.environ))
        yield


@needs_moto
@needs_s3fs
@pytest.mark.usefixtures("bucket")
def test_a_notebook_goes_from_s3_to_s3(folder: Folder) -> None:
    s3(f"client.put_object(Bucket='books', Key='in.py', Body={NOTEBOOK.encode()!r})", dict(os.environ))
    ended = folder.octavo(
        "run", "s3://books/in.py", "s3://books/made/out-{n}.ipynb", "-p", "n", "7", env=os.environ
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    code = "print(client.get_object(Bucket='books', Key='made/out-7.ipynb')['Body'].read().decode())"
    written = s3(code, dict(os.environ))
    assert printed(written) == "n is 7\n"
    assert list(Path(folder.path).iterdir()) == []
    missing = folder.octavo("run", "s3://books/no.py", env=os.environ)
    assert (missing.returncode, missing.stderr) == (2, "s3://books/no.py: there is no such notebook\n")


@needs_moto
@needs_s3fs
@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("output", ["out.ipynb", "deep/out.ipynb", "out.html"])
def test_a_bucket_that_is_not_there_is_not_made(folder: Folder, output: str) -> None:
    folder.write("nb.py", NOTEBOOK)
    ended = folder.octavo("run", "nb.py", f"s3://boks/{output}", env=os.environ)
    assert ended.returncode == 1
    assert f"s3://boks/{output}: there is no such place" in ended.stdout
    assert 'is the bucket "boks" there? octavo makes none' in ended.stdout
    listed = s3("print([it['Name'] for it in client.list_buckets()['Buckets']])", dict(os.environ))
    assert listed == "['books']\n"
    assert len(list(folder.path.glob("out.*.ipynb"))) == 1  # it is kept


@needs_fsspec
def test_folders_that_are_no_buckets_are_made() -> None:
    remote.write("memory://new/deep/a.ipynb", b"{}")
    assert remote.read("memory://new/deep/a.ipynb") == b"{}"


def test_every_mistake_of_a_url_is_one_of_ours(web: Web) -> None:
    for url in (f"{web.url}/no", "http://", "https://127.0.0.1:1/x", "http://[bad/x"):
        with pytest.raises(Error):
            remote.read(url)
