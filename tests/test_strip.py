"""octavo strip: what is removed, and that nothing else changes by a byte."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from octavo.cli import main
from octavo.errors import Error, NotebookError
from octavo.review import filter_process, json_text
from octavo.review.strip import Stripping, keys, stripped

STREAM = {"output_type": "stream", "name": "stdout", "text": ["hello\n"]}
WARNING = {"output_type": "stream", "name": "stderr", "text": ["careful\n"]}
RESULT: dict[str, Any] = {
    "output_type": "execute_result",
    "data": {"text/plain": ["1" * 100]},
    "execution_count": 3,
    "metadata": {},
}


def code(source: str = "x", outputs: list[Any] | None = None, **metadata: object) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": 3,
        "id": f"id-{source}",
        "metadata": metadata,
        "outputs": [STREAM, RESULT] if outputs is None else outputs,
        "source": [source],
    }


def book(*cells: dict[str, Any], **metadata: object) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def strip(nb: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stripped(json.dumps(nb).encode(), "a.ipynb", Stripping(**wanted)))
    return found


def kept(nb: dict[str, Any], **wanted: Any) -> list[list[str]]:
    """Return the types of the outputs that stay, cell by cell."""
    cells = strip(nb, **wanted)["cells"]
    return [[out.get("name") or out["output_type"] for out in cell["outputs"]] for cell in cells]


def test_the_note_of_a_merge_that_outputs_are_gone_goes_and_a_conflict_stays() -> None:
    nb = book(
        code("a", octavo={"stale": True}, tags=["x"]), code("b", octavo={"stale": True, "conflict": "source"})
    )
    assert [cell["metadata"] for cell in strip(nb)["cells"]] == [
        {"tags": ["x"]},
        {"octavo": {"conflict": "source"}},
    ]


def test_outputs_counts_and_machines_metadata_go_and_the_rest_stays() -> None:
    nb = book(
        code("a", collapsed=True, scrolled=False, tags=["x"], execution={"iopub.status.busy": "1"}),
        {"cell_type": "markdown", "id": "m", "metadata": {"hidden": True}, "source": ["# T"]},
        widgets={"state": {}},
        kernelspec={"name": "python3"},
        signature="s",
    )
    assert strip(nb) == book(
        {**code("a", [], tags=["x"]), "execution_count": None},
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": ["# T"]},
        kernelspec={"name": "python3"},
    )


@pytest.mark.parametrize(
    ("metadata", "of_book", "stays"),
    [
        ({}, {}, False),
        ({"keep_output": True}, {}, True),
        ({"tags": ["keep_output"]}, {}, True),
        ({"init_cell": True}, {}, True),
        ({"init_cell": False}, {"keep_output": True}, False),
        ({}, {"keep_output": True}, True),
        ({"keep_output": False}, {"keep_output": True}, False),
    ],
)
def test_cells_and_notebooks_say_whether_outputs_stay(
    metadata: dict[str, Any], of_book: dict[str, Any], stays: bool
) -> None:
    assert bool(kept(book(code(**metadata), **of_book))[0]) == stays


def test_a_cell_that_contradicts_itself_is_named() -> None:
    with pytest.raises(NotebookError, match="cell 2 says"):
        strip(book(code("a"), code("b", keep_output=False, tags=["keep_output"])))


def test_outputs_stay_by_option_type_and_size() -> None:
    nb = book(code(outputs=[STREAM, WARNING, RESULT]), code("b", init_cell=True))
    everything = ["stdout", "stderr", "execute_result"]
    assert kept(nb, keep_output=True)[0] == everything
    assert kept(nb, max_size=50)[0] == ["stdout", "stderr"]
    assert kept(nb, keep_output_types=frozenset(["execute_result"]))[0] == ["execute_result"]
    assert kept(nb, keep_output_types=frozenset(["stream:stderr"]))[0] == ["stderr"]
    assert kept(nb, keep_output=True, drop_output_types=frozenset(["stream"]))[0] == ["execute_result"]
    assert kept(nb, strip_init_cells=True) == [[], []]
    counted = strip(nb, keep_output=True)["cells"][0]
    assert (counted["execution_count"], counted["outputs"][2]["execution_count"]) == (None, None)
    counted = strip(nb, keep_output=True, keep_count=True)["cells"][0]
    assert (counted["execution_count"], counted["outputs"][2]["execution_count"]) == (3, 3)


def test_cells_are_dropped_by_any_of_several_tags_and_when_empty() -> None:
    nb = book(code("a", tags=["solution"]), code("b", tags=["hidden"]), code(" \n"), code("d"))
    wanted = {"drop_tagged_cells": frozenset(["solution", "hidden"]), "drop_empty_cells": True}
    assert [cell["source"] for cell in strip(nb, **wanted)["cells"]] == [["d"]]
    assert strip(book(code("a", tags=["solution"])), **wanted)["cells"] == []


def test_keys_are_added_kept_and_refused() -> None:
    found, wrong = keys(["metadata.a.b", "foo"], ["metadata.widgets"], {"extrakeys": "cell.metadata.x.y/z"})
    assert wrong == ["foo"]
    nb = book(code("a", None, **{"x.y/z": 1, "x": {"q": 1}}), a={"b": 1, "c": 2}, widgets={})
    cleaned = strip(nb, keys=tuple(found))
    assert cleaned["metadata"] == {"a": {"c": 2}, "widgets": {}}
    assert cleaned["cells"][0]["metadata"] == {"x": {"q": 1}}


def test_ids_stay_or_follow_from_what_cells_say_or_are_numbers() -> None:
    nb, other = book(code("a"), code("b"), code("a")), book(code("new"), code("a"), code("b"), code("a"))
    assert strip(nb)["cells"][0]["id"] == "id-a"
    assert [cell["id"] for cell in strip(nb, ids="sequential")["cells"]] == ["0", "1", "2"]
    first, second = ([c["id"] for c in strip(one, ids="content")["cells"]] for one in (nb, other))
    assert second[1:] == first
    assert len(set(second)) == 4


@pytest.mark.parametrize("indent", [1, 2, None, "\t"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_what_stays_keeps_its_bytes(indent: int | str | None, ascii_only: bool) -> None:
    def written(nb: dict[str, Any]) -> bytes:
        # keys in no order, escapes or not, no newline at the end
        return json.dumps(nb, indent=indent, ensure_ascii=ascii_only).encode()

    dirty = book(code("é🎉", hidden=True, tags=["ü"], scrolled=1), code("y"), z=1, widgets={}, a=2)
    clean = book(
        {**code("é🎉", [], tags=["ü"]), "execution_count": None},
        {**code("y", []), "execution_count": None},
        z=1,
        a=2,
    )
    assert stripped(written(dirty), "a.ipynb", Stripping()) == written(clean)
    assert stripped(written(clean), "a.ipynb", Stripping()) == written(clean)


_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=8) | some.floats(allow_nan=False),
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(some.sampled_from(["a", "hidden", "scrolled", 'q"\\', "é"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=50)
@given(_JSON, some.integers(0, 5), some.sampled_from([None, 1, 3]), some.booleans())
def test_json_is_read_with_its_places(
    value: object, depth: int, indent: int | None, ascii_only: bool
) -> None:
    text = f" {json.dumps(value, indent=indent, ensure_ascii=ascii_only)}\n"
    node = json_text.document(text, depth)
    assert node.plain() == value
    assert text[node.at : node.end] == text.strip()


@given(some.lists(some.integers(), max_size=8), some.sets(some.integers(0, 7)), some.sampled_from([None, 1]))
def test_elements_are_removed_with_their_commas(
    numbers: list[int], gone: set[int], indent: int | None
) -> None:
    for value in (numbers, {str(at): number for at, number in enumerate(numbers)}):
        text = json.dumps(value, indent=indent)
        edits = json_text.Edits(text)
        edits.keep(json_text.document(text, 1), [at for at in range(len(numbers)) if at not in gone])
        assert list(json.loads(edits.result())) == [v for at, v in enumerate(value) if at not in gone]


@given(some.binary(max_size=60) | some.text(alphabet='{}[]",:a1 \\', max_size=40).map(str.encode))
def test_whatever_is_no_notebook_is_an_error_of_its_own(data: bytes) -> None:
    with pytest.raises(NotebookError):
        stripped(data, "a.ipynb", Stripping())


def test_a_notebook_that_is_cut_off_anywhere_is_an_error() -> None:
    data = json.dumps(book(code("a"), k=1)).encode()
    for end in range(len(data)):
        with pytest.raises(NotebookError):
            stripped(data[:end], "a.ipynb", Stripping())


def test_old_formats_zeppelin_line_ends_and_marks_are_kept() -> None:
    old = {"nbformat": 3, "metadata": {}, "worksheets": [{"cells": [{**code("a"), "prompt_number": 4}]}]}
    cell = strip(old)["worksheets"][0]["cells"][0]
    assert (cell["prompt_number"], cell["outputs"]) == (None, [])
    note = b'{"paragraphs": [{"text": "x", "results": {"code": 1}}]}'
    assert stripped(note, "a.zpln", Stripping()) == b'{"paragraphs": [{"text": "x", "results": {}}]}'
    windows = b"\xef\xbb\xbf" + json.dumps(book(code("a", [])), indent=1).encode().replace(b"\n", b"\r\n")
    assert stripped(windows, "a.ipynb", Stripping(keep_count=True)) == windows
    assert b"\r" not in stripped(windows, "a.ipynb", Stripping(unix_newlines=True))


def test_secrets_and_names_of_people_are_redacted_and_nothing_else() -> None:
    token, key = "ghp_" + "a" * 36, "-----BEGIN PRIVATE KEY-----\nMIIE\nabc\n-----END PRIVATE KEY-----\n"
    nb = book(
        {**code("a"), "source": [f"t = '{token}'\n", "open('/home/anna/x.csv')\n", "y = 'é'"]},
        code("b", [{"output_type": "stream", "name": "stdout", "text": key.splitlines(keepends=True)}]),
        code("c", [{"output_type": "display_data", "data": {"image/png": f"x/{token}"}, "metadata": {}}]),
        where=r"C:\Users\Anna\work",
    )
    data = json.dumps(nb, indent=1).encode()
    found = stripped(data, "a.ipynb", Stripping(keep_output=True, keep_count=True, redact=True))
    clean = json.loads(found)
    assert clean["cells"][0]["source"] == ["t = '•••'\n", "open('/home/•••/x.csv')\n", "y = 'é'"]
    assert clean["cells"][1]["outputs"][0]["text"] == ["•••-----END PRIVATE KEY-----\n"]
    assert clean["cells"][2] == nb["cells"][2]
    assert clean["metadata"]["where"] == r"C:\Users\•••\work"
    assert [line for line in found.splitlines() if line not in data.splitlines()] == [
        b"    \"t = '\\u2022\\u2022\\u2022'\\n\",",
        b"    \"open('/home/\\u2022\\u2022\\u2022/x.csv')\\n\",",
        b'      "\\u2022\\u2022\\u2022-----END PRIVATE KEY-----\\n"',
        b'  "where": "C:\\\\Users\\\\\\u2022\\u2022\\u2022\\\\work"',
    ]


def test_files_and_folders_are_stripped_in_place_and_only_where_something_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    dirty, clean, broken = (tmp_path / "in" / name for name in ("dirty.ipynb", "clean.ipynb", "broken.ipynb"))
    dirty.parent.mkdir()
    dirty.write_text(json.dumps(book(code("a"))))
    clean.write_text(
        json.dumps(book(code("a", []), k=1)).replace('"execution_count": 3', '"execution_count": null')
    )
    stamp, before = clean.stat().st_mtime_ns, dirty.read_bytes()
    assert main(["strip", "--check", "in"]) == 1
    assert dirty.read_bytes() == before
    assert "would strip in/dirty.ipynb\n" in capsys.readouterr().out
    assert main(["strip", "."]) == 0
    assert "1 of 2 notebooks stripped" in capsys.readouterr().err
    assert (json.loads(dirty.read_bytes())["cells"][0]["outputs"], clean.stat().st_mtime_ns) == ([], stamp)
    assert main(["strip", "--check", "."]) == 0
    broken.write_text('{"cells": [')
    assert main(["strip", "."]) == 2
    assert "broken.ipynb:1:12: the notebook is not JSON" in capsys.readouterr().err
    with pytest.raises(Error, match="what is to be stripped"):
        main(["strip"])
    with pytest.raises(Error, match="no such file"):
        main(["strip", "nowhere.ipynb"])


def packets(*lines: bytes) -> bytes:
    return b"".join(b"%04x%b" % (len(line) + 4, line) for line in lines) + b"0000"


def test_a_filter_answers_git_file_by_file_and_gives_up_none_for_another() -> None:
    hello = packets(b"git-filter-client\n", b"version=2\n") + packets(b"capability=clean\n")
    files = {"a.ipynb": b"1", "bad.ipynb": b"2", "large.ipynb": b"x" * 200_000}
    asked = hello
    for name, data in files.items():
        pieces = [data[at : at + 65516] for at in range(0, len(data), 65516)]
        asked += packets(b"command=clean\n", f"pathname={name}\n".encode()) + packets(*pieces)
    told: list[str] = []

    def clean(data: bytes, path: str) -> bytes:
        if path == "bad.ipynb":
            raise NotebookError("no", path)
        return data.upper()

    answer = io.BytesIO()
    filter_process.serve(io.BytesIO(asked), answer, clean, told.append)
    large = [b"X" * 65516] * 3 + [b"X" * (200_000 - 3 * 65516)]
    assert answer.getvalue() == b"".join(
        [
            packets(b"git-filter-server\n", b"version=2\n"),
            packets(b"capability=clean\n"),
            packets(b"status=success\n") + packets(b"1") + b"0000",
            packets(b"status=error\n"),
            packets(b"status=success\n") + packets(*large) + b"0000",
        ]
    )
    assert told == ["bad.ipynb: no"]
    with pytest.raises(filter_process.Broken):
        filter_process.serve(io.BytesIO(asked[:-3]), io.BytesIO(), clean, told.append)
