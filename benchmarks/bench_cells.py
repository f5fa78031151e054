"""Many cells and much output: the price of a cell beside nbclient and papermill, and of 50 MB of outputs.

Bars: a cell of a notebook with 1,000 costs at most 1 ms, and at least 5 times less than in nbclient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench import (
    Contender,
    Environment,
    Settings,
    bar,
    compare,
    least,
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
        "octavo": (env.octavo("run", "in.ipynb", "out.ipynb"), None)
    }
    if env.has("nbclient"):
        found["nbclient"] = ([str(env.python), "-c", NBCLIENT, "in.ipynb", "nbclient.ipynb"], None)
    if env.has("papermill"):
        # it writes the whole notebook several times per cell
        found["papermill"] = (env.script("papermill", "in.ipynb", "papermill.ipynb"), slow)
    return found


def many_cells(asked: Settings, folder: Path) -> None:
    """Compare notebooks of very many and of very few cells; the difference is what a cell costs."""
    few, count = (3, 30) if asked.quick else (3, 1002)
    contenders = []
    tools = commands(asked.environment, asked.options.slow_rounds)
    for cells in (few, count):
        where = folder / str(cells)
        codes = [CELLS[number % len(CELLS)].replace("{number}", str(number)) for number in range(cells)]
        write_notebook(where / "in.ipynb", codes)
        contenders += [
            Contender(f"{name}, {cells} cells", command, where, rounds=rounds)
            for name, (command, rounds) in tools.items()
        ]
    rounds = compare(contenders, asked)
    table("notebooks of very few and very many cells", rounds, f"octavo, {count} cells")
    price = {
        name: 1000
        * (least(rounds[f"{name}, {count} cells"]) - least(rounds[f"{name}, {few} cells"]))
        / (count - few)
        for name in tools
        if rounds[f"{name}, {count} cells"]
    }
    for name, each in price.items():
        print(f"each further cell in {name}: {each:.2f} ms")
    bar("ms of wall time for each cell", price["octavo"], at_most=1)
    if "nbclient" in price:
        bar("nbclient's price of a cell, times ours", price["nbclient"] / price["octavo"], at_least=5)


def much_output(asked: Settings, folder: Path) -> None:
    """Compare time and peak memory of a notebook that shows 50 MB: text, and data as images are."""
    cells = 1 if asked.quick else 25
    write_notebook(folder / "in.ipynb", [TEXT, IMAGE] * cells)
    contenders = [
        Contender(name, command, folder, rounds=rounds)
        for name, (command, rounds) in commands(asked.environment, 0).items()
    ]
    rounds = compare(contenders, replace(asked, rounds=min(asked.rounds, 3)), memory=True)
    table(f"{2 * cells} MB of outputs", rounds, "octavo")


def main() -> None:
    slow = {"type": int, "default": 1, "help": "how often papermill runs, which takes minutes (1)"}
    asked = settings(__doc__ or "", 5, ("--slow-rounds", slow))
    with workplace() as folder:
        many_cells(asked, folder)
        much_output(asked, folder / "output")


if __name__ == "__main__":
    main()
