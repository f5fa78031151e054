"""Cells that assign what was injected, and those that only seem to."""

from __future__ import annotations

import pytest

from octavo import notebook
from octavo.reading.facts import facts
from octavo.reading.overridden import overridden

TAGGED = '# %% tags=["parameters"]\nthrows = 3\n\n'


def told(text: str, path: str = "throw.py") -> list[str]:
    """Return what is said of a notebook whose parameter ``throws`` is set."""
    data = text.encode()
    return [
        f"{one.where}: {one.message}: {one.hint}"
        for one in overridden(facts(notebook.loads(data, path)), data, path, ["throws"])
    ]


@pytest.mark.parametrize(
    "cells",
    [
        "# %%\nprint(throws)\n",
        "# %%\nthrows = int(throws)\n",
        "# %%\nthrows += 1\n",
        "# %%\nif throws is None:\n    throws = 3\n",
        "# %%\nprint(throws)\n\n# %%\nthrows = 7\n",
        "# %%\nif 'throws' not in globals():\n    throws = 3\n",
        "# %%\ntry:\n    throws\nexcept NameError:\n    throws = 3\n",
        "# %%\ndef f():\n    throws = 3\n",
        "# %%\nprint([throws for throws in range(3)])\n",
    ],
)
def test_a_cell_that_reads_what_was_set_or_looks_whether_it_was_loses_nothing(cells: str) -> None:
    assert told(cells) == []
    assert told(TAGGED + cells) == []


def test_a_cell_without_the_tag_that_assigns_a_parameter_is_told() -> None:
    assert told("# %%\nimport os\n\n# %%\nthrows = 3\n") == [
        "throw.py:5: cell 2 assigns throws: tag it parameters"
    ]


@pytest.mark.parametrize("tag", ["parameter", "paramters", "Parameters"])
def test_a_misspelt_tag_is_told(tag: str) -> None:
    (text,) = told(f'# %% tags=["{tag}"]\nthrows = 3\n')
    assert text.endswith(f'its tag is "{tag}": make it "parameters"')


def test_a_cell_further_down_that_assigns_a_parameter_again_is_told_once() -> None:
    (text,) = told(TAGGED + "# %%\nthrows = 4\n\n# %%\nthrows = 5\n")
    assert text.startswith("throw.py:5: cell 2 assigns throws again: ")


def test_other_languages_are_not_read_for_it() -> None:
    assert told("throws = 3\n", "throw.R") == []
