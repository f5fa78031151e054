"""What may be named as a pipeline, where one is looked for, and which folder is its project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from octavo.errors import SpecError
from octavo.spec.entry import EntryPoint, around, find
from projects import Folder

TASKS = "tasks: []\n"


@pytest.fixture
def here(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """The folder that one works in; no variable names a pipeline."""
    monkeypatch.chdir(folder.path)
    monkeypatch.delenv("ENTRY_POINT", raising=False)
    return folder


def found(folder: Folder, said: str | Path | None = None) -> tuple[str, str, Any]:
    """Return path, project and data of what is found, relative to a folder."""
    entry = find(said)
    assert isinstance(entry, EntryPoint)
    path, root = (str(one.relative_to(folder.path)) for one in (entry.path, entry.root))
    return path, root, entry.data


def refused(said: str | None = None) -> str:
    with pytest.raises(SpecError) as caught:
        find(said)
    return str(caught.value)


# ── looked for


def test_the_nearest_pipeline_upwards_is_found(here: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    here.write("pipeline.yaml", TASKS)
    here.write("a/pipeline.yaml", TASKS)
    here.write("a/b/c.py", "")
    assert found(here) == ("pipeline.yaml", ".", None)
    monkeypatch.chdir(here.path / "a" / "b")
    assert found(here) == ("a/pipeline.yaml", "a", None)


@pytest.mark.parametrize("beside", [{"setup.py": ""}, {"pyproject.toml": "", "src/pkg/__init__.py": ""}])
def test_a_packaged_project_is_the_folder_of_its_setup(
    beside: dict[str, str], here: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {
        **beside,
        "src/pkg/pipeline.yaml": TASKS,
        "src/pkg/pipeline.serve.yaml": TASKS,
    }.items():
        here.write(name, text)
    assert found(here) == ("src/pkg/pipeline.yaml", ".", None)
    assert found(here, "src/pkg/pipeline.serve.yaml") == ("src/pkg/pipeline.serve.yaml", ".", None)
    assert found(here, ".") == ("src/pkg/pipeline.yaml", ".", None)
    monkeypatch.chdir(here.path / "src" / "pkg")
    assert found(here) == ("src/pkg/pipeline.yaml", ".", None)


def test_a_folder_called_src_alone_makes_no_package(here: Folder) -> None:
    here.write("src/a/pipeline.yaml", TASKS)
    assert found(here, "src/a") == ("src/a/pipeline.yaml", "src/a", None)
    here.write("pyproject.toml", "")
    assert found(here, "src/a") == ("src/a/pipeline.yaml", "src/a", None)
    assert refused().startswith("there is no pipeline.yaml in this folder or its parents")


def test_two_pipelines_in_one_project_are_told(here: Folder) -> None:
    for name in ("setup.py", "src/a/pipeline.yaml", "src/b/pipeline.yaml"):
        here.write(name, "")
    assert refused().startswith("several packages have a pipeline: src/a/pipeline.yaml, src/b/pipeline.yaml")
    here.write("pipeline.yaml", TASKS)
    assert refused() == (
        "the project has two pipelines: pipeline.yaml and src/a/pipeline.yaml\n  hint: rename one of them, "
        "for example to pipeline.other.yaml, or choose one: --file pipeline.yaml"
    )
    assert found(here, "pipeline.yaml") == ("pipeline.yaml", ".", None)


def test_the_nearest_setup_cfg_names_a_pipeline(here: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    here.write("setup.cfg", "[metadata]\nname = x\n[ploomber]\nentry-point = flow/pipeline.serve.yaml\n")
    assert "setup.cfg: [ploomber] entry-point: there is no pipeline at flow/pipeline.serve.yaml" in refused()
    here.write("flow/pipeline.serve.yaml", TASKS)
    here.write("pipeline.yaml", TASKS)
    monkeypatch.chdir(here.path / "flow")
    assert found(here) == ("flow/pipeline.serve.yaml", "flow", None)
    assert found(here, "../pipeline.yaml") == ("pipeline.yaml", ".", None)
    here.write("setup.cfg", "[ploomber]\nother = 1\n")
    assert found(here) == ("pipeline.yaml", ".", None)
    here.write("setup.cfg", "[ploomber]\n[ploomber]\n")
    assert "setup.cfg: it cannot be read" in refused()


def test_a_variable_names_a_file_upwards_or_a_factory(here: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    here.write("a/pipeline.yaml", TASKS)
    here.write("pipeline.serve.yaml", TASKS)
    here.write("flows/make.py", "")
    monkeypatch.chdir(here.path / "a")
    monkeypatch.setenv("ENTRY_POINT", "pipeline.serve.yaml")
    assert found(here) == ("pipeline.serve.yaml", ".", None)
    assert found(here, "pipeline.yaml")[0] == "a/pipeline.yaml"
    monkeypatch.setenv("ENTRY_POINT", "flows.make.dag")
    monkeypatch.chdir(here.path)
    assert found(here) == ("flows.make.dag", ".", {"location": "flows.make.dag"})
    monkeypatch.setenv("ENTRY_POINT", "pipeline.gone.yaml")
    assert refused().endswith("hint: ENTRY_POINT names it: unset it to use pipeline.yaml")
    monkeypatch.setenv("ENTRY_POINT", "a/pipeline.yaml")
    assert "without folders" in refused()


# ── named


def test_a_pattern_or_a_folder_of_notebooks_is_a_pipeline(here: Folder) -> None:
    for name in ("nb/b.py", "nb/a.ipynb", "nb/sub/c.py", "nb/README.md", "nb/d.txt", "nb/e.py/x"):
        here.write(name, "")
    meta = {"extract_product": True, "extract_upstream": True}
    listed = {"meta": meta, "tasks": [{"source": "nb/a.ipynb"}, {"source": "nb/b.py"}]}
    assert found(here, "nb") == ("nb", ".", listed)
    assert found(here, "nb/*.py") == ("nb/*.py", ".", {"meta": meta, "tasks": [{"source": "nb/b.py"}]})
    assert len(find("**/*.py").data["tasks"]) == 2
    assert (
        refused("*.py")
        == "no file matches *.py\n  hint: a pattern matches the notebooks of a pipeline: '*.py'"
    )
    assert refused("nb/*").startswith("nb/* matches files that are not notebooks: d.txt")
    here.write("nb/pipeline.yaml", TASKS)
    assert found(here, "nb") == ("nb/pipeline.yaml", "nb", None)


def test_a_file_in_a_package_is_named_after_it(here: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pkg/__init__.py", "pkg/flows/pipeline.yaml"):
        here.write(name, "")
    assert found(here, "pkg::flows/pipeline.yaml") == ("pkg/flows/pipeline.yaml", "pkg/flows", None)
    there = here.path / "site-packages"
    for name in ("site-packages/lib/__init__.py", "site-packages/lib/pipeline.yaml"):
        here.write(name, "")
    monkeypatch.syspath_prepend(there)
    assert found(here, "lib::pipeline.yaml") == ("site-packages/lib/pipeline.yaml", ".", None)
    assert refused("pkg::flows/pipelin.yaml").endswith('hint: did you mean "pipeline.yaml"?')
    assert refused("gone::pipeline.yaml").startswith('gone::pipeline.yaml: there is no package "gone"')
    assert refused("::pipeline.yaml").startswith('::pipeline.yaml: there is no package ""')


def test_what_is_not_there_is_told_with_what_is_near(here: Folder) -> None:
    here.write("pipeline.serve.yaml", TASKS)
    here.write("empty/x.txt", "")
    assert refused("pipeline.serv.yaml") == (
        'there is no pipeline at pipeline.serv.yaml\n  hint: did you mean "pipeline.serve.yaml"?'
    )
    assert refused("no.such.factory").endswith(
        'hint: it is not a function either: there is no module "no.such"'
    )
    assert refused("empty").startswith(
        f"there is no pipeline at {here.path}/empty/pipeline.yaml\n  hint: create"
    )


# ── built


def test_a_pattern_is_built_and_a_new_notebook_belongs_to_it(here: Folder) -> None:
    cell = "# %% tags=['parameters']\nupstream = {}\nproduct = {{'nb': 'out/{}.ipynb'}}\n"
    here.write("a.py", cell.format(None, "a"))
    assert here.octavo("build", "--entry-point", "*.py", "--executor", "inline").returncode == 0
    here.write("b.py", cell.format(["a"], "b"))
    said = here.octavo("status", "-e", "*.py", "--json").stdout
    assert [(step["task"], step["state"]) for step in json.loads(said)] == [("a", "fresh"), ("b", "stale")]


def test_a_packaged_pipeline_has_its_paths_from_the_project(here: Folder) -> None:
    here.write("setup.py", "")
    here.write("src/pkg/env.yaml", "path: {out: 'made/', here: '{{here}}'}\n")
    here.write(
        "src/pkg/pipeline.yaml",
        """
        - source: jobs.make
          product: "{{path.out}}/x.txt"
          params: {root: "{{root}}", here: "{{path.here}}"}
        """,
    )
    here.write(
        "jobs.py",
        """
        def make(product, root, here):
            product.write_text(f"{root} {here}")
        """,
    )
    assert here.octavo("status").returncode == 0
    assert not (here.path / "made").exists()
    assert here.octavo("build", cwd="src").returncode == 0
    assert here.read("made/x.txt") == f"{here.path} {here.path}/src/pkg"
    assert (here.path / ".octavo").is_dir()


def test_what_is_around_a_folder_that_is_not_there_is_what_is_above_it(here: Folder) -> None:
    here.write("pipeline.train.yaml", TASKS)
    (entry,) = around(here.path / "gone" / "deeper", here.path)
    assert entry.path == here.path / "pipeline.train.yaml"
