"""Where a build runs, as pipeline.yaml and the command line say it, and what is refused before anything runs."""

from __future__ import annotations

import pytest

from octavo.errors import Error
from octavo.executors.cluster import Announced, Wanted, unmet
from octavo.executors.dask import Dask
from octavo.executors.local import Local
from octavo.executors.members import chosen
from projects import Folder

WRONG = """\
executor:
  name: dask
  schedular: tcp://host:8786
  resources:
    draw: {GPU: many}
    other: 3
  workers: {draw: []}
tasks: [{source: steps.draw, product: a.txt}]
"""


def test_what_is_wrong_with_an_executor_is_told_at_its_place(folder: Folder) -> None:
    folder.write("steps.py", "def draw(product): ...\n")
    folder.write("pipeline.yaml", WRONG)
    told = folder.octavo("status")
    assert told.returncode == 2
    for line in (
        'pipeline.yaml:3:3: "executor" has no key "schedular"',
        'pipeline.yaml:5:17: "resources" of draw: GPU must be a number above 0, not the string "many"',
        'pipeline.yaml:6:12: "resources" of other must be a mapping of names to numbers, not the number 3',
        'pipeline.yaml:7:19: "workers" of draw must be a name or a list of names, not an empty list',
    ):
        assert line in told.stderr, told.stderr


def test_the_command_line_wins_over_the_file_and_a_pattern_of_nothing_is_an_error() -> None:
    said = {
        "name": "dask",
        "scheduler": "tcp://a:1",
        "resources": {"fit-*": {"GPU": 1}},
        "where": ["p.yaml", 1, 1],
    }
    made = chosen(None, said, ["fit-1"])("/")
    assert isinstance(made, Dask) and made._address == "tcp://a:1"
    made = chosen("dask=tcp://b:1", said, ["fit-1"])("/")
    assert isinstance(made, Dask) and made._address == "tcp://b:1"
    assert chosen("local", said, []) is Local is chosen(None, {}, [])
    with pytest.raises(Error, match='"resources" names no task: fit-'):
        chosen(None, said, ["load"])
    with pytest.raises(Error, match="the executor local has no address"):
        chosen("local=here", {}, [])


def test_what_no_worker_has_is_named_with_what_they_have() -> None:
    there = [
        Announced("tcp://10.0.0.1:40", "one", "10.0.0.1", 2, {}),
        Announced("tcp://10.0.0.2:40", "two", "10.0.0.2", 2, {"GPU": 1}),
    ]
    assert unmet(Wanted(), there) is None
    assert unmet(Wanted({"GPU": 1}, ("two",)), there) is None
    error = unmet(Wanted({"GPU": 1}, ("10.0.0.1",)), there)
    assert error is not None
    assert error.message == "no worker of Dask has GPU=1, 10.0.0.1"
    assert error.hint == "they have: GPU=1, one, two"


def test_without_an_address_nothing_begins(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    folder.write("steps.py", "def draw(product): ...\n")
    folder.write("pipeline.yaml", "executor: dask\ntasks: [{source: steps.draw, product: a.txt}]\n")
    told = folder.octavo("build")
    assert (told.returncode, "needs the address of a scheduler" in told.stderr) == (2, True), told.stderr
    assert folder.octavo("build", "--executor", "inline").returncode == 1  # it runs, and makes no product
