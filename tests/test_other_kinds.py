"""Links, downloads, uploads to S3, and products sent to a client of files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from buckets import moto, needs_moto, s3
from projects import Folder


@pytest.fixture
def web() -> Iterator[str]:
    """Serve /data.csv, and /short, which breaks off; whoever does not say who asks is refused."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = {"/data.csv": b"a,b\n1,2\n", "/short": b"half"}
            body = known.get(path := self.path.partition("?")[0])
            self.send_response(403 if self.headers["User-Agent"] != "octavo" else 200 if body else 404)
            self.send_header("Content-Length", str(len(body or b"") + (5 if path == "/short" else 0)))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


# ── links


@pytest.fixture
def linked(folder: Folder) -> Folder:
    folder.write("raw/a.txt", "one\n")
    folder.write("raw/many/1.txt", "1")
    folder.write(
        "tasks.py",
        """
        from pathlib import Path

        def use(product, upstream):
            names = sorted(it.name for it in Path(upstream["many"]).iterdir())
            Path(product).write_text(Path(upstream["raw"]).read_text() + " ".join(names))
        """,
    )
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {class: Link, name: raw, product: raw/a.txt}
          - {class: Input, name: many, product: raw/many}
          - source: tasks.use
            product: out/use.txt
        """,
    )
    done = folder.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_what_follows_a_link_runs_when_the_file_has_changed(linked: Folder) -> None:
    assert "3 tasks fresh" in linked.octavo("build").stdout
    linked.write("raw/a.txt", "other\n")
    linked.write("raw/many/2.txt", "2")
    assert "file raw/a.txt changed" in linked.octavo("status").stdout
    done = linked.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert linked.read("out/use.txt") == "other\n1.txt 2.txt"


def test_what_a_link_stands_for_is_never_removed_nor_replaced(linked: Folder) -> None:
    linked.octavo("clean", "--yes")
    assert linked.read("raw/a.txt") == "one\n" and not (linked.path / "out/use.txt").exists()
    linked.octavo("build", "--force")
    assert linked.read("raw/many/1.txt") == "1"
    (linked.path / "raw/a.txt").unlink()
    done = linked.octavo("build")
    assert done.returncode == 1
    assert "MissingProduct: raw/a.txt does not exist, and a link makes nothing" in done.stdout
    assert not (linked.path / "raw/a.txt").exists()


# ── downloads


def test_a_url_is_downloaded_once(folder: Folder, web: str) -> None:
    folder.write(
        "pipeline.yaml",
        f"tasks:\n  - class: DownloadFromURL\n    source: {web}/data.csv\n    name: get\n    product: in/data.csv\n",
    )
    done = folder.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert folder.read("in/data.csv") == "a,b\n1,2\n"
    assert "1 task fresh" in folder.octavo("build").stdout


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("{web}/none", "/none: the server responded 404 Not Found\n  hint: check the address"),
        ("{web}/short?secret=1", "/short: it was cut off after 4 of 9 bytes"),
        ("http://127.0.0.1:1/x", "DownloadError: http://127.0.0.1:1/x: "),
        ("nothing://x/y", "nothing://x/y: unknown url type: nothing"),
    ],
)
def test_a_download_that_fails_leaves_nothing(folder: Folder, web: str, path: str, words: str) -> None:
    folder.write(
        "pipeline.yaml",
        f"""
        tasks:
          - class: DownloadFromURL
            source: {path.format(web=web)}
            name: get
            product: data.csv
        """,
    )
    done = folder.octavo("build")
    assert done.returncode == 1, done.stdout + done.stderr
    assert words in done.stdout
    assert {it.name for it in folder.path.iterdir()} == {"pipeline.yaml", ".octavo"}


# ── products kept elsewhere


FILES = """
from octavo.clients import LocalStorageClient

def get(path="backup"):
    return LocalStorageClient(path)
"""


@pytest.fixture
def kept(folder: Folder) -> Folder:
    """A project whose products are kept in a folder besides: a file, folders, and a notebook's report."""
    folder.write("connections.py", FILES)
    folder.write(
        "tasks.py",
        """
        from pathlib import Path

        def make(product):
            Path(product["data"]).write_text("data")
            Path(product["folder"], "deep").mkdir(parents=True)
            Path(product["folder"], "deep", "x.txt").write_text("x")
        """,
    )
    folder.write("book.py", '# %% tags=["parameters"]\nupstream = ["make"]\n\n# %%\nprint("it ran")\n')
    folder.write(
        "pipeline.yaml",
        """
        clients:
          File: connections.get
        tasks:
          - source: tasks.make
            product: {data: out/data.txt, folder: out/many}
          - source: book.py
            product: out/book.ipynb
        """,
    )
    return folder


def test_products_are_sent_after_a_task_has_ended_well(kept: Folder) -> None:
    done = kept.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    backup = kept.path / "backup" / "out"
    assert (backup / "data.txt").read_text() == "data"
    assert (backup / "many" / "deep" / "x.txt").read_text() == "x"
    assert "it ran" in (backup / "book.ipynb").read_text()
    assert "2 tasks fresh" in kept.octavo("build").stdout


def test_a_product_that_cannot_be_sent_is_a_failure_of_its_task(kept: Folder) -> None:
    kept.write("connections.py", FILES.replace("LocalStorageClient(path)", "Lost()") + LOST)
    done = kept.octavo("build")
    assert done.returncode == 1
    assert (
        "out/data.txt was made, but could not be copied to Lost(): ConnectionError: it is on strike"
        in done.stdout
    )
    assert "hint: see connections.get in pipeline.yaml" in done.stdout
    kept.write("connections.py", FILES)
    assert kept.octavo("build").returncode == 0
    assert (kept.path / "backup/out/data.txt").exists()


LOST = """

class Lost:
    def upload(self, path):
        raise ConnectionError("it is on strike")

    def __repr__(self):
        return "Lost()"
"""


def test_where_products_are_sent_makes_nothing_stale(kept: Folder) -> None:
    kept.write("connections.py", FILES.replace("path)", "open('where.txt').read())"))
    kept.write("where.txt", "backup")
    assert kept.octavo("build").returncode == 0
    assert (kept.path / "backup/out/data.txt").exists()
    kept.write("connections.py", FILES.replace("backup", "another"))
    kept.write("where.txt", "another")
    assert "2 tasks fresh" in kept.octavo("build").stdout


def test_a_clients_folder_is_relative_to_the_project_wherever_a_task_runs(kept: Folder) -> None:
    kept.write("code/book.py", kept.read("book.py"))
    spec = kept.read("pipeline.yaml").replace("source: book.py", "source: code/book.py")
    kept.write("pipeline.yaml", spec + "    local_execution: true\n")
    done = kept.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (kept.path / "backup/out/book.ipynb").exists()
    assert not (kept.path / "code/backup").exists()


def test_a_client_that_is_none_for_files_is_told(kept: Folder) -> None:
    kept.write("connections.py", "from octavo.clients import ShellClient as get\n")
    done = kept.octavo("build")
    assert "connections.get is not a file client" in done.stdout
    assert "hint: LocalStorageClient, S3Client and GCloudStorageClient are" in done.stdout


def test_a_client_of_one_task_is_its_product_client(kept: Folder) -> None:
    text = kept.read("pipeline.yaml").replace("clients:\n  File: connections.get\n", "")
    kept.write("pipeline.yaml", text + "    product_client: {dotted_path: connections.get, path: other}\n")
    done = kept.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {it.name for it in (kept.path / "other/out").iterdir()} == {"book.ipynb"}


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with moto() as env:
        s3("client.create_bucket(Bucket='books')", {**os.environ, **env})
        yield env


@needs_moto
def test_products_are_sent_to_s3(kept: Folder, server: dict[str, str]) -> None:
    kept.write(
        "connections.py",
        "from octavo.clients import S3Client\n\ndef get():\n    return S3Client('books', 'sent')\n",
    )
    done = kept.octavo("build", env=server)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = "print([it['Key'] for it in client.list_objects_v2(Bucket='books', Prefix='sent')['Contents']])"
    assert s3(listed, {**os.environ, **server}) == (
        "['sent/out/book.ipynb', 'sent/out/data.txt', 'sent/out/many/deep/x.txt']\n"
    )


@needs_moto
def test_a_file_is_uploaded_under_the_name_that_is_its_product(
    folder: Folder, server: dict[str, str]
) -> None:
    folder.write(
        "tasks.py", "from pathlib import Path\n\ndef fit(product):\n    Path(product).write_text('model')\n"
    )
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: tasks.fit
            product: out/model.txt
          - class: UploadToS3
            source: out/model.txt
            name: send
            upstream: fit
            product: models/new%/model.txt
            bucket: books
            upload_file_kwargs: {Metadata: {by: octavo}}
        meta: {extract_upstream: false}
        """,
    )
    done = folder.octavo("build", env=server)
    assert done.returncode == 0, done.stdout + done.stderr
    code = "it = client.get_object(Bucket='books', Key='models/new%/model.txt')"
    code += "\nprint(it['Body'].read(), it['Metadata'])"
    assert s3(code, {**os.environ, **server}) == "b'model' {'by': 'octavo'}\n"
    assert "2 tasks fresh" in folder.octavo("build", env=server).stdout
    folder.write("tasks.py", folder.read("tasks.py").replace("'model'", "'better'"))
    assert folder.octavo("build", env=server).returncode == 0
    assert "b'better'" in s3(code, {**os.environ, **server})


@needs_moto
def test_an_upload_that_fails_is_a_failure(folder: Folder, server: dict[str, str]) -> None:
    folder.write("model.txt", "model")
    task = "  - {class: UploadToS3, source: model.txt, name: send, product: x, bucket: nowhere}\n"
    folder.write("pipeline.yaml", f"tasks:\n{task}")
    done = folder.octavo("build", env=server)
    assert done.returncode == 1
    assert "UploadError: model.txt could not be sent to the bucket nowhere: " in done.stdout
    assert "NoSuchBucket" in done.stdout
    assert not Path(folder.path, ".octavo/standing/generic/x").exists()
