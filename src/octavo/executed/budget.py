"""Keep the beginning and the end of what a cell prints, where that is more than anybody will read."""

from __future__ import annotations

from collections import deque
from dataclasses import field

from ..dataclass import dataclass
from ..model import Json

#: Characters that are kept of what one cell prints, unless its task says otherwise: half from the beginning, half from
#: the end.
LIMIT = 8_000_000


@dataclass(slots=True, eq=False)
class _Text:
    """One output, with the text that was kept of it."""

    output: Json
    head: list[str] = field(default_factory=list)
    tail: deque[str] = field(default_factory=deque)


class Budget:
    """Collects the text of a cell's streams; ``limit`` 0 keeps all of it."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = LIMIT if limit is None else limit
        self.begin([])

    def begin(self, outputs: list[Json]) -> None:
        """Start anew: a cell starts with no ``outputs``, or clears them."""
        self._outputs = outputs
        self._texts: dict[int, _Text] = {}
        self._room = self.limit // 2
        self._tail: deque[_Text] = deque()  # one for each piece, in the order of the pieces
        self._length = 0
        self._gap: _Text | None = None
        self.left_out = 0

    def add(self, output: Json, text: str) -> None:
        """Add text to an output of the cell."""
        kept = self._texts.get(id(output)) or self._texts.setdefault(id(output), _Text(output))
        if not self.limit:
            kept.head.append(text)
            return
        if self._room > 0 and not self._length:
            kept.head.append(text[: self._room])
            self._room -= len(kept.head[-1])
            text = text[len(kept.head[-1]) :]
        if text:
            kept.tail.append(text)
            self._tail.append(kept)
            self._length += len(text)
            while self._length > self.limit // 2:
                self._leave_out(self._length - self.limit // 2)

    def write(self) -> None:
        """Put into the outputs what was kept of their texts, and where something was left out, how much."""
        for kept in self._texts.values():
            gap = (
                f"\n… {self.left_out:,} characters of output are left out here …\n"
                if kept is self._gap
                else ""
            )
            kept.output["text"] = "".join([*kept.head, gap, *kept.tail])
        empty = {key for key, kept in self._texts.items() if not kept.output["text"]}
        if empty:
            self._outputs[:] = [output for output in self._outputs if id(output) not in empty]
            for key in empty:
                del self._texts[key]

    def _leave_out(self, excess: int) -> None:
        """Leave out the oldest piece of the tail, or as much of it as is too much."""
        kept = self._tail.popleft()
        piece = kept.tail.popleft()
        rest = piece[excess:]
        if rest:
            kept.tail.appendleft(rest)
            self._tail.appendleft(kept)
        self._length -= len(piece) - len(rest)
        self.left_out += len(piece) - len(rest)
        self._gap = self._gap or kept
        if not (kept.tail or kept.head or kept is self._gap) and len(self._texts) > 1000:
            self.write()  # outputs of nothing
