"""What is set from outside and pasted unquoted into a script is noted, once for a task, and nothing else is."""

from __future__ import annotations

import pytest

from octavo.reading.templates import pasted
from projects import Folder

PIPELINE = """
tasks:
  - source: get.sh
    product: out/get.txt
    params: {number: 3, city: "{{city}}", home: "{{env.HOME}}", own: here}
"""


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("env.yaml", "city: Bern\nall: '{{env.HOME}}'\n")
    return folder


def script(*pasted: str) -> str:
    """Return a script that pastes some of the parameters, and quotes the others."""
    names = ("number", "city", "home", "own")
    used = [f"{{{{{name}}}}}" if name in pasted else f"{{{{{name} | quote}}}}" for name in names]
    return f"# get\necho {' '.join(used)} > {{{{product}}}}\n"


def notes(project: Folder, *arguments: str) -> list[str]:
    ended = project.octavo("status", *arguments)
    return [line for line in (ended.stdout + ended.stderr).splitlines() if "is set from outside" in line]


def test_a_value_of_the_command_line_that_is_pasted_is_noted(project: Folder) -> None:
    project.write("get.sh", script("city", "number", "own"))
    assert notes(project) == []
    (note,) = notes(project, "--env--city", "a; b")
    assert note.startswith('note: get.sh:2: "city" is set from outside and pasted as it is')
    assert "{{city | quote}}" in note
    assert notes(project, "--env--city", "a; b") == [note]  # also from memory
    (note,) = notes(project, "-p", "own=x")
    assert '"own"' in note


def test_numbers_stay_one_word_whatever_they_are(project: Folder) -> None:
    project.write("get.sh", script("number"))
    assert notes(project, "-p", "number=7") == []


def test_a_variable_of_the_environment_is_from_outside(project: Folder) -> None:
    project.write("get.sh", script("home"))
    assert len(notes(project)) == 1
    project.write("get.sh", script())
    assert notes(project) == []
    project.write("pipeline.yaml", PIPELINE.replace("env.HOME", "all"))
    project.write("get.sh", script("home"))
    assert len(notes(project)) == 1


def test_several_are_told_in_one_note(project: Folder) -> None:
    project.write("get.sh", script("home", "city"))
    (note,) = notes(project, "--env--city", "x")
    assert '"city" is set from outside and pasted as it is, and so is home' in note


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{x}}", [("x", 1)]),
        ("\n{{ x | upper }} {{x.y}} {{x[0]}} {{x ~ 'a'}}", [("x", 2)] * 4),
        ("{{x | quote}} {{ (x ~ 'a') | quote }} {{y}} {{product}}", []),
        ("{% if x == 'a' %}one{% endif %}{{ 'a' if x else 'b' }}", []),
        ("{{ x if y else 'b' }}", [("x", 1)]),
        ("{% for one in x %}\n{{one}}{{loop.index}}{% endfor %}", [("x", 2)]),
        ("{% for one in x %}{{one | quote}}{% endfor %}", []),
        ("{% for a, b in x.items() %}{{b}}{% endfor %}", [("x", 1)]),
        ("{# {{x}} #}{% raw %}{{x}}{% endraw %}", []),
    ],
)
def test_what_a_template_pastes(text: str, found: list[tuple[str, int]]) -> None:
    assert list(pasted(text, ["x"])) == found
