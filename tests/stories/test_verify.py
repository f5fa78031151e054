"""``octavo verify``: is what a notebook shows still what it produces?"""

from __future__ import annotations

import http.server
import itertools
import json
import re
import threading
from pathlib import Path
from xml.etree import ElementTree

import pytest

from books import book, cell, executed
from octavo.model import Json
from octavo.verifying.sampled import unlike
from projects import Folder


def changed(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def verdicts(folder: Folder, *words: str) -> list[str]:
    said = folder.octavo("verify", "--json", *(words or ["."]))
    (found,) = json.loads(said.stdout)
    return [one["verdict"] for one in found["cells"]]


PLOT = """\
%matplotlib inline
import matplotlib.pyplot as plt
plt.bar(["a", "b"], [3, {bar}], label="{legend}"); plt.legend(); plt.show()"""


def test_what_nbclient_stored_is_the_same_and_each_seeded_change_differs(folder: Folder) -> None:
    path = executed(
        folder.path,
        "report.ipynb",
        cell("print('score', 0.91)"),
        cell("import pandas as pd\npd.DataFrame({'mean': [0.5, 0.25]}, index=['u', 'v'])"),
        cell(PLOT.format(bar=5, legend="sold")),
        cell("raise ValueError('no column b')"),
        cell("object()"),
        cell("# text", kind="markdown"),
    )
    before = path.read_bytes()
    said = folder.octavo("verify", ".")
    assert (said.returncode, said.stdout) == (0, "report.ipynb: 5 cells: 5 same\n")
    assert re.fullmatch(r"all as stored: 1 notebook in .*\n", said.stderr)
    assert path.read_bytes() == before
    assert [each.name for each in folder.path.iterdir()] == ["report.ipynb"]

    changed(path, "score 0.91", "score 0.93")
    changed(path, "<td>0.25</td>", "<td>0.26</td>")
    changed(path, '"evalue": "no column b"', '"evalue": "no column c"')
    data = json.loads(path.read_text())
    other = executed(folder.path, "other.ipynb", cell(PLOT.format(bar=5, legend="solo")))
    stored = json.loads(other.read_text())["cells"][0]["outputs"]
    other.unlink()
    data["cells"][2]["outputs"] = stored
    path.write_text(json.dumps(data))
    said = folder.octavo(
        "verify", "report.ipynb", "--html", "v.html", "--junit", "v.xml", "--markdown", "v.md"
    )
    assert said.returncode == 1
    assert said.stdout.startswith(
        "report.ipynb: 5 cells: 1 same, 4 differs\n  cell 1: differs\n    stdout: 0.93 → 0.91\n"
    )
    assert 'row "v", column "mean": 0.26 → 0.25' in said.stdout
    assert "other pixels of" in said.stdout
    assert "no column c → ValueError: no column b" in said.stdout
    assert said.stderr.startswith("1 notebook not as stored: 1 notebook in ")

    suite = ElementTree.parse(folder.path / "v.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "4", "0")
    assert "- cell 1: **differs**\n  - stdout: 0.93 → 0.91\n" in folder.read("v.md")
    page = folder.read("v.html")
    assert page.count("<h4>difference</h4>") == 1
    assert "score 0.93" in page and "score 0.91" in page

    # accepted one by one, and then all
    said = folder.octavo("verify", "report.ipynb", "--update", "-k", "1,2")
    assert (said.returncode, said.stdout.splitlines()[-1]) == (1, "  accepted: 2 cells")
    assert verdicts(folder) == ["same", "same", "differs", "differs", "same"]
    assert folder.octavo("verify", "report.ipynb", "--update", "-q").returncode == 0
    assert verdicts(folder) == ["same"] * 5


def test_wishes_of_nbval_of_pytest_notebook_and_of_tags_are_honoured(folder: Folder) -> None:
    draw = "import random; print(random.random())"
    regression = cell(draw)
    regression["metadata"]["nbreg"] = {"diff_ignore": ["/outputs/*/text"]}
    replaced = cell(draw)
    executed(
        folder.path,
        "nb.ipynb",
        cell(f"# NBVAL_IGNORE_OUTPUT\n{draw}"),
        cell(draw, "nbval-ignore-output"),
        cell("# NBVAL_SKIP\nopen('ran', 'w')", "verify-skip"),
        cell("open('ran', 'a')", "verify-skip"),
        cell("print(1 + random.random() / 1e4)", "verify-loose"),
        regression,
        replaced,
        cell("# NBVAL_RAISES_EXCEPTION\n1 / 0"),
        cell("print('token', random.random())"),
        nbreg={"diff_replace": [["/cells/6/outputs/*/text", r"0\.\d+(e-\d+)?", "x"]]},
    )
    (folder.path / "ran").unlink()
    folder.write("clean.cfg", "[any name]\nregex: token .*\nreplace: token\n")
    assert verdicts(folder, "nb.ipynb", "--sanitize-with", "clean.cfg") == [
        "ignored",
        "ignored",
        "not run",
        "not run",
        "equal within tolerance",
        "same",
        "same",
        "same",
        "same",
    ]
    assert not (folder.path / "ran").exists()
    folder.write("empty.cfg", "regex only\n")
    said = folder.octavo("verify", ".", "--sanitize-with", "empty.cfg")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("empty.cfg: there is no pattern in it\n  hint: ")


def test_a_cell_that_fails_now_is_failed_and_those_after_it_are_not_run(folder: Folder) -> None:
    folder.write("data.txt", "1")
    executed(folder.path, "nb.ipynb", cell("print(open('data.txt').read())"), cell("2"))
    (folder.path / "data.txt").unlink()
    said = folder.octavo("verify", "nb.ipynb")
    assert said.returncode == 1
    assert said.stdout.splitlines() == [
        "nb.ipynb: 2 cells: 1 failed, 1 not run",
        "  cell 1: failed (FileNotFoundError: [Errno 2] No such file or directory: 'data.txt')",
        "  cell 2: not run (a cell before it failed)",
    ]


def test_two_runs_tell_what_is_unstable_and_why(folder: Folder) -> None:
    clock = "import time; print(time.time_ns())"
    executed(
        folder.path,
        "nb.ipynb",
        cell("import random; print(random.random())"),
        cell(clock),
        cell("print({f'name {n}' for n in range(40)})"),
        cell("print('always')"),
        cell("import datetime; print(datetime.datetime.fromtimestamp(0), 'began')"),
        cell("print('stored', 1)"),
    )
    path = folder.path / "nb.ipynb"
    changed(path, "began\\n", "started\\n")
    changed(path, "stored 1", "stored 2")
    said = folder.octavo("verify", "nb.ipynb", "--twice", "--json")
    assert said.returncode == 1
    (found,) = json.loads(said.stdout)
    assert [(one["verdict"], one["causes"]) for one in found["cells"]] == [
        ("unstable", ["seed"]),
        ("unstable", ["clock"]),
        ("unstable", ["hash order"]),
        ("same", []),
        ("differs", ["time zone"]),
        ("differs", []),
    ]


THREADS = """
import threading
out = []
def work(name):
    for n in range(30):
        out.append(name); [sum(range(2000)) for _ in range(40)]
threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
[one.start() for one in threads]; [one.join() for one in threads]
print("".join(out))"""


@pytest.mark.nightly
def test_threads_and_what_a_server_says_are_causes_too(folder: Folder) -> None:
    numbers = itertools.count()

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"value {next(numbers)}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/"
            read = cell(f"import urllib.request; print(urllib.request.urlopen('{url}').read().decode())")
            executed(folder.path, "nb.ipynb", cell(THREADS), read)
            said = folder.octavo("verify", "nb.ipynb", "--twice", "--json")
        finally:
            server.shutdown()
            serving.join()
    (found,) = json.loads(said.stdout)
    assert [one["causes"] for one in found["cells"]] == [["threads"], ["network"]]


def test_a_task_is_verified_where_it_runs_and_its_products_stay(folder: Folder) -> None:
    folder.write(
        "pipeline.yaml", "tasks:\n  - source: nb.py\n    product: {nb: out/nb.ipynb, data: out/data.txt}\n"
    )
    folder.write(
        "nb.py",
        """
        # %% tags=["parameters"]
        upstream, product = None, None

        # %%
        from pathlib import Path
        Path(product["data"]).write_text(Path("input.txt").read_text())
        print(Path(product["data"]).read_text())
        """,
    )
    folder.write("input.txt", "first")
    assert folder.octavo("build").returncode == 0
    folder.write("input.txt", "other")
    for target in ("nb", "out/nb.ipynb"):
        said = folder.octavo("verify", target)
        assert said.returncode == 1
        assert "stdout: first → other" in said.stdout
        assert folder.read("out/data.txt") == "first"
    said = folder.octavo("verify", "nbb")
    assert said.returncode == 2
    assert 'did you mean "nb"?' in said.stderr


BROKEN = {
    "cut.ipynb": ('{"cells": [', "not JSON"),
    "text.ipynb": ("hello", "not JSON"),
    "conflict.ipynb": ('{\n<<<<<<< HEAD\n"cells": []\n=======\n>>>>>>> b\n}', "merge conflict"),
    "deep.ipynb": ("[" * 100_000, ""),
    "other.ipynb": ('{"a": 1}', ""),
    "never.ipynb": (json.dumps(book(cell("1"))), "it was never run"),
    "script.py": ("# %%\n1\n", "store no outputs"),
}


def test_what_is_no_notebook_is_told_with_its_place_and_the_others_are_verified(folder: Folder) -> None:
    for name, (text, _) in BROKEN.items():
        folder.write(name, text)
    executed(folder.path, "good.ipynb", cell("1"))
    said = folder.octavo("verify", *BROKEN, "good.ipynb")
    assert (said.returncode, said.stdout) == (2, "good.ipynb: 1 cell: 1 same\n")
    for name, (text, message) in BROKEN.items():
        line = next(line for line in said.stderr.splitlines() if line.startswith(f"{name}:"))
        assert message in line
        assert folder.read(name) == text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone.ipynb"], "there is no such notebook"),
        (["-k", "1"], "-k says which cells --update accepts"),
        (["-k", "x", "--update"], "no list of numbers"),
        (["--rtol", "-1"], "not a number, 0 or more"),
        (["--html", "no/where.html"], "there is no folder no"),
        (["--sanitize-with", "gone.cfg"], "it cannot be read"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_before_anything_runs(
    folder: Folder, words: list[str], message: str
) -> None:
    said = folder.octavo("verify", *words, *([] if words[0].endswith(".ipynb") else ["."]))
    assert (said.returncode, said.stdout) == (2, "")
    assert message in said.stderr


def test_an_error_that_ipython_only_prints_is_stored_and_the_cells_after_it_run(folder: Folder) -> None:
    executed(folder.path, "nb.ipynb", cell("%nothing_like_this"), cell("print('after')"))
    assert verdicts(folder) == ["same", "same"]


def test_a_group_of_exceptions_that_is_stored_is_the_same_and_the_cells_after_it_run(folder: Folder) -> None:
    group = "raise ExceptionGroup('several', [ValueError(1), TypeError('x')])"
    path = executed(folder.path, "nb.ipynb", cell(group), cell("print('after')"))
    assert verdicts(folder) == ["same", "same"]
    changed(path, "| ValueError: 1", "| ValueError: 2")
    assert verdicts(folder) == ["differs", "same"]


def test_outside_a_pipeline_a_person_says_what_is_to_run(folder: Folder) -> None:
    executed(folder.path, "nb.ipynb", cell("open('ran', 'a').write('x')"))
    before = folder.read("ran")
    said = folder.octavo("verify")
    assert (said.returncode, said.stdout) == (2, "")
    assert "name what is to run: 1 notebook below this folder" in said.stderr
    assert "octavo verify . runs all of them" in said.stderr
    assert folder.read("ran") == before
    assert folder.octavo("verify", ".").returncode == 0


def test_lax_compares_marked_cells_only_and_nbreg_skips_what_it_says(folder: Folder) -> None:
    draw = "import random; print(random.random())"
    skipped = cell("open('ran', 'a')")
    skipped["metadata"]["nbreg"] = {"skip": True, "skip_reason": "too slow"}
    executed(
        folder.path,
        "nb.ipynb",
        cell(draw),
        cell(f"# NBVAL_CHECK_OUTPUT\n{draw}"),
        cell("print(1)", "nbval-check-output"),
        cell("1 / 0", "nbval-check-output"),
        skipped,
    )
    (folder.path / "ran").unlink()
    assert verdicts(folder, "nb.ipynb", "--lax") == ["ignored", "differs", "same", "same", "not run"]
    assert not (folder.path / "ran").exists()
    assert "cell 5: not run (too slow)" in folder.octavo("verify", "nb.ipynb", "--lax").stdout
    executed(folder.path, "whole.ipynb", cell("print(1)"), nbreg={"skip": True})
    assert verdicts(folder, "whole.ipynb") == ["not run"]


def test_a_sample_tells_whether_notebooks_of_all_data_still_run_and_show_the_same_kinds(
    folder: Folder,
) -> None:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: fit.py
            product: "{{out}}/fit.ipynb"
            params:
              rows: "{{rows}}"
        """,
    )
    folder.write("env.yaml", "{out: output, rows: 50}\n")
    source = """
        # %% tags=["parameters"]
        upstream = None
        rows = None
        # %%
        print("rows:", rows)
        # %%
        "ready"
        # %%
        from IPython.display import HTML
        HTML(f"<table><thead><tr><th></th><th>price</th></tr></thead><tr><td>{rows}</td></tr></table>")
        # %%
        assert rows != 7
        """
    folder.write("fit.py", source)
    assert folder.octavo("verify", "--sample").stderr.startswith('output/fit.ipynb: the task "fit" has no')
    assert folder.octavo("build").returncode == 0
    stored = Path(folder.path, "output/fit.ipynb").read_bytes()

    said = folder.octavo("verify", "--sample")
    assert (said.returncode, said.stderr.splitlines()[0]) == (
        2,
        "pipeline.yaml: the pipeline has no settings for a sample",
    )
    folder.write("env.sample.yaml", "{out: output, rows: 3}\n")
    said = folder.octavo("verify", "--sample")
    assert said.returncode == 2 and "the sample would replace output/fit.ipynb" in said.stderr
    folder.write("env.sample.yaml", "{out: output/sample, rows: 3}\n")
    said = folder.octavo("verify", "--sample", "fit", "--json")
    (found,) = json.loads(said.stdout)
    assert said.returncode == 0, said.stderr
    assert [one["verdict"] for one in found["cells"]] == ["same", "ignored", "same", "ignored", "same"]
    assert Path(folder.path, "output/fit.ipynb").read_bytes() == stored

    folder.write("fit.py", source.replace("<th>price", "<th>cost").replace("# %%\n        assert", "assert"))
    said = folder.octavo("verify", "--sample")
    assert said.returncode == 0 and said.stdout.count("its code is another one by now") == 2
    folder.write("env.sample.yaml", "{out: output/sample, rows: 7}\n")
    said = folder.octavo("verify", "--sample")
    assert said.returncode == 1 and "failed: on the sample: AssertionError" in said.stdout
    assert Path(folder.path, "output/fit.ipynb").read_bytes() == stored
    assert folder.octavo("verify", "--sample", "--twice").returncode == 2


def test_other_data_explain_other_numbers_and_no_other_columns_kinds_or_exceptions() -> None:
    def html(*columns: str) -> Json:
        heads = "".join(f"<th>{one}</th>" for one in columns)
        text = [f"<table><thead><tr>{heads}</tr></thead>", "</table>"]
        return {"output_type": "display_data", "data": {"text/html": text}}

    printed: Json = {"output_type": "stream", "name": "stdout", "text": "1\n"}
    raised: Json = {"output_type": "error", "ename": "KeyError", "evalue": "'day'"}
    picture: Json = {"output_type": "display_data", "data": {"image/png": "eA=="}}
    assert not [*unlike([printed, html("", "day")], [{**printed, "text": "2\n3\n"}, html("", "day")])]
    assert [str(one) for one in unlike([html("", "day")], [html("", "date")])] == [
        "columns of table 1: day → date"
    ]
    assert [str(one) for one in unlike([picture], [printed])] == [
        "image/png: something → nothing",
        "stdout: nothing → something",
    ]
    assert [str(one) for one in unlike([], [raised])] == ["exception: nothing → KeyError"]
