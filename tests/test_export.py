"""An executed notebook becomes pages, Markdown, LaTeX and PDF, in the worker, by nbconvert."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from textwrap import dedent
from typing import Any

import nbformat
import pytest

from octavo.events import Event, TaskFinished
from octavo.executed.editions import editions, exports, failed, home, images
from octavo.executed.keeper import of_product
from octavo.executors.local import Local
from octavo.executors.running import alone
from octavo.kinds.notebook import KIND
from octavo.model import Outcome, Product, Source, Task
from tasks import with_options

NOTEBOOK = """
    # %% [markdown]
    # # A heading *in* prose

    # %% tags=["parameters"]
    upstream = None
    product = None

    # %%
    import subprocess
    from IPython.display import Image, display
    print("from Python")
    subprocess.run(["echo", "from a child"])

    # %% tags=["secret"]
    hidden = 6 * 7
    """
PICTURE = """
    # %%
    import base64
    dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
    display(Image(base64.b64decode(dot)))
    """
printer = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
latex = pytest.mark.skipif(shutil.which("xelatex") is None, reason="needs LaTeX")
pandoc = pytest.mark.skipif(shutil.which("pandoc") is None, reason="requires pandoc")


def wanting(product: str | dict[str, str], text: str = NOTEBOOK, **options: Any) -> Task:
    """Return a task whose products are all reports."""
    text = dedent(text).lstrip("\n")
    source = Source("look.py", None, text, KIND.facts(Source("look.py"), text.encode()))
    named = product.items() if isinstance(product, dict) else [(None, product)]
    products = tuple(Product(path, key, True) for key, path in named)
    return with_options(Task("look", "notebook", source, products), **options)


def ran(task: Task, root: Path) -> tuple[TaskFinished, list[Event]]:
    """Run a task in a worker, and keep its notebook as a build does."""
    (root / "out").mkdir(exist_ok=True)
    wanted = editions(task)
    report = next((edition.path for edition in wanted if edition.plain), wanted[0].path)
    keeper = of_product(root, report, task, home(task))
    (root / ".octavo").mkdir(exist_ok=True)
    *said, event = alone(task, keeper, Local(str(root), 1, fork=False))
    assert isinstance(event, TaskFinished)
    return event, said


def test_a_report_is_told_from_the_notebook_itself_by_its_extension() -> None:
    task = wanting({"nb": "out/a.ipynb", "page": "out/a.html", "text": "out/b c.md"})
    assert [edition.exporter for edition in editions(task)] == ["notebook", "html", "markdown"]
    assert home(task) == "out/a.ipynb" and failed(task) == "out/a.failed.ipynb"
    assert [edition.path for edition in exports(task)] == ["out/a.html", "out/b c.md"]
    assert images(task) == ("out/b_c_files",)


def test_exporters_are_named_for_all_reports_or_by_key() -> None:
    both = {"one": "out/one.html", "two": "out/two.txt"}
    named = wanting(both, nbconvert_exporter_name={"two": "script"})
    assert [edition.exporter for edition in editions(named)] == ["html", "script"]
    assert editions(wanting("out/slides.html", nbconvert_exporter_name="slides"))[0].exporter == "slides"
    assert editions(wanting("out/a.html", nbconvert_exporter_name="md"))[0].exporter == "markdown"


def test_two_reports_of_one_name_keep_their_notebooks_apart() -> None:
    places = {home(wanting(path)) for path in ("out/a.html", "out/a.pdf", "other/a.html")}
    assert len(places) == 3 and all(place and place.startswith(".octavo/notebooks/a-") for place in places)
    assert failed(wanting("out/a.html")) == "out/a.failed.ipynb"


def test_a_page_shows_all_that_ran_and_said(tmp_path: Path) -> None:
    task = wanting("out/look.html")
    event, _ = ran(task, tmp_path)
    assert event.outcome is Outcome.DONE, event.failure
    page = (tmp_path / "out/look.html").read_text()
    for words in ("<title>look</title>", "A heading <em>in</em> prose", "from Python", "from a child"):
        assert words in page
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["look.html"]
    kept = home(task)
    assert kept is not None
    nbformat.validate(nbformat.read(tmp_path / kept, 4))


def test_arguments_of_the_exporters_are_passed_on(tmp_path: Path) -> None:
    hide = {"TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": ["secret"]}}
    said = {"exclude_input": True, "config": hide, "exclude_imput": True}
    event, events = ran(wanting("out/look.html", nbconvert_export_kwargs=said), tmp_path)
    assert event.outcome is Outcome.DONE
    page = (tmp_path / "out/look.html").read_text()
    assert "from Python" in page and ">subprocess<" not in page and ">hidden<" not in page
    notes = [getattr(event, "message", "") for event in events]
    assert any("exclude_imput" in note and "exclude_input" in note for note in notes)


@pandoc
def test_one_run_gives_several_formats_and_their_images(tmp_path: Path) -> None:
    wanted = {
        "nb": "out/r.ipynb",
        "page": "out/r.html",
        "md": "out/r.md",
        "rst": "out/r.rst",
        "tex": "out/r.tex",
    }
    event, _ = ran(wanting(wanted, NOTEBOOK + PICTURE), tmp_path)
    assert event.outcome is Outcome.DONE, event.failure
    assert json.loads((tmp_path / "out/r.ipynb").read_text())["cells"]
    for name in ("r.md", "r.rst", "r.tex"):
        assert "r_files/r_" in (tmp_path / "out" / name).read_text(), name
    (image,) = (tmp_path / "out/r_files").iterdir()
    assert image.suffix == ".png" and image.read_bytes().startswith(b"\x89PNG")
    assert "data:image/png;base64" in (tmp_path / "out/r.html").read_text()
    assert not list((tmp_path / "out").rglob("*.part"))


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    pages = []
    for _ in range(2):
        ran(wanting("out/look.html"), tmp_path)
        pages.append((tmp_path / "out/look.html").read_bytes())
    assert pages[0] == pages[1]


def test_a_failure_leaves_the_last_report_and_a_notebook_beside_it(tmp_path: Path) -> None:
    ran(wanting("out/look.html"), tmp_path)
    before = (tmp_path / "out/look.html").read_bytes()
    event, _ = ran(wanting("out/look.html", NOTEBOOK + "\n    # %%\n    1 / 0\n"), tmp_path)
    assert event.outcome is Outcome.FAILED
    assert (tmp_path / "out/look.html").read_bytes() == before
    assert "ZeroDivisionError" in (tmp_path / "out/look.failed.ipynb").read_text()
    ran(wanting("out/look.html"), tmp_path)
    assert not (tmp_path / "out/look.failed.ipynb").exists()


def test_an_exporter_that_is_not_there_is_told_before_anything_runs(tmp_path: Path) -> None:
    event, events = ran(wanting("out/look.html", nbconvert_exporter_name="htlm"), tmp_path)
    assert event.failure is not None
    assert event.failure.message == 'out/look.html: nbconvert has no exporter "htlm"'
    assert event.failure.hint == 'did you mean "html"?'
    assert events == []


def test_without_nbconvert_only_the_task_fails_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "nbconvert.py").write_text("raise ModuleNotFoundError('hidden', name='nbconvert')\n")
    monkeypatch.setenv("PYTHONPATH", str(hidden))
    event, _ = ran(wanting("out/look.html"), tmp_path)
    assert event.failure is not None and event.failure.message == 'the package "nbconvert" is not installed'
    assert event.failure.hint == 'pip install "octavo[export]"'


def test_a_format_that_nobody_knows_is_told(tmp_path: Path) -> None:
    event, _ = ran(wanting("out/look.xyz"), tmp_path)
    assert event.failure is not None and "its format is not known" in event.failure.message
    assert "nbconvert_exporter_name is one of" in event.failure.hint


def test_a_pdf_without_latex_and_chromium_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))  # the package alone prints nothing
    event, _ = ran(wanting({"nb": "out/a.ipynb", "pdf": "out/a.pdf"}), tmp_path)
    assert event.failure is not None
    assert event.failure.message == "out/a.pdf: nothing is installed that makes PDFs"
    assert "texlive-xetex" in event.failure.hint and "playwright" in event.failure.hint


def test_a_template_that_fails_keeps_what_ran(tmp_path: Path) -> None:
    event, _ = ran(wanting("out/a.html", nbconvert_export_kwargs={"template_name": "none such"}), tmp_path)
    assert event.failure is not None and event.failure.kind == "ProductError"
    assert "out/a.html: the executed notebook could not be exported" in event.failure.message
    assert event.failure.traceback
    assert "from Python" in (tmp_path / "out/a.failed.ipynb").read_text()
    assert not (tmp_path / "out/a.html").exists()


@printer
def test_a_pdf_is_printed_by_chromium(tmp_path: Path) -> None:
    event, _ = ran(wanting("out/look.pdf", nbconvert_exporter_name="webpdf"), tmp_path)
    assert event.outcome is Outcome.DONE, event.failure
    assert b"Skia" in (tmp_path / "out/look.pdf").read_bytes()


@printer
def test_a_pdf_is_printed_where_there_is_no_latex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    browser = tools / "chromium"
    browser.write_text(f'#!/bin/sh\nPATH=/usr/bin:/bin exec {shutil.which("chromium")} "$@"\n')
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    event, _ = ran(wanting("out/look.pdf", NOTEBOOK.replace("subprocess.run", "print")), tmp_path)
    assert event.outcome is Outcome.DONE, event.failure
    assert b"Skia" in (tmp_path / "out/look.pdf").read_bytes()


@latex
@pandoc
def test_a_pdf_is_set_by_latex(tmp_path: Path) -> None:
    event, _ = ran(wanting("out/look.pdf", NOTEBOOK + PICTURE), tmp_path)
    assert event.outcome is Outcome.DONE, event.failure
    made = (tmp_path / "out/look.pdf").read_bytes()
    assert made.startswith(b"%PDF-") and b"Skia" not in made
