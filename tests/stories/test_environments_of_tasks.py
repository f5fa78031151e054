"""Tasks with packages of their own: made once, reused, told apart, and made anew when what they need changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from environments import Uv
from octavo.model import Json
from projects import Folder

NOTEBOOK = """
    # %% tags=["parameters"]
    upstream = None
    product = None
    # %%
    import moo
    open(product["data"], "w").write(moo.VERSION)
"""
SCRIPT = """
    # /// script
    # dependencies = ["moo==4"]
    # ///
    # %%
    import moo
    print("moo", moo.VERSION)
"""


@pytest.fixture
def uv(tmp_path: Path) -> Uv:
    return Uv(tmp_path / "tools")


def said(folder: Folder, uv: Uv, *words: str) -> str:
    """Run a command that ends well, and return what it prints."""
    ended = folder.octavo(*words, env=uv.env)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_a_task_runs_in_its_own_environment_which_is_a_part_of_what_made_its_result(
    folder: Folder, uv: Uv
) -> None:
    folder.write("nb.py", NOTEBOOK)
    folder.write(
        "tasks.py",
        """
        import os, sys
        def own(product, upstream):
            import moo
            open(product, "w").write(moo.VERSION + sys.prefix + os.environ["VIRTUAL_ENV"])
        def plain(product):
            try:
                import moo
            except ImportError:
                open(product, "w").write("none")
        """,
    )
    folder.write("go.sh", 'python -c "import moo; print(moo.VERSION)" > {{product}}\n')
    folder.write("envs/base.txt", "moo==1\n")
    folder.write("envs/gpu.txt", "-r base.txt  # and nothing else\n")
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: nb.py, product: {nb: out/nb.ipynb, data: out/nb.txt}, environment: envs/gpu.txt}
          - {source: tasks.own, product: out/own.txt, upstream: nb, environment: envs/gpu.txt}
          - {source: go.sh, product: out/go.txt, environment: envs/gpu.txt}
          - {source: tasks.plain, product: out/plain.txt}
        """,
    )
    first = said(folder, uv, "build")
    assert "making the environment envs/gpu.txt" in first
    (made,) = uv.whole()
    assert folder.read("out/own.txt") == f"1{made}{made}"
    assert (folder.read("out/nb.txt"), folder.read("out/go.txt").strip()) == ("1", "1")
    assert folder.read("out/plain.txt") == "none"
    folder.write("envs/base.txt", "# a remark\nmoo==1\n")
    assert said(folder, uv, "status").endswith("all 4 tasks are fresh\n")
    folder.write("envs/base.txt", "moo==2\n")
    status = said(folder, uv, "status")
    assert "stale  nb     environment envs/gpu.txt changed\n" in status
    assert "fresh  plain\n" in status
    said(folder, uv, "build", "--executor", "inline")
    assert (folder.read("out/own.txt")[0], uv.made()) == ("2", 2)
    folder.write("envs/base.txt", "moo==2\nno-such-package>=1\n")
    refused = folder.octavo("build", env=uv.env)
    assert refused.returncode == 2
    assert refused.stderr.startswith('envs/base.txt:2:1: the environment "envs/gpu.txt" cannot be made:\n')
    assert "Because no-such-package was not found" in refused.stderr
    assert "start" not in refused.stdout
    assert len(uv.whole()) == 2, "nothing half is left"


def test_notebooks_say_themselves_what_they_need(folder: Folder, uv: Uv) -> None:
    folder.write("a.py", SCRIPT)
    cells: list[Json] = [
        {
            "cell_type": "code",
            "metadata": {},
            "source": text,
            "outputs": [],
            "execution_count": None,
            "id": text[:2],
        }
        for text in ('# /// script\n# dependencies = ["moo"]\n# ///', "import moo\nprint('moo', moo.VERSION)")
    ]
    lock = (
        'version = 1\n[[package]]\nname = "moo"\nversion = "5"\nsource = {registry = "https://example.org"}\n'
    )
    metadata = {
        "kernelspec": {"name": "elsewhere", "language": "python", "display_name": ""},
        "uv.lock": lock,
    }
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    folder.write("b.ipynb", json.dumps(whole))
    folder.write(
        "pipeline.yaml",
        """
        environment: strict
        tasks:
          - {source: a.py, product: out/a.ipynb}
          - {source: b.ipynb, product: out/b.ipynb}
        """,
    )
    said(folder, uv, "build")
    assert '"moo 4\\n"' in folder.read("out/a.ipynb")
    assert '"moo 5\\n"' in folder.read("out/b.ipynb"), "the lock binds"
    assert said(folder, uv, "status").endswith("all 2 tasks are fresh\n")
    folder.write("a.py", SCRIPT.replace("moo==4", "moo==6"))
    assert "stale  a  environment a.py changed\n" in said(folder, uv, "status")
    assert "moo 6" in said(folder, uv, "run", "a.py", "-")
    folder.write("other.txt", "moo==7\n")
    assert "moo 7" in said(folder, uv, "run", "a.py", "-", "--environment", "other.txt")


@pytest.mark.nightly
def test_an_empty_folder_finds_the_same_environment_and_a_person_may_do_without(
    folder: Folder, uv: Uv
) -> None:
    folder.write("a.py", SCRIPT)
    folder.write("pipeline.yaml", "tasks:\n  - {source: a.py, product: out/a.ipynb}\n")
    said(folder, uv, "build")
    plain = folder.octavo("run", "a.py", "-", "--environment", "none", env=uv.env)
    assert (plain.returncode, "No module named 'moo'" in plain.stderr) == (1, True), plain.stderr
    made = uv.made()
    said(folder, uv, "submit", "--to", "here", "--remote", str(folder.path / "store"))
    assert uv.made() == made, "what runs in an empty folder finds the same environment"
    folder.write("requirements.lock", "")
    assert "a.py: locked, made here\n" in said(folder, uv, "env", "check")


@pytest.mark.nightly
def test_two_that_want_one_environment_make_it_once_and_what_was_killed_leaves_nothing_half(
    folder: Folder, tmp_path: Path
) -> None:
    uv = Uv(tmp_path / "tools", pause=3)
    folder.write("a.py", SCRIPT)
    words = [sys.executable, "-m", "octavo", "run", "a.py"]
    env = {**os.environ, **uv.env}

    def begun(output: str) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen([*words, output], cwd=folder.path, env=env, stdout=quiet, stderr=quiet)

    killed = begun("killed.ipynb")
    while not uv.whole():
        assert killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    two = [begun("one.ipynb"), begun("two.ipynb")]
    assert [each.wait(60) for each in two] == [0, 0]
    assert (uv.made(), len(uv.whole())) == (2, 1)
    assert (uv.whole()[0] / "whole.json").is_file()


@pytest.mark.nightly
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_environments_are_made_by_uv_and_by_pip_for_real(folder: Folder, tmp_path: Path, tool: str) -> None:
    there = Path(sys.executable).parent / "uv"
    if tool == "uv" and not there.exists():
        pytest.skip("uv is not installed: pip install uv")
    if tool == "pip" and there.exists():
        pytest.skip("with uv in this environment pip is not asked")
    folder.write(
        "a.py",
        SCRIPT.replace("moo==4", "six==1.16.0")
        .replace("moo.VERSION", "six.__version__")
        .replace("moo", "six"),
    )
    ended = folder.octavo("run", "a.py", "-", env={"XDG_CACHE_HOME": str(tmp_path)}, timeout=400)
    if ended.returncode == 2 and "cannot be made" in ended.stderr and "six" not in ended.stderr:
        pytest.skip(f"no package index can be reached: {ended.stderr}")
    assert "six 1.16.0" in ended.stdout, ended.stderr
