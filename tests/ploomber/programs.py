"""Programs that say ``import ploomber``, run in an interpreter that knows the name as octavo-ploomber lets it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "packages" / "octavo-ploomber"


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of an interpreter that does what the .pth file of octavo-ploomber says."""
    site = folder / ".site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text((PACKAGE / "octavo-ploomber.pth").read_text())
    path = os.pathsep.join(map(str, (site, PACKAGE, ROOT / "src")))
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}


def ran(folder: Path, *words: str) -> str:
    """Run Python in a folder and return what it said; where it fails, so does the test."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def program(folder: Path, code: str, name: str = "run.py") -> str:
    """Write a program and run it; return what it said."""
    (folder / name).write_text(code)
    return ran(folder, name)
