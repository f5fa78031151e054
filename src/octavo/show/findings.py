"""Findings of checks as text, JSON, and annotations of GitHub."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from ..checks import Finding, Named
from ..lazy import lazy_imports
from ..model import Json
from .screen import Screen, columns, cut, flat
from .workflow_commands import in_message, in_setting

with lazy_imports():
    # XML and URLs, which few want
    from . import finding_reports

FORMATS = ("text", "json", "github", "sarif", "markdown", "junit")


def text(findings: Iterable[Finding], out: Screen) -> None:
    """Print a line for each, the line of code that is meant with a mark, and the hint."""
    for found in findings:
        colour = "red" if found.severity == "error" else "yellow"
        out.say(f"{flat(found.place)}: {out.paint(found.code, colour)} {flat(found.message)}")
        if found.code_line.strip():
            _marked(found, out)
        if found.hint:
            out.say(out.paint(f"  hint: {flat(found.hint)}", "dim"))


def _marked(found: Finding, out: Screen) -> None:
    """Print the line of code of a finding, and a mark below the column."""
    number = str(found.row or found.line)
    before = flat(found.code_line[: found.column - 1].replace("\t", " "))
    line = before + flat(found.code_line[found.column - 1 :].replace("\t", " ")).rstrip()
    bare = line.lstrip()
    cut_off = min(len(line) - len(bare), len(before))
    space = " " * columns(before[cut_off:])
    rest = max(20, out.width - len(number) - 5) if out.width else len(found.code_line) + 1
    out.say(f"  {out.paint(number + ' |', 'dim')} {cut(line[cut_off:], rest)}")
    if len(space) < rest:
        out.say(f"  {out.paint(' ' * len(number) + ' |', 'dim')} {space}{out.paint('^', 'yellow')}")


def statistics(findings: Sequence[Finding], out: Screen) -> None:
    """Print how many findings each rule has, most first, and which can be mended."""
    counts = Counter((found.code, found.name) for found in findings)
    fixable = {found.code for found in findings if found.edits}
    for (code, name), count in counts.most_common():
        out.say(f"{count:>5}  {code}  {'[*] ' if code in fixable else '    ' if fixable else ''}{name}")


def formatted(form: str, findings: Sequence[Finding], rules: Iterable[Named], looked: Sequence[str]) -> str:
    """Return them in one of the formats for machines; ``looked`` are the notebooks that were read."""
    match form:
        case "json":
            return json.dumps(plain(findings), ensure_ascii=False, indent=2)
        case "github":
            return "\n".join(github(findings))
        case "sarif":
            return finding_reports.sarif(findings, rules)
        case "junit":
            return finding_reports.junit(findings, looked)
    return finding_reports.markdown(findings, looked)


def plain(findings: Iterable[Finding]) -> list[Json]:
    """Return them as JSON values."""
    return [
        {
            "code": found.code,
            "name": found.name,
            "severity": found.severity,
            "message": found.message,
            "hint": found.hint,
            "path": found.path,
            "cell": found.cell,
            "line": found.line,
            "column": found.column,
            "row": found.row or None,
            "fixable": bool(found.edits),
        }
        for found in findings
    ]


def github(findings: Iterable[Finding]) -> list[str]:
    """Return workflow commands of GitHub Actions."""
    lines = []
    for found in findings:
        where = f"file={in_setting(found.path)}" + (
            f",line={found.row},col={found.column}" if found.row else ""
        )
        cell = "" if found.row or found.cell is None else f"cell {found.cell}, line {found.line}: "
        title = f"{found.code} {found.name}"
        lines.append(
            f"::{found.severity} {where},title={in_setting(title)}::{in_message(cell + found.message)}"
        )
    return lines
