"""The files of a new project: a pipeline over real data, its package and tests, and what stands around them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..ci import CiPlan, blocks
from ..ci.members import SYSTEMS
from ..dataclass import dataclass
from .layout import Existing
from .licences import LICENCES

#: What installs a new project with what its developers need.
INSTALL = ("pip install --upgrade pip", "pip install --editable . --group dev")


@dataclass(frozen=True, slots=True)
class NewProject:
    """What a new project is to be called, and what it is to have: ``ci`` is a CI system, "" for none.

    ``install`` are the commands that install it there.
    """

    name: str
    package: str
    author: str
    year: int
    licence: str = "none"
    ci: str = "github"
    install: tuple[str, ...] = INSTALL


def files(wish: NewProject, there: Existing) -> dict[str, str]:
    """Return the texts of a project's files by their paths; none of a pipeline where there is one, or notebooks are."""
    identifier, licence = LICENCES[wish.licence]
    named = {
        "name": wish.name,
        "package": wish.package,
        "inside": "/".join(filter(None, (there.above, wish.package))),
        "author": wish.author,
        "year": str(wish.year),
        "licence": f'license = "{identifier}"\n' if identifier else "",
        "path": f'"{there.above}"' if there.above else '"."',
    }
    texts = dict(_AROUND)
    if not (there.pipeline or there.notebooks):
        texts |= _PIPELINE
        texts["data/raw/iris.csv"] = (Path(__file__).parent / "iris.csv").read_text(encoding="utf-8")
    elif not there.package:
        texts |= _PACKAGE
    if licence:
        texts["LICENSE"] = licence
    if wish.ci:
        system = SYSTEMS[wish.ci]
        texts[system.PATH] = blocks.fresh([*system.blocks(CiPlan(install=wish.install))], system.SIGN)
    return {_filled(path, named): _filled(text, named) for path, text in texts.items()}


def package(name: str, there: Existing) -> dict[str, str]:
    """Return the files of a package with its tests, for a project that has none."""
    named = {"name": name, "package": name, "inside": "/".join(filter(None, (there.above, name)))}
    named |= {"licence": "", "path": f'"{there.above}"' if there.above else '"."'}
    texts = {**_PACKAGE, "pyproject.toml": _AROUND["pyproject.toml"].replace('readme = "README.md"\n', "")}
    return {_filled(path, named): _filled(text, named) for path, text in texts.items()}


def _filled(text: str, named: Mapping[str, str]) -> str:
    for name, value in named.items():
        text = text.replace(f"@{name}@", value)
    return text


_PIPELINE: Mapping[str, str] = {
    "pipeline.yaml": """\
# octavo build runs what is stale, octavo status says why
tasks:
  - source: @package@.data.get
    product: "{{out}}/raw.csv"
    params:
      sample: "{{sample}}"

  - source: notebooks/clean.py
    product:
      nb: "{{out}}/clean.ipynb"
      data: "{{out}}/clean.csv"

  - source: notebooks/report.py
    product:
      nb: "{{out}}/report.ipynb"
      summary: "{{out}}/summary.csv"
""",
    "env.yaml": """\
# values of {{names}} in pipeline.yaml; octavo build --param sample=true sets one
sample: false
out: output
""",
    "env.sample.yaml": """\
# the same for smoke tests: octavo test
sample: true
out: output/sample
""",
    "notebooks/clean.py": """\
# %% [markdown]
# # Clean
# Complete measurements, each once.

# %% tags=["parameters"]
upstream = ["get"]
product = None

# %%
import pandas as pd

from @package@ import features

raw = pd.read_csv(upstream["get"])
flowers = features.tidy(raw)
print(f"{len(flowers)} of {len(raw)} flowers kept")

# %%
flowers.to_csv(product["data"], index=False)
""",
    "notebooks/report.py": """\
# %% [markdown]
# # Report
# How large the petals of each species are.

# %% tags=["parameters"]
upstream = ["clean"]
product = None

# %%
import pandas as pd

from @package@ import features

flowers = features.with_areas(pd.read_csv(upstream["clean"]["data"]))

# %%
summary = flowers.groupby("species")[["petal_area", "sepal_area"]].mean().round(2)
summary

# %%
summary.to_csv(product["summary"])
""",
    "@inside@/__init__.py": '"""The code of @name@ that notebooks and tests share."""\n',
    "@inside@/data.py": '''\
"""Where the data comes from."""

import pandas as pd

RAW = "data/raw/iris.csv"


def get(product, sample):
    """Write the raw measurements, or every tenth of them as a sample."""
    table = pd.read_csv(RAW)
    if sample:
        table = table.iloc[::10]
    table.to_csv(product, index=False)
''',
    "@inside@/features.py": '''\
"""What is computed from the measurements."""


def tidy(raw):
    """Return the rows that are complete, each once."""
    return raw.dropna().drop_duplicates().reset_index(drop=True)


def with_areas(flowers):
    """Return the flowers with the areas of their leaves, as if these were rectangles."""
    return flowers.assign(
        petal_area=flowers["petal_length"] * flowers["petal_width"],
        sepal_area=flowers["sepal_length"] * flowers["sepal_width"],
    )
''',
    "tests/test_features.py": '''\
"""Test what is computed from the measurements."""

import pandas as pd

from @package@ import features

FLOWERS = pd.DataFrame(
    {
        "sepal_length": [5.0, 5.0, 6.0],
        "sepal_width": [3.0, 3.0, None],
        "petal_length": [1.5, 1.5, 4.0],
        "petal_width": [0.2, 0.2, 1.0],
        "species": ["setosa", "setosa", "versicolor"],
    }
)


def test_tidy_keeps_complete_rows_once():
    assert features.tidy(FLOWERS)["species"].tolist() == ["setosa"]


def test_areas_are_length_times_width():
    areas = features.with_areas(features.tidy(FLOWERS))
    assert areas["petal_area"].round(6).tolist() == [0.3]
    assert areas["sepal_area"].tolist() == [15.0]
''',
    "data/README.md": """\
# Data

`raw/iris.csv`: 150 flowers of three species of iris, lengths and widths in centimetres. R. A. Fisher,
*The use of multiple measurements in taxonomic problems*, Annals of Eugenics 7 (1936). Replace it with
your own; files in `raw/` are never changed.
""",
}

_PACKAGE: Mapping[str, str] = {
    "@inside@/__init__.py": '"""The code of @name@ that notebooks and tests share."""\n',
    "tests/test_@package@.py": '''\
"""Test the code that notebooks share."""

import @package@


def test_the_package_says_what_it_is_for():
    assert @package@.__doc__
''',
}

_AROUND: Mapping[str, str] = {
    "pyproject.toml": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "@name@"
version = "0.1.0"
readme = "README.md"
requires-python = ">=3.11"
@licence@dependencies = ["octavo", "pandas>=2.2"]

[dependency-groups]
dev = ["pre-commit>=4", "pytest>=8", "ruff>=0.9"]

[tool.hatch.build.targets.wheel]
packages = ["@inside@"]

[tool.pytest.ini_options]
pythonpath = [@path@]
testpaths = ["tests"]
""",
    "README.md": """\
# @name@

```console
$ pip install --editable . --group dev
$ octavo build          # run what is stale: notebooks and results come to output/
$ octavo test           # check notebooks, build on a sample, run the unit tests
$ pre-commit install    # check before each commit
```

`pipeline.yaml` says what is made of what, `env.yaml` with which values. Notebooks are scripts in
`notebooks/`: Jupyter opens them as notebooks. Code that several of them use is in `@inside@`, with its
tests in `tests/`. `octavo add task NAME --upstream TASK` adds a task.
""",
    ".gitignore": """\
/output/
/data.db
.octavo/
.octavo-test/
.venv/
__pycache__/
.ipynb_checkpoints/
.pytest_cache/
.ruff_cache/
""",
    ".pre-commit-config.yaml": """\
repos:
  - repo: local
    hooks:
      - id: octavo-check
        name: octavo check
        entry: octavo check
        language: system
        files: ^notebooks/.*\\.(py|ipynb|md|Rmd|qmd)$
      - id: ruff
        name: ruff
        entry: ruff check
        language: system
        types: [python]
        exclude: ^notebooks/
""",
}
