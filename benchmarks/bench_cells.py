"""Many cells and much output: the price of a cell beside nbclient and papermill, and of 50 MB of outputs.

Bars: a cell of a notebook with 1,000 costs at most 1 ms, and at least 5 times less than in nbclient.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench import (
    Contender,
    Environment,
    Rounds,
    Settings,
    bar,
    compare,
    middle,
    settings,
    table,
    workplace,
    write_notebook,
)

#: The three kinds of tiny cells that notebooks are full of: a statement, something printed, a value shown.
CELLS = ("value = {number}", "print({number})", "value + {number}")
TEXT = "print(('x' * 99 + '\\n') * 10_000, end='')"
IMAGE = (
    "import base64, os\nfrom IPython.display import Image, display\n"
    "display({'image/png': base64.b64encode(os.urandom(750_000)).decode()}, raw=True)"
)
NBCLIENT = """\
import sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=None).execute()
nbformat.write(notebook, sys.argv[2])
"""


def commands(env: Environment, slow: int | None) -> Mapping[str, tuple[list[str], int | None]]:
    """Return how each tool runs in.ipynb to out.ipynb, and how many rounds of it are bearable."""
    found: dict[str, tuple[list[str], int | None]] = {
        "quire": (env.quire("run", "in.ipynb", "out.ipynb"), None)
    }
    if env.has("nbclient"):
        found["nbclient"] = ([str(env.python), "-c", NBCLIENT, "in.ipynb", "nbclient.ipynb"], None)
    if env.has("papermill"):
        # it writes the whole notebook several times per cell
        found["papermill"] = (env.script("papermill", "in.ipynb", "papermill.ipynb"), slow)
    return found


def many_cells(asked: Settings, folder: Path) -> None:
    """Compare notebooks of very many and of very few cells; the difference is what a cell costs."""
    count, few = (30, 3) if asked.quick else (1002, 3)
    found: dict[int, Rounds] = {}
    for cells in (few, count):
        where = folder / str(cells)
        codes = [CELLS[number % len(CELLS)].replace("{number}", str(number)) for number in range(cells)]
        write_notebook(where / "in.ipynb", codes)
        contenders = [
            Contender(name, command, where, rounds=rounds)
            for name, (command, rounds) in commands(asked.environment, 1).items()
        ]
        found[cells] = compare(contenders, asked)
        table(f"a notebook of {cells} cells", found[cells], "quire")
    price = {
        name: [1000 * (a.wall - b.wall) / (count - few) for a, b in zip(many, found[few][name], strict=True)]
        for name, many in found[count].items()
    }
    for name, each in price.items():
        print(f"each further cell in {name}: {middle(each)} ms")
    bar("ms of wall time for each cell", statistics.median(price["quire"]), most=1)
    if "nbclient" in price:
        times = statistics.median(a / b for a, b in zip(price["nbclient"], price["quire"], strict=True))
        bar("nbclient's price of a cell, times ours", times, least=5)


def much_output(asked: Settings, folder: Path) -> None:
    """Compare time and peak memory of a notebook that shows 50 MB: text, and data as images are."""
    cells = 1 if asked.quick else 25
    write_notebook(folder / "in.ipynb", [TEXT, IMAGE] * cells)
    contenders = [
        Contender(name, command, folder, rounds=rounds)
        for name, (command, rounds) in commands(asked.environment, 0).items()
    ]
    rounds = compare(contenders, replace(asked, rounds=min(asked.rounds, 3)), memory=True)
    table(f"{2 * cells} MB of outputs", rounds, "quire")


def main() -> None:
    asked = settings(__doc__ or "", 5)
    with workplace() as folder:
        many_cells(asked, folder)
        much_output(asked, folder / "output")


if __name__ == "__main__":
    main()
