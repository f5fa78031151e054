"""The pages of octavo diff in a browser: axe finds nothing, keys reach everything, and nothing runs or loads."""

from __future__ import annotations

import base64
import importlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from labs import in_a_browser
from octavo.model import Json
from projects import Folder

pytestmark = [pytest.mark.nightly, in_a_browser]

HOSTILE = "</code></pre></details><script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\">"
#: A picture of one pixel.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
OTHER = base64.b64encode(base64.b64decode(PIXEL) + b"x").decode()


def book(n: int) -> Json:
    shown = {"text/html": f"<table><tr><th>a</th></tr><tr><td>{n}</td></tr></table>", "text/plain": f"a\n{n}"}
    picture = {"image/png": PIXEL if n == 1 else OTHER}
    sources = {
        "code": f'"""Text."""\nimport os\n\n\ndef f(x: int) -> str:\n    return f"{{x}} {n}" + "{"y" * 200}"  # {n}',
        "sql": f"%%sql\nselect {n} from t where x = 'a'",
        "picture": f"plot({n})",
        "hostile": f"print({n})\n{HOSTILE if n == 2 else ''}",
    }
    outputs: dict[str, list[Json]] = {
        "code": [{"output_type": "stream", "name": "stdout", "text": f"{'long ' * 100}{n}\n{HOSTILE}"}],
        "sql": [{"output_type": "execute_result", "data": shown, "metadata": {}, "execution_count": n}],
        "picture": [{"output_type": "display_data", "data": picture, "metadata": {}}],
        "hostile": [{"output_type": "error", "ename": "E", "evalue": str(n), "traceback": []}],
    }
    cells: list[Json] = [
        {
            "cell_type": "code",
            "id": name,
            "metadata": {},
            "source": source,
            "execution_count": n,
            "outputs": outputs[name],
        }
        for name, source in sources.items()
    ]
    cells.append(
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": f"# Title\n\n*text* {n}\n`code`"}
    )
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def git(folder: Path, *words: str) -> None:
    who = {f"GIT_{role}_{what}": "a" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *words], cwd=folder, check=True, env={**os.environ, **who}, capture_output=True)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of two notebooks, and that of a branch."""
    folder = Folder(tmp_path_factory.mktemp("pages"))
    for name, number in (("old.ipynb", 1), ("new.ipynb", 2)):
        folder.write(name, json.dumps(book(number)))
    assert folder.octavo("diff", "old.ipynb", "new.ipynb", "--html", "books.html").returncode == 1
    folder.write(".gitignore", "*.html\nout/\n.octavo/\n")
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: load.py, product: {nb: out/load.ipynb, data: out/load.json}, params: {n: 1}}
          - {source: fit.sh, product: out/fit.json, upstream: load}
        """,
    )
    folder.write(
        "load.py", '# %% tags=["parameters"]\nupstream, product, n = None, None, 0\n# %%\nprint(n)\n'
    )
    folder.write("load.py", folder.read("load.py") + "open(product['data'], 'w').write(f'{{\"n\": {n}}}')\n")
    folder.write("fit.sh", 'cp {{upstream["load"]["data"]}} {{product}}\n')
    git(folder.path, "init", "-q", "-b", "main")
    git(folder.path, "add", "-A")
    git(folder.path, "commit", "-q", "-m", "one")
    folder.write("pipeline.yaml", folder.read("pipeline.yaml").replace("n: 1", "n: 2"))
    folder.write("load.py", folder.read("load.py") + "nowhere\n")
    done = folder.octavo("diff", "main", "--run", "--html", "branch.html")
    assert done.returncode == 1, done.stderr
    return {name: folder.path / f"{name}.html" for name in ("books", "branch")}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["books", "branch"])
@pytest.mark.parametrize("width", [360, 1400])
def test_a_page_breaks_no_rule_of_axe(
    browser: Any, pages: dict[str, Path], name: str, theme: str, width: int
) -> None:
    axe = importlib.import_module("axe_playwright_python.sync_playwright").Axe()
    person = browser.new_context(
        color_scheme=theme, viewport={"width": width, "height": 900}, bypass_csp=True
    )
    page = person.new_page()
    page.goto(pages[name].as_uri())
    found = axe.run(page).response["violations"]
    person.close()
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []


@pytest.mark.parametrize("name", ["books", "branch"])
def test_keys_reach_what_opens_and_what_scrolls_and_nothing_runs(
    browser: Any, pages: dict[str, Path], name: str
) -> None:
    person = browser.new_context(viewport={"width": 800, "height": 900})
    page = person.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[name].as_uri())
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert "run" not in page.title()
    assert page.locator("script").count() == 0
    details = page.locator("details").first
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.tagName"))
        if page.evaluate("document.activeElement === document.querySelector('summary')"):
            assert details.get_attribute("open") is not None
            page.keyboard.press("Enter")
            assert details.get_attribute("open") is None
            page.keyboard.press("Enter")
    assert {"SUMMARY", "PRE"} <= seen
    scrolling = page.evaluate(
        "[...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth + 1 &&"
        " ['auto', 'scroll'].includes(getComputedStyle(e).overflowX) && e.tabIndex < 0).map(e => e.outerHTML)"
    )
    assert scrolling == []
    # at 320 pixels, a page at 400 %, only what has a region of its own scrolls sideways: WCAG 1.4.10
    page.set_viewport_size({"width": 320, "height": 600})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    person.close()
