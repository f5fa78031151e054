"""The table of the parts of a manifest: what a reason says, what is looked at how, what a cache may match."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import octavo
from octavo import parts
from octavo.model import ABSENT, UNSTABLE, Reason
from octavo.state.store import Store


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (parts.reason("param n", "10", "50"), "param n 10 → 50"),
        (parts.reason("param n", None, "50"), "param n is new"),
        (parts.reason("param n", "10", None), "param n was removed"),
        (parts.reason("option cwd", "a", "b"), "option cwd a → b"),
        (parts.reason("source", "a", "b"), "source changed"),
        (parts.reason("source", "a", "b", "cells 3, 5"), "source changed (cells 3, 5)"),
        (parts.reason("source", UNSTABLE, "b"), f"source {UNSTABLE}"),
        (parts.reason("paths", "a", "b"), "the paths passed to it changed"),
        (parts.reason("module features.scaling", "a", "b"), "module features.scaling changed"),
        (parts.reason("module features.scaling", "a", None), "module features.scaling is gone"),
        (parts.reason("module features.scaling", UNSTABLE, "b"), f"module features.scaling {UNSTABLE}"),
        (parts.reason("file data.csv", "a", "b"), "file data.csv changed"),
        (parts.reason("file data.csv", "a", None), "file data.csv is gone"),
        (parts.reason("file data.csv", ABSENT, "b"), "file data.csv is new"),
        (parts.reason("file my data.csv", None, "b"), "file my data.csv is new"),
        (parts.reason("folder in", "a", "b"), "folder in has other files"),
        (parts.reason("package pandas", "2.1", "2.2"), "package pandas 2.1 → 2.2"),
        (parts.reason("package pandas", "2.1", None), "package pandas 2.1 → none"),
        (parts.reason("upstream clean[data]", "a", "b"), "upstream clean[data] changed"),
        (parts.reason("upstream clean", None, "b"), "upstream clean is new"),
        (parts.reason("upstream clean", "a", None), "upstream clean was removed"),
        (parts.reason("kernel", "python3", "ir"), "kernel python3 → ir"),
        (parts.reason("hook checks.fit", "a", "b"), "hook checks.fit changed"),
        (parts.reason("of a later version", "a", "b"), "of a later version changed"),
        (parts.PRODUCT.reason("out.csv", "a", None), "product out.csv is gone"),
        (parts.PRODUCT.reason("out.csv", None, "b"), "product out.csv is new"),
        (parts.PRODUCT.reason("out.csv", "a", "b"), "product out.csv was changed by hand"),
        (parts.PRODUCT.reason(".octavo/standing/db/t", "a", None), "product db/t is gone"),
        (parts.RECORD.reason("", None, "first run"), "first run"),
    ],
)
def test_a_reason_speaks_plainly(reason: Reason, words: str) -> None:
    assert str(reason) == words


def test_only_a_product_that_was_there_and_still_is_may_be_somebodys_work() -> None:
    edited = [it for it in parts.ROWS.values() if it.reason("x", "a", "b").edited]
    assert edited == [parts.PRODUCT, parts.STRANGER]  # what stood in its place before its first run
    assert not parts.PRODUCT.reason("x", "a", None).edited
    assert not parts.PRODUCT.reason("x", None, "b").edited


def test_a_part_of_another_version_is_never_the_same_and_never_restored() -> None:
    row, what = parts.split("moonphase of today")
    assert (what, row.look, row.cached) == ("of today", None, False)


def test_what_a_run_found_is_looked_at_as_it_is_now(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def f(): return 1\n\ndef g(): return 2\n")
    (tmp_path / "in").mkdir()
    found = {
        "file m.py": "m.py",
        "module m": "m.py",
        "hook m.f": "m.py",
        "folder in": "in",
        "package pytest": "pytest",
    }
    store = Store(tmp_path / ".octavo", tmp_path)
    try:
        was = {part: parts.Now(store)(part, path) for part, path in found.items()}
        assert all(was.values())
        (tmp_path / "m.py").write_text("def f(): return 1\n\ndef g(): return 3  # not 2\n")
        (tmp_path / "in" / "new.csv").write_text("")
        changed = {part for part, path in found.items() if parts.Now(store)(part, path) != was[part]}
        assert changed == {"file m.py", "module m", "folder in"}
        (tmp_path / "m.py").unlink()
        assert [parts.Now(store)(part, "m.py") for part in ("file m.py", "module m", "hook m.f")] == [
            None
        ] * 3
    finally:
        store.close()


def test_nobody_else_takes_the_names_of_parts_apart() -> None:
    source = Path(octavo.__file__).parent
    words = "|".join(parts.ROWS)
    cut = re.compile(rf"""with\(\(?["']({words}) ["']|prefix\(["']({words}) |f["']({words}) {{[^}}]*}}["']""")
    found = [
        f"{path.relative_to(source)}: {line.strip()}"
        for path in source.rglob("*.py")
        for line in path.read_text().splitlines()
        if path.parent.name != "parts" and cut.search(line)
    ]
    assert found == []
