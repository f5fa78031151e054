"""Code that tasks get at without naming it, and code that they read as text; many tasks of one project in a row."""

from __future__ import annotations

from collections.abc import Mapping

from . import Scenario, versions

_WRITE = "    product.write_text(repr({0}))\n"
_HELPER = "def helper():\n    return @@\n\n\n"
_ONE = "import sys\nimport typing\n\n\nclass One:\n    n = @@\n\n\n"


def _make(value: str, *before: str) -> str:
    """Return the task of a module: what it writes, and the lines before that."""
    return "def make(product):\n" + "".join(f"    {line}\n" for line in before) + _WRITE.format(value)


def _tasks(modules: Mapping[str, str], **more: str) -> Scenario:
    """Return the scenario of a project with a task in each of its modules, all of which must run."""
    rows = [f"  - {{source: {name}.make, name: {name}, product: out/{name}.txt}}\n" for name in modules]
    files = {f"{name}.py": text for name, text in modules.items()}
    files |= {name.replace("__", "/") + ".py": text for name, text in more.items()}
    return versions({"pipeline.yaml": "tasks:\n" + "".join(rows), **files}, runs=tuple(modules), back=False)


#: Nothing of these calls what it reaches by its name, where that could be read.
_UNNAMED = {
    "subclasses": _ONE + _make("[c.n for c in object.__subclasses__() if c.__module__ == __name__]"),
    "alias": _ONE
    + "Alias = typing.Optional['One']\n\n\ndef typed(it: Alias):\n    pass\n\n\n"
    + _make("typing.get_args(typing.get_type_hints(typed)['it'])[0].n"),
    "typed": _ONE
    + "T = typing.TypedDict('T', {'a': 'One'})\n\n\n"
    + _make("typing.get_type_hints(T)['a'].n"),
    "getter": _HELPER + _make("operator.attrgetter('__globals__')(make)['hel' 'per']()", "import operator"),
    "formula": _HELPER + "import frames\n\n\n" + _make("frames.look('1 + helper()')"),
    "query": _HELPER + "import frames\n\n\n" + _make("frames.look('@helper'.strip('@') + '()')"),
}
_FRAMES = "import sys\n\n\ndef look(text):\n    return eval(text, sys._getframe(1).f_globals)\n"

_WORK = "def work():\n    import {0}\n\n    return {0}.helper()\n"
#: What other processes take from the module of a task.
_CHILDREN = {
    "forked": _HELPER + "import by_fork\n\n\n" + _make("by_fork.go()"),
    "bare": _HELPER + "import by_hand\n\n\n" + _make("by_hand.go()"),
    "spawned": _HELPER + "import by_spawn\n\n\n" + _make("by_spawn.go()"),
    "started": _HELPER
    + _make(
        "subprocess.run([sys.executable, '-c', 'import started; print(started.helper())'], "
        "capture_output=True, text=True).stdout",
        "import subprocess, sys",
    ),
    "script": _HELPER
    + _make(
        "subprocess.run([sys.executable, 'run.py'], capture_output=True, text=True).stdout",
        "import subprocess, sys",
    ),
}
_POOL = """
import multiprocessing


def go():
    with multiprocessing.get_context("{0}").Pool(1) as pool:
        return pool.apply(work)


"""
_BY_HAND = """
import os


def go():
    out, into = os.pipe()
    if os.fork() == 0:
        os.write(into, str(work()).encode())
        os._exit(0)
    os.wait()
    return os.read(out, 9)


"""
#: Code that is imported, and of which the text is read, too.
_READ = {
    "itself": "def other():\n    return 1  # @@\n\n\n" + _make("open(__file__).read()"),
    "lines": "# @@\n" + _make("linecache.getlines(__file__)", "import linecache"),
    "path": "import read\n\n\n" + _make("pathlib.Path('read.py').read_text()", "import pathlib"),
    "data": "import read\n\n\n" + _make("pkgutil.get_data('read', 'read.py')", "import pkgutil"),
    "loader": "import read\n\n\n" + _make("read.__loader__.get_source('read')"),
}
#: Code of which only a comment differs, and that is run, or shown by a warning.
_RUN = {
    "imported": "import read\n\n\n" + _make("read.N"),
    "run": _make("runpy.run_path('read.py')['N']", "import runpy"),
    "warned": "import old\n\n\n" + _make("old.warn()"),
    "told": _HELPER + 'def make(product):\n    """Do as helper() does."""\n    product.touch()\n',
}
_WARNED = "import warnings\n\n\ndef warn():\n    warnings.warn('x')  # @@\n    return 1\n"
_NOTEBOOK = """
# %% tags=["parameters"]
product = None

# %%
import read
from pathlib import Path

found = open("look.py").read(), open("read.py").read(), open(".git/HEAD").read()  # @@
Path(product["data"]).write_text(str(found));
"""

SCENARIOS: Mapping[str, Scenario] = {
    "what nothing names": _tasks(_UNNAMED, frames=_FRAMES),
    "what children take": _tasks(
        _CHILDREN,
        by_fork=_POOL.format("fork") + _WORK.format("forked"),
        by_spawn=_POOL.format("spawn") + _WORK.format("spawned"),
        by_hand=_BY_HAND + _WORK.format("bare"),
        run="from script import helper\n\nprint(helper())\n",
    ),
    "what is read as text": _tasks(_READ, read="N = 1  # @@\n"),
    "what a notebook reads as text": versions(
        {
            "pipeline.yaml": "tasks:\n  - {source: look.py, name: make, product: {nb: out/look.ipynb, data: out/x}}\n",
            "look.py": _NOTEBOOK,
            "read.py": "N = 1  # @@\n",
            ".git/HEAD": "ref @@\n",
        },
    ),
    "what is run, and not read": versions(
        {
            "pipeline.yaml": "tasks:\n"
            + "".join(
                f"  - {{source: {name}.make, name: {name}, product: out/{name}.txt}}\n" for name in _RUN
            ),
            **{f"{name}.py": text for name, text in _RUN.items()},
            "read.py": "N = 1  # @@\n",
            "old.py": _WARNED,
        },
        runs=(),
    ),
}
