"""What other programs read and write on behalf of a task: commands, scripts, new interpreters, workers of joblib."""

from __future__ import annotations

import json
from collections.abc import Mapping

from . import Files, Scenario
from .native import _parquet

_TOP = """
import glob, multiprocessing, os, subprocess, sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path


def said(command, **how):
    shell = isinstance(command, str)
    return subprocess.run(command, shell=shell, capture_output=True, text=True, check=True, **how).stdout


def read(path):
    return Path(path).read_text()


def pool(kind, paths):
    with ProcessPoolExecutor(2, multiprocessing.get_context(kind)) as workers:
        return [*workers.map(read, paths)]


"""
_DATA: Files = {
    "data/a": "1\n",
    "data/b": "2\n",
    "data/x.csv": "x\n",
    "data/a.parquet": _parquet(1),
    "get.sh": "cd data\ncat b\n",
    "show.py": "from helper import path\nprint(open(path).read())\n",
    "helper.py": "path = 'data/b'\n",
}


def _of(expression: str, change: Files, *, runs: bool = True, first: str = "pass") -> Scenario:
    steps = f"{_TOP}def make(product):\n    {first}\n    product.write_text(repr({expression}))\n"
    return Scenario({**_DATA, "steps.py": steps}, change, ("make",) if runs else ())


def _shell(script: str, change: Files, *, runs: bool = True) -> Scenario:
    spec = "tasks:\n  - {source: make.sh, product: out/make.txt}\n"
    return Scenario({**_DATA, "make.sh": script, "pipeline.yaml": spec}, change, ("make",) if runs else ())


def _notebook(*cells: str) -> Scenario:
    first = {
        "cell_type": "code",
        "metadata": {"tags": ["parameters"]},
        "source": "upstream = None\nproduct = None",
    }
    plain = [{"cell_type": "code", "metadata": {}, "source": cell} for cell in cells]
    data = {"cells": [{**it, "outputs": [], "execution_count": None} for it in (first, *plain)]}
    spec = "tasks:\n  - {source: n.ipynb, name: make, product: {nb: out/make.ipynb, data: out/make.txt}}\n"
    whole = json.dumps({**data, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    return Scenario({**_DATA, "n.ipynb": whole, "pipeline.yaml": spec}, _NEW)


_NEW: Files = {"data/b": "3\n"}
_MORE: Files = {"data/y.csv": "y\n"}
_KEEP = "_ = open(product['data'], 'w').write(str(text))"
SCENARIOS: Mapping[str, Scenario] = {
    "a command": _of("said(['cat', 'data/b'])", _NEW),
    "a command with an absolute path": _of("said(['cat', os.path.abspath('data/b')])", _NEW),
    "a command in a folder": _of("said(['cat', 'b'], cwd='data')", _NEW),
    "a shell's line": _of("said('cat data/a data/b | sort -r')", _NEW),
    "a shell's redirection": _of("said('wc -c < data/b; cat < data/b')", _NEW),
    "a shell's variable": _of("said('n=b; cat data/$n')", _NEW),
    "a shell's list": _of("said(['bash', '-c', 'cat data/{a,b}'])", _NEW),
    "a shell's letters": _of("said('cat data/[ab]')", _NEW),
    "a shell's pattern": _of("said('cat data/*.csv')", _MORE),
    "a shell's loop": _of("said('for f in data/*.csv; do cat $f; done')", _MORE),
    "a shell's change of folder": _of("said('cd data && cat b')", _NEW),
    "a script": _of("said(['bash', 'get.sh'])", _NEW),
    "a script that changes": _of("said(['bash', 'get.sh'])", {"get.sh": "cat data/a\n"}),
    "os.popen": _of("os.popen('cat data/b').read()", _NEW),
    "another interpreter": _of("said([sys.executable, 'show.py'])", _NEW),
    "another interpreter's module": _of(
        "said([sys.executable, 'show.py'])", {"helper.py": "path = 'data/' + 'a'\n"}
    ),
    "another interpreter's code": _of("said([sys.executable, '-c', 'print(open(\"data/b\").read())'])", _NEW),
    "spawned workers": _of("pool('spawn', ['data/a', 'data/b'])", _NEW),
    "a fork server's workers": _of("pool('forkserver', ['data/a', 'data/b'])", _NEW),
    "joblib": _of(
        "joblib.Parallel(2)(joblib.delayed(read)(f'data/{name}') for name in 'ab')",
        _NEW,
        first="import joblib",
    ),
    "a file that a command makes and the task reads": _of(
        "read('scratch')", {"data/b": "33\n"}, first="said('cp data/b scratch')"
    ),
    "a file that a command makes and another reads": _of(
        "said('cat scratch')", {"data/b": "33\n"}, first="said('tr 3 4 < data/b > scratch')"
    ),
    "a file that is looked for before a command makes it": _of(
        "read('scratch') + read('data/b')",
        _NEW,
        first="os.path.exists('scratch') or said('cp data/a scratch')",
    ),
    "a file that no command reads": _of("said(['cat', 'data/a'])", _NEW, runs=False),
    "a pattern beside which a file comes": _of("said('cat data/*.csv')", {"data/new": ""}, runs=False),
    "a shell task": _shell("cat data/b > {{product}}\n", _NEW),
    "a shell task's pattern": _shell("cat data/*.csv > {{product}}\n", _MORE),
    "a shell task's list": _shell("cat data/{a,b} > {{product}}\n", _NEW),
    "a shell task's letters": _shell("cat data/[ab] > {{product}}\n", _NEW),
    "a shell task's variable": _shell("dir=data\ncat $dir/b > {{product}}\n", _NEW),
    "a shell task's change of folder": _shell("(cd data; cat b) > {{product}}\n", _NEW),
    "a shell task's script": _shell("bash get.sh > {{product}}\n", _NEW),
    "a shell task's folder that is listed": _shell("ls data > {{product}}\n", _MORE),
    "a shell task's folder in which files are found": _shell(
        "find data -type f | sort > {{product}}\n", _MORE
    ),
    "a shell task's folder": _shell("cat $(find data -name b) > {{product}}\n", _NEW),
    "a notebook's !cmd": _notebook("text = !cat data/b", _KEEP),
    "a notebook's %%bash": _notebook("%%bash --out text\ncat data/b", _KEEP),
    "a notebook's %sx": _notebook("text = %sx cat data/b", _KEEP),
    "a notebook's os.system": _notebook(
        "import os\nos.system('cp data/b copied')", "text = open('copied').read()", _KEEP
    ),
}
