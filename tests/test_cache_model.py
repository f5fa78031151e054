"""The cache against a dictionary: whatever is saved, damaged, swept and restored, it never gives a wrong byte."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from octavo import products
from octavo.cache.entry import Entry
from octavo.cache.local import Cache
from octavo.cache.sweep import clear, gc, verify
from octavo.model import Product, Record, Source, Task

TASK = Task("t", "function", Source("t.py"), (Product("file"), Product("folder")))
DATA = st.sampled_from([b"", b"a", b"b", b"long " * 5])
FILES = st.dictionaries(st.sampled_from(["x", "sub/y", "sub/z"]), DATA, max_size=3)
NUMBERS = st.integers(0, 3)


class Machine(RuleBasedStateMachine):
    """``known`` is what may come back: (declared, discovered) to the results that were saved under it."""

    blobs = Bundle("blobs")

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.cache = Cache(self.root / "cache", self.root)
        self.known: dict[tuple[int, int], list[tuple[bytes, dict[str, bytes], int]]] = {}
        self.whole = True  # nothing was damaged or swept since the last save of everything

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    # ── what is on disk

    def make(self, data: bytes, files: dict[str, bytes], mode: int) -> None:
        self.wipe()
        (self.root / "file").write_bytes(data)
        (self.root / "file").chmod(mode)
        (self.root / "folder").mkdir()
        for name, inner in files.items():
            (self.root / "folder" / name).parent.mkdir(exist_ok=True)
            (self.root / "folder" / name).write_bytes(inner)

    def wipe(self) -> None:
        (self.root / "file").unlink(missing_ok=True)
        shutil.rmtree(self.root / "folder", ignore_errors=True)

    def there(self) -> tuple[bytes, dict[str, bytes], int]:
        top = self.root / "folder"
        files = {str(it.relative_to(top)): it.read_bytes() for it in top.rglob("*") if it.is_file()}
        file = self.root / "file"
        return file.read_bytes(), files, file.stat().st_mode & 0o777

    def digest(self, path: str) -> str | None:
        return products.digest(str(self.root / path))

    # ── what happens

    @rule(
        target=blobs,
        n=NUMBERS,
        module=NUMBERS,
        data=DATA,
        files=FILES,
        mode=st.sampled_from([0o644, 0o755]),
    )
    def save(self, n: int, module: int, data: bytes, files: dict[str, bytes], mode: int) -> str:
        self.make(data, files, mode)
        found = {path: self.digest(path) or "" for path in ("file", "folder")}
        record = Record("t", {"n": str(n), "module m": str(module)}, found, {"module m": "m.py"}, "run", 1.0)
        entry = self.cache.save(TASK, {"n": str(n)}, record)
        assert isinstance(entry, Entry)
        self.known.setdefault((n, module), []).append((data, files, mode))
        return found["file"]

    @rule(
        n=NUMBERS, module=NUMBERS, beside=st.sampled_from(["nothing", "what is there", "a file in the way"])
    )
    def restore(self, n: int, module: int, beside: str) -> None:
        if beside != "what is there":
            self.wipe()
        if beside == "a file in the way":
            (self.root / "folder").write_bytes(b"in the way")
        entry = self.cache.restore(
            TASK,
            {"n": str(n)},
            lambda part, path, was: was == str(module),
            self.digest,
            lambda: None,
        )
        if entry is None:
            assert not (self.whole and (n, module) in self.known), "what was saved and not harmed is there"
        else:
            assert self.there() in self.known[n, module]
        if (self.root / "folder").is_file():
            (self.root / "folder").unlink()

    @rule(name=consumes(blobs), data=DATA)
    def damage(self, name: str, data: bytes) -> None:
        blob = Path(self.cache.blobs.path(name))
        if blob.exists():
            self.whole = False
            blob.chmod(0o644)
            blob.write_bytes(data)

    @rule(name=consumes(blobs))
    def lose(self, name: str) -> None:
        self.whole = False
        self.cache.blobs.remove(name)

    @rule(number=NUMBERS, cut=st.integers(0, 200))
    def damage_an_entry(self, number: int, cut: int) -> None:
        paths = sorted(self.cache.at.glob("actions/*/*/*.json"))
        if paths:
            self.whole = False
            path = paths[number % len(paths)]
            path.write_bytes(path.read_bytes()[:cut])

    @rule(size=st.integers(0, 60))
    def make_room(self, size: int) -> None:
        self.whole = False
        swept = gc(self.cache, size=size, grace=0)
        assert swept.left_size == sum(it.stat().st_size for it in self.cache.at.glob("blobs/*/*")) <= size

    @rule()
    def make_no_room(self) -> None:
        for _ in range(2):  # looking at one entry may remove a damaged blob that another one counts on
            before = {entry.name for entry, _ in self.cache.entries() if self.cache.has(entry)}
        gc(self.cache, grace=0)
        assert {entry.name for entry, _ in self.cache.entries()} == before

    @rule()
    def read_all(self) -> None:
        verify(self.cache)
        again = verify(self.cache)
        assert (again.damaged, again.dropped) == ([], 0)

    @rule()
    def empty(self) -> None:
        clear(self.cache)
        self.known, self.whole = {}, True

    @rule()
    def go_on_in_another_process(self) -> None:
        self.cache.close()
        self.cache = Cache(self.root / "cache", self.root)

    @invariant()
    def nothing_is_left_beside(self) -> None:
        assert not [name for name in os.listdir(self.root) if name.endswith(".part")]
        assert not list(self.cache.at.rglob("*.part"))


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestCache = Machine.TestCase
