"""The filter ``quote`` of templates: whatever is in a value, it stays one value."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octavo.errors import TemplateError
from octavo.model import Source, Task
from octavo.reading import quoting
from octavo.reading.templates import facts, render

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def rendered(kind: str, text: str, **params: object) -> str:
    said = facts(text, "t.txt", {"shell": "sh", "sql": "sql"}[kind])
    return render(Task("t", kind, Source("t.txt", text=text, facts=said), params=params), str(Path.cwd()))


@given(st.lists(TEXTS, min_size=1, max_size=5))
@settings(max_examples=30)
def test_a_shell_gets_the_very_words(words: list[str]) -> None:
    script = f"printf '%s\\0' {quoting.shell(words)}"
    said = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    assert said.decode().split("\0")[:-1] == words


@given(st.lists(TEXTS | st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=1, max_size=5))
def test_a_database_gets_the_very_values(values: list[object]) -> None:
    with sqlite3.connect(":memory:") as db:
        assert list(db.execute(f"SELECT {quoting.sql(values)}").fetchone()) == values


def test_templates_quote_for_their_language() -> None:
    assert rendered("shell", "rm {{name | quote}}", name="a; rm -rf b") == "rm 'a; rm -rf b'"
    assert rendered("shell", "echo {{name | quote}}", name="it's") == """echo 'it'"'"'s'"""
    assert rendered("sql", "x = {{name|quote}}", name="a' OR 1") == "x = 'a'' OR 1'"
    assert rendered("sql", "x IN ({{names | quote}}, {{flag | quote}})", names=["a", 2], flag=True) == (
        "x IN ('a', 2, TRUE)"
    )
    assert rendered("sql", "x IN ({{names | quote}})", names=[]) == "x IN (NULL)"
    assert facts("SELECT {{name | quote}}", "a.sql").params[0].name == "name"


@pytest.mark.parametrize("value", [{"a": 1}, "a\0b"])
def test_what_cannot_be_quoted_is_a_mistake_with_its_line(value: object) -> None:
    with pytest.raises(TemplateError, match="cannot be quoted") as caught:
        rendered("shell", "echo\necho {{x | quote}}", x=value)
    assert caught.value.where is not None
    assert caught.value.where.line == 2


def test_a_filter_that_is_not_there_is_a_mistake_with_its_line() -> None:
    ((message, place),) = facts("SELECT 1,\n{{name | qoute}}", "a.sql").mistakes
    assert "No filter named 'qoute'" in message
    assert str(place) == "a.sql:2"
