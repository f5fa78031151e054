"""The cache: a product of 1 GB saved and restored, beside cp; a hit check here and at a remote, beside a run.

Bars: a restore takes at most 3 times as long as cp.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from octavo import products
from octavo.cache.entry import Entry
from octavo.cache.local import Cache
from octavo.cache.remotes import open_remote
from octavo.cache.shared import Shared
from octavo.model import Product, Record, Source, Task

BAR = 3.0
DECLARED = {"source": "s"}


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Place:
    """A task with one product, in a folder of its own."""

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.file = root, root / name
        self.cache = Cache(root / "cache", root, size=1 << 40, largest=1 << 40)
        self.task = Task("t", "function", Source("t.py"), (Product(name),))

    def save(self) -> None:
        found = {self.file.name: products.digest(str(self.file)) or ""}
        began = time.perf_counter()
        kept = self.cache.save(self.task, DECLARED, Record("t", DECLARED, found, {}, "r", 1.0))
        assert isinstance(kept, Entry)
        self.took = time.perf_counter() - began

    def restore(self) -> None:
        here = self.cache.restore(self.task, DECLARED, lambda *_: True, lambda path: None, lambda: None)
        assert here


def large(root: Path, megabytes: int, rounds: int) -> float:
    """Compare a restore with cp, in turns; return the ratio."""
    place, block = Place(root, "large.bin"), os.urandom(1 << 20)
    with place.file.open("wb") as file:
        for _ in range(megabytes):
            file.write(block)
    place.save()
    copy = root / "copy.bin"

    def cp() -> None:
        subprocess.run(["cp", str(place.file), str(copy)], check=True)

    ratios, plain, restored = [], [], []
    for number in range(rounds + 1):
        copy.unlink(missing_ok=True)
        one = timed(cp)
        place.file.unlink()
        two = timed(place.restore)
        if number:  # the first round does not count
            plain.append(one)
            restored.append(two)
            ratios.append(two / one)
    ratio = statistics.median(ratios)
    ratios.sort()
    print(
        f"{megabytes} MB: cp {statistics.median(plain):.2f} s, restore {statistics.median(restored):.2f} s,"
        f" save {place.took:.2f} s; restore / cp, median (least–most): {ratio:.2f}"
        f" ({ratios[0]:.2f}–{ratios[-1]:.2f})"
    )
    print(f"bar: restore at most {BAR:.0f} times cp: {'met' if ratio <= BAR else 'not met'}")
    return ratio


def small(root: Path) -> None:
    """Time a hit and a miss, here and at a remote that is a folder."""
    place = Place(root, "small.txt")
    place.file.write_text("small")
    place.save()
    count = 200

    def hit() -> None:
        for _ in range(count):
            place.file.unlink()
            place.restore()

    def miss() -> None:
        for number in range(count):
            place.cache.restore(place.task, {"n": str(number)}, lambda *_: True, lambda _: None, lambda: None)

    print(
        f"a small product: hit {timed(hit) / count * 1e3:.2f} ms, miss {timed(miss) / count * 1e3:.2f} ms",
        end="",
    )
    try:
        place.cache.elsewhere = Shared(open_remote((root / "remote").as_uri(), str(root)), place.cache.blobs)
    except Exception as error:
        print(f"; no remote: {error}")
        return
    print(f", miss at a remote in a folder too {timed(miss) / count * 1e3:.2f} ms")
    place.cache.elsewhere.close()
    start = [
        sys.executable,
        "-c",
        "import sys; sys.path.insert(0, sys.argv[1]); import octavo.cache.remotes, obstore",
    ]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    source = str(Path(__file__).resolve().parent.parent / "src")
    bare = timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True, env=env))
    whole = timed(lambda: subprocess.run([*start, source], check=True, env=env))
    print(f"importing what a remote needs: {(whole - bare) * 1e3:.0f} ms")


#: A hit check as a build makes it, whole: imports, connection, list of the entries, the entry. Then the same by s3fs.
CHECK = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from octavo.cache.blobs import Blobs
from octavo.cache.remotes import open_remote
from octavo.cache.shared import Shared
assert not Shared(open_remote("s3://team/cache", "."), Blobs(Path("blobs"))).entries("0" * 64)
"""
BY_S3FS = """
import os, s3fs
store = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
assert not store.glob("team/cache/v1/actions/00/*.json")
"""


def at_s3(rounds: int) -> None:
    """Time a whole hit check at an S3 server on this machine, in a process of its own."""
    rclone = shutil.which("rclone", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if rclone is None:
        print("no rclone here: nothing is asked of an S3 server")
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    env = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "testtest",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{number}",
    }
    source = str(Path(__file__).resolve().parent.parent / "src")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "team").mkdir()
        words = [
            rclone,
            "serve",
            "s3",
            "--addr",
            f"127.0.0.1:{number}",
            "--auth-key",
            "test,testtest",
            folder,
        ]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                for _ in range(100):
                    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number), 1):
                        break
                    time.sleep(0.1)
                took: dict[str, list[float]] = {}
                for _ in range(rounds + 1):
                    for name, code in (("bare", "pass"), ("octavo", CHECK), ("s3fs", BY_S3FS)):
                        check = [sys.executable, "-c", code, source]
                        run = partial(subprocess.run, check, check=True, env=env, cwd=folder)
                        took.setdefault(name, []).append(timed(run))
            finally:
                server.kill()
    bare, ours, theirs = (statistics.median(took[name][1:]) for name in ("bare", "octavo", "s3fs"))
    print(
        f"a hit check at an S3 server, less the start of Python: {1e3 * (ours - bare):.0f} ms;"
        f" through s3fs {(theirs - bare) / (ours - bare):.0f} times as long"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small, to see that it runs")
    args = parser.parse_args()
    if args.quick:
        args.megabytes, args.rounds = 8, 1
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        ratio = large(Path(folder), args.megabytes, args.rounds)
    with tempfile.TemporaryDirectory() as folder:
        small(Path(folder))
    at_s3(args.rounds)
    return 0 if ratio <= BAR or args.quick else 1


if __name__ == "__main__":
    sys.exit(main())
