"""Products that are links come back from the cache through them, and nothing else that a link leads to is replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import octavo
import ownership_world as world
from octavo.model import Outcome


class Linking(world.Direct):
    """A task that makes its product a link to one of the files that are there."""

    @staticmethod
    def write(path: Path, text: str, n: int) -> None:
        if path.name == "a.csv":
            path.unlink(missing_ok=True)
            path.symlink_to(f"raw-{n}.csv")
        else:
            world.Direct.write(path, text, n)


def outcome(root: Path, n: int, executor: type[world.Direct] = world.Direct, task: str = "one") -> Outcome:
    """Build with a parameter, and return what became of a task; "one" makes a.csv, "two" the folder data."""
    world.describe(root, n, "one", "a.csv")
    with octavo.load(root / "pipeline.yaml") as project:
        report = project.build(executor=lambda root, jobs=None, *, log=None: executor(Path(root), ""))
    return report.ended[task].outcome


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    for n in range(3):
        (root / f"raw-{n}.csv").write_text(f"raw {n}")
    return root


@pytest.mark.parametrize("there", [True, False])
def test_a_product_that_is_a_link_is_given_back_through_it(there: bool, root: Path) -> None:
    disk = root.parent / "disk"
    disk.mkdir()
    (root / "a.csv").symlink_to("../disk/real.csv")
    if there:
        (disk / "real.csv").touch(0o600)
    assert outcome(root, 1) is Outcome.DONE
    assert outcome(root, 2) is Outcome.DONE
    assert outcome(root, 1) is Outcome.RESTORED
    assert (root / "a.csv").readlink() == Path("../disk/real.csv")
    assert (disk / "real.csv").read_text() == "octavo one 1 a.csv"
    assert ((disk / "real.csv").stat().st_mode & 0o077 == 0) is there
    assert os.listdir(disk) == ["real.csv"]
    (disk / "real.csv").unlink()
    assert outcome(root, 2) is Outcome.RESTORED
    assert (disk / "real.csv").read_text() == "octavo one 2 a.csv"
    # a link that somebody has made anew may lead to anything
    (root / "a.csv").unlink()
    (root / "a.csv").symlink_to("raw-1.csv")
    (root / "raw-1.csv").write_text("octavo one 2 a.csv")
    assert outcome(root, 1) is not Outcome.RESTORED


def test_a_folder_behind_a_link_is_as_any_other(root: Path) -> None:
    disk = root.parent / "disk"
    disk.mkdir()
    (root / "data").symlink_to("../disk")

    def there() -> list[str]:
        return sorted(it.name for it in disk.iterdir())

    outcome(root, 3)
    assert there() == ["part-0.csv", "part-1.csv", "part-2.csv"]
    outcome(root, 1)
    assert there() == ["part-0.csv"]
    assert outcome(root, 3, task="two") is Outcome.RESTORED
    assert there() == ["part-0.csv", "part-1.csv", "part-2.csv"]
    (disk / "raw.csv").write_text("theirs")
    assert world.accept(root, "two")
    for n in (1, 2):
        outcome(root, n)
        assert there() == [*(f"part-{it}.csv" for it in range(n)), "raw.csv"]
    assert (root / "data").readlink() == Path("../disk")


def test_what_is_in_a_folder_that_a_user_links_to_stays_there(root: Path) -> None:
    disk = root.parent / "disk"
    disk.mkdir()
    (disk / "raw.csv").write_text("theirs")
    (root / "data").symlink_to("../disk")
    for n in (2, 1, 2):
        outcome(root, n)
        assert sorted(os.listdir(disk)) == [*(f"part-{it}.csv" for it in range(n)), "raw.csv"]
    assert (disk / "raw.csv").read_text() == "theirs"


def test_what_a_task_has_linked_to_is_not_replaced(root: Path) -> None:
    for n in (1, 2, 1, 1, 2):
        outcome(root, n, Linking)
        assert (root / "a.csv").readlink() == Path(f"raw-{n}.csv")
        assert [(root / f"raw-{it}.csv").read_text() for it in range(3)] == ["raw 0", "raw 1", "raw 2"]


def test_the_store_of_another_tool_and_the_products_of_others_are_not_written_into(root: Path) -> None:
    kept = root / ".dvc" / "cache" / "real.csv"
    kept.parent.mkdir(parents=True)
    for place in (kept, root / "out" / "c.csv"):
        (root / "a.csv").unlink(missing_ok=True)
        (root / "a.csv").symlink_to(place)
        place.parent.mkdir(exist_ok=True)
        place.unlink(missing_ok=True)
        assert {outcome(root, n) for n in (1, 2, 1)}.isdisjoint({Outcome.RESTORED})
