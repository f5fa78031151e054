"""Formats other than .ipynb and py:percent: jupytext reads and writes them, its errors become ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import jupytext
import pytest

from octavo import notebook
from octavo.errors import NotebookError
from octavo.notebook import EXTENSIONS, Notebook

TEXTS = {
    "nb.md": ("md", '# Title\n\n```python tags=["a"]\nx = 1\n```\n\nText\n'),
    "nb.Rmd": ("Rmd", "---\ntitle: A\n---\n\nText\n\n```{r echo=FALSE}\nx <- 1\n```\n"),
    "nb.R": ("R:percent", "# %% [markdown]\n# Text\n\n# %%\nx <- 1\n"),
    "spin.R": ("R:spin", "#' Text\n\nx <- 1\n"),
    "nb.jl": ("jl:light", "# Text\n\nx = 1\n"),
    "nb.sh": ("sh:percent", "# %%\nls\n"),
    "light.py": ("py:light", "# Text\n\nx = 1\n\n# +\ny = 2\n\nz = 3\n# -\n"),
    "plain.py": ("py:light", "import os\n\n\ndef f():\n    return 1\n\n\nprint(f())\n"),
    "empty.py": ("py:light", ""),
}


def plain(cells: Any) -> list[tuple[str, str]]:
    return [(cell["cell_type"], cell["source"]) for cell in cells]


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_in_a_format_of_jupytext_gives_its_cells_and_keeps_its_bytes(name: str) -> None:
    fmt, text = TEXTS[name]
    nb = notebook.loads(text.encode(), name)
    assert nb.format == fmt
    expected = jupytext.reads(text, {"extension": Path(name).suffix})
    assert plain(nb.cells) == plain(expected.cells)
    assert notebook.dumps(nb) == text.encode()
    assert notebook.loads(text.encode(), name).data == nb.data  # made ids are always the same
    assert [nb.line(i) for i in range(len(nb.cells))] == [0] * len(nb.cells)
    assert all(type(cell) is dict for cell in nb.cells)


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "empty.py"])
def test_an_edited_text_is_written_as_jupytext_writes_it(name: str) -> None:
    _, text = TEXTS[name]
    nb = notebook.loads(text.encode(), name)
    last = nb.cells[-1]
    last["source"] = "edited"
    written = notebook.dumps(nb)
    assert b"edited" in written
    assert written.endswith(b"\n")
    assert plain(notebook.loads(written, name).cells) == plain(nb.cells)


def test_a_notebook_is_converted_from_one_format_to_another() -> None:
    nb = notebook.loads(b"# %% [markdown]\n# Text\n\n# %%\nx = 1\n", "nb.py")
    markdown = notebook.dumps(Notebook(nb.data, "md")).decode()
    assert markdown.endswith("Text\n\n```python\nx = 1\n```\n")
    assert plain(notebook.loads(markdown.encode(), "nb.md").cells) == plain(nb.cells)
    ipynb = notebook.dumps(Notebook(nb.data, "ipynb"))
    assert notebook.loads(ipynb, "nb.ipynb").cells == nb.cells


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("nb.txt", b"", r'nb.txt: no notebook format has the extension ".txt"'),
        ("nb.md", b"# a\n\xff", r"nb.md:2:1: the file is not UTF-8: byte 0xff"),
        (
            "nb.Rmd",
            b"---\njupyter:\n  a: [\n---\n",
            r"nb.Rmd:\d+:\d+: jupytext cannot handle this notebook: ",
        ),
        ("nb.Rmd", b"```{r a=(}\n```\n", r"nb.Rmd: jupytext cannot handle this notebook: .*not properly"),
        (
            "nb.md",
            b"<<<<<<< HEAD\na\n=======\nb\n>>>>>>> c\n",
            r"nb.md:1:1: the file has merge conflict markers",
        ),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_with_our_error(name: str, data: bytes, message: str) -> None:
    with pytest.raises(NotebookError, match=message):
        notebook.loads(data, name)


def test_a_format_that_does_not_exist_is_refused_with_our_error() -> None:
    nb = notebook.loads(b"# %%\nx = 1\n", "nb.py")
    with pytest.raises(NotebookError, match="jupytext cannot handle this notebook"):
        notebook.dumps(Notebook(nb.data, "py:nonsense", "nb.py"))


def test_the_extensions_are_those_that_jupytext_knows() -> None:
    from jupytext.formats import NOTEBOOK_EXTENSIONS

    assert set(NOTEBOOK_EXTENSIONS) == EXTENSIONS
    assert notebook.is_notebook("a/b.Rmd")
    assert notebook.is_notebook("a.py")
    assert not notebook.is_notebook("a.sql")
    assert not notebook.is_notebook("py")


def test_messages_show_the_path_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "nb.ipynb"
    path.write_text("")
    with pytest.raises(NotebookError, match=r"^sub/nb.ipynb: the file is empty"):
        notebook.read(path, name="sub/nb.ipynb")
    with pytest.raises(FileNotFoundError):
        notebook.read(tmp_path / "none.ipynb")


def test_neither_ipynb_nor_percent_import_anything_heavy() -> None:
    code = (
        "import sys\nfrom octavo import notebook\nassert 'octavo.notebook.percent' not in sys.modules\n"
        "nb = notebook.loads(b'# %%\\nx = 1\\n', 'a.py')\nnotebook.dumps(nb)\nnb.format = 'ipynb'\n"
        "notebook.loads(notebook.dumps(nb), 'a.ipynb')\n"
        "heavy = {'jupytext', 'nbformat', 'yaml', 'jsonschema', 'tempfile', 'subprocess', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
