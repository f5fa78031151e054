"""Find the title of a notebook: the first heading of its markdown cells."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..model import Json

_ATX = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")


def title(cells: Iterable[Json]) -> str:
    """Return the text of the first heading of the markdown cells."""
    for cell in cells:
        if cell.get("cell_type") != "markdown":
            continue
        before, fence = "", ""
        for row, line in enumerate(cell["source"].splitlines()):
            bare = line.strip()
            if fence or bare.startswith(("```", "~~~")) or (row == 0 and bare == "---"):
                fence = ("" if bare.startswith(fence) else fence) if fence else bare[:3]
                before = ""
            elif (heading := _ATX.match(line)) and heading[1]:
                return str(heading[1]).strip()
            elif before and _UNDERLINE.match(line):
                return before
            else:
                before = bare if bare[:1] not in (">", "-", "*", "+", "|", "<") else ""
    return ""
