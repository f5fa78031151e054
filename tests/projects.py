"""A project in a temporary folder, and what is done to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent


@dataclass(frozen=True)
class Folder:
    """A project folder that tests write into and run octavo in."""

    path: Path

    def write(self, name: str, text: str) -> Path:
        """Write a dedented text file and return its path. Its stamp differs from that of any older version."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return file

    def read(self, name: str) -> str:
        return (self.path / name).read_text(encoding="utf-8")

    def octavo(
        self, *arguments: str, env: Mapping[str, str] | None = None, cwd: str = ".", timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line, as a user would, and return what it said."""
        return subprocess.run(
            [sys.executable, "-m", "octavo", *arguments],
            cwd=self.path / cwd,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
