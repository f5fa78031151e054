"""Reports that are made of executed notebooks: pages and more, from a pipeline."""

from __future__ import annotations

import json
import re

import pytest

from projects import Folder

PIPELINE = """
    tasks:
      - source: look.py
        product: {page: out/look.html, nb: out/look.ipynb, text: out/look.md, data: out/look.txt}
        nb_product_key: [page, nb, text]
        nbconvert_export_kwargs: {exclude_input: true}
      - source: after.py
        product: out/after.html
    """
LOOK = """
    # %% [markdown]
    # # The first heading

    # %% tags=["parameters"]
    upstream = None
    product = None

    # %%
    from pathlib import Path
    Path(product["data"]).write_text("data")
    print("what it says")
    """
AFTER = """
    # %% tags=["parameters"]
    upstream = ["look"]
    product = None

    # %%
    print(open(upstream["look"]["data"]).read())
    """


@pytest.fixture
def built(folder: Folder) -> Folder:
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("look.py", LOOK)
    folder.write("after.py", AFTER)
    done = folder.octavo("build")
    assert done.returncode == 0, done.stderr + done.stdout
    return folder


def test_one_run_leaves_all_its_reports(built: Folder) -> None:
    assert sorted(path.name for path in (built.path / "out").iterdir()) == [
        "after.html",
        "look.html",
        "look.ipynb",
        "look.md",
        "look.txt",
    ]
    assert "what it says" in built.read("out/look.html") and ">Path<" not in built.read("out/look.html")
    assert json.loads(built.read("out/look.ipynb"))["cells"][-1]["outputs"]
    assert "all 2 tasks are fresh" in built.octavo("status").stdout


def test_new_prose_reaches_all_reports_without_a_run(built: Folder) -> None:
    built.write("look.py", LOOK.replace("first heading", "second heading"))
    assert "2 tasks fresh" in built.octavo("build").stdout
    for report in ("look.html", "look.ipynb", "look.md"):
        assert "second heading" in built.read(f"out/{report}"), report
    assert "2 tasks fresh" in built.octavo("build").stdout


def test_a_report_whose_notebook_is_not_kept_stays_as_it_is(built: Folder) -> None:
    (kept,) = (built.path / ".octavo/notebooks").iterdir()
    assert kept.name.startswith("after-")
    kept.unlink()
    before = built.read("out/after.html")
    built.write("after.py", "# %% [markdown]\n# A new heading\n\n" + LOOK_AGAIN)
    assert "2 tasks fresh" in built.octavo("build").stdout
    assert built.read("out/after.html") == before
    assert "all 2 tasks are fresh" in built.octavo("status").stdout


LOOK_AGAIN = "\n".join(line.removeprefix("    ") for line in AFTER.splitlines())


def test_a_report_alone_makes_nothing_after_it_stale(built: Folder) -> None:
    built.write("look.py", LOOK.replace("what it says", "something else"))
    said = built.octavo("build").stdout
    assert "done     look" in said and "after" not in said.replace("1 task fresh", "")


def test_a_report_that_was_edited_by_hand_is_kept_and_made_again(built: Folder) -> None:
    before = built.read("out/after.html")
    built.write("out/after.html", "mine")
    done = built.octavo("build")
    assert done.returncode == 0
    assert "out/after.html was saved by hand: that is now out/after.edited.html" in done.stdout + done.stderr
    assert (built.read("out/after.edited.html"), built.read("out/after.html")) == ("mine", before)


def test_a_failure_keeps_the_last_page_and_shows_what_ran(built: Folder) -> None:
    before = built.read("out/after.html")
    built.write("after.py", LOOK_AGAIN + "\n1 / 0\n")
    done = built.octavo("build")
    assert done.returncode == 1 and "out/after.failed.ipynb" in done.stdout + done.stderr
    assert built.read("out/after.html") == before
    assert "ZeroDivisionError" in built.read("out/after.failed.ipynb")
    assert "out/after.failed.ipynb" in built.octavo("clean", "after", "--yes").stdout


def test_what_was_made_before_comes_from_the_cache_and_no_older_notebook_is_taken_for_it(
    built: Folder,
) -> None:
    first = built.read("out/after.html")
    built.write("after.py", LOOK_AGAIN + "\nprint('more')\n")
    built.octavo("build")
    built.write("after.py", LOOK_AGAIN)
    assert "restored after" in built.octavo("build").stdout
    assert built.read("out/after.html") == first
    assert not list((built.path / ".octavo/notebooks").iterdir())


def test_only_the_task_fails_whose_report_cannot_be_made(folder: Folder) -> None:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: look.py, product: {nb: out/look.html, data: out/look.txt}, nbconvert_exporter_name: htlm}
          - {source: other.py, product: out/other.html}
        """,
    )
    folder.write("look.py", LOOK)
    folder.write("other.py", "# %%\nprint(1)\n")
    assert folder.octavo("status").returncode == 0
    done = folder.octavo("build")
    assert done.returncode == 1 and "1 done, 1 failed" in done.stdout
    assert 'nbconvert has no exporter "htlm"' in done.stdout and 'did you mean "html"?' in done.stdout


def test_a_hook_finds_the_reports_and_the_notebook(folder: Folder) -> None:
    folder.write(
        "pipeline.yaml",
        PIPELINE.replace("nb_product_key:", "on_finish: hooks.check\n        nb_product_key:"),
    )
    folder.write("look.py", LOOK)
    folder.write("after.py", AFTER)
    folder.write(
        "hooks.py",
        """
        from pathlib import Path

        def check(product):
            for key in ("nb", "page", "text"):
                assert "what it says" in Path(str(product[key])).read_text()
            Path("checked").touch()
        """,
    )
    done = folder.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder.path / "checked").exists()
    assert "all 2 tasks are fresh" in folder.octavo("status").stdout


@pytest.mark.parametrize("safe", [True, False])
def test_a_report_can_be_made_without_the_scripts_of_others(folder: Folder, safe: bool) -> None:
    folder.write(
        "pipeline.yaml",
        f"""
        tasks:
          - source: look.py
            product: {{nb: look.html}}
            nbconvert_export_kwargs: {{sanitize_html: {str(safe).lower()}}}
        """,
    )
    folder.write(
        "look.py",
        """
        # %%
        from IPython.display import HTML
        HTML("<b>kept</b><script>document.title = 'of others'</script><img src=x onerror='steal()'>")
        """,
    )
    done = folder.octavo("build")
    assert done.returncode == 0, done.stderr + done.stdout
    page = folder.read("look.html")
    assert "<b>kept</b>" in page
    assert ("<script>document.title = 'of others'" not in page) is safe
    assert (
        re.search("<img[^>]*onerror", page) is None
    ) is safe  # its code, which is shown, has no tags in it
