"""The public projects written for Ploomber run as they are, and come to the same data.

Set QUIRE_PLOOMBER_PROJECTS to a checkout of github.com/ploomber/projects. Where QUIRE_PLOOMBER_PYTHON names a Python
that has Ploomber, jupytext<1.17 and networkx<3.6, each project is built with it as well, and the data are compared.
"""

from __future__ import annotations

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

PROJECTS = os.environ.get("QUIRE_PLOOMBER_PROJECTS", "")
PLOOMBER = os.environ.get("QUIRE_PLOOMBER_PYTHON", "")
PAGE = Path(__file__).parent.parent / "docs" / "ploomber.md"

brought = pytest.mark.skipif(not PROJECTS, reason="QUIRE_PLOOMBER_PROJECTS names no checkout")
runnable = [one for one in (*EXAMPLES, *BESIDES) if not one.why]

#: What is a report of a run, or somebody's notes, and no data.
NO_DATA = {".html", ".ipynb", ".pdf", ".metadata", ".log", ".pyc", ".db"}
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+")


def prepared(one: Example, where: Path) -> Path:
    """Copy an example, with its data put in place and a repository around those that ask git."""
    folder = where / Path(one.folder).name
    shutil.copytree(Path(PROJECTS) / one.folder, folder)
    if one.prepare:
        one.prepare(folder)
    if one.folder == "guides/versioning":
        (folder / ".gitignore").write_text("output\n.quire\n__pycache__\n")
        who = ["-c", "user.name=one", "-c", "user.email=one@example.org"]
        for words in (["init", "-q", "-b", "main"], ["add", "-A"], [*who, "commit", "-qm", "first"]):
            subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def run(one: Example, folder: Path, tool: str, python: str) -> None:
    """Give the commands of an example; ``src`` of a packaged one is on the path, as its installation would have it."""
    started = one.below if one.spec != "*.py" and not one.below.startswith("src") else "."
    env = {
        **os.environ,
        "PYTHONPATH": str(folder / "src"),
        "SEABORN_DATA": str(folder / "seaborn-data"),
        "PLOOMBER_STATS_ENABLED": "false",
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}",
    }
    for command in one.commands:
        command = re.sub(r"\bquire ", f"{shlex.quote(python)} -m {tool} ", command, count=1)
        command = re.sub(r"^python ", f"{shlex.quote(python)} ", command)
        ran = subprocess.run(
            command, shell=True, cwd=folder / started, env=env, capture_output=True, text=True
        )
        assert ran.returncode == 0, f"{command}\n{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}"


def wanting(one: Example) -> list[str]:
    """Return the packages and programs of an example that are not here."""
    programs = [name for name in one.program.split() if not shutil.which(name)]
    return [name for name in one.needs.split() if not find_spec(name)] + programs


def made(folder: Path) -> dict[str, Path]:
    """Return the data in a folder, by path; a time in a path counts as any other."""
    hidden = {".quire", "__pycache__", ".git", "seaborn-data"}
    return {
        STAMP.sub("now", str(path.relative_to(folder))): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not hidden & set(path.parts) and path.suffix not in NO_DATA
    }


def same(one: Path, other: Path) -> bool:
    """Return whether two files hold the same: bytes, or the values of a Parquet file or a pickle."""
    if one.read_bytes() == other.read_bytes():
        return True
    if one.suffix == ".parquet":
        pandas = pytest.importorskip("pandas")
        return bool(pandas.read_parquet(one).equals(pandas.read_parquet(other)))
    if one.suffix in {".csv", ".json", ".txt"}:
        return False
    left, right = pickle.loads(one.read_bytes()), pickle.loads(other.read_bytes())
    return repr(left) == repr(right)


@brought
@pytest.mark.parametrize("one", runnable, ids=lambda one: one.name)
def test_a_project_written_for_ploomber_runs_as_it_is(one: Example, tmp_path: Path) -> None:
    if missing := wanting(one):
        pytest.skip(f"not installed here: {', '.join(missing)}")
    ours = prepared(one, tmp_path / "quire")
    run(one, ours, "quire", sys.executable)
    if not PLOOMBER:
        return
    first, again = prepared(one, tmp_path / "ploomber"), prepared(one, tmp_path / "again")
    run(one, first, "ploomber.cli", PLOOMBER)
    assert made(ours).keys() == made(first).keys()
    differing = [name for name, path in made(ours).items() if not same(path, made(first)[name])]
    if differing:  # unless chance is in it: then it differs between two runs of Ploomber as well
        run(one, again, "ploomber.cli", PLOOMBER)
        assert not [name for name in differing if same(made(first)[name], made(again)[name])]


def test_the_page_tells_what_becomes_of_each_of_the_44() -> None:
    rows = [
        line.split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    told = {row[0].strip("| `"): row[1] for row in rows}
    assert {one.name for one in EXAMPLES} <= told.keys()
    assert len(EXAMPLES) == len({one.name for one in EXAMPLES}) == 44
    assert {one.name for one in EXAMPLES if told[one.name] == "no"} == {
        one.name for one in EXAMPLES if one.why
    }
