"""What a newcomer types in an empty environment: install, init, build, edit, build, report, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).parent.parent

NOTEBOOKS = {
    "1 get visits": "import random\n\nrandom.seed(3)\nwith open('data/visits.csv', 'w') as file:\n"
    "    for city in ['Bern', 'Lima']:\n        print(city, random.randint(1, 9), sep=',', file=file)",
    "2 clean": "from pathlib import Path\n\nrows = Path('data/visits.csv').read_text().splitlines()\n"
    "Path('data/clean.csv').write_text('\\n'.join(sorted(rows)))",
    "3 summary": "print(open('data/clean.csv').read())",
}

#: Eight commands at most, the editing (here by sed) counted.
TYPED = (
    "python3 -m venv venv",
    "venv/bin/pip install --quiet octavo",
    "venv/bin/octavo init --yes",
    "venv/bin/octavo build",
    "sed -i s/Lima/Oslo/ '1 get visits.ipynb'",
    "venv/bin/octavo build",
    "venv/bin/octavo report",
)


class Newcomer:
    """A folder of notebooks and a shell, in which only Python is installed: no octavo, no settings, no home."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder = folder
        (folder / "data").mkdir()
        for name, code in NOTEBOOKS.items():
            jupytext.write(jupytext.reads(f"# %%\n{code}\n", "py:percent"), folder / f"{name}.ipynb")
        # pip finds octavo where an index would be; what octavo depends on is lent by the environment of this test
        self.environ = {
            "PATH": f"{Path(sys.base_prefix, 'bin')}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(folder / "home"),
            "LC_ALL": "C.UTF-8",
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_FIND_LINKS": str(wheels),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def types(self, command: str) -> str:
        """Type a command; return what it printed."""
        lent = {} if " pip " in command.replace("/", " ") else {"PYTHONPATH": sysconfig.get_path("purelib")}
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self.environ | lent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    wheels = tmp_path / "wheels"
    words = [
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--wheel-dir",
        str(wheels),
    ]
    subprocess.run([sys.executable, "-m", "pip", *words, str(ROOT)], check=True, capture_output=True)
    project = tmp_path / "my project"
    project.mkdir()
    return Newcomer(project, wheels)


def test_a_newcomer_gets_from_a_folder_of_notebooks_to_a_report_in_eight_commands(newcomer: Newcomer) -> None:
    assert len(TYPED) <= 8
    *_, proposed, first, _, second, reported = [newcomer.types(command) for command in TYPED]
    # each command says what comes next, or how it went
    assert proposed.rstrip().endswith("next: octavo build")
    assert "3 done" in first
    assert "start    1-get-visits: source changed (cell 1)" in second
    assert "start    3-summary: upstream 2-clean[clean] changed" in second
    assert "3 done" in second
    assert reported.strip() == "report.html"
    page = (newcomer.folder / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("1-get-visits", "2-clean", "3-summary"))
    assert "Oslo" in (newcomer.folder / "output" / "3-summary.ipynb").read_text(encoding="utf-8")
    # the installed octavo did it, and not the one that is tested otherwise
    where = newcomer.types("venv/bin/python -c 'import octavo; print(octavo.__file__)'")
    assert where.startswith(str(newcomer.folder / "venv"))
