"""Every scenario of staleness, against builds from nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from staleness.builder import Mixed
from staleness.scenarios import (
    Scenario,
    asked,
    between,
    children,
    documents,
    forked,
    functions,
    hands,
    indirect,
    links,
    made,
    names,
    native,
    play,
    programs,
    together,
    values,
)

#: All tables.
TABLES: Mapping[str, Mapping[str, Scenario]] = {
    "values": values.SCENARIOS,
    "functions": functions.SCENARIOS,
    "indirect": indirect.SCENARIOS,
    "names": names.SCENARIOS,
    "links": links.SCENARIOS,
    "asked": asked.SCENARIOS,
    "between": between.SCENARIOS,
    "made": made.SCENARIOS,
    "documents": documents.SCENARIOS,
    "native": native.SCENARIOS,
    "forked": forked.SCENARIOS,
    "children": children.SCENARIOS,
    "hands": hands.SCENARIOS,
    "together": together.SCENARIOS,
}
ALL = {f"{table}: {name}": it for table, rows in TABLES.items() for name, it in rows.items()}


@pytest.fixture(autouse=True)
def byte_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python write byte code, which is one of the things that may be stale."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)


@pytest.fixture(scope="module", autouse=True)
def warm() -> Iterator[None]:
    """End the warm server after the last scenario."""
    yield
    Mixed.end()


@pytest.mark.parametrize("name", ALL)
def test_a_build_after_a_change_is_as_one_from_nothing(name: str, tmp_path: Path) -> None:
    play(ALL[name], tmp_path)


@dataclass(frozen=True)
class Played:
    """What the program of all rows did: whether tasks ran in its runs, and what they made, here and from nothing."""

    ran: list[dict[str, bool]]
    made: list[dict[str, str]]
    from_nothing: list[dict[str, str]]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("programs")
    ran, made = [], []
    for seed, version in enumerate((1, 1, 2, 2, 1)):
        ran.append(programs.run(folder / "here", version, seed))
        made.append(programs.made(folder / "here"))
    for version in (1, 2):
        programs.run(folder / str(version), version, 99)
    return Played(ran, made, [programs.made(folder / str(version)) for version in (1, 2)])


@pytest.mark.parametrize("name", programs.ROWS)
def test_a_program_that_changed_makes_what_a_new_one_makes(name: str, program: Played) -> None:
    first, again, changed, rested, _ = (ran[name] for ran in program.ran)
    before, after = (made[name] for made in program.from_nothing)
    counts = programs.ROWS[name].counts
    assert (before != after) == counts, "the row is none: its change is not what it says"
    # the program's other lines changed too, which is a reason to run for all of its tasks
    assert (first, again, changed, rested) == (True, False, True, False)
    assert [made[name] for made in program.made] == [before, before, after, after, before]
