"""Files that the text of a command names: what counts as read where nobody can observe the command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from octavo.kinds.named import touch

FILES = (
    "data/a",
    "data/b",
    "data/c",
    "data/x.csv",
    "data/y.csv",
    "data/2024/q1.csv",
    "data/2025/q1.csv",
    "in.txt",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def named(text: str) -> set[str]:
    return {os.path.relpath(path) for path, _ in touch(text).stamps}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat data/a > out.txt", {"data/a"}),
        ("cat 'data/a' \"data/b\"", {"data/a", "data/b"}),
        ("cat data/{a,b}", {"data/a", "data/b"}),
        ("cat data/{a,2024/q1}{,.csv}", {"data/a", "data/2024/q1.csv"}),
        ("cat data/[ab]", {"data/a", "data/b"}),
        ("cat data/[!ab]", {"data/c"}),
        ("cat data/?.csv", {"data/x.csv", "data/y.csv"}),
        ("cat data/*.csv", {"data/x.csv", "data/y.csv"}),
        ("cat data/*/q1.csv", {"data/2024/q1.csv", "data/2025/q1.csv"}),
        ("sort <in.txt", {"in.txt"}),
        ('x <- read.csv(file.path("data", "x.csv"))', {"data/x.csv"}),
        ('x <- read.csv(file.path("data", year, "q1.csv"))', set[str]()),
        ('open(Path("data") / "y.csv")', {"data/y.csv"}),
        ("rm -rf /* * **/*", set[str]()),
        ("cat data/[", set[str]()),
        ("echo {{,}}", set[str]()),
    ],
)
def test_a_text_names_files(text: str, expected: set[str]) -> None:
    assert named(text) == expected


def test_a_pattern_is_matched_before_it_is_cut(folder: Path) -> None:
    many = folder / "many"
    many.mkdir()
    for number in range(300):
        (many / f"{number:03}.log").touch()
    (many / "zz.csv").touch()
    assert named("cat many/*.csv") == {"many/zz.csv"}
    assert len(named("cat many/*.log")) == 200
