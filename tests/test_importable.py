"""Names found in folders, compared with what Python's own finder finds there."""

from __future__ import annotations

from importlib import machinery
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octavo.reading.importable import PACKAGES, STANDARD, SUFFIXES, Folder, changes, installed, outcome

NAMES = ("a", "b", "json", "os")
ENDS = ("", ".py", ".pyc", SUFFIXES[0], ".so", ".txt", ".dist-info")
LOADERS = (
    (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
    (machinery.SourceFileLoader, machinery.SOURCE_SUFFIXES),
    (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
)
trees = st.sets(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(ENDS), st.sampled_from(["file", "folder"])), max_size=6
)
inner = st.sets(
    st.sampled_from(["__init__.py", "__init__.pyc", f"__init__{SUFFIXES[0]}", "c.py"]), max_size=3
)


def made(at: Path, tree: set[tuple[str, str, str]], within: set[str]) -> Path:
    for name, end, what in tree:
        path = at / (name + end)
        if path.exists():
            continue
        if what == "file":
            path.touch()
            continue
        path.mkdir()
        for file in within:
            (path / file).touch()
    return at


@settings(deadline=None)
@given(trees, inner)
def test_a_name_is_found_where_python_finds_it(
    tmp_path_factory: pytest.TempPathFactory, tree: set[tuple[str, str, str]], within: set[str]
) -> None:
    at = made(tmp_path_factory.mktemp("it"), tree, within)
    folder, finder = Folder(str(at)), machinery.FileFinder(str(at), *LOADERS)
    for name in (*NAMES, "c"):
        spec = finder.find_spec(name)
        if spec is None:
            expected = ""
        elif spec.origin is None:
            expected = f"{name}/"
        else:
            expected = str(Path(spec.origin).relative_to(at))
        assert folder.find(name) == expected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tree = {("a", ".py", "file"), ("json", ".py", "file"), ("numpy", "", "folder"), ("data", "", "folder")}
    return made(tmp_path, tree, {"__init__.py"})


def test_only_names_that_were_asked_for_count(folder: Path) -> None:
    def found(*asked: str) -> list[str]:
        return outcome(Folder(str(folder)), asked, lambda: {"numpy", "pandas"}).split()

    assert found() == found("b") == []
    assert found("a", "b") == ["a.py"]
    assert found("a", STANDARD) == ["a.py", "json.py"]
    assert found(PACKAGES) == ["numpy/__init__.py"]
    (folder / "data/__init__.py").unlink()
    assert found("data") == []
    assert found("data/") == ["data/"]
    (folder / "numpy/__init__.py").unlink()
    assert found(PACKAGES) == []


def test_a_folder_that_is_not_there_has_no_modules(folder: Path) -> None:
    assert outcome(Folder(str(folder / "none")), ["a", STANDARD], set) == ""
    (folder / "link").symlink_to("link")
    (folder / "gone.py").symlink_to("nowhere")
    assert Folder(str(folder)).find("gone") == Folder(str(folder)).find("link") == ""


def test_changes_are_told_by_name() -> None:
    assert changes("a.py\nb/", "a/__init__.py\nc.py") == {
        "a": ("a.py", "a/__init__.py"),
        "b": ("b/", ""),
        "c": ("", "c.py"),
    }
    assert changes("", "a.py") == {"a": ("", "a.py")}
    assert changes("a.py", "a.py") == {}


def test_what_is_installed_has_names(folder: Path) -> None:
    assert installed([str(folder), str(folder / "none")]) == {"a", "data", "json", "numpy"}
