"""``octavo test``: check, then build on samples in a place of its own, then unit tests: one table, one exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .. import project as projects
from ..dataclass import dataclass
from ..deploy import here
from ..deploy.plan import code
from ..errors import Error, raise_all
from ..show.screen import screen, seconds
from ..smoke import changed, place
from ..smoke.settings import Sample, settings, shared
from . import options

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence
    from typing import IO

    from ..project import Project
    from ..show.screen import Screen
    from .options import Parser


#: The variable of the environment that names the file of settings.
_NAME = "PLOOMBER_ENV_FILENAME"
#: pytest's exit code where it has found no test.
_NONE_FOUND = 5


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the test: how it ended, by the exit code, and in seconds. None: there was nothing to do."""

    name: str
    code: int | None
    took: float = 0.0
    why: str = ""

    @property
    def word(self) -> str:
        return "skipped" if self.code is None else "passed" if self.code == 0 else "failed"


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo test``."""
    add = parser.add_argument
    add("targets", nargs="*", metavar="TARGET", help="the tasks to build on the sample (default: all)")
    options.file(parser)
    add(
        "--changed",
        metavar="REV",
        help="only tasks that differ from where the branch left REV, and those after",
    )
    add("--shared", action="store_true", help="allow tables and objects that the real pipeline makes, too")
    add("--no-check", action="store_true", help="leave octavo check out")
    add("--no-unit", action="store_true", help="leave the unit tests out")
    add("--junit", metavar="FILE", help="write how the tasks ended as JUnit's XML")
    add("--json", action="store_true", help="print one JSON object at the end")
    parser.examples("""\
The sample is asked for by env.sample.yaml, by the parameter sample, or by data/sample (octavo sample).

examples:
  octavo test                  all of it
  octavo test +report          on the sample only report and what it needs
  octavo test --changed main   only what the branch affects
  octavo test --no-unit --junit smoke.xml

exit code: 0 all passed, 1 something failed, 2 something must be changed first""")


def main(args: Namespace) -> int:
    """Run the parts one after the other, all of them, and return the exit code."""
    out = screen(sys.stderr if args.json else sys.stdout, os.environ)
    stream = sys.stderr if args.json else None
    if args.changed and args.targets:
        raise Error("--changed selects the tasks itself", hint="leave out " + " ".join(args.targets))
    with projects.load(args.file) as project:
        root, path = project.root, Path(project.path)
        if not path.is_relative_to(root):
            raise Error("a smoke test needs a pipeline in a file of the project", str(path))
        files, _ = code(project)
        sample = settings(project, files.paths)
        project.graph.select(args.targets)
        copy = place.prepared(str(root), files.paths, sample.stands_for)
        args.targets = _targets(args, project, Path(copy) / path.relative_to(root), sample)
    parts = []
    if not args.no_check:
        parts.append(_run("check", [*here.command(), "check"], str(root), {}, stream))
    if args.changed and not args.targets:
        parts.append(_Part("sample", None, why=f"no task is affected since {args.changed}"))
    else:
        words = _build(args, path.relative_to(root), sample)
        parts.append(_run("sample", words, copy, sample.environ, stream))
    if not args.no_unit:
        parts.append(_unit(root, stream))
    _table(parts, out)
    if args.json:
        told = [{"part": one.name, "outcome": one.word, "seconds": round(one.took, 3)} for one in parts]
        sys.stdout.write(json.dumps({"parts": told, "place": copy}) + "\n")
    codes = [one.code for one in parts if one.code]
    return 130 if 130 in codes else 2 if 2 in codes else int(bool(codes))


def _targets(args: Namespace, project: Project, file: Path, sample: Sample) -> list[str]:
    """Return what to build in the place; raise what keeps it from being a thing of its own."""
    since = changed.files(str(project.root), args.changed) if args.changed else set()
    before = os.environ.get(_NAME)
    os.environ.update(sample.environ)
    try:
        with projects.load(str(file), params=dict(sample.params) or None) as other:
            mixed = [] if args.shared else shared(project.graph.tasks, other.graph.tasks)
            raise_all(mixed, "the sample would mix with real results")
            if args.changed:
                return changed.targets(other, since, sample.stands_for)
            return [*args.targets]
    finally:
        os.environ.pop(_NAME, None)
        if before is not None:
            os.environ[_NAME] = before


def _build(args: Namespace, file: Path, sample: Sample) -> list[str]:
    words = [*here.command(), "build", "--file", str(file), *args.targets]
    for name, value in sample.params.items():
        words += ["--param", f"{name}={value}"]
    return [*words, "--junit", os.path.abspath(args.junit)] if args.junit else words


def _run(
    name: str,
    words: list[str],
    folder: str,
    environ: Mapping[str, str],
    stream: IO[str] | None,
    why: str = "",
) -> _Part:
    """Run a command to its end; what it prints is seen as it comes."""
    begun = time.monotonic()
    code = subprocess.run(
        words, cwd=folder, env={**os.environ, **environ}, stdout=stream, check=False
    ).returncode
    return _Part(name, code, time.monotonic() - begun, why)


def _unit(root: Path, stream: IO[str] | None) -> _Part:
    """Run the unit tests of a project by pytest; a project may have none."""
    if not any(next((root / name).rglob("test_*.py"), None) for name in ("tests", "test")):
        return _Part("unit tests", None, why="there are none in tests")
    if find_spec("pytest") is None:
        return _Part("unit tests", 2, why="pytest is not installed")
    python = here.command()[0]
    part = _run("unit tests", [python, "-m", "pytest", "-q"], str(root), {}, stream)
    if part.code == _NONE_FOUND:
        return _Part(part.name, None, part.took, "pytest has found none")
    return _Part(part.name, int(bool(part.code)), part.took)


def _table(parts: Sequence[_Part], out: Screen) -> None:
    colours = {"passed": "green", "failed": "red", "skipped": "dim"}
    wide = max(len(part.name) for part in parts)
    for part in parts:
        said = f"{part.name:<{wide}}  {out.paint(part.word, colours[part.word])}"
        out.say(
            said + (f"  {seconds(part.took)}" if part.took else "") + (f"  {part.why}" if part.why else "")
        )
