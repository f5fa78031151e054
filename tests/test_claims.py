"""Products that would replace what a pipeline is made of are refused, by whatever name they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

import octavo
from octavo.errors import Error, Errors, each
from projects import Folder

PIPELINE = """
tasks:
  - source: tasks.make
    product: {product}
  - source: fit.py
    product: fit.ipynb
    upstream: {upstream}
"""


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write("tasks.py", "def make(product): ...\ndef ready(): ...")
    folder.write("fit.py", "# %%\nimport lib.helper")
    folder.write("lib/__init__.py", "")
    folder.write("lib/helper.py", "from . import inner")
    folder.write("lib/inner.py", "def f():\n    from .base import y")
    folder.write("lib/base.py", "y = 1")
    (folder.path / "inner.csv.py").symlink_to("lib/inner.py")
    folder.write("env.yaml", "meta:\n  import_from: base.yaml\nn: 1")
    folder.write("base.yaml", "m: 2")
    (folder.path / ".git").mkdir()
    (folder.path / "g").symlink_to(".git")
    (folder.path / "here").symlink_to(".")
    return folder


def said(project: Folder, product: str, upstream: str = "[]") -> list[str]:
    project.write("pipeline.yaml", PIPELINE.format(product=product, upstream=upstream))
    try:
        octavo.load(project.path / "pipeline.yaml").close()
    except (Error, Errors) as error:
        assert all(it.where is not None and it.where.path.endswith("pipeline.yaml") for it in each(error))
        return [it.message for it in each(error)]
    return []


@pytest.mark.parametrize(
    ("product", "words"),
    [
        ("pipeline.yaml", "and the pipeline is read from pipeline.yaml"),
        ("here/pipeline.yaml", "and the pipeline is read from pipeline.yaml"),
        ("env.yaml", "and the pipeline is read from env.yaml"),
        ("base.yaml", "and the pipeline is read from base.yaml"),
        ("here/base.yaml", "and the pipeline is read from base.yaml"),
        ("here/fit.py", 'which is fit.py, the source of "fit"'),
        ("lib/helper.py", 'which task "fit" imports as lib.helper'),
        ("here/lib/helper.py", 'which task "fit" imports as lib.helper'),
        ("lib", 'which task "fit" imports as lib.helper'),
        ("lib/inner.py", 'which task "fit" imports as lib.inner'),
        ("lib/base.py", 'which task "fit" imports as lib.base'),
        ("inner.csv.py", 'which task "fit" imports as lib.inner'),
        (str(Path.home()), "the folder that contains your home folder"),
        ("/var/tmp", "the folder that contains temporary files"),
        (".git", "which belongs to git"),
        (".git/config", "which belongs to git"),
        (".GIT/config", "which belongs to git"),
        ("g/config", "which belongs to git"),
        ("sub/.git/hooks/x", "which belongs to git"),
        (".hg/store", "which belongs to Mercurial"),
        (".octavo", "which belongs to octavo itself"),
        (".octavo/standing/generic/x", "which belongs to octavo itself"),
        ("here/.octavo/state.db", "which belongs to octavo itself"),
    ],
)
def test_a_product_is_none_of_what_the_pipeline_is_made_of(product: str, words: str, project: Folder) -> None:
    assert said(project, product) == [f'task "make" makes "{product}", {words}']


@pytest.mark.parametrize(
    "product", ["out.txt", "data", "lib/made.py", "gitignore", "here/out", "env.yaml.bak"]
)
def test_any_other_place_is_free(product: str, project: Folder) -> None:
    assert said(project, product) == []


def test_a_module_may_be_made_for_who_comes_after(project: Folder) -> None:
    assert said(project, "lib/helper.py", upstream='["ma*"]') == []


def test_a_project_may_stand_in_any_folder(project: Folder) -> None:
    inside = Folder(project.path / ".git" / "worktree")
    inside.write("tasks.py", "def make(product): ...")
    inside.write("pipeline.yaml", "tasks:\n  - source: tasks.make\n    product: out.txt")
    octavo.load(Path(inside.path, "pipeline.yaml")).close()
