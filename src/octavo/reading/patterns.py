"""Regular expressions that are compiled when they are first asked: all together take longer than a small command."""

from __future__ import annotations

import re
from typing import cast


class _Later:
    """Stands for a pattern, and has its methods from the first time that one is called."""

    def __init__(self, text: str, flags: int) -> None:
        self._text, self._flags = text, flags

    def __getattr__(self, name: str) -> object:
        compiled = re.compile(self._text, self._flags)
        for method in ("search", "match", "fullmatch", "finditer", "findall", "sub", "split", "pattern"):
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def later(text: str, flags: int = 0) -> re.Pattern[str]:
    """Return a pattern that is compiled, and found wrong, only when it is used."""
    return cast("re.Pattern[str]", _Later(text, int(flags)))
