"""``octavo init``: a pipeline.yaml for the notebooks of a folder, or for a script that calls papermill."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Error
from ..intake import adoption, papermill_calls, proposal
from ..intake.find import Found, find
from ..intake.watched import watched
from ..products import writing
from ..show.screen import many, screen
from . import build, options

if TYPE_CHECKING:
    from argparse import Namespace

    from ..show.screen import Screen
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo init``."""
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="where the notebooks are (default: here)")
    parser.add_argument(
        "--papermill",
        metavar="FILE",
        action="append",
        default=[],
        help="make tasks of the calls of papermill in a shell script, a crontab, or a Python file (Airflow)",
    )
    parser.add_argument(
        "--run", action="store_true", help="run each notebook once to see which files it reads and writes"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="pipeline.yaml", help="default: pipeline.yaml"
    )
    parser.add_argument("--yes", action="store_true", help="write the file without asking")
    parser.add_argument("--build", action="store_true", help="build the pipeline then")
    parser.examples("""\
Notebooks are read, not run (but with --run), and stay as they are: which files each
reads and writes tells who needs whom. What is proposed is shown before it is written.

examples:
  octavo init                          the notebooks of this folder
  octavo init notebooks --yes --build  write pipeline.yaml, and run it
  octavo init --run                    where paths are computed, see for yourself
  octavo init --papermill nightly.sh   what a script did with papermill
  crontab -l | octavo init --papermill -

exit code: 0 written, or nothing to write, 1 not written, 2 something must be changed first""")


def main(args: Namespace) -> int:
    """Propose, ask, write, and build if that is wanted."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    root, now = Path.cwd(), datetime.now()
    target = root / args.output
    if target.exists():
        hint = "octavo init -o other.yaml proposes another one, to compare"
        raise Error("there is a pipeline already", args.output, hint)
    env: dict[str, str] = {}
    if args.papermill:
        tasks, env, notes = _from_papermill(args.papermill, root)
        head = [
            f"From the calls of papermill in {', '.join(args.papermill)}, by octavo init: change what you like."
        ]
    else:
        tasks, notes = _from_folder(args, root, err)
        head = ["From the notebooks of this folder, by octavo init: change what you like."]
    if not tasks:
        what = ", ".join(args.papermill) or args.folder or "this folder"
        for note in notes:
            err.say(f"note: {note}")
        raise Error(f"there are no {'calls of papermill' if args.papermill else 'notebooks'} in {what}")
    files = {args.output: proposal.text(tasks, head)}
    if env and not (root / "env.yaml").exists():
        files["env.yaml"] = adoption.environment(env, now)
    for name, text in files.items():
        out.say(out.paint(f"+++ {name}", "bold"))
        for line in text.splitlines():
            out.say(out.paint(f"+{line}", "green"))
    for note in notes:
        err.say(f"note: {note}")
    if not (args.yes or _agreed(f"Write {' and '.join(files)}?", err)):
        return 1
    for name, text in files.items():
        writing.write(root / name, [text.encode()])
    err.say(f"{' and '.join(files)} written: {many(len(tasks), 'task')}")
    if "env.yaml" in files and (lacking := adoption.unset(env, now)):
        err.say(f"next: set {', '.join(lacking)} in env.yaml, then octavo build")
        return 0
    # a build replaces no file that it has not made, unless somebody says so
    force = ["--force"] if (there := _there(tasks, root)) else []
    question = f"Build it now, and make {there} anew?" if there else "Build it now?"
    if args.build:
        return _build(args.output, [])
    if not args.yes and _agreed(question, err):
        return _build(args.output, force)
    err.say(f"next: octavo build --force, which makes {there} anew" if there else "next: octavo build")
    return 0


def _there(tasks: Sequence[proposal.ProposedTask], root: Path) -> str:
    """Return which products are there already, in words; "" for none."""
    found = [path for task in tasks for path in task.products.values() if (root / path).exists()]
    return f"{found[0]} and {len(found) - 1} more" if len(found) > 1 else "".join(found)


def _build(file: str, force: Sequence[str]) -> int:
    parser = options.Parser("build", "build")
    build.arguments(parser)
    return build.main(parser.read(["--file", file, *force]))


def _from_papermill(
    scripts: list[str], root: Path
) -> tuple[list[proposal.ProposedTask], dict[str, str], list[str]]:
    tasks: list[proposal.ProposedTask] = []
    env: dict[str, str] = {}
    notes: list[str] = []
    for script in scripts:
        text = sys.stdin.read() if script == "-" else adoption.read(Path(script))
        found, more, remarks = adoption.adopted(
            papermill_calls.calls(text, script, root.as_posix()), root, script
        )
        tasks += found
        env |= more
        notes += remarks
    return tasks, env, notes


def _from_folder(args: Namespace, root: Path, err: Screen) -> tuple[list[proposal.ProposedTask], list[str]]:
    below = (root / (args.folder or ".")).resolve()
    if not below.is_dir():
        raise Error("there is no such folder", args.folder)
    if not below.is_relative_to(root.resolve()):
        raise Error(
            "this folder is not below the current one", args.folder, f"cd {args.folder} && octavo init"
        )
    found, notes = find(root, below)
    if args.run:
        seen: dict[str, Found] = {}
        for one, failure in watched(found, root, lambda path: err.say(f"running {path}")):
            seen[one.path] = one
            if failure is not None:
                notes.append(f"{one.path} failed: {failure.kind}: {failure.message}")
        found = [seen[one.path] for one in found]
    tasks, contradictions = proposal.entries(found)
    return tasks, notes + contradictions


def _agreed(question: str, err: Screen) -> bool:
    """Ask a person; where nobody can answer, say how to agree beforehand."""
    if not sys.stdin.isatty():
        err.say(f"{question} octavo init --yes does")
        return False
    err.say(f"{question} [Y/n] ")
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")
