"""PySpark in local mode, with a JRE: functions and notebooks get a session as their client; S3 as moto serves it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterator

import pytest

from buckets import moto, needs_moto, s3
from projects import Folder

pytestmark = pytest.mark.engines
needs_spark = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None or shutil.which("java") is None,
    reason="wants: pip install pyspark, and a JRE (apt-get install default-jre-headless)",
)
SESSION = """
    from pyspark.sql import SparkSession
    def spark(app="octavo"):
        builder = SparkSession.builder.master("local[1]").appName(app)
        for name, value in (("ui.enabled", "false"), ("driver.bindAddress", "127.0.0.1"), ("driver.host", "127.0.0.1")):
            builder = builder.config(f"spark.{name}", value)
        return builder.getOrCreate()
"""


@needs_spark
def test_functions_and_notebooks_get_a_session_and_parquet_folders_are_products(folder: Folder) -> None:
    folder.write("sessions.py", SESSION)
    folder.write(
        "steps.py",
        """
        def make(product, client, rows=100):
            client.range(rows).selectExpr("id", "id % 7 as k").write.mode("overwrite").parquet(str(product))
        """,
    )
    folder.write(
        "count.py",
        """
        # %% tags=["parameters"]
        upstream = ["make"]
        product = None
        client = None
        # %%
        frame = client.read.parquet(upstream["make"])
        print(client.sparkContext.appName, frame.groupBy("k").count().count())
        """,
    )
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: steps.make, product: out/rows, client: sessions.spark}
          - {source: count.py, product: out/count.ipynb, client: {dotted_path: sessions.spark, app: counting}}
        """,
    )
    built = folder.octavo("build", timeout=500)
    assert built.returncode == 0, built.stdout + built.stderr
    cells = json.loads(folder.read("out/count.ipynb"))["cells"]
    shown = "".join(text for cell in cells for one in cell.get("outputs", ()) for text in one.get("text", ()))
    assert "counting 7" in shown
    assert any('client = client(app="counting")' in "".join(cell["source"]) for cell in cells)
    assert folder.octavo("status").stdout.endswith("all 2 tasks are fresh\n")
    (folder.path / "out/rows/_SUCCESS").unlink()
    assert "product out/rows/_SUCCESS is gone" in folder.octavo("status").stdout


@pytest.fixture(scope="module")
def store() -> Iterator[dict[str, str]]:
    with moto() as env:
        s3("client.create_bucket(Bucket='lake')", env)
        yield env


@needs_moto
@pytest.mark.skipif(importlib.util.find_spec("obstore") is None, reason="wants: pip install obstore")
def test_products_on_s3_cost_a_listing_and_one_of_the_same_size_is_another(
    folder: Folder, store: dict[str, str]
) -> None:
    env = {**os.environ, **store}
    folder.write(
        "steps.py",
        """
        import os
        import obstore
        from obstore.store import S3Store
        def rows(product, text="a"):
            assert product == "s3://lake/deep/rows"
            store = S3Store("lake", endpoint=os.environ["AWS_ENDPOINT_URL"], client_options={"allow_http": True})
            for n in range(3):
                obstore.put(store, f"deep/rows/part-{n}.parquet", (text * 9).encode())
        def read(product, upstream):
            open(product, "w").write(upstream["rows"])
        """,
    )
    first = "  - {source: steps.rows, product: 's3://lake/deep/rows'}\n"
    tasks = f"tasks:\n{first}  - {{source: steps.read, product: out.txt}}\n"
    folder.write("pipeline.yaml", tasks)
    built = folder.octavo("build", env=env)
    assert built.returncode == 0, built.stdout + built.stderr
    assert folder.octavo("status", env=env).stdout.endswith("all 2 tasks are fresh\n")
    put = "client.put_object(Bucket='lake', Key='deep/rows/part-1.parquet', Body=b'{}' * 9)"
    s3(put.format("b"), store)
    status = folder.octavo("status", env=env).stdout
    assert "product s3://lake/deep/rows was changed by hand" in status
    assert "upstream rows changed" in status
    s3(put.format("a"), store)
    assert folder.octavo("status", env=env).stdout.endswith("all 2 tasks are fresh\n"), "it is what it was"
    s3("client.put_object(Bucket='lake', Key='deep/rows2', Body=b'x')", store)
    assert folder.octavo("status", env=env).stdout.endswith("all 2 tasks are fresh\n"), (
        "a neighbour is none of it"
    )
    away = {**env, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    noted = folder.octavo("status", env=away)
    assert "s3://lake/deep/rows could not be listed, and counts as unchanged" in noted.stdout + noted.stderr
    folder.write("pipeline.yaml", tasks.replace("s3://lake/", "s3://nowhere/"))
    refused = folder.octavo("build", env=env)
    assert (refused.returncode, "s3://nowhere/deep/rows cannot be listed" in refused.stderr) == (2, True), (
        refused.stderr
    )
