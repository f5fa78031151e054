"""Tasks and the pipeline as hooks see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from octavo.model import PROXIES, Call, Calls, Facts, Product, Relation, Source, Task
from octavo.views import DagView, Status, TaskView, Upstream, given

FIT = Task(
    "fit",
    "function",
    Source("tasks.py", "tasks.fit", "def fit(): ...", Facts("", title="Fit a model.")),
    (Product("out/model.pkl", "model"), Product("out/scores.csv", "scores")),
    {"n": 3},
    ("clean",),
    {"clean": "out/clean.csv"},
)
TABLE = Relation("people", "public")
CLEAN = Task(
    "clean",
    "sql",
    Source("clean.sql"),
    (Product(f"{PROXIES}db/public.people", None, relation=TABLE, maker="SQLRelation"),),
    calls=Calls(client=Call("db.connect", {"echo": True})),
)


def test_a_task_shows_paths_and_parameters() -> None:
    view = TaskView(FIT)
    assert view.product == {"model": Path("out/model.pkl"), "scores": Path("out/scores.csv")}
    assert view.params == {
        "n": 3,
        "product": view.product,
        "upstream": {"clean": Path("out/clean.csv")},
    }
    assert view.upstream.first.product == Path("out/clean.csv")
    assert (view.source.name, view.source.doc, view.source.loc) == ("fit", "Fit a model.", "tasks.py")
    assert str(view.source) == "def fit(): ..."
    assert view.client is None


def test_a_table_is_a_relation_and_a_client_is_made_when_it_is_asked_for() -> None:
    made: list[Any] = []

    def connect(call: Any) -> str:
        made.append(call)
        return "connection"

    view = TaskView(CLEAN, connect=connect)
    assert isinstance(view.product, Relation)
    assert (view.product.schema, view.product.name) == ("public", "people")
    assert not made
    assert (view.client, view.client) == ("connection", "connection")
    assert made == [Call("db.connect", {"echo": True})]


def test_inputs_below_a_wildcard_stay_nested() -> None:
    assert given({"fit-*": {"fit-0": "a", "fit-1": TABLE}}) == {"fit-*": {"fit-0": Path("a"), "fit-1": TABLE}}


def test_the_only_upstream_is_the_first() -> None:
    assert Upstream(a=1).first == 1
    with pytest.raises(ValueError, match="a, b"):
        _ = Upstream(a=1, b=2).first
    with pytest.raises(KeyError, match="no upstream"):
        _ = Upstream().first
    with pytest.raises(KeyError, match="there are: a"):
        _ = Upstream(a=1)["b"]


def test_the_pipeline_is_a_mapping_of_its_tasks() -> None:
    dag = DagView(
        "pipeline", {"clean": CLEAN, "fit": FIT}, {"fit": Status.Errored}, lambda call: "connection"
    )
    assert list(dag) == ["clean", "fit"]
    assert dag["fit"].exec_status is Status.Errored
    assert dag["fit"].upstream["clean"] is dag["clean"]
    assert dag.get_downstream("clean") == ["fit"]
    assert dag.clients == {"clean": "connection"}
    assert dag.product == [dag["fit"].product]
    with pytest.raises(KeyError, match="there are: clean, fit"):
        _ = dag["fitt"]


def test_a_product_loads_as_a_frame(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    view = TaskView(Task("t", "function", Source("t.py"), (Product(str(tmp_path / "a.csv")),)))
    assert list(view.load().x) == [1, 2]
    assert isinstance(view.load(), pandas.DataFrame)
    with pytest.raises(ValueError, match="several products"):
        TaskView(FIT).load()
    with pytest.raises(NotImplementedError, match=r"neither \.csv nor \.parquet"):
        TaskView(FIT).load("model")


def test_a_dump_in_chunks_loads_as_one_frame_in_their_order(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    (tmp_path / "rows.csv").mkdir()
    for number in (0, 1, 2, 10):
        (tmp_path / "rows.csv" / f"{number}.csv").write_text(f"x\n{number}\n")
    view = TaskView(Task("t", "dump", Source("t.sql"), (Product(str(tmp_path / "rows.csv")),)))
    assert list(view.load().x) == [0, 1, 2, 10]
