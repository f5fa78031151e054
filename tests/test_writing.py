"""The one way in which files are written: what stands at their place stays what it is."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from octavo.products import digest, special, writing


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    writing.write(path, [b"one ", b"two"])
    assert path.read_bytes() == b"one two"
    with pytest.raises(ZeroDivisionError), writing.beside(path) as part:
        Path(part).write_text("half")
        assert path.read_bytes() == b"one two"
        raise ZeroDivisionError
    assert path.read_bytes() == b"one two"
    assert names(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755, 0o444])
def test_a_file_keeps_its_permissions(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")
    path.chmod(mode)
    with writing.beside(path) as part:
        # nobody may look into it before it is there, either
        assert stat.S_IMODE(os.stat(part).st_mode) == mode
        if mode & 0o200 or os.geteuid() == 0:
            Path(part).write_text("new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")
    os.chown(path, 1234, 4321)
    writing.write(path, [b"new"])
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


def test_a_new_file_has_the_permissions_that_the_user_gives_new_files(tmp_path: Path) -> None:
    writing.write(tmp_path / "ours", [b""])
    (tmp_path / "theirs").touch()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_written_through(absolute: bool, there: bool, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "real.txt", tmp_path / "link.txt"
    if there:
        target.write_text("old")
        target.chmod(0o600)
    link.symlink_to(target if absolute else "elsewhere/real.txt")
    writing.write(link, [b"new"])
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert not there or stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names(tmp_path / "elsewhere") == ["real.txt"]


@pytest.mark.parametrize(
    "kept",
    [
        ".git/annex/objects/Xk/8J/SHA256E-s5--ab/SHA256E-s5--ab",
        ".dvc/cache/files/md5/5d/41402abc4b2a76b9719d911017c592",
        "shared-cache/files/md5/5d/41402abc4b2a76b9719d911017c592",
        "store/ab/cdef0123456789abcdef0123456789abcdef.csv",
    ],
)
def test_a_link_into_the_store_of_another_tool_is_replaced_and_what_it_keeps_is_not(
    kept: str, tmp_path: Path
) -> None:
    target, link = tmp_path / kept, tmp_path / "data.csv"
    target.parent.mkdir(parents=True)
    target.write_text("old")
    link.symlink_to(target)
    writing.write(link, [b"new"])
    assert not link.is_symlink()
    assert (link.read_text(), target.read_text()) == ("new", "old")


def test_a_link_to_what_nobody_may_write_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "kept.csv", tmp_path / "data.csv"
    target.write_text("old")
    target.chmod(0o444)
    link.symlink_to(target)
    writing.write(link, [b"new"])
    assert (link.read_text(), target.read_text()) == ("new", "old")
    assert link.stat().st_mode & 0o200


def test_a_hard_link_of_another_tool_is_not_written_through(tmp_path: Path) -> None:
    kept, path = tmp_path / "kept", tmp_path / "out.txt"
    kept.write_text("old")
    os.link(kept, path)
    writing.write(path, [b"new"])
    assert (path.read_text(), kept.read_text()) == ("new", "old")


def as_device(path: Path) -> None:
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # another /dev/null


def as_socket(path: Path) -> None:
    here = os.open(".", os.O_RDONLY)
    os.chdir(path.parent)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.fchdir(here)
        os.close(here)


MAKERS = [
    pytest.param(
        as_device,
        "a device",
        marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices"),
        id="device",
    ),
    pytest.param(lambda path: os.mkfifo(path), "a named pipe", id="pipe"),
    pytest.param(as_socket, "a socket", id="socket"),
]


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize(("make", "words"), MAKERS)
def test_what_is_no_file_is_refused_and_stays(
    make: Callable[[Path], None], words: str, linked: bool, tmp_path: Path
) -> None:
    real = path = tmp_path / "it"
    make(real)
    if linked:
        path = tmp_path / "link"
        path.symlink_to(real)
    before = names(tmp_path), real.lstat()
    assert special(path) == words
    assert writing.refusal(path) == f"it is {words}"
    with pytest.raises(OSError, match=f"it is {words}"):
        writing.write(path, [b"new"])
    # nor is it read: a pipe would be waited for, and a device has no end
    with pytest.raises(OSError, match=f"it is {words}"):
        digest(str(path))
    after = real.lstat()
    assert (names(tmp_path), after.st_mode, after.st_ino) == (before[0], before[1].st_mode, before[1].st_ino)


def test_a_socket_is_refused_by_whatever_name(tmp_path: Path) -> None:
    as_socket(tmp_path / "it")
    with pytest.raises(OSError, match="it is a socket"):
        writing.write(tmp_path / "it", [b"new"], named=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_that_the_user_names_is_written_into(tmp_path: Path) -> None:
    as_device(tmp_path / "null")
    (tmp_path / "link").symlink_to("null")
    for name in ("null", "link"):
        writing.write(tmp_path / name, [b"new"], named=True)
    assert stat.S_ISCHR((tmp_path / "null").stat().st_mode)
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path) == ["link", "null"]


def test_a_pipe_that_the_user_names_gets_all_of_it_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found: list[bytes] = []
    reader = Thread(target=lambda: found.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    writing.write(tmp_path / "pipe", [b"a" * 100_000, b"b"], named=True)
    reader.join()
    assert found == [b"a" * 100_000 + b"b"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_what_is_open_already_is_added_to(tmp_path: Path) -> None:
    code = """
import sys
from octavo.products import writing
sys.stderr.write("before ")
sys.stderr.flush()
writing.write("/dev/stderr", [b"ours "], named=True)
sys.stderr.write("after")
"""
    with (tmp_path / "log").open("wb") as log:
        subprocess.run([sys.executable, "-c", code], stderr=log, check=True)
    assert (tmp_path / "log").read_bytes() == b"before ours after"
    assert names(tmp_path) == ["log"]


def test_what_is_read_while_it_is_written_is_added_to_until_it_is_cut_off(tmp_path: Path) -> None:
    path, link = tmp_path / "log", tmp_path / "link"
    path.write_text("old ")
    path.chmod(0o600)
    link.symlink_to("log")
    for name in (path, link):  # two of them write in turns, and over nothing of each other
        file = writing.stream(name)
        os.write(file, b"new ")
        os.close(file)
    assert path.read_text() == "old new new "
    file = writing.stream(link)
    writing.cut(link, file)
    os.write(file, b"anew")
    os.close(file)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode), link.is_symlink()) == ("anew", 0o600, True)


def test_what_others_write_to_is_not_cut_off(tmp_path: Path) -> None:
    code = """
import os
from octavo.products import writing
file = writing.stream("/dev/stdout")
writing.cut("/dev/stdout", file)
os.write(file, b"ours")
"""
    (tmp_path / "log").write_text("before ")
    with (tmp_path / "log").open("ab") as log:
        subprocess.run([sys.executable, "-c", code], stdout=log, check=True)
    assert (tmp_path / "log").read_text() == "before ours"


def test_a_folder_is_emptied_and_what_a_link_leads_to_is_not(tmp_path: Path) -> None:
    for name in ("ours", "theirs", "bare"):
        (tmp_path / name).mkdir()
    (tmp_path / "ours" / "part.csv").touch()
    (tmp_path / "theirs" / "raw.csv").touch()
    (tmp_path / "to_theirs").symlink_to("theirs")
    (tmp_path / "to_bare").symlink_to("bare")
    (tmp_path / "file").touch()
    for name in ("ours", "to_theirs", "to_bare", "file", "new/folder"):
        writing.empty(tmp_path / name)
        assert names(tmp_path / name) == []
    assert names(tmp_path / "theirs") == ["raw.csv"]
    assert (tmp_path / "to_bare").is_symlink()


@pytest.mark.parametrize(("make", "words"), MAKERS)
def test_whether_a_file_can_be_written_is_known_before(
    make: Callable[[Path], None], words: str, tmp_path: Path
) -> None:
    make(tmp_path / "it")
    with pytest.raises(OSError, match=f"it is {words}"):
        writing.check(tmp_path / "it")
    if words != "a socket":
        writing.check(tmp_path / "it", named=True)
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "none" / "out"):
        with pytest.raises(OSError, match=r"Is a directory|No such file"):
            writing.check(path)
    writing.check(tmp_path / "out")
    (tmp_path / "old").write_text("old")
    writing.check(tmp_path / "old")
    assert (names(tmp_path), (tmp_path / "old").read_text()) == (["folder", "it", "old"], "old")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
def test_what_cannot_be_written_is_told_by_its_own_name() -> None:
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        writing.write("/dev/full", [b"new"], named=True)
    with pytest.raises(OSError, match="/proc/none/out'"):
        writing.write("/proc/none/out", [b"new"], named=True)


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(IsADirectoryError):
        writing.write(tmp_path / "out", [b"new"], named=True)
    assert names(tmp_path) == ["out"]


def test_the_longest_name_that_a_file_can_have_is_written(tmp_path: Path) -> None:
    writing.write(tmp_path / ("ä" * 127), [b"new"])
    assert names(tmp_path) == ["ä" * 127]


def test_only_what_a_dead_writer_of_this_file_left_is_swept(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    dead = int(ended.stdout)
    left = [f".out.csv.{dead}-0123abcd.part", f".out.csv.{os.getpid()}-0123abcd.part"]
    others = ["out.csv.part", f".other.csv.{dead}-0123abcd.part", f".out.csv.{dead}-x.part", ".out.csv.swp"]
    for name in (*left, *others):
        (tmp_path / name).write_text("somebody's")
        os.utime(tmp_path / name, (1, 1))
    writing.sweep(tmp_path / "out.csv")
    assert names(tmp_path) == sorted([left[1], *others])
