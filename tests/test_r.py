"""Tasks in R, with a real R: notebooks by its kernel, scripts by Rscript; and Quarto's documents without quarto."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from typing import Any

import pytest

from octavo import notebook
from octavo.reading.facts import facts
from projects import Folder


@cache
def _irkernel() -> bool:
    if shutil.which("Rscript") is None:
        return False
    return (
        subprocess.run(["Rscript", "-e", "library(IRkernel)"], capture_output=True, check=False).returncode
        == 0
    )


needs_r = pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
needs_kernel = pytest.mark.skipif(not _irkernel(), reason="R with IRkernel is not installed")

RAW = "from pathlib import Path\n\ndef raw(product):\n    Path(product).write_text('x,y\\n1,2\\n3,4\\n')\n"


@pytest.fixture
def raw(folder: Folder) -> Folder:
    """A project with a function that makes out/raw.csv, for R to read."""
    folder.write("tasks.py", RAW)
    return folder


def pipeline(folder: Folder, tasks: str) -> None:
    folder.write("pipeline.yaml", "tasks:\n  - source: tasks.raw\n    product: out/raw.csv\n" + tasks)


def printed(folder: Folder, name: str) -> str:
    """Return what an executed notebook shows as text."""
    book: dict[str, Any] = json.loads(folder.read(name))
    return "".join(
        "".join(out.get("text") or out.get("data", {}).get("text/plain", ""))
        for cell in book["cells"]
        for out in cell.get("outputs", ())
    )


CLEAN = """
# ---
# jupyter:
#   kernelspec:
#     name: ir
#     language: R
# ---

# %% [markdown]
# # Clean

# %% tags=["parameters"]
upstream <- list('raw')
product = NULL
n = 1
flag <- FALSE

# %%
df <- read.csv(upstream$raw)
print(sum(df$x))
cat(n, flag, is.null(none), words[[2]], table$y[[1]])
write.csv(df[rep(1, n), ], product$data, row.names = FALSE)
"""

FIT = """
---
title: "Fit"
---

# Fit

```{r, tags=c("parameters")}
upstream = list('clean')
product = NULL
```

```{r}
source("helper.R")
df = read.csv(upstream[['clean']][['data']])
cat(helped(nrow(df)), product)
plot(df)
```
"""


@needs_kernel
def test_notebooks_of_r_get_upstream_product_and_parameters(raw: Folder) -> None:
    raw.write("code/clean.R", CLEAN)
    raw.write("code/fit.Rmd", FIT)
    raw.write("helper.R", "helped <- function(x) x + 1\n")
    pipeline(
        raw,
        """\
  - source: code/clean.R
    product: {nb: out/clean.ipynb, data: out/clean.csv}
    params: {n: 2, flag: true, words: [a, b], table: {x: 1.5, y: [7, 8]}, none: null}
  - source: code/fit.Rmd
    product: out/fit.ipynb
""",
    )
    done = raw.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert raw.read("out/clean.csv") == '"x","y"\n1,2\n1,2\n'
    assert printed(raw, "out/clean.ipynb") == "[1] 4\n2 TRUE TRUE b 7"
    assert printed(raw, "out/fit.ipynb").startswith("3 out/fit.ipynb")
    assert "image/png" in raw.read("out/fit.ipynb")
    assert "3 tasks fresh" in raw.octavo("build").stdout
    # what R reads cannot be watched, but the notebook names it
    raw.write("helper.R", "helped <- function(x) x + 2\n")
    assert "file helper.R changed" in raw.octavo("status").stdout


@needs_kernel
def test_an_error_in_r_shows_the_cell_and_what_r_says(raw: Folder) -> None:
    raw.write("bad.R", "# %%\nf <- function(x) stop('no such ', x)\n\n# %%\nf('column')\n")
    pipeline(raw, "  - source: bad.R\n    product: out/bad.ipynb\n    upstream: []\n")
    done = raw.octavo("build", "bad")
    assert done.returncode == 1
    assert "failed bad: cell 3 of bad.R\n" in done.stdout
    assert "no such column" in done.stdout


@needs_r
def test_a_script_of_r_runs_in_its_folder_with_absolute_paths(raw: Folder) -> None:
    raw.write("code/more.txt", "more\n")
    raw.write(
        "code/fit.R",
        """
        # %% tags=["parameters"]
        upstream = list('raw')
        product = NULL

        # %%
        d <- read.csv(upstream$raw)
        d
        invisible(7)
        tryCatch(stop("caught"), error = function(e) cat("fine\\n"))
        writeLines(c(basename(getwd()), readLines("more.txt"), n), product)
        if (n == 2) quit(status = 0)
        stop("never")
        """,
    )
    pipeline(
        raw, "  - source: code/fit.R\n    class: ScriptRunner\n    product: out/fit.txt\n    params: {n: 2}\n"
    )
    lines = [json.loads(line) for line in raw.octavo("build", "--json").stdout.splitlines()]
    said = "".join(it["content"]["text"] for it in lines if it["event"] == "Output")
    assert said == "  x y\n1 1 2\n2 3 4\nfine\n"
    assert raw.read("out/fit.txt") == "code\nmore\n2\n"
    raw.write("code/more.txt", "other\n")
    assert "file code/more.txt changed" in raw.octavo("status").stdout


@needs_r
@pytest.mark.parametrize(
    ("code", "line", "words"),
    [
        (
            "f <- function(x) {\n  x <- x + 1\n  stop('no such ', x)\n}\n\n# %%\nf(3)\n",
            7,
            "Error: no such 4 (in f(3))",
        ),
        ("x <- 1\nlog(-1)\nnothere + 1\n", 7, "Error: object 'nothere' not found"),
        ("x <-\n  3 4\n", 6, "Error: unexpected numeric constant"),
        ("quit(status = 3)\n", None, "Rscript ended with exit code 3"),
        (
            "stop(structure(class = c('mine', 'error', 'condition'), list(message = 'so', call = NULL)))",
            5,
            "mine: so",
        ),
    ],
)
def test_a_failure_in_r_names_the_users_file_and_line(
    folder: Folder, code: str, line: int | None, words: str
) -> None:
    folder.write("code/go.R", '# %% tags=["parameters"]\nupstream = NULL; a = b = 0\n\n# %%\n' + code)
    folder.write(
        "pipeline.yaml",
        "tasks:\n  - source: code/go.R\n    class: ScriptRunner\n    product: out/made.txt\n    params: {a: 1, b: 2}\n",
    )
    done = folder.octavo("build")
    assert done.returncode == 1
    assert f"failed go: code/go.R{f':{line}' if line else ''}\n" in done.stdout, done.stdout
    assert words in done.stdout


def test_without_r_a_script_says_what_is_missing(folder: Folder) -> None:
    folder.write("go.R", "# %%\nx = 1\n")
    folder.write("pipeline.yaml", "tasks:\n  - source: go.R\n    class: ScriptRunner\n    product: out.txt\n")
    done = folder.octavo("build", env={"PATH": "/nowhere"})
    assert '"Rscript" cannot be started' in done.stdout
    assert "hint: install R" in done.stdout


QMD = """
---
title: A
jupyter: python3
---

# Title

```{python}
#| tags: [parameters, other]
upstream = ["raw"]
```

```{python}
#| eval: false
1 / 0
```

```{python}
#| echo: false
#| tags:
#|   - last
x = 1
```
"""


@pytest.mark.skipif(shutil.which("quarto") is not None, reason="quarto reads it itself")
def test_a_document_of_quarto_is_read_without_quarto() -> None:
    book = notebook.loads(QMD.lstrip().encode(), "a.qmd")
    code = [cell for cell in book.cells if cell["cell_type"] == "code"]
    assert [cell["metadata"].get("tags") for cell in code] == [
        ["parameters", "other"],
        ["skip-execution"],
        ["last"],
    ]
    found = facts(book)
    assert (found.language, found.kernel, found.upstream, found.title) == (
        "python",
        "python3",
        ("raw",),
        "Title",
    )
    assert notebook.dumps(book) == QMD.lstrip().encode()
    nested = QMD.replace("jupyter: python3", "jupyter:\n  kernelspec:\n    name: ir\n    language: R")
    assert facts(notebook.loads(nested.lstrip().encode(), "a.qmd")).kernel == "ir"


@pytest.mark.parametrize("name", ["a.R", "a.Rmd", "a.md"])
def test_a_header_may_name_the_kernel_and_no_more(name: str) -> None:
    head = "---\njupyter:\n  kernelspec:\n    language: R\n    name: ir\n---\n"
    body = "\n# %%\nx = 1\n" if name == "a.R" else "\n```{r}\nx = 1\n```\n"
    text = "".join(f"# {line}\n" for line in head.splitlines()) + body if name == "a.R" else head + body
    found = notebook.loads(text.encode(), name)
    assert found.data["metadata"]["kernelspec"]["name"] == "ir"
    assert notebook.dumps(found) == text.encode()
