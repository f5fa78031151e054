"""Kernels as VS Code and Colab speak to them: forms taken from their public sources, not from the programs.

vscode-jupyter (``cellExecution.ts``, ``kernel.ts``): the metadata of the cell, with ``cellId``, the address of the cell
in the editor; before the first cell, silently, the path of an ``.ipynb`` in ``__vsc_ipynb_file__``; after each,
silently, what its view of variables asks. colabtools (``_history.py``): ``metadata.colab.cell_id``, no tags, and no
path of a file. Neither tells of cells that were deleted, and no server has octavo's extension.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from jupyter_kernel import Kernel, Said
from octavo.model import Json
from projects import Folder

PARAMETERS = "upstream = None\nproduct = None\nn = 1"
CELLS = [PARAMETERS, "x = n", "y = x"]


class Front:
    """A front end: what it says of the cell with a number, tagged or not, and what it asks for itself."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def run(self, number: int, code: str, *tags: str) -> Said:
        said = self.kernel.run(code, metadata=self.said(number, *tags))
        self.asides()
        return said

    def said(self, number: int, *tags: str) -> Json:
        raise NotImplementedError

    def asides(self) -> None: ...


class Code(Front):
    def __init__(self, kernel: Kernel, file: Path, host: str = "") -> None:
        super().__init__(kernel)
        self.address = f"vscode-notebook-cell:{host}{quote(str(file))}"
        kernel.silent(f'if "__vsc_ipynb_file__" not in globals():\n    __vsc_ipynb_file__ = {str(file)!r}')

    def said(self, number: int, *tags: str) -> Json:
        return {**({"tags": [*tags]} if tags else {}), "cellId": f"{self.address}#W{number}sZmlsZQ%3D%3D"}

    def asides(self) -> None:
        assert not self.kernel.silent("import builtins as _b\n_b.len(_b.globals())\ndel _b").failed


class Colab(Front):
    def said(self, number: int, *tags: str) -> Json:
        return {"colab": {"cell_id": f"Xk3{number}LmQ"}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    found = Folder(tmp_path_factory.mktemp("a b#é"))
    found.write("pipeline.yaml", "- {source: nb/fit.ipynb, product: {nb: out/fit.ipynb}, params: {n: 7}}\n")
    cell: Json = {"cell_type": "code", "execution_count": None, "outputs": [], "metadata": {}}
    cells = [{**cell, "id": f"id-{i}", "source": source} for i, source in enumerate(CELLS)]
    cells[0]["metadata"] = {"tags": ["parameters"]}
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    found.write("nb/fit.ipynb", json.dumps(book))
    return found


@pytest.fixture(scope="module")
def kernel(project: Folder) -> Iterator[Kernel]:
    found = Kernel(project.path / "nb/fit.ipynb", JPY_SESSION_NAME="")
    yield found
    found.close()


def begun(front: Front) -> None:
    """Load the extension in an empty kernel."""
    front.kernel.run("%reset -f", metadata={})
    assert front.run(0, "%load_ext octavo\n%reload_ext octavo").err == ""


def doubts(front: Front) -> str:
    """Run the cells in order, the second again with an edit, and return what is said under the third."""
    assert front.run(2, CELLS[1]).err == front.run(3, CELLS[2]).err == ""
    assert front.run(2, "x = n + 1").err == ""
    return front.run(4, "print(y)").err


def test_in_colab_names_in_doubt_are_told_and_values_are_set_for_a_task_that_is_named(
    kernel: Kernel, project: Folder
) -> None:
    colab = Colab(kernel)
    begun(colab)
    said = colab.run(1, PARAMETERS)
    assert (said.out, said.err, said.failed) == ("", "", "")
    assert "%octavo task NAME sets the values of a task" in colab.run(9, "%octavo values").err
    assert "fit" in (said := colab.run(9, "%octavo task fti")).err and not said.failed
    assert "n, product of task fit, from pipeline.yaml" in colab.run(9, "%octavo task fit").out
    assert colab.run(9, "print(n, product['nb'])").out == f"7 {project.path}/out/fit.ipynb\n"
    assert doubts(colab).startswith("octavo: y: ")
    header = colab.run(9, "import octavo\noctavo.header()")
    assert not header.failed and header.shown
    assert "1 of 1 task is stale" in colab.run(9, "%octavo status").out


@pytest.mark.parametrize("host", ["", "//ssh-remote%2Bbox"], ids=["here", "remote"])
def test_in_vs_code_values_are_set_names_in_doubt_told_and_the_header_knows_the_notebook(
    kernel: Kernel, project: Folder, host: str
) -> None:
    file = project.path / "nb/fit.ipynb"
    code = Code(kernel, file, host)
    begun(code)
    assert "n, product of task fit, from pipeline.yaml" in code.run(1, PARAMETERS, "parameters").out
    assert "of task fit" in code.run(1, PARAMETERS).out, "an older version sends no tags"
    assert code.run(5, "print(n)").out == "7\n"
    assert doubts(code).startswith("octavo: y: ")
    header = code.run(6, "import octavo\noctavo.header()")
    assert not header.failed and any("fit.ipynb" in shown for shown in header.shown)
    # where cells stand is known by what they say, as its names of cells are not those of the file
    begun(code)
    code.run(1, PARAMETERS, "parameters")
    assert code.run(3, "x = 3").err == "" and code.run(2, CELLS[1]).err == ""
    assert code.run(3, CELLS[2]).err == ""
