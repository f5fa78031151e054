"""octavo report: the state of a pipeline as one page."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from projects import Folder


@pytest.fixture
def built(folder: Folder) -> Folder:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: steps.make, product: out/da ta.csv}
          - {source: look.py, product: {nb: out/look.ipynb, text: "out/<b>.txt"}}
          - {source: never.py, product: out/never.ipynb, name: never}
        """,
    )
    folder.write("steps.py", "def make(product):\n    open(product, 'w').write('x' * 2000)\n")
    folder.write(
        "look.py",
        """
        # %% tags=["parameters"]
        upstream = ["make"]
        product = None

        # %%
        open(product["text"], "w").write("t")
        """,
    )
    folder.write("never.py", '# %% tags=["parameters"]\nupstream = ["look"]\n')
    assert folder.octavo("build", "make", "look").returncode == 0
    return folder


class Links(HTMLParser):
    """The addresses of a page: what it links to, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if tag == "a" and name == "href":
                self.links.append(value or "")
            elif name in ("src", "href", "srcset", "data", "action"):
                self.fetched.append(value or "")


def test_the_page_stands_alone_and_its_links_lead_to_what_is_there(built: Folder) -> None:
    assert built.octavo("report", "-o", "out/state.html").stdout == "out/state.html\n"
    page = built.read("out/state.html")
    found = Links(page)
    assert found.fetched == [] and "url(" not in page.replace("url(#tip)", "") and "@import" not in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    targets = {unquote(link) for link in found.links}
    assert {"da ta.csv", "look.ipynb", "<b>.txt", "../look.py", "../steps.py"} <= targets
    assert all((built.path / "out" / target).exists() for target in targets)
    assert "<b>.txt" not in page and "&lt;b&gt;.txt" in page


def test_the_page_says_what_is_stale_why_and_how_long_things_took(built: Folder) -> None:
    built.write("look.py", built.read("look.py") + "\n1 / 0\n")
    built.octavo("build", "look")
    built.octavo("report")
    page = built.read("report.html")
    assert re.search(r'pill fresh">fresh', page) and re.search(r'pill stale">stale', page)
    assert "ZeroDivisionError: division by zero" in page and "its last run failed" in page
    assert "out/look.failed.ipynb" in page and "never" in page and "2.0 kB" in page
    assert page.count('class="bars"') == 1  # of the one task that ran twice
    assert '<g class="task fresh" data-task="make"' in page


def test_a_selection_leaves_the_others_out(built: Folder) -> None:
    built.octavo("report", "make")
    page = built.read("report.html")
    assert 'id="task make"' in page and 'id="task look"' not in page


def test_a_product_is_not_written_over(built: Folder) -> None:
    done = built.octavo("report", "-o", "out/look.ipynb")
    assert done.returncode == 2 and 'it belongs to the task "look"' in done.stderr
    assert built.octavo("report", "-o", "out").returncode == 2
    assert "mkdir -p no" in built.octavo("report", "-o", "no/where.html").stderr


@pytest.mark.parametrize("name", ["state.pdf", "state.svg", "state.ipynb"])
def test_a_page_is_not_written_under_a_name_that_says_something_else(built: Folder, name: str) -> None:
    done = built.octavo("report", "-o", name)
    assert done.returncode == 2
    assert f"{name}: the page can only be HTML" in done.stderr and "state.html" in done.stderr
    assert not (built.path / name).exists()


def test_a_failure_of_what_is_not_asked_for_any_more_is_no_news(built: Folder) -> None:
    pipeline, look = built.read("pipeline.yaml"), built.read("look.py")
    built.write(
        "pipeline.yaml", pipeline.replace("<b>.txt", "other.txt").replace("look.ipynb", "other.ipynb")
    )
    built.write("look.py", look + "raise ValueError('not so')\n")
    assert built.octavo("build", "look").returncode == 1
    assert built.octavo("report").returncode == 0
    assert "ValueError: not so" in built.read("report.html")
    assert "failed in their last run" in built.read("report.html")
    built.write("pipeline.yaml", pipeline)
    built.write("look.py", look)
    assert built.octavo("status", "look", "--exit-code").returncode == 0
    assert built.octavo("report").returncode == 0
    assert "ValueError: not so" not in built.read("report.html")
    assert "failed in their last run" not in built.read("report.html")


def test_the_backends_of_ploomber_are_taken_with_a_note(built: Folder) -> None:
    done = built.octavo("report", "--backend", "mermaid")
    assert done.returncode == 0 and "--backend mermaid has no effect" in done.stderr


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_a_browser_shows_the_page_and_follows_the_picture_to_the_row(built: Folder, tmp_path: Path) -> None:
    built.octavo("report")
    page = built.read("report.html")
    click = "document.querySelector('.graph .task[data-task=look]').dispatchEvent(new Event('click'));"
    click += "document.title = location.hash;</script>"
    head, _, tail = page.rpartition("</script>")
    tried = built.write("tried.html", head + click + tail)
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", tried.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "<title>#task%20look</title>" in done.stdout, done.stderr[-2000:]


def test_the_page_goes_to_standard_output_where_that_is_asked_for(built: Folder) -> None:
    said = built.octavo("report", "-o", "-")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("<!") and said.stdout.rstrip().endswith("</html>")
    assert not built.path.joinpath("-").exists() and not built.path.joinpath("report.html").exists()
