"""What is excused where it stands: lines by ``# noqa: NB101``, cells by the tags ``noqa`` and ``noqa-NB101``."""

from __future__ import annotations

import ast
import re

from ..notebook.inject import tags
from ..notebook.pieces import Edit
from ..reading import magics
from . import CodeCell

NOQA = re.compile(r"#\s*noqa(?::\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?", re.IGNORECASE)


def excuse(cell: CodeCell | None, line: int, code: str) -> tuple[int, int, str] | None:
    """Return what excuses a rule there: the number of the cell, the line (0 for a tag), the code; else None."""
    if cell is None:
        return None
    if {"noqa", f"noqa-{code}"} & set(tags(cell.data)):
        return cell.number, 0, code
    lines = cell.source.splitlines()
    said = NOQA.search(lines[line - 1]) if 0 < line <= len(lines) else None
    if said is not None and (said["codes"] is None or code in re.split(r"[,\s]+", said["codes"].upper())):
        return cell.number, line, code
    return None


def excused(cell: CodeCell, places: dict[int, list[str]]) -> list[Edit]:
    """Return the edits that excuse a cell's lines from rules: by a comment, else by a tag of the cell."""
    lines = cell.source.splitlines()
    edits: list[Edit] = []
    tagged: list[str] = []
    for number, codes in sorted(places.items()):
        text = lines[number - 1] if 0 < number <= len(lines) else ""
        said = NOQA.search(text)
        if (
            not text.strip()
            or (said is not None and said["codes"] is None)
            or not _takes_comment(cell, number, text)
        ):
            tagged += codes
        elif said is not None:
            edits.append(
                Edit(
                    cell.index, line=(number, f"{text[: said.end()]}, {', '.join(codes)}{text[said.end() :]}")
                )
            )
        else:
            edits.append(Edit(cell.index, line=(number, f"{text.rstrip()}  # noqa: {', '.join(codes)}")))
    if tagged:
        found = cell.data.get("metadata", {}).get("tags") or []
        fresh = tuple(dict.fromkeys([*found, *(f"noqa-{code}" for code in tagged)]))
        edits.append(Edit(cell.index, tags=fresh))
    return edits


def _takes_comment(cell: CodeCell, number: int, text: str) -> bool:
    """Return whether a comment may be added to a line: the code is the same then, for Python and for magics."""
    if cell.tree is None:
        return False
    lines = cell.source.splitlines()
    fresh = [*lines[: number - 1], f"{text.rstrip()}  # noqa", *lines[number:]]
    try:
        return ast.dump(magics.parse("\n".join(fresh))) == ast.dump(cell.tree)
    except (SyntaxError, ValueError, RecursionError):
        return False
