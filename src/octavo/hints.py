"""Suggest the known word that a misspelt one may stand for."""

from __future__ import annotations

from collections.abc import Iterable

from .lazy import lazy_imports

with lazy_imports():
    import difflib  # 8 ms that only a mistake should cost


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the hint for a misspelt word, or None when nothing known is near."""
    near = difflib.get_close_matches(word, [k for k in known if isinstance(k, str)], n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else None
