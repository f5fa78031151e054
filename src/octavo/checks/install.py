"""NB122: a cell installs packages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import Hit, Severity, Subject

_INSTALL = re.compile(
    r"\s*[%!]{1,2}\s*(?:\S+\s+-m\s+|uv\s+)?(pip3?|conda|mamba|micromamba)\s+(?:install|add)\b"
)


class Install:
    """A cell installs packages: `%pip install`, `!pip install`, `%conda install`, `!uv add` …

    Each run changes the environment, needs the network, and gets whatever version there is that day. Name the package
    in the requirements of the project. Lines that are commented out are not reported.
    """

    code = "NB122"
    name = "install"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        for cell in subject.cells:
            lines = cell.source.splitlines() if "install" in cell.source or "add" in cell.source else ()
            for number, line in enumerate(lines, start=1):
                if found := _INSTALL.match(line):
                    yield Hit(
                        f"{found[1]} changes the environment while the notebook runs",
                        cell,
                        number,
                        hint="name the package in the requirements of the project",
                    )


RULE = Install()
