"""What many tests share."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from databases import postgres_server
from projects import Folder

# a busy machine is no mistake
settings.register_profile("octavo", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("octavo")


def pytest_configure() -> None:
    # a run that a shell has put in the background ignores Ctrl-C, and so would all processes that tests interrupt
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


#: Tests that share fixtures which cost more than the tests themselves: one process runs all that begin so.
#: (The marker xdist_group has no effect under pytest 9.2.)
TOGETHER = (
    "tests/test_scenarios.py::test_a_program_that_changed",
    "tests/test_example.py",
    "tests/test_wheels.py",
    "tests/conformance/test_kernels.py::test_outputs_are_those_of_nbclient",
    "tests/stories/test_jupyter.py",
)
#: The longest tests: begun last, they would run alone at the end.
FIRST = (
    "test_nothing_stale_is_taken_for_fresh",
    "TestOwnership",
    "test_what_most_notebooks_depend_on",
    "test_the_tree_is_clean",
)


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each process of pytest-xdist one test after the other, or all of a group."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for group in TOGETHER if nodeid.startswith(group)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduler:
    return Scheduler(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not any(name in item.nodeid for name in FIRST))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server of our own."""
    yield from postgres_server()
