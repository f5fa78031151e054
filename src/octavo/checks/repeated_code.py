"""NB205: the same code stands in several notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from . import Across, Around, Block, Severity, Sketch

#: A copy in one other notebook may be a draft of it.
_LEAST = 3


class RepeatedCode:
    """A function, a class or a cell of eight lines or more stands in three notebooks or more, alike but for layout.

    Whoever mends one copy forgets the others. Move it to a module of the project, and import it there. It is told once,
    where it stands first. Cells that import and set options are not reported.
    """

    code = "NB205"
    name = "repeated-code"
    severity: Severity = "warning"

    def across(self, sketches: Sequence[Sketch], around: Around, whole: bool) -> Iterator[Across]:
        found: dict[str, list[tuple[Sketch, Block]]] = {}
        for sketch in sketches:
            for block in {block.digest: block for block in sketch.blocks}.values():
                found.setdefault(block.digest, []).append((sketch, block))
        for several in found.values():
            if len(several) < _LEAST:
                continue
            sketch, block = several[0]
            what = f'"{block.name}"' if block.name else f"this cell of {block.lines} lines"
            others = [other.path for other, _ in several[1:]]
            more = f" and {len(others) - 3} more" if len(others) > 3 else ""
            words = f"{what} also stands in {', '.join(others[:3])}{more}"
            hint = "move it to a module of the project, and import it"
            yield Across(sketch, words, block.number, block.line, block.row, hint)


RULE = RepeatedCode()
