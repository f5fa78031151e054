"""What rules of octavo check find and why it matters, as text and as the page of the documentation."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from ..checks import Named


def explained(rule: Named) -> str:
    """Return what a rule says of itself."""
    head = f"{rule.code} {rule.name} ({rule.severity})"
    said = inspect.getdoc(type(rule))
    return f"{head}\n\n{said}" if said else f"{head}\n\nIts class has no docstring that explains it."


def page(rules: Iterable[Named]) -> str:
    """Return the page of all rules, which ``docs/rules.md`` is."""
    parts = [
        "# Rules\n\n`octavo check --explain NB101` prints one of these. How to leave rules out: [checks](checks.md).\n"
    ]
    for rule in rules:
        parts.append(f"## {rule.code} {rule.name}\n\n*{rule.severity}* · {inspect.getdoc(type(rule))}\n")
    return "\n".join(parts)
