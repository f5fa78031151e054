"""Notebook files (.ipynb): nbformat is the oracle for what is read and for every byte that is written."""

from __future__ import annotations

import copy
import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from octavo import notebook
from octavo.errors import Errors, NotebookError
from octavo.notebook import Notebook, dump_ipynb
from octavo.notebook.cells import CHUNK, load_ipynb
from oracles import code, nbformat_writes, rewritten, small

# Notebooks made at random: texts with every kind of line end, with half surrogate pairs and escapes; texts as
# strings and as lists; unknown fields at every level; MIME types that are split and such that are not.
texts = st.text(
    st.sampled_from([*'ab\n\n\r"\\é漢\t\x0b\x0c\x1c\x85\u2028😀\x00\x7f\ud800\udfff']), max_size=12
)
multiline = st.one_of(texts, st.lists(texts, max_size=4))
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
values = st.recursive(
    leaves,
    lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(texts, v, max_size=3)),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from(["a", "tags", "é", "jupyter", "name"]), values, max_size=3)
metadata = st.one_of(objects, st.just({"trusted": True, "z": 1}))
mimes = st.sampled_from(
    [f"text/{name}" for name in ("plain", "html")]
    + ["image/png", "image/svg+xml", "application/x", "textual"]
    + [f"application/{name}" for name in ("javascript", "json", "vnd.x+json")]
)
bundles = st.dictionaries(mimes, st.one_of(multiline, values), max_size=4)
outputs = st.one_of(
    st.fixed_dictionaries(
        {"output_type": st.just("stream"), "name": st.sampled_from(["stdout", "stderr"]), "text": multiline}
    ),
    st.fixed_dictionaries(
        {
            "output_type": st.sampled_from(["display_data", "execute_result"]),
            "data": bundles,
            "metadata": objects,
        },
        optional={"execution_count": st.integers(), "transient": objects},
    ),
    st.fixed_dictionaries(
        {
            "output_type": st.just("error"),
            "ename": texts,
            "evalue": texts,
            "traceback": st.lists(texts, max_size=3),
        }
    ),
)
unknown = {"x-field": values}
cells = st.one_of(
    st.fixed_dictionaries(
        {"cell_type": st.just("code"), "metadata": metadata, "source": multiline}
        | {"outputs": st.lists(outputs, max_size=3), "execution_count": st.none() | st.integers()},
        optional=unknown,
    ),
    st.fixed_dictionaries(
        {"cell_type": st.sampled_from(["markdown", "raw"]), "metadata": metadata, "source": multiline},
        optional=unknown | {"attachments": st.dictionaries(texts, bundles, max_size=2)},
    ),
)
notebooks = st.fixed_dictionaries(
    {"cells": st.lists(cells, max_size=4), "metadata": objects, "nbformat": st.just(4)}
    | {"nbformat_minor": st.sampled_from([0, 2, 4, 5, 6])},
    optional=unknown,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(notebooks, st.booleans())
def test_a_notebook_is_written_byte_for_byte_as_nbformat_writes_it(
    nb: dict[str, Any], with_ids: bool
) -> None:
    if with_ids or nb["nbformat_minor"] >= 5:
        for i, cell in enumerate(nb["cells"]):
            cell["id"] = f"cell-{i}"
    text = json.dumps(nb)
    assert rewritten(text) == nbformat_writes(text)
    again = rewritten(rewritten(text))  # here the two halves of a surrogate pair have become one character
    assert rewritten(again) == again


@settings(max_examples=100, deadline=None)
@given(notebooks)
def test_a_notebook_in_memory_is_as_nbformat_has_it(nb: dict[str, Any]) -> None:
    text = json.dumps({**nb, "nbformat_minor": 4})
    expected = nbformat.reads(text, as_version=4)
    assert repr(load_ipynb(text.encode(), "nb.ipynb").data) == repr(expected)


def test_a_minor_version_that_knows_ids_gets_them_and_always_the_same() -> None:
    data = small(code("a"), code("b"), code("a"), code("c", id="mine"))
    first = load_ipynb(json.dumps(data).encode(), "nb.ipynb").cells
    found = [cell["id"] for cell in first]
    assert len(set(found)) == 4
    assert found[3] == "mine"
    assert all(re.fullmatch("[0-9a-f]{8}", made) for made in found[:3])
    data["cells"].insert(0, code("new"))
    again = [cell["id"] for cell in load_ipynb(json.dumps(data).encode(), "nb.ipynb").cells]
    assert again[1:] == found
    nbformat.validate(json.loads(rewritten(json.dumps(data))))


def test_a_minor_version_that_knows_no_ids_gets_none() -> None:
    written = json.loads(rewritten(json.dumps(small(code("a"), minor=4))))
    assert "id" not in written["cells"][0]
    assert written["nbformat_minor"] == 4


def test_of_cells_with_one_id_the_first_keeps_it() -> None:
    found = json.loads(rewritten(json.dumps(small(code("a", id="x"), code("b", id="x"), code("c", id="x")))))
    ids = [cell["id"] for cell in found["cells"]]
    assert ids[0] == "x"
    assert len(set(ids)) == 3


def test_a_made_id_does_not_take_one_that_is_there() -> None:
    made = load_ipynb(json.dumps(small(code("a"))).encode(), "nb.ipynb").cells[0]["id"]
    found = load_ipynb(json.dumps(small(code("a"), code("z", id=made))).encode(), "nb.ipynb").cells
    assert found[1]["id"] == made != found[0]["id"]


def test_writing_leaves_the_notebook_in_memory_alone() -> None:
    data = small(code("a\nb", metadata={"trusted": True}), minor=5)
    data["metadata"]["signature"] = "x"
    before = copy.deepcopy(data)
    b"".join(dump_ipynb(data))
    assert data == before


def test_what_kernels_leave_in_memory_can_be_written() -> None:
    data = small(code("a", id="a", metadata={1: (1, 2), 2: b"aGk="}))
    expected = (nbformat.writes(nbformat.from_dict(data)) + "\n").encode()
    assert b"".join(dump_ipynb(data)) == expected
    with pytest.raises(TypeError, match="not JSON serializable"):
        b"".join(dump_ipynb(small(code("a", metadata={"x": object()}))))


@pytest.mark.parametrize(
    "text",
    [
        "x" * (3 * CHUNK),
        ("y" * (CHUNK - 1) + "\n") * 3,
        ("y" * (CHUNK - 1) + "\r\n") * 3,
        ("y" * (CHUNK - 1) + "\r") * 3,
        "\r" * (2 * CHUNK) + "\n",
        "é\n" * CHUNK,
        ("a\\n\n" + "b\u2028c") * CHUNK,
        "progress\r" * CHUNK + "end",
        "a\x1c\x0c\n" * CHUNK,
        "\n" * (CHUNK + 1),
    ],
    ids=range(10),
)
def test_a_text_longer_than_a_chunk_is_divided_where_nbformat_divides_it(text: str) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": text}
    source = json.dumps(small(code("", id="a", outputs=[output])))
    assert rewritten(source) == nbformat_writes(source)


def test_a_long_output_is_written_without_a_list_of_its_lines() -> None:
    line = "a line\n"
    data = small(code(outputs=[{"output_type": "stream", "name": "stdout", "text": line * 2_000_000}]))
    tracemalloc.start()
    try:
        size = sum(len(piece) for piece in dump_ipynb(data))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 2_000_000 * len(line)
    assert peak < 4_000_000  # the text itself, 14 MB, was there before; as a list of lines it takes 110 MB


def test_a_byte_order_mark_is_taken() -> None:
    text = json.dumps(small(code("a", id="x")))
    assert rewritten(b"\xef\xbb\xbf" + text.encode()) == nbformat_writes(text)


@settings(max_examples=200, deadline=None)
@given(
    values,
    st.sampled_from(
        ["cells", "metadata", "cell", "source", "outputs", "output", "data", "worksheets", "old"]
    ),
)
def test_whatever_stands_in_a_notebook_it_is_read_or_refused_with_our_error(value: Any, place: str) -> None:
    output = {"output_type": "display_data", "data": value if place == "data" else {}, "metadata": {}}
    cell = {
        **code(),
        "source": value if place == "source" else "",
        "outputs": value if place == "outputs" else [value if place == "output" else output],
    }
    nb: dict[str, Any] = small(value if place == "cell" else cell)
    if place in ("worksheets", "old"):
        old = {"cell_type": "code", "outputs": [{"output_type": "pyout", "metadata": value}], "input": value}
        nb = {"nbformat": 3, "worksheets": value if place == "worksheets" else [{"cells": [old, value]}]}
    elif place in nb:
        nb[place] = value
    try:
        found = load_ipynb(json.dumps(nb).encode(), "nb.ipynb")
    except (NotebookError, Errors):
        return
    assert all(
        isinstance(c["source"], str) for c in found.cells if c["cell_type"] in ("code", "markdown", "raw")
    )
    b"".join(dump_ipynb(found.data))


def test_a_notebook_written_to_a_file_replaces_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "nb.ipynb"
    path.write_text("old")
    data = small(code("a", id="x"))
    notebook.write(Notebook(data), path)
    assert notebook.read(path).data == data
    with pytest.raises(TypeError):
        notebook.write(Notebook(small(code("a", metadata={"x": object()}))), path)
    assert notebook.read(path).data == data
    assert [p.name for p in tmp_path.iterdir()] == ["nb.ipynb"]


def test_keys_of_several_kinds_are_written_in_one_order() -> None:
    book: dict[str, object] = {"cells": [], "nbformat": 4, "nbformat_minor": 5}
    keys = {"k": 1, 2: "z", 10: None, None: 3, True: 4, 1.5: 5}
    book["metadata"] = {"papermill": {"parameters": {"mixed": keys, "numbers": {10: 1, 9: 2}}}}
    text = b"".join(dump_ipynb(book)).decode()
    written = json.loads(text)["metadata"]["papermill"]["parameters"]
    assert written["mixed"] == json.loads(json.dumps(keys))
    assert [*written["numbers"]] == ["9", "10"], "as json.dumps orders what it can order"
