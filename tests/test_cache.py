"""The cache by itself: what it keeps, gives back, refuses, and sweeps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from octavo import products
from octavo.cache.blobs import Blobs, Missing, copy
from octavo.cache.entry import Entry, Piece, action, decode, encode, listed, listing, shape
from octavo.cache.local import MOST, Cache
from octavo.cache.reuse import amount
from octavo.cache.sweep import clear, gc, verify
from octavo.digests import digest
from octavo.model import UNSTABLE, Product, Record, Source, Task

DECLARED = {"source": "s", "param n": "1"}


class Place:
    """A project folder with one task, as a build would leave it."""

    def __init__(self, root: Path, *paths: str, size: int = 1 << 30, largest: int = 1 << 30) -> None:
        self.root = root
        self.cache = Cache(root / "cache", root, size=size, largest=largest)
        self.task = Task("fit", "function", Source("fit.py"), tuple(map(Product, paths or ("out.txt",))))
        self.begun = 0

    def digests(self) -> dict[str, str]:
        return {it.path: products.digest(str(self.root / it.path)) or "" for it in self.task.products}

    def save(
        self,
        declared: Mapping[str, str] = DECLARED,
        discovered: Mapping[str, tuple[str, str]] | None = None,
        always: bool = False,
    ) -> Entry | tuple[str, int] | None:
        found = discovered or {}
        table = {**declared, **{part: seen for part, (_, seen) in found.items()}}
        paths = {part: path for part, (path, _) in found.items()}
        return self.cache.save(
            self.task, declared, Record("fit", table, self.digests(), paths, "run", 2.5), always
        )

    def restore(
        self, declared: Mapping[str, str] = DECLARED, now: Mapping[str, str] | None = None
    ) -> Entry | None:
        def begin() -> None:
            self.begun += 1

        return self.cache.restore(
            self.task,
            declared,
            lambda part, path, was: (now or {}).get(path) == was,
            lambda path: products.digest(str(self.root / path)),
            begin,
        )

    def blob(self, path: str = "out.txt") -> Path:
        return Path(self.cache.blobs.path(self.digests()[path]))

    def files(self) -> set[str]:
        return {str(it.relative_to(self.cache.at)) for it in self.cache.at.rglob("*") if it.is_file()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "out.txt").write_text("one")
    return Place(tmp_path)


def damage(blob: Path, data: bytes) -> None:
    blob.chmod(0o644)
    blob.write_bytes(data)


# ── what is kept comes back


@pytest.mark.parametrize(
    "data", [b"", b"x", b"ab" * 700_000, b"abc" * 12_000_000], ids=["empty", "small", "large", "in parts"]
)
def test_a_file_comes_back_as_it_was(tmp_path: Path, data: bytes) -> None:
    place, file = Place(tmp_path), tmp_path / "out.txt"
    file.write_bytes(data)
    assert isinstance(place.save(), Entry)
    file.unlink()
    assert place.restore()
    assert file.read_bytes() == data


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600, 0o444])
def test_permissions_come_back(place: Place, mode: int) -> None:
    file = place.root / "out.txt"
    file.chmod(mode)
    place.save()
    file.unlink()
    assert place.restore()
    assert file.stat().st_mode & 0o777 == mode


def test_a_file_with_the_right_bytes_and_other_permissions_is_given_back_too(place: Place) -> None:
    file = place.root / "out.txt"
    file.chmod(0o755)
    place.save()
    file.chmod(0o644)
    assert place.restore()
    assert file.stat().st_mode & 0o777 == 0o755


def test_a_folder_comes_back_whole_and_without_what_was_not_in_it(tmp_path: Path) -> None:
    place, top = Place(tmp_path, "model"), tmp_path / "model"
    (top / "a" / "b").mkdir(parents=True)
    (top / "empty" / "inner").mkdir(parents=True)
    (top / "a" / "b" / "w.bin").write_bytes(b"w" * 10)
    (top / "run.sh").write_text("#!/bin/sh\n")
    (top / "run.sh").chmod(0o755)
    before = place.digests()
    assert isinstance(place.save(), Entry)
    (top / "a" / "b" / "w.bin").write_bytes(b"other")
    (top / "more.txt").write_text("more")
    assert place.restore()
    assert place.digests() == before
    assert {str(it.relative_to(top)) for it in top.rglob("*")} == {
        *("a", "a/b", "a/b/w.bin", "empty", "empty/inner", "run.sh")
    }
    assert (top / "run.sh").stat().st_mode & 0o777 == 0o755
    assert sorted(os.listdir(tmp_path)) == ["cache", "model"]


def test_an_empty_folder_comes_back(tmp_path: Path) -> None:
    place = Place(tmp_path, "model")
    (tmp_path / "model").mkdir()
    assert isinstance(place.save(), Entry)
    (tmp_path / "model").rmdir()
    assert place.restore()
    assert list((tmp_path / "model").iterdir()) == []


def test_a_product_that_is_right_already_is_left_alone(place: Place) -> None:
    place.save()
    before = products.stamp(str(place.root / "out.txt"))
    assert place.restore()
    assert products.stamp(str(place.root / "out.txt")) == before


def test_an_edit_of_the_product_does_not_reach_the_cache(place: Place) -> None:
    place.save()
    file, blob = place.root / "out.txt", place.blob()
    file.unlink()
    assert place.restore()
    with file.open("r+") as opened:
        opened.write("two")
    assert blob.read_text() == "one"


# ── hits and misses


def test_other_inputs_are_a_miss(place: Place) -> None:
    place.save()
    assert place.restore({**DECLARED, "param n": "2"}) is None
    assert place.begun == 0


def test_the_action_is_its_name_products_and_declared_parts_in_any_order() -> None:
    task = Task("fit", "function", Source("fit.py"), (Product("a"),))
    same = action(task, {"x": "1", "y": "2"})
    assert action(task, {"y": "2", "x": "1"}) == same
    others = [
        action(task, {"x": "1", "y": "3"}),
        action(task, {"x": "1"}),
        action(Task("fat", "function", Source("fit.py"), (Product("a"),)), {"x": "1", "y": "2"}),
        action(Task("fit", "function", Source("fit.py"), (Product("b"),)), {"x": "1", "y": "2"}),
        action(Task("fit", "function", Source("fit.py"), (Product("a", "key"),)), {"x": "1", "y": "2"}),
    ]
    assert len({same, *others}) == 6


def test_what_the_run_discovered_chooses_among_results(place: Place) -> None:
    file = place.root / "out.txt"
    for version in ("1", "2"):
        file.write_text(f"made with module {version}")
        place.save(discovered={"module m": ("m.py", version)})
    for version in ("1", "2", "1"):
        assert place.restore(now={"m.py": version})
        assert file.read_text() == f"made with module {version}"
    assert place.restore(now={"m.py": "3"}) is None
    assert place.restore(now={}) is None


def test_results_of_one_action_that_were_used_longest_ago_make_room(place: Place) -> None:
    for version in range(MOST + 3):
        place.save(discovered={"module m": ("m.py", str(version))})
        for path in place.cache.at.glob("actions/*/*/*.json"):
            os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns - 10**9))
    assert sum(1 for _ in place.cache.entries()) == MOST
    assert place.restore(now={"m.py": "0"}) is None
    assert place.restore(now={"m.py": str(MOST + 2)})


def test_the_same_result_twice_is_kept_once(place: Place) -> None:
    place.save()
    before = place.files()
    place.save()
    assert place.files() == before


# ── what is not kept


def test_what_changed_while_the_task_ran_is_not_kept(place: Place) -> None:
    assert place.save(discovered={"file a.csv": ("a.csv", UNSTABLE)}) is None
    assert place.files() == set()


def test_a_product_that_changed_since_its_record_is_not_kept(place: Place) -> None:
    record = Record("fit", DECLARED, {"out.txt": digest("other")}, {}, "run", 1.0)
    kept = place.cache.save(place.task, DECLARED, record)
    # a single file is not read once more: its lie is found out when it is given back
    (place.root / "out.txt").unlink()
    assert kept is None or place.restore() is None
    assert not (place.root / "out.txt").exists()


def test_a_folder_that_changed_since_its_record_is_not_kept(tmp_path: Path) -> None:
    place = Place(tmp_path, "model")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "w").write_text("1")
    record = Record("fit", DECLARED, {"model": "tree-" + digest("other")}, {}, "run", 1.0)
    assert place.cache.save(place.task, DECLARED, record) is None


def test_a_large_product_is_kept_only_if_that_is_wanted(tmp_path: Path) -> None:
    place = Place(tmp_path, largest=2)
    (tmp_path / "out.txt").write_text("one")
    assert place.save() == ("out.txt", 3)
    assert place.files() == set()
    assert isinstance(place.save(always=True), Entry)


def test_links_and_pipes_are_not_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to("../file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "two\nlines").write_text("x")
    assert [shape(str(tmp_path / name)) for name in ("link", "folder", "pipe", "odd", "nothing")] == [
        None
    ] * 5
    place = Place(tmp_path, "link")
    assert place.save() is None


def test_links_to_what_is_in_a_folder_are_given_back_as_links(tmp_path: Path) -> None:
    place, out = Place(tmp_path, "out"), tmp_path / "out"
    links = {
        "latest": "deep/b.csv",
        "newest": "latest",
        "deep/up": "../a.csv",
        "all": "deep",
        "gone": "no.csv",
    }

    def make() -> None:
        (out / "deep").mkdir(parents=True)
        for name in ("a.csv", "deep/b.csv"):
            (out / name).write_text(name)
        for name, to in links.items():
            (out / name).symlink_to(to)
        (out / "own").symlink_to(out / "a.csv")  # as a task would write it that knows its full path

    make()
    before = place.digests()
    assert isinstance(place.save(), Entry)
    shutil.rmtree(out)
    assert place.restore()
    assert place.digests() == before
    assert {name: os.readlink(out / name) for name in links} == links
    assert (os.readlink(out / "own"), (out / "newest").read_text()) == ("a.csv", "deep/b.csv")
    # what is there is looked at, links too
    (out / "latest").unlink()
    (out / "latest").write_text("deep/b.csv")
    assert place.restore() and (out / "latest").is_symlink()


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("link", "/etc/passwd"),
        ("link", "../../file"),
        ("link", "deep/../../file"),
        ("link", "dot/../../file"),
        ("link", "dot/../file"),
        ("deep/link", "../../file"),
        ("link", "a\nb"),
        ("link", "a//b"),
    ],
)
def test_a_link_that_may_lead_out_of_its_folder_is_neither_kept_nor_given_back(
    name: str, to: str, tmp_path: Path
) -> None:
    place, out = Place(tmp_path, "out"), tmp_path / "out"
    (out / "deep").mkdir(parents=True)
    (out / "dot").symlink_to(".")
    (out / "deep" / "a").write_text("a")
    entry = place.save()
    assert isinstance(entry, Entry)
    piece = entry.products["out"]
    forged = replace(entry, products={"out": replace(piece, links={**piece.links, name: to})})
    assert decode(encode(forged), forged.path) is None
    (out / name).symlink_to(to)
    assert shape(str(out)) is None and place.save({"other": "1"}) is None


def test_an_entry_whose_links_are_not_those_of_its_folder_is_a_miss(tmp_path: Path) -> None:
    place, out = Place(tmp_path, "out"), tmp_path / "out"
    out.mkdir()
    (out / "a").write_text("a")
    (out / "b").symlink_to("a")
    entry = place.save()
    assert isinstance(entry, Entry)
    place.cache.forget(entry)
    for links in ({}, {"b": "b"}, {"b": "a", "c": "a"}):
        piece = replace(entry.products["out"], links=links)
        place.cache.add(replace(entry, products={"out": piece}))
    shutil.rmtree(out)
    assert place.restore() is None and not out.exists()


def test_a_product_that_has_become_a_link_is_not_replaced(place: Place) -> None:
    place.save()
    file = place.root / "out.txt"
    file.rename(place.root / "elsewhere.txt")
    file.symlink_to("elsewhere.txt")
    (place.root / "elsewhere.txt").write_text("precious")
    assert place.restore() is None
    assert file.is_symlink() and file.read_text() == "precious"


# ── damage


@pytest.mark.parametrize("data", [b"", b"tne", b"on", b"one more"], ids=["empty", "changed", "short", "long"])
def test_a_damaged_blob_is_a_miss_and_is_removed(place: Place, data: bytes) -> None:
    place.save()
    blob, file = place.blob(), place.root / "out.txt"
    damage(blob, data)
    file.write_text("old")
    assert place.restore() is None
    assert file.read_text() == "old"
    assert not blob.exists()
    assert place.begun == 0
    assert sorted(os.listdir(place.root)) == ["cache", "out.txt"]


@pytest.mark.parametrize("harmed", [".sums", ""])
def test_a_large_blob_that_is_not_what_its_sums_say_is_a_miss(tmp_path: Path, harmed: str) -> None:
    place, file = Place(tmp_path), tmp_path / "out.txt"
    file.write_bytes(b"abc" * 12_000_000)
    place.save()
    blob = place.blob()
    path = blob.with_name(blob.name + harmed)
    path.chmod(0o644)
    with path.open("r+b") as opened:
        opened.seek(5)
        opened.write(b"!")
    file.unlink()
    # sums that cannot be read are done without; sums or bytes that differ are damage
    assert place.restore() is None
    assert not blob.exists()
    file.write_bytes(b"abc" * 12_000_000)
    assert isinstance(place.save(), Entry)
    file.unlink()
    assert place.restore()


def test_one_damaged_blob_of_two_replaces_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path, "a", "b")
    for name in "ab":
        (tmp_path / name).write_text(name)
    place.save()
    damage(place.blob("b"), b"?")
    for name in "ab":
        (tmp_path / name).write_text("old")
    assert place.restore() is None
    assert [(tmp_path / name).read_text() for name in "ab"] == ["old", "old"]
    for name in "ab":
        (tmp_path / name).write_text(name)
    assert isinstance(place.save(), Entry), "the next run mends it"
    (tmp_path / "a").unlink()
    assert place.restore()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"version": 1}', b"\xff", b"null"])
def test_a_damaged_entry_is_a_miss_and_is_removed(place: Place, data: bytes) -> None:
    place.save()
    [path] = place.cache.at.glob("actions/*/*/*.json")
    path.write_bytes(data)
    assert place.restore() is None
    assert not path.exists()


def test_an_entry_is_what_its_name_says(place: Place) -> None:
    entry = place.save()
    assert isinstance(entry, Entry)
    assert decode(encode(entry), entry.path) == entry
    plain = json.loads(encode(entry))
    plain["products"]["out.txt"]["digest"] = digest("forged")
    assert decode(json.dumps(plain).encode(), entry.path) is None


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../b", "", "a//b", "."])
def test_a_list_or_entry_that_leads_outside_is_none(name: str) -> None:
    assert listed(listing({name: digest("x")})) is None
    piece = Piece("tree-" + digest("x"), 0, {}, (name,))
    entry = Entry("t", digest("a"), {}, {"out": piece}, 0.0, "r", 0.0)
    assert decode(encode(entry), entry.path) is None


def test_an_entry_for_other_products_is_a_miss(place: Place) -> None:
    entry = place.save()
    assert isinstance(entry, Entry)
    [path] = place.cache.at.glob("actions/*/*/*.json")
    other = Entry("fit", entry.action, {}, {"/etc/x": entry.products["out.txt"]}, 0.0, "r", 0.0)
    path.unlink()
    place.cache.add(other)
    assert place.restore() is None


def test_what_a_killed_build_left_beside_a_product_is_in_nobodys_way(place: Place) -> None:
    place.save()
    (place.root / "out.txt").unlink()
    (place.root / "out.txt.restored.part").mkdir()
    (place.root / "out.txt.restored.part" / "x").write_text("left")
    killed = subprocess.Popen(["true"])
    killed.wait()
    for left in (f".out.txt.{killed.pid}-0123abcd.part", f".out.txt.{killed.pid}-89abcdef.part/x"):
        (place.root / left).parent.mkdir(exist_ok=True)
        (place.root / left).write_text("left")
    for path in place.root.glob(".out.txt.*"):
        os.utime(path, (0, 0))
    assert place.restore()
    assert place.root.joinpath("out.txt").is_file()
    # by such a name it may be somebody's
    assert sorted(os.listdir(place.root)) == ["cache", "out.txt", "out.txt.restored.part"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written_is_a_miss(place: Place) -> None:
    place.save()
    (place.root / "out.txt").unlink()
    place.root.chmod(0o555)
    try:
        assert place.restore() is None
    finally:
        place.root.chmod(0o755)


def test_a_product_below_a_file_is_a_miss(tmp_path: Path) -> None:
    place = Place(tmp_path, "out/a.txt")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").write_text("a")
    place.save()
    (tmp_path / "out" / "a.txt").unlink()
    (tmp_path / "out").rmdir()
    (tmp_path / "out").write_text("a file")
    assert place.restore() is None
    assert (tmp_path / "out").read_text() == "a file"


# ── the whole


def test_making_room_keeps_what_was_used_last(tmp_path: Path) -> None:
    place, file = Place(tmp_path), tmp_path / "out.txt"
    for number in range(5):
        file.write_text(str(number) * 100)
        entry = place.save({"n": str(number)})
        assert isinstance(entry, Entry)
        os.utime(place.cache.at / entry.path, (0, time.time() - 1000 + number))
    assert place.restore({"n": "0"})
    swept = gc(place.cache, size=250)
    assert (swept.entries, swept.size, swept.left, swept.left_size) == (3, 300, 2, 200)
    assert [bool(place.restore({"n": str(number)})) for number in range(5)] == [
        True,
        False,
        False,
        False,
        True,
    ]


def test_what_was_not_used_for_long_goes(tmp_path: Path) -> None:
    place, file = Place(tmp_path), tmp_path / "out.txt"
    for number, age in enumerate((0, 10, 20)):
        file.write_text(str(number))
        entry = place.save({"n": str(number)})
        assert isinstance(entry, Entry)
        os.utime(place.cache.at / entry.path, (0, time.time() - age * 86400))
    assert gc(place.cache, older=15 * 86400).entries == 1
    assert [bool(place.restore({"n": str(number)})) for number in range(3)] == [True, True, False]


def test_a_blob_that_two_results_share_stays_while_one_needs_it(place: Place) -> None:
    place.save({"n": "1"})
    old = place.save({"n": "2"})
    assert isinstance(old, Entry)
    os.utime(place.cache.at / old.path, (0, 1))
    assert gc(place.cache, older=100).entries == 1
    (place.root / "out.txt").unlink()
    assert place.restore({"n": "1"})


def test_a_young_blob_without_an_entry_is_spared(place: Place) -> None:
    name = digest("x")
    place.cache.blobs.put(name, b"x")
    gc(place.cache)
    assert name in place.cache.blobs
    os.utime(place.cache.blobs.path(name), (0, 1))
    gc(place.cache)
    assert name not in place.cache.blobs


def test_a_cache_that_has_grown_too_large_says_so_when_it_is_closed(tmp_path: Path) -> None:
    place, file = Place(tmp_path, size=250), tmp_path / "out.txt"
    for number in range(6):
        file.write_text(str(number) * 100)
        place.save({"n": str(number)})
        if place.cache.close():
            gc(place.cache)
    assert sum(it.stat().st_size for it in place.cache.at.glob("blobs/*/*")) <= 250
    assert place.restore({"n": "5"})


def test_everything_can_be_verified_and_cleared(tmp_path: Path) -> None:
    place = Place(tmp_path, "a", "b")
    for name in "ab":
        (tmp_path / name).write_text(name)
    place.save()
    checked = verify(place.cache)
    assert (checked.blobs, checked.damaged, checked.dropped) == (2, [], 0)
    damage(place.blob("a"), b"?")
    checked = verify(place.cache)
    assert (checked.damaged, checked.dropped) == ([digest("a")], 1)
    assert place.restore() is None
    place.save()
    assert clear(place.cache).entries == 1
    assert place.files() == set()
    assert place.restore() is None


def test_the_tally_tells_hits_misses_and_saved_seconds(place: Place) -> None:
    place.restore()
    place.save()
    place.restore()
    place.restore()
    place.cache.close()
    tally = Cache(place.root / "cache", place.root).tally()
    assert (tally.size, tally.hits, tally.misses, tally.seconds) == (3, 2, 1, 5.0)


def test_the_folder_is_private_and_marked_for_backups(place: Place) -> None:
    place.save()
    assert place.cache.at.stat().st_mode & 0o777 == 0o700
    assert (
        (place.cache.at / "CACHEDIR.TAG")
        .read_text()
        .startswith("Signature: 8a477f597d28d172789f06886806bc55")
    )


# ── blobs


def test_a_blob_that_is_not_there_is_missing(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    with pytest.raises(Missing):
        blobs.give(digest("x"), str(tmp_path / "x"))
    with pytest.raises(Missing):
        blobs.read(digest("x"))
    assert not blobs.sound(digest("x"))


def test_a_copy_is_a_file_of_its_own(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(os.urandom(3 << 20))
    copy(str(source), str(target))
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_ino != source.stat().st_ino
    with target.open("r+b") as opened:
        opened.write(b"changed")
    assert source.read_bytes()[:7] != b"changed"


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (2048, "2.0 kB"), (1 << 30, "1.0 GB"), (250 << 20, "250 MB")],
)
def test_sizes_are_said_as_people_say_them(size: int, words: str) -> None:
    assert amount(size) == words
