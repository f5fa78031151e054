"""Code that is none of the project's and is edited all the same; templates that became code."""

from __future__ import annotations

import json
import os
import py_compile
import sys
from pathlib import Path

import pytest

from projects import Folder


def test_a_package_elsewhere_that_is_edited_counts_by_its_code(folder: Folder, tmp_path: Path) -> None:
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    (elsewhere / "lately").mkdir(parents=True)
    (elsewhere / "lately/__init__.py").write_text("from .numbers import N\n")
    (elsewhere / "lately/numbers.py").write_text("N = 1\n")
    folder.write("pipeline.yaml", "tasks:\n  - {source: n.py, product: {nb: out/n.ipynb, data: out/n.txt}}\n")
    folder.write(
        "n.py",
        """
        # %% tags=["parameters"]
        upstream = None
        product = None

        # %%
        import lately
        _ = open(product["data"], "w").write(str(lately.N))
        """,
    )
    env = {"PYTHONPATH": str(elsewhere)}
    assert folder.octavo("build", env=env).returncode == 0
    assert "1 task fresh" in folder.octavo("build", env=env).stdout
    (elsewhere / "lately/numbers.py").write_text("N = 2\n")
    assert "module lately.numbers changed (N)" in folder.octavo("status", env=env).stdout
    assert folder.octavo("build", env=env).returncode == 0
    assert folder.read("out/n.txt") == "2"
    (elsewhere / "lately/numbers.py").write_text("# as it was\nN = 2\n")
    assert "1 task fresh" in folder.octavo("build", env=env).stdout


@pytest.mark.parametrize(
    ("how", "closed"), [("PYTHONPATH", False), ("PYTHONPATH", True), ("an installed link", False)]
)
def test_byte_code_of_a_package_elsewhere_is_no_newer_than_its_source(
    folder: Folder, tmp_path: Path, how: str, closed: bool
) -> None:
    """Whoever edits it twice in a second, or unpacks it, leaves a size and a time that byte code was made for."""
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    package = elsewhere / "lately"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from .numbers import N\n")
    numbers = package / "numbers.py"
    numbers.write_text("N = 1\n")
    os.utime(numbers, (1_700_000_000, 1_700_000_000))
    py_compile.compile(str(numbers))
    numbers.write_text("N = 2\n")
    os.utime(numbers, (1_700_000_000, 1_700_000_000))
    path = elsewhere
    if how != "PYTHONPATH":
        path = elsewhere / "site-packages"
        path.mkdir()
        (path / "lately").symlink_to(package)
    compiled = package / "__pycache__"
    compiled.chmod(0o555 if closed else 0o755)
    folder.write("pipeline.yaml", "tasks:\n  - {source: steps.make, product: n.txt}\n")
    folder.write("steps.py", "import lately\n\ndef make(product):\n    product.write_text(str(lately.N))\n")
    try:
        done = folder.octavo("build", env={"PYTHONPATH": str(path)})
    finally:
        compiled.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert folder.read("n.txt") == "2"
    assert "module lately.numbers" in folder.octavo("history", "make", "--json").stdout


def test_macros_of_sql_are_files_and_no_modules(folder: Folder) -> None:
    folder.write(
        "pipeline.yaml",
        """
        clients: {SQLScript: db.get, SQLiteRelation: db.get}
        meta: {source_loader: {path: sql}}
        tasks:
          - {source: sql/a.sql, product: [a, table], product_class: SQLiteRelation}
        """,
    )
    folder.write(
        "db.py",
        """
        from octavo.clients import SQLAlchemyClient

        def get():
            return SQLAlchemyClient("sqlite:///x.db")
        """,
    )
    folder.write("sql/m.sql", "{% macro f() %}1{% endmacro %}")
    folder.write(
        "sql/a.sql",
        '{% import "m.sql" as m %}\ndrop table if exists {{product}};\n'
        "create table {{product}} as select {{m.f()}} as x;\n",
    )
    assert folder.octavo("build").returncode == 0
    assert "all tasks are fresh" in folder.octavo("status").stdout
    folder.write("sql/m.sql", "{% macro f() %}2{% endmacro %}")
    assert "stale  a  file sql/m.sql changed" in folder.octavo("status").stdout


def test_the_kernel_json_of_another_kernel_is_noted_and_counts_where_the_environment_is_strict(
    folder: Folder, tmp_path: Path
) -> None:
    jupyter = tmp_path.parent / f"{tmp_path.name}-jupyter"
    (jupyter / "kernels/other").mkdir(parents=True)

    def install(**more: object) -> None:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": argv, "display_name": "Other", "language": "python", **more}
        (jupyter / "kernels/other/kernel.json").write_text(json.dumps(spec))

    env = {"JUPYTER_PATH": str(jupyter)}
    install()
    folder.write("pipeline.yaml", "tasks:\n  - {source: n.py, product: out/n.ipynb, kernel: other}\n")
    folder.write("n.py", '# %% tags=["parameters"]\nupstream = None\nproduct = None\n\n# %%\nprint(1)\n')
    assert folder.octavo("build", env=env).returncode == 0
    assert "note" not in folder.octavo("status", env=env).stderr
    install(env={"MARK": "1"})
    said = folder.octavo("status", env=env)
    assert "all tasks are fresh" in said.stdout
    assert "n ran with the kernel other as it was, now its kernel.json is another" in said.stderr
    folder.write("pipeline.yaml", folder.read("pipeline.yaml") + "environment: strict\n")
    assert "stale  n  kernelspec other changed" in folder.octavo("status", env=env).stdout
