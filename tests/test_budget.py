"""What is kept of what a cell prints."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from octavo.events import CellFinished, CellStarted, Event, NotebookOpened, Output
from octavo.executed.budget import LIMIT, Budget
from octavo.executed.writer import ExecutedNotebook
from octavo.model import Outcome

GAP = re.compile("\n… ([0-9,]+) characters of output are left out here …\n")


def outputs_of(*messages: tuple[str, dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """Return the outputs of a cell that sends these messages, each a type and its content."""
    notebook = ExecutedNotebook(output_limit=limit)
    cell: dict[str, Any] = {
        "cell_type": "code",
        "source": "x",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    data = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    events: list[Event] = [NotebookOpened("t", data, {}), CellStarted("t", 0, 1, 1, 1.0)]
    events += [Output("t", 0, kind, content) for kind, content in messages]
    events += [CellFinished("t", 0, 2.0, 1.0, 1, False, None, None)]
    for event in events:
        notebook(event)
    done = notebook.end(Outcome.DONE)
    assert done is not None
    outputs: list[dict[str, Any]] = done["cells"][0]["outputs"]
    return outputs


def stream(name: str, text: str) -> tuple[str, dict[str, Any]]:
    return "stream", {"name": name, "text": text}


def printed(*texts: tuple[str, str], limit: int) -> list[dict[str, Any]]:
    """Return the outputs of a cell that prints texts to streams."""
    return outputs_of(*(stream(*text) for text in texts), limit=limit)


def test_what_is_within_the_limit_is_kept_as_it_is() -> None:
    (output,) = printed(("stdout", "ab"), ("stdout", "cd"), limit=4)
    assert output["text"] == "abcd"


def test_the_beginning_and_the_end_are_kept_and_the_gap_is_told() -> None:
    (output,) = printed(*[("stdout", f"line {n}\n") for n in range(10_000)], limit=1000)
    head, left_out, tail = GAP.split(output["text"])
    assert head == "".join(f"line {n}\n" for n in range(10_000))[:500]
    assert tail == "".join(f"line {n}\n" for n in range(10_000))[-500:]
    assert int(left_out.replace(",", "")) == sum(len(f"line {n}\n") for n in range(10_000)) - 1000


def test_one_text_may_be_longer_than_the_limit() -> None:
    (output,) = printed(("stdout", "a" * 5000 + "b" * 5000), limit=10)
    assert GAP.sub("|", output["text"]) == "aaaaa|bbbbb"


def test_outputs_of_nothing_are_no_outputs() -> None:
    streams = [(("stdout", "stderr")[n % 2], f"{n}\n") for n in range(20_000)]
    outputs = printed(*streams, limit=100)
    assert len(outputs) < 50
    assert len([output for output in outputs if GAP.search(output["text"])]) == 1
    assert outputs[-1]["text"] == "19999\n"


def test_without_a_limit_all_is_kept() -> None:
    (output,) = printed(("stdout", "a" * (LIMIT + 1)), limit=0)
    assert len(output["text"]) == LIMIT + 1


def test_a_cell_that_clears_its_outputs_starts_anew() -> None:
    outputs = outputs_of(
        stream("stdout", "x" * 100),
        ("clear_output", {"wait": False}),
        stream("stdout", "short"),
        limit=10,
    )
    assert [output["text"] for output in outputs] == ["short"]


@given(st.lists(st.tuples(st.integers(0, 2), st.text("abc", max_size=9)), max_size=60), st.integers(2, 40))
def test_what_is_kept_and_what_is_left_out_add_up(pieces: list[tuple[int, str]], limit: int) -> None:
    outputs: list[dict[str, Any]] = [{"output_type": "stream", "name": str(n), "text": ""} for n in range(3)]
    budget = Budget(limit)
    budget.begin(outputs)
    whole = dict.fromkeys("012", "")
    for number, text in pieces:
        if text and any(output["name"] == str(number) for output in outputs):
            budget.add(next(output for output in outputs if output["name"] == str(number)), text)
            whole[str(number)] += text
    budget.write()
    kept = 0
    for output in outputs:
        head, *rest = GAP.split(output["text"])
        tail = rest[1] if rest else ""
        kept += len(head) + len(tail)
        if not budget.left_out:
            assert output["text"] == whole[output["name"]]
        assert whole[output["name"]].endswith(tail)
    assert kept + budget.left_out == sum(map(len, whole.values()))
    assert kept <= limit
