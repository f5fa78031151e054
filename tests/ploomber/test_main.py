"""``python -m octavo.ploomber``: programs run where Python does not know the name ``ploomber``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from programs import ROOT

PIPELINE = """
import sys
from pathlib import Path
from ploomber import DAG
from ploomber.executors import Serial
from ploomber.products import File
from ploomber.tasks import PythonCallable

def make(product, text):
    Path(product).write_text(text)

if __name__ == "__main__":
    dag = DAG(executor=Serial())
    PythonCallable(make, File("made.txt"), dag, params={"text": sys.argv[1]})
    dag.build(show_progress=False)
    print(sys.argv, Path(__file__).name, sys.path[0] == str(Path(__file__).parent))
"""


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the module in a Python that reads no .pth files, of which octavo-ploomber's may be one."""
    there = [str(ROOT / "src"), *(entry for entry in sys.path if entry.endswith("site-packages"))]
    return subprocess.run(
        [sys.executable, "-S", "-m", "octavo.ploomber", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(there)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_program_runs_with_its_arguments_and_its_folder_first_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "run.py").write_text(PIPELINE)
    done = python(tmp_path, "work/run.py", "text", "-v")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "['work/run.py', 'text', '-v'] run.py True\n"
    assert (tmp_path / "made.txt").read_text() == "text"


def test_a_module_runs_too(tmp_path: Path) -> None:
    (tmp_path / "pipe").mkdir()
    (tmp_path / "pipe" / "__init__.py").write_text("")
    (tmp_path / "pipe" / "run.py").write_text(
        "import sys, ploomber\nprint(ploomber.__name__, sys.argv[1:])\n"
    )
    done = python(tmp_path, "-m", "pipe.run", "x")
    assert (done.stdout, done.returncode) == ("octavo.ploomber ['x']\n", 0), done.stderr


def test_a_traceback_begins_in_the_program(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text("import ploomber\n\ndef main():\n    1 / 0\n\nmain()\n")
    done = python(tmp_path, "run.py")
    first, where, *_, last = done.stderr.splitlines()
    assert done.returncode == 1
    assert first == "Traceback (most recent call last):"
    assert where == f'  File "{tmp_path}/run.py", line 6, in <module>'
    assert last == "ZeroDivisionError: division by zero"


def test_what_a_program_registers_for_the_end_still_finds_its_module(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(
        "import atexit, sys\nword = 'said'\natexit.register(lambda: print(sys.modules['__main__'].word))\nsys.exit(3)\n"
    )
    done = python(tmp_path, "run.py")
    assert (done.returncode, done.stdout) == (3, "said\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "usage: python -m octavo.ploomber (PROGRAM.py | -m MODULE) [ARGUMENT …]\n"),
        (("-m",), "usage: python -m octavo.ploomber (PROGRAM.py | -m MODULE) [ARGUMENT …]\n"),
        (("nothing.py",), "cannot run nothing.py: No such file or directory\n"),
        ((".",), "cannot run .: Is a directory\n"),
    ],
)
def test_what_cannot_be_run_is_said(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = python(tmp_path, *words)
    assert (done.returncode, done.stderr) == (2, said)
