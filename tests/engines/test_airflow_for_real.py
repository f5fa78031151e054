"""The exported DAG file in both majors of Airflow, each in an environment of its own, without a scheduler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from projects import Folder

pytestmark = pytest.mark.engines

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("version", ["2.11.2", "3.3.2"])
@pytest.mark.parametrize("good", [True, False], ids=["good", "failing"])
def test_airflow_runs_the_file(tmp_path: Path, version: str, good: bool) -> None:
    airflow = ROOT / ".venv-engines" / f"airflow-{version}" / "bin" / "airflow"
    if not airflow.exists():
        pytest.skip(f"Airflow {version} is not installed: make test-engines does it")
    folder = Folder(tmp_path / "sales")
    folder.write(
        "steps.py",
        f"""
        def draw(product, k):
            product.write_text(str(k))


        def total(product, upstream):
            assert {good}
            product.write_text(str(sum(int(path.read_text()) for path in upstream["draw-*"].values())))
        """,
    )
    folder.write(
        "pipeline.yaml",
        """
        schedule: {cron: "30 6 * * mon-fri", timezone: Europe/Berlin}
        tasks:
          - {source: steps.draw, name: "draw-[[k]]", product: "out/draw-[[k]].txt", grid: {k: [1, 2]}}
          - {source: steps.total, name: "in all", product: out/total.txt, upstream: draw-*, timeout: 300, cpus: 2,
             engines: {airflow: {priority_weight: 5}}}
        """,
    )
    home = tmp_path / "airflow"
    # the file needs nothing of octavo's where Airflow runs: there it cannot be imported
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "octavo.py").write_text("raise ImportError('the file imports octavo')\n")
    command = f"env --unset PYTHONPATH {sys.executable} -m octavo"
    words = ["--remote", "../store", "--octavo", command, "--option", "retries=0"]
    words += ["--option", "pool=default_pool"]
    made = folder.octavo("export", "airflow", *words, "-o", str(home / "dags" / "sales.py"))
    assert made.returncode == 0, made.stderr
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))},
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(tmp_path / "none"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    subprocess.run([airflow, "db", "migrate"], env=env, check=True, capture_output=True, timeout=300)
    ran = subprocess.run(
        [airflow, "dags", "test", "sales"], env=env, capture_output=True, text=True, timeout=300
    )
    assert (ran.returncode == 0) == good, ran.stdout[-4000:]
    (run,) = folder.octavo("runs", "--remote", "../store").stdout.splitlines()
    name = run.split("  ")[0]
    assert name.startswith("manual__")
    told = folder.octavo("status", name, "--remote", "../store").stdout
    assert told.count("done") == (3 if good else 2)
    away = folder.octavo("fetch", name, "--remote", "../store", "--to", "away")
    assert away.returncode == int(not good)
    if good:
        assert folder.read("away/out/total.txt") == "3"
