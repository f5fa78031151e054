"""What is secret in comparisons becomes •••: parameters of tasks, settings of pipeline.yaml, what check finds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..checks import secret as known
from ..errors import Error, Errors
from ..kinds.keys import as_marks
from ..model import HIDDEN, Json, joined
from ..secrets.hiding import Hiding, discreet
from ..spec import document, notices

if TYPE_CHECKING:
    from .branch_sides import Review
    from .changes import ChangedCell, Comparison, DiffLine

#: A shorter word is part of others.
_SHORTEST = 4
_BINARY = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "audio/", "video/")
_BEGIN, _END = "PRIVATE KEY-----", "-----END"


def of_settings(text: str, path: str) -> set[str]:
    """Return the secrets that a file of settings says itself, by its keys; of a file that cannot be read none."""
    try:
        data = notices.apart(document.parse(text, path).data)
    except (Error, Errors):
        return set()
    marked: Mapping[str, bool] = {}
    if isinstance(data, dict):
        tasks = data.get("tasks")
        every = [data, *(tasks if isinstance(tasks, list) else ())]
        said = [one["secret"] for one in every if isinstance(one, dict) and one.get("secret") is not None]
        marked = {name: mark for one in said for name, mark in as_marks(one).items()}
    hiding = Hiding(marked)
    hiding.value("", _without_marks(data))
    # what a placeholder stands for is nowhere in the file
    return {word for word in hiding.found if len(word) >= _SHORTEST and "{{" not in word}


def _without_marks(data: object) -> object:
    """Return settings without ``secret``, which has names and no secrets."""
    if isinstance(data, dict):
        return {key: _without_marks(value) for key, value in data.items() if key != "secret"}
    return [_without_marks(one) for one in data] if isinstance(data, list) else data


def review(found: Review) -> Review:
    """Return what a branch does without the secrets of its two sides."""
    text = _Veil(found.secrets).text
    return replace(
        found,
        values=tuple(
            replace(
                one,
                before=None if one.before is None else text(one.before),
                after=None if one.after is None else text(one.after),
            )
            for one in found.values
        ),
        code=tuple(comparisons(found.code, found.secrets)),
        results=tuple(comparisons(found.results, found.secrets)),
        findings=tuple(map(text, found.findings)),
        notes=tuple(map(text, found.notes)),
    )


def comparisons(all_: Sequence[Comparison], secrets: Collection[str] = ()) -> Iterator[Comparison]:
    """Yield comparisons without secrets: these, and what says itself that it is one."""
    veil = _Veil(secrets)
    for one in all_:
        cells = tuple(map(veil.cell, one.cells))
        yield replace(one, cells=cells, notes=tuple(map(veil.text, one.notes)))


class _Veil:
    def __init__(self, secrets: Collection[str]) -> None:
        # a block of YAML has its lines with spaces before them
        lines = {line.strip() for secret in secrets for line in secret.splitlines()}
        self._secrets = [line for line in {*secrets, *lines} if len(line) >= _SHORTEST]

    def text(self, text: str) -> str:
        return discreet(known.hidden(text), self._secrets)

    def cell(self, change: ChangedCell) -> ChangedCell:
        return replace(
            change,
            lines=tuple(self._lines(change.lines)),
            notes=tuple(map(self.text, change.notes)),
            before=self._outputs(change.before),
            after=self._outputs(change.after),
        )

    def _lines(self, lines: Sequence[DiffLine]) -> Iterator[DiffLine]:
        inside = dict.fromkeys("+- ", False)  # of a private key, on either side
        for line in lines:
            signs = "+- " if line.sign == " " else line.sign
            if any(inside.get(sign) for sign in signs) and _END not in line.text:
                text = HIDDEN
            else:
                text = self.text(line.text)
                opened = _BEGIN in line.text and _END not in line.text
                inside |= dict.fromkeys(signs, opened)
            yield line if text == line.text else replace(line, text=text, marks=())

    def _outputs(self, cell: Json | None) -> Json | None:
        return {**cell, "outputs": self._plain(cell["outputs"])} if cell and cell.get("outputs") else cell

    def _plain(self, value: object) -> object:
        """Return JSON without secrets; texts that are stored as their lines are looked at as a whole."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
            whole = joined(value)
            return value if (text := self.text(whole)) == whole else text
        if isinstance(value, list):
            return [self._plain(one) for one in value]
        if isinstance(value, dict):
            return {
                key: one if str(key).startswith(_BINARY) else self._plain(one) for key, one in value.items()
            }
        return value
