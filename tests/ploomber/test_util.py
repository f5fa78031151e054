"""Parameters combined, and the executors and names that Ploomber's programs ask for."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from octavo.ploomber.executors import Parallel, Serial, executor_of
from octavo.ploomber.util import Interval, ParamGrid


def test_an_interval_is_cut_into_pieces_the_last_of_which_may_be_smaller() -> None:
    assert Interval(0, 5, 2).expand() == [(0, 2), (2, 4), (4, 5)]
    assert Interval(0, 4, 2).expand() == [(0, 2), (2, 4)]
    days = Interval(date(2020, 1, 30), date(2020, 2, 2), timedelta(days=2)).expand()
    assert days == [(date(2020, 1, 30), date(2020, 2, 1)), (date(2020, 2, 1), date(2020, 2, 2))]
    with pytest.raises(ValueError, match="lower"):
        Interval(1, 1, 1)
    with pytest.raises(ValueError, match="above 0"):
        Interval(0, 1, 0).expand()


def test_values_are_combined_each_with_each_or_place_by_place() -> None:
    grid = ParamGrid({"a": [1, 2], "b": "text", "c": Interval(0, 2, 1)}, params={"d": 9})
    found = list(grid.product())
    assert len(found) == 4 and found[0] == {"a": 1, "b": "text", "c": (0, 1), "d": 9}
    assert list(ParamGrid([{"a": [1, 2], "b": [3, 4]}, {"a": [5]}]).zip()) == [
        {"a": 1, "b": 3},
        {"a": 2, "b": 4},
        {"a": 5},
    ]
    with pytest.raises(ValueError, match="same length"):
        list(ParamGrid({"a": [1, 2], "b": [3]}).zip())
    with pytest.raises(ValueError, match="both give a"):
        ParamGrid({"a": [1]}, params={"a": 2})


def test_executors_have_names() -> None:
    assert executor_of("serial") == Serial() and executor_of("parallel") == Parallel()
    assert Parallel(processes=3).jobs == 3 and Serial().jobs == 1
    with pytest.raises(TypeError, match="an executor is"):
        executor_of("dask")
