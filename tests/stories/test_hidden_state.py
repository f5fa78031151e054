"""%load_ext octavo: names that a run of all cells from the top would make otherwise are named, and no others."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jupyter_kernel import Kernel
from octavo import notebook as documents
from octavo.jupyter.hidden import Saved, Watch
from octavo.model import Json


@dataclass(frozen=True)
class Told:
    """A session: the cells at the beginning, and what a person does.

    A step is a cell that is run ("a"), with the names that must then be in doubt ("c: x y"), or: "edit a: source",
    "add z below a: source", "delete a", "move a below c", "save".
    """

    cells: dict[str, str]
    steps: tuple[str, ...]


XYZ = {"a": "x = 1", "b": "y = x + 1", "c": "print(y)"}

SESSIONS: dict[str, Told] = {
    # ── honest
    "in order": Told(XYZ, ("a", "b", "c")),
    "in order, twice": Told(XYZ, ("a", "b", "c", "a", "b", "c")),
    "edited, and all run again": Told(XYZ, ("a", "b", "c", "edit a: x = 2", "a", "b", "c", "save", "c")),
    "run again as it was": Told(XYZ, ("a", "b", "c", "a", "c", "b", "c")),
    "saved without edits": Told(XYZ, ("a", "b", "save", "c", "save", "c", "b")),
    "a function reads what is made before its call": Told(
        {"a": "def f():\n    return y", "b": "y = 1", "c": "f()"}, ("a", "b", "c", "save", "c", "b", "c")
    ),
    "a part is set again": Told(
        {"a": "d = {}", "b": "d['k'] = 1", "c": "print(d)"}, ("save", "a", "b", "c", "b", "c", "a", "b", "c")
    ),
    "imported again further down": Told(
        {"a": "import json", "b": "json.dumps(1)", "c": "import json"}, ("save", "a", "b", "c", "b")
    ),
    "a cell is deleted that nobody uses": Told(
        {**XYZ, "d": "other = 1"}, ("a", "d", "b", "delete d", "save", "c", "b")
    ),
    "moved, and run again": Told(
        XYZ, ("save", "a", "b", "c", "move c below a", "b", "edit c: print(x)", "save", "c")
    ),
    "failed, and mended": Told(
        {"a": "x = 1 / 0", "b": "y = x"}, ("a", "edit a: x = 1", "a", "b", "save", "b")
    ),
    "magics, classes, loops and comprehensions": Told(
        {
            "a": "%%time\nx = [i for i in range(3)]",
            "b": "class A:\n    def m(self):\n        return len(x)\nfor k in x:\n    pass",
            "c": "print(A().m(), k, [i for i in x])",
        },
        ("save", "a", "b", "c", "c", "a", "b", "c"),
    ),
    "taken away in order": Told({"a": "x = 1", "b": "y = x\ndel x", "c": "print(y)"}, ("a", "b", "c")),
    "given a new value from its own": Told(
        {"a": "x = 1", "b": "x = x + 1", "c": "print(x)"}, ("save", "a", "b", "c", "a", "b", "c")
    ),
    "lists grow once": Told(
        {"a": "l = []", "b": "l.append(1)", "c": "print(l)"}, ("a", "b", "c", "a", "b", "c")
    ),
    "a deletion is undone": Told(
        XYZ, ("a", "b", "delete b", "add b below a: y = x + 1", "save", "c", "b", "c")
    ),
    "split, and both halves run": Told(
        {"a": "x = 1\ny = x", "b": "print(x, y)"},
        ("a", "b", "edit a: x = 1", "add z below a: y = x", "a", "z", "save", "b"),
    ),
    "merged, and run": Told(XYZ, ("a", "b", "c", "edit a: x = 1\ny = x + 1", "delete b", "a", "save", "c")),
    "asynchronous": Told(
        {"a": "import asyncio", "b": "x = await asyncio.sleep(0, 1)", "c": "print(x)"},
        ("a", "b", "save", "c", "a", "b", "c"),
    ),
    "other languages, and what they print, captured": Told(
        {
            "a": "%%bash --out words\necho a",
            "b": "%%capture out\nprint(words)",
            "c": "print(out.stdout, words)",
        },
        ("a", "b", "save", "c", "a", "b", "c"),
    ),
    "another script is run, and all of a module imported": Told(
        {"a": "%run other.py", "b": "from other import *", "c": "print(v)"},
        ("a", "b", "save", "c", "a", "b", "c"),
    ),
    "restarted, and nothing cleared": Told(XYZ, ("a", "c", "restart", "a", "b", "c")),
    "deleted at the end": Told({"a": "x = 1", "b": "print(x)", "c": "del x"}, ("a", "b", "c", "a", "b", "c")),
    "interrupted, and run again from the top": Told(
        {"a": "l = []", "b": "l.append(1)\nraise KeyboardInterrupt", "c": "print(l)"},
        ("a", "b", "edit b: l.append(1)", "a", "b", "c"),
    ),
    # ── dishonest
    "interrupted in the middle": Told(
        {"a": "l = []", "b": "l.append(1)\nraise KeyboardInterrupt\nl.append(2)", "c": "print(l)"},
        ("a", "b", "c: l", "edit b: l.append(1)", "b: l"),
    ),
    "split, and one half run": Told(
        {"a": "x = 1\ny = 2", "b": "print(x, y)"},
        ("a", "edit a: x = 1", "add z below a: y = 2", "a", "b: y"),
    ),
    "merged, and not run": Told(XYZ, ("a", "b", "edit a: x = 1\ny = x + 1", "delete b", "c: y")),
    "moved up, above what it needs": Told(XYZ, ("a", "b", "move a below b", "save", "b: x")),
    "a script that is run sets a name that another cell has set again": Told(
        {"a": "v = 0", "b": "%run other.py", "c": "print(v)"}, ("save", "a", "b", "c", "a", "c: v", "b", "c")
    ),
    "import * binds a name anew": Told(
        {"a": "v = 0", "b": "from other import *", "c": "print(v)"},
        ("save", "a", "b", "c", "a", "c: v", "b", "c"),
    ),
    "%%capture and %%bash set a name that is read above": Told(
        {"a": "print(w)", "b": "%%bash --out w\necho 1"}, ("save", "b", "a: w")
    ),
    "exec and globals() set a name": Told(
        {"a": "v = 0", "b": "exec('v = 1')", "c": "print(v)"}, ("save", "a", "b", "a", "c: v")
    ),
    "taken away, and made by a cell that is gone": Told(
        {"a": "x = 1", "b": "del x", "c": "x = 2", "d": "print(x)"}, ("a", "b", "c", "delete c", "d: x")
    ),
    "the first is edited and run": Told(XYZ, ("a", "b", "c", "edit a: x = 2", "a", "c: y")),
    "across two cells": Told(
        {**XYZ, "c": "z = y + 1", "d": "print(z)"}, ("a", "b", "c", "d", "edit a: x = 2", "a", "d: z", "c: y")
    ),
    "deleted": Told(XYZ, ("a", "b", "delete a", "b: x", "c")),
    "deleted and saved": Told(XYZ, ("a", "b", "c", "delete b", "save", "c: y")),
    "no longer made": Told(XYZ, ("a", "edit a: xx = 1", "a", "b: x")),
    "edited and saved, not run": Told(XYZ, ("a", "b", "c", "edit a: x = 5", "save", "b: x", "c")),
    "made further down": Told({"a": "x = 1", "b": "print(x)", "c": "x = 2"}, ("save", "a", "b", "c", "b: x")),
    "only made further down": Told({"a": "print(x)", "b": "x = 1"}, ("save", "b", "a: x")),
    "counted twice": Told({"a": "n = 1", "b": "n += 1", "c": "print(n)"}, ("a", "b", "b: n")),
    "grown twice": Told({"a": "l = []", "b": "l.append(1)", "c": "print(l)"}, ("a", "b", "b: l")),
    "made anew, and not changed again": Told(
        {"a": "d = {}", "b": "d['k'] = 1", "c": "print(d)"}, ("save", "a", "b", "c", "a", "c: d", "b", "c")
    ),
    "a function reads what was deleted": Told(
        {"a": "y = 1", "b": "def f():\n    return y", "c": "f()"}, ("a", "b", "c", "delete a", "c: y")
    ),
    "a function reads what is made further down": Told(
        {"a": "def f():\n    return y", "b": "f()", "c": "y = 1"}, ("save", "a", "c", "b: y")
    ),
    "a new cell above needs what is below": Told(
        {"a": "x = 1", "b": "y = x"}, ("a", "b", "add z below a: print(y)", "save", "z: y")
    ),
}


class Browser:
    """A notebook that is open: cells in order, edited before they are saved."""

    def __init__(self, cells: dict[str, str]) -> None:
        self.cells = dict(cells)
        self.deleted: list[str] = []

    def does(self, step: str) -> None:
        match [*re.split(r":? ", step, maxsplit=2)]:
            case ["edit", cell, source]:
                self.cells[cell] = source
            case ["delete", cell]:
                del self.cells[cell]
                self.deleted.append(cell)
            case ["move", cell, below]:
                self._put(cell, below.removeprefix("below "), self.cells.pop(cell))
            case ["add", cell, rest]:
                below, _, source = rest.removeprefix("below ").partition(": ")
                self._put(cell, below, source)
            case _:
                raise AssertionError(step)

    def _put(self, cell: str, below: str, source: str) -> None:
        items = [*self.cells.items()]
        # a deletion that is undone: octavo's page takes back what JupyterLab is going to tell
        self.deleted = [other for other in self.deleted if other != cell]
        at = [*self.cells].index(below) + 1
        self.cells = dict([*items[:at], (cell, source), *items[at:]])

    def saved(self, file: Path) -> None:
        code: Json = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
        cells = [{**code, "id": cell, "source": source} for cell, source in self.cells.items()]
        file.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
        # clocks of file systems are coarse
        os.utime(file, (time.time() + 0.02,) * 2)
        time.sleep(0.03)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, Path]]:
    file = tmp_path_factory.mktemp("hidden") / "nb.ipynb"
    Browser({}).saved(file)
    (file.parent / "other.py").write_text("v = 1")
    found = Kernel(file)
    yield found, file
    found.close()


@pytest.mark.parametrize("name", SESSIONS)
def test_the_verdict_on_a_session_is_right_at_each_of_its_cells(
    name: str, kernel: tuple[Kernel, Path]
) -> None:
    ipython, file = kernel
    session = SESSIONS[name]
    browser = Browser(session.cells)
    browser.saved(file)
    assert "not found" not in ipython.run("%reset -f\n%reload_ext octavo", "load").err
    for number, step in enumerate(session.steps):
        cell, _, names = step.partition(":")
        if step == "save":
            browser.saved(file)
        elif step == "restart":
            ipython.run("%reset -f\n%reload_ext octavo", "load")
        elif cell not in browser.cells:
            browser.does(step)
        else:
            said = ipython.run(browser.cells[cell], cell, deleted=browser.deleted)
            browser.deleted = []
            found = re.findall(r"^octavo: (.*?): ", said.err, re.M)
            assert sorted(found) == sorted(names.split()), (number, step, said.err)


def test_a_script_has_no_ids_and_its_cells_are_known_by_what_they_say() -> None:
    watch, namespace = Watch(), dict[str, object]()

    def run(cell: str, source: str, number: int, script: str, saved: float) -> list[str]:
        texts = [(None, one["source"]) for one in documents.loads(script.encode(), "a.py").cells]
        doubts = watch.begin(cell, source, namespace, Saved(texts, saved))
        exec(source, namespace)
        watch.end(number, float(number), namespace)
        return doubts

    script = "# %%\nx = 1\n\n# %%\nprint(x)\n\n# %%\nx = 2\n"
    assert (
        run("1", "x = 1", 1, script, 0)
        == run("2", "print(x)", 2, script, 0)
        == run("3", "x = 2", 3, script, 0)
        == []
    )
    assert run("2", "print(x)", 4, script, 0) == ["x: made by [3], a cell further down"]
    edited = script.replace("x = 2", "x = 3")
    assert run("2", "print(x)", 5, edited, 4.5) == ["x: made by [3], a cell that was edited or deleted since"]


def test_a_cell_costs_less_than_a_millisecond_and_whatever_it_says_nothing_is_raised() -> None:
    source = "\n".join(f"v{i} = [f1(x) + v{i} for x in v{i + 1}]  # a cell of ten lines" for i in range(10))
    watch, namespace = Watch(), {f"v{i}": i for i in range(2000)}
    saved = Saved([(str(i), "x") for i in range(100)], 1.0)
    watch.begin("0", "v0 = 1\ndef f1(x):\n    return v0\n", namespace, saved)
    watch.end(0, 0.0, namespace)
    began = time.process_time()
    for number in range(100):
        watch.begin(str(number), source, namespace, saved)
        watch.end(number, float(number), namespace)
    spent = (time.process_time() - began) / 100
    assert spent < 0.02, "a loose bound: measured are 0.6 ms"
    for source in ("x = (", "%%bash\necho $x", "!ls", "from os import *", "del nothing", "\ufeff", "(" * 500):
        assert watch.begin("z", source, namespace, saved) == []
        watch.end(200, 200.0, namespace, whole=False)
