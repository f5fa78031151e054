"""The binary buffers of a kernel's messages, as text that JSON can hold."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Json


def with_buffers(content: Json, buffers: Iterable[bytes | memoryview] | None) -> Json:
    """Return the content of a message with its buffers in it, as base64."""
    if not buffers:
        return content
    return {**content, "buffers": [base64.b64encode(bytes(buffer)).decode("ascii") for buffer in buffers]}
