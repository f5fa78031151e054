"""The values that the range of a backfill stands for."""

from __future__ import annotations

import pytest

from octavo.cli import backfill
from octavo.errors import Error


@pytest.mark.parametrize(
    ("said", "step", "values"),
    [
        ("2026-02-27..2026-03-01", None, ["2026-02-27", "2026-02-28", "2026-03-01"]),
        ("2024-01-31..2024-04-30", "month", ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]),
        ("2024-02-29..2026-12-31", "year", ["2024-02-29", "2025-02-28", "2026-02-28"]),
        ("2026-01-01..2026-01-15", "week", ["2026-01-01", "2026-01-08", "2026-01-15"]),
        (
            "2026-01-01T22:00..2026-01-02T00:00",
            None,
            ["2026-01-01T22:00", "2026-01-01T23:00", "2026-01-02T00:00"],
        ),
        ("-1..2", None, ["-1", "0", "1", "2"]),
        ("a,b", None, ["a", "b"]),
        ("[1, 2]", None, None),
        ("2026-01-01", None, None),
    ],
)
def test_a_range_has_its_ends(said: str, step: str | None, values: list[str] | None) -> None:
    assert backfill._values(said, step) == values


@pytest.mark.parametrize(
    "said", ["2..1", "2026-02-30..2026-03-01", "a..b", "0..999999999", "2026-01-01..9999-12-31", ".."]
)
def test_a_range_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(Error):
        backfill._values(said, None)
