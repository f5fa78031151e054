"""Notebooks as modules in tests: functions without the rest, cells as far as a test asks, testbook's API."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from octavo.errors import Error, NotebookError
from octavo.testing import (
    TestbookError,
    TestbookRuntimeError,
    TestbookSerializeError,
    importable,
    notebook,
    testbook,
)
from octavo.testing.testbooks import TestbookNotebookClient

SCRIPT = """\
# %% tags=["imports"]
import math
from pathlib import Path
from typing import Any
try:
    import a_module_that_is_not_there
except ImportError:
    a_module_that_is_not_there = None
import another_that_is_not_there

# %% tags=["parameters"]
rate = 2

# %%
FACTOR = 10 * rate
HERE = Path("a") / "b"

# %% load
print("loading")
prices = Path("prices.txt").read_text().split()

# %%
def scale(x):
    return math.floor(x * FACTOR)

def count():
    return len(prices) + bonus()

def bonus():
    return 1

class Shop:
    factor = FACTOR

scale = scale

# %% features
%time 1 + 1
await __import__("asyncio").sleep(0)
features = [scale(x) for x in (1, 2)]
display(features)
features

# %% fail
def fail():
    raise KeyError("x")
fail()
"""


def line(start: str) -> int:
    """Return the line of the script that starts so."""
    return next(number for number, text in enumerate(SCRIPT.splitlines(), start=1) if text.startswith(start))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "clean.py").write_text(SCRIPT)
    (tmp_path / "prices.txt").write_text("1\n2\n")
    modules, finders = set(sys.modules), list(sys.meta_path)
    yield tmp_path
    sys.meta_path[:] = finders
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] in ("another_that_is_not_there", tmp_path.name, "sheets"):
            del sys.modules[name]


def test_functions_are_defined_without_running_the_rest(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nb = notebook(folder / "clean.py")
    assert nb.Shop.factor == 20
    assert nb.bonus() == 1
    assert nb.a_module_that_is_not_there is None
    assert str(nb.HERE) == str(Path("a/b"))
    assert "math" not in nb.namespace  # nothing has needed it
    assert capsys.readouterr().out == ""
    code = nb.bonus.__code__
    assert (code.co_filename, code.co_firstlineno) == (
        str(folder / "clean.py"),
        line("def bonus"),
    )


UNUSUAL = """\
# %%
from __future__ import annotations
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload
if TYPE_CHECKING:
    from decimal import Decimal
RATE = 3

# %%
def counted(f):
    @functools.wraps(f)
    def inner(*args):
        inner.calls += 1
        return f(*args)
    inner.calls = 0
    return inner

# %%
%matplotlib inline
count = 0
read = open("/not/there").read

@counted
def bump():
    global count
    count += 1
    return count

def restart(to):
    global count, read
    count, read = to, None

@functools.lru_cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

@overload
def money(x: Decimal) -> Decimal: ...
@overload
def money(x: int) -> int: ...
def money(x):
    return x

@dataclass(frozen=True)
class Sale:
    price: Decimal
    rate: int = RATE
    def total(self) -> Decimal:
        return self.price * self.rate

async def later(x: Decimal):
    return x

def each(n):
    yield from (n * RATE for n in range(n))

# %%
if __name__ == "__main__":
    raise SystemExit(1)
"""


def test_unusual_definitions_are_what_they_are_where_all_runs(tmp_path: Path) -> None:
    (tmp_path / "unusual.py").write_text(UNUSUAL)
    before = {*sys.modules}
    nb = notebook(str(tmp_path / "unusual.py"))
    assert (nb.bump(), nb.bump(), nb.bump.calls) == (1, 2, 2), (
        "a decorator of another cell, a global that is changed"
    )
    nb.restart(7)
    assert nb.bump() == 8
    assert nb.fib(20) == 6765 and nb.fib.cache_info().hits
    assert nb.money(3) == 3 and nb.Sale(2).total() == 6 and [*nb.each(3)] == [0, 3, 6]
    assert asyncio.run(nb.later(4)) == 4, "annotations stay texts, as the first cell asks"
    assert "unusual" not in {*sys.modules} - before


def test_what_a_function_needs_and_cannot_have_names_the_cell(folder: Path) -> None:
    nb = notebook(folder / "clean.py")
    with pytest.raises(NotebookError) as told:
        nb.count  # noqa: B018
    assert told.value.message == '"count" needs "prices": only running the cell "load" gives it'
    assert str(told.value.where) == f"{folder / 'clean.py'}:{line('prices = ')}"
    assert told.value.hint == 'nb.run(until="load"), or set it: nb.patch("prices", value)'
    with pytest.raises(NotebookError, match='"prices" is no definition: only running the cell "load"'):
        nb.prices  # noqa: B018
    with pytest.raises(AttributeError, match=r"defines no scal: did you mean"):
        nb.scal  # noqa: B018
    assert not hasattr(nb, "nothing_like_this")
    with nb.patch("prices", [1, 2, 3]):
        assert nb.count() == 4
    assert "prices" not in nb.namespace


def test_cells_run_as_far_as_a_test_asks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)
    (folder / "another_that_is_not_there.py").write_text("")
    here, main = os.getcwd(), sys.modules["__main__"]
    nb = notebook(folder / "clean.py", {"rate": 3})
    with pytest.raises(NotebookError, match=r'the cell "load" has not run'):
        nb.cell("load").text  # noqa: B018
    assert nb.run(until="features") is nb
    assert nb.features == [30, 60]
    assert nb.count() == 3
    assert nb.cell("load").text == "loading"
    kinds = [output["output_type"] for output in nb.cell("features").outputs]
    assert kinds == ["stream", "display_data", "execute_result"]
    assert nb.cell("features").outputs[-1]["data"] == {"text/plain": "[30, 60]"}
    with nb.patch("FACTOR", 1):
        assert nb.scale(2) == 2
    nb.inject(FACTOR=5).run(until="features")  # it has run before, and runs again
    assert nb.features == [5, 10]
    with pytest.raises(KeyError) as raised:
        nb.run()
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert (last.filename, last.lineno, last.line) == (
        str(folder / "clean.py"),
        SCRIPT.count("\n") - 1,
        'raise KeyError("x")',
    )
    assert not any("IPython" in frame.filename for frame in traceback.extract_tb(raised.value.__traceback__))
    assert (os.getcwd(), sys.modules["__main__"]) == (here, main)
    with pytest.raises(NotebookError, match=r'there is no cell "feature"') as unknown:
        nb.cell("feature")
    assert unknown.value.hint == 'did you mean "features"?'


def test_notebooks_of_a_folder_are_imported_as_modules_where_that_is_asked_for(folder: Path) -> None:
    books = folder / "sheets"
    books.mkdir()
    (books / "sums.ipynb").write_text(
        cells("import math", "def half(x):\n    return x / TWO", "TWO = 2", "1 / 0")
    )
    importable(books)
    importable(books)
    names: dict[str, Any] = {}
    exec("from sheets import sums\nfrom sheets.sums import half", names)
    sums, half = names["sums"], names["half"]

    assert half(4) == sums.half(4) == 2
    with pytest.raises(ImportError):
        import_module("books.nothing")
    with pytest.raises(Error, match="no such folder"):
        importable(folder / "none")


def cells(*sources: str, tag: str = "") -> str:
    found: list[object] = [
        {"cell_type": "code", "id": f"c{number}", "metadata": {"tags": [f"t{number}"]}, "source": source}
        | {"outputs": [], "execution_count": None}
        for number, source in enumerate(sources)
    ]
    return json.dumps({"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_a_notebook_of_another_language_or_that_is_not_there_is_told(folder: Path) -> None:
    (folder / "a.R").write_text("# %%\nx <- 1\n")
    with pytest.raises(NotebookError, match="only Python runs in a test"):
        notebook(folder / "a.R")
    with pytest.raises(NotebookError, match="cannot be read: No such file"):
        notebook(folder / "b.py")


def test_tests_that_were_written_for_testbook_run(folder: Path) -> None:
    path = folder / "a.ipynb"
    path.write_text(
        cells(
            "import os\nitems = (1, 2)\nclass Foo:\n    def get(self, x): return x + 1\n    def fail(self): 1 / 0",
            "def names(): return os.listdir('.')\nprint('hi')\n{1: 'a'}",
            "1 / 0",
        )
    )

    @testbook(str(path), execute=["t0", "t1"])
    def check(tb: TestbookNotebookClient, extra: int) -> int:
        foo = tb.ref("Foo")()
        assert foo.get(extra) == 3
        assert tb["items"] == [1, 2]
        assert tb.value("len(items)") == 2
        assert tb.cell_output_text("t1") == "hi\n{1: 'a'}"
        assert tb.cell_execute_result(1) == [{"text/plain": "{1: 'a'}"}]
        assert tb.inject("print(items)", pop=True).output_text == "(1, 2)"
        with tb.patch("os.listdir", return_value=["x"]) as mocked:
            assert tb.ref("names")() == ["x"]
            mocked.assert_called_once()
        with tb.patch("os.getcwd", return_value="/elsewhere"):
            assert tb.value("__import__('os').getcwd()") == "/elsewhere"
        with tb.patch("__main__.items", [7]):
            assert tb.ref("items") == [7]
        with tb.patch_dict("os.environ", {"A": "b"}, clear=True):
            assert tb.ref("os.environ") == {"A": "b"}
        with pytest.raises(TestbookSerializeError):
            foo.resolve()
        with pytest.raises(TestbookRuntimeError) as raised:
            foo.fail()
        assert raised.value.eclass is ZeroDivisionError
        with pytest.raises(TestbookRuntimeError, match="division by zero"):
            tb.execute_cell("t2")
        with pytest.raises(TestbookError, match="'none' not found"):
            tb.cell_output_text("none")
        return extra

    assert check(extra=2) == 2
    with testbook(path, execute=slice("t0", "t1")) as tb:
        assert tb.code_cells_executed == 2
    with pytest.raises(NotebookError, match='not in the kernel "ir"'):
        testbook(path, kernel_name="ir")
