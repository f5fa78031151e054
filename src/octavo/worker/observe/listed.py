"""Listings of folders: for which names the task asked, by the frames that asked, and what was there then."""

from __future__ import annotations

import re
from fnmatch import translate
from types import CodeType

from ...asked import Listing
from .frames import STANDARD, Asker
from .stamps import Stamp

#: Who looks for installed packages by their metadata, and of a folder's names that is what counts.
_METADATA, METADATA = f"{STANDARD}importlib/metadata/", "*.*-info"


class Listed:
    """A folder as it was listed: what was asked for, which folder that was, the names that were there."""

    __slots__ = ("listing", "names", "place", "sized")

    def __init__(
        self, listing: Listing, place: Stamp | None, names: tuple[str, ...] | None, sized: bool
    ) -> None:
        self.listing = listing
        self.place = place
        self.names = names
        self.sized = sized


def pattern_of(asker: Asker) -> tuple[str, bool]:
    """Return the pattern that a folder is listed for, and whether it finds hidden names; "" for all there are."""
    if about_packages(asker):
        return METADATA, True
    for frame in asker.via[:4]:
        code, known = frame.f_code, frame.f_locals
        if code.co_name == "_glob1" and isinstance(pattern := known.get("pattern"), str):
            return pattern + "/" * bool(known.get("dironly")), bool(known.get("include_hidden"))
        # pathlib's glob, up to Python 3.12, keeps its pattern only as the method "match" of a compiled one
        if (
            code.co_name == "_select_from"
            and (match := getattr(known.get("self"), "match", None)) is not None
        ):
            regex = getattr(getattr(match, "__self__", None), "pattern", "")
            plain = re.sub(r"\\(.)", r"\1", regex[4:-3].replace(".*", "*"))
            if translate(plain) == regex:
                return plain + "/" * bool(getattr(known["self"], "dironly", False)), True
    return "", False


def about_packages(asker: Asker) -> bool:
    """Return whether it is ``importlib.metadata`` that asks."""
    return bool(asker.via) and asker.via[0].f_code.co_filename.startswith(_METADATA)


def asks_sizes(code: CodeType) -> bool:
    """Return whether code that lists a folder asks what it finds for more than its name."""
    return "stat" in code.co_names or any(
        asks_sizes(constant) for constant in code.co_consts if isinstance(constant, CodeType)
    )
