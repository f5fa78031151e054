"""Pipelines of functions: in a notebook, in memory, to serve a model."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from octavo.ploomber import InMemoryDAG, OnlineDAG, OnlineModel
from octavo.ploomber.exceptions import MissingKeysValidationError, ValidationError
from octavo.ploomber.micro import dag_from_functions, grid
from projects import Folder


def ones(input_data: list[int]) -> list[int]:
    return [n * 1 for n in input_data]


def twos(ones: list[int]) -> list[int]:
    return [n + 1 for n in ones]


def both(ones: list[int], twos: list[int]) -> list[int]:
    return [*ones, *twos]


@grid(value=[0, 1], more=[5])
@grid(value=[2])
def add(ones: list[int], value: int, more: int = 0) -> list[int]:
    return [n + value + more for n in ones]


@pytest.fixture(autouse=True)
def here(tmp_path: Path) -> Iterator[Path]:
    """Work in a folder of one's own."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


@pytest.mark.parametrize("parallel", [False, True])
def test_functions_are_joined_by_the_names_of_their_arguments(here: Path, parallel: bool) -> None:
    dag = dag_from_functions([ones, twos, both], params={"ones": {"input_data": [1]}}, parallel=parallel)
    dag.build(show_progress=False)
    assert dag["both"].load() == [1, 2]
    assert (here / "output" / "both").is_file()
    assert not any(dag.build(show_progress=False)["Ran?"])


def test_a_grid_makes_a_task_for_each_combination() -> None:
    dag = dag_from_functions([ones, add], params={"ones": {"input_data": [1]}})
    dag.build(show_progress=False)
    found = {name: dag[name].load() for name in dag if name != "ones"}
    assert found == {"add-0": [3], "add-1": [6], "add-2": [7]}


def test_dependencies_may_be_listed_in_the_order_of_the_arguments() -> None:
    def difference(first: list[int], second: list[int]) -> int:
        return first[0] - second[0]

    given = {"params": {"ones": {"input_data": [1]}}, "dependencies": {"difference": ["twos", "ones"]}}
    dag = dag_from_functions([ones, twos, difference], **given)  # type: ignore[arg-type]
    dag.build(show_progress=False)
    assert dag["difference"].load() == 1


def test_a_pipeline_in_memory_hands_values_on() -> None:
    dag = dag_from_functions([ones, twos, both], params={"ones": {"input_data": [9]}})
    memory = InMemoryDAG(dag)
    assert memory.build({"ones": [4]}) == {"ones": [4], "twos": [5], "both": [4, 5]}
    with pytest.raises(MissingKeysValidationError, match="ones"):
        memory.build({})
    with pytest.raises(ValidationError, match="input_data has: ones"):
        memory.build({"ones": [1], "twos": [2]})


FEATURES = """
    - source: features_of.square
      name: square
    - source: features_of.features
      name: features
"""
CODE = """
    def square(upstream):
        return upstream["get"] ** 2

    def features(upstream):
        return upstream["get"] + upstream["square"]
"""


class Model:
    def predict(self, value: int) -> int:
        return -value


def test_features_are_computed_in_memory_for_a_model(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write("features_of.py", CODE)
    folder.write("served/__init__.py", "")
    path = folder.write("served/pipeline-features.yaml", FEATURES)
    (folder.path / "served" / "model.pickle").write_bytes(pickle.dumps(Model()))
    monkeypatch.syspath_prepend(str(folder.path))

    class Online(OnlineDAG):
        @staticmethod
        def get_partial() -> Path:
            return path

        @staticmethod
        def terminal_params() -> dict[str, Any]:
            return {"model": Model()}

        @staticmethod
        def terminal_task(upstream: Any, model: Any) -> Any:  # type: ignore[override]
            return model.predict(upstream["features"])

    assert Online().predict(get=3) == {"get": 3, "square": 9, "features": 12, "terminal": -12}
    import served  # type: ignore[import-not-found]

    assert OnlineModel(served).predict(get=2) == -6
    del sys.modules["served"], sys.modules["features_of"]
