"""What two runs of nbclient agree on is the same for ``octavo verify``, in all cases of kernels."""

from __future__ import annotations

import json

import pytest
from kernel_cases import CASES

from books import cell, executed
from projects import Folder


@pytest.mark.nightly
def test_what_nbclient_reproduces_exactly_is_the_same(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each case twice: what two runs of nbclient agree on must be the same here."""
    # with it ipykernel leaves out what child processes print
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    cases = {name: case for name, case in CASES.items() if case.oracle and case.ordered}
    assert len(cases) >= 40
    exact: dict[str, list[bool]] = {}
    for number, case in enumerate(cases.values()):
        cells = [cell(source) for source in ("import time", *case.cells)]  # as the kernel of the cases has it
        runs = [
            executed(folder.path, f"{number}.ipynb", *cells).read_text(encoding="utf-8") for _ in range(2)
        ]
        exact[f"{number}.ipynb"] = [
            json.dumps(one["outputs"]) == json.dumps(other["outputs"])
            for one, other in zip(*(json.loads(text)["cells"] for text in runs), strict=True)
        ]
    said = folder.octavo("verify", ".", "--json", timeout=600)
    found = json.loads(said.stdout)
    assert len(found) == len(exact), said.stderr
    wrong = [
        (list(cases)[int(one["path"].partition(".")[0])], seen)
        for one in found
        for seen in one["cells"]
        if exact[one["path"]][seen["cell"] - 1] and seen["verdict"] != "same"
    ]
    assert wrong == []
