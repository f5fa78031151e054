"""Findings of checks as a page of Markdown for a pull request, and as JUnit's XML."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from ..checks import Finding
from .junit import xml_text
from .screen import flat, many


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
