"""What every kind of task must do, whichever it is."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import octavo
from octavo.kinds import CLASSES, ROWS, Kind, members
from octavo.model import Facts, Product, Source, Task

KINDS = sorted(members.KINDS)
SOURCES = {
    "notebook": ("a.py", b'# %% tags=["parameters"]\nupstream = ["one"]\n'),
    "script": ("a.py", b'# %% tags=["parameters"]\nupstream = ["one"]\n'),
    "function": ("a.py", b"def f(product, upstream):\n    upstream['one']\n"),
    "shell": ("a.sh", b"cat {{upstream.one}} > {{product}}\n"),
    "sql": ("a.sql", b"select * from {{upstream['one']}}\n"),
    "dump": ("a.sql", b"select * from {{upstream['one']}}\n"),
    "transfer": ("a.sql", b"select * from {{upstream['one']}}\n"),
}


@pytest.fixture(params=KINDS)
def named(request: pytest.FixtureRequest) -> tuple[str, Kind]:
    return request.param, members.kind(request.param)


def test_every_class_of_the_dialect_is_a_kind_and_every_kind_has_one() -> None:
    assert set(CLASSES.values()) == set(KINDS)
    assert set(ROWS) == set(KINDS)


def test_nobody_else_asks_for_kinds_by_their_names() -> None:
    source = Path(octavo.__file__).parent
    names = "|".join(KINDS)
    asked = re.compile(
        rf"""\bkind\)? (==|!=|in|not in) \(?["{{]?["']?({names})["']|task\.kind (==|!=|in|not in) """
    )
    found = [
        f"{path.relative_to(source)}: {line.strip()}"
        for path in source.rglob("*.py")
        for line in path.read_text().splitlines()
        if path.parent.name != "kinds" and asked.search(line)
    ]
    assert found == []


def test_reading_says_what_it_needs_and_its_code_counts(named: tuple[str, Kind]) -> None:
    name, kind = named
    path, data = SOURCES.get(name, ("data.csv", b"a,b\n"))
    source = Source(path, "a.f" if name == "function" else None)
    found = kind.facts(source, data)
    assert isinstance(found, Facts) and not found.mistakes
    if name in SOURCES:
        assert found.upstream == ("one",)
        assert found.digest != kind.facts(source, data.replace(b"one", b"two")).digest


def test_what_it_wants_imported_ahead_can_be(named: tuple[str, Kind]) -> None:
    name, kind = named
    for module in kind.preload(Task("a", name, Source("a.py"))):
        importlib.import_module(module)


def test_without_a_report_there_is_nothing_to_refresh(named: tuple[str, Kind], tmp_path: Path) -> None:
    name, kind = named
    assert kind.refresh(Task("a", name, Source("a.py"), (Product("out.csv"),)), str(tmp_path)) is None
