"""Whatever a task asks through links, steps back and folders that are swapped: another answer has a reason."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from octavo import parts
from octavo.model import ABSENT, Facts, Product, Source, Task
from octavo.parts import Now
from octavo.state.store import Store
from octavo.worker.observe import Observer
from octavo.worker.observe.stamps import now_of_files

NAMES = ("v1", "v2", "sub", "x", "y", "now", "other", "..")
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
#: Where links may be, and what they may lead to: folders, files, each other, nothing.
PLACES = st.sampled_from(["now", "other", "v1/now", "v2/now", "v1/sub/other", "v2/other"])
TARGETS = st.sampled_from(
    ["v1", "v2", "now", "other", "../v2", "../v1", "sub", "x", "../now", "..", "../v1/sub", "v2/sub", "gone"]
)
LINKS = st.dictionaries(PLACES, TARGETS, max_size=4)
FILES = ("v1/x", "v1/sub/y", "v2/x", "v2/sub/y")


def _read(path: str) -> object:
    with open(path) as file:  # noqa: PTH123
        return file.read()


def _read_from_folder(path: str) -> object:
    above, _, name = path.rpartition("/")
    folder = os.open(above or ".", os.O_RDONLY)
    try:
        with open(os.open(name, os.O_RDONLY, dir_fd=folder)) as file:  # noqa: PTH123
            return file.read()
    finally:
        os.close(folder)


def _entered(path: str) -> object:
    with contextlib.chdir(path):
        return sorted(os.listdir()), os.path.exists("x") and os.path.isfile("x") and _read("x")


def _ends(path: str) -> bool:
    """Return whether no links below lead in circles, where a search for all that is there would take for ever."""
    return not any(
        it.is_symlink()
        for it in (Path(at, name) for at, *names in os.walk(path) for name in [*names[0], *names[1]])
    )


ASK: Mapping[str, Callable[[str], object]] = {
    "read": _read,
    "read from a folder": _read_from_folder,
    "enter": _entered,
    "exists": os.path.exists,
    "lexists": os.path.lexists,
    "isdir": os.path.isdir,
    "isfile": os.path.isfile,
    "islink": os.path.islink,
    "getsize": lambda path: os.path.isfile(path) and os.path.getsize(path),
    "readlink": lambda path: os.readlink(path),
    "realpath": lambda path: os.path.relpath(os.path.realpath(path), os.path.realpath(".")),
    "resolve": lambda path: Path(path).resolve(strict=True).name,
    "listdir": lambda path: sorted(os.listdir(path)),
    "scandir": lambda path: sorted((it.name, it.is_dir(), it.is_symlink()) for it in os.scandir(path)),
    "walk": lambda path: sorted(map(str, os.walk(path))),
    "iterdir": lambda path: sorted(map(str, Path(path).iterdir())),
    "glob": lambda path: sorted(glob.glob(f"{path}/*")),
    "glob of a name": lambda path: sorted(glob.glob(f"{path}/*/[xy]")),
    "all below": lambda path: sorted(glob.glob(f"{path}/**", recursive=True)) if _ends(path) else "endless",
    "rglob": lambda path: sorted(map(str, Path(path).rglob("[xy]"))) if _ends(path) else "endless",
}


#: The system says in three ways that nothing is at a path: no name, no folder on the way, links in a circle.
_NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def _answer(how: str, path: str) -> str:
    try:
        return repr(ASK[how](path))
    except OSError as error:
        return "nothing" if error.errno in _NOTHING else type(error).__name__
    except RuntimeError as error:  # pathlib's word for a circle, up to Python 3.12
        return "nothing" if "loop" in str(error) else repr(error)


def _link(place: str, target: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(place)
    os.makedirs(os.path.dirname(place) or ".", exist_ok=True)
    os.symlink(target, place)


def _swap(one: str, other: str) -> None:
    os.rename(one, "between")
    os.rename(other, one)
    os.rename("between", other)


def _folder_for_link(place: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(place)
    os.makedirs(place)
    Path(place, "x").write_text("own")


CHANGES: st.SearchStrategy[tuple[Callable[..., None], tuple[str, ...]]] = st.one_of(
    st.tuples(st.just(_link), st.tuples(PLACES, TARGETS)),
    st.tuples(st.just(_swap), st.sampled_from([("v1", "v2"), ("v1/sub", "v2/sub"), ("v1/x", "v2/x")])),
    st.tuples(st.just(_folder_for_link), st.tuples(PLACES)),
    st.tuples(st.just(lambda path: Path(path).write_text("new one")), st.tuples(st.sampled_from(FILES))),
    st.tuples(st.just(os.unlink), st.tuples(st.sampled_from(FILES))),
    st.tuples(
        st.just(lambda path: Path(path).touch()), st.tuples(st.sampled_from(["v1/y", "v2/sub/z", "x"]))
    ),
)


@contextlib.contextmanager
def _project(links: Mapping[str, str]) -> Iterator[str]:
    """Make a folder with two versions of data and some links, and go there."""
    above = tempfile.mkdtemp(prefix="walked-")
    root = os.path.join(above, "1", "2", "3", "4", "project")  # paths and links may lead out of it
    os.makedirs(root)
    try:
        with contextlib.chdir(root):
            for path in FILES:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                Path(path).write_text(path)
            for place, target in links.items():
                _link(place, target)
            yield root
    finally:
        shutil.rmtree(above)


def _changed(store: Store, found: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return the parts that are not what they were."""
    now = Now(store)
    changed = []
    for part, (path, word) in found.items():
        row, what = parts.split(part)
        was = row.conclude(now, what, path, word) if row.conclude else word
        if (now(part, path) or ABSENT) != was:
            changed.append(part)
    return changed


@contextlib.contextmanager
def _observed(root: str) -> Iterator[Observer]:
    made = max(os.lstat(it).st_ctime_ns for it in Path(root).rglob("*"))
    while now_of_files() <= made:  # within a tick of that clock nobody knows what came first
        time.sleep(0.001)
    observer = Observer(root, frozenset(sys.modules))
    observer.start()
    try:
        yield observer
    finally:
        observer.stop()


_TASK = Task("make", "function", Source("steps.py", "steps.make", facts=Facts("")), (Product("out"),))


def _play(
    links: Mapping[str, str], how: str, path: str, change: Callable[..., None], to: tuple[str, ...]
) -> None:
    with _project(links) as root, contextlib.closing(Store(Path(root, ".octavo"), Path(root))) as store:
        with _observed(root) as observer:
            before = _answer(how, path)
        found = observer.discovered(_TASK)
        assert not (late := _changed(store, found)), f"{late} has changed, and nothing has"
        with contextlib.suppress(OSError):
            change(*to)
        after = _answer(how, path)
        assert before == after or _changed(store, found), (
            f"{before} became {after}, and none of {found} changed"
        )


def _one_file() -> None:
    os.unlink("v2/x")
    os.link("v1/x", "v2/x")


@pytest.mark.parametrize(
    ("ask", "change", "reason"),
    [
        (lambda: os.path.samefile("v1/x", "v2/x"), _one_file, "v1/x and v2/x are now the same file"),
        (lambda: Path("v1/x").samefile("v2/x"), _one_file, "v1/x and v2/x are now the same file"),
        (lambda: os.stat("v1/x").st_ino == os.stat("v2/x").st_ino, _one_file, "are now the same file"),
        (lambda: os.path.samestat(os.stat("v1/x"), os.stat("v2/x")), _one_file, "are now the same file"),
        (lambda: os.stat("v1/x").st_nlink, _one_file, "v1/x has links 2, not 1"),
        (lambda: Path("v1/x").stat().st_mode, lambda: os.chmod("v1/x", 0o640), "v1/x has mode 640, not 600"),
        (
            lambda: [it.stat().st_mode for it in os.scandir("v1")],
            lambda: os.chmod("v1/x", 0o640),
            "v1/x has mode 640, not 600",
        ),
        (lambda: stat.S_ISDIR(os.stat("v1/x").st_mode), lambda: os.chmod("v1/x", 0o640), ""),
    ],
)
def test_what_else_is_asked_of_files_has_a_reason(
    ask: Callable[[], object], change: Callable[[], None], reason: str
) -> None:
    with _project({}) as root, contextlib.closing(Store(Path(root, ".octavo"), Path(root))) as store:
        os.chmod("v1/x", 0o600)
        with _observed(root) as observer:
            ask()
        found = observer.discovered(_TASK)
        assert not _changed(store, found)
        change()
        now = Now(store)
        said = [str(parts.reason(it, found[it][1], now(it, found[it][0]))) for it in _changed(store, found)]
        assert bool(said) == bool(reason) and reason in "; ".join(said), said


_OF_ALL = given(links=LINKS, how=st.sampled_from(sorted(ASK)), path=PATHS, change=CHANGES)
_HOW = {"deadline": None, "database": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@_OF_ALL
@settings(max_examples=25, **_HOW)  # type: ignore[arg-type]
def test_another_answer_through_links_has_a_reason(
    links: dict[str, str], how: str, path: str, change: tuple[Callable[..., None], tuple[str, ...]]
) -> None:
    _play(links, how, path, *change)


@pytest.mark.nightly
@_OF_ALL
@settings(max_examples=5_000, **_HOW)  # type: ignore[arg-type]
def test_another_answer_through_links_has_a_reason_in_a_long_night(
    links: dict[str, str], how: str, path: str, change: tuple[Callable[..., None], tuple[str, ...]]
) -> None:
    _play(links, how, path, *change)
