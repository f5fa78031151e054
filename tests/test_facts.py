"""What notebooks and functions say about themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from books import cell, ipynb, of
from octavo.errors import Place
from octavo.model import Facts
from octavo.notebook import Notebook
from octavo.reading.facts import facts, function

FIT = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# Some words first.
#
# # Fit a model
# ## And more

# %% tags=["parameters"]
# Which data is used, and where the results go.
upstream = ["clean", "features-*"]
product = None

# Share of rows that
# are held back.
test_size: float = 0.2
n_estimators = 100  # type: int  trees in the forest
columns = [
    "a",  # not this one
    "b",
]  # what is used
model = None

# %%
import pickle
import pandas as pd
from sklearn.ensemble import RandomForestRegressor as Forest
from . import local

df = pd.read_csv(upstream["clean"])

# %%
def score(model):
    return model.score(df[columns], df["y"])

fitted = Forest(n_estimators).fit(df[columns], df["y"])
print(score(fitted))
"""


def parameters(source: str) -> Facts:
    return ipynb(cell(source, "parameters"))


def test_a_whole_notebook_is_understood() -> None:
    found = of(FIT)
    assert (found.language, found.kernel, found.title) == ("python", "python3", "Fit a model")
    assert found.upstream == ("clean", "features-*")
    assert found.product is None
    assert found.parameters_cell
    assert [(p.name, p.default, p.annotation, p.value, p.known, p.help) for p in found.params] == [
        ("test_size", "0.2", "float", 0.2, True, "Share of rows that are held back."),
        ("n_estimators", "100", "int", 100, True, "trees in the forest"),
        ("columns", '[\n    "a",  # not this one\n    "b",\n]', None, ["a", "b"], True, "what is used"),
        ("model", "None", None, None, True, ""),
    ]
    assert found.imports == ("pandas", "pickle", "sklearn.ensemble")
    lines = FIT.splitlines()
    first, second = lines.index("import pickle") + 1, lines.index("def score(model):") + 1
    assert [(c.cell, c.line, c.defines, c.uses) for c in found.cells] == [
        (1, 16, ("columns", "model", "n_estimators", "product", "test_size", "upstream"), ()),
        (2, first, ("Forest", "df", "local", "pd", "pickle"), ("upstream",)),
        (3, second, ("fitted", "score"), ("Forest", "columns", "df", "n_estimators")),
    ]
    assert found.mistakes == ()


@pytest.mark.parametrize(
    ("source", "upstream"),
    [
        ("upstream = ['a', 'b']", ("a", "b")),
        ("upstream = ('a',)", ("a",)),
        ("upstream = {'b', 'a'}", ("a", "b")),
        ("upstream = {'some': None, 'other': f(x)}", ("some", "other")),
        ("upstream = 'a'", ("a",)),
        ("upstream = None", ()),
        ("upstream = []", ()),
        ("upstream: list = ['a', 'a', 'fit-*']", ("a", "fit-*")),
        ("upstream = ['a']\nupstream = ['b']", ("b",)),
        ("upstream = product = None", ()),
        ("upstream, product = ['a'], None", ("a",)),
        ("x = 1", None),
        ("if x:\n    upstream = ['a']", None),
        ("def f():\n    upstream = ['a']", None),
        ("x = '''\nupstream = ['a']\n'''", None),
        ("upstream = [\n  'a',\n  # 'b',\n  'c']", ("a", "c")),
        ("%load_ext autoreload\n!ls\nupstream = ['a']", ("a",)),
    ],
)
def test_upstream_is_read_as_ploomber_writes_it(source: str, upstream: tuple[str, ...] | None) -> None:
    found = parameters(source)
    assert found.upstream == upstream
    assert found.mistakes == ()


@pytest.mark.parametrize(
    ("source", "product"),
    [
        ("product = 'out/a.ipynb'", {None: "out/a.ipynb"}),
        ("product = {'nb': 'a.ipynb', 'data': 'a.csv'}", {"nb": "a.ipynb", "data": "a.csv"}),
        ("product = None", None),
        ("product: dict", None),
    ],
)
def test_product_is_one_path_or_named_paths(source: str, product: object) -> None:
    found = parameters(source)
    assert found.product == product
    assert found.mistakes == ()


@pytest.mark.parametrize(
    "source",
    [
        "upstream = tasks()",
        "upstream = ['a'] + more",
        "upstream = [1]",
        "upstream = 3",
        "upstream = f'{x}'",
        "product = Path('a')",
        "product = ['a']",
        "product = {'nb': None}",
        "product = {1: 'a'}",
    ],
)
def test_what_is_no_literal_is_a_mistake_with_its_place(source: str) -> None:
    name = source.split()[0]
    ((message, place),) = parameters("x = 1\n" + source).mistakes
    assert message.startswith(f"cell 1, line 2: {name} must be a literal ")
    assert place == Place("nb.ipynb")
    ((message, place),) = of(f'# %%\nimport os\n\n# %% tags=["parameters"]\n# hi\n{source}\n').mistakes
    assert message.startswith(f"{name} must be a literal ")
    assert place == Place("nb.py", 6, 1)


def test_only_the_parameters_cell_declares() -> None:
    found = ipynb(
        cell("upstream = ['x']\na = 1"), cell("b = 1", "parameters"), cell("upstream = ['y']\nc = 1")
    )
    assert found.upstream is None
    assert [p.name for p in found.params] == ["b"]


def test_a_comment_stands_for_the_tag() -> None:
    found = ipynb(cell("x = 1"), cell("# Parameters\n# how many\nn = 1\nupstream = ['a']"))
    assert (found.parameters_cell, found.upstream) == (True, ("a",))
    assert [(p.name, p.help) for p in found.params] == [("n", "how many")]
    assert not ipynb(cell("x = 1"), cell("# parameters of it\nn = 1")).parameters_cell


def test_parameters_are_declared_by_plain_assignments() -> None:
    found = parameters(
        "a: int\nb = -1\nc = f(1)\nd = e = 'x'\nf, (g, h) = 1, (2, k)\ni, j = f()\no.p = 1\nq[0] = 1\nb = 2\n"
        "def r(): pass\nimport s\nt: dict[str, int] = {'é': 1} ; u = 'é'  # ü\n%time v = 1\n"
    )
    assert [(p.name, p.default, p.annotation, p.value, p.known, p.help) for p in found.params] == [
        ("a", None, "int", None, False, ""),
        ("b", "2", None, 2, True, ""),
        ("c", "f(1)", None, None, False, ""),
        ("d", "'x'", None, "x", True, ""),
        ("e", "'x'", None, "x", True, ""),
        ("f", "1", None, 1, True, ""),
        ("g", "2", None, 2, True, ""),
        ("h", "k", None, None, False, ""),
        ("t", "{'é': 1}", "dict[str, int]", {"é": 1}, True, ""),
        ("u", "'é'", None, "é", True, "ü"),
    ]


def test_type_comments_of_papermill_are_annotations() -> None:
    found = parameters(
        "a = 1  # type: int how many\nb = []  # type: List[int, str] all of them\nc = 1 #type:int"
    )
    assert [(p.annotation, p.help) for p in found.params] == [
        ("int", "how many"),
        ("List[int, str]", "all of them"),
        ("int", ""),
    ]


# --- syntax errors


def test_a_syntax_error_has_the_line_of_the_file() -> None:
    found = of("# %%\nx = 1\n\n# %%\ny = 2\nz = = 3\n\n# %%\nw = (\n")
    assert [place.line for _, place in found.mistakes] == [6, 9]
    assert found.mistakes[0] == ("syntax error: invalid syntax", Place("nb.py", 6, 5))
    assert [c.defines for c in found.cells] == [("x",), (), ()]


def test_a_syntax_error_in_an_ipynb_has_cell_and_line() -> None:
    ((message, place),) = ipynb(cell("# T", kind="markdown"), cell("x = 1\ny = = 2")).mistakes
    assert message == "cell 2, line 2: syntax error: invalid syntax"
    assert place == Place("nb.ipynb")


@pytest.mark.parametrize(
    "source",
    ["return 1", "for x in y:\n    pass\nbreak", "def f(a, a): pass", "nonlocal x", "def f():\n    await x"],
)
def test_errors_that_python_finds_after_parsing_are_found_too(source: str) -> None:
    assert len(ipynb(cell(source)).mistakes) == 1


@pytest.mark.parametrize(
    "source",
    [
        "await x",
        "async for x in y: pass",
        "[x async for x in y]",
        "%matplotlib inline",
        "!pip install x",
        "%%bash\nif x; then",
        "x?",
        'print("\\d")',
        "x is 1",
        "%%time\nawait y",
        "pip install x",
        "",
        "# only",
        "%%html\n<p",
        "x = 1;",
        "yield_ = 1",
        "'a' 'b'",
        "print 1".replace(" ", "(") + ")",
    ],
)
def test_what_runs_in_jupyter_is_no_mistake(source: str) -> None:
    assert ipynb(cell(source)).mistakes == ()


def test_a_cell_that_is_not_run_or_is_meant_to_fail_has_no_mistakes() -> None:
    found = ipynb(cell("x = = 1", "raises-exception"), cell("import a\ny = = 1", "skip-execution"))
    assert found.mistakes == ()
    assert ipynb(cell("import a\ny = b", "skip-execution")).cells[0].defines == ()


def test_reading_never_runs_anything(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    source = f"upstream = [open({str(witness)!r}, 'w').name]\nx = __import__('os').mkdir({str(witness)!r})"
    parameters(source)
    function(f"{source}\ndef f(product): pass", "a.py", "f")
    assert not witness.exists()


def test_metadata_of_any_shape_is_survived() -> None:
    odd: dict[str, Any] = {"kernelspec": "python3", "language_info": [], "jupytext": None}
    data = {"cells": [cell("x = 1") | {"metadata": {"tags": "parameters"}}], "metadata": odd}
    found = facts(Notebook(data, "ipynb", "nb.ipynb"))
    assert (found.language, found.kernel, found.parameters_cell, found.mistakes) == (
        "python",
        None,
        False,
        (),
    )


# --- names across cells


def test_a_rebound_builtin_and_a_name_in_a_shell_line_are_uses() -> None:
    found = ipynb(cell("input = 1\nfolder = 2"), cell("print(input)\n!ls {folder} {other}"))
    assert found.cells[1].uses == ("folder", "input")


# --- language, kernel, title


@pytest.mark.parametrize(
    ("metadata", "language", "kernel"),
    [
        ({}, "python", None),
        ({"kernelspec": {"name": "python3", "display_name": "x", "language": "python"}}, "python", "python3"),
        ({"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}, "R", "ir"),
        ({"kernelspec": {"name": "ir", "display_name": "R"}}, "R", "ir"),
        ({"kernelspec": {"name": "iruby", "display_name": "x"}}, "python", "iruby"),
        ({"kernelspec": {"name": "julia-1.9", "display_name": "x"}}, "julia", "julia-1.9"),
        (
            {"kernelspec": {"name": "my-env", "display_name": "x"}, "language_info": {"name": "python"}},
            "python",
            "my-env",
        ),
        ({"language_info": {"name": "R"}}, "R", None),
        (
            {"kernelspec": {"name": ".net-csharp", "display_name": "x", "language": "C#"}},
            "csharp",
            ".net-csharp",
        ),
    ],
)
def test_the_language_follows_from_the_metadata(
    metadata: dict[str, Any], language: str, kernel: str | None
) -> None:
    found = ipynb(cell("x <- 1" if language == "R" else "x = 1"), **metadata)
    assert (found.language, found.kernel) == (language, kernel)


@pytest.mark.parametrize(
    ("path", "text", "language", "kernel"),
    [
        ("a.R", "# %%\nx <- 1\n", "R", "ir"),
        ("a.Rmd", "```{r}\nx <- 1\n```\n", "R", "ir"),
        ("a.jl", "# %%\nx = nothing\n", "julia", None),
        ("a.py", "# %%\nx = 1\n", "python", None),
    ],
)
def test_else_the_language_follows_from_the_extension(
    path: str, text: str, language: str, kernel: str | None
) -> None:
    found = of(text, path)
    assert (found.language, found.kernel, found.mistakes) == (language, kernel, ())


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Title", "Title"),
        ("words\n\n## Second ##\n# First", "Second"),
        ("Title\n=====", "Title"),
        ("Title\n---\n", "Title"),
        ("```\n# no\n```\n# Yes", "Yes"),
        ("#no\n####### no", ""),
        ("", ""),
        ("- a\n---\n# Yes", "Yes"),
        ("---\ntitle: x\n---\n# Yes", "Yes"),
        ("| a |\n|---|\n\n***\n\n---\n# Yes", "Yes"),
        ("#\n# C#", "C#"),
    ],
)
def test_the_title_is_the_first_heading(text: str, title: str) -> None:
    assert ipynb(cell("# not this"), cell(text, kind="markdown"), cell("# Other", kind="markdown")).title == (
        title or "Other"
    )


# --- what reading costs


def test_reading_facts_imports_nothing_heavy() -> None:
    code = (
        "import sys; from octavo.notebook import loads; from octavo.reading.facts import facts;"
        "facts(loads(b'# %%\\nx = 1\\n', 'a.py'));"
        "heavy = {'IPython', 'nbformat', 'jupytext', 'yaml', 'tokenize_rt', 'tempfile', 'subprocess', 'asyncio'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_notebook_of_a_thousand_cells_is_read_cell_by_cell() -> None:
    found = ipynb(*[cell(f"x{i} = x{i - 1} + 1\nx{i}") for i in range(1, 1001)])
    assert len(found.cells) == 1000
    assert found.cells[-1].uses == ("x999",)


def test_the_body_of_a_cell_magic_may_begin_with_a_future_import() -> None:
    assert ipynb(cell("%%capture out\nfrom __future__ import annotations\nx = 1")).mistakes == ()
    assert ipynb(cell("x = 1\nfrom __future__ import annotations")).mistakes
