"""Every remote that a cache can be at, against real servers on this machine: one suite for all."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest

from octavo.cache.blobs import Blobs
from octavo.cache.elsewhere import Absent, Remote, Trouble
from octavo.cache.entry import VERSION, Entry, Piece
from octavo.cache.remotes import open_remote
from octavo.cache.shared import Shared
from octavo.digests import digest
from octavo.errors import Error
from projects import Folder

pytest.importorskip("obstore")

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest", "AWS_REGION": "us-east-1"}
SERVERS = ["folder", "file", "fsspec", "moto", "rclone-s3", "rclone-webdav"]


def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


@contextlib.contextmanager
def served(*command: str, at: int) -> Iterator[None]:
    """Run a server until it is no longer needed; its first answer is waited for."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(600):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", at), 1):
                    break
                assert server.poll() is None, f"{command[0]} did not start"
                time.sleep(0.1)
            yield
        finally:
            server.kill()


def found(name: str) -> str:
    path = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    number = port()
    with served(found("moto_server"), "-H", "127.0.0.1", "-p", str(number), at=number):
        url = f"http://127.0.0.1:{number}"
        with urllib.request.urlopen(urllib.request.Request(f"{url}/team", method="PUT"), timeout=60):
            yield url


@pytest.fixture(scope="module")
def rclone_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    number, folder = port(), tmp_path_factory.mktemp("s3")
    (folder / "team").mkdir()
    words = ["serve", "s3", "--addr", f"127.0.0.1:{number}", "--auth-key", "test,testtest"]
    with served(found("rclone"), *words, "--vfs-cache-mode", "off", str(folder), at=number):
        yield f"http://127.0.0.1:{number}"


@pytest.fixture(scope="module")
def rclone_webdav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    number, folder = port(), tmp_path_factory.mktemp("dav")
    with served(found("rclone"), "serve", "webdav", "--addr", f"127.0.0.1:{number}", str(folder), at=number):
        yield f"http://127.0.0.1:{number}"


@pytest.fixture(params=SERVERS)
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty remote; whatever else it needs is in the environment."""
    there = tmp_path / "there"
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    match request.param:
        case "folder":
            return str(there)
        case "file":
            return there.as_uri()
        case "fsspec":
            pytest.importorskip("fsspec")
            return f"local://{there}"
        case "moto":
            monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("moto"))
            return f"s3://team/{os.urandom(4).hex()}"
        case "rclone-s3":
            monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("rclone_s3"))
            return f"s3://team/{os.urandom(4).hex()}"
        case _:
            empty = f"{request.getfixturevalue('rclone_webdav')}/{os.urandom(4).hex()}"
            with urllib.request.urlopen(urllib.request.Request(empty, method="MKCOL"), timeout=60):
                return empty


@pytest.fixture
def remote(url: str, tmp_path: Path) -> Remote:
    return open_remote(url, str(tmp_path))


# ── the verbs


def test_what_is_written_can_be_read_found_and_listed(remote: Remote) -> None:
    assert remote.names("v1/actions/ab/x") == []
    remote.write("v1/actions/ab/x/one.json", b"one")
    remote.write("v1/actions/ab/x/two.json", b"two!")
    assert remote.read("v1/actions/ab/x/one.json") == b"one"
    assert sorted(remote.names("v1/actions/ab/x")) == ["v1/actions/ab/x/one.json", "v1/actions/ab/x/two.json"]
    size, written = remote.find("v1/actions/ab/x/two.json")
    assert size == 4
    assert abs(written - time.time()) < 60


def test_what_is_not_there_is_absent(remote: Remote, tmp_path: Path) -> None:
    with pytest.raises(Absent):
        remote.read("v1/nothing")
    with pytest.raises(Absent):
        remote.find("v1/nothing")
    with pytest.raises(Absent):
        remote.download("v1/nothing", str(tmp_path / "x"))


@pytest.mark.parametrize("size", [0, 1, (16 << 20) + 1], ids=["empty", "small", "in parts"])
def test_files_go_there_and_come_back(remote: Remote, tmp_path: Path, size: int) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes((os.urandom(1 << 16) * (size // (1 << 16) + 1))[:size])
    remote.upload("v1/blobs/ab/x", str(source))
    assert remote.find("v1/blobs/ab/x")[0] == size
    remote.download("v1/blobs/ab/x", str(target))
    assert target.read_bytes() == source.read_bytes()


def test_a_file_can_be_written_again(remote: Remote, tmp_path: Path) -> None:
    for text in ("one", "two"):
        (tmp_path / "source").write_text(text)
        remote.upload("v1/blobs/ab/x", str(tmp_path / "source"))
    assert remote.read("v1/blobs/ab/x") == b"two"
    remote.write("v1/a.json", b"one")
    remote.write("v1/a.json", b"one")
    remote.write("v1/a.json", b"two", new=False)
    assert remote.read("v1/a.json") == b"two"


def test_many_writers_of_one_name_leave_it_whole(remote: Remote, url: str, tmp_path: Path) -> None:
    data = os.urandom(1 << 20)
    (tmp_path / "source").write_bytes(data)

    def write(number: int) -> None:
        mine = open_remote(url, str(tmp_path))
        mine.upload("v1/blobs/ab/x", str(tmp_path / "source"))
        mine.write("v1/actions/a.json", b"entry")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(8)))
    assert remote.read("v1/blobs/ab/x") == data
    assert remote.read("v1/actions/a.json") == b"entry"


# ── a shared cache


def entry_of(data: bytes) -> Entry:
    piece = Piece(digest(data), len(data), {"": 0o644})
    return Entry("fit", digest("action"), {}, {"out": piece}, 1.0, "run", 1.0)


def test_blobs_are_there_before_the_entry_that_names_them(remote: Remote, tmp_path: Path) -> None:
    order: list[str] = []

    class Watched:
        """The real remote, with a list of what is written in which order."""

        def upload(self, name: str, source: str) -> None:
            remote.upload(name, source)
            order.append(name.split("/")[1])

        def write(self, name: str, data: bytes, new: bool = True) -> None:
            remote.write(name, data, new)
            order.append(name.split("/")[1])

        def __getattr__(self, name: str) -> Callable[..., object]:
            verb: Callable[..., object] = getattr(remote, name)
            return verb

    blobs = Blobs(tmp_path / "blobs")
    blobs.put(digest(b"data"), b"data")
    shared = Shared(Watched(), blobs)  # type: ignore[arg-type]
    shared.send(entry_of(b"data"))
    shared.close()
    assert order == ["blobs", "actions"]
    assert shared.notes == [] and shared.sent == 1
    assert shared.entries(digest("action")) == [entry_of(b"data")]


def test_a_result_whose_blob_is_damaged_here_is_not_sent(remote: Remote, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    blobs.put(digest(b"data"), b"data")
    Path(blobs.path(digest(b"data"))).chmod(0o644)
    Path(blobs.path(digest(b"data"))).write_bytes(b"atad")
    shared = Shared(remote, blobs)
    shared.send(entry_of(b"data"))
    shared.close()
    assert shared.entries(digest("action")) == []


def test_a_blob_that_is_damaged_there_is_missing_here_and_sent_anew(remote: Remote, tmp_path: Path) -> None:
    name, there = digest(b"data"), f"v{VERSION}/blobs/{digest(b'data')[:2]}/{digest(b'data')}"
    (tmp_path / "bad").write_bytes(b"atad")
    remote.upload(there, str(tmp_path / "bad"))
    blobs = Blobs(tmp_path / "blobs")
    shared = Shared(remote, blobs)
    shared.fetch([name])
    assert name not in blobs
    blobs.put(name, b"data")
    shared.send(entry_of(b"data"))
    shared.close()
    assert remote.read(there) == b"data"


# ── two clones of a project

STEPS = """
import os


def get(product, size):
    with open("ran.txt", "a") as log:
        log.write("get ")
    with open(product, "w") as file:
        file.write("x" * size)


def fit(product, upstream):
    with open("ran.txt", "a") as log:
        log.write("fit ")
    os.makedirs(product, exist_ok=True)
    with open(os.path.join(product, "w.txt"), "w") as file:
        file.write(open(upstream["get"]).read()[:10])
"""


def clone(path: Path, url: str, size: int = 10) -> Folder:
    path.mkdir()
    folder = Folder(path)
    folder.write("steps.py", STEPS)
    pipeline = f"""
        cache: {url}
        tasks:
          - {{source: steps.get, product: out/get.txt, params: {{size: {size}}}}}
          - {{source: steps.fit, product: out/model, upstream: get}}
        """
    folder.write("pipeline.yaml", dedent(pipeline))
    return folder


def test_what_one_clone_made_another_one_gets_without_running(url: str, tmp_path: Path) -> None:
    mine, yours = clone(tmp_path / "mine", url), clone(tmp_path / "yours", url)
    done = mine.octavo("build", "--remote")
    assert done.stdout.endswith("s\n") and "note" not in done.stdout and "2 done" in done.stdout, done.stdout
    done = yours.octavo("build", "--remote")
    assert "2 restored" in done.stdout, done.stdout
    assert not (yours.path / "ran.txt").exists()
    assert yours.read("out/model/w.txt") == "x" * 10
    assert "2 tasks fresh" in yours.octavo("build").stdout


def test_results_are_pushed_and_pulled_by_hand(url: str, tmp_path: Path) -> None:
    mine, yours = clone(tmp_path / "mine", url), clone(tmp_path / "yours", url)
    assert mine.octavo("build", "--no-cache").returncode == 0
    assert yours.octavo("cache", "pull").stdout == "0 restored, 1 not there (get), 1 waits (fit)\n"
    assert mine.octavo("cache", "push").stdout == "2 sent\n"
    assert yours.octavo("cache", "pull", "get").stdout == "1 restored\n"
    assert yours.octavo("cache", "pull").stdout == "1 restored, 1 fresh\n"
    assert not (yours.path / "ran.txt").exists()


def test_a_build_that_is_killed_while_it_sends_leaves_nothing_wrong(url: str, tmp_path: Path) -> None:
    size = 30_000_000
    mine, yours = clone(tmp_path / "mine", url, size), clone(tmp_path / "yours", url, size)
    command = [sys.executable, "-m", "octavo", "build", "--remote", "-q"]
    for wait in (0.05, 0.3):
        with subprocess.Popen(command, cwd=mine.path, start_new_session=True) as build:
            while not (mine.path / "out" / "model").exists() and build.poll() is None:
                time.sleep(0.01)
            time.sleep(wait)
            with contextlib.suppress(ProcessLookupError):
                os.kill(build.pid, signal.SIGKILL)
        done = yours.octavo("build", "--remote")
        assert done.returncode == 0, done.stderr
        assert yours.read("out/get.txt") == "x" * size
        assert yours.read("out/model/w.txt") == "x" * 10
        shutil.rmtree(yours.path / "out")
        shutil.rmtree(yours.path / ".octavo")
    assert mine.octavo("build", "--remote").returncode == 0


# ── trouble


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def test_a_server_that_is_not_there_costs_one_note(keys: None, tmp_path: Path) -> None:
    mine = clone(tmp_path / "mine", "s3://team/x")
    began = time.monotonic()
    done = mine.octavo("build", "--remote", env={"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port()}"})
    assert done.returncode == 0
    assert done.stdout.count("note: the remote cache was not used") == 1
    assert time.monotonic() - began < 30
    pushed = mine.octavo("cache", "push", env={"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port()}"})
    assert pushed.returncode == 2
    assert "the remote cache cannot be used" in pushed.stderr


def test_a_server_that_never_answers_costs_seconds_once(keys: None, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mine = clone(tmp_path / "mine", "s3://team/x")
        began = time.monotonic()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = mine.octavo("build", "--remote", env={"AWS_ENDPOINT_URL": address})
        assert done.returncode == 0
        assert done.stdout.count("note: the remote cache was not used") == 1
        assert time.monotonic() - began < 40


def test_a_bucket_that_is_not_there_is_one_note(keys: None, moto: str, tmp_path: Path) -> None:
    mine = clone(tmp_path / "mine", "s3://nobodys/x")
    done = mine.octavo("build", "--remote", env={"AWS_ENDPOINT_URL": moto})
    assert done.returncode == 0
    assert done.stdout.count("note: the remote cache was not used") == 1


def test_a_profile_of_aws_is_used(moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = a\naws_secret_access_key = b\n")
    (tmp_path / "config").write_text(f"[profile work]\nregion = us-east-1\nendpoint_url = {moto}\n")
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    remote = open_remote("s3://team/profile", str(tmp_path))
    remote.write("a.json", b"a")
    assert remote.read("a.json") == b"a"


def test_a_url_of_an_unknown_scheme_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Error, match="cannot be used"):
        open_remote("nonsense://somewhere", str(tmp_path))


def test_trouble_is_told_in_one_line(keys: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port()}")
    with pytest.raises(Trouble) as caught:
        open_remote("s3://team/x", str(tmp_path)).read("a")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250
