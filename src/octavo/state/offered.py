"""The words that shells offer for a pipeline and its commands, remembered: to complete one imports next to nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence

#: Options of a command with what may follow them (None: nothing does), and what stands without an option: words, or
#: that these are tasks (``TASK``), or tasks, tags and what selects more of them (``TASKS``).
Grammar = tuple[Mapping[str, Sequence[str] | None], Sequence[str]]
TASK, TASKS = "\0task", "\0tasks"

_FILE = "offered.json"
_SPEC = "pipeline.yaml"
#: Where a pipeline has such words, the names of its tasks come from elsewhere than files beside it.
_ELSEWHERE = (b"location:", b"import_tasks_from", b"{%")


class Offered:
    """What is remembered for the pipeline of a folder; ``there`` tells whether anything can be."""

    def __init__(self, folder: str | None) -> None:
        """Take the nearest pipeline.yaml from a folder upwards, where nothing else says which one is meant."""
        self.there = False
        while folder and not os.environ.get("ENTRY_POINT"):
            if os.path.exists(os.path.join(folder, "setup.cfg")):  # it may name another
                break
            if os.path.isfile(os.path.join(folder, _SPEC)):
                self.there = os.path.isdir(os.path.join(folder, ".octavo"))
                break
            folder = "" if folder == os.path.dirname(folder) else os.path.dirname(folder)
        self._folder = folder or ""
        self._known = self._read() if self.there else {}

    def grammar(self, verb: str, sources: Sequence[str], find: Callable[[], Grammar]) -> Grammar:
        """Return the grammar of a command, whose code is in some files, as it was found last."""
        key, stamps = f"verb {verb}", [_stamp(path) for path in sources]
        known = self._known.get(key)
        if isinstance(known, list) and known[0] == stamps:
            return known[1], known[2]
        found = find()
        self._keep(key, [stamps, *found])
        return found

    def names(
        self, find: Callable[[], tuple[Sequence[str], Sequence[str]]]
    ) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of the tasks, and their tags, as they were found last."""
        known = self._known.get("names")
        stamp = _stamp(self._spec)
        if isinstance(known, list) and known[0] == stamp:
            return known[1], known[2]
        found = find()
        if self.there and found[0] and self._tells():
            self._keep("names", [stamp, *found])
        return found

    def _tells(self) -> bool:
        """Return whether the names of the tasks stay the same for as long as the pipeline's file does."""
        try:
            with open(self._spec, "rb") as file:  # noqa: PTH123 - a str
                text = file.read()
        except OSError:
            return False
        filled = [line for line in text.split(b"\n") if b"{{" in line]
        named = any(word in line for line in filled for word in (b"source", b"name", b"tags"))
        # how many tasks a grid gives may be for others to say
        multiplied = b"grid" in text and (bool(filled) or b"::" in text or b"dotted_path" in text)
        return not (named or multiplied or any(word in text for word in _ELSEWHERE))

    @property
    def _spec(self) -> str:
        return os.path.join(self._folder, _SPEC)

    def _read(self) -> dict[str, object]:
        try:
            with open(self._place, "rb") as file:  # noqa: PTH123 - a str
                known = json.load(file)
        except (OSError, ValueError, RecursionError):
            return {}
        return known if isinstance(known, dict) else {}

    def _keep(self, key: str, value: object) -> None:
        if not self.there:
            return
        self._known[key] = value
        part = f"{self._place}.{os.getpid()}.part"
        try:
            with open(part, "w", encoding="utf-8") as file:  # noqa: PTH123 - a str
                json.dump(self._known, file)
            os.replace(part, self._place)
        except (OSError, ValueError):
            pass  # it is found again

    @property
    def _place(self) -> str:
        return os.path.join(self._folder, ".octavo", _FILE)


def _stamp(path: str) -> list[int]:
    try:
        found = os.stat(path)
    except OSError:
        return []
    return [found.st_mtime_ns, found.st_size, found.st_ino]
