"""What the plugin of pytest loads when it is asked for; pytest touches every name of the plugin's own module."""

from __future__ import annotations

from ..lazy import lazy_imports

with lazy_imports():
    from . import collecting, settings

__all__ = ["collecting", "settings"]
