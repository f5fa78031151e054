"""The warm server: what it imports for the tasks, and what it learns not to."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from octavo.executors.local import CAN_FORK
from projects import Folder

THREADED = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"


def test_a_module_that_cannot_be_kept_warm_is_remembered_until_it_changes(
    folder: Folder, tmp_path: Path
) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "threaded_thing.py").write_text(THREADED)
    project = Folder(tmp_path / "project")
    project.write("pipeline.yaml", "tasks:\n  - {source: tasks.f, product: out.txt}\n")
    project.write(
        "tasks.py",
        "import json, threaded_thing\n\ndef f(product):\n    product.write_text('x')\n",
    )
    env = {"PYTHONPATH": str(site)}
    assert project.octavo("build", env=env).returncode == 0
    log = project.path / ".octavo" / "server.log"
    assert "threaded_thing" in _left(project, env)
    # known now: the next server starts without it, and is not started twice
    assert project.octavo("build", "--force", env=env).returncode == 0
    assert log.exists()
    (site / "threaded_thing.py").write_text("x = 1\n")
    assert project.octavo("build", "--force", env=env).returncode == 0


def test_modules_of_the_project_are_never_preloaded(folder: Folder) -> None:
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.f, product: out.txt}\n")
    folder.write("lib.py", "import os\nPARENT = os.getppid()\nPID = os.getpid()\n")
    folder.write(
        "tasks.py",
        "import os\nimport lib\n\ndef f(product):\n    product.write_text(str(lib.PID == os.getpid()))\n",
    )
    assert folder.octavo("build").returncode == 0
    assert folder.read("out.txt") == "True"


def test_preload_false_starts_cold_and_a_list_warms_just_that(folder: Folder) -> None:
    for name in ("one", "other"):
        folder.write(f"site-packages/{name}_thing.py", "import os\nPARENT = os.getppid()\n")
    folder.write(
        "tasks.py",
        "import os, sys\n\ndef f(product):\n    seen = 'one_thing' in sys.modules\n"
        "    import one_thing, other_thing\n"
        "    ahead = [it.PARENT != os.getppid() for it in (one_thing, other_thing)]\n"
        "    product.write_text(f'{seen} {ahead}')\n",
    )
    ways = {"false": [False, False], "[one_thing]": [True, False], "true": [True, True]}
    for preload, found in ways.items():
        folder.write(
            "pipeline.yaml", f"preload: {preload}\ntasks:\n  - {{source: tasks.f, product: out.txt}}\n"
        )
        env = {"PYTHONPATH": str(folder.path / "site-packages")}
        assert folder.octavo("build", "--force", env=env).returncode == 0
        assert folder.read("out.txt") == f"False {found}"


#: What another Python may have otherwise: a part that is missing, and modules that are loaded in a way of its own.
OTHER_PYTHONS = {
    "missing": "del bootstrap._calc___package__\n",
    "unseen": (
        "from importlib.util import module_from_spec\n"
        "own = bootstrap._find_and_load_unlocked\n"
        "def load(name, import_):\n"
        "    spec = None if name != 'one_thing' else bootstrap._find_spec(name, None)\n"
        "    if spec is None:\n        return own(name, import_)\n"
        "    module = sys.modules[name] = module_from_spec(spec)\n"
        "    spec.loader.exec_module(module)\n    return module\n"
        "bootstrap._find_and_load_unlocked = load\n"
    ),
}


@pytest.mark.skipif(not CAN_FORK, reason="nothing is imported ahead where forking is not safe")
@pytest.mark.parametrize("other", OTHER_PYTHONS)
def test_nothing_is_imported_ahead_where_python_imports_in_an_unknown_way(folder: Folder, other: str) -> None:
    head = "import sys\nbootstrap = sys.modules['_frozen_importlib']\n"
    folder.write("site-packages/sitecustomize.py", head + OTHER_PYTHONS[other])
    folder.write("site-packages/one_thing.py", "import os\nPARENT = os.getppid()\n")
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.f, product: out.txt}\n")
    folder.write(
        "tasks.py",
        "import os, sys\n\ndef f(product):\n    seen = 'one_thing' in sys.modules\n    import one_thing\n"
        "    product.write_text(f'{seen} {one_thing.PARENT == os.getppid()}')\n",
    )
    env = {"PYTHONPATH": str(folder.path / "site-packages")}
    done = folder.octavo("build", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert folder.read("out.txt") == "False True"
    assert "one_thing" in _left(folder, env)


def _left(project: Folder, env: dict[str, str]) -> list[str]:
    import sqlite3

    with closing(sqlite3.connect(project.path / ".octavo" / "state.db")) as db, db:
        rows = db.execute("SELECT key, value FROM memos WHERE space = 'left'").fetchall()
    db.close()
    # 16 bytes tell whether the rest is whole
    assert all(value[16:].decode() for _, value in rows)
    return [key for key, _ in rows]
