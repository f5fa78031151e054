"""The examples of the pages on schedulers, typed as they stand there, each with its scheduler in an environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from octavo.deploy.runs import at
from pages import Play, blocks
from projects import Folder

ROOT = Path(__file__).parent.parent.parent
#: The pages, and whom their blocks need.
PAGES = {
    "dagster": "Dagster",
    "flyte": "Flyte",
    "kedro": "Kedro",
    "metaflow": "Metaflow",
    "prefect": "Prefect",
    "zenml": "ZenML",
}


class Typed(Play):
    """A play with a scheduler at hand, whose settings and state stay in its folder."""

    def __init__(self, folder: Path, scheduler: Path) -> None:
        super().__init__(folder)
        self.scheduler = scheduler
        (self.bin / "python").write_text(f'#!/bin/sh\nexec "{scheduler / "python"}" "$@"\n')

    def _environ(self) -> dict[str, str]:
        usual = super()._environ()
        own = {
            "HOME": str(self.folder),
            "USERNAME": "me",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "250",
            "PATH": f"{self.bin}{os.pathsep}{self.scheduler}{os.pathsep}{os.environ['PATH']}",
            "DO_NOT_TRACK": "1",
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "ZENML_ANALYTICS_OPT_IN": "false",
        }
        del usual["PYTHONPATH"]
        return usual | own


@pytest.mark.engines
@pytest.mark.parametrize("page", PAGES)
def test_the_example_of_a_page_runs(tmp_path: Path, page: str) -> None:
    scheduler = ROOT / ".venv-engines" / page / "bin"
    if not scheduler.exists():
        pytest.skip(f"{PAGES[page]} is not installed: make test-engines does it")
    play = Typed(tmp_path, scheduler)
    typed = 0
    for block in blocks((ROOT / "docs" / "schedulers" / f"{page}.md").read_text(encoding="utf-8")):
        reason = block.marks.pop("not run", None)
        assert reason in (None, f"it needs {PAGES[page]}")
        typed += block.language == "console"
        play(block)
    assert typed == 1
    runs = at(str(play.project / "store"), None)
    (run,) = runs.listed()
    assert {name: one.state for name, one in runs.tasks(run["run"]).items()} == {
        "draw": "done",
        "double": "done",
    }
    folder = Folder(play.project)
    assert folder.octavo("fetch", run["run"]).returncode == 0
    assert folder.read("out/double.txt") == "12\n"
