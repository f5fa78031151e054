"""Git's long-running filter protocol: one process strips all notebooks of a git add.

See gitattributes(5), "Long Running Filter Process", and gitprotocol-common(5) for its packets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from ..errors import Error

#: The most that one packet may hold, without its length.
_MOST = 65516


class Broken(Exception):
    """Whoever is at the other end does not speak the protocol."""


def serve(
    source: BinaryIO, target: BinaryIO, clean: Callable[[bytes, str], bytes], tell: Callable[[str], None]
) -> None:
    """Answer git until it has no more files. ``tell`` is given why a file stays as it is.

    For such a file the answer is "error": git then keeps its bytes, unless the filter is required.
    """
    if _texts(source) != ["git-filter-client", "version=2"]:
        raise Broken("this is no git that speaks version 2 of the filter protocol")
    _send(target, "git-filter-server", "version=2")
    offered = _texts(source)
    if "capability=clean" not in offered:
        raise Broken("this git does not offer to clean")
    _send(target, "capability=clean")
    while (asked := _request(source)) is not None:
        path = next((line.removeprefix("pathname=") for line in asked if line.startswith("pathname=")), "")
        data = b"".join(_packets(source))
        try:
            answer = clean(data, path)
        except Error as error:
            tell(str(error))
            _send(target, "status=error")
            continue
        except (RecursionError, MemoryError) as error:
            tell(f"{path}: {type(error).__name__}")
            _send(target, "status=error")
            continue
        _send(target, "status=success")
        for at in range(0, len(answer), _MOST):
            piece = answer[at : at + _MOST]
            target.write(b"%04x" % (len(piece) + 4) + piece)
        target.write(b"00000000")  # the end of the content, and no further word on the status
        target.flush()


def _request(source: BinaryIO) -> list[str] | None:
    """Return what git asks for next; None when it has nothing more to ask."""
    head = source.read(4)
    if not head:
        return None
    return [line.decode("utf-8", "surrogateescape").rstrip("\n") for line in _packets(source, head)]


def _texts(source: BinaryIO) -> list[str]:
    return [line.decode("utf-8", "surrogateescape").rstrip("\n") for line in _packets(source)]


def _packets(source: BinaryIO, head: bytes = b"") -> Iterator[bytes]:
    """Yield packets up to the one that ends a list."""
    while True:
        head = head or source.read(4)
        try:
            length = int(head, 16) if len(head) == 4 else -1
        except ValueError:
            length = -1
        if length == 0:
            return
        data = source.read(length - 4) if length >= 4 else b""
        if length < 4 or len(data) != length - 4:
            raise Broken("a packet is cut off")
        yield data
        head = b""


def _send(target: BinaryIO, *lines: str) -> None:
    for line in lines:
        data = line.encode() + b"\n"
        target.write(b"%04x" % (len(data) + 4) + data)
    target.write(b"0000")
    target.flush()
