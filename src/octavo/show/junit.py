"""A build as JUnit's XML, which CI systems show as tests: a case for each task.

The form that Jenkins and GitLab read: https://github.com/testmoapp/junitxml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from ..lazy import lazy_imports
from ..model import Outcome
from ..tracebacks import plain
from .failures import failed, location
from .screen import Screen

with lazy_imports():
    from ..quality import shown as quality

if TYPE_CHECKING:
    from ..events import CheckFinished, TaskFinished
    from ..report import Report

#: What XML 1.0 cannot hold, not even as an entity (https://www.w3.org/TR/xml/#charsets).
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report, printed: Mapping[str, str], root: str) -> str:
    """Return the XML of a build; ``printed`` is the end of what each failed task printed.

    A task that failed is a failure, one that was blocked an error, one that was fresh or restored is skipped.
    """
    events, checks = report.ended.values(), report.checks.values()
    count = {outcome: sum(event.outcome is outcome for event in events) for outcome in Outcome}
    skipped = count[Outcome.FRESH] + count[Outcome.RESTORED] + count[Outcome.CANCELLED]
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        suites,
        "testsuite",
        name="octavo build",
        tests=str(len(events) + len(checks)),
        failures=str(count[Outcome.FAILED] + sum(not it.good and it.severity != "warn" for it in checks)),
        errors=str(count[Outcome.BLOCKED]),
        skipped=str(skipped),
        time=f"{report.seconds:.3f}",
    )
    for event in events:
        for (task, _), check in report.checks.items():
            if task == event.task:
                _check(suite, check)
        _case(suite, event, printed.get(event.task, ""), root)
    ElementTree.indent(suites)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"
    )


def _case(suite: ElementTree.Element, event: TaskFinished, printed: str, root: str) -> None:
    place: dict[str, str] = {}
    if event.failure is not None:
        path, line = location(event.failure, root)
        place |= {"file": xml_text(path)} if path else {}
        place |= {"line": str(line)} if line else {}
    case = ElementTree.SubElement(
        suite,
        "testcase",
        {"name": xml_text(event.task), "classname": "octavo", "time": f"{event.seconds:.3f}", **place},
    )
    match event.outcome:
        case Outcome.FAILED:
            kind = event.failure.kind if event.failure else "failed"
            message = plain(event.failure.message).strip() if event.failure else ""
            first = xml_text(f"{kind}: {message}".partition("\n")[0])
            failure = ElementTree.SubElement(case, "failure", type=xml_text(kind), message=first)
            failure.text = xml_text("\n".join(failed(event, "", Screen(StringIO()), root)))
        case Outcome.BLOCKED:
            why = ", ".join(str(reason) for reason in event.reasons) or "its upstream is missing"
            ElementTree.SubElement(case, "error", type="blocked", message=xml_text(why))
        case Outcome.FRESH | Outcome.RESTORED | Outcome.CANCELLED:
            ElementTree.SubElement(case, "skipped", message=event.outcome.value)
        case Outcome.DONE:
            pass
    if printed:
        ElementTree.SubElement(case, "system-out").text = xml_text(plain(printed))


def _check(suite: ElementTree.Element, event: CheckFinished) -> None:
    """Add the case of a check of a task's data; one that only warns has passed, and says what it found."""
    name = {"name": xml_text(event.check), "classname": xml_text(f"octavo.{event.task}")}
    case = ElementTree.SubElement(suite, "testcase", {**name, "time": f"{event.seconds:.3f}"})
    if event.good:
        return
    if event.severity == "warn":
        ElementTree.SubElement(case, "system-out").text = xml_text(f"warning: {quality.text(event)}")
        return
    failure = ElementTree.SubElement(case, "failure", type="check", message=xml_text(event.found))
    failure.text = xml_text(quality.text(event))


def xml_text(text: str) -> str:
    """Return a text without what XML cannot hold."""
    return _FORBIDDEN.sub("\ufffd", text)
