"""Suggest the known word that a misspelt one may stand for."""

from __future__ import annotations

from collections.abc import Iterable

from .lazy import lazy_imports

with lazy_imports():
    import difflib  # 8 ms that only a mistake should cost


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the hint for a misspelt word, or None when nothing known is near: codes are all alike by half."""
    near = difflib.get_close_matches(word, [k for k in known if isinstance(k, str)], n=1, cutoff=cutoff)
    return f'did you mean "{near[0]}"?' if near else None


def of_windows(path: str, *, inside: bool = False) -> str | None:
    """Return the hint for a path as Windows has it, or None for any other: drives are where WSL mounts them.

    ``inside``: it must be in the project.
    """
    if "\\" not in path:
        return None
    if inside and path[1:2] == ":":
        return "paths count from the project"
    plain = path.replace("\\", "/")
    if plain[1:2] == ":" and plain[:1].isalpha():
        plain = f"/mnt/{plain[0].lower()}/{plain[2:].lstrip('/')}"
    elif plain.lower().startswith(("//wsl$/", "//wsl.localhost/")):
        plain = "/" + "/".join(plain.split("/")[4:])
    return f"write {plain}"
