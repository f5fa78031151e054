"""What stands around a notebook: the oldest Python of its project, and what the project's texts name."""

from __future__ import annotations

import os
import re
import tomllib
from functools import cached_property
from pathlib import Path

_PYTHON = re.compile(r"(?:>=|~=|==|\^)\s*3\.(\d+)")
_TEXTS = (
    *(
        ".env*",
        "*.env",
        "env*.y*ml",
        "pipeline*.y*ml",
        "docker-compose*.y*ml",
        "compose*.y*ml",
        "Dockerfile*",
    ),
    *("README*", "CONTRIBUTING*", "pyproject.toml", "tox.ini", "noxfile.py", "Makefile", "justfile"),
    *("environment*.y*ml", ".github/workflows/*.y*ml", ".gitlab-ci.yml", "conftest.py", "docs/*.md"),
)
_LARGE = 1_000_000


class ProjectAround:
    """The project that a notebook is of: the nearest folder above with a ``pyproject.toml`` or ``.git``, or its own."""

    def __init__(self, folder: Path) -> None:
        above = (folder, *folder.parents)
        self.root = next((at for at in above if _is_root(at)), folder)

    @cached_property
    def oldest(self) -> tuple[int, int] | None:
        """The oldest Python that ``requires-python`` allows; None if it does not say."""
        try:
            data = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        said = (
            data.get("project", {}).get("requires-python") if isinstance(data.get("project"), dict) else None
        )
        found = _PYTHON.search(said) if isinstance(said, str) else None
        return (3, int(found[1])) if found else None

    @cached_property
    def files(self) -> list[Path]:
        """The files that say what the project needs."""
        found = {path for pattern in _TEXTS for path in self.root.glob(pattern)}
        return sorted(path for path in found if path.is_file() and path.stat().st_size < _LARGE)

    @cached_property
    def _words(self) -> frozenset[str]:
        texts = (path.read_text(encoding="utf-8", errors="replace") for path in self.files)
        return frozenset(word for text in texts for word in re.findall(r"\w+", text))

    def names(self, word: str) -> bool:
        """Return whether any of these files names a word."""
        return word in self._words


def _is_root(folder: Path) -> bool:
    return (folder / "pyproject.toml").is_file() or (folder / ".git").exists()


class ProjectsAround:
    """The projects of many notebooks, each looked at once."""

    def __init__(self) -> None:
        self._of_folder: dict[str, ProjectAround] = {}
        self._of_root: dict[Path, ProjectAround] = {}

    def of(self, path: str) -> ProjectAround:
        """Return the project that a notebook is of."""
        folder = os.path.dirname(os.path.abspath(path))
        if folder not in self._of_folder:
            found = ProjectAround(Path(folder))
            self._of_folder[folder] = self._of_root.setdefault(found.root, found)
        return self._of_folder[folder]
