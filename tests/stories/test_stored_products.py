"""Products in object stores: told by one listing, stale when what stands there is another, never read by octavo."""

from __future__ import annotations

import pytest

from projects import Folder

pytest.importorskip("obstore", reason='wants: pip install "octavo[remote]"')

STEPS = """
    from pathlib import Path
    def rows(product, text="a"):
        folder = Path(product.removeprefix("file://"))
        folder.mkdir(parents=True, exist_ok=True)
        for n in range(2):
            (folder / f"part-{n}.txt").write_text(text * 5)
        (folder / "_temporary").mkdir(exist_ok=True)
        (folder / "_temporary/half.txt").write_text("half")
    def read(product, upstream):
        Path(product).write_text(upstream["rows"])
    def nothing(product):
        pass
"""


def test_a_folder_in_a_store_is_a_product_like_any_other(folder: Folder) -> None:
    lake = folder.path.parent / "lake"
    url = f"file://{lake}/rows"
    folder.write("steps.py", STEPS)
    pipeline = f"tasks:\n  - {{source: steps.rows, product: '{url}'}}\n  - {{source: steps.read, product: out.txt}}\n"
    folder.write("pipeline.yaml", pipeline)
    built = folder.octavo("build")
    assert built.returncode == 0, built.stdout + built.stderr
    assert folder.read("out.txt") == url
    (lake / "rows/_temporary/half.txt").write_text("of another writer")
    assert folder.octavo("status").stdout.endswith("all 2 tasks are fresh\n")
    part = lake / "rows/part-1.txt"
    part.unlink()
    part.write_text("bbbbb")  # as large as it was
    status = folder.octavo("status").stdout
    assert f"blocked  rows  product {url} was changed by hand\n" in status
    assert "upstream rows changed" in status
    (lake / "rows/part-0.txt").unlink()
    part.unlink()
    (lake / "rows/_temporary/half.txt").unlink()
    assert f"stale  rows  product {url} is gone\n" in folder.octavo("status").stdout
    again = folder.octavo("build")
    assert (again.returncode, part.read_text()) == (0, "aaaaa"), again.stdout
    more = f"{pipeline}  - {{source: steps.nothing, product: 'file://{lake}/none'}}\n"
    folder.write("pipeline.yaml", more)
    failed = folder.octavo("build")
    assert (failed.returncode, f"there is nothing at file://{lake}/none" in failed.stdout) == (1, True)


@pytest.mark.parametrize(
    ("product", "words"),
    [
        ("ftp://host/rows", 'the product "ftp://host/rows" is in no store that can be listed'),
        ("s3://bucket", 'the product "s3://bucket" is a whole bucket'),
        ("s3://bucket/", 'the product "s3://bucket/" is a whole bucket'),
    ],
)
def test_what_is_no_place_in_a_store_is_told_before_anything_runs(
    folder: Folder, product: str, words: str
) -> None:
    folder.write("steps.py", STEPS)
    folder.write("pipeline.yaml", f"tasks:\n  - {{source: steps.rows, product: '{product}'}}\n")
    refused = folder.octavo("build")
    assert (refused.returncode, words in refused.stderr) == (2, True), refused.stderr
