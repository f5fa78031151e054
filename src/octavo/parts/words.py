"""How reasons are said: of the name of a part, what it is about, and its digests then and now."""

from __future__ import annotations

from ..model import ABSENT, HIDDEN, UNKNOWN, UNSTABLE
from ..reading import importable


def changed(part: str, what: str, was: str | None, now: str | None) -> str:
    if was == UNSTABLE:
        return f"{part} {UNSTABLE}"
    return f"{part} is gone" if now is None else f"{part} changed"


def now(part: str, what: str, was: str | None, now: str | None) -> str:
    return now or part


def value(part: str, what: str, was: str | None, now: str | None) -> str:
    if now is not None and now.startswith(UNKNOWN):
        return f"{part} {now.rpartition(' ')[0]}"
    if was is None:
        return f"{part} is new"
    if now is None:
        return f"{part} was removed"
    one, other = _brief(was), _brief(now)
    return f"{part} changed ({other})" if HIDDEN in one and one == other else f"{part} {one} → {other}"


def check(part: str, what: str, was: str | None, now: str | None) -> str:
    if was is None:
        return f"{part} is new"
    return f"{part} was removed" if now is None else f"{part} changed"


def _brief(text: str) -> str:
    """Return the text of a value as a person wants it: what was cut off has a shorter digest, a secret none."""
    text = text.partition(f" ({HIDDEN}")[0]
    start, mark, rest = text.rpartition("… (")
    return f"{start}{mark}{rest[:8]})" if mark and len(rest) == 33 else text


def order(part: str, what: str, was: str | None, now: str | None) -> str:
    return f"the order of params changed: {now}"


def upstream(part: str, what: str, was: str | None, now: str | None) -> str:
    if was is None:
        return f"upstream {what} is new"
    return f"upstream {what} was removed" if now is None else f"upstream {what} changed"


def product(part: str, what: str, was: str | None, now: str | None) -> str:
    if now is None:
        return f"product {what} is gone"
    return f"product {what} is new" if was is None else f"product {what} was changed by hand"


def stranger(part: str, what: str, was: str | None, now: str | None) -> str:
    return f"{what} was there before the first run"


def file(part: str, what: str, was: str | None, now: str | None) -> str:
    return f"{part} is new" if was in (ABSENT, None) else changed(part, what, was, now)


def as_file(part: str, what: str, was: str | None, now: str | None) -> str:
    """Say it of a part of another row as of a file."""
    return file(f"file {what}", what, was, now)


def folder(part: str, what: str, was: str | None, now: str | None) -> str:
    if was == UNSTABLE or now is None:
        return changed(part, what, was, now)
    name = part.partition(" without [")[0]
    return f"{name} is new" if was == ABSENT else f"{name} has other files"


def link(part: str, what: str, was: str | None, now: str | None) -> str:
    if was == UNSTABLE:
        return changed(part, what, was, now)
    if was == ABSENT:
        return f"{part} is new"
    return f"{part} is no link any more" if now is None else f"{part} {was} → {now}"


def exists(part: str, what: str, was: str | None, now: str | None) -> str:
    if was == UNSTABLE:
        return f"{what} {UNSTABLE}"
    if now in (ABSENT, None):
        return f"{what} is gone"
    return f"{what} is there now" if was == ABSENT else f"{what} is a {now} now"


def size(part: str, what: str, was: str | None, now: str | None) -> str:
    bytes_ = was is not None and now is not None and was.isdigit() and now.isdigit()
    return f"{what} has {now} bytes, not {was}" if bytes_ else exists(part, what, was, now)


def access(part: str, what: str, was: str | None, now: str | None) -> str:
    letters, _, path = what.partition(" ")
    words = {"r": "read", "w": "written", "x": "executed"}
    may = " and ".join(words.get(letter, letter) for letter in letters)
    return f"{path} may {'now' if now == 'yes' else 'no longer'} be {may}"


def attribute(part: str, what: str, was: str | None, now: str | None) -> str:
    word, _, path = what.partition(" ")
    if word == "same":
        return f"{path.replace(' = ', ' and ')} are {'now' if now == 'yes' else 'no longer'} the same file"
    return exists(part, path, was, now) if ABSENT in (was, now) else f"{path} has {word} {now}, not {was}"


def imports(part: str, what: str, was: str | None, now: str | None) -> str:
    changed = importable.changes(was or "", now or "")
    folder = "" if what == "." else f"{what}/"
    words = [
        f"import {name} now finds {folder}{after}"
        if after
        else f"import {name} no longer finds {folder}{before}"
        for name, (before, after) in changed.items()
    ]
    return ", ".join(words[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")


def from_to(part: str, what: str, was: str | None, now: str | None) -> str:
    return f"{part} {was or 'none'} → {now or 'none'}"
