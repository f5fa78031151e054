"""The names that are provided, and that their page says so."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import octavo.ploomber
from octavo.cli import VERBS
from octavo.process.ploomber_names import ELSEWHERE

NAMES = Path(__file__).parents[2] / "docs" / "design" / "ploomber-names.md"

MODULES = (
    *(
        "clients",
        "constants",
        "dag",
        "env",
        "exceptions",
        "executors",
        "io",
        "micro",
        "placeholders",
        "products",
    ),
    *("spec", "tasks", "testing.pandas", "testing.sql", "util", "validators"),
)


def provided() -> dict[str, list[str]]:
    """Return the public names of each module."""
    found = {"ploomber": sorted(octavo.ploomber.__all__)}
    for name in MODULES:
        module = importlib.import_module(f"octavo.ploomber.{name}")
        found[f"ploomber.{name}"] = sorted(module.__all__)
    return found


def listed() -> dict[str, list[str]]:
    """Return the names that the page of the design has in its table of what is provided."""
    rows = re.findall(r"^\| `(ploomber[\w.]*)` \| (`.+`) \|$", NAMES.read_text(), re.MULTILINE)
    return {module: sorted(re.findall(r"`(\w+)`", names)) for module, names in rows}


def test_the_page_lists_the_names_that_are_there() -> None:
    assert listed() == provided()


def test_the_page_says_what_to_use_for_names_that_are_not_there() -> None:
    rows = dict(re.findall(r"^\| `ploomber\.([\w.]+)` \| ([^`].*) \|$", NAMES.read_text(), re.MULTILINE))
    assert rows == ELSEWHERE


@pytest.mark.parametrize("module", sorted(provided()))
def test_every_listed_name_can_be_imported(module: str) -> None:
    found = importlib.import_module(module.replace("ploomber", "octavo.ploomber", 1))
    for name in provided()[module]:
        assert getattr(found, name) is not None


def test_the_commands_that_are_named_instead_are_there() -> None:
    named = {verb for way in ELSEWHERE.values() for verb in re.findall(r"\boctavo (\w+)", way)}
    assert {"status", "build"} <= named <= set(VERBS)
