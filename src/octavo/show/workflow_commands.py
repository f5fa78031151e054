"""Texts in workflow commands of GitHub Actions: https://docs.github.com/actions/reference/workflow-commands-for-github-actions."""

from __future__ import annotations

from .screen import visible


def in_message(text: str) -> str:
    """Return a text as the message of a command."""
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def in_setting(text: str) -> str:
    """Return a text as the value of a command's ``name=value``."""
    return in_message(text).replace(":", "%3A").replace(",", "%2C")
