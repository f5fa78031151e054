"""Record what tasks log at the level of octavo build --log, with their output or in a file."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def begin(environ: Mapping[str, str] = os.environ) -> None:
    """Let the root logger of this process write what ``OCTAVO_LOG`` asks for.

    Each line is appended in one piece, so that workers may share a file.
    """
    level, file = environ["OCTAVO_LOG"], environ.get("OCTAVO_LOG_FILE")
    handler = logging.FileHandler(file, encoding="utf-8") if file else logging.StreamHandler()
    handler.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
    logging.basicConfig(level=level, handlers=[handler], force=True)
