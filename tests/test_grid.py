"""Tasks with a grid: their names, their products, their parameters; all of it as Ploomber has it."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.errors import Place, SpecError
from octavo.spec.grid import combinations, expanded
from octavo.spec.schema import TaskSpec


def tasks(name: str, made: Any, *grids: dict[str, Any], **params: Any) -> list[TaskSpec]:
    spec = TaskSpec("a.py", Place("pipeline.yaml", 1, 1), name, made, params, grid=grids)
    return list(expanded(spec))


def test_a_name_without_values_gets_the_number_of_the_combination() -> None:
    assert [it.name for it in tasks("fit", "x.csv", {"a": [1, 2], "b": "xy"})] == ["fit0", "fit1"]


def test_a_name_with_values_has_no_number() -> None:
    found = tasks("fit-[[a]]-[[ b ]]", "x.csv", {"a": [1, 2], "b": [True]})
    assert [it.name for it in found] == ["fit-1-True", "fit-2-True"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("out/gx.ipynb", "out/gx-0.ipynb"),
        ("gx-[[b]].ipynb", "gx-x-0.ipynb"),
        ("[[b]]/[[b]]", "x/x-0"),
        # Ploomber takes all that follows the first dot for the suffix, and code in the wild reads such paths
        ("v1.2-model.html", "v1-0.2-model.html"),
        ("a.tar.gz", "a-0.tar.gz"),
        ("out/v1.0/a.csv", "out/v1.0/a-0.csv"),
        (".hidden", ".hidden-0"),
        ("[[none]]-m.csv", "-m-0.csv"),
        (["t", "table"], ["t-0", "table"]),
        ([None, "t", "table"], [None, "t-0", "table"]),
        (['"t"', "table"], ['"t-0"', "table"]),
        (".", "."),
        (["s", "t-[[b]]", "view"], ["s", "t-x-0", "view"]),
        ({"nb": "a.ipynb", "data": "d-[[b]].csv"}, {"nb": "a-0.ipynb", "data": "d-x-0.csv"}),
    ],
)
def test_a_product_always_gets_the_number_before_its_suffixes(said: Any, expected: Any) -> None:
    (found,) = tasks("t", said, {"b": "x"})
    assert found.product == expected


def test_several_grids_are_counted_together_and_lack_what_only_the_others_have() -> None:
    found = tasks("t-[[a]][[b]]", "p.csv", {"a": [1, 2]}, {"b": [3]})
    assert [(it.name, it.product) for it in found] == [
        ("t-1", "p-0.csv"),
        ("t-2", "p-1.csv"),
        ("t-3", "p-2.csv"),
    ]


def test_parameters_join_each_combination() -> None:
    found = tasks("t", "p.csv", {"a": [1, 2]}, test=False)
    assert [it.params for it in found] == [{"a": 1, "test": False}, {"a": 2, "test": False}]
    assert all(it.grid == () for it in found)


def test_an_expression_is_rendered_and_a_broken_one_has_its_place() -> None:
    assert tasks("t-[[ a | upper ]]", "p", {"a": "x"})[0].name == "t-X"
    assert tasks("t-[[ a * 2 ]]", "p", {"a": 0})[0].name == "t-0"
    with pytest.raises(SpecError, match=r"pipeline.yaml:1:1: .*is not a parameter of the grid"):
        tasks("t-[[ a | ]]", "p", {"a": "x"})
    with pytest.raises(SpecError, match=r"is not a parameter of the grid"):
        tasks("t-[[ a / 0 ]]", "p", {"a": 1})


def test_a_task_without_grid_is_itself() -> None:
    spec = TaskSpec("a.py", Place("pipeline.yaml", 1, 1), "[[a]]", "p-[[a]].csv")
    assert list(expanded(spec)) == [spec]


values = st.lists(st.integers() | st.text(max_size=3) | st.booleans(), min_size=1, max_size=3)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), values, min_size=1), min_size=1, max_size=3))
def test_there_is_one_task_for_each_combination(grids: list[dict[str, Any]]) -> None:
    expected = [dict(zip(grid, one, strict=True)) for grid in grids for one in product(*grid.values())]
    assert list(combinations(grids)) == expected
    paths = [it.product for it in tasks("t", "p.csv", *grids)]
    assert len(set(paths)) == len(paths) == len(expected)
