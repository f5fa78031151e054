"""Published versions: whole or not there, never written again, and every change of one is found."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from octavo.errors import Error
from octavo.model import Json
from octavo.publishing import INDEX, MANIFEST, NOTEBOOK, Version, content, crate, is_version, manifest, proof
from octavo.publishing.shelf import FolderShelf, shelf
from octavo.publishing.standing import standing

CELLS: list[Json] = [
    {"cell_type": "markdown", "source": "# A", "metadata": {}},
    {"cell_type": "code", "source": "1 + 1", "metadata": {}, "outputs": [], "execution_count": 1},
]


def version(name: str = "1.0", at: str = "2026-01-01T00:00:00+00:00") -> Version:
    return Version("abc", name, "A", at, crate.code(CELLS), content(CELLS), "c0ffee")


def files(one: Version) -> dict[str, bytes]:
    said = {name: getattr(one, name) for name in ("title", "at", "code", "content", "commit")}
    cells = [{**cell, "metadata": {"octavo": {"sha256": crate.seen(cell)}}} for cell in CELLS]
    notebook = {
        "cells": cells,
        "metadata": {"octavo": {"published": said}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    found = {NOTEBOOK: json.dumps(notebook).encode(), "requirements.txt": b"numpy==1\n"}
    return {**found, MANIFEST: manifest(found)}


def test_a_version_is_listed_in_order_and_refused_a_second_time(tmp_path: Path) -> None:
    kept = FolderShelf(tmp_path / "published")
    kept.put(version(), files(version()))
    kept.put(version("1.1", "2026-01-02T00:00:00+00:00"), files(version("1.1")))
    assert [one.version for one in kept.versions("abc")] == ["1.0", "1.1"]
    assert kept.versions("other") == []
    assert kept.read(version(), "requirements.txt") == b"numpy==1\n"
    before = (tmp_path / "published/abc/1.0" / NOTEBOOK).stat()
    with pytest.raises(Error, match="published already"):
        kept.put(version(), {NOTEBOOK: b"other"})
    assert (tmp_path / "published/abc/1.0" / NOTEBOOK).stat() == before
    assert sorted(path.name for path in (tmp_path / "published/abc").iterdir()) == ["1.0", "1.1"]
    assert list(proof.changes(str(tmp_path / "published/abc/1.0"))) == []


def _killed(rename: Callable[[str, str], None], after: bool) -> Callable[[str, str], None]:
    def renamed(source: str, target: str) -> None:
        if after:
            rename(source, target)
        os.kill(os.getpid(), signal.SIGKILL)

    return renamed


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_leaves_the_whole_version_or_none_and_the_next_one_lists_it(
    tmp_path: Path, after: bool
) -> None:
    kept = FolderShelf(tmp_path)
    child = os.fork()
    if child == 0:
        os.rename = _killed(os.rename, after)  # type: ignore[assignment]
        kept.put(version(), files(version()))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    place = tmp_path / "abc/1.0"
    assert place.exists() == after
    assert not after or list(proof.changes(str(place))) == []
    assert kept.find("abc", "1.0") == (version() if after else None)
    later = version("1.1", "2026-01-02T00:00:00+00:00")
    kept.put(later, files(later))
    assert [one.version for one in kept.versions("abc")] == (["1.0", "1.1"] if after else ["1.1"])


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file": (lambda place: (place / "requirements.txt").write_text("x"), "requirements.txt was changed"),
    "one removed": (lambda place: (place / "requirements.txt").unlink(), "requirements.txt is missing"),
    "one added": (lambda place: (place / "extra.txt").write_text("x"), "extra.txt was added"),
    "a cell": (
        lambda place: (place / NOTEBOOK).write_text((place / NOTEBOOK).read_text().replace("1 + 1", "1 + 2")),
        f"{NOTEBOOK}: cell 2 was changed",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_of_a_version_is_told(tmp_path: Path, name: str) -> None:
    FolderShelf(tmp_path).put(version(), files(version()))
    place = tmp_path / "abc/1.0"
    for file in place.iterdir():
        file.chmod(0o644)
    change, says = CHANGES[name]
    change(place)
    assert says in list(proof.changes(str(place)))


def test_a_cell_that_was_changed_with_its_manifest_is_told_by_its_own_digest(tmp_path: Path) -> None:
    FolderShelf(tmp_path).put(version(), files(version()))
    place = tmp_path / "abc/1.0"
    for file in place.iterdir():
        file.chmod(0o644)
    (place / NOTEBOOK).write_text((place / NOTEBOOK).read_text().replace("1 + 1", "1 + 2"))
    (place / MANIFEST).write_bytes(
        manifest({name: (place / name).read_bytes() for name in (NOTEBOOK, "requirements.txt")})
    )
    assert list(proof.changes(str(place))) == [f"{NOTEBOOK}: cell 2 was changed"]


def test_where_a_notebook_stands_is_told_by_the_nearest_shelf(tmp_path: Path) -> None:
    source = tmp_path / "notebooks/a.ipynb"
    source.parent.mkdir()
    assert standing(str(source), "", CELLS) == ""
    assert standing(str(source), "abc", CELLS) == "draft"
    kept = FolderShelf(tmp_path / "published")
    kept.put(version(), files(version()))
    assert standing(str(source), "abc", CELLS) == "published as 1.0"
    edited = [*CELLS, {"cell_type": "code", "source": "2", "metadata": {}}]
    assert standing(str(source), "abc", edited) == "draft: changed since it was published as 1.0"
    later = Version("abc", "2.0", "A", "2026-02-01T00:00:00+00:00", crate.code(edited), "0", "")
    kept.put(later, files(later))
    copy = tmp_path / "published/abc/1.0" / NOTEBOOK
    assert standing(str(copy), "abc", CELLS) == "published as 1.0, superseded by 2.0"
    assert standing(str(source), "abc", edited) == "published as 2.0"


def test_what_a_pipeline_injects_is_not_the_notebooks_code() -> None:
    injected = {"cell_type": "code", "source": "n = 1", "metadata": {"tags": ["injected-parameters"]}}
    assert crate.code([CELLS[1], injected]) == crate.code(CELLS)
    assert content(CELLS) != content([CELLS[1]])


def test_versions_are_names_of_folders_and_cannot_lead_elsewhere() -> None:
    assert all(map(is_version, ("1.0", "2026.1", "1.0rc1", "v2+local")))
    assert not any(map(is_version, ("", ".", "..", "../1", "a/b", ".hidden", "1 0", "x" * 65)))


def test_an_index_that_is_damaged_is_made_anew_of_the_versions_that_are_there(tmp_path: Path) -> None:
    kept = FolderShelf(tmp_path)
    kept.put(version(), files(version()))
    (tmp_path / INDEX).write_text("{")
    later = version("1.1", "2026-01-02T00:00:00+00:00")
    kept.put(later, files(later))
    assert [one.version for one in kept.versions("abc")] == ["1.0", "1.1"]
    assert isinstance(shelf(str(tmp_path)), FolderShelf)


def test_a_shelf_behind_a_url_lists_a_version_when_all_of_it_is_there(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    kept = shelf((tmp_path / "team").as_uri())
    assert kept.versions("abc") == []
    for one in (version(), version("1.1", "2026-01-02T00:00:00+00:00")):
        kept.put(one, files(one))
    assert [one.version for one in kept.versions("abc")] == ["1.0", "1.1"]
    assert kept.read(version(), "requirements.txt") == b"numpy==1\n"
    # it is laid out as a folder is, and can be proved as one
    assert list(proof.changes(str(tmp_path / "team/abc/1.0"))) == []
    assert FolderShelf(tmp_path / "team").versions("abc") == kept.versions("abc")
    assert kept.find("abc", "2.0") is None


def test_a_version_whose_line_of_the_index_is_missing_is_found_behind_a_url(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    kept = shelf((tmp_path / "team").as_uri())
    kept.put(version(), files(version()))
    (tmp_path / "team" / INDEX).unlink()  # what a kill between the two leaves
    half = tmp_path / "team/abc/1.1"
    half.mkdir()
    (half / NOTEBOOK).write_bytes(b"{}")
    assert kept.versions("abc") == []
    assert kept.find("abc", "1.0") == version() and kept.find("abc", "1.1") is None
    assert [one.version for one in kept.versions("abc")] == ["1.0"]
