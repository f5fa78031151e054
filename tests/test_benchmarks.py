"""The benchmarks run: each small, in this very environment, whatever peers it holds. Times are not judged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
SCRIPTS = sorted(FOLDER.glob("bench_*.py"))
#: These take ten seconds and more, whatever the size.
LONG = (
    "bench_cells",
    "bench_jupyter",
    "bench_many_notebooks",
    "bench_observing",
    "bench_outputs",
    "bench_ploomber",
    "bench_tiny_notebook",
)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(script, id=script.stem, marks=[pytest.mark.nightly] if script.stem in LONG else [])
        for script in SCRIPTS
    ],
)
def test_a_benchmark_runs_and_speaks_of_its_bars(script: Path, tmp_path: Path) -> None:
    if script.stem == "bench_jupyter":
        pytest.importorskip("jupyterlab", reason="wants: pip install jupyterlab")
    ran = subprocess.run(
        [sys.executable, script, "--quick"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "median (least–most)" in ran.stdout
    assert "bar: " in ran.stdout or "skipped" in ran.stdout
    assert not list(tmp_path.iterdir()), "it cleans up behind itself"


def test_there_is_a_script_for_each_thing_that_is_promised() -> None:
    assert [path.stem for path in SCRIPTS] == [
        "bench_cache",
        "bench_cells",
        "bench_check",
        "bench_deploy",
        "bench_jupyter",
        "bench_many_notebooks",
        "bench_observing",
        "bench_online",
        "bench_outputs",
        "bench_ploomber",
        "bench_pytest",
        "bench_review",
        "bench_staleness",
        "bench_tiny_notebook",
        "bench_verify",
        "bench_warm",
    ]
