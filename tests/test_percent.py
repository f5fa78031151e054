"""py:percent scripts: jupytext is the oracle for what is read and written, the file itself for its bytes."""

from __future__ import annotations

import re
import warnings
from typing import Any

import jupytext
import nbformat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from octavo import notebook
from octavo.errors import NotebookError
from octavo.notebook import Notebook
from octavo.notebook.percent import Script, load_percent
from oracles import HEADER, jupytext_reads, percent, plain


def same(text: str) -> None:
    """Check that we read what jupytext reads, and write back what was read."""
    nb = percent(text)
    assert plain(nb.cells) == plain(jupytext_reads(text).cells)
    assert notebook.dumps(nb) == text.encode()
    nb.cells.append({"cell_type": "code", "metadata": {}, "source": "more", "id": "more"})
    assert notebook.dumps(nb).decode().startswith(text.rstrip())  # put together from its parts


# fmt: off
FRAGMENTS = [
    "# %%", "#%%", "# %% a title", "# %% [markdown]", "# %% [md] x", "# %% [raw]", "#%%time", "# %%time",
    "# %%%", "# %%%% sub [markdown]", "# In[3]:", "# In[ ]", "# <codecell>", "  # %% indented", "# %% ",
    "#  %%  a  ", '# %% tags=["a"] key=1', '# %% {"x": 1}', '# %% t [markdown] {"x": 1}', "# %% a=b",
    "# %% a='b c' d", "# %% .x", "# %% {broken", '# %% x={"a": [1, 2]} y="="', "# %% a=(3) b=(1, 2)",
    '# %% cell_type="raw"', "# %% =", "# %% a=", '# %% language="bash"',
    '# %% language="R" magic_args="-i x"', '# %% language="python"', '# %% language="xx"',
    '# %% active="py"', '# %% active="ipynb"', '# %% active=""', '# %% [raw] active="py"',
    '# %% tags=["active-py"]', '# %% tags=["active-ipynb"]', '# %% run_control={"frozen": true}',
    "# %% lines_to_next_cell=3", "# %% name=1.5", "x = 1", "y = 'a'  # it's", "def f():", "    return 1",
    "class A:", "@dec", "async def g(): pass", ")", "", "", " ", '"""', "'''", 's = """', "s = '''a",
    'r"""', '"""one line"""', 'R"""', '"', "'", "\\", 'x = "# %%"', "a\\", "# text", "#text", "#", "# # x",
    "# ```python", "# ```", "```", "# ~~~~", "# ~~~", "# `` ` ``", "# ```a`b", "# %time x", "%time x",
    "!ls", "# !ls", "# ls -l", "ls -l", "ls = 1", "# cat x", "cd ..", "x = !ls", "# x = %who", "# x?", "x?",
    "?x", "# ?x", "# # %time", "%%bash", "# %%bash", "    %time", "# %cd a \\", "# !ls \\", "!ls \\",
    "# %magic # noescape", "%magic # escape", "# + a", "# # + a", "# +", "# -", "# ---", "# region",
    "# {{{", "\t", "\tx", "é", "# é 漢字", "#!/usr/bin/python", "# -*- coding: utf-8 -*-", "\x0c",
    "\x0cdef h(): pass", "x\x0c", "# jupyter:", "#   kernelspec:", "#     language: python", "# title: A",
    "#   name: x", "##", "# %% # %%",
]
# fmt: on

scripts = st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("\n".join)
ends = st.sampled_from(["", "\n", "\n\n", "\n\n\n", "\n\n\n\n"])


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    scripts,
    ends,
    st.sampled_from(["", HEADER, "# ---\n# title: A\n# ---\n", "#!/bin/x\n", '"""Doc."""\n\n# %%\n']),
)
@example('# %% [markdown]\n"""a\nlong\ncell"""\n', "", "")
@example("# %% [markdown]\nr'''\nx\n'''\n", "", "")
@example("# %% [markdown]\n# ```\n# %%\n# ```\n", "", "")
def test_a_script_gives_the_cells_that_jupytext_reads_and_keeps_its_bytes(
    body: str, end: str, top: str
) -> None:
    text = top + body + end
    try:
        jupytext_reads(text)
    except Exception:  # jupytext gives up: then all that counts is that we do not
        percent(text)
        return
    if "coding" in text.partition("\n")[2].partition("\n")[0]:
        return  # an encoding below a blank comment: jupytext drops the comment
    same(text)


@settings(max_examples=200, deadline=None)
@given(scripts, st.sampled_from(["", HEADER]), st.data())
def test_an_edited_cell_leaves_the_bytes_of_the_others(body: str, top: str, data: st.DataObject) -> None:
    text = top + body + "\n"
    nb = percent(text)
    code = [i for i, cell in enumerate(nb.cells) if cell["cell_type"] == "code"]
    if not code:
        return
    i = data.draw(st.sampled_from(code))
    nb.cells[i]["source"] = "edited = 1"
    assert isinstance(nb.origin, Script)
    pieces = nb.origin.pieces
    others = [p.text for key, p in pieces.items() if key != nb.cells[i]["id"]]
    written = notebook.dumps(nb).decode()
    for other in others:
        assert other in written
    assert "edited = 1" in written
    assert written.startswith(nb.origin.head)


def test_an_edit_of_the_source_keeps_the_marker_and_the_blank_lines_as_they_were() -> None:
    text = "#%%   odd   title\nx = 1\n\n\n# In[2]:\ny = 2\n"
    nb = percent(text)
    nb.cells[0]["source"] = "x = 3\n%time x"
    assert notebook.dumps(nb).decode() == "#%%   odd   title\nx = 3\n# %time x\n\n\n# In[2]:\ny = 2\n"


def test_an_edit_of_the_metadata_writes_the_marker_anew() -> None:
    nb = percent("#%%\nx = 1\n\n# %%\ny = 2")
    nb.cells[0]["metadata"]["tags"] = ["parameters"]
    assert notebook.dumps(nb) == b'# %% tags=["parameters"]\nx = 1\n\n# %%\ny = 2'


def test_a_cell_put_in_stands_between_the_others_with_blank_lines() -> None:
    nb = percent("import os\n\n# %%\ny = 2")
    new = {"cell_type": "code", "metadata": {"tags": ["injected"]}, "source": "n = 1", "outputs": []}
    nb.cells.insert(1, {**new, "id": "new"})
    assert notebook.dumps(nb) == b'import os\n\n# %% tags=["injected"]\nn = 1\n\n# %%\ny = 2'
    nb.cells.append({**new, "id": "last"})
    assert notebook.dumps(nb).endswith(b'\ny = 2\n\n# %% tags=["injected"]\nn = 1\n')


def test_a_first_cell_without_marker_gets_one_when_another_comes_before_it() -> None:
    nb = percent("import os\n\n# %%\ny = 2\n")
    nb.cells.insert(0, {"cell_type": "markdown", "metadata": {}, "source": "Hello", "id": "new"})
    assert notebook.dumps(nb) == b"# %% [markdown]\n# Hello\n\n# %%\nimport os\n\n# %%\ny = 2\n"


def test_cells_can_be_removed_and_moved() -> None:
    nb = percent("# %%\na = 1\n\n# %% b\nb = 1\n\n# %%\nc = 1\n")
    del nb.cells[1]
    assert notebook.dumps(nb) == b"# %%\na = 1\n\n# %%\nc = 1\n"
    nb.cells.reverse()
    assert notebook.dumps(nb) == b"# %%\nc = 1\n\n# %%\na = 1\n"


def test_a_changed_kernel_rewrites_the_header_and_nothing_else() -> None:
    text = (
        "#!/usr/bin/env python\n"
        + HEADER.replace("#   kernelspec", "#   custom:\n#     a: 1\n#   kernelspec")
        + "#%%\nx\n"
    )
    nb = percent(text)
    nb.data["metadata"]["kernelspec"]["name"] = "other"
    written = notebook.dumps(nb).decode()
    assert written == text.replace("name: python3", "name: other").replace(
        "#   custom:\n#     a: 1\n", ""
    ).replace("#   jupytext:", "#   custom:\n#     a: 1\n#   jupytext:")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_stay_and_new_text_gets_the_same(newline: str) -> None:
    text = newline.join(["# %%", "x = 1", "", "# %%", 'y = """', "2", '"""'])
    nb = percent(text)
    assert plain(nb.cells) == plain(jupytext_reads(text).cells)
    assert notebook.dumps(nb) == text.encode()
    nb.cells[0]["source"] = "x = 3\nz = 4"
    assert notebook.dumps(nb) == text.replace("x = 1", f"x = 3{newline}z = 4").encode()


def test_a_byte_order_mark_is_no_part_of_the_first_cell() -> None:
    text = HEADER + "# %%\nx = 1\n"
    data = b"\xef\xbb\xbf" + text.encode()
    nb = percent(data)
    assert plain(nb.cells) == plain(jupytext_reads(text).cells)
    assert nb.data["metadata"]["kernelspec"]["name"] == "python3"
    assert notebook.dumps(nb) == data
    nb.cells[0]["source"] = "x = 2"
    assert notebook.dumps(nb) == data.replace(b"x = 1", b"x = 2")


@pytest.mark.parametrize("name", ["latin-1", "cp1252", "shift_jis", "utf8", "UTF-8"])
def test_a_declared_encoding_is_read_and_written(name: str) -> None:
    text = f"# -*- coding: {name} -*-\n# %%\nx = '漢'\n\n# %%\ny = 'é'\n"
    text = text.replace("漢" if name in ("latin-1", "cp1252") else "é" if name == "shift_jis" else "", "")
    nb = percent(text.encode(name))
    expected = jupytext_reads(re.sub("coding: [^ ]+", "coding: utf-8", text))
    assert plain(nb.cells) == plain(expected.cells)
    nb.cells[0]["source"] = "x = 5"
    assert notebook.dumps(nb).decode(name).splitlines()[2] == "x = 5"
    nb.cells[0]["source"] = "x = '\N{GREEK SMALL LETTER ALPHA}\N{SNOWMAN}'"
    if name not in ("utf8", "UTF-8"):
        with pytest.raises(NotebookError, match="cannot be written in"):
            notebook.dumps(nb)


def test_bytes_that_are_not_in_the_encoding_are_shown_with_their_place() -> None:
    with pytest.raises(NotebookError, match=r"nb.py:3:6: the file is not utf-8: byte 0xe9") as caught:
        notebook.loads(b"# %%\nx = 1\ny = '\xe9'\n", "nb.py")
    assert "coding" in (caught.value.hint or "")
    with pytest.raises(NotebookError, match=r"nb.py:1:15: unknown encoding: latin-l") as caught:
        notebook.loads(b"# -*- coding: latin-l -*-\n# %%\n", "nb.py")
    assert caught.value.hint == 'did you mean "latin-1"?'


def test_merge_conflict_markers_are_named() -> None:
    text = "# %%\n<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> other\n"
    with pytest.raises(NotebookError, match=r"nb.py:2:1: the file has merge conflict markers"):
        notebook.loads(text.encode(), "nb.py")


def test_a_line_separator_in_a_string_does_not_break_it() -> None:
    text = "# %%\nx = 'a\u2028b\x85c\x1cd\fe'\n\f\n# %%\ny\n"
    nb = percent(text)
    assert nb.cells[0]["source"] == "x = 'a\u2028b\x85c\x1cd\fe'"
    assert notebook.dumps(nb) == text.encode()
    nb.cells[1]["source"] = "z"
    assert notebook.dumps(nb) == text.replace("\ny\n", "\nz\n").encode()


def test_the_line_of_a_cell_is_that_of_its_first_source_line() -> None:
    text = HEADER + (
        'import a\n\n# %%\nb = 1\n\f\n# %% [markdown]\n# text\n\n# %% [markdown]\n"""\nquoted\n"""\n\n'
        '# %% [markdown]\n"""quoted"""\n\n# %% language="bash"\n# ls\n\n# %%\n'
    )
    nb = percent(text)
    lines = text.split("\n")
    found = [lines[nb.line(i) - 1] if nb.line(i) <= len(lines) else None for i in range(len(nb.cells))]
    assert found == ["import a", "b = 1", "# text", "quoted", '"""quoted"""', '# %% language="bash"', ""]
    nb.cells.insert(0, {"cell_type": "code", "metadata": {}, "source": "", "id": "new"})
    assert (nb.line(0), nb.line(1)) == (0, 13)


def test_a_header_that_is_more_than_jupyters_is_a_raw_cell_with_its_line() -> None:
    top = "# ---\n# title: A\n# jupyter:\n#   kernelspec:\n#     name: x\n#     display_name: x\n# ---\n\n"
    text = f"{top}# %%\ny\n"
    nb = percent(text)
    assert plain(nb.cells) == plain(jupytext_reads(text).cells)
    assert (nb.cells[0]["source"], nb.line(0), nb.line(1)) == ("---\ntitle: A\n---", 1, 10)
    nb.cells[0]["source"] = "---\ntitle: B\n---"
    assert notebook.dumps(nb).decode() == text.replace("title: A", "title: B")


@pytest.mark.parametrize(
    ("text", "fmt"),
    [
        ("# %%\nx = 1\n", "py:percent"),
        ("# %%\n%time x = 1\n", "py:hydrogen"),
        ("# In[1]:\nx = 1\n", "py:percent"),
        ("x = '''\n# %%\n'''\n", "py:light"),
        ("x = 1\n", "py:light"),
        ("", "py:light"),
        ("#" * 30 + "\n# a\n\nx = 1\n\n" + "#" * 30 + "\n# b\n", "py:sphinx"),
        (HEADER.replace("percent", "light") + "# %%\nx\n", "py:light"),
        (HEADER.replace("percent", "hydrogen") + "x\n", "py:hydrogen"),
        ("# ---\n# jupyter:\n#   jupytext:\n#     formats: ipynb,s//py:percent\n# ---\n\nx\n", "py:percent"),
        (HEADER.replace("language: python", "language: R") + "# %%\nx\n", "py:percent"),
    ],
)
def test_the_format_of_a_script_is_the_one_jupytext_sees(text: str, fmt: str) -> None:
    nb = notebook.loads(text.encode(), "nb.py")
    oracle = jupytext_reads(text, {"extension": ".py"})
    assert nb.format == fmt == "py:" + oracle.metadata["jupytext"]["text_representation"]["format_name"]
    assert plain(nb.cells) == plain(oracle.cells)
    assert notebook.dumps(nb) == text.encode()


MARKER = re.compile(r"(?m)^\s*(# ?)?\s*(%%|In\[|<codecell>)")

sources = st.lists(st.sampled_from([f for f in FRAGMENTS if "\f" not in f]), max_size=5).map("\n".join)
metadata = st.dictionaries(
    st.sampled_from(
        ["tags", "title", "a", "collapsed", "x.y", "active", "cell_marker", "spaced key", "deletable"]
    ),
    st.sampled_from([True, None, 1.5, "word", "two words", ["a"], [], {"b": [1]}]),
    max_size=3,
).map(
    lambda found: {
        key: value
        for key, value in found.items()
        if not (key in ("active", "title", "cell_marker") and not isinstance(value, str))
        and not (key == "tags" and not isinstance(value, list))
    }
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["code", "markdown", "raw"]), sources, metadata), max_size=4),
    st.booleans(),
)
def test_a_notebook_that_never_was_text_is_written_as_jupytext_writes_it(
    found: list[tuple[str, str, dict[str, Any]]], hydrogen: bool
) -> None:
    if any(kind != "code" and MARKER.search(source) for kind, source, _ in found):
        return  # jupytext writes a cell that it reads as two; see the next test
    spec = {"name": "p", "language": "python", "display_name": "P: q"}
    cells = [
        {"cell_type": kind, "source": source, "metadata": meta, "id": str(i)}
        for i, (kind, source, meta) in enumerate(found)
    ]
    data = {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    fmt = "py:hydrogen" if hydrogen else "py:percent"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = jupytext.writes(nbformat.from_dict(data), fmt)
    written = notebook.dumps(Notebook(data, fmt)).decode()
    assert written == re.sub("#       jupytext_version: .*\n", "", expected)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60)
    | st.text(st.sampled_from("# %[]{}='\"\n\r\f\x00ab\\é"), max_size=60).map(str.encode)
)
def test_any_bytes_are_read_or_refused_with_our_error(data: bytes) -> None:
    for start in (b"# %% ", b"# %%\n", b"# ---\n"):
        try:
            nb = load_percent(start + data, "nb.py", "percent")
        except NotebookError:
            continue
        if nb is not None:
            assert notebook.dumps(nb) == start + data
            notebook.dumps(Notebook(nb.data, "ipynb"))
            nb.origin = None
            notebook.dumps(nb)


def test_markdown_that_speaks_of_cells_stays_one_cell() -> None:
    for source in ("a\n%% b\n\n# %% c", "In[3]:", '%% \'\\\' """', "```\n%% mermaid\n```"):
        for kind in ("markdown", "raw"):
            cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source, "id": "a"}
            data = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
            written = notebook.dumps(Notebook(data, "py:percent"))
            (again,) = notebook.loads(written, "nb.py").cells
            assert (again["cell_type"], again["source"]) == (kind, source)
