"""Files of CI systems for a pipeline: what their jobs do, in commands that are the same for all of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path

from ..dataclass import dataclass

#: What is kept between jobs, and what people want to see of one.
CACHED = (".octavo/cache", ".octavo-test")
PAGES = ("review.html", "review.md", "report.html", "smoke.xml", "build.xml")


@dataclass(frozen=True, slots=True)
class CiPlan:
    """What a file shall do. ``nightly`` is an expression of cron, "" for a build at each push to ``branch``.

    ``install`` are commands that install the project; ``remote`` is whether results come from the remote cache.
    """

    pythons: tuple[str, ...] = ("3.11", "3.13")
    branch: str = "main"
    nightly: str = ""
    install: tuple[str, ...] = ("pip install octavo",)
    remote: bool = False

    @property
    def test(self) -> tuple[str, ...]:
        """The commands for each push: check, a build on a sample, and unit tests."""
        return (*self.install, "octavo test --junit smoke.xml")

    @property
    def build(self) -> tuple[str, ...]:
        """The commands of a whole build, and of the page about it, which is written after a failure, too."""
        remote = " --remote" if self.remote else ""
        return (*self.install, f"octavo build{remote} --junit build.xml", "octavo report -o report.html")

    def review(self, base: str) -> tuple[str, ...]:
        """Return the commands that review a branch that is to be merged into ``base``, as the system calls it."""
        difference = "octavo diff FETCH_HEAD...HEAD --html review.html --markdown > review.md"
        return (*self.install, f"git fetch --quiet origin {base}", f"{difference} || [ $? -eq 1 ]")


@dataclass(frozen=True, slots=True)
class FileBlock:
    """A part of a file that octavo has written, by its name; text that people edit is theirs from then on."""

    name: str
    lines: tuple[str, ...] = field(default=())


def installing(root: Path) -> tuple[str, ...]:
    """Return the commands that install a project and octavo, by the files that it has."""
    upgrade = "pip install --upgrade pip"
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        project = {}
    said = ""
    commands = [upgrade]
    if "project" in project or (root / "setup.py").exists():
        groups = project.get("dependency-groups", {})
        commands.append(f"pip install --editable .{' --group dev' if 'dev' in groups else ''}")
        said = str(project.get("project", {}).get("dependencies", "")) + str(groups.get("dev", ""))
    else:
        for name in ("requirements.txt", "requirements.lock.txt"):
            if (root / name).is_file():
                commands.append(f"pip install --requirement {name}")
                said += (root / name).read_text(encoding="utf-8", errors="replace")
                break
    if not re.search(r"\boctavo\b", said):
        commands.append("pip install octavo pytest")
    return tuple(commands)


def indented(lines: Sequence[str], columns: int) -> tuple[str, ...]:
    """Return lines that begin so many columns further right."""
    return tuple(f"{' ' * columns}{line}" if line else "" for line in lines)


def listed(commands: Sequence[str], columns: int) -> tuple[str, ...]:
    """Return commands as a list of YAML, each quoted where YAML would read it otherwise."""
    return indented([f"- {quoted(command)}" for command in commands], columns)


def quoted(text: str) -> str:
    """Return a text as YAML has it: in single quotes where it is more than words."""
    plain = re.fullmatch(r"[A-Za-z][\w ./=+-]*", text) and not re.search(r"\s#|:\s", text)
    return text if plain else "'" + text.replace("'", "''") + "'"
