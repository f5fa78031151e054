"""What a notebook is: identity, integrity, packages, and metadata that are kept without touching another byte."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from octavo import environment
from octavo import notebook as documents
from octavo.metadata import Distribution, Trust, keep
from octavo.metadata.about import last_run
from octavo.metadata.identity import identity
from octavo.metadata.integrity import integrity
from octavo.metadata.packages import packages
from octavo.metadata.requirements import block
from octavo.model import Json
from octavo.reading import ran
from octavo.reading.versions import newest

NOW = "2026-01-02T03:04:05+00:00"


def cell(
    source: str, count: int | None, *outputs: Json, kept: str | None = None, tags: tuple[str, ...] = ()
) -> Json:
    metadata: Json = {} if kept is None else {"octavo": {"code": ran.code(kept)}}
    if tags:
        metadata["tags"] = list(tags)
    return {
        "cell_type": "code",
        "source": source,
        "execution_count": count,
        "outputs": list(outputs),
        "metadata": metadata,
    }


ERROR: Json = {"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": []}

VERDICTS: dict[str, tuple[list[Json], Trust, str]] = {
    "run in order, digests kept": ([cell("a", 1, kept="a"), cell("b", 2, kept="b")], Trust.SOUND, ""),
    "white space at the end": ([cell("a\n", 1, kept="a")], Trust.SOUND, ""),
    "run in order by Jupyter": ([cell("a", 1), cell("b", 2)], Trust.UNCERTAIN, "cannot be ruled out"),
    "one cell added by Jupyter": ([cell("a", 1, kept="a"), cell("b", 2)], Trust.UNCERTAIN, "cell 2"),
    "edited": (
        [cell("a", 1, kept="a"), cell("B", 2, kept="b")],
        Trust.UNSOUND,
        "cell 2: edited after it ran",
    ),
    "another order": (
        [cell("a", 2), cell("b", 1)],
        Trust.UNSOUND,
        "cell 1: its execution count is 2, 1 expected",
    ),
    "the same kernel again": ([cell("a", 3), cell("b", 4)], Trust.UNSOUND, "cell 1"),
    "a gap": ([cell("a", 1), cell("b", 3)], Trust.UNSOUND, "cell 2: its execution count is 3, 2 expected"),
    "not run in the middle": (
        [cell("a", 1), cell("b", None), cell("c", 2)],
        Trust.UNSOUND,
        "cell 2: not run",
    ),
    "not run at the end": ([cell("a", 1, kept="a"), cell("b", None)], Trust.UNCERTAIN, "cell 2"),
    "an error": ([cell("a", 1, ERROR, kept="a")], Trust.UNSOUND, "cell 1: it ended with an error"),
    "an expected error": ([cell("a", 1, ERROR, kept="a", tags=("raises-exception",))], Trust.SOUND, ""),
    "a skipped cell": ([cell("a", 1, kept="a"), cell("b", None, tags=("skip-execution",))], Trust.SOUND, ""),
    "an empty cell": ([cell("a", 1, kept="a"), cell(" \n", None), cell("b", 2, kept="b")], Trust.SOUND, ""),
    "nothing run": ([cell("a", None)], Trust.NOTHING, "not been run"),
    "no code": ([{"cell_type": "markdown", "source": "# A", "metadata": {}}], Trust.NOTHING, ""),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_outputs_are_trusted_as_far_as_the_file_tells(name: str) -> None:
    cells, trust, says = VERDICTS[name]
    found = integrity(cells)
    assert found.state is trust, found
    assert says in "; ".join(found.reasons)
    assert bool(found.reasons) == (trust not in (Trust.SOUND,) and name != "no code")


@pytest.mark.parametrize(
    ("metadata", "kept_by", "name"),
    [
        ({"nbproject": {"id": "abc", "version": "1"}}, "nbproject", "abc"),
        ({"nbproject": {"uid": "lamin"}}, "nbproject", "lamin"),
        ({"deepnote_notebook_id": "d1"}, "deepnote", "d1"),
        ({"colab": {"provenance": [{"file_id": "1xy", "timestamp": 1}]}}, "colab", "1xy"),
        ({"colab": {"provenance": []}}, "", ""),
        ({"nbproject": "nonsense", "colab": 3}, "", ""),
        ({}, "", ""),
    ],
)
def test_ids_of_other_tools_are_read(metadata: Json, kept_by: str, name: str) -> None:
    found = identity(metadata)
    assert (found.id, found.kept_by) == (name, kept_by)


def test_nbprojects_file_wins_but_for_id_version_and_time(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "nbproject_metadata.yml").write_text(
        "abc:\n  time_init: 2020-01-01 10:00\n  name: a.ipynb\n  version: '7'\n  location: sub\n  topic: prices\n"
    )
    block = {
        "id": "abc",
        "version": "1",
        "time_init": NOW,
        "topic": "old",
        "parent": "p1",
        "user_name": "Ada",
    }
    found = identity({"nbproject": block}, str(tmp_path / "sub/a.ipynb"))
    assert (found.version, found.created, dict(found.fields)) == ("1", NOW, {"topic": "prices"})


def test_parents_and_people_are_read_from_the_notebook() -> None:
    found = identity(
        {"nbproject": {"id": "a", "parent": ["p", "q"], "user_handle": "ada", "pypackage": {"numpy": ""}}}
    )
    assert (found.parents, found.by, dict(found.packages)) == (("p", "q"), "ada", {"numpy": ""})


def test_a_module_is_known_by_its_distribution_and_local_ones_by_none(tmp_path: Path) -> None:
    (tmp_path / "prices.py").touch()
    found = packages(
        ["os.path", "yaml", "prices", "nowhere_at_all", "cv2"],
        {"PyYAML": "1.0", "gone": "2"},
        [str(tmp_path)],
    )
    here = environment.versions()["pyyaml"]
    assert Distribution("pyyaml", "1.0", here) in found and found[-1].differs
    assert [one.name for one in found if one.name not in environment.versions()] == [
        "gone",
        "nowhere-at-all",
        "opencv-python",
    ]


def test_the_last_run_is_papermills_or_that_of_the_cells_in_jupyter() -> None:
    note = {"start_time": NOW, "duration": 1.5, "exception": True}
    assert last_run({"metadata": {"papermill": note}, "cells": []}) is not None
    times = {"iopub.execute_input": "2026-01-02T03:04:05.5Z", "shell.execute_reply": "2026-01-02T03:04:07Z"}
    run = last_run(
        {"metadata": {}, "cells": [{"metadata": {"execution": times}}, {"metadata": {"execution": 3}}]}
    )
    assert run is not None and (run.at, run.seconds, run.failed) == ("2026-01-02T03:04:05+00:00", 1.5, False)
    assert last_run({"metadata": {}, "cells": []}) is None


STYLES: dict[str, Json] = {
    "as Jupyter writes it": {"indent": 1, "sort_keys": True},
    "as nbproject writes it": {"indent": 2},
    "on one line": {},
    "with tabs": {"indent": "\t"},
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_the_metadata_of_a_notebook_change(style: str, newline: str) -> None:
    data: Json = {
        "cells": [cell("x = 'é'", None)],
        "metadata": {"kernelspec": {"name": "python3"}, "zoo": [1, {"a": 2}]},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    text = json.dumps(data, ensure_ascii=False, **STYLES[style]).replace("\n", newline)
    before = text.encode()
    metadata = keep.begun(data["metadata"], NOW, {"team": "pricing"})
    after = keep.rewritten(before, "a.ipynb", metadata)
    assert json.loads(after)["metadata"] == metadata
    assert keep.rewritten(after, "a.ipynb", metadata) == after
    restored = keep.rewritten(after, "a.ipynb", data["metadata"])
    assert restored == before
    if "indent" not in STYLES[style]:
        return
    lines = {line.rstrip(b",") for line in before.splitlines()}
    assert lines <= {line.rstrip(b",") for line in after.splitlines()}


def test_a_script_keeps_them_in_its_header_and_its_cells_their_bytes() -> None:
    script = b"#!/usr/bin/env python\n# %% [markdown]\n# # A\n# %%\nx  =  1 ;\n\n\n\n# %%\n"
    metadata = keep.begun({}, NOW, {})
    written = keep.rewritten(script, "a.py", metadata)
    assert documents.loads(written, "a.py").data["metadata"]["nbproject"] == metadata["nbproject"]
    assert written.endswith(script.partition(b"\n")[2])


@pytest.mark.parametrize(
    ("path", "text"),
    [("a.md", "# A\n\n```python\nx = 1\n```\n"), ("a.Rmd", "```{python}\nx = 1\n```\n"), ("a.jl", "x = 1\n")],
)
def test_the_formats_of_jupytext_keep_them_in_their_header(path: str, text: str) -> None:
    metadata = keep.begun({}, NOW, {})
    written = keep.rewritten(text.encode(), path, metadata)
    assert documents.loads(written, path).data["metadata"]["nbproject"] == metadata["nbproject"]


def test_an_id_has_twelve_characters_and_stays_unless_a_new_one_is_asked_for() -> None:
    first = keep.begun({}, NOW, {})
    assert re.fullmatch("[0-9A-Za-z]{12}", first["nbproject"]["id"])
    assert keep.begun(first, "later", {}) == first
    assert keep.begun(first, "later", {}, anew=True)["nbproject"]["id"] != first["nbproject"]["id"]
    assert keep.synced({}, {"numpy": "1"}) == {}
    assert keep.synced(first, {"numpy": "1"})["nbproject"]["pypackage"] == {"numpy": "1"}


def test_versions_are_ordered_by_their_numbers() -> None:
    assert newest(["1.9", "1.10", "1.10rc1"]) == "1.10"
    assert newest(["2.0", "2.0.0"]) in ("2.0", "2.0.0")
    assert newest(["1.0", "1.0.post1"]) == "1.0.post1"
    assert newest(["2024.1", "2023.12+local"]) == "2024.1"


def test_a_block_of_requirements_is_that_of_pep_723() -> None:
    found = re.fullmatch(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$\s", block(["numpy==1.2"]))
    assert found is not None
    assert '#     "numpy==1.2",' in found["content"]
