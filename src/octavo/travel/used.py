"""What the tasks of a pipeline really import, as their records say, or their code where they have not run."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

from .. import environment
from ..dataclass import dataclass
from ..parts import PACKAGE, PYTHON, about
from ..plan import key_of
from ..project import Project
from ..reading.versions import newest


@dataclass(frozen=True, slots=True)
class Used:
    """Distributions with the versions that were imported; ``modules`` are their names in code.

    ``unrun`` are tasks that have no record; what their code names counts, as it is installed here. ``doubts`` is what
    a person should know.
    """

    python: str
    versions: dict[str, str]
    modules: tuple[str, ...]
    unrun: tuple[str, ...]
    doubts: tuple[str, ...]


def used(project: Project) -> Used:
    """Return what the tasks of a project import from other packages."""
    versions: dict[str, set[str]] = {}
    modules: set[str] = set()
    pythons: set[str] = set()
    unrun = []
    for task in project.graph:
        if task.source.facts.language != "python" or "environment" in task.own:  # what it imports is not here
            continue
        record = project.store.record(key_of(task))
        found: dict[str, tuple[str, str]] = {}
        if record is not None and record.state == "done":
            for top in about(PACKAGE, record.discovered):
                part = PACKAGE.of(top)
                found[top] = (record.discovered[part], record.manifest.get(part, ""))
            pythons |= {record.manifest[PYTHON.word]} if PYTHON.word in record.manifest else set()
        else:
            unrun.append(task.name)
            found = environment.packages(project.store, task.source.facts.imports)
        for top, (dist, version) in found.items():
            modules.add(top)
            versions.setdefault(dist, set()).add(version)
    chosen = {dist: newest(known - {""}) for dist, known in sorted(versions.items()) if known - {""}}
    doubts = tuple(_doubts(versions, chosen, pythons))
    return Used(environment.python_version(), chosen, tuple(sorted(modules)), tuple(unrun), doubts)


def own() -> str:
    """Return octavo as a requirement, with what reaches stores; "" where it was installed from a folder."""
    try:
        found = metadata.distribution("octavo")
    except metadata.PackageNotFoundError:
        return ""
    return "" if found.read_text("direct_url.json") else f"octavo[remote]=={found.version}"


def _doubts(versions: dict[str, set[str]], chosen: dict[str, str], pythons: set[str]) -> Iterator[str]:
    installed = environment.versions()
    for dist, known in sorted(versions.items()):
        if len(known) > 1:
            yield f"tasks ran with {dist} {', '.join(sorted(known))}: {chosen[dist]} is locked"
        elif dist in chosen and installed.get(dist, chosen[dist]) != chosen[dist]:
            yield f"tasks ran with {dist} {chosen[dist]}, and {installed[dist]} is installed here"
    mine = environment.python_version()
    if others := sorted(pythons - {mine}):
        yield f"tasks ran with Python {', '.join(others)}, and this is {mine}"
