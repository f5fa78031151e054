"""Find ``ploomber`` for the distribution octavo-ploomber, which asks here, whatever its version."""

from __future__ import annotations

from ..process.finder import spec

__all__ = ["spec"]
