"""What tasks log, from the level on that ``octavo build --log`` sets: kept with what they print, or in one file."""

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
