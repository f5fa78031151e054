"""Files that are made of blocks between marks: written, and written anew without what people have edited."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..dataclass import dataclass
from ..digests import digest
from ..errors import Error
from . import FileBlock

_NOTE = "octavo ci writes what stands between its marks anew; what you edit there or elsewhere stays"


@dataclass(frozen=True, slots=True)
class Updated:
    """A file as it shall be, the blocks that stay as people edited them, and those that they took out."""

    text: str
    kept: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def fresh(blocks: Sequence[FileBlock], sign: str) -> str:
    """Return a new file; ``sign`` begins a comment in its language."""
    return f"{sign} {_NOTE}\n" + "".join(_marked(block, sign) for block in blocks)


def update(old: str, blocks: Sequence[FileBlock], sign: str, path: str) -> Updated:
    """Return a file with its blocks as they shall be; raise an error for a file that octavo has not made."""
    known = {block.name: block for block in blocks}
    pattern = re.compile(
        rf"^{re.escape(sign)} >>> octavo (\S+) ([0-9a-f]{{8}})\n(.*?)^{re.escape(sign)} <<< octavo \1\n",
        re.M | re.S,
    )
    found = {match[1]: match for match in pattern.finditer(old)}
    if not found:
        raise Error("this file is there already, and octavo has not made it", path, "name another: -o FILE")
    kept = tuple(name for name, match in found.items() if digest(match[3])[:8] != match[2])

    def replaced(match: re.Match[str]) -> str:
        return match[0] if match[1] in kept or match[1] not in known else _marked(known[match[1]], sign)

    missing = tuple(name for name in known if name not in found)
    return Updated(pattern.sub(replaced, old), kept, missing)


def _marked(block: FileBlock, sign: str) -> str:
    text = "".join(f"{line}\n" for line in block.lines)
    return f"{sign} >>> octavo {block.name} {digest(text)[:8]}\n{text}{sign} <<< octavo {block.name}\n"
