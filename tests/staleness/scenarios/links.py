"""Links on the way to what a task uses: each counts by where it points to."""

from __future__ import annotations

from collections.abc import Mapping

from . import Files, Link, Scenario

#: Two versions of data, to be linked to.
_VERSIONS: Files = {
    **{f"v{n}/{name}": f"{name} of {n}" for n in (1, 2) for name in ("x", "sub/y")},
    "v1/one": "",
    "v2/two": "",
}


def _steps(expression: str) -> str:
    """Return a function that writes what an expression gives."""
    return (
        "import glob, json, os, pickle, shutil, sqlite3, subprocess, sys\n"
        "from pathlib import Path\n\n\n"
        "def read(path, dir_fd=None):\n"
        "    with open(os.open(path, os.O_RDONLY, dir_fd=dir_fd)) as file:\n"
        "        return file.read()\n\n\n"
        "def make(product):\n"
        f"    product.write_text(repr({expression}))\n"
    )


def _of(expression: str, files: Files, change: Files, says: str = "", runs: bool = True) -> Scenario:
    return Scenario(
        {**_VERSIONS, **files, "steps.py": _steps(expression)}, change, ("make",) if runs else (), says
    )


_CURRENT: Files = {"current": Link("v1")}
_NEXT: Files = {"current": Link("v2")}

#: What is read through a link that is then pointed elsewhere.
_THROUGH = {
    "open": "open('current/x').read()",
    "Path.read_text": "Path('current', 'x').read_text()",
    "an absolute path": "open(os.path.abspath('current/x')).read()",
    "a step back": "open('v1/../current/x').read()",
    "a step back behind the link": "open('current/sub/../x').read()",
    "os.open": "os.read(os.open('current/x', os.O_RDONLY), 99)",
    "a folder's descriptor": "read('x', dir_fd=os.open('current', os.O_RDONLY))",
    "a folder's descriptor before the link": "read('current/x', dir_fd=os.open('.', os.O_RDONLY))",
    "os.chdir": "(os.chdir('current'), open('x').read(), os.chdir('..'))[1]",
    "os.listdir": "sorted(os.listdir('current'))",
    "os.listdir of a descriptor": "sorted(os.listdir(os.open('current', os.O_RDONLY)))",
    "os.scandir": "sorted(entry.name for entry in os.scandir('current'))",
    "os.walk": "sorted((at, names) for at, _, names in os.walk('current'))",
    "os.walk that follows links": "[sorted(it[2]) for it in os.walk('.', followlinks=True) if 'curr' in it[0]]",
    "glob": "sorted(glob.glob('current/*'))",
    "a pattern for the link": "sorted(glob.glob('cur*/*'))",
    "Path.iterdir": "sorted(map(str, Path('current').iterdir()))",
    "Path.rglob": "sorted(map(str, Path('current').rglob('*')))",
    "exists": "os.path.exists('current/two')",
    "Path.exists": "Path('current/two').exists()",
    "realpath": "os.path.basename(os.path.realpath('current'))",
    "Path.resolve": "Path('current/x').resolve().parent.name",
    "readlink": "os.readlink('current')",
    "Path.readlink": "str(Path('current').readlink())",
    "samefile": "os.path.samefile('current', 'v1')",
    "shutil.copy": "open(shutil.copy('current/x', 'copied')).read()",
    "a file in a folder below": "open('current/sub/y').read()",
}
SCENARIOS: Mapping[str, Scenario] = {
    **{
        f"a folder is pointed elsewhere, by {name}": _of(expression, _CURRENT, _NEXT, "current v1 → v2")
        for name, expression in _THROUGH.items()
    },
    "a link in a folder": _of(
        "open('data/current/x').read()", {"data/current": Link("../v1")}, {"data/current": Link("../v2")}
    ),
    "a link to a file": _of(
        "open('x').read()", {"x": Link("v1/x")}, {"x": Link("v2/x")}, "link x v1/x → v2/x"
    ),
    "the last of a chain of links": _of(
        "open('current/x').read()", {"current": Link("latest"), "latest": Link("v1")}, {"latest": Link("v2")}
    ),
    "the first of a chain of links": _of(
        "open('current/x').read()",
        {"current": Link("a"), "a": Link("v1"), "b": Link("v2")},
        {"current": Link("b")},
    ),
    "a link below a link": _of(
        "open('current/inner/y').read()",
        {"current": Link("v1"), "v1/inner": Link("sub"), "v1/other/y": "other"},
        {"v1/inner": Link("other")},
    ),
    "a link that becomes a folder": _of(
        "open('current/x').read()", _CURRENT, {"current": None, "current/x": "own"}
    ),
    "a link that becomes a file": _of("open('x').read()", {"x": Link("v1/x")}, {"x": "own"}),
    "a folder that becomes a link": _of(
        "open('current/x').read()", {"current/x": "own"}, {"current": Link("v2")}
    ),
    "a file that becomes a link": _of("open('x').read()", {"x": "own"}, {"x": Link("v2/x")}),
    "a broken link that is mended": _of(
        "os.path.exists('current')", {"current": Link("v3")}, {"v3/x": "three"}
    ),
    "a file behind a broken link": _of(
        "os.path.exists('current/x') and open('current/x').read()", {"current": Link("v3")}, {"v3/x": "three"}
    ),
    "a link that appears": _of("os.path.lexists('current')", {}, {"current": Link("v3")}),
    "what was no link": _of("os.path.islink('current')", {"current/x": ""}, {"current": Link("v1")}),
    "bytes behind a link": _of("open('current/x').read()", _CURRENT, {"v1/x": "new"}, "file v1/x changed"),
    "a name behind a link": _of("sorted(os.listdir('current'))", _CURRENT, {"v1/new": ""}, "folder v1 has"),
    "another file behind the link": _of("open('current/x').read()", _CURRENT, {"v1/one": "new"}, runs=False),
    "a link that nobody used": _of("open('v1/x').read()", _CURRENT, {"current": Link("v2")}, runs=False),
    "a module in a linked folder": Scenario(
        {
            "a/helper.py": "N = 1\n",
            "b/helper.py": "N = 2\n",
            "lib": Link("a"),
            "steps.py": "from lib.helper import N\n\ndef make(product):\n    product.write_text(str(N))\n",
        },
        {"lib": Link("b")},
    ),
    "a module that is a link": Scenario(
        {
            "one.py": "N = 1\n",
            "two.py": "N = 2\n",
            "helper.py": Link("one.py"),
            "steps.py": "from helper import N\n\ndef make(product):\n    product.write_text(str(N))\n",
        },
        {"helper.py": Link("two.py")},
    ),
    "a link in a declared folder": Scenario(
        {
            **_VERSIONS,
            "data/now": Link("../v1"),
            "steps.py": _steps("subprocess.run(['cat', 'data/now/x'], capture_output=True).stdout"),
            "pipeline.yaml": "tasks:\n  - {source: steps.make, product: out/make.txt, inputs: [data]}\n",
        },
        {"data/now": Link("../v2")},
        says="file data changed",
    ),
    "a file behind a link in a declared folder": Scenario(
        {
            **_VERSIONS,
            "data/now": Link("../v1"),
            "steps.py": _steps("subprocess.run(['cat', 'data/now/sub/y'], capture_output=True).stdout"),
            "pipeline.yaml": "tasks:\n  - {source: steps.make, product: out/make.txt, inputs: [data]}\n",
        },
        {"v1/sub/y": "new"},
        says="file data changed",
    ),
    "an empty folder in a declared folder": Scenario(
        {
            "data/a": "",
            "steps.py": _steps("subprocess.run('ls data', shell=True, capture_output=True).stdout"),
            "pipeline.yaml": "tasks:\n  - {source: steps.make, product: out/make.txt, inputs: [data]}\n",
        },
        {"data/b/": ""},
        says="file data changed",
    ),
    "a product that is a link to an input": Scenario(
        {
            "data/x": "one",
            "steps.py": """
            import os

            def make(product):
                product.unlink(missing_ok=True)
                os.symlink('../data/x', product)
            """,
        },
        {"data/x": "two"},
    ),
    "a product that is a hard link to an input": Scenario(
        {
            "data/x": "one",
            "steps.py": """
            import os

            def make(product):
                open('data/x').close()
                product.unlink(missing_ok=True)
                os.link('data/x', product)
            """,
        },
        {"data/x": "two"},
    ),
    "a product in a linked folder": Scenario(
        {
            "data/x": "one",
            "kept/": "",
            "out": Link("kept"),
            "steps.py": "def make(product):\n    product.write_text(open('data/x').read())\n",
        },
        {"data/x": "two"},
    ),
}
