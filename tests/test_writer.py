"""The executed notebook is the fold of a task's events."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient import NotebookClient

from octavo.events import CellFinished, CellStarted, KernelReady, NotebookOpened, Output, decode, encode
from octavo.executed.outputs import as_output
from octavo.executed.writer import ExecutedNotebook

Message = tuple[str, dict[str, Any]]


def opened(*sources: str) -> dict[str, Any]:
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {},
            "source": it,
            "outputs": [],
            "execution_count": None,
        }
        for n, it in enumerate(sources)
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def fold(*cells: list[Message], through_json: bool = True) -> dict[str, Any]:
    """Return the notebook whose cells say these messages."""
    writer = ExecutedNotebook()
    events: list[Any] = [NotebookOpened("t", opened(*("x" for _ in cells)))]
    events.append(KernelReady("t", {"name": "python"}, {"name": "python3"}))
    for n, messages in enumerate(cells):
        events.append(CellStarted("t", n, n + 1, len(cells), 1.0 + n))
        events.extend(Output("t", n, kind, content) for kind, content in messages)
        events.append(CellFinished("t", n, 1.5 + n, 0.5, count=n + 1))
    for event in events:
        writer(decode(encode(event)) if through_json else event)
    done = writer.finished()
    assert done is not None
    return done


def outputs(*cells: list[Message]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = fold(*cells)["cells"][-1]["outputs"]
    return found


def stream(text: str, name: str = "stdout") -> Message:
    return "stream", {"name": name, "text": text}


def display(text: str, display_id: str | None = None, kind: str = "display_data") -> Message:
    transient = {"display_id": display_id} if display_id else {}
    return kind, {"data": {"text/plain": text}, "metadata": {}, "transient": transient}


def clear(wait: bool) -> Message:
    return "clear_output", {"wait": wait}


def comm(
    kind: str, comm_id: str, buffers: list[str] | None = None, paths: list[Any] | None = None, **state: Any
) -> Message:
    content: dict[str, Any] = {"comm_id": comm_id, "data": {"state": state, "buffer_paths": paths or []}}
    if kind == "comm_open":
        content["target_name"] = "jupyter.widget"
    return kind, content | ({"buffers": buffers} if buffers else {})


def test_nothing_is_there_before_the_notebook_is() -> None:
    writer = ExecutedNotebook()
    writer(KernelReady("t", {}, {}))
    assert writer.finished() is None


def test_times_and_counts_are_kept() -> None:
    done = fold([], [])
    assert [cell["execution_count"] for cell in done["cells"]] == [1, 2]
    times = done["cells"][0]["metadata"]["execution"]
    assert times["iopub.status.busy"] == "1970-01-01T00:00:01Z"
    assert times["shell.execute_reply"] == "1970-01-01T00:00:01.500000Z"
    assert done["metadata"] == {"language_info": {"name": "python"}, "kernelspec": {"name": "python3"}}


def test_the_notebook_can_be_taken_in_the_middle_and_goes_on() -> None:
    writer = ExecutedNotebook()
    writer(NotebookOpened("t", opened("a", "b")))
    writer(CellStarted("t", 0, 1, 2, 1.0))
    for text in ("1", "2"):
        writer(Output("t", 0, *stream(text)))
    middle = writer.finished()
    assert middle is not None
    assert [output["text"] for output in middle["cells"][0]["outputs"]] == ["12"]
    writer(Output("t", 0, *stream("3")))
    end = writer.finished()
    assert end is not None
    assert [output["text"] for output in end["cells"][0]["outputs"]] == ["123"]


def test_streams_of_one_name_in_a_row_are_one_output() -> None:
    found = outputs([stream("a"), stream("b"), stream("c", "stderr"), stream("d")])
    assert [(it["name"], it["text"]) for it in found] == [("stdout", "ab"), ("stderr", "c"), ("stdout", "d")]


def test_an_empty_piece_of_a_stream_is_no_output() -> None:
    assert outputs([stream("", "stderr")]) == []


def test_a_cleared_stream_does_not_come_back() -> None:
    found = outputs([stream("a"), stream("b"), clear(False), stream("c"), stream("d")])
    assert [it["text"] for it in found] == ["cd"]


def test_a_late_clear_without_an_output_after_it_clears_nothing() -> None:
    assert [it["text"] for it in outputs([stream("a"), clear(True)])] == ["a"]


def test_a_late_clear_of_one_cell_does_not_touch_the_next() -> None:
    done = fold([stream("a"), clear(True)], [stream("b")])
    assert [cell["outputs"][0]["text"] for cell in done["cells"]] == ["a", "b"]


def test_an_update_reaches_every_output_of_its_name() -> None:
    done = fold(
        [display("1", "d"), display("2", "d")],
        [display("3", "e")],
        [display("4", "d", "update_display_data")],
    )
    shown = [[it["data"]["text/plain"] for it in cell["outputs"]] for cell in done["cells"]]
    assert shown == [["4", "4"], ["3"], []]


def test_outputs_know_nothing_of_their_transport() -> None:
    (found,) = outputs([display("1", "d")])
    assert found == {"output_type": "display_data", "data": {"text/plain": "1"}, "metadata": {}}


@pytest.mark.parametrize(
    ("text", "written"),
    [("\ud83d\ude00", "\U0001f600"), ("a\ud83d", "a\ufffd"), ("\udc80b", "\ufffdb"), ("é", "é")],
)
def test_halves_of_letters_are_made_whole_or_replaced(text: str, written: str) -> None:
    assert [it["text"] for it in outputs([stream(text)])] == [written]


def test_what_a_task_says_outside_of_cells_is_no_output() -> None:
    writer = ExecutedNotebook()
    writer(NotebookOpened("t", opened("a")))
    writer(Output("t", None, *stream("text")))
    done = writer.finished()
    assert done is not None
    assert done["cells"][0]["outputs"] == []


def test_an_unknown_message_is_no_output() -> None:
    assert as_output("debug_event", {}) is None
    assert outputs([("debug_event", {})]) == []


# ── widgets


STATE = "application/vnd.jupyter.widget-state+json"


def test_the_last_state_of_a_widget_is_kept_with_its_buffers() -> None:
    done = fold(
        [
            comm(
                "comm_open",
                "w",
                ["AA=="],
                [["value"]],
                _model_name="M",
                _model_module="m",
                _model_module_version="1",
                n=1,
            ),
            comm("comm_msg", "w", n=2),
            comm("comm_msg", "w", ["AQ=="], [["value"]]),
            comm("comm_open", "other", x=1),
        ]
    )
    written = done["metadata"]["widgets"][STATE]
    assert (written["version_major"], written["version_minor"]) == (2, 0)
    assert list(written["state"]) == ["w"]
    widget = written["state"]["w"]
    assert (widget["model_name"], widget["model_module"], widget["model_module_version"]) == ("M", "m", "1")
    assert widget["state"]["n"] == 2
    assert widget["buffers"] == [{"data": "AQ==", "encoding": "base64", "path": ["value"]}]


def test_a_message_of_a_comm_that_is_no_widget_is_ignored() -> None:
    done = fold(
        [
            ("comm_open", {"comm_id": "c", "target_name": "t", "data": {}}),
            ("comm_msg", {"comm_id": "c", "data": {"a": 1}}),
        ]
    )
    assert "widgets" not in done["metadata"]


def inside(done: dict[str, Any], comm_id: str = "o") -> list[str]:
    shown = done["metadata"]["widgets"][STATE]["state"][comm_id]["state"]["outputs"]
    return [it.get("text") or it["data"]["text/plain"] for it in shown]


OPEN = comm("comm_open", "o", _model_name="OutputModel", outputs=[], msg_id="")
ENTER, LEAVE = comm("comm_msg", "o", msg_id="m"), comm("comm_msg", "o", msg_id="")


def test_what_is_shown_in_an_output_widget_is_its_state() -> None:
    done = fold(
        [OPEN, stream("before"), ENTER, stream("a"), stream("b"), display("1"), LEAVE, stream("after")]
    )
    assert inside(done) == ["ab", "1"]
    assert [it["text"] for it in done["cells"][0]["outputs"]] == ["beforeafter"]


def test_an_output_widget_is_cleared_and_the_cell_is_not() -> None:
    done = fold(
        [OPEN, stream("kept"), ENTER, stream("a"), clear(False), stream("b"), clear(True), stream("c"), LEAVE]
    )
    assert inside(done) == ["c"]
    assert [it["text"] for it in done["cells"][0]["outputs"]] == ["kept"]


def test_a_late_clear_of_the_cell_does_not_touch_a_widget() -> None:
    done = fold([OPEN, stream("gone"), clear(True), ENTER, stream("in"), LEAVE, stream("new")])
    assert inside(done) == ["in"]
    assert [it["text"] for it in done["cells"][0]["outputs"]] == ["new"]


def test_the_inner_of_two_output_widgets_gets_the_output() -> None:
    second = [comm("comm_open", "p", _model_name="OutputModel", outputs=[], msg_id="")]
    enter, leave = comm("comm_msg", "p", msg_id="m"), comm("comm_msg", "p", msg_id="")
    done = fold([OPEN, *second, ENTER, stream("o1"), enter, stream("p"), leave, stream("o2"), LEAVE])
    assert (inside(done), inside(done, "p")) == (["o1o2"], ["p"])


def test_an_output_widget_that_is_not_left_ends_with_its_cell() -> None:
    done = fold([OPEN, ENTER, stream("in")], [stream("out")])
    assert inside(done) == ["in"]
    assert [it["text"] for it in done["cells"][1]["outputs"]] == ["out"]


# ── against nbclient


texts = st.sampled_from(["a", "b\n", "c\r", ""]).filter(bool)
ids = st.sampled_from([None, "d", "e"])
messages = st.one_of(
    st.builds(stream, texts, st.sampled_from(["stdout", "stderr"])),
    st.builds(display, texts, ids),
    st.builds(display, texts, st.sampled_from(["d", "e"]), st.just("update_display_data")),
    st.builds(clear, st.booleans()),
)


@given(st.lists(st.lists(messages, max_size=8), min_size=1, max_size=3))
def test_any_messages_are_folded_as_nbclient_folds_them(cells: list[list[Message]]) -> None:
    reference = nbformat.from_dict(opened(*("x" for _ in cells)))
    client = NotebookClient(reference)
    client.reset_execution_trackers()
    for n, (cell, said) in enumerate(zip(reference.cells, cells, strict=True)):
        client.clear_before_next_output = False
        for kind, content in said:
            message = {
                "msg_type": kind,
                "header": {"msg_type": kind},
                "parent_header": {"msg_id": "m"},
                "content": content,
            }
            client.process_message(nbformat.from_dict(message), cell, n)
    ours = fold(*cells)
    for cell, judged in zip(ours["cells"], reference.cells, strict=True):
        assert cell["outputs"] == merged(judged.outputs)


def merged(judged: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join streams in a row, which nbclient leaves to whoever saves the notebook."""
    found: list[dict[str, Any]] = []
    for output in judged:
        if found and output["output_type"] == "stream" and found[-1].get("name") == output["name"]:
            found[-1]["text"] += output["text"]
        else:
            found.append(dict(output))
    return found
