"""The panel in JupyterLab: what its server answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import octavo.project
from labs import CLEAN, FIT, PIPELINE, SRC, Server, written
from octavo import notebook as documents
from octavo.jupyter.unsaved import would_be
from octavo.model import Json
from projects import Folder

pytest.importorskip("jupyter_server")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("panel"), "jupyter_server")
    yield found
    found.close()


def states(server: Server, path: str) -> dict[str, str]:
    return {task["task"]: task["state"] for task in server.call(f"octavo/status?path={path}")["tasks"]}


def test_the_state_of_a_pipeline_is_that_of_octavo_status_for_any_file_in_it(server: Server) -> None:
    project = written(server, "a")
    told = server.call("octavo/status?path=a/nb/clean.py")
    assert (told["pipeline"], told["building"], told["mistakes"]) == ("a/pipeline.yaml", False, [])
    clean, fit = told["tasks"]
    assert (clean["state"], clean["reasons"][0]["text"], clean["open"]) == (
        "stale",
        "first run",
        "a/nb/clean.py",
    )
    assert fit["waits"] == ["clean"]
    assert clean["products"] == [
        {
            "name": "out/clean.ipynb",
            "what": "executed notebook",
            "path": "a/out/clean.ipynb",
            "there": False,
        },
        {"name": "out/n.txt", "what": "product", "path": "a/out/n.txt", "there": False},
    ]
    drawn = server.call("octavo/status?path=a&graph=1")["graph"]
    assert drawn.startswith("<svg") and 'data-from="clean" data-to="fit"' in drawn and "<style>" not in drawn
    project.write("pipeline.yaml", PIPELINE.replace("source", "sauce"))
    told = server.call("octavo/status?path=a")
    assert told["tasks"] == [] and "sauce" in "".join(told["mistakes"])
    assert server.call("octavo/status?path=")["pipeline"] is None


def test_a_build_is_followed_to_its_end_by_all_who_watch(server: Server) -> None:
    project = written(server, "b")
    project.write("nb/clean.py", CLEAN + 'print("1 was \x1b[1mwritten\x1b[0m")\n')
    watching = server.events("b")
    assert server.call("octavo/build", {"path": "b", "targets": ["clean"]}) == {}
    seen = list(watching)
    assert [event["event"] for event in seen if event["event"] != "CellFinished"][:2] == [
        "RunStarted",
        "TaskStarted",
    ]
    assert [event["number"] for event in seen if event["event"] == "CellStarted"] == [1, 2, 3]
    assert (seen[-1]["code"], seen[-1]["said"]) == (0, "")
    assert states(server, "b") == {"clean": "fresh", "fit": "stale"}
    assert project.read("out/n.txt") == "1"
    log = server.call("octavo/log?path=b&task=clean")
    assert (log["text"], log["cut"]) == ("1 was written\n", False) and log["run"] == seen[0]["run"]
    assert server.call("octavo/log?path=b&task=fit")["run"] is None
    project.write("out/n.txt", "by hand")
    assert states(server, "b")["clean"] == "blocked"
    assert server.call("octavo/accept", {"path": "b", "task": "clean"})["accepted"]
    assert states(server, "b")["clean"] == "fresh" and project.read("out/n.txt") == "by hand"
    assert server.refused("octavo/accept", {"path": "b", "task": "claen"}) == 409
    assert server.refused("octavo/accept", {"path": "b"}) == 409


def test_a_build_is_cancelled_and_there_is_one_at_a_time(server: Server) -> None:
    project = written(server, "c")
    project.write("nb/clean.py", CLEAN + "\n# %%\nimport time\ntime.sleep(600)\n")
    watching = server.events("c")
    server.call("octavo/build", {"path": "c"})
    assert server.refused("octavo/build", {"path": "c"}) == 409
    assert server.call("octavo/status?path=c")["building"]
    for event in watching:
        if event["event"] == "CellStarted" and event["number"] == 4:
            assert server.call("octavo/cancel", {"path": "c"}) == {"cancelled": True}
    assert event["code"] == 130
    assert server.call("octavo/cancel", {"path": "c"}) == {"cancelled": False}


def test_who_watches_hears_that_another_process_has_built(server: Server) -> None:
    project = written(server, "f")
    watching = server.events("f")
    assert project.octavo("build", "clean").returncode == 0
    assert next(watching) == {"event": "Changed"}
    watching.close()


def test_the_panel_says_what_an_edit_that_is_not_saved_would_make_stale(tmp_path: Path) -> None:
    project = Folder(tmp_path)
    project.write("pipeline.yaml", PIPELINE + "- {source: nb/other.py, product: out/other.ipynb}\n")
    project.write("nb/clean.py", CLEAN)
    project.write("nb/fit.py", FIT)
    project.write("nb/other.py", "# %%\n2")
    assert project.octavo("build", "clean", "other").returncode == 0
    file = (tmp_path / "nb/clean.py").resolve()
    opened = documents.read(file).data
    with octavo.project.load(tmp_path) as loaded:

        def said(*cells: Json) -> Json:
            return would_be(loaded, file, {**opened, "cells": [*opened["cells"], *cells]})

        assert said() == {"changed": [], "stale": [], "mistakes": []}
        code: Json = {"cell_type": "code", "id": "new", "metadata": {}, "source": "# a comment"}
        shown = {**code, "metadata": {"octavo-opened": True}, "source": "product = 3"}
        assert said(code, shown, {**code, "cell_type": "markdown", "source": "x = 1"})["changed"] == []
        # fit is stale already
        assert said({**code, "source": "x = 1"}) == {"changed": ["clean"], "stale": ["clean"], "mistakes": []}
        (mistake,) = said({**code, "source": "x ="})["mistakes"]
        assert "invalid syntax" in mistake
        with pytest.raises(octavo.Error, match="no notebook"):
            would_be(loaded, file, {"cells": [{}]})
        assert loaded.status()["clean"].fresh
    assert project.octavo("build").returncode == 0
    with octavo.project.load(tmp_path) as loaded:
        assert said({**code, "source": "x = 1"})["stale"] == ["clean", "fit"]


def test_a_notebook_of_no_task_is_run_in_a_worker(server: Server) -> None:
    project = Folder(server.project.path / "free")
    project.write("-a b.py", "# %%\nprint(6 * 7)\n")
    path = "free/-a%20b.py"
    watching = server.events(path + "&run=1")
    body = {"path": "free/-a b.py"}
    assert server.call("octavo/run", body) == {"executed": "free/-a b.executed.ipynb"}
    *_, ended = watching
    assert (ended["code"], ended["said"]) == (0, "")
    assert "42" in project.read("-a b.executed.ipynb")
    assert server.call("octavo/cancel", {**body, "run": True}) == {"cancelled": False}
    assert server.refused("octavo/run", {"path": "free/gone.py"}) == 404
    assert server.refused("octavo/run", {"path": "../../etc/passwd"}) == 404


def test_what_is_asked_wrongly_or_by_strangers_is_refused(server: Server) -> None:
    written(server, "d")
    assert server.refused("octavo/status?path=d", token="other") == 403
    assert server.refused("octavo/build", {"path": "d"}, token="other") == 403
    assert server.refused("octavo/status?path=../../..") == 404
    assert server.refused("octavo/build", {"path": "d", "targets": ["--debug"]}) == 400
    assert server.refused("octavo/build", {"path": ""}) == 404
    assert server.refused("octavo/take", {"path": "", "task": "clean"}) == 404
    assert server.refused("octavo/events?path=") == 404
    assert server.refused("octavo/log?path=&task=clean") == 404
    assert server.refused("octavo/unsaved", {"path": "d/nb/clean.py", "content": []}) == 400
    stale = server.call("octavo/unsaved", {"path": "d/nb/clean.py", "content": {"cells": [3]}})
    assert stale["mistakes"] and not stale["stale"]
    folder = server.project.path / "d"
    for name in ("accept", "build", "cancel", "choose", "run", "take", "unsaved"):
        for path in ("d\0", "\ud800", "x" * 300):
            assert server.refused(f"octavo/{name}", {"path": path}) in (400, 404, 409), (name, path)
    assert server.refused("octavo/choose", {"path": "d", "source": "\0", "task": "clean"}) == 400
    (folder / "nb/loop.py").symlink_to("loop.py")
    assert states(server, "d/nb/loop.py").keys() == {"clean", "fit"}
    shutil.rmtree(folder / ".octavo")
    (folder / ".octavo").symlink_to("gone/gone")
    assert server.refused("octavo/choose", {"path": "d", "source": "d/nb/clean.py", "task": "clean"}) in (
        404,
        409,
    )
    (folder / ".octavo").unlink()
    watching = server.events("d")
    server.call("octavo/build", {"path": "d", "targets": ["claen"]})
    (ended,) = watching
    assert ended["code"] == 2 and 'did you mean "clean"?' in ended["said"]


def test_of_several_tasks_with_one_source_the_one_is_chosen_whose_values_are_shown(server: Server) -> None:
    project = written(server, "e")
    project.write(
        "pipeline.yaml", PIPELINE + "- {source: nb/clean.py, name: again, product: out/again.ipynb}\n"
    )
    several = {task["task"]: task["several"] for task in server.call("octavo/status?path=e")["tasks"]}
    assert several == {"clean": True, "fit": False, "again": True}

    def shown() -> str:
        cells = server.call("api/contents/e/nb/clean.py?type=notebook&content=1")["content"]["cells"]
        return str(
            next(
                cell["source"] for cell in cells if "injected-parameters" in cell["metadata"].get("tags", ())
            )
        )

    assert "task clean" in shown()
    assert server.call("octavo/choose", {"path": "e", "source": "e/nb/clean.py", "task": "again"}) == {}
    assert "task again" in shown()
    assert server.refused("octavo/choose", {"path": "e", "source": "e/nb/fit.py", "task": "again"}) == 404


def test_the_panel_is_small_and_ships_with_the_package() -> None:
    files = [path for path in (SRC / "jupyter-labextension").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 60_000
    package = json.loads((SRC / "jupyter-labextension/package.json").read_text())
    assert (SRC / "jupyter-labextension" / package["jupyterlab"]["_build"]["load"]).is_file()
