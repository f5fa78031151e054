"""ScriptRunner with Python: the code of notebooks as a plain script, in the folder of its source."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from projects import Folder

HEAD = '# %% tags=["parameters"]\nupstream = None\nproduct = None\n\n# %%\n'


def one(folder: Folder, text: str, name: str = "code/go.py", product: str = "out/made.txt") -> Folder:
    """Make a project of one script."""
    folder.write(name, text)
    folder.write(
        "pipeline.yaml", f"tasks:\n  - source: {name}\n    class: ScriptRunner\n    product: {product}\n"
    )
    return folder


def test_a_script_gets_absolute_paths_and_runs_where_its_source_is(folder: Folder) -> None:
    folder.write(
        "tasks.py", "from pathlib import Path\n\ndef raw(product):\n    Path(product).write_text('raw ')\n"
    )
    folder.write("code/helper.py", "def twice(text):\n    return text * 2\n")
    folder.write("code/more.txt", "more")
    folder.write(
        "code/go.py",
        """
        # %% [markdown]
        # # What it does

        # %% tags=["parameters"]
        upstream = ["raw"]
        n = 1
        product = None

        # %%
        # %matplotlib inline
        import os, pickle, sys
        from pathlib import Path
        import helper
        # !exit 1

        class Found:
            pass

        pickle.loads(pickle.dumps(Found()))
        text = helper.twice(Path(upstream["raw"]).read_text()) + Path("more.txt").read_text()
        told = [__name__, Path(__file__).name, os.path.basename(os.getcwd()), Path(sys.argv[0]).name, n]
        Path(product["a"]).write_text(f"{text} {told}")
        Path(product["b"]).write_text(upstream["raw"])

        # %% language="bash"
        # exit 1
        """,
    )
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: tasks.raw
            product: out/raw.txt
          - source: code/go.py
            class: ScriptRunner
            product: {a: out/a.txt, b: out/b.txt}
            params: {n: 2}
        """,
    )
    done = folder.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert folder.read("out/a.txt") == "raw raw more ['__main__', 'go.py', 'code', 'go.py', 2]"
    assert folder.read("out/b.txt") == f"{folder.path.resolve()}/out/raw.txt"
    assert "2 tasks fresh" in folder.octavo("build").stdout
    folder.write("code/helper.py", "def twice(text):\n    return text * 3\n")
    folder.write("code/more.txt", "less")
    status = folder.octavo("status").stdout
    assert "file code/more.txt changed" in status
    assert "module helper changed" in status


def test_a_failure_names_the_users_file_and_line(folder: Folder) -> None:
    done = one(folder, HEAD + "def f(x):\n    return 1 / x\n\n# %%\n\nf(0)\n").octavo("build")
    assert done.returncode == 1
    assert "failed go: code/go.py:7\n" in done.stdout
    assert re.search(r"(→|>) +7 \|     return 1 / x\n", done.stdout)
    assert "ZeroDivisionError: division by zero" in done.stdout


def test_a_failure_in_another_module_is_shown_from_the_scripts_line_on(folder: Folder) -> None:
    folder.write("code/helper.py", "def f():\n    raise ValueError('deep')\n")
    done = one(folder, HEAD + "import helper\nhelper.f()\n").octavo("build")
    assert "failed go: code/go.py:7\n" in done.stdout
    assert "code/helper.py:2 in f: raise ValueError('deep')" in done.stdout


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("x = !ls\n", "code/go.py:6\n"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
        ("await x\n", "code/go.py:6\n"),
        ("raise SystemExit('no more')\n", "SystemExit: no more"),
    ],
)
def test_what_a_plain_script_cannot_do_fails_at_its_line(folder: Folder, code: str, words: str) -> None:
    text = HEAD + code.replace("x = !", "# x = !") if code.startswith("x = !") else HEAD + code
    done = one(folder, text).octavo("build")
    assert done.returncode == 1, done.stdout + done.stderr
    assert words in done.stdout


def test_a_script_that_exits_well_has_ended_well(folder: Folder) -> None:
    code = "from pathlib import Path\nPath(product).write_text('x')\nraise SystemExit\n"
    assert one(folder, HEAD + code).octavo("build").returncode == 0


def test_what_is_imported_from_the_future_counts_for_the_cells_after(folder: Folder) -> None:
    code = (
        "from __future__ import annotations\n\n# %%\ndef f(x: nowhere):\n    pass\n\n"
        "open(product, 'w').write(f.__annotations__['x'])\n"
    )
    done = one(folder, HEAD + code).octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert folder.read("out/made.txt") == "nowhere"


def test_an_injected_parameter_that_is_wrong_shows_the_line_that_used_it(folder: Folder) -> None:
    done = one(folder, HEAD + "open(product['data'])\n").octavo("build")
    assert "failed go: code/go.py:6\n" in done.stdout and "TypeError" in done.stdout


def test_a_failure_in_an_ipynb_names_the_cell(folder: Folder) -> None:
    sources = ["# parameters\nupstream = None\nproduct = None", "x = 1\n1 / 0"]
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "metadata": {}, "source": it, "outputs": [], "execution_count": None}
        for it in sources
    ]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    done = one(folder, json.dumps(book), "code/go.ipynb").octavo("build")
    assert "failed go: cell 2, line 2 of code/go.ipynb" in done.stdout
    assert "2 | 1 / 0" in done.stdout
    folder.write("code/go.ipynb", json.dumps(book).replace("1 / 0", "open(product, 'w').write('x')"))
    assert folder.octavo("build").returncode == 0


def test_a_light_script_shows_its_lines_too(folder: Folder) -> None:
    text = '# + tags=["parameters"]\nupstream = None\nproduct = None\n# -\n\nx = 1\n\n# Text\n\n1 / 0\n'
    done = one(folder, text).octavo("build")
    assert "failed go: code/go.py:10\n" in done.stdout


def test_a_language_without_an_interpreter_here_is_told(folder: Folder) -> None:
    done = one(folder, "# %%\nx = 1\n", "go.jl").octavo("build")
    assert "KernelError: ScriptRunner runs Python and R, and go.jl is julia" in done.stdout


def test_a_script_runs_inline_and_leaves_the_process_as_it_was(folder: Folder) -> None:
    one(folder, HEAD + "import os\nopen(product, 'w').write(__name__)\nos.environ.get('x')\n")
    folder.write(
        "run.py",
        """
        import os, sys
        import octavo
        before = (os.getcwd(), sys.modules["__main__"])
        report = octavo.load().build(executor="inline")
        assert (os.getcwd(), sys.modules["__main__"]) == before
        print({name: it.value for name, it in report.outcomes.items()})
        """,
    )
    ended = subprocess.run(
        [sys.executable, "run.py"], cwd=folder.path, capture_output=True, text=True, check=False
    )
    assert "'done'" in ended.stdout, ended.stdout + ended.stderr
