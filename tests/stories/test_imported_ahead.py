"""Libraries that are imported ahead: what a task gets is what a process of its own would get, or it has one."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from octavo.executors.local import CAN_FORK
from projects import Folder

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="nothing is imported ahead where forking is not safe")

AGAIN = "it starts again, with nothing imported ahead"


def project(folder: Folder, tasks: dict[str, str], more: str = "") -> dict[str, str]:
    """Write a pipeline of notebooks; return the environment in which its libraries are found."""
    (folder.path / "env/site-packages").mkdir(parents=True, exist_ok=True)
    lines = [f"  - {{source: {name}.py, product: out/{name}.ipynb}}\n" for name in tasks]
    folder.write("pipeline.yaml", f"{more}tasks:\n" + "".join(lines))
    for name, text in tasks.items():
        folder.write(f"{name}.py", text)
    return {"PYTHONPATH": str(folder.path / "env/site-packages")}


def build(folder: Folder, env: dict[str, str], *options: str) -> str:
    done = folder.octavo("build", "--jobs", "1", *options, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def printed(folder: Folder, name: str) -> str:
    cells = json.loads(folder.read(f"out/{name}.ipynb"))["cells"]
    found: list[dict[str, Any]] = [it for cell in cells for it in cell.get("outputs", ())]
    return "".join("".join(it["text"]) for it in found if it["output_type"] == "stream")


def wheel(folder: Folder, name: str, version: str, files: dict[str, bytes]) -> str:
    """Make a wheel; return its path."""
    path = folder.path / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, data in files.items():
            archive.writestr(inner, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return str(path)


def compiled() -> bytes:
    """Return an extension module of Python's own that can stand in any package as ``_fast``."""
    markupsafe = pytest.importorskip("markupsafe._speedups")
    return Path(markupsafe.__file__).read_bytes()


def things(folder: Folder, kind: str) -> tuple[str, str]:
    """Make two versions of a library ``thing``, of Python alone or with a compiled part."""
    files = {"thing/_speedups.so": compiled()} if kind == "compiled" else {}
    head = "from . import _speedups\n" if kind == "compiled" else ""
    one, two = (
        wheel(folder, "thing", version, {"thing/__init__.py": f"{head}V = {version}\n".encode(), **files})
        for version in ("1.0", "2.0")
    )
    return one, two


def install(path: str) -> str:
    """Return a cell that installs a wheel where the libraries of these projects are."""
    command = (
        f"{sys.executable} -m pip install --quiet --no-index --upgrade --target env/site-packages {path}"
    )
    return f"# %%\n!{command}\n"


@pytest.mark.parametrize("kind", ["plain", "compiled"])
def test_a_library_that_a_cell_upgrades_is_the_new_one_in_the_next(tmp_path: Path, kind: str) -> None:
    folder = Folder(tmp_path)
    one, two = things(folder, kind)
    use = "# %%\nimport thing\nprint(thing.V)\n"
    env = project(folder, {"first": install(one) + use})
    build(folder, env)
    assert printed(folder, "first") == "1.0\n"
    env = project(folder, {"other": use, "upgrading": install(two) + use})
    assert AGAIN not in build(folder, env)
    assert printed(folder, "other") == "1.0\n"
    assert printed(folder, "upgrading") == "2.0\n"


@pytest.mark.parametrize("kind", ["plain", "compiled"])
def test_a_library_that_an_earlier_task_upgrades_is_the_new_one_in_a_later(tmp_path: Path, kind: str) -> None:
    folder = Folder(tmp_path)
    one, two = things(folder, kind)
    use = "# %%\nimport thing\nprint(thing.V)\n"
    env = project(folder, {"first": install(one) + use})
    build(folder, env)
    later = "# %% tags=['parameters']\nupstream = ['upgrading']\n" + use
    env = project(folder, {"before": use, "upgrading": install(two), "later": later})
    said = build(folder, env)
    assert (AGAIN in said) is (kind == "compiled")
    assert printed(folder, "later") == "2.0\n"


def test_what_a_library_makes_by_chance_on_import_differs_from_task_to_task(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    folder = Folder(tmp_path)
    folder.write(
        "env/site-packages/chance_thing.py",
        "import random, uuid\nimport numpy as np\n\n"
        "class Source:\n    def __init__(self):\n        self.random = random.Random()\n\n"
        "SHARED = Source()\nBY_DEFAULT = np.random.default_rng()\nOLD = np.random.RandomState()\n"
        "PCG = np.random.Generator(np.random.PCG64())\nID = uuid.uuid4().hex\n",
    )
    body = (
        "# %%\nimport random\nimport numpy as np\nimport chance_thing as it\n"
        "print(it.SHARED.random.random(), it.BY_DEFAULT.random(), it.OLD.rand(), it.PCG.random(), it.ID,"
        " random.random(), np.random.rand())\n"
    )
    env = project(folder, dict.fromkeys(("one", "two", "three"), body))
    build(folder, env)
    rows = [printed(folder, name).split() for name in ("one", "two", "three")]
    assert [len(set(column)) for column in zip(*rows, strict=True)] == [3] * 7


def test_matplotlibrc_counts_where_the_task_runs_and_as_it_is_then(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    folder = Folder(tmp_path)
    width = "# %%\nimport matplotlib\nprint(matplotlib.rcParams['lines.linewidth'])\n"
    later = "# %% tags=['parameters']\nupstream = ['settle']\n" + width
    settle = "# %%\nopen('matplotlibrc', 'w').write('lines.linewidth: 9')\n"
    env = project(folder, {"before": width, "settle": settle, "later": later})
    build(folder, env)
    assert printed(folder, "before") == "1.5\n"
    assert printed(folder, "later") == "9.0\n"


def test_a_task_that_starts_again_is_told_so_once_and_starts_there_at_once_later(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    folder = Folder(tmp_path)
    text = (
        "# %%\nprint('begun')\nimport os\nname = 'PANDAS_' + 'FUTURE_INFER_STRING'\nos.environ[name] = '0'\n"
        "# %%\ntry:\n    import pandas as pd\nexcept BaseException as error:\n    print('caught', error)\n"
        "print(pd.Series(['a']).dtype)\n"
    )
    env = project(folder, {"settled": text, "other": "# %%\nimport pandas\n"})
    assert build(folder, env).count(AGAIN) == 1
    assert printed(folder, "settled") == "begun\nobject\n"
    assert AGAIN not in build(folder, env, "--force")
    assert printed(folder, "settled") == "begun\nobject\n"


def test_a_child_and_a_thread_of_a_task_can_find_that_it_must_start_again(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    folder = Folder(tmp_path)
    head = "# %%\nimport os\nname = 'OMP_' + 'NUM_THREADS'\nos.environ[name] = '1'\n"
    child = (
        "import multiprocessing\ndef f(x):\n    import numpy\n    return int(numpy.add(x, 1))\n"
        "with multiprocessing.get_context('fork').Pool(1) as pool:\n    print(pool.map(f, [1, 2]))\n"
    )
    thread = (
        "import threading\ndef f():\n    import numpy\n    print(int(numpy.add(1, 1)))\n"
        "it = threading.Thread(target=f)\nit.start()\nit.join()\n"
    )
    tasks = {"child": head + child, "thread": head + thread, "other": "# %%\nimport numpy\n"}
    env = project(folder, tasks)
    assert f"child, thread: numpy: OMP_NUM_THREADS has another value: {AGAIN}" in build(folder, env)
    assert printed(folder, "child") == "[2, 3]\n"
    assert printed(folder, "thread") == "2\n"


def test_functions_too_find_what_a_process_of_their_own_would_find(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    folder = Folder(tmp_path)
    folder.write(
        "tasks.py",
        "import os, sys\n\n"
        "def plain(product):\n    import matplotlib\n    seen = 'pandas' in sys.modules\n"
        "    product.write_text(f'{seen} {hasattr(matplotlib, \"pyplot\")} {matplotlib.get_backend()}')\n\n"
        "def set_backend(product):\n    os.environ['MPL' + 'BACKEND'] = 'svg'\n    import matplotlib\n"
        "    product.write_text(matplotlib.get_backend())\n\n"
        "def other(product):\n    import matplotlib.pyplot, pandas\n    product.write_text('x')\n",
    )
    names = ["plain", "set_backend", "other"]
    tasks = "".join(f"  - {{source: tasks.{name}, product: {name}.txt}}\n" for name in names)
    found = {}
    for preload in ("true", "false"):
        folder.write("pipeline.yaml", f"preload: {preload}\ntasks:\n{tasks}")
        assert folder.octavo("build", "--force", env={"MPLBACKEND": "agg"}).returncode == 0
        found[preload] = [folder.read(f"{name}.txt") for name in names]
    assert found["true"] == found["false"] == ["False False agg", "svg", "x"]


def test_what_imports_change_in_classes_and_take_away_is_undone_and_done_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    site = "env/site-packages"
    folder.write(
        f"{site}/victim_thing.py",
        "class Shape:\n    def area(self):\n        return 'own'\nKINDS = {'a': 1, 'b': 2}\n",
    )
    folder.write(
        f"{site}/patching_thing.py",
        "import string, victim_thing\n\ndef area(self):\n    return 'patched'\n\n"
        "def parse(self, text):\n    return [('patched', None, None, None)]\n\n"
        "victim_thing.Shape.area = area\nvictim_thing.KINDS.pop('a')\nstring.Formatter.parse = parse\n",
    )
    # what the backport of importlib.metadata does: PathFinder finds no distributions any more
    folder.write(
        f"{site}/finding_thing.py",
        "import importlib.machinery, sys\n\nclass Finder:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'finding_thing_made':\n"
        "            return importlib.machinery.ModuleSpec(name, self)\n"
        "    def create_module(self, spec):\n        return None\n"
        "    def exec_module(self, module):\n        module.V = 3\n\n"
        "del importlib.machinery.PathFinder.find_distributions\nsys.meta_path.append(Finder())\n"
        "import finding_thing_made\n",
    )
    look = (
        "import importlib.machinery, string, sys, victim_thing\n"
        "print(victim_thing.Shape().area(), victim_thing.KINDS, list(string.Formatter().parse('a'))[0][0],"
        " hasattr(importlib.machinery.PathFinder, 'find_distributions'),"
        " [type(it).__name__ for it in sys.meta_path].count('Finder'))\n"
    )
    env = project(
        folder,
        {
            "without": f"# %%\n{look}",
            "patched": f"# %%\nimport patching_thing\n{look}",
            "found": f"# %%\nimport finding_thing, finding_thing_made\nprint(finding_thing_made.V)\n{look}",
        },
    )
    assert AGAIN not in build(folder, env)
    ahead = [printed(folder, name) for name in ("without", "patched", "found")]
    folder.write("pipeline.yaml", "preload: false\n" + folder.read("pipeline.yaml"))
    build(folder, env, "--force")
    assert ahead == [printed(folder, name) for name in ("without", "patched", "found")]
    assert ahead[0].startswith("own {'a': 1, 'b': 2} a True")
    assert ahead[1].startswith("patched {'b': 2} patched True")
    assert ahead[2].startswith("3\nown {'a': 1, 'b': 2} a False")


def test_an_import_that_fails_inside_of_a_library_shows_no_frame_of_octavo(folder: Folder) -> None:
    folder.write("use.py", "# %%\nimport pandas\nimport pandas.nothing_of_this_name\n")
    folder.write("pipeline.yaml", "tasks:\n  - source: use.py\n    product: use.ipynb\n")
    said = folder.octavo("build")
    assert said.returncode == 1
    assert "No module named 'pandas.nothing_of_this_name'" in said.stdout + said.stderr
    assert "worker/parked" not in said.stdout + said.stderr


def test_a_library_that_runs_a_program_or_asks_in_bytes_on_import_is_imported_ahead(folder: Folder) -> None:
    env = project(folder, {"one": "# %%\nimport asks\nprint(asks.said, asks.bad)\n"})
    folder.write(
        "env/site-packages/asks.py",
        "import os, subprocess\n"
        "said = subprocess.run(['echo', 'hello'], capture_output=True, text=True).stdout.strip()\n"
        "os.get_exec_path()\n"
        "try:\n    os.environ[b'PATH']\nexcept TypeError:\n    bad = 'refused'\n"
        "try:\n    os.environ['ASKS'] = 1\nexcept TypeError:\n    bad += ' twice'\n",
    )
    for options in ((), ("--force",)):
        build(folder, env, *options)
        assert printed(folder, "one") == "hello refused twice\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plain.py", "{}"),
        ("prose.md", "# A\n\n```python\n{}\n```\n"),
        ("knit.Rmd", "# A\n\n```{{python}}\n{}\n```\n"),
        ("told.py", "# ---\n# jupyter:\n#   jupytext:\n#     text_representation:\n#       extension: .py\n"
                    "#       format_name: sphinx\n# ---\n\n{}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("runner", ["NotebookRunner", "ScriptRunner"])
def test_no_notebook_takes_its_reader_into_its_process(
    folder: Folder, name: str, text: str, runner: str
) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        'found = sorted({"jupytext", "nbformat", "jsonschema", "jupyter_server", "markdown_it"} & {*sys.modules})\n'
        'Path("found.txt").write_text(repr(found))'
    )
    folder.write(name, text.format(code))
    products = "found.txt" if runner == "ScriptRunner" else "{nb: out.ipynb, data: found.txt}"
    folder.write("pipeline.yaml", f"tasks:\n  - {{source: {name}, class: {runner}, product: {products}}}\n")
    done = folder.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert folder.read("found.txt") == "[]"
