"""What is known of notebooks: as text, a table of several, HTML for a notebook's own cell, plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from ..metadata import About, Distribution, Role, Trust
from ..secrets import hiding
from .screen import Screen, flat, many, seconds

_COLOURS = {Trust.SOUND: "green", Trust.UNCERTAIN: "yellow", Trust.UNSOUND: "red", Trust.NOTHING: "dim"}
_CSS = {
    Trust.SOUND: "#1a7f37",
    Trust.UNCERTAIN: "#9a6700",
    Trust.UNSOUND: "#cf222e",
    Trust.NOTHING: "#6e7781",
}
#: How many reasons, packages and files are shown.
MOST = 8


def lines(about: About, out: Screen) -> None:
    """Print what is known of one notebook."""
    title = f": {out.paint(flat(about.title), 'bold')}" if about.title else ""
    out.say(f"{flat(about.path)}{title}")
    for name, value in rows(about):
        if name == "integrity":
            state = about.integrity.state.value
            value = out.paint(state, _COLOURS[about.integrity.state]) + value.removeprefix(state)
        out.say(f"  {name:<10} {value}")


def table(found: Sequence[About], out: Screen) -> None:
    """Print a line for each of several notebooks."""
    head = ("notebook", "title", "version", "ran", "integrity", "task")
    cells = [head, *(_line(about) for about in found)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for number, row in enumerate(cells):
        words = [word.ljust(width) for word, width in zip(row, widths, strict=True)]
        if number:
            words[4] = out.paint(words[4], _COLOURS[found[number - 1].integrity.state])
        out.say("  ".join(words).rstrip() if number else out.paint("  ".join(words).rstrip(), "dim"))


def _line(about: About) -> tuple[str, ...]:
    tasks = ", ".join(dict.fromkeys(role.task for role in about.roles))
    return (
        flat(about.path),
        flat(about.title)[:40],
        flat(about.identity.version),
        _when(about.run.at) if about.run else "",
        about.integrity.state.value,
        flat(tasks),
    )


def html(about: About) -> str:
    """Return a table for the output of a cell: no script, no style from elsewhere, readable in light and dark."""
    colour = _CSS[about.integrity.state]
    body = []
    for name, value in [("notebook", about.title or about.path), *rows(about)]:
        text = escape(value)
        if name == "integrity":
            state = escape(about.integrity.state.value)
            text = f'<b style="color:{colour}">{state}</b>' + text.removeprefix(state)
        body.append(
            f'<tr><th scope="row" style="text-align:left">{escape(name)}</th>'
            f'<td style="text-align:left">{text}</td></tr>'
        )
    return "<table>" + "".join(body) + "</table>"


def rows(about: About) -> Iterator[tuple[str, str]]:
    """Yield what is known, name and words; what is not known is left out."""
    said = about.identity
    if said.id:
        yield (
            "id",
            flat(said.id) + (f" ({flat(said.kept_by)})" if said.kept_by not in ("", "nbproject") else ""),
        )
    if said.version:
        yield "version", flat(said.version)
    if about.standing:
        yield "standing", flat(about.standing)
    if said.created:
        yield "created", _when(said.created)
    if said.by:
        yield "by", flat(said.by)
    if about.run:
        took = f", {seconds(about.run.seconds)}" if about.run.seconds is not None else ""
        who = next((f", by {flat(role.by)}" for role in about.roles if role.executed and role.by), "")
        yield "ran", f"{_when(about.run.at)}{took}{who}{', failed' if about.run.failed else ''}"
    yield "integrity", ": ".join([about.integrity.state.value, *_few(about.integrity.reasons, "; ")])
    yield "kernel", f"{flat(about.kernel or 'default')} ({flat(about.language)}), {many(about.cells, 'cell')}"
    if about.packages:
        yield from _packages(about.packages)
    for role in about.roles:
        yield from _role(role)
    if said.parents:
        yield "parents", flat(", ".join(said.parents))
    for name, value in said.fields.items():
        yield flat(name), flat(str(hiding.Hiding({}).value(name, value)))


def _packages(packages: Sequence[Distribution]) -> Iterator[tuple[str, str]]:
    words = [_package(one) for one in sorted(packages, key=lambda one: not one.differs)]
    yield "packages", "".join(_few(words, ", "))


def _package(one: Distribution) -> str:
    if one.differs:
        now = f"{one.installed} is installed" if one.installed else "not installed"
        return f"{flat(one.name)} {flat(one.stored)} ({now})"
    return f"{flat(one.name)} {one.installed or '(not installed)'}"


def _role(role: Role) -> Iterator[tuple[str, str]]:
    what = "made by task" if role.executed else "task"
    state = "fresh" if role.fresh else ": ".join(["stale", *_few(role.reasons, "; ")])
    by = f"; last run by {flat(role.by)}" if role.by and not role.executed else ""
    yield "pipeline", f"{what} {flat(role.task)} of {flat(role.pipeline)}, {state}{by}"
    if role.upstream:
        yield "needs", flat(", ".join(role.upstream))
    if role.downstream:
        yield "needed by", flat(", ".join(role.downstream))
    if role.inputs:
        yield (
            "inputs",
            "".join(_few([f"{flat(path)} ({kept[:8]})" for path, kept in role.inputs.items()], ", ")),
        )


def _few(words: Sequence[str], between: str) -> list[str]:
    """Return words joined to one, as a list of at most that: the last says how many are left out."""
    if not words:
        return []
    more = [f"… and {len(words) - MOST} more"] if len(words) > MOST else []
    return [between.join([*map(flat, words[:MOST]), *more])]


def _when(text: str) -> str:
    """Return a time in ISO format to the minute."""
    return flat(text)[:16].replace("T", " ")


def plain(about: About) -> Mapping[str, object]:
    """Return what is known as plain values, for JSON."""
    found = dataclasses.asdict(about)
    found["integrity"]["state"] = about.integrity.state.value
    found["identity"]["fields"] = {
        name: hiding.Hiding({}).value(name, value) for name, value in about.identity.fields.items()
    }
    for package, one in zip(found["packages"], about.packages, strict=True):
        package["differs"] = one.differs
    return found
