"""NB191: a cell or a line is excused from a rule that finds nothing there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set

from ..notebook.inject import tags
from ..notebook.pieces import Edit
from ..reading import magics
from . import CodeCell, Hit, Severity, Subject
from .excuses import NOQA


class UnusedNoqa:
    """`# noqa: NB121` or the tag `noqa-NB121` stands where NB121 finds nothing.

    It hides the next defect that comes there. `--fix` takes it away. Codes of other tools and rules that were not
    looked for are left alone, and so is a bare `# noqa`.
    """

    code = "NB191"
    name = "unused-noqa"
    severity: Severity = "warning"

    def unused(
        self, subject: Subject, used: Set[tuple[int, int, str]], looked_for: Set[str]
    ) -> Iterator[Hit]:
        """Yield the excuses that none of ``used`` (cell, line or 0 for a tag, code) needed."""
        for cell in subject.cells:
            tagged = tags(cell.data)
            for code in sorted(one[5:] for one in tagged if one.startswith("noqa-")) if tagged else ():
                if code in looked_for and (cell.number, 0, code) not in used:
                    rest = tuple(one for one in cell.data["metadata"]["tags"] if one != f"noqa-{code}")
                    words = f"the tag noqa-{code} excuses nothing"
                    yield Hit(words, cell, edits=(Edit(cell.index, tags=rest),))
            lines = cell.source.splitlines() if cell.once(_says) else ()
            for number, line in enumerate(lines, start=1):
                if "noqa" in line.lower():
                    yield from _of_line(cell, number, line, used, looked_for)


def _says(cell: CodeCell) -> bool:
    return "noqa" in cell.source.lower()


def _of_line(
    cell: CodeCell, number: int, line: str, used: Set[tuple[int, int, str]], looked_for: Set[str]
) -> Iterator[Hit]:
    said = NOQA.search(line)
    if said is None or said["codes"] is None:
        return
    codes = said["codes"].replace(",", " ").split()
    idle = [
        code
        for code in codes
        if code.upper() in looked_for and (cell.number, number, code.upper()) not in used
    ]
    if not idle or not _is_comment(cell, number, line[: said.start()]):
        return
    kept = ", ".join(code for code in codes if code not in idle)
    comment = f"# noqa: {kept}" if kept else ""
    after = line[said.end() :]
    fresh = (line[: said.start()] + comment + after).rstrip() if kept or not after.strip() else ""
    # words after it would become a comment without "#", or a part of it
    edits = (Edit(cell.index, line=(number, fresh)),) if kept or not after.strip() else ()
    yield Hit(f"# noqa: {', '.join(idle)} excuses nothing", cell, number, said.start() + 1, edits=edits)


def _is_comment(cell: CodeCell, number: int, before: str) -> bool:
    """Return whether the code is the same without the rest of a line: it is a comment, and no part of a text."""
    if cell.tree is None:
        return False
    lines = cell.source.splitlines()
    lines[number - 1] = before
    try:
        return ast.dump(magics.parse("\n".join(lines))) == ast.dump(cell.tree)
    except (SyntaxError, ValueError, RecursionError):
        return False


RULE = UnusedNoqa()
