"""Jupyter: sources of tasks open with the real values of their pipeline, and are saved without them."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from jupyter_client import BlockingKernelClient

from octavo import notebook as documents
from octavo.jupyter.contents import Contents, wrap
from octavo.jupyter.script import saved
from octavo.model import Json
from projects import Folder

pytest.importorskip("jupyter_server")

CONFIG = Path(__file__).parents[2] / "src" / "jupyter-config"

PIPELINE = """
- {source: nb/load.py, product: {nb: out/load.ipynb, data: out/data.txt}, params: {n: 3}}
- {source: nb/fit.py, product: out/fit.ipynb}
- {source: nb/plot.ipynb, product: out/plot.ipynb}
"""

LOAD = """
# ---
# title: Loading
# ---

# %% tags=["parameters"]
upstream = None
product = None
n = 1

# %%
x = 1


# %% [markdown]
# # Kept

# %%   an odd   title
print( n )
"""


class Jupyter:
    """A server of Jupyter's, spoken to as its clients do: GET and PUT of /api/contents."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "root"
        self.folder.mkdir(parents=True)
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/api/contents/"
        self.log = home / "log"
        own = {
            "HOME": str(home),
            "JUPYTER_CONFIG_PATH": str(CONFIG),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTER_DATA_DIR": str(home / "data"),
        }
        options = ["--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
        options += ["--ServerApp.port_retries=0", "--IdentityProvider.token=tok"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_server", *options, f"--ServerApp.root_dir={self.folder}"],
                env={**os.environ, **own},
                stdout=log,
                stderr=log,
            )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            try:
                self.call("GET", "")
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Authorization": "token tok"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: Json = json.load(answer)
        return found

    def ask(self, method: str, path: str, body: Json) -> Json:
        """Ask another part of the server's interface than its contents."""
        request = urllib.request.Request(
            self.url.replace("contents/", path),
            json.dumps(body).encode(),
            {"Authorization": "token tok", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: Json = json.load(answer)
        return found

    def open(self, path: str) -> Json:
        """Open a notebook as JupyterLab does, and return its content as it comes over the wire."""
        content: Json = self.call("GET", f"{path}?type=notebook&content=1")["content"]
        return content

    def save(self, path: str, content: Json) -> Json:
        """Save a notebook as JupyterLab does that has run in a kernel."""
        named = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
        metadata = {**content["metadata"], "kernelspec": named, "language_info": {"name": "python"}}
        cells = [{**cell, "metadata": {**cell["metadata"], "trusted": True}} for cell in content["cells"]]
        body = {
            "type": "notebook",
            "format": "json",
            "content": {**content, "cells": cells, "metadata": metadata},
        }
        return self.call("PUT", path, body)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    jupyter = Jupyter(tmp_path_factory.mktemp("jupyter"))
    yield jupyter
    jupyter.process.terminate()
    jupyter.process.wait(60)


@pytest.fixture
def jupyter(server: Jupyter, request: pytest.FixtureRequest) -> Iterator[tuple[Jupyter, Folder, str]]:
    """The server, a project of this test in it, and the project's folder as the server calls it."""
    name = request.node.name[:60]
    project = Folder(server.folder / name)
    project.write("pipeline.yaml", PIPELINE)
    project.write("nb/load.py", LOAD)
    project.write(
        "nb/fit.py",
        """
        # %% tags=["parameters"]
        upstream = ["load"]
        product = None
        """,
    )
    book: Json = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    cell: Json = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": ["parameters"]},
        "outputs": [],
    }
    book["cells"] = [{**cell, "id": "a", "source": "upstream = ['fit']\nproduct = None"}]
    project.write("nb/plot.ipynb", json.dumps(book))
    yield server, project, name
    assert "octavo: " not in server.log.read_text()


Opened = tuple[Jupyter, Folder, str]


def injected(content: Json) -> list[str]:
    return [
        it["source"] for it in content["cells"] if "injected-parameters" in it["metadata"].get("tags", ())
    ]


def test_a_script_opens_with_the_values_of_its_task_below_its_parameters(jupyter: Opened) -> None:
    server, project, name = jupyter
    content = server.open(f"{name}/nb/load.py")
    assert [cell["source"][:10] for cell in content["cells"]][-5:-1] == [
        "upstream =",
        "# Paramete",
        "x = 1",
        "# Kept",
    ]
    (source,) = injected(content)
    values: Json = {}
    exec(source, values)
    assert values["n"] == 3
    assert values["product"]["data"] == str(project.path / "out/data.txt"), (
        "kernels run beside their notebook"
    )
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    assert server.open(f"{name}/nb/load.py") == content, "browsers that work together must see the same"
    exec(injected(server.open(f"{name}/nb/fit.py"))[0], values)
    assert values["upstream"]["load"]["data"] == str(project.path / "out/data.txt")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_script_that_is_opened_and_saved_is_the_same_byte_by_byte(jupyter: Opened, newline: str) -> None:
    server, project, name = jupyter
    file = project.path / "nb/load.py"
    before = file.read_bytes().replace(b"\n", newline.encode())
    file.write_bytes(before)
    saved = server.save(f"{name}/nb/load.py", server.open(f"{name}/nb/load.py"))
    assert (saved["type"], saved["path"], saved["content"]) == ("notebook", f"{name}/nb/load.py", None)
    assert file.read_bytes() == before


def test_an_edited_line_is_the_only_one_that_changes_however_often_it_is_saved(jupyter: Opened) -> None:
    server, project, name = jupyter
    before = project.read("nb/load.py")
    content = server.open(f"{name}/nb/load.py")
    for text in ("print( n + 1 )", "print( n + 2 )"):
        content["cells"][-1]["source"] = text
        server.save(f"{name}/nb/load.py", content)
        assert project.read("nb/load.py") == before.replace("print( n )", text)
    content["cells"].insert(4, {**content["cells"][-1], "id": "new", "source": "y = 2"})
    server.save(f"{name}/nb/load.py", content)
    old, new = before.replace("print( n )", text).splitlines(), project.read("nb/load.py").splitlines()
    assert "y = 2" in new and [line for line in old if line not in new] == []


def test_an_ipynb_is_saved_without_the_values_also_as_a_copy_or_under_another_name(jupyter: Opened) -> None:
    server, project, name = jupyter
    content = server.open(f"{name}/nb/plot.ipynb")
    assert len(injected(content)) == 1
    server.save(f"{name}/nb/plot.ipynb", content)
    server.save(f"{name}/nb/other.ipynb", content)
    server.call("POST", f"{name}/nb", {"copy_from": f"{name}/nb/plot.ipynb"})
    for file in ("plot", "other", "plot-Copy1"):
        assert [cell["id"] for cell in json.loads(project.read(f"nb/{file}.ipynb"))["cells"]] == ["a"], file


def test_a_cell_that_was_injected_by_hand_or_by_a_run_stays_in_its_file(jupyter: Opened) -> None:
    server, project, name = jupyter
    book = json.loads(project.read("nb/plot.ipynb"))
    used = {"tags": ["injected-parameters"], "octavo": {"seconds": 1}}
    book["cells"].append({**book["cells"][0], "id": "b", "metadata": used, "source": "n = 9"})
    for file in ("nb/plot.ipynb", "out/plot.ipynb"):
        project.write(file, json.dumps(book))
        content = server.open(f"{name}/{file}")
        assert len(injected(content)) == (2 if file.startswith("nb") else 1)
        server.save(f"{name}/{file}", content)
        assert [cell["source"] for cell in json.loads(project.read(file))["cells"]][1:] == [["n = 9"]]


def test_values_follow_the_pipeline_and_a_broken_one_is_told_in_the_notebook(jupyter: Opened) -> None:
    server, project, name = jupyter
    before = project.read("nb/load.py")
    project.write("pipeline.yaml", PIPELINE.replace("n: 3", "n: '{{many}}'"))
    (told,) = injected(server.open(f"{name}/nb/load.py"))
    assert all(line.startswith("#") for line in told.splitlines())
    assert "octavo cannot tell the values of this notebook" in told and "many" in told
    project.write("env.yaml", "many: 5\n")
    content = server.open(f"{name}/nb/load.py")
    assert "n = 5" in injected(content)[0]
    project.write("pipeline.yaml", "tasks: [{source: nb/load.py, product: [")
    server.save(f"{name}/nb/load.py", content)
    assert project.read("nb/load.py") == before
    assert server.save(f"{name}/nb/load.py", server.open(f"{name}/nb/load.py"))
    assert project.read("nb/load.py") == before


def test_two_tasks_with_one_source_are_both_named_and_the_first_gives_the_values(jupyter: Opened) -> None:
    server, project, name = jupyter
    project.write(
        "pipeline.yaml",
        """
        - {source: nb/load.py, name: one, product: out/one.ipynb, params: {n: 1}}
        - {source: nb/load.py, name: two, product: out/two.ipynb, params: {n: 2}}
        """,
    )
    (source,) = injected(server.open(f"{name}/nb/load.py"))
    assert "task one" in source and "source of: two" in source and "n = 1" in source


def test_secrets_are_not_shown(jupyter: Opened) -> None:
    server, project, name = jupyter
    project.write("pipeline.yaml", PIPELINE.replace("n: 3", "n: 3, api_token: hunter2hunter2"))
    project.write("nb/load.py", LOAD.replace("n = 1\n", "n = 1\napi_token = None\n"))
    content = server.open(f"{name}/nb/load.py")
    assert "hunter2" not in json.dumps(content)
    assert "set api_token before you run it" in injected(content)[0]


def test_files_that_are_no_sources_are_as_without_octavo(jupyter: Opened) -> None:
    server, project, name = jupyter
    project.write("nb/tools.py", LOAD)
    content = server.open(f"{name}/nb/tools.py")
    assert injected(content) == [] and "octavo" not in json.dumps(content)
    text = server.call("GET", f"{name}/nb/load.py?type=file&format=text")
    assert text["content"] == project.read("nb/load.py")
    listed = server.call("GET", f"{name}/nb")["content"]
    assert {one["name"] for one in listed} == {"load.py", "fit.py", "plot.ipynb", "tools.py"}


def test_what_cannot_be_read_is_refused_as_without_octavo(jupyter: Opened) -> None:
    server, project, name = jupyter
    project.write("nb/plot.ipynb", "{")
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.open(f"{name}/nb/plot.ipynb")
    assert refused.value.code == 400
    refused.value.close()


def put_back(server: Jupyter, path: str, edit: str = "") -> int:
    """Open a notebook and save it, the first cell with more text; return the server's answer."""
    content = server.open(path)
    content["cells"][0]["source"] += edit
    return saved_as(server, path, content)


def saved_as(server: Jupyter, path: str, content: Json) -> int:
    try:
        server.save(path, content)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
    return 200


def test_a_kernel_that_is_not_installed_is_replaced_where_it_is_shown_and_kept_in_the_file(
    jupyter: Opened,
) -> None:
    server, project, name = jupyter
    project.write("pipeline.yaml", PIPELINE.replace("n: 3}", "n: 3}, kernel: ghost"))
    book = json.loads(project.read("nb/plot.ipynb"))
    ghost = {"name": "ghost", "display_name": "Ghost", "language": "python"}
    project.write("nb/plot.ipynb", json.dumps({**book, "metadata": {"kernelspec": ghost}}))
    before = project.read("nb/load.py")
    for file in ("load.py", "plot.ipynb"):
        content = server.open(f"{name}/nb/{file}")
        assert content["metadata"]["kernelspec"]["name"] == "python3", "JupyterLab would ask, and wait"
        (source,) = injected(content)
        assert source.startswith("# The kernel ghost is not installed here, this opens with python3\n")
        server.save(f"{name}/nb/{file}", content)
    assert project.read("nb/load.py") == before
    assert json.loads(project.read("nb/plot.ipynb"))["metadata"]["kernelspec"] == ghost
    project.write("nb/plot.ipynb", json.dumps(book))
    content = server.open(f"{name}/nb/plot.ipynb")
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    server.save(f"{name}/nb/plot.ipynb", content)
    assert "kernelspec" not in json.loads(project.read("nb/plot.ipynb"))["metadata"]


def test_what_octavo_reads_opens_though_jupyter_would_not_read_it(jupyter: Opened) -> None:
    server, project, name = jupyter
    latin = b"# -*- coding: latin-1 -*-\n# %% \xe9\nx = '\xe9'"
    (project.path / "nb/load.py").write_bytes(latin)
    assert put_back(server, f"{name}/nb/load.py") == 200
    assert (project.path / "nb/load.py").read_bytes() == latin
    book = project.path / "nb/plot.ipynb"
    book.write_bytes(b"\xef\xbb\xbf" + book.read_bytes())
    assert put_back(server, f"{name}/nb/plot.ipynb", "\nx = 1") == 200
    assert json.loads(book.read_bytes())["cells"][0]["source"][-1] == "x = 1"


def test_no_edit_is_lost_when_the_file_is_gone_moved_or_damaged_meanwhile(jupyter: Opened) -> None:
    server, project, name = jupyter
    path, file = f"{name}/nb/load.py", project.path / "nb/load.py"
    before = file.read_text()
    content = server.open(path)
    content["cells"][-1]["source"] += "\nx = 7"
    edited = before.replace("print( n )", "print( n )\nx = 7")
    for damage in (
        file.unlink,
        lambda: file.write_bytes(b"\xff\xfe"),
        lambda: file.write_text("<<<<<<< a\n"),
    ):
        damage()
        assert saved_as(server, path, content) == 200
        assert file.read_text() == edited
    file.rename(project.path / "moved.py")
    assert saved_as(server, f"{name}/moved.py", content) == 200
    assert project.read("moved.py") == edited
    file.mkdir()
    assert saved_as(server, path, content) == 409
    file.rmdir()
    (project.path / "nb").rename(project.path / "elsewhere")
    assert saved_as(server, path, content) == 404
    assert saved_as(server, f"{name}/nb/plot.ipynb", server.open(f"{name}/elsewhere/fit.py")) in (200, 404)


def test_a_script_that_jupytext_has_saved_before_it_was_a_task_keeps_its_bytes_from_then_on(
    jupyter: Opened,
) -> None:
    server, project, name = jupyter
    project.write("nb/tools.py", "x = 1\n")
    assert put_back(server, f"{name}/nb/tools.py") == 200
    project.write("nb/tools.py", LOAD)
    project.write("pipeline.yaml", PIPELINE + "- {source: nb/tools.py, product: out/tools.ipynb}\n")
    assert put_back(server, f"{name}/nb/tools.py") == 200
    assert project.read("nb/tools.py") == LOAD.lstrip()


# ── scripts of every form, without a server

OTHERS = {
    "a.md": '---\ntitle: x\n---\n\nHi  \n\n```python tags=["parameters"]\nn = 1\n```\n\nb\n\n\n```python\ny=1\n```',
    "a.Rmd": '---\ntitle: "x"\noutput: html_document\n---\n\nhi\n\n```{r, echo=FALSE}\nn = 1\n```\n\n\n- a\n- b\n',
    "a.qmd": "---\ntitle: x\n---\n\n```{python}\n#| tags: [parameters]\nn = 1\n```\n\n```{python}\ny=1\n```\n",
    "a.R": '#+ tags=c("parameters")\nn = 1\n\n#\' hello\n\nx <- 1\n',
    "a.py": "# hello\n\n# +\nn = 1\n# -\n\nx=1\n\ndef f():\n    return 1\n\n\nprint(x)",
    "a.jl": "# %%   odd\nn = 1\n\n\n\n# %%\nx=1\n",
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_other_text_formats_keep_their_bytes_but_for_the_edited_line(newline: str) -> None:
    for path, text in OTHERS.items():
        before = text.replace("\n", newline).encode()
        content = json.loads(json.dumps(documents.loads(before, path).data))
        content["metadata"]["language_info"] = {"name": "python"}
        for cell in content["cells"]:
            cell["metadata"]["trusted"] = True
        assert saved(content, before, path, "python3") == before, path
        for cell in content["cells"]:
            cell["source"] = cell["source"].replace("n = 1", "n = 2\nm = 3")
        edited = before.replace(b"n = 1", f"n = 2{newline}m = 3".encode())
        assert saved(content, before, path, "python3") == edited, path
        content["cells"] = content["cells"][:1]
        assert len(documents.loads(saved(content, before, path, "python3"), path).cells) == 1


HEADS = (
    "",
    "# ---\n# title: x\n# ---\n\n",
    "import os\n\n",
    "#!/usr/bin/python\n# -*- coding: latin-1 -*-\n\n",
)
CELLS = (
    "# %%\nimport os\n%time y = 1\n",
    "# %%  odd  title   a=1\nz=1\n",
    "# %% [markdown]\n# - é\n#\n# b\n",
    '# %% [markdown]\n"""\nhi\n"""\n',
)
LASTS = ("# %%\nx = 1", "# %%\ndef f():\n    pass\nx = 1", "")


@pytest.mark.parametrize("head", HEADS)
def test_scripts_of_every_form_keep_their_bytes_but_for_the_edited_line(head: str) -> None:
    for gap, middle, last, end, newline in itertools.product(
        range(1, 5), CELLS, LASTS, range(3), ("\n", "\r\n")
    ):
        blank = "\n" * gap
        text = f'{head}# %% tags=["parameters"]\nn = 1{blank}{middle}{blank}{last}' + "\n" * end
        before = text.replace("\n", newline).encode("latin-1" if "latin" in head else "utf-8")
        content = json.loads(json.dumps(documents.loads(before, "x.py").data))
        content["metadata"]["kernelspec"] = {"name": "python3", "display_name": "P", "language": "python"}
        content["metadata"]["language_info"] = {"name": "python"}
        for cell in content["cells"]:
            cell["metadata"]["trusted"] = True
        assert saved(content, before, "x.py", "python3") == before
        for cell in content["cells"]:
            cell["source"] = cell["source"].replace("n = 1", "n = 2")
        assert saved(content, before, "x.py", "python3") == before.replace(b"n = 1", b"n = 2")


class Disk:
    """A contents manager whose get and save are plain functions, as other packages have them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _get_os_path(self, path: str) -> str:
        return str(self.root / path)

    def get(self, path: str, content: bool = True, type: str | None = None) -> Json:
        data = json.loads((self.root / path).read_bytes()) if content else None
        return {"type": "notebook", "path": path, "content": data}

    def save(self, model: Json, path: str = "") -> Json:
        (self.root / path).write_text(json.dumps(model["content"]))
        return self.get(path, content=False)


PARAMETERS: Json = {"cell_type": "code", "execution_count": None, "outputs": [], "source": "n = 1"}
PARAMETERS["metadata"] = {"tags": ["parameters"]}


class Waiting(Disk):
    """One whose get and save are coroutines, as Jupyter's are."""

    async def get(self, path: str, content: bool = True, type: str | None = None) -> Json:  # type: ignore[override]
        return super().get(path, content)


def test_a_notebook_opens_though_the_state_of_its_project_is_locked(folder: Folder) -> None:
    folder.write("pipeline.yaml", "- {source: a.ipynb, product: out/a.ipynb, params: {n: 7}}\n")
    folder.write(
        "a.ipynb", json.dumps({"cells": [PARAMETERS], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    folder.write("b.ipynb", folder.read("a.ipynb"))
    disk = Waiting(folder.path)
    wrap(cast(Contents, disk), logging.getLogger(__name__), patience=0.3)

    async def shown(path: str) -> str:
        return "".join(injected((await disk.get(path))["content"]))

    def becomes(words: str) -> None:
        end = time.monotonic() + 120  # on a busy machine, too
        while words not in asyncio.run(shown("a.ipynb")):
            assert time.monotonic() < end

    becomes("n = 7")
    folder.write("pipeline.yaml", "- {source: a.ipynb, product: out/a.ipynb, params: {n: 8}}\n")

    async def meanwhile() -> tuple[str, str]:
        with closing(sqlite3.connect(folder.path / ".octavo/state.db", timeout=60)) as other:
            other.execute("PRAGMA journal_mode=DELETE")  # in which readers wait, too
            other.execute("BEGIN EXCLUSIVE")
            return await shown("a.ipynb"), await shown("b.ipynb")

    task, other = asyncio.run(meanwhile())
    assert "keep .octavo/state.db locked?" in task and other == ""
    becomes("n = 8")


def test_a_contents_manager_that_is_not_asynchronous_is_served_as_well(folder: Folder) -> None:
    folder.write("pipeline.yaml", "- {source: a.ipynb, product: out/a.ipynb, params: {n: 7}}\n")
    cell: Json = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": "n = 1",
    }
    cell["metadata"]["tags"] = ["parameters"]
    folder.write("a.ipynb", json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))
    before = json.loads(folder.read("a.ipynb"))
    disk = Disk(folder.path)
    wrap(cast(Contents, disk), logging.getLogger(__name__))
    model = disk.get("a.ipynb")
    assert "n = 7" in injected(model["content"])[0]
    assert [cell.get("id") for cell in model["content"]["cells"]] == [None, None], "nbformat 4.4 has no ids"
    assert disk.save(model, "a.ipynb")["content"] is None
    assert json.loads(folder.read("a.ipynb")) == before
    assert len(injected(model["content"])) == 1, "what is saved is not changed: its caller may compare it"


def test_a_header_in_a_live_kernel_knows_its_notebook_and_follows_a_new_name(jupyter: Opened) -> None:
    server, project, name = jupyter
    project.write("nb/told.py", "# %% [markdown]\n# # What is told\n\n# %%\n1\n")
    new = {"path": f"{name}/nb/told.py", "name": "told.py", "type": "notebook", "kernel": {"name": "python3"}}
    session = server.ask("POST", "sessions", new)
    client = BlockingKernelClient()
    try:
        file = server.folder.parent / "runtime" / f"kernel-{session['kernel']['id']}.json"
        client.load_connection_file(str(file))
        client.start_channels()
        client.wait_for_ready(60)
        shown: list[Json] = []

        def hear(message: Json) -> None:
            shown.append(message["content"].get("data", {}))

        client.execute_interactive("import octavo; octavo.header()", output_hook=hear, timeout=60)
        (project.path / "nb/told.py").rename(project.path / "nb/renamed.py")
        server.ask("PATCH", f"sessions/{session['id']}", {"path": f"{name}/nb/renamed.py"})
        client.execute_interactive("octavo.header()", output_hook=hear, timeout=60)
    finally:
        client.stop_channels()
        request = urllib.request.Request(
            server.url.replace("contents/", f"sessions/{session['id']}"),
            headers={"Authorization": "token tok"},
            method="DELETE",
        )
        urllib.request.urlopen(request, timeout=60)
    texts = [data["text/plain"].splitlines()[0] for data in shown if data]
    assert texts == ["told.py: What is told", "renamed.py: What is told"]
    assert all("What is told" in data["text/html"] for data in shown if data)
