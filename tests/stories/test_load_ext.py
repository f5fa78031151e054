"""%load_ext octavo in the kernel of a notebook: its task's values, the pipeline, products, and what front ends tell."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from jupyter_kernel import Kernel
from octavo.project import load
from projects import Folder

SCRIPT = """
# %% tags=["parameters"]
upstream = None
product = None
n = 1

# %%
open(product["data"], "w").write(f"a,b\\n{n},2\\n")
"""

PIPELINE = """
- {source: nb/clean.py, name: clean, product: {nb: out/clean.ipynb, data: out/clean.csv}, params: {n: 3}}
- {source: nb/clean.py, name: again, product: {nb: out/again.ipynb, data: out/again.csv}, params: {n: 4}}
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, Folder]]:
    project = Folder(tmp_path_factory.mktemp("ext"))
    project.write("pipeline.yaml", PIPELINE)
    project.write("nb/clean.py", SCRIPT)
    found = Kernel(project.path / "nb/clean.py")
    assert found.run("%load_ext octavo").err == ""
    yield found, project
    found.close()


PARAMETERS = "upstream = None\nproduct = None\nn = 1"


def test_the_values_are_set_when_the_parameters_cell_has_run_in_every_front_end(
    kernel: tuple[Kernel, Folder],
) -> None:
    ipython, project = kernel
    # JupyterLab and VS Code send tags; without them the cell is known by what the file says
    for tags in (["parameters"], None):
        said = ipython.run(PARAMETERS, "p", tags)
        assert "upstream, product" not in said.err
        assert "n, product of task clean, from pipeline.yaml; it is also the source of again" in said.out
        out = ipython.run("print(n, product['data'])").out
        assert out == f"3 {project.path}/out/clean.csv\n"
    assert ipython.run("n = 1", "other").out == ""
    assert ipython.run("n = 1", "other", None).out == ""
    project.write("pipeline.yaml", PIPELINE.replace("n: 3", "n: 33"))
    assert "of task clean" in ipython.run("%octavo values").out
    assert ipython.run("print(n)").out == "33\n"
    project.write("pipeline.yaml", "tasks: [{source: nb/clean.py")
    said = ipython.run("%octavo values")
    assert "the values of this notebook cannot be told" in said.err and "not valid YAML" in said.err
    assert not said.failed
    project.write("pipeline.yaml", PIPELINE)


def test_another_task_of_the_same_source_is_chosen_and_stays_chosen(kernel: tuple[Kernel, Folder]) -> None:
    ipython, project = kernel
    said = ipython.run("%octavo task agian")
    assert 'this notebook is not the source of a task "agian"' in said.err and "again" in said.err
    assert "of task again" in ipython.run("%octavo task again").out
    assert ipython.run("print(n)").out == "4\n"
    assert "of task again" in ipython.run(PARAMETERS, "p", ["parameters"]).out
    assert json.loads(project.read(".octavo/chosen.json")) == {"nb/clean.py": ["pipeline.yaml", "again"]}
    assert "of task clean" in ipython.run("%octavo task clean --file pipeline.yaml").out


def test_the_pipeline_is_built_and_its_products_are_loaded(kernel: tuple[Kernel, Folder]) -> None:
    ipython, project = kernel
    assert "2 of 2 tasks are stale" in ipython.run("%octavo status").out
    early = ipython.run("import octavo\noctavo.load_product('clean', 'data')")
    assert early.failed.startswith("Error: ../out/clean.csv is not there yet")
    said = ipython.run("%octavo build clean")
    assert said.err == "" and said.shown[-1].startswith("✓ clean  done"), said
    assert any("running" in shown for shown in said.shown)
    assert "fresh  clean" in ipython.run("%octavo status clean").out.replace("\x1b[32m", "").replace(
        "\x1b[0m", ""
    )
    # a console names no cells, and shows the end alone
    assert ipython.run("%octavo build clean", metadata={}).shown == ["· clean  fresh"]
    assert ipython.run("octavo.load_product('clean', 'data').b.tolist()").shown == ["[2]"]
    assert ipython.run("octavo.dag()['clean'].params['n'], list(octavo.dag())").shown == [
        "(3, ['clean', 'again'])"
    ]
    failing = project.read("nb/clean.py")
    project.write("nb/clean.py", failing + "\n# %%\n1 / 0\n")
    assert "✗ clean  failed" in (shown := ipython.run("%octavo build clean").shown[-1])
    assert "ZeroDivisionError: division by zero (nb/clean.py, cell [4], line 1)" in shown
    project.write("nb/clean.py", failing)
    assert 'no task "claen"' in ipython.run("%octavo build claen").err
    assert "no option --forec" in ipython.run("%octavo build clean --forec").err
    assert "there is no %octavo biuld" in (said := ipython.run("%octavo biuld")).err and not said.failed


def test_verbs_and_tasks_are_completed(kernel: tuple[Kernel, Folder]) -> None:
    ipython, _ = kernel
    assert ipython.completions("%octavo st") == ["status"]
    assert ipython.completions("%octavo build cl") == ["clean"]
    assert "again" in ipython.completions("%octavo build clean a")


@pytest.mark.nightly
def test_a_notebook_that_loads_the_extension_runs_as_any_other_in_a_build(folder: Folder) -> None:
    folder.write("pipeline.yaml", "- {source: a.py, product: {nb: a.ipynb, data: a.csv}, params: {n: 3}}\n")
    folder.write("a.py", "# %%\n%load_ext octavo\n" + SCRIPT.replace('f"a,b\\n{n},2\\n"', "str(n)"))
    other = folder.write("other.py", SCRIPT)
    said = folder.octavo("build", env={"JPY_SESSION_NAME": str(other)})
    assert said.returncode == 0, said.stderr + said.stdout
    assert folder.read("a.csv") == "3"
    assert "octavo:" not in folder.read("a.ipynb")


@pytest.mark.parametrize(
    ("name", "data", "wanted"),
    [
        ("a.json", b'{"a": [1]}', {"a": [1]}),
        ("a.txt", "é".encode(), "é"),
        ("a.yaml", b"a: 1", {"a": 1}),
        ("a.pickle", b"\x80\x04K\x05.", 5),
    ],
)
def test_products_are_loaded_as_what_their_files_are(
    name: str, data: bytes, wanted: object, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import octavo

    folder.write("pipeline.yaml", f"- {{source: f.make, product: {name}}}\n")
    folder.write("f.py", "def make(product): ...\n")
    (folder.path / name).write_bytes(data)
    monkeypatch.chdir(folder.path)
    assert octavo.load_product("make") == wanted


def test_frames_arrays_and_pages_are_loaded_and_the_rest_is_refused_with_what_to_do(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy
    import pandas  # type: ignore[import-untyped]

    import octavo

    names = ("a.parquet", "a.tsv", "a.jsonl", "a.npy", "a.html", "a.ipynb", "a.bin", "d")
    products = ", ".join(f"{name.replace('.', '_')}: {name}" for name in names)
    folder.write("pipeline.yaml", f"- {{source: f.make, product: {{{products}}}}}\n")
    folder.write("f.py", "def make(product): ...\n")
    frame = pandas.DataFrame({"a": [1, 2]})
    frame.to_parquet(folder.path / "a.parquet")
    frame.to_csv(folder.path / "a.tsv", sep="\t", index=False)
    frame.to_json(folder.path / "a.jsonl", orient="records", lines=True)
    numpy.save(folder.path / "a.npy", [1, 2])
    folder.write("a.html", "<b>hi</b>")
    folder.write("a.ipynb", json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    folder.write("a.bin", "?")
    (folder.path / "d").mkdir()
    monkeypatch.chdir(folder.path)
    for name in ("a_parquet", "a_tsv", "a_jsonl"):
        found = octavo.load_product("make", name)
        assert isinstance(found, pandas.DataFrame) and found.a.tolist() == [1, 2]
    assert list(octavo.load_product("make", "a_npy")) == [1, 2]  # type: ignore[call-overload]
    assert octavo.load_product("make", "a_html")._repr_html_() == "<b>hi</b>"  # type: ignore[attr-defined]
    assert octavo.load_product("make", "a_ipynb")["cells"] == []  # type: ignore[index]
    for key, words in (
        ("a_bin", 'a.bin cannot be loaded: it is ".bin"'),
        ("d", "d cannot be loaded: it is a folder"),
        ("a_tvs", '"make" has no product "a_tvs"'),
        (None, '"make" has several products'),
    ):
        with pytest.raises(octavo.Error) as wrong:
            octavo.load_product("make", key)
        assert words in str(wrong.value) and "hint:" in str(wrong.value)
    with pytest.raises(octavo.Error, match='did you mean "make"'):
        octavo.load_product("maek")
    with load(folder.path) as project:
        assert "d" in str(project.graph["make"].products)
