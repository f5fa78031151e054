"""Whatever is built, forced, cleaned, accepted, killed and upgraded: no byte is lost that no record calls octavo's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import ownership_world as world

PLACES = ("a.csv", "out/a.csv", "out/c.csv.part")
#: Where users write: products, what is beside them and in them, and what other programs call their scratch files.
PATHS = (
    *PLACES,
    *("out/c.csv", "out/d.csv", "data/raw.csv", "data/deep/raw.csv", "data/part-0.csv", "data/part-1.csv"),
    *("out/notes.txt", "a.csv.part", ".a.csv.aside", "out/c.csv.restored.part", "out/.d.csv.part"),
)


#: What of it users let be links.
LINKED = ("a.csv", "data")


def _in(place: str, real: str) -> bool:
    return place == real or place.startswith(f"{real}/")


class Machine(RuleBasedStateMachine):
    """``written`` maps each text that a user has written to whether it may be gone: the user said so, or did it."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.written: dict[str, bool] = {}
        self.n, self.one, self.place = 1, "one", PLACES[0]
        self.links = 0
        self.describe()

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    def describe(self) -> None:
        world.describe(self.root, self.n, self.one, self.place)

    def texts(self) -> dict[str, set[str]]:
        """Return the texts of users that are anywhere but in the cache, with the places where they stand."""
        found: dict[str, set[str]] = {}
        linked = [it for it in LINKED if (self.root / it).is_symlink()]
        links = [(os.path.relpath(os.readlink(self.root / it), self.root), it) for it in linked]
        for base, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if (base, name) != (str(self.root / ".octavo"), "cache")]
            for name in filter(lambda name: os.path.exists(os.path.join(base, name)), files):
                data = Path(base, name).read_bytes()
                if data.startswith(b"user "):
                    place = os.path.relpath(os.path.join(base, name), self.root)
                    place = next((alias + place[len(it) :] for it, alias in links if _in(place, it)), place)
                    found.setdefault(data.decode(), set()).add(place)
        return found

    def give(self, tasks: set[str], everything: bool = False) -> None:
        """Let go of what a user says may be replaced: the products of tasks, and of folders what they have made."""
        files = {
            "one": {self.place},
            "two": set[str](),
            "three": {"out/c.csv", "out/d.csv"},
        }
        for text, places in self.texts().items():
            for place in places:
                inside = place.startswith("data/") and "two" in tasks
                part = os.path.basename(place).startswith("part-")
                if any(place in files[task] for task in tasks) or (inside and (everything or part)):
                    self.written[text] = True

    # ── users

    @rule(path=st.sampled_from(PATHS))
    def write(self, path: str) -> None:
        full = self.root / path
        for folder in full.parents:
            if folder.is_file():
                return
        if full.exists() and full.read_bytes().startswith(b"user "):
            self.written[full.read_text()] = True
        full.parent.mkdir(parents=True, exist_ok=True)
        text = f"user {len(self.written)}"
        self.written[text] = False
        time.sleep(0.02)  # nobody edits a file within the tick of the clock in which a run has written it
        full.write_text(text)

    @rule(path=st.sampled_from(PATHS))
    def delete(self, path: str) -> None:
        full = self.root / path
        if full.is_file():
            if (text := full.read_text()) in self.written:
                self.written[text] = True
            full.unlink()

    @rule(n=st.integers(0, 3))
    def change(self, n: int) -> None:
        self.n = n
        self.describe()

    @rule(one=st.sampled_from(["one", "uno"]))
    def rename(self, one: str) -> None:
        self.one = one
        self.describe()

    @rule(place=st.sampled_from(PLACES))
    def move(self, place: str) -> None:
        self.place = place
        self.describe()

    @rule(path=st.sampled_from(LINKED))
    def link(self, path: str) -> None:
        """Move what is there elsewhere, or let there be something of the user's; leave a link."""
        full = self.root / path
        if full.is_symlink():
            return
        self.links += 1
        place = self.root / "disk" / str(self.links)
        place.parent.mkdir(exist_ok=True)
        if full.exists():
            full.rename(place)
        elif path == "data":
            place.mkdir()
            self.written[text := f"user {len(self.written)}"] = False
            (place / "raw.csv").write_text(text)
        full.symlink_to(place)

    # ── octavo

    @rule()
    def build(self) -> None:
        world.build(self.root)

    @rule()
    def fail(self) -> None:
        world.build(self.root, "fail")

    @rule()
    def kill(self) -> None:
        command = [sys.executable, world.__file__, str(self.root), "kill"]
        assert subprocess.run(command, check=False).returncode in (0, 9)

    @rule()
    def force(self) -> None:
        self.give({"one", "two", "three"})
        world.build(self.root, force=True)

    @rule()
    def clean(self) -> None:
        world.clean(self.root)

    @rule()
    def clean_by_force(self) -> None:
        self.give({"one", "two", "three"}, everything=True)
        world.clean(self.root, force=True)

    @rule(task=st.sampled_from(["one", "two", "three"]))
    def accept(self, task: str) -> None:
        if world.accept(self.root, self.one if task == "one" else task):
            self.give({task})

    @precondition(lambda self: (self.root / ".octavo" / "state.db").exists())
    @rule(how=st.sampled_from(["version", "damage", "forget"]))
    def spoil(self, how: str) -> None:
        world.spoil(self.root, how)

    # ── what must never be

    @invariant()
    def nothing_is_lost(self) -> None:
        found = self.texts()
        lost = [text for text, gone in self.written.items() if not gone and text not in found]
        assert not lost, f"lost: {lost}; there is: {found}"


Machine.TestCase.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
TestOwnership = Machine.TestCase


def test_what_others_have_in_a_product_folder_is_not_cleaned_away_when_an_earlier_state_is_set_aside() -> (
    None
):
    machine = Machine()
    machine.write(path="data/raw.csv")
    machine.build()
    machine.spoil(how="version")
    machine.clean()
    machine.nothing_is_lost()
    machine.teardown()


@pytest.mark.nightly
def test_no_byte_is_lost_in_a_long_night() -> None:
    long = settings(max_examples=1000, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(Machine, settings=long)
