"""``--safe``: a page of a notebook runs nothing that is in the notebook, whatever that is."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from octavo.executed.harmless import harmless
from octavo.model import Json
from projects import Folder

TEXT = r'''
# %% [markdown]
# [link](javascript:hostile()) <a href="JaVaScRiPt:hostile()">x</a> <script>hostile()</script> <img src=x onerror="hostile()">
# <svg onload="hostile()"><a xlink:href="javascript:hostile()"><text>t</text></a></svg> <iframe srcdoc="<script>hostile()</script>"></iframe>
# <a href="data:text/html,<script>hostile()</script>">d</a> <form action="javascript:hostile()"><button formaction="javascript:hostile()">b</button></form>

# %%
from IPython.display import HTML, SVG, Javascript, Markdown, display
HTML("""<b>kept</b><script>hostile()</script><img src=x onerror='hostile()'><a href='javascript:hostile()'>a</a><a href=' java\tscript:hostile()'>a</a><svg onload='hostile()'></svg><math><mtext><img src=x onerror=hostile()></mtext></math>
<object data='javascript:hostile()'></object><embed src='javascript:hostile()'><style>@import 'http://hostile'</style><base href='//hostile'><meta http-equiv=refresh content='0;url=javascript:hostile()'>
<div style="background:url(javascript:hostile())" onclick=hostile()>d</div><noscript><p title="</noscript><img src=x onerror=hostile()>"></noscript>""")
# %%
SVG("<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' onload='hostile()'><script>hostile()</script><a xlink:href='javascript:hostile()'><rect width='1' height='1' onclick='hostile()'/></a><foreignObject><img src='x' onerror='hostile()'/></foreignObject></svg>")
# %%
Javascript("hostile()")
# %%
Markdown("<script>hostile()</script>[m](javascript:hostile()) <img src=x onerror=hostile()>")
# %%
display({"application/vnd.jupyter.widget-view+json": {"model_id": "</script><script>hostile()</script>", "version_major": 2, "version_minor": 0}, "text/plain": "x"}, raw=True)
display({"text/latex": "$\\href{javascript:hostile()}{x}$<script>hostile()</script>"}, raw=True)
display({"text/plain": "<script>hostile()</script>"}, raw=True)
display({"image/png": "\" onerror=\"hostile()"}, raw=True, metadata={"image/png": {"alt": "\" onerror=\"hostile()", "width": "1\" onload=\"hostile()"}})
# %%
print("<script>hostile()</script>\x1b]8;;javascript:hostile()\x07x\x1b]8;;\x07")
raise ValueError("<script>hostile()</script>")
'''  # noqa: E501 - as hostile text is
SHOWN = r"""
from IPython.display import display, HTML
breaking = "\"><script>hostile()</script>"
said = {"alt": "\" onerror=\"hostile()", "width": "1\" onload=\"hostile()", "height": breaking}
display({"image/png": "aGk=", "text/plain": "x"}, raw=True, metadata={"image/png": said})
for kind in ("image/jpeg", "image/gif", "application/pdf", "application/json", "application/x-own"):
    display({kind: breaking}, raw=True)
display({"application/vnd.jupyter.widget-view+json": {"model_id": breaking}}, raw=True)
display({"text/vnd.mermaid": "</pre><script>hostile()</script><img src=x onerror=hostile()>"}, raw=True)
display({"text/html": ["<script>hostile()", "</script>"]}, raw=True)
"""
WIDGETS = """
import ipywidgets
output = ipywidgets.Output()
with output:
    display(HTML("<script>hostile()</script>"))
display(ipywidgets.HTML(value="<img src=x onerror=hostile()>"), output)
"""
#: What breaks out of an attribute, and out of a script.
BREAKING = """</script><script>hostile()</script>" onload="hostile()" x='"""
PROSE = """
![x](attachment:a.png) ![y](attachment:b.png)

```mermaid
</pre><img src=x onerror=hostile()>
```
"""


def document(*code: str) -> str:
    cells: list[Json] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "outputs": [],
            "source": source,
            "metadata": {"tags": [BREAKING, "fine"]},
        }
        for source in code
    ]
    attachments = {
        "a.png": {"image/png": '" onerror="hostile()'},
        "b.png": {'image/x" onerror="hostile()': "AA"},
    }
    prose: Json = {
        "cell_type": "markdown",
        "source": PROSE,
        "metadata": {"tags": [BREAKING]},
        "attachments": attachments,
    }
    raw: Json = {
        "cell_type": "raw",
        "source": "<script>hostile()</script>",
        "metadata": {"raw_mimetype": "text/html"},
    }
    every = [{"id": f"c{number}", **cell} for number, cell in enumerate([*cells, prose, raw])]
    metadata = {
        "title": BREAKING,
        "authors": [{"name": BREAKING}],
        "kernelspec": {"name": "python3", "display_name": BREAKING},
    }
    return json.dumps({"cells": every, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


class Page(HTMLParser):
    """Finds what runs in a page and is not the template's."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag in ("script", "style")
        if tag in ("iframe", "object", "embed", "base", "form", "meta") and "hostile" in str(attrs):
            self.found.append(f"<{tag} {attrs}>")
        for name, value in attrs:
            if name.startswith("on") or "hostile" in "".join((value or "").split()):
                self.found.append(f"<{tag} {name}={value}>")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script and "hostile" in data:
            self.found.append(f"script: {data}")


def made(folder: Folder, source: str, *arguments: str) -> str:
    ended = folder.octavo("run", source, "out.html", "--allow-errors", *arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder.read("out.html")


@pytest.mark.parametrize("mode", [[], ["--report-mode"]])
def test_what_outputs_and_text_hold_does_not_run(folder: Folder, mode: list[str]) -> None:
    folder.write("look.py", TEXT)
    text = made(folder, "look.py", "--safe", *mode)
    assert Page(text).found == []
    assert "<b>kept</b>" in text
    assert Page(made(folder, "look.py", *mode)).found  # which it would


def test_what_a_document_and_its_outputs_say_besides_does_not_run(folder: Folder) -> None:
    (folder.path / "look.ipynb").write_text(document(SHOWN))
    text = made(folder, "look.ipynb", "--safe")
    assert Page(text).found == []
    assert "is left out of this page" in text
    assert "data:image/png;base64,aGk=" in text


def test_widgets_are_left_out(folder: Folder) -> None:
    pytest.importorskip("ipywidgets")
    (folder.path / "look.ipynb").write_text(document(SHOWN, WIDGETS))
    assert Page(made(folder, "look.ipynb", "--safe")).found == []


def test_an_export_of_a_pipeline_is_made_safe_in_the_same_way(folder: Folder) -> None:
    (folder.path / "look.ipynb").write_text(document(SHOWN))
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: look.ipynb
            product: {nb: out.ipynb, page: out.html}
            nb_product_key: [nb, page]
            nbconvert_export_kwargs: {sanitize_html: true}
        """,
    )
    ended = folder.octavo("build")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert Page(folder.read("out.html")).found == []
    assert "hostile" in folder.read("out.ipynb")  # the notebook itself stays as it is


@pytest.mark.parametrize("target", ["out.ipynb", "-", "out.md"])
def test_what_is_no_page_cannot_be_made_safe(folder: Folder, target: str) -> None:
    folder.write("look.py", "# %%\n1\n")
    ended = folder.octavo("run", "look.py", target, "--safe")
    assert ended.returncode == 2
    assert "--safe is for pages" in ended.stderr
    assert not Path(folder.path, target).exists()


def test_what_is_harmless_stays_as_it_is() -> None:
    data = {"text/plain": "1", "image/png": "aGk=\n", "text/html": "<b>1</b>"}
    output = {
        "output_type": "display_data",
        "data": data,
        "metadata": {"image/png": {"width": 3, "height": "4px"}},
    }
    cell = {"cell_type": "code", "source": "1", "metadata": {"tags": ["a-b"]}, "outputs": [output]}
    book = {
        "cells": [cell],
        "metadata": {"kernelspec": {"name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    assert harmless(book) == book
