"""Words, numbers and widths as a terminal shows them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo import single
from octavo.show import inputs
from octavo.show.screen import columns, cut, flat, pad, screen, seconds, several, visible


class Tty(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "terminal", "colour", "live"),
    [
        ({"TERM": "xterm"}, True, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True, True),
        ({"TERM": "dumb"}, True, False, False),
        ({}, True, False, False),
        ({"TERM": "xterm"}, False, False, False),
        ({"TERM": "xterm", "FORCE_COLOR": "1"}, False, True, False),
        ({"FORCE_COLOR": "0"}, False, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False, False),
    ],
)
def test_colour_is_for_terminals_and_those_who_ask(
    environ: dict[str, str], terminal: bool, colour: bool, live: bool
) -> None:
    found = screen(Tty() if terminal else io.StringIO(), environ)
    assert (found.colour, found.live) == (colour, live)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0.00 s"),
        (0.0512, "0.05 s"),
        (0.996, "1.0 s"),
        (1.24, "1.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (75, "1 min 15 s"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
    ],
)
def test_a_duration_is_said_as_a_person_would(value: float, said: str) -> None:
    assert seconds(value) == said


def test_words_beyond_the_first_few_are_a_number() -> None:
    assert several(["a", "b"], 2) == "a, b"
    assert several(["a", "b", "c"], 2) == "a, b and 1 more"


def test_wide_and_combining_characters_count_as_they_are_shown() -> None:
    assert columns("数据") == 4
    assert columns("e\u0301") == 1
    assert cut("数据集", 5) == "数据…"
    assert pad("数据集", 4) == "数… "


@given(st.text(), st.integers(0, 12))
def test_cut_text_never_takes_more_than_its_columns(text: str, width: int) -> None:
    assert columns(cut(flat(text), width)) <= width
    assert columns(pad(flat(text), width)) == width


@given(st.text())
def test_flat_text_cannot_move_the_cursor(text: str) -> None:
    assert flat(text).isprintable()
    assert text != flat(text) or text.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m\n", "\x1b[1;31mred\x1b[0m\n"),
        ("\x1b]0;a title\x07", "␛]0;a title␇"),
        ("\x1b[2J\x1b[H", "␛[2J␛[H"),
        (" 10%\r 20%\b\t.", " 10%\r 20%\b\t."),
        ("\x9b2J \x7f \u202etxt", "�2J ␡ �txt"),
    ],
)
def test_what_user_code_prints_cannot_command_a_terminal(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_only_colours_leave_an_escape(text: str) -> None:
    assert "\x07" not in visible(text)
    assert all(rest.lstrip("[0123456789;:")[:1] == "m" for rest in visible(text).split("\x1b")[1:])


def test_what_a_notebook_says_of_itself_cannot_command_a_terminal(tmp_path: Path) -> None:
    code = '# %% [markdown]\n# # Clear \x1b[2J\x07\n# %% tags=["parameters"]\nx = "\x1b]0;title\x07"  # \x1b[2J\n'
    (tmp_path / "a.py").write_text(code)
    out = io.StringIO()
    inputs.show(single.read(str(tmp_path / "a.py")), screen(out, {}), False)
    assert "Clear" in out.getvalue() and "\x1b" not in out.getvalue() and "\x07" not in out.getvalue()
