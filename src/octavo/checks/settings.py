"""Which rules are asked for: by ``[tool.octavo.check]`` of pyproject.toml and by options."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import field
from fnmatch import fnmatch
from pathlib import Path

from ..dataclass import dataclass
from ..errors import Error
from ..hints import did_you_mean
from ..kinds.keys import is_texts
from . import LIMITS

_KEYS = ("select", "ignore", "per-file-ignores", *LIMITS)


@dataclass(frozen=True, slots=True)
class Selection:
    """Prefixes of codes that are looked for, and that are not; ``per_file`` ignores more, by patterns of paths.

    ``limits`` are those that differ from ours.
    """

    select: tuple[str, ...] = ("NB",)
    ignore: tuple[str, ...] = ()
    per_file: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)

    def wants(self, code: str, path: str) -> bool:
        """Return whether a rule is asked for in a file."""
        if not self.per_file and not self.ignore:
            return code.startswith(self.select)
        ignored = [*self.ignore]
        for pattern, codes in self.per_file.items():
            if fnmatch(path, pattern) or fnmatch(Path(path).name, pattern):
                ignored += codes
        longest = max((len(one) for one in self.select if code.startswith(one)), default=0)
        against = max((len(one) for one in ignored if code.startswith(one)), default=0)
        return longest > against  # the more precise of the two wins


def settings(folder: Path, select: Iterable[str], ignore: Iterable[str], known: Iterable[str]) -> Selection:
    """Return what the nearest pyproject.toml and the options ask for."""
    table, where = _table(folder)
    for key in table:
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS) or f"there are: {', '.join(_KEYS)}"
            raise Error(f'tool.octavo.check has no key "{key}"', where, hint)
    chosen = tuple(select) or _codes(table, "select", where) or _prefixes(known)
    per_file = table.get("per-file-ignores", {})
    if not isinstance(per_file, dict) or not all(is_texts(codes) for codes in per_file.values()):
        raise Error("per-file-ignores must be a table of patterns with lists of codes", where)
    found = Selection(
        chosen,
        (*_codes(table, "ignore", where), *ignore),
        {pattern: _several(codes) for pattern, codes in per_file.items()},
        {key: _number(table[key], key, where) for key in LIMITS if key in table},
    )
    for code in (*found.select, *found.ignore, *(one for codes in found.per_file.values() for one in codes)):
        if not any(one.startswith(code) for one in known):
            raise Error(
                f'there is no rule "{code}"',
                hint=did_you_mean(code, known, 0.8) or "octavo check --list names them",
            )
    return found


def _prefixes(known: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code.rstrip("0123456789") for code in known))


def _codes(table: Mapping[str, object], key: str, where: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not is_texts(value) and value != []:
        raise Error(f"{key} must be a list of codes", where)
    return _several(value)


def _number(value: object, key: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise Error(f"{key} must be a number", where)
    return float(value)


def _several(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()


def _table(folder: Path) -> tuple[Mapping[str, object], str]:
    """Return the table of the nearest pyproject.toml that has one, and the path of the file."""
    for place in (folder, *folder.parents):
        file = place / "pyproject.toml"
        if not file.is_file():
            continue
        try:
            data = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Error(f"it cannot be read: {error}", str(file)) from error
        table = data.get("tool", {}).get("octavo", {}).get("check", {})
        if not isinstance(table, dict):
            raise Error("tool.octavo.check must be a table", str(file))
        return table, str(file)
    return {}, ""
