"""All notebooks and scripts of checked-out peers: jupytext and nbformat are the oracles.

Set OCTAVO_PEERS to a folder with the repositories of nbformat, jupytext, nbconvert, nbclient and papermill.
"""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path

import jupytext
import nbformat
import pytest

from octavo import notebook
from octavo.errors import Error, Errors, NotebookError
from octavo.notebook import EXTENSIONS
from octavo.notebook.percent import load_percent
from oracles import PEERS, jupytext_reads, nbformat_writes, peers, plain, rewritten, without_ids

pytestmark = pytest.mark.skipif(not PEERS, reason="OCTAVO_PEERS names no folder of checked-out repositories")

#: Line ends of str.splitlines that are none to Python: there we differ from jupytext with intent, since a
#: string of the program would be broken in two.
ODD = re.compile("[\x0b\x1c-\x1e\x85\u2028\u2029]|[^\f\r\n]\f[^\f\r\n]")


def texts_of_peers() -> list[tuple[str, str]]:
    """Return all scripts of the peers, and all long strings in them: the notebooks of their tests."""
    result: dict[str, str] = {}
    for path in peers("*.py"):
        text = path.read_bytes().decode("utf-8-sig")
        result.setdefault(text, str(path))
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value:
                result.setdefault(node.value, f"{path}:{node.lineno}")
    return [(where, text) for text, where in result.items()]


def test_every_script_of_the_peers_gives_the_cells_that_jupytext_reads() -> None:
    seen, wrong = 0, []
    for where, text in texts_of_peers():
        if ODD.search(text):
            continue  # intended, see ODD
        try:
            expected = jupytext_reads(text)
            name = expected.metadata["jupytext"]["text_representation"]["format_name"]
            nb = load_percent(text.encode(), where, name)
        except UnicodeEncodeError:
            continue  # half a surrogate pair in a string of a test: no file can hold it
        if nb is None:  # another of jupytext's formats
            assert name not in ("percent", "hydrogen") or re.search("(main_)?language: (?!python)", text), (
                where
            )
            continue
        seen += 1
        if plain(nb.cells) != plain(expected.cells) or notebook.dumps(nb) != text.encode():
            wrong.append(where)
        if nb.data["metadata"].get("kernelspec") != expected.metadata.get("kernelspec"):
            wrong.append(f"{where}: kernelspec")
    assert not wrong
    assert seen > 1000


@pytest.mark.parametrize("name", ["percent", "hydrogen"])
def test_every_notebook_of_the_peers_is_written_as_jupytext_writes_it(name: str) -> None:
    seen, wrong = 0, []
    for path in peers("*.ipynb"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = jupytext.writes(nbformat.read(path, as_version=4), f"py:{name}")
            except Exception:  # not a notebook, and meant so
                continue
        nb = notebook.read(path)
        nb.format = f"py:{name}"
        written = notebook.dumps(nb).decode()
        seen += 1
        if body(written) != body(expected):
            wrong.append(str(path))
    assert not wrong
    assert seen > 100


def body(text: str) -> str:
    """Return a script without its header and its last line ends."""
    return re.sub(r"(?s)\A(#!.*?\n)?(# -\*- .*?\n)?# ---\n.*?\n# ---\n", "", text).rstrip("\n")


def test_every_notebook_of_the_peers_is_written_as_nbformat_writes_it() -> None:
    mended = {
        "test3_no_metadata.ipynb",  # nbformat refuses it; the missing metadata are just none
    }
    lenient = {
        "nbformat/tests/invalid.ipynb",  # a cell without source gets an empty one
    }
    seen, wrong = 0, []
    for path in sorted(Path(PEERS).rglob("*.ipynb")):
        try:
            expected = nbformat_writes(path.read_text(encoding="utf-8"))
        except Exception:
            expected = None
        try:
            written = rewritten(path.read_bytes())
        except (NotebookError, Errors):
            written = None
        seen += 1
        short = path.relative_to(PEERS).as_posix()
        if expected is None and path.name in mended:
            assert written is not None
        elif short not in lenient and (
            (written is None) != (expected is None)
            or (written and expected and without_ids(written) != without_ids(expected))
        ):
            wrong.append(short)
    assert not wrong
    assert seen > 100


def test_every_text_notebook_of_jupytext_is_read_as_jupytext_reads_it() -> None:
    folder = Path(PEERS) / "jupytext" / "tests" / "data" / "notebooks"
    seen, wrong = 0, []
    for path in sorted(p for p in folder.rglob("*") if p.suffix in EXTENSIONS and p.suffix != ".ipynb"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = plain(jupytext.read(path).cells)
        except Exception:  # a tool (marimo, pandoc, quarto) that is not installed
            expected = None
        try:
            nb = notebook.read(path)
            found = plain(nb.cells)
            kept = notebook.dumps(nb) == path.read_bytes()
        except Error:
            found, kept = None, True
        seen += found is not None
        if found != expected or not kept:
            wrong.append(str(path))
    assert not wrong
    assert seen > 300
