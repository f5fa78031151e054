"""What functions of a pipeline made in Python hold: arguments, cells, globals, methods' objects, and their code.

All rows are tasks of one program, which is run as it was, changed, and changed back, each time with another hash seed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent


@dataclass(frozen=True)
class Row:
    """Lines that make ``f``, a task's function, and perhaps ``params``; ``top`` stands at the top of the program.

    ``@@`` is 1, and 2 when the program is changed. ``counts``: that makes another product. What does not must be the
    same to a process with another hash seed.
    """

    code: str
    top: str = ""
    counts: bool = True


def _row(code: str, top: str = "") -> Row:
    return Row(dedent(code), dedent(top))


def _same(code: str, top: str = "") -> Row:
    return Row(dedent(code), dedent(top), counts=False)


def _value(expression: str) -> Row:
    """Return the row of a function with a parameter that no file could say."""
    return Row(f"f, params = show, {{'text': {expression}}}")


_CLOSED = """
def made(held):
    def inner(product):
        write(product, held)
    return inner
f = made({0})
"""

ROWS: Mapping[str, Row] = {
    # arguments of partials
    "a partial's keyword": _row("f = functools.partial(show, text=@@)"),
    "a partial's argument": _row(
        "f = functools.partial(turned, @@)", "def turned(n, product): write(product, n)"
    ),
    "a partial of a partial": _row("f = functools.partial(functools.partial(add, a=@@), b=5)"),
    "a partial's object": _row("f = functools.partial(show, text=Point(@@, 0))"),
    "a partial's mapping in its order": _row(
        "f = functools.partial(show, text=dict(sorted(M.items(), key=BY[@@])))"
    ),
    "a partial's array": _row("f = functools.partial(total, text=np.r_[np.zeros(5000), @@, np.zeros(5000)])"),
    "a partial's set": _row("f = functools.partial(show, text=sorted({'a', 'b', '@@'}))"),
    "a partial's function": _row("f = functools.partial(call, text=lambda: @@)"),
    "a partial's type": _row("f = functools.partial(show, text=[1, 1.0][@@ - 1])"),
    "a partial's keyword in its order": _row(
        "f = functools.partial(order, **[{'a': 1, 'b': 2}, {'b': 2, 'a': 1}][@@ - 1])"
    ),
    # cells of closures
    "a closure's number": _row(_CLOSED.format("@@")),
    "a closure's list": _row(_CLOSED.format("[1, [@@]]")),
    "a closure's long list": _row(_CLOSED.format("[*range(5000), @@, *range(5000)]")),
    "a closure's frame": _row(_CLOSED.format("pd.DataFrame({'a': [0] * 500 + [@@] + [0] * 500})['a'].sum()")),
    "a closure's object": _row(_CLOSED.format("Point(@@, 1)")),
    "a closure's path": _row(_CLOSED.format("Path('a@@')")),
    "a closure's enum": _row(_CLOSED.format("Colour(@@)")),
    "a closure's date": _row(_CLOSED.format("datetime.date(2024, 1, @@)")),
    "a closure's bytes": _row(_CLOSED.format("b'a' * 1000 + bytes([@@])")),
    "a closure's array that is cut in its repr": _row(
        """
        def made(held):
            return lambda product: write(product, float(held.sum()))
        f = made(np.r_[np.zeros(5000), @@, np.zeros(5000)])
        """
    ),
    "a closure's function": _row(
        """
        def made(n):
            def helper(): return n
            def inner(product): write(product, helper())
            return inner
        f = made(@@)
        """
    ),
    "a cell of a lambda": _row("n = @@\nf = lambda product: write(product, n)"),
    "a default": _row("f = lambda product, n=@@: write(product, n)"),
    "a keyword's default": _row("def f(product, *, n=Point(@@, 3)): write(product, n)"),
    # bound objects
    "a method's object": _row("f = Model(@@).run"),
    "a method's code": _row(
        "f = $_It(1).run",
        "class $_It(Model):\n    def run(self, product): write(product, self.inner() + @@)\n"
        "    def inner(self): return 5",
    ),
    "a method that a method calls": _row(
        "f = $_It(1).run",
        "class $_It(Model):\n    def run(self, product): write(product, self.inner())\n    def inner(self): return @@",
    ),
    "a base's method": _row(
        "f = $_It(1).run",
        "class $_Base(Model):\n    def inner(self): return @@\n"
        "class $_It($_Base):\n    def run(self, product): write(product, self.inner())",
    ),
    "a class's attribute": _row(
        "f = $_It(1).run",
        "class $_It(Model):\n    k = @@\n    def run(self, product): write(product, self.k)",
    ),
    "a class method": _row(
        "f = $_It.run",
        "class $_It(Model):\n    k = @@\n    @classmethod\n    def run(cls, product): write(product, cls.k)",
    ),
    "an object that can be called": _row(
        "f = functools.partial($_It(@@))",
        "class $_It(Model):\n    def __call__(self, product): write(product, self.n)\n    __name__ = 'it'",
    ),
    "an attribute deep in a method's object": _row("f = Model({'a': [Model(@@)]}).deep"),
    # globals
    "a global that is made by a program": _row(
        "f = $_f", "$_N = int('@@')\ndef $_f(product): write(product, $_N)"
    ),
    "a global in a function that it calls": _row(
        "f = $_f", "$_N = len('x' * @@)\ndef $_g(): return $_N\ndef $_f(product): write(product, $_g())"
    ),
    "a global list": _row("f = $_f", "$_N = []\n$_N.append(@@)\ndef $_f(product): write(product, $_N)"),
    "a global object": _row("f = $_f", "$_N = Point(@@, 4)\ndef $_f(product): write(product, $_N)"),
    "a global function that a decorator made": _row(
        "f = $_f",
        "def $_times(n):\n    def deco(g): return lambda: g() * n\n    return deco\n"
        "@$_times(@@)\ndef $_g(): return 3\ndef $_f(product): write(product, $_g())",
    ),
    "a global that is read by the environment": _row(
        "f = $_f", "$_N = os.environ['VERSION']\ndef $_f(product): write(product, $_N)"
    ),
    "a registered implementation": _row(
        "f = $_f",
        "@functools.singledispatch\ndef $_g(x): return 0\n"
        "@$_g.register\ndef _(x: int): return @@\ndef $_f(product): write(product, $_g(1))",
    ),
    "a cached function": _row(
        "f = $_f", "@functools.cache\ndef $_g(): return @@\ndef $_f(product): write(product, $_g())"
    ),
    "a decorated task": _row(
        "f = $_f",
        "def $_deco(g):\n    @functools.wraps(g)\n    def inner(product): g(product, @@)\n    return inner\n"
        "@$_deco\ndef $_f(product, n=0): write(product, n)",
    ),
    # parameters that no file could say
    "an array": _value("np.r_[np.zeros(5000), @@, np.zeros(5000)].nonzero()[0].tolist() + [np.int64(@@)]"),
    "an array of another type": _row(
        "f, params = described, {'text': np.zeros(2, ['i4', 'i8'][@@ - 1])}",
        "def described(product, text): write(product, str(text.dtype))",
    ),
    "a frame's cell in the middle": _row(
        "f, params = summed, {'text': pd.DataFrame({'a': [0] * 500 + [@@] + [0] * 500})}",
        "def summed(product, text): write(product, int(text['a'].sum()))",
    ),
    "a frame's index": _row(
        "f, params = first, {'text': pd.DataFrame({'a': [1, 2]}, index=[@@, 9])}",
        "def first(product, text): write(product, int(text.index[0]))",
    ),
    "an object as a parameter": _value("Point(@@, 0)"),
    "an object's hidden attribute": _value("Hidden(@@)"),
    "a set": _value("frozenset({'@@'})"),
    "a mapping with keys of types": _value("{1: 'a', '1' if @@ == 1 else 2: 'b'}"),
    "a tuple in a mapping": _value("{'a': (1, @@)}"),
    "a date": _value("datetime.datetime(2024, 1, 1, @@)"),
    "a path": _value("Path('@@')"),
    "an enum": _value("Colour(@@)"),
    "bytes": _value("bytes(1000) + bytes([@@])"),
    "a decimal": _value("decimal.Decimal('1.' + '0' * @@)"),
    "a class": _value("[int, str][@@ - 1]"),
    "a function": _row("f, params = call, {'text': lambda: @@}"),
    # parameters of notebooks
    "a notebook's mapping with keys of types": _row(
        "f, params = NOTEBOOK, {'it': [{1: 'a'}, {'1': 'a'}][@@ - 1]}"
    ),
    "a notebook's mapping in its order": _row(
        "f, params = NOTEBOOK, {'it': dict(sorted(M.items(), key=BY[@@]))}"
    ),
    "a notebook's path": _row("f, params = NOTEBOOK, {'it': Path('a@@')}"),
    # what does not count
    "a comment": _same("# @@\nf = lambda product: write(product, 1)"),
    "a docstring": _same("f = $_f", 'def $_f(product):\n    """Version @@."""\n    write(product, 1)'),
    "the place of a function": _same(
        "\n" * 3 + "f = $_f", "\n" * 3 + "def $_f(product): write(product, 2)  # @@"
    ),
    "a set, whatever the seed": _same(_CLOSED.format("sorted(ABC) and (len(ABC), 1)") + "ABC"),
    "a set in a cell": _same(
        "def made(it):\n    return lambda product: write(product, len(it))\nf = made(ABC)"
    ),
    "a set as an argument": _same("f, params = counted, {'text': ABC}"),
    "a class with a set": _same(
        "f = $_It().run",
        "class $_It:\n    k = {'a', 'b', 'c'}\n    def run(self, product): write(product, len(self.k))",
    ),
    "a lock": _same("n = threading.Lock()\ndef f(product):\n    with n: write(product, 1)"),
    "a global that it does not use": _same("f = $_f", "$_M = '@@'\ndef $_f(product): write(product, 3)"),
    "another function": _same("f = $_f", "def $_g(): return @@\ndef $_f(product): write(product, 4)"),
    "an equal object that was made in another way": _same(
        "f = functools.partial(show, text=Point(3 - 2, @@ * 0))"
    ),
}

_HEAD = """
import datetime, decimal, enum, functools, json, os, sys, threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from octavo.ploomber import DAG
from octavo.ploomber.products import File
from octavo.ploomber.tasks import NotebookRunner, PythonCallable

M = {"b": 1, "a": 2}
BY = [None, lambda it: it[0], lambda it: it[1]]
ABC = {"a", "b", "c", "d"}
NOTEBOOK = '# %% tags=["parameters"]\\nupstream = None\\nproduct = None\\nit = None\\n\\n# %%\\nit\\n'

def write(product, value): Path(str(product)).write_text(repr(value))
def show(product, text): write(product, text)
def call(product, text): write(product, text())
def total(product, text): write(product, float(text.sum()))
def counted(product, text): write(product, len(text))
def add(product, a, b): write(product, a + b)
def order(product, **given): write(product, given)

class Colour(enum.Enum):
    RED = 1
    BLUE = 2

@dataclass
class Point:
    x: int
    y: int

class Model:
    def __init__(self, n): self.n = n
    def run(self, product): write(product, self.n)
    def deep(self, product): write(product, self.n["a"][0].n)

class Hidden(Model):
    def __repr__(self): return f"hidden {self.n}"

dag = DAG()

def add_task(name, f, params=None):
    if isinstance(f, str):
        NotebookRunner(f, File(f"out/{name}.ipynb"), dag, name=name, params=params)
    else:
        PythonCallable(f, File(f"out/{name}.txt"), dag, name=name, params=params)
"""
_TAIL = """
if __name__ == "__main__":
    report = dag.build(show_progress=False)
    print(json.dumps(dict(zip(report["name"], report["Ran?"]))))
"""


def program(version: int) -> str:
    """Return the program with all rows."""
    parts = [_HEAD]
    for number, row in enumerate(ROWS.values()):
        own = f"row_{number}"
        parts.append(row.top)
        lines = f"{row.code}\nadd_task({own!r}, f, locals().get('params'))"
        parts.append(f"\ndef {own}():\n{indent(lines, '    ')}\n{own}()\n".replace("$", own))
        parts[-2] = parts[-2].replace("$", own)
    return "\n".join([*parts, _TAIL]).replace("@@", str(version))


def run(folder: Path, version: int, seed: int) -> dict[str, bool]:
    """Run the program in a folder; return for each row whether its task ran."""
    folder.mkdir(exist_ok=True)
    (folder / "program.py").write_text(program(version))
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": str(seed), "VERSION": str(version)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    ran = json.loads(done.stdout.splitlines()[-1])
    return {name: ran[f"row_{number}"] for number, name in enumerate(ROWS)}


def made(folder: Path) -> dict[str, str]:
    """Return what the task of each row has made; of a notebook what its last cell shows."""
    found = {}
    for number, name in enumerate(ROWS):
        text, notebook = folder / f"out/row_{number}.txt", folder / f"out/row_{number}.ipynb"
        if text.exists():
            found[name] = text.read_text()
        else:
            found[name] = json.loads(notebook.read_text())["cells"][-1]["outputs"][0]["data"]["text/plain"]
    return found
