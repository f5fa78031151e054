"""Tables whose rows are played as the tasks of one project: each has a folder of its own, and all change at once.

``@`` stands for that folder. A row is code that gives ``K``, its files, and what they become.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Mapping
from textwrap import indent

from . import Files, Link, Scenario
from .native import _parquet

Row = tuple[str, Files, Files]

_TOP = """
import glob, os, sqlite3, subprocess, sys, tempfile


def tried(call, *arguments, **options):
    try:
        return call(*arguments, **options)
    except Exception as error:
        return type(error).__name__


def said(command):
    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout


"""


def together(rows: Mapping[str, Row]) -> Scenario:
    """Return the scenario of all rows of a table."""
    before: dict[str, str | bytes | None] = {}
    after: dict[str, str | bytes | None] = {}
    spec, names = "tasks:\n", [re.sub(r"\W", "_", name) for name in rows]
    for name, (code, files, change) in zip(names, rows.values(), strict=True):
        spec += f"  - {{source: steps.{name}.make, name: {name}, product: out/{name}.txt}}\n"
        body = indent(code.replace("@", name), "    ")
        before[f"steps/{name}.py"] = f"{_TOP}def make(product):\n{body}\n    product.write_text(repr(K))\n"
        before |= _placed({"@/kept": "", **files}, name)
        after |= _placed(change, name)
    return Scenario({**before, "pipeline.yaml": spec}, after, tuple(names))


def _placed(files: Files, name: str) -> Files:
    """Return files in the folder of a row."""
    found: dict[str, str | bytes | None] = {}
    for path, content in files.items():
        if isinstance(content, str):
            content = type(content)(content.replace("@", name))
        found[path.replace("@", name)] = content
    return found


def _database(number: int) -> bytes:
    db = sqlite3.connect(":memory:")
    db.executescript(f"create table t (x); insert into t values ({number});")
    return db.serialize()


_PATH = "sys.path.insert(0, '@')\n"
_ENTRIES: Files = {
    "@/it-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: it\nVersion: 1.0\n",
    "@/it-1.0.dist-info/entry_points.txt": "[its]\na = os:sep\n",
}
_EXTENDS = "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n"


def _documented(code: str) -> Row:
    before, after = (f"def f():\n    '{word}'\n    return 1  # {word}\n" for word in ("one", "two"))
    return _PATH + code, {"@/helper_@.py": before}, {"@/helper_@.py": after}


#: Code that is looked for, or read, in other ways than by importing it.
_CODE: dict[str, Row] = {
    "a folder of plugins that is not there": (
        "import pkgutil\nK = [it.name for it in pkgutil.iter_modules(['@/plugins'])]",
        {},
        {"@/plugins/one.py": ""},
    ),
    "the resources of a package without an init": (
        _PATH
        + "import importlib.resources as r\nK = sorted(it.name for it in r.files('data_of_@').iterdir())",
        {"@/data_of_@/a.txt": ""},
        {"@/data_of_@/b.txt": ""},
    ),
    "a second part of a package that extends its path": (
        "sys.path += ['@/first', '@/second']\nK = tried(__import__, 'pkg_@.m') == 'ModuleNotFoundError'",
        {"@/first/pkg_@/__init__.py": _EXTENDS, "@/second/kept": ""},
        {"@/second/pkg_@/__init__.py": "", "@/second/pkg_@/m.py": ""},
    ),
    "an entry point that appears": (
        _PATH
        + "from importlib.metadata import entry_points\nK = [it.value for it in entry_points(group='its')]",
        {},
        _ENTRIES,
    ),
    "a version that appears": (
        _PATH + "from importlib.metadata import version\nK = tried(version, 'it')",
        {},
        _ENTRIES,
    ),
    "an addition to the path that appears": (
        "import site\nsite.addsitedir('@/lib')\nK = tried(__import__, 'extra_@') == 'ModuleNotFoundError'",
        {"@/lib/kept": "", "@/more/extra_@.py": ""},
        {"@/lib/it.pth": "../more\n"},
    ),
    "the source of a function": _documented("import inspect, helper_@\nK = inspect.getsource(helper_@.f)"),
    "a line of a module": _documented(
        "import linecache, helper_@\nK = linecache.getline(helper_@.__file__, 2)"
    ),
    "a docstring of another module": _documented("import helper_@\nK = helper_@.f.__doc__"),
    "the text of a module": _documented("import helper_@\nK = open(helper_@.__file__).read()"),
}
#: What is asked by trying, and by names that lead elsewhere.
_ASKED: dict[str, Row] = {
    "a link that leads to itself": (
        "K = os.path.exists('@/a')",
        {"@/a": Link("b"), "@/b": Link("a"), "@/v/x": ""},
        {"@/b": Link("v")},
    ),
    "a file that must be new": (
        "K = tried(open, '@/new', 'x') == 'FileExistsError'\nif not K:\n    os.remove('@/new')",
        {},
        {"@/new": ""},
    ),
    "a file that is opened to be made": (
        "K = tried(os.open, '@/new', os.O_CREAT | os.O_EXCL) == 'FileExistsError'\n"
        "if not K:\n    os.remove('@/new')",
        {},
        {"@/new": ""},
    ),
    "a folder that is entered": (
        "here = os.getcwd()\nK = tried(os.chdir, '@/in')\nos.chdir(here)",
        {},
        {"@/in/x": ""},
    ),
    "a folder that must be new": (
        "K = tried(os.mkdir, '@/new') == 'FileExistsError'\nif not K:\n    os.rmdir('@/new')",
        {},
        {"@/new/x": ""},
    ),
    "a folder that is there already": (
        "K = tried(os.mkdir, '@/new') == 'FileExistsError'\nif not K:\n    os.rmdir('@/new')",
        {"@/new/x": ""},
        {"@/new": None},
    ),
    "a folder that cannot be removed, and a file in it": (
        "tried(os.rmdir, '@/in')\nK = open('@/in/x').read()",
        {"@/in/x": "1"},
        {"@/in/x": "2"},
    ),
    "attributes": ("K = tried(os.listxattr, '@/x')", {}, {"@/x": ""}),
    "where a file really is": (
        "K = os.path.basename(os.path.realpath('@/x'))",
        {"@/x": "", "@/y": ""},
        {"@/x": Link("y")},
    ),
    "where a file must be": ("K = tried(os.path.realpath, '@/x', strict=True)[:4]", {}, {"@/x": ""}),
    "a folder that has a temporary file": (
        "with tempfile.NamedTemporaryFile(dir='@'):\n    K = [it for it in sorted(os.listdir('@')) if len(it) < 5]",
        {},
        {"@/more": ""},
    ),
    "a step back from what is no folder": (
        "K = tried(os.listdir, '@/in/..') != 'FileNotFoundError'",
        {"@/x": ""},
        {"@/in/y": ""},
    ),
    "a file that is changed in place": (
        "with open('@/x', 'r+') as file:\n    K = file.read(1)\n    file.seek(1)\n    file.write('+')",
        {"@/x": "1"},
        {"@/x": "2"},
    ),
    "all that is below": ("K = sorted(glob.glob('@/**', recursive=True))", {"@/in/a": ""}, {"@/in/b": ""}),
    "a link in a listed folder": (
        "K = sorted((it.name, it.is_dir()) for it in os.scandir('@'))",
        {"@/in/a": "", "@/now": Link("in")},
        {"@/now": Link("in/a")},
    ),
}
_VERSIONS: Files = {
    **{f"@/v{n}/x.parquet": _parquet(n) for n in (1, 2)},
    **{f"@/v{n}/x.db": _database(n) for n in (1, 2)},
    **{f"@/v{n}/x": f"{n}" for n in (1, 2)},
    "@/now": Link("v1"),
    "@/it.parquet": Link("v1/x.parquet"),
}
_NEXT: Files = {"@/now": Link("v2"), "@/it.parquet": Link("v2/x.parquet")}
#: What other programs and libraries use by names that they are told.
_BELOW: dict[str, Row] = {
    "pyarrow by a link": (
        "import pyarrow.parquet\nK = pyarrow.parquet.read_table('@/now/x.parquet').to_pydict()",
        _VERSIONS,
        _NEXT,
    ),
    "duckdb by a link": (
        "import duckdb\nK = duckdb.sql(\"from '@/it.parquet'\").fetchall()",
        _VERSIONS,
        _NEXT,
    ),
    "duckdb by a pattern behind a link": (
        "import duckdb\nK = duckdb.sql(\"from '@/now/*.parquet'\").fetchall()",
        _VERSIONS,
        _NEXT,
    ),
    "a database attached by a link": (
        "db = sqlite3.connect(':memory:')\ndb.execute(\"attach '@/now/x.db' as d\")\n"
        "K = db.execute('select x from d.t').fetchall()",
        _VERSIONS,
        _NEXT,
    ),
    "a command by a link": ("K = said('cat @/now/x')", _VERSIONS, _NEXT),
    "a command that looks whether something is there": (
        "K = said('test -f @/x && echo yes')",
        {},
        {"@/x": ""},
    ),
    "a command that looks for a plain name": (
        "K = subprocess.run(['ls', 'plain_@'], capture_output=True).returncode",
        {},
        {"plain_@": ""},
    ),
    "a command that asks how large a file is": ("K = said('stat -c %s @/x')", {"@/x": "1"}, {"@/x": "333"}),
    "a child that looks for a plain name": (
        "K = said(f'{sys.executable} @/it.py')",
        {"@/it.py": "import os\nprint(os.path.exists('flag_@'))\n"},
        {"flag_@": ""},
    ),
    "a command that finds nothing": ("K = said('cat @/x')", {}, {"@/x": "1"}),
    "a pattern in the project's folder": ("K = said('ls *.of_@')", {"a.of_@": ""}, {"b.of_@": ""}),
    "a list of files": ("K = said('xargs cat < @/list')", {"@/list": "@/x", "@/x": "1"}, {"@/x": "2"}),
    "a configuration that a child reads": (
        "K = said(f'{sys.executable} @/it.py')",
        {"@/it.py": "print(open(open('@/conf').read()).read())\n", "@/conf": "@/x", "@/x": "1"},
        {"@/x": "2"},
    ),
    "a module that a child looks for": (
        "K = said(f'{sys.executable} @/it.py')",
        {"@/it.py": "try:\n    import of_@\n    print(of_@.N)\nexcept ImportError:\n    print(0)\n"},
        {"@/of_@.py": "N = 1\n"},
    ),
}
if shutil.which("make"):
    _BELOW["what make is told"] = (
        "K = said('cd @ && make -s')",
        {"@/Makefile": "all:\n\tcat x\n", "@/x": "1"},
        {"@/x": "2"},
    )
SCENARIOS: Mapping[str, Scenario] = {
    "code that is looked for or read": together(_CODE),
    "what is asked by trying": together(_ASKED),
    "what others are told": together(_BELOW),
}
