"""OctavoOperator in both majors of Airflow, which have octavo installed beside them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from projects import Folder

pytestmark = pytest.mark.engines

ROOT = Path(__file__).parent.parent.parent
DAG = """
    import datetime

    try:
        from airflow.sdk import DAG
    except ImportError:
        from airflow import DAG
    from octavo.airflow import OctavoOperator

    with DAG("operator", schedule=None, start_date=datetime.datetime(2026, 1, 1)):
        one = OctavoOperator(
            task_id="one",
            input_nb={input!r},
            output_nb={output!r} + "/look-{{{{ task.task_id }}}}.ipynb",
            parameters={{"city": "Bern", "n": 2, "name": "{{{{ task.task_id }}}}"}},
            kernel_name="python3",
            log_output=True,
        )
        several = OctavoOperator.partial(task_id="several", project={project!r}, targets=["total"]).expand(
            parameters=[{{"k": 3}}, {{"k": 4}}]
        )
        one >> several
    """
#: What needs no scheduler: refused arguments, exit codes, and a run that is stopped.
CALLS = """
    import sys, threading, time
    from airflow.exceptions import AirflowException, AirflowFailException
    from octavo.airflow import OctavoOperator
    from octavo.errors import Error

    for words in (
        {},
        {"input_nb": "a.ipynb"},
        {"project": ".", "output_nb": "b.ipynb"},
        {"input_nb": "a.ipynb", "output_nb": "b.ipynb", "kernel_conn_id": "there"},
        {"input_nb": "a.ipynb", "output_nb": "b.ipynb", "nbconvert": True},
        {"input_nb": "a.ipynb", "output_nb": "b.ipynb", "targets": ["a"]},
    ):
        try:
            OctavoOperator(task_id="wrong", **words)
        except Error as error:
            assert error.hint
        else:
            raise AssertionError(words)

    class Notebook:
        url = sys.argv[1]
        parameters = {"n": 0}

    failing = OctavoOperator(task_id="failing", input_nb=Notebook(), output_nb=sys.argv[2])
    try:
        failing.execute({})
    except AirflowFailException:
        raise
    except AirflowException as error:
        assert "exit code 1" in str(error)
    unknown = OctavoOperator(task_id="unknown", input_nb=sys.argv[1], output_nb=sys.argv[2], parameters={"m": 1})
    try:
        unknown.execute({})
        raise AssertionError
    except AirflowFailException as error:
        assert "exit code 2" in str(error)

    sleeping = OctavoOperator(task_id="sleeping", input_nb=sys.argv[3], output_nb=sys.argv[2])
    def kill():
        while sleeping._process is None:
            time.sleep(0.1)
        time.sleep(1)
        sleeping.on_kill()
    threading.Thread(target=kill).start()
    began = time.monotonic()
    try:
        sleeping.execute({})
        raise AssertionError
    except AirflowException:
        assert time.monotonic() - began < 60
    """
NOTEBOOK = """
    # %% tags=["parameters"]
    n: int = 1
    city = "Wien"
    name = ""

    # %%
    print("said", city * n, name)
    1 / n
    """


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "project")
    folder.write("steps.py", "def total(product, k):\n    product.write_text(str(k * 2))\n")
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: steps.total, name: total, product: "out/{{k}}.txt", params: {k: "{{k}}"}}
        """,
    )
    folder.write("env.yaml", "k: 1\n")
    folder.write("look.py", NOTEBOOK)
    folder.write("sleep.py", "# %%\nimport time\ntime.sleep(600)\n")
    return folder


def surroundings(home: Path) -> Mapping[str, str]:
    """Return an environment for Airflow, without what is set for these tests."""
    left = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
    own = {"AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    return {**left, "AIRFLOW_HOME": str(home), **own}


@pytest.mark.parametrize("version", ["2.11.2", "3.3.2"])
def test_the_operator_runs_notebooks_and_tasks(tmp_path: Path, folder: Folder, version: str) -> None:
    place = ROOT / ".venv-engines" / f"airflow-{version}" / "bin"
    if not (place / "octavo").exists():
        pytest.skip(f"Airflow {version} is not installed with octavo: make test-engines does it")
    home, look = tmp_path / "airflow", folder.path / "look.py"
    (home / "dags").mkdir(parents=True)
    text = dedent(DAG).format(input=str(look), output=str(tmp_path), project=str(folder.path))
    (home / "dags" / "operator.py").write_text(text)
    env = surroundings(home)
    subprocess.run(
        [place / "airflow", "db", "migrate"], env=env, check=True, capture_output=True, timeout=300
    )
    ran = subprocess.run(
        [place / "airflow", "dags", "test", "operator"], env=env, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stdout[-4000:]
    assert "said BernBern one" in ran.stdout + ran.stderr
    assert "BernBern one" in (tmp_path / "look-one.ipynb").read_text()
    assert [folder.read(f"out/{k}.txt") for k in (3, 4)] == ["6", "8"]
    paths = (str(look), str(tmp_path / "out.ipynb"), str(folder.path / "sleep.py"))
    said = subprocess.run(
        [place / "python", "-c", dedent(CALLS), *paths], env=env, capture_output=True, text=True, timeout=300
    )
    assert said.returncode == 0, said.stderr[-4000:]
