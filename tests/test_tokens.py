"""What the parameters cells of R, Julia, bash and others declare."""

from __future__ import annotations

from typing import Any

import pytest

from books import cell, ipynb, of

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
        (
            "julia",
            'upstream = ["a"]\nproduct = nothing\nn::Int = 1_000\nx = "$n"\nd = Dict("k" => [1.5])\n#= y = 1 =#',
            {"n": 1000, "x": "?", "d": {"k": [1.5]}},
        ),
        (
            "scala",
            'val upstream = Seq("a")\nval product = null\nval n: Int = 5\nvar m = Map("k" -> 1L) // c\n/* val y = 1 */',
            {"n": 5, "m": {"k": 1}},
        ),
        (
            "bash",
            "upstream=(a)\nproduct=\nn=5\nexport x='a b'\ny=$n\nz=out/a.csv\nls -l",
            {"n": 5, "x": "a b", "y": "?", "z": "out/a.csv"},
        ),
        (
            "javascript",
            'let upstream = ["a"];\nvar product = null;\nconst d = {k: 1, "l": [true]};\nf(x => 1);\nx = `${y}`;',
            {"d": {"k": 1, "l": [True]}, "x": "?"},
        ),
        ("ruby", "upstream = ['a']\nproduct = nil\nh = {'k' => 1}\ns = \"#{x}\"", {"h": {"k": 1}, "s": "?"}),
    ],
)
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
