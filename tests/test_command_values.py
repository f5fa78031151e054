"""Values and pairs on the command line: what papermill takes for them, and what YAML does."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from papermill.cli import _resolve_type

from octavo.compat.parameters import force, take, value
from octavo.errors import Error, SpecError


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("3", 3),
        ("-3", -3),
        ("1.5", 1.5),
        ("-1e-3", -0.001),
        ("true", True),
        ("False", False),
        ("null", None),
        ("", ""),
        ("no", "no"),
        ("on", "on"),
        ("Bern", "Bern"),
        ("2024-01-31", "2024-01-31"),
        ("12:30", "12:30"),
        ("[1, two]", [1, "two"]),
        ("[on, no, 1e5, 12:30, 010]", ["on", "no", 100000.0, "12:30", 10]),
        ('["on", true, null, "1"]', ["on", True, None, "1"]),
        ("{a: 1}", {"a": 1}),
        ('"5"', "5"),
        ("a b", "a b"),
        (" ", " "),
        ("--", "--"),
        ("-v", "-v"),
    ],
)
def test_a_value_means_what_it_means_in_yaml(text: str, meant: Any) -> None:
    assert value(text) == meant
    assert type(value(text)) is type(meant)


@pytest.mark.parametrize(
    "text", ["nan", "NaN", ".nan", "inf", "-inf", "+.inf", "-.Inf", "Infinity", "[.nan]"]
)
def test_what_is_no_number_or_infinite_is_a_float(text: str) -> None:
    found = value(text)
    found = found[0] if isinstance(found, list) else found
    assert isinstance(found, float)
    assert math.isnan(found) == ("nan" in text.lower())
    assert not math.isinf(found) or math.copysign(1, found) == (-1 if "-" in text else 1)


def test_a_value_that_begins_like_a_list_must_be_one() -> None:
    with pytest.raises(SpecError, match="not valid YAML"):
        value("[1")


#: Of which papermill takes the first for texts, as docs/coming-from-papermill.md says, and no more.
WORDS = ("true", "TRUE", "false", "FALSE", "null", "Null", "NULL", "~", ".nan", ".inf", "-.inf", "+.inf")


@given(st.one_of(st.text(max_size=8), st.floats().map(str), st.integers().map(str), st.sampled_from(WORDS)))
def test_a_value_is_what_papermill_takes_it_for(text: str) -> None:
    plain = text.strip()
    if plain.lower() in WORDS or plain in WORDS or plain[:1] in ("[", "{", '"'):
        return
    ours, theirs = value(text), _resolve_type(text)
    assert type(ours) is type(theirs)
    assert ours == theirs or (isinstance(theirs, float) and math.isnan(theirs) and str(ours) == "nan")


def test_two_words_are_taken_whatever_they_look_like() -> None:
    words = ["in.py", "-p", "f", "-1e-3", "out.ipynb", "-r", "s", "-v", "-p", "b", "--", "-p", "x=--y"]
    words += ["-p", "a=b", "--parameters", "k", "-p", "--", "--rest", "-p", "1"]
    taken = take(words, {"-p": "parameters", "-r": "raw", "--parameters": "parameters"})
    assert taken.pairs == {
        "parameters": [("f", "-1e-3"), ("b", "--"), ("x", "--y"), ("a", "b"), ("k", "-p")],
        "raw": [("s", "-v")],
    }
    assert taken.rest == ["in.py", "out.ipynb", "--", "--rest", "-p", "1"]


def test_an_environment_is_taken_and_what_lacks_a_value_is_told() -> None:
    taken = take(["--env--a", "-1", "--env--b--c=x", "--", "--env--d", "1"], {})
    assert taken.environment == {"a": "-1", "b.c": "x"}
    assert taken.rest == ["--", "--env--d", "1"]
    for words in (["-p"], ["-p", "n"]):
        with pytest.raises(Error, match="-p requires a name and a value"):
            take(words, {"-p": "parameters"})


def test_force_in_short_is_understood_where_no_file_follows(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params").write_text("n: 1")
    for words, meant in {
        "-f": "--force",
        "-f first": "--force first",
        "-f -j 1": "--force -j 1",
        "-f p.yaml": "-f p.yaml",
        "-f params": "-f params",
        "-f https://x.org/p": "-f https://x.org/p",
    }.items():
        assert " ".join(word for word, _ in force(words.split())) == meant
