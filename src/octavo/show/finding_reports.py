"""Findings of checks as SARIF 2.1.0, as a page of Markdown for a pull request, and as JUnit's XML."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from .. import __version__
from ..checks import Finding, Named
from ..model import Json
from .junit import xml_text
from .screen import flat, many

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def markdown(findings: Sequence[Finding], looked: Sequence[str]) -> str:
    """Return a page for a pull request: how many, and a table of them."""
    errors = sum(found.severity == "error" for found in findings)
    counted = f"{many(len(findings), 'finding')}, {many(errors, 'error')}" if findings else "Nothing found"
    rows = [f"**octavo check**: {counted} in {many(len(looked), 'notebook')}."]
    if findings:
        rows += ["", "| place | rule | finding |", "|---|---|---|"]
    for found in findings:
        hint = f"<br>*{_cell(found.hint)}*" if found.hint else ""
        mark = "❌ " if found.severity == "error" else ""
        rows.append(f"| `{_cell(found.place)}` | {mark}{found.code} | {_cell(found.message)}{hint} |")
    return "\n".join(rows)


def _cell(text: str) -> str:
    """Return a text for a cell of a table of Markdown."""
    escaped = flat(text).replace("\\", "\\\\").replace("|", "\\|").replace("`", "'")
    return escaped.replace("<", "&lt;").replace("*", "\\*")


def junit(findings: Sequence[Finding], looked: Sequence[str]) -> str:
    """Return JUnit's XML: a case for each notebook, which fails by its findings."""
    of: dict[str, list[Finding]] = {path: [] for path in looked}
    for found in findings:
        of.setdefault(found.path, []).append(found)
    suites = ElementTree.Element("testsuites")
    bad = sum(bool(here) for here in of.values())
    suite = ElementTree.SubElement(
        suites,
        "testsuite",
        name="octavo check",
        tests=str(len(of)),
        failures=str(bad),
        errors="0",
        skipped="0",
    )
    for path, here in of.items():
        case = ElementTree.SubElement(
            suite, "testcase", name=xml_text(path), classname="octavo.check", file=xml_text(path)
        )
        if here:
            words = xml_text(f"{many(len(here), 'finding')}: {', '.join(sorted({one.code for one in here}))}")
            failure = ElementTree.SubElement(case, "failure", type="finding", message=words)
            failure.text = xml_text(
                "\n".join(f"{flat(one.place)}: {one.code} {flat(one.message)}" for one in here)
            )
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode")


def sarif(findings: Sequence[Finding], rules: Iterable[Named]) -> str:
    """Return a SARIF log, as code scanning reads it."""
    tool = {
        "name": "octavo",
        "version": __version__,
        "rules": [_rule(rule) for rule in rules],
    }
    results = [
        {
            "ruleId": found.code,
            "level": found.severity,
            "message": {
                "text": found.message
                if found.row or not found.cell
                else f"cell {found.cell}: {found.message}"
            },
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(Path(found.path).as_posix())},
                        "region": {
                            "startLine": found.row or 1,
                            "startColumn": found.column if found.row else 1,
                        },
                    }
                }
            ],
        }
        for found in findings
    ]
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": tool}, "results": results}]}
    return json.dumps(log, ensure_ascii=False, indent=2)


def _rule(rule: Named) -> Json:
    """Return a rule with what it says of itself, as code scanning shows it beside a finding."""
    said = inspect.getdoc(type(rule)) or ""
    words = (
        {"shortDescription": {"text": said.partition("\n\n")[0]}, "fullDescription": {"text": said}}
        if said
        else {}
    )
    return {"id": rule.code, "name": rule.name, **words}
