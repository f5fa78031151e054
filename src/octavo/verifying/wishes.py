"""What a notebook wants of its cells: our tags, nbval's markers and files, pytest-notebook's metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..dataclass import dataclass
from ..errors import Error
from ..model import Json
from ..notebook.inject import tags

#: nbval's comments, alone on a line; its tags are the same words in lower case, with dashes.
_MARKER = re.compile(
    r"^\s*#+\s*(NBVAL_(?:IGNORE_OUTPUT|CHECK_OUTPUT|RAISES_EXCEPTION|SKIP)|PYTEST_VALIDATE_IGNORE_OUTPUT)\s*$",
    re.M,
)
_IGNORE = frozenset(["nbval-ignore-output", "pytest-validate-ignore-output"])
_SANITIZE = re.compile(r"^regex: (.*)$\n^replace: (.*)$", re.M)

Replacements = tuple[tuple[re.Pattern[str], str], ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """How one cell is verified."""

    skip: str = ""  # why it does not run
    ignore: bool = False
    loose: bool = False
    raises: bool = False
    leave_out: tuple[re.Pattern[str], ...] = ()
    replace: tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...] = ()

    def applied(self, outputs: Sequence[Json], index: int) -> list[Json]:
        """Return a cell's outputs without what is to be left out, and with what is to be replaced."""
        if not (self.leave_out or self.replace):
            return list(outputs)
        kept = self._kept(list(outputs), f"/cells/{index}/outputs")
        return kept if isinstance(kept, list) else []

    def _kept(self, value: object, path: str) -> object:
        if any(pattern.fullmatch(path) for pattern in self.leave_out):
            return None
        if isinstance(value, dict):
            pairs = ((key, self._kept(inner, f"{path}/{key}")) for key, inner in value.items())
            return {key: inner for key, inner in pairs if inner is not None}
        if isinstance(value, list) and all(isinstance(inner, dict) for inner in value):
            found = (self._kept(inner, f"{path}/{number}") for number, inner in enumerate(value))
            return [inner for inner in found if inner is not None]
        if isinstance(value, str):
            for where, pattern, word in self.replace:
                if where.fullmatch(path):
                    value = pattern.sub(word, value)
        return value


def wishes(data: Json, path: str, *, lax: bool = False) -> list[Wish]:
    """Return the wish of each cell. ``lax``: outputs are compared only where nbval's check-output says so.

    As in nbval, comments win over tags, and the last comment over the others.
    """
    whole = _regression(data.get("metadata") or {}, path)
    return [_wish(cell, index, whole, path, lax) for index, cell in enumerate(data["cells"])]


def _wish(cell: Json, index: int, whole: Json, path: str, lax: bool) -> Wish:
    words = {tag.lower() for tag in tags(cell)}
    if cell["cell_type"] == "code" and (said := _MARKER.findall(cell.get("source") or "")):
        last = said[-1].lower().replace("_", "-")
        output = _IGNORE | {"nbval-check-output"}
        words = {
            *(words - output if last in output else words),
            *(m.lower().replace("_", "-") for m in said[:-1]),
        }
        words = {*(words - output if last in output else words), last}
    own = _regression(cell.get("metadata") or {}, path)
    skip = next((tag for tag in ("verify-skip", "nbval-skip", "skip-execution") if tag in words), "")
    if not skip and (own.get("skip") or whole.get("skip")):
        skip = str(own.get("skip_reason") or whole.get("skip_reason") or "nbreg")
    places = [*_list(whole, "diff_ignore"), *(f"/cells/{index}{one}" for one in _list(own, "diff_ignore"))]
    replaced = [*_list(whole, "diff_replace")]
    for one in _list(own, "diff_replace"):
        if isinstance(one, list) and len(one) == 3:
            replaced.append([f"/cells/{index}{one[0]}", one[1], one[2]])
    return Wish(
        skip=skip,
        ignore=bool(words & _IGNORE) or (lax and "nbval-check-output" not in words),
        loose="verify-loose" in words,
        raises=bool(words & {"nbval-raises-exception", "raises-exception"}),
        leave_out=tuple(place_pattern(str(place)) for place in places),
        replace=tuple(_replacements(replaced, path)),
    )


def _regression(metadata: Json, path: str) -> Json:
    found = metadata.get("nbreg") or {}
    if not isinstance(found, dict):
        raise Error('the metadata "nbreg" must be a JSON object', path)
    return found


def _list(settings: Json, key: str) -> list[object]:
    found = settings.get(key) or []
    return list(found) if isinstance(found, list) else []


def place_pattern(path: str) -> re.Pattern[str]:
    """Return the pattern of a path such as ``/cells/*/outputs``."""
    return re.compile("[^/]+".join(map(re.escape, path.rstrip("/").split("*"))))


def _replacements(found: list[object], path: str) -> Iterator[tuple[re.Pattern[str], re.Pattern[str], str]]:
    for one in found:
        if not (isinstance(one, list) and len(one) == 3):
            raise Error(
                '"diff_replace" of nbreg must hold lists of a path, a pattern and a replacement', path
            )
        yield place_pattern(str(one[0])), _pattern(str(one[1]), path), str(one[2])


def _pattern(text: str, where: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise Error(f'"{text}" is not a regular expression: {error}', where) from None


def sanitizers(paths: Sequence[str]) -> Replacements:
    """Read nbval's files for ``--sanitize-with``; a pattern that comes again replaces the earlier one, in its place."""
    found: dict[str, tuple[re.Pattern[str], str]] = {}
    for path in paths:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise Error(f"it cannot be read: {error.strerror}", path) from None
        except UnicodeDecodeError:
            raise Error("it is not UTF-8", path) from None
        pairs = _SANITIZE.findall(text)
        if not pairs:
            hint = "a line regex: PATTERN and below it a line replace: TEXT"
            raise Error("there is no pattern in it", path, hint)
        for regex, word in pairs:
            found[regex] = (_pattern(regex, path), word)
    return tuple(found.values())
