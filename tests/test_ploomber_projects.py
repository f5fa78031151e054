"""The public projects written for Ploomber run as they are, and come to the same data.

Set OCTAVO_PLOOMBER_PROJECTS to a checkout of github.com/ploomber/projects. Where OCTAVO_PLOOMBER_PYTHON names a Python
that has Ploomber, jupytext<1.17 and networkx<3.6, each project is built with it as well, and the data are compared.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ploomber_projects import BESIDES, EXAMPLES, Example

PROJECTS = os.environ.get("OCTAVO_PLOOMBER_PROJECTS", "")
PLOOMBER = os.environ.get("OCTAVO_PLOOMBER_PYTHON", "")
PAGE = Path(__file__).parent.parent / "docs" / "design" / "ploomber-projects.md"

brought = pytest.mark.skipif(not PROJECTS, reason="OCTAVO_PLOOMBER_PROJECTS names no checkout")
runnable = [one for one in (*EXAMPLES, *BESIDES) if not one.why]

#: What is a report of a run, or somebody's notes, and no data.
NO_DATA = {".html", ".ipynb", ".pdf", ".metadata", ".log", ".pyc", ".db"}
#: A sitecustomize for both sides: chance begins the same in each process and after each fork.
CHANCE = """
import os, random, sys
from importlib.machinery import PathFinder

seeded = random.seed
random.seed = lambda a=None, version=2: seeded(0 if a is None else a, version)


def again():
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


class Finder:
    def find_spec(name, path=None, target=None):
        if name != "numpy.random":
            return None
        spec = PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            seed = module.seed
            module.seed = lambda a=None: seed(0 if a is None else a)
            module.seed()

        spec.loader.exec_module = exec_module
        return spec


again()
os.register_at_fork(after_in_child=again)
sys.meta_path.insert(0, Finder)
"""

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+")


def prepared(one: Example, where: Path) -> Path:
    """Copy an example, with its data put in place and a repository around those that ask git."""
    folder = where / Path(one.folder).name
    shutil.copytree(Path(PROJECTS) / one.folder, folder)
    if one.prepare:
        one.prepare(folder)
    if one.folder == "guides/versioning":
        (folder / ".gitignore").write_text("output\n.octavo\n__pycache__\n")
        # the same hash on both sides
        dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2024-01-01T00:00:00+00:00")
        who = ["-c", "user.name=one", "-c", "user.email=one@example.org"]
        for words in (["init", "-q", "-b", "main"], ["add", "-A"], [*who, "commit", "-qm", "first"]):
            subprocess.run(["git", *words], cwd=folder, check=True, env=os.environ | dates)
    return folder


def run(one: Example, folder: Path, python: str, *tool: str) -> None:
    """Give the commands of an example; ``src`` of a packaged one is on the path, as its installation would have it."""
    started = one.below if one.spec != "*.py" and not one.below.startswith("src") else "."
    chance = folder.parent / "chance"
    chance.mkdir()
    (chance / "sitecustomize.py").write_text(CHANCE)
    env = {
        **os.environ,
        "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{chance}",
        "SEABORN_DATA": str(folder / "seaborn-data"),
        "PLOOMBER_STATS_ENABLED": "false",
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}",
    }
    for command in one.commands:
        command = re.sub(r"\boctavo ", f"{shlex.join(tool)} ", command, count=1)
        command = re.sub(r"^python ", f"{shlex.quote(python)} ", command)
        ran = subprocess.run(
            command, shell=True, cwd=folder / started, env=env, capture_output=True, text=True
        )
        assert ran.returncode == 0, f"{command}\n{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}"


def wanting(one: Example) -> list[str]:
    """Return the packages and programs of an example that are not here."""
    programs = [name for name in one.program.split() if not shutil.which(name)]
    return [name for name in one.needs.split() if not find_spec(name)] + programs


def made(folder: Path, one: Example) -> dict[str, Path]:
    """Return the data that a run left in a folder, by path; a time in a path counts as any other."""
    before = Path(PROJECTS) / one.folder
    hidden = {".octavo", "__pycache__", ".git", "seaborn-data", "mlruns"}
    return {
        STAMP.sub("now", str(path.relative_to(folder))): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not hidden & set(path.parts)
        and path.suffix not in NO_DATA
        and not (before / path.relative_to(folder)).exists()
    }


def same(one: Path, other: Path) -> bool:
    """Return whether two files hold the same: bytes, or the values of a Parquet file or a pickle."""
    if one.read_bytes() == other.read_bytes():
        return True
    if one.suffix == ".parquet":
        pandas = pytest.importorskip("pandas")
        return bool(pandas.read_parquet(one).equals(pandas.read_parquet(other)))
    if one.suffix == ".json":  # in another order: Ploomber takes the files of a folder as the disk has them
        return parsed(one.read_text()) == parsed(other.read_text())
    if one.suffix in {".csv", ".txt"}:
        return False
    left, right = pickle.loads(one.read_bytes()), pickle.loads(other.read_bytes())
    return repr(left) == repr(right)


def parsed(text: str) -> object:
    """Read JSON, and JSON in a text of JSON."""
    value = json.loads(text)
    return parsed(value) if isinstance(value, str) and value.startswith("{") else value


@brought
@pytest.mark.parametrize("one", runnable, ids=lambda one: one.name)
def test_a_project_written_for_ploomber_runs_as_it_is(one: Example, tmp_path: Path) -> None:
    if missing := wanting(one):
        pytest.skip(f"not installed here: {', '.join(missing)}")
    ours = prepared(one, tmp_path / "octavo")
    run(one, ours, sys.executable, sys.executable, "-m", "octavo")
    if not PLOOMBER:
        return
    theirs = prepared(one, tmp_path / "ploomber")
    run(one, theirs, PLOOMBER, str(Path(PLOOMBER).parent / "ploomber"))
    found, expected = made(ours, one), made(theirs, one)
    assert found.keys() == expected.keys()
    assert not [name for name, path in found.items() if not same(path, expected[name])]


def test_the_page_tells_which_of_the_44_do_not_build() -> None:
    assert len(EXAMPLES) == len({one.name for one in EXAMPLES}) == 44
    text = PAGE.read_text(encoding="utf-8")
    assert f"all {len(EXAMPLES)} pipeline files" in text
    refused = {one.name for one in EXAMPLES if one.why}
    assert f"{len(EXAMPLES) - len(refused)} of them build" in text
    _, first, second = re.split(r"^\| pipeline \|.*$", text, flags=re.MULTILINE)
    told = {name for row in first.splitlines() for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])}
    # of a project with two pipelines the row names the project, and the files
    projects = {name.removesuffix("/pipeline.incremental.yaml") for name in refused}
    assert {name for name in told if "/" in name} == projects
    noted = {name for row in second.splitlines() for name in re.findall(r"^\| `([^`]+)`", row)}
    assert all(any(one.name.startswith(name) for one in EXAMPLES) for name in noted if "/" in name)
    assert not noted & refused
