"""Smoke tests: samples of raw inputs, and a build on them in a place of its own."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import pytest

from octavo.cli import main
from octavo.errors import Error
from octavo.model import Product, Relation, RunOptions, Source, Task
from octavo.smoke import place, taking
from octavo.smoke.settings import shared
from projects import Folder


@pytest.fixture
def shop(folder: Folder) -> Folder:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: shop.load
            product: out/orders.csv
          - source: shop.total
            product: out/total.txt
          - source: apart.other
            product: out/other.txt
        """,
    )
    folder.write(
        "shop.py",
        """
        from pathlib import Path
        import sums

        def load(product):
            Path(product).write_text(Path("data/raw/orders.csv").read_text())

        def total(product, upstream):
            import more
            Path(product).write_text(str(sums.rows(upstream["load"])))
        """,
    )
    folder.write("sums.py", "def rows(path):\n    return len(open(path).readlines()) - 1\n")
    folder.write("more.py", "")
    folder.write("apart.py", "def other(product):\n    product.write_text('other')\n")
    rows = "".join(f'{number},"a\n{number % 7}"\n' for number in range(500))
    folder.write("data/raw/orders.csv", "id,text\n" + rows)
    return folder


def git(folder: Folder, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *who, *words], cwd=folder.path, check=True, capture_output=True)


def outcomes(text: str) -> dict[str, str]:
    return {part["part"]: part["outcome"] for part in json.loads(text)["parts"]}


def test_a_sample_is_built_beside_the_real_products_and_a_branch_only_where_it_matters(shop: Folder) -> None:
    nothing = shop.octavo("test")
    assert nothing.returncode == 2
    assert "there are no sample settings" in nothing.stderr
    assert "octavo sample takes a sample" in nothing.stderr
    assert "3 done" in shop.octavo("build").stdout
    taken = shop.octavo("sample", "--rows", "20")
    assert "1 sample taken" in taken.stdout, taken.stderr
    shop.write(".gitignore", "out\n.octavo\n.octavo-test\n")
    git(shop, "init", "-q", "-b", "main")
    git(shop, "add", "-A")
    git(shop, "commit", "-qm", "all")

    shop.write("tests/test_fails.py", "def test_it():\n    assert 1 + 1 == 3\n")
    first = shop.octavo("test", "--json", "--no-check", "--junit", "smoke.xml")
    assert first.returncode == 1, first.stderr
    assert outcomes(first.stdout) == {"sample": "passed", "unit tests": "failed"}
    assert "3 done" in first.stderr
    assert shop.read(".octavo-test/out/total.txt") == "40"  # each row has two lines
    assert shop.read("out/total.txt") == "1000"
    assert 'name="total"' in shop.read("smoke.xml")
    assert "all 3 tasks are fresh" in shop.octavo("status").stdout

    same = shop.octavo("test", "--no-check", "--no-unit", "--changed", "main")
    assert "no task is affected since main" in same.stdout, same.stderr
    shop.write("sums.py", "def rows(path):\n    return -1\n")
    edited = shop.octavo("test", "--no-check", "--no-unit", "--changed", "main")
    assert edited.returncode == 0, edited.stderr
    assert "done     total" in edited.stdout
    assert "other" not in edited.stdout
    unknown = shop.octavo("test", "--changed", "nowhere")
    assert (unknown.returncode, "is not known to git" in unknown.stderr) == (2, True)

    shop.write("data/sample/raw/orders.csv", "")
    empty = shop.octavo("test")
    assert empty.returncode == 2
    assert "data/sample/raw/orders.csv: the sample is empty" in empty.stderr


def test_what_is_gone_from_the_project_goes_from_the_place_and_products_stay(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "raw.csv", "small.csv"):
        (tmp_path / name).write_text(name)
    where = Path(place.prepared(str(tmp_path), ["a.py", "b.py"], {"raw.csv": "small.csv"}))
    assert (where / "raw.csv").read_text() == "small.csv"
    (where / "made.txt").write_text("a product")
    (where / "a.py").write_text("written by a task")
    place.prepared(str(tmp_path), ["a.py"], {})
    assert not (where / "b.py").exists()
    assert not (where / "raw.csv").exists()
    assert (where / "a.py").read_text() == (tmp_path / "a.py").read_text() == "a.py"
    assert (where / "made.txt").read_text() == "a product"
    (where / ".copied.json").write_text('["../a.py", 3]')
    place.prepared(str(tmp_path), [], {})
    assert (tmp_path / "a.py").exists()


def test_what_is_large_is_linked_until_there_is_a_sample(tmp_path: Path) -> None:
    with (tmp_path / "raw.csv").open("wb") as file:
        file.truncate(65 << 20)
    (tmp_path / "small.csv").write_text("small")
    where = Path(place.prepared(str(tmp_path), ["raw.csv"], {}))
    assert (where / "raw.csv").readlink() == tmp_path / "raw.csv"
    place.prepared(str(tmp_path), ["raw.csv"], {"raw.csv": "small.csv"})
    assert not (where / "raw.csv").is_symlink()
    assert (where / "raw.csv").read_text() == "small"
    place.prepared(str(tmp_path), ["raw.csv"], {})
    assert (where / "raw.csv").is_symlink()
    place.prepared(str(tmp_path), [], {})
    assert not (where / "raw.csv").is_symlink()
    assert (tmp_path / "raw.csv").stat().st_size == 65 << 20


def task(*products: Product, options: RunOptions | None = None) -> Task:
    return Task("t", "function", Source("t.py", ""), products=products, run=options or RunOptions())


@pytest.mark.parametrize(
    ("real", "sample", "mixes"),
    [
        (task(Product("out/a.csv")), task(Product("out/a.csv")), False),
        (task(Product("/srv/a.csv")), task(Product("/srv/a.csv")), True),
        (task(Product("../a.csv")), task(Product("../a.csv")), True),
        (task(Product("/srv/a.csv")), task(Product("/srv/sample/a.csv")), False),
        (
            task(Product("x/a", relation=Relation("a"), maker="SQLRelation")),
            task(Product("x/a", relation=Relation("a"), maker="SQLRelation")),
            True,
        ),
    ],
)
def test_a_sample_that_would_replace_real_results_elsewhere_is_refused(
    real: Task, sample: Task, mixes: bool
) -> None:
    assert bool(shared({"t": real}, {"t": sample})) is mixes


ORDERS = "id;customer\n" + "".join(f"{number};{number % 50}\n" for number in range(200))
CUSTOMERS = "key;name\n" + "".join(f"{number};n{number}\n" for number in range(1000))


def test_rows_that_rows_refer_to_are_kept_and_a_seed_takes_the_same(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "customers.csv").write_text(CUSTOMERS)
    paths = ["customers.csv", "orders.csv"]
    keys = [taking.key_of("orders.csv:customer=customers.csv:key", paths)]
    found = dict(taking.samples(str(tmp_path), paths, 10, 1, keys))
    orders = list(csv.DictReader(found["orders.csv"].decode().splitlines(), delimiter=";"))
    customers = list(csv.DictReader(found["customers.csv"].decode().splitlines(), delimiter=";"))
    assert len(orders) == 10
    assert 10 <= len(customers) <= 20
    assert {one["customer"] for one in orders} <= {one["key"] for one in customers}
    numbers = [int(one["id"]) for one in orders]
    assert numbers == sorted(numbers)
    assert found == dict(taking.samples(str(tmp_path), paths, 10, 1, keys))
    assert found != dict(taking.samples(str(tmp_path), paths, 10, 2, keys))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("orders:customer", 'orders:customer" is no foreign key'),
        ("orders.csv:customer=nobody.csv:key", r"names nobody\.csv: none"),
        ("orders.csv:custmer=customers.csv:key", 'there is no column "custmer"'),
        ("orders.csv:customer=orders.csv:nothing", 'there is no column "nothing"'),
    ],
)
def test_a_foreign_key_that_is_none_is_told(tmp_path: Path, key: str, message: str) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "customers.csv").write_text(CUSTOMERS)
    paths = ["customers.csv", "orders.csv"]
    with pytest.raises(Error, match=message):
        list(taking.samples(str(tmp_path), paths, 10, 1, [taking.key_of(key, paths)]))


def test_rows_of_a_file_that_refer_to_each_other_are_kept_up_to_the_last(tmp_path: Path) -> None:
    (tmp_path / "staff.csv").write_text("id,boss\n" + "".join(f"{n},{n // 2}\n" for n in range(1, 200)))
    key = taking.key_of("staff.csv:boss=staff.csv:id", ["staff.csv"])
    ((_, data),) = taking.samples(str(tmp_path), ["staff.csv"], 3, 0, [key])
    rows = list(csv.DictReader(data.decode().splitlines()))
    assert 3 < len(rows) < 30
    assert {one["boss"] for one in rows} - {"0"} <= {one["id"] for one in rows}


def test_odd_bytes_and_ends_of_lines_in_quotes_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_bytes(b'n,t\r\n1,"a\r\nb"\r\n2,\xe9\r\n3,""""')
    ((_, data),) = taking.samples(str(tmp_path), ["odd.csv"], 9, 0, [])
    assert data == b'n,t\r\n1,"a\r\nb"\r\n2,\xe9\r\n3,""""\n'
    (tmp_path / "lines.jsonl").write_text('{"a": 1}\n\n{"a": 2}')
    ((_, data),) = taking.samples(str(tmp_path), ["lines.jsonl"], 9, 0, [])
    assert data == b'{"a": 1}\n{"a": 2}\n'


def test_parquet_gives_rows_too(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"n": list(range(100))}), tmp_path / "n.parquet")
    ((_, data),) = taking.samples(str(tmp_path), ["n.parquet"], 5, 0, [])
    (tmp_path / "taken.parquet").write_bytes(data)
    numbers = parquet.read_table(tmp_path / "taken.parquet")["n"].to_pylist()
    assert len(numbers) == 5
    assert numbers == sorted(numbers)


def test_a_sample_is_replaced_only_when_asked_and_an_empty_one_is_told(
    shop: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop.path)
    shop.write("data/pictures/a.png", "a")
    shop.write("data/pictures/b.png", "b")
    assert main(["sample", "data/pictures", "--rows", "1"]) == 0
    assert len([*(shop.path / "data/sample/pictures").iterdir()]) == 1
    with pytest.raises(Error, match="there is a sample already"):
        main(["sample", "data/pictures", "--rows", "1"])
    assert main(["sample", "data/pictures", "--rows", "2", "--force"]) == 0
    shop.write("data/raw/orders.csv", "id,text\n")
    with pytest.raises(Error, match="would be empty: it has no rows"):
        main(["sample"])
    with pytest.raises(Error, match="there is no such file or folder"):
        main(["sample", "nothing.csv"])
