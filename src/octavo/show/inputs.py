"""Describe a notebook: its title, its kernel and its parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..secrets import hiding
from .screen import flat

if TYPE_CHECKING:
    from ..model import Parameter, Source
    from .screen import Screen


def show(source: Source, to: Screen, as_json: bool) -> None:
    """Print what a notebook takes, as text or as one line of JSON."""
    if as_json:
        to.say(json.dumps(described(source), ensure_ascii=False, default=repr))
        return
    facts = source.facts
    title = f": {to.paint(flat(facts.title), 'bold')}" if facts.title else ""
    to.say(f"{flat(source.path)}{title}")
    to.say(flat(f"kernel: {facts.kernel or 'default'} ({facts.language})"))
    if not facts.params:
        why = "declares none" if facts.parameters_cell else 'has no cell tagged "parameters", so it takes any'
        to.say(f"parameters: it {why}")
        return
    to.say("parameters:")
    rows = [_row(parameter) for parameter in facts.params]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        name, kind, default = (word.ljust(width) for word, width in zip(row, widths, strict=False))
        to.say(f"  {to.paint(name, 'cyan')}  {kind}  {default}  {to.paint(row[3], 'dim')}".rstrip())


def described(source: Source) -> dict[str, object]:
    """Return what a notebook takes as plain values. ``value`` is missing where only running could tell."""
    facts = source.facts
    return {
        "path": source.path,
        "title": facts.title,
        "kernel": facts.kernel,
        "language": facts.language,
        "parameters": [
            {
                "name": parameter.name,
                "type": kind(parameter) or None,
                "default": None if parameter.default is None else _default(parameter),
                **(
                    {"value": hiding.Hiding({}).value(parameter.name, parameter.value)}
                    if parameter.known
                    else {}
                ),
                "help": parameter.help,
            }
            for parameter in facts.params
        ],
    }


def kind(parameter: Parameter) -> str:
    """Return the type of a parameter: as it is declared, or that of its default."""
    if parameter.annotation is not None:
        return parameter.annotation
    if parameter.known and parameter.value is not None:
        return type(parameter.value).__name__
    return ""


def _default(parameter: Parameter) -> str:
    """Return the default of a parameter as its code says it, if it is no secret."""
    shown = hiding.Hiding({}).value(parameter.name, parameter.value)
    return (parameter.default or "") if shown is parameter.value else repr(shown)


def _row(parameter: Parameter) -> tuple[str, str, str, str]:
    default = "(no default)" if parameter.default is None else f"= {flat(_default(parameter))}"
    return parameter.name, kind(parameter), default, flat(parameter.help)
