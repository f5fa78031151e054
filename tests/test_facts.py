"""What notebooks and functions say about themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from quire.errors import Place
from quire.model import Facts
from quire.notebook import loads
from quire.notebook.facts import facts, function, module_digest, module_digest_of_file

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


def of(text: str, path: str = "nb.py") -> Facts:
    return facts(loads(text.encode(), path))


def cell(source: str, *tags: str, kind: str = "code") -> dict[str, Any]:
    made: dict[str, Any] = {
        "cell_type": kind,
        "metadata": {"tags": list(tags)} if tags else {},
        "source": source,
    }
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def ipynb(*cells: dict[str, Any], **metadata: Any) -> Facts:
    data = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    return facts(loads(json.dumps(data).encode(), "nb.ipynb"))


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
    ["upstream = tasks()", "upstream = ['a'] + more", "upstream = [1]", "upstream = 3", "upstream = f'{x}'",
     "product = Path('a')", "product = ['a']", "product = {'nb': None}", "product = {1: 'a'}"],
)  # fmt: skip
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
        "await x", "async for x in y: pass", "[x async for x in y]", "%matplotlib inline", "!pip install x",
        "%%bash\nif x; then", "x?", 'print("\\d")', "x is 1", "%%time\nawait y", "pip install x", "", "# only",
        "%%html\n<p", "x = 1;", "yield_ = 1", "'a' 'b'", "print 1".replace(" ", "("  ) + ")",
    ],
)  # fmt: skip
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
        ({"kernelspec": {"name": "my-env", "display_name": "x"}, "language_info": {"name": "python"}}, "python", "my-env"),
        ({"language_info": {"name": "R"}}, "R", None),
        ({"kernelspec": {"name": ".net-csharp", "display_name": "x", "language": "C#"}}, "csharp", ".net-csharp"),
    ],
)  # fmt: skip
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
        ("# Title", "Title"), ("words\n\n## Second ##\n# First", "Second"), ("Title\n=====", "Title"),
        ("Title\n---\n", "Title"), ("```\n# no\n```\n# Yes", "Yes"), ("#no\n####### no", ""), ("", ""),
        ("- a\n---\n# Yes", "Yes"), ("---\ntitle: x\n---\n# Yes", "Yes"), ("| a |\n|---|\n\n***\n\n---\n# Yes", "Yes"),
        ("#\n# C#", "C#"),
    ],
)  # fmt: skip
def test_the_title_is_the_first_heading(text: str, title: str) -> None:
    assert ipynb(cell("# not this"), cell(text, kind="markdown"), cell("# Other", kind="markdown")).title == (
        title or "Other"
    )


# --- digests


def test_what_runs_the_same_has_the_same_digest() -> None:
    base = ipynb(cell("x = f(1, 'a')"), cell("def g(a):\n    return a\ng(x)"))
    same = ipynb(
        cell("# Title", kind="markdown"),
        cell('# comment\nx = f( 1,\n  "a" )  # more', "hide-input") | {"execution_count": 5},
        cell(""),
        cell("# nothing but words"),
        cell('"""Words."""\ndef g(a):\n    """Docs."""\n    return (a)\n\ng(x)'),
        cell("n = 5", "injected-parameters"),
        kernelspec={"name": "python3", "display_name": "Python 3", "language": "python"},
    )
    assert same.digest == base.digest


@pytest.mark.parametrize(
    "cells",
    [
        [cell("x = f(1, 'b')"), cell("y")],
        [cell("x = f(1.0, 'a')"), cell("y")],
        [cell("x = f(True, 'a')"), cell("y")],
        [cell("x = f('a', 1)"), cell("y")],
        [cell("x = g(1, 'a')"), cell("y")],
        [cell("x = f(1, 'a')"), cell("y;")],
        [cell("x = f(1, 'a')\ny")],
        [cell("y"), cell("x = f(1, 'a')")],
        [cell("x = f(1, 'a')", "parameters"), cell("y")],
        [cell("x = f(1, 'a')", "raises-exception"), cell("y")],
        [cell("x = f(1, 'a')"), cell("y", "skip-execution")],
        [cell("x = f(1, 'a')"), cell("y"), cell("%matplotlib inline")],
        [cell("x = f(1, 'a')"), cell("y"), cell("'shown'")],
        [cell("x = f(1, 'a')"), cell("y"), cell("%%bash\nls")],
        [cell("x = f(1, 'a')"), cell("y = = 1")],
        [cell("x = f(1, 'a')"), cell("{**y}")],
        [cell("x = f(1, 'a')"), cell("{None: y}")],
        [cell("x = f(1, 'a')"), cell("try: y\nexcept E: pass\nelse: z")],
        [cell("x = f(1, 'a')"), cell("try: y\nexcept E: pass\nfinally: z")],
        [cell("x = f(1, 'a')"), cell("from . import y")],
        [cell("x = f(1, 'a')"), cell("from .. import y")],
        [cell("x = f(1, 'a')"), cell("f'{y}'")],
        [cell("x = f(1, 'a')"), cell("f'{y!r}'")],
        [cell("x = f(1, 'a')"), cell("global y")],
        [cell("x = f(1, 'a')"), cell("global z")],
        [cell("x = f(1, 'a')"), cell("match y:\n case A(b=1): 1")],
        [cell("x = f(1, 'a')"), cell("match y:\n case A(c=1): 1")],
        [cell("x = f(1, 'a')"), cell("match y:\n case None: 1")],
        [cell("x = f(1, 'a')"), cell("match y:\n case True: 1")],
    ],
)
def test_what_may_run_otherwise_has_another_digest(cells: list[dict[str, Any]]) -> None:
    seen = SEEN.setdefault(ipynb(*cells).digest, cells)
    assert seen is cells
    assert ipynb(*cells).digest != ipynb(cell("x = f(1, 'a')"), cell("y")).digest


SEEN: dict[str, list[dict[str, Any]]] = {}


def test_language_and_magics_count() -> None:
    assert ipynb(cell("%%bash\nls")).digest == ipynb(cell("\n%%bash\nls  \n")).digest
    assert ipynb(cell("%%bash\nls")).digest != ipynb(cell("%%bash\nls -l")).digest
    assert ipynb(cell("%time f(x)")).digest == ipynb(cell("# c\n%time  f(x)  ")).digest
    spec = {"name": "ir", "display_name": "R", "language": "R"}
    assert ipynb(cell("f(x)"), kernelspec=spec).digest != ipynb(cell("f(x)")).digest
    assert ipynb(cell("f(x)"), kernelspec=spec).digest == ipynb(cell("f(x)  \n"), kernelspec=spec).digest


def test_the_digest_does_not_depend_on_the_format() -> None:
    text = '# %% tags=["parameters"]\nn = 1\n\n# %%\n# %matplotlib inline\nprint(n)\n'
    assert of(text).digest == ipynb(cell("n = 1", "parameters"), cell("%matplotlib inline\nprint(n)")).digest


def test_a_semicolon_that_hides_a_value_counts_wherever_it_is_found() -> None:
    plain, hidden = ipynb(cell("f(x)")).digest, ipynb(cell("f(x);")).digest
    assert hidden == ipynb(cell("f(x) ; # it's\n# done\n")).digest != plain
    assert plain == ipynb(cell("f(x) # not; this\n\n# ;\n")).digest
    assert ipynb(cell("f(';')")).digest != ipynb(cell("f(';');")).digest
    assert ipynb(cell("x = 'é'; f('é')")).digest != ipynb(cell("x = 'é'; f('é');")).digest


def test_a_digest_has_32_hexadecimal_digits_and_never_changes() -> None:
    """The text of these cells is read alike by all versions of Python: a new digest would re-run everybody's work."""
    digest = ipynb(
        cell("import os\nx: int = [1, 2.5, 'é', None, 10**3]\ndef f(a, *, b=1): return a if b else -a")
    ).digest
    assert digest == "14e1f56bb1f48979c2041bcc5f384d08"


def test_a_module_has_the_digest_of_its_code(tmp_path: Path) -> None:
    base = module_digest("import a\ndef f(x):\n    return x\n")
    assert base == module_digest(
        '"""Doc."""\nimport a  # c\n\n\ndef f(x):\n    """Doc."""\n    return ( x )\n'
    )
    assert base != module_digest("import a\ndef f(x):\n    return y\n")
    assert module_digest("x = (") != module_digest("x = ((")
    path = tmp_path / "m.py"
    path.write_bytes("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"))
    assert module_digest_of_file(str(path)) == module_digest("x = 'é'")
    path.write_bytes("\ufeffx = 'é'\r\n".encode())
    assert module_digest_of_file(str(path)) == module_digest("x = 'é'") == module_digest("\ufeffx = 'é'")
    assert module_digest_of_file(str(tmp_path / "none.py")) is None


# --- other languages

R = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: R
#     language: R
#     name: ir
# ---

# %% tags=["parameters"]
# what it needs = nothing
library(dplyr)
f <- function(a = 1, b) { upstream <- 'no'; a == b }
upstream <- list('clean',   # first
                 "feat-*")
product = NULL
n <- 10L  # how many
rate = -1.5e-3
name <- r"(a\\b)"
`odd name` <- TRUE
sizes <- c(a = 1, b = 2); flag <- F
computed <- n * 2
x$y <- 3
if (n > 5) { z <- 1 }

# %%
print(n)
"""


def test_r_notebooks_declare_what_they_need() -> None:
    found = of(R, "nb.R")
    assert (found.language, found.kernel) == ("R", "ir")
    assert found.upstream == ("clean", "feat-*")
    assert found.product is None
    assert [(p.name, p.default, p.value, p.known, p.help) for p in found.params] == [
        ("f", "function(a = 1, b) { upstream <- 'no'; a == b }", None, False, ""),
        ("n", "10L", 10, True, "how many"),
        ("rate", "-1.5e-3", -0.0015, True, ""),
        ("name", 'r"(a\\b)"', "a\\b", True, ""),
        ("odd name", "TRUE", True, True, ""),
        ("sizes", "c(a = 1, b = 2)", {"a": 1, "b": 2}, True, ""),
        ("flag", "F", False, True, ""),
        ("computed", "n * 2", None, False, ""),
    ]
    assert found.mistakes == ()
    assert [c.cell for c in found.cells] == [0, 1]


@pytest.mark.parametrize(
    ("source", "upstream"),
    [
        ("upstream = list('a', 'b')", ("a", "b")),
        ("upstream <- c('a')", ("a",)),
        ('upstream <<- "a"', ("a",)),
        ("upstream = NULL", ()),
        ("upstream = list()", ()),
        ("upstream = list(k = 'v', some_other.k = NULL)", ("k", "some_other.k")),
        ("upstream <-\n  list(\n    'a', # 'x'\n    'b'\n  )\n", ("a", "b")),
        ("x <- 'upstream = 1'\n# upstream = 'x'\nupstream = 'a'", ("a",)),
        ("x = 1", None),
    ],
)
def test_upstream_in_r_is_read_as_ploomber_writes_it(source: str, upstream: tuple[str, ...] | None) -> None:
    spec = {"name": "ir", "display_name": "R", "language": "R"}
    found = ipynb(cell(source, "parameters"), kernelspec=spec)
    assert (found.upstream, found.mistakes) == (upstream, ())


def test_an_upstream_in_r_that_is_no_literal_is_a_mistake() -> None:
    found = of('# %% tags=["parameters"]\nx <- 1\nupstream = paste("a", x)\n', "nb.R")
    ((message, place),) = found.mistakes
    assert message.startswith("cell 1, line 2: upstream must be a literal ")
    assert place.path == "nb.R"


@pytest.mark.parametrize(
    ("language", "source", "params"),
    [
        ("julia", 'upstream = ["a"]\nproduct = nothing\nn::Int = 1_000\nx = "$n"\nd = Dict("k" => [1.5])\n#= y = 1 =#',
         {"n": 1000, "x": "?", "d": {"k": [1.5]}}),
        ("scala", 'val upstream = Seq("a")\nval product = null\nval n: Int = 5\nvar m = Map("k" -> 1L) // c\n/* val y = 1 */',
         {"n": 5, "m": {"k": 1}}),
        ("bash", "upstream=(a)\nproduct=\nn=5\nexport x='a b'\ny=$n\nz=out/a.csv\nls -l", {"n": 5, "x": "a b", "y": "?", "z": "out/a.csv"}),
        ("javascript", 'let upstream = ["a"];\nvar product = null;\nconst d = {k: 1, "l": [true]};\nf(x => 1);\nx = `${y}`;',
         {"d": {"k": 1, "l": [True]}, "x": "?"}),
        ("ruby", "upstream = ['a']\nproduct = nil\nh = {'k' => 1}\ns = \"#{x}\"", {"h": {"k": 1}, "s": "?"}),
    ],
)  # fmt: skip
def test_other_languages_declare_simple_parameters(
    language: str, source: str, params: dict[str, Any]
) -> None:
    spec = {"name": language, "display_name": "x", "language": language}
    found = ipynb(cell(source, "parameters"), kernelspec=spec)
    assert (found.upstream, found.product, found.mistakes) == (("a",), None, ())
    assert {p.name: p.value if p.known else "?" for p in found.params} == params


def test_any_text_in_a_foreign_parameters_cell_is_survived() -> None:
    for source in (
        "upstream = list(",
        "'",
        "x = )",
        "x <-",
        "= 1",
        "x = [",
        "))((",
        "a = {b: }",
        "\\",
        "x = '\\",
        "`",
    ):
        for language in ("R", "julia", "bash", "javascript"):
            ipynb(
                cell(source, "parameters"),
                kernelspec={"name": "k", "display_name": "k", "language": language},
            )


# --- functions

MODULE = '''\
"""Tasks."""
import os
import pandas as pd
from pkg.sub import thing
from .near import other

LIMIT = 10


def helper(x):
    return deeper(x)


def deeper(x):
    return x


def unrelated(x):
    return x


@decorated
def clean(product, upstream, client, n: int = 3, *, flag: bool = False, path=os.sep):
    """Clean the data.

    And more.
    """
    df = helper(upstream["get"]["data"])
    more = upstream.get("extra")
    nested = [upstream[k] for k in ("x",)]
    def inner():
        return upstream["late"], upstream["get"]
    return LIMIT


def get(product):
    pass


def silent(product, upstream=None):
    pass


def dynamic(product, upstream):
    return list(upstream)


if __name__ == "__main__":
    clean("x")
'''


def test_a_function_is_understood() -> None:
    found = function(MODULE, "tasks.py", "clean")
    assert found.title == "Clean the data."
    assert found.upstream == ("get", "extra", "late")
    assert found.imports == ("os", "pandas", "pkg.sub")
    assert [(p.name, p.default, p.annotation, p.value, p.known) for p in found.params] == [
        ("n", "3", "int", 3, True),
        ("flag", "False", "bool", False, True),
        ("path", "os.sep", None, None, False),
    ]
    assert (found.language, found.kernel, found.mistakes, found.cells) == ("python", None, (), ())


def test_a_function_may_be_silent_about_upstream() -> None:
    assert function(MODULE, "tasks.py", "get").upstream is None
    assert function(MODULE, "tasks.py", "silent").upstream == ()
    assert function(MODULE, "tasks.py", "dynamic").upstream is None
    assert function("def f(product):\n    return upstream['x']", "a.py", "f").upstream is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return LIMIT", "return LIMIT + 1"),
        ("return deeper(x)", "return deeper(x, 1)"),
        ("def deeper(x):\n    return x", "def deeper(x):\n    return -x"),
        ("LIMIT = 10", "LIMIT = 11"),
        ("import pandas as pd", "import polars as pd"),
        ("@decorated\n", ""),
        ("n: int = 3", "n: int = 4"),
    ],
)
def test_what_a_function_reaches_changes_its_digest(old: str, new: str) -> None:
    assert old in MODULE
    changed = MODULE.replace(old, new)
    assert function(changed, "tasks.py", "clean").digest != function(MODULE, "tasks.py", "clean").digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def unrelated(x):\n    return x", "def unrelated(x):\n    return y"),
        ("def get(product):\n    pass", ""),
        ('"""Clean the data.', '"""Clean the data well.'),
        ("LIMIT = 10", "# ten\nLIMIT  =  10"),
        ('    clean("x")', '    clean("y")'),
    ],
)
def test_what_a_function_does_not_reach_leaves_its_digest(old: str, new: str) -> None:
    assert old in MODULE
    changed = MODULE.replace(old, new)
    assert function(changed, "tasks.py", "clean").digest == function(MODULE, "tasks.py", "clean").digest


def test_functions_that_importing_the_module_calls_count() -> None:
    module = "def setup():\n    return 1\n\nTABLE = setup()\n\ndef f(product):\n    pass\n"
    changed = module.replace("return 1", "return 2")
    assert function(module, "a.py", "f").digest != function(changed, "a.py", "f").digest


def test_two_functions_of_one_module_have_two_digests() -> None:
    module = "def f(product): pass\ndef g(product): pass\n"
    assert function(module, "a.py", "f").digest != function(module, "a.py", "g").digest


def test_a_function_may_be_defined_in_a_block_or_be_async() -> None:
    module = "try:\n    import x\nexcept ImportError:\n    def f(product, n=1): pass\nelse:\n    pass\nasync def g(product): pass"
    assert [p.name for p in function(module, "a.py", "f").params] == ["n"]
    assert function(module, "a.py", "g").mistakes == ()
    assert function(module, "a.py", "f").digest != function(module.replace("n=1", "n=2"), "a.py", "f").digest


@pytest.mark.parametrize(
    ("module", "said", "line"),
    [
        ("def get(product): pass\ndef fit(product): pass", 'no function "gett" in a.py — did you mean "get"?', 0),
        ("def other(product): pass", "it defines: other", 0),
        ("x = 1", "it defines no functions", 0),
        ("import os\nfrom .near import gett", "only imported — name the module that defines it: it comes from \".near\"", 2),
        ("from near import b as gett", 'it comes from "near"', 1),
        ("class gett: pass", "is a class", 1),
        ("x = 1\ndef gett(:\n", "syntax error", 2),
    ],
)  # fmt: skip
def test_a_function_that_is_not_there_is_a_mistake(module: str, said: str, line: int) -> None:
    ((message, place),) = function(module, "a.py", "gett").mistakes
    assert said in message
    assert (place.path, place.line) == ("a.py", line)


def test_a_callable_that_is_made_by_an_expression_is_taken_as_it_is() -> None:
    found = function("from functools import partial\nget = partial(print, 1)", "a.py", "get")
    assert (found.mistakes, found.params, found.parameters_cell, found.upstream) == ((), (), False, None)


# --- what reading costs


def test_reading_facts_imports_nothing_heavy() -> None:
    code = (
        "import sys; from quire.notebook import loads; from quire.notebook.facts import facts;"
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
