"""octavo env: lock what the tasks import, compare a machine with the lock, and make images of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Error
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..products import writing
from ..show.screen import flat, many, screen, several
from . import options

with lazy_imports():
    from ..travel import apart, conda, image, lock, used

if TYPE_CHECKING:
    from argparse import Namespace

    from ..project import Project
    from ..show.screen import Screen
    from .options import Parser

ACTIONS = ("lock", "check", "image")


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo env``."""
    add = parser.add_argument
    add("action", metavar="ACTION", help="lock, check or image")
    options.file(parser)
    add("-o", "--output", metavar="FILE", help="lock, check, image: the lock (default: requirements.lock)")
    add("--octavo", metavar="WHEEL", help="image: a wheel of octavo in the project, where the lock has none")
    add("--force", action="store_true", help="image: also replace files that octavo has not written")
    add("--build", metavar="NAME", help="image: build it under this name with podman or docker, and try it")
    parser.examples("""\
  lock   write what the tasks import, in the versions they ran with, and all that it needs (by uv)
  check  say how this machine differs from the lock; exit code 1 if it does
  image  write a Dockerfile, .binder/ and .devcontainer/ that install the lock; code stays outside

examples:
  octavo env lock
  octavo env check
  octavo env image --build registry/team:3""")


def main(args: Namespace) -> int:
    """Run an action and return the exit code."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    if args.action not in ACTIONS:
        hint = did_you_mean(args.action, ACTIONS) or "there are: " + ", ".join(ACTIONS)
        raise Error(f'octavo env has no action "{args.action}"', hint=hint)
    for name in ("octavo", "force", "build"):
        if getattr(args, name) and args.action != "image":
            raise Error(f"--{name} belongs to octavo env image")
    with options.project(args) as project:
        path = Path(args.output) if args.output else project.root / lock.NAME
        if args.action == "lock":
            return _lock(project, path, out, err)
        if args.action == "check":
            return _check(project, path, out)
        return _image(project, path, args, out)


def _lock(project: Project, path: Path, out: Screen, err: Screen) -> int:
    found, octavo = used.used(project), used.own()
    text, notes = lock.locked(found, octavo)
    if found.unrun:
        notes.append(f"not run yet, and read instead: {several(list(found.unrun), 3)}")
    if not octavo:
        notes.append("octavo was installed from a folder, and is not in the lock")
    said, tool = conda.source(project.root), conda.tool()
    if said is not None and tool is None:
        notes.append(f"{said.name}: conda-lock, which locks it, is not installed: pip install conda-lock")
    theirs = apart.environments(project, locked=False)
    for note in (*found.doubts, *notes):
        err.say(f"{err.paint('note:', 'cyan')} {flat(note)}")
    writing.write(path, [text.encode()], named=True)
    _, versions = lock.read(path)
    count = many(len(found.versions), "package")
    out.say(f"{flat(os.path.relpath(path))}: {count} that the tasks import, {len(versions)} in all")
    for one in theirs:
        out.say(flat(apart.lock(project, one)))
    if said is not None and tool is not None:
        target = project.root / conda.NAME
        conda.lock(tool, said, target)
        out.say(f"{conda.NAME}: {many(len(conda.read(target)), 'package')}")
    return 0


def _check(project: Project, path: Path, out: Screen) -> int:
    theirs = apart.environments(project)
    python, wanted = lock.read(path)
    found = [*lock.differences(python, wanted)]
    found += [line for one in theirs for line in apart.differences(one)]
    if (ours := project.root / conda.NAME).is_file():
        found += conda.differences(conda.read(ours), Path(sys.prefix))
    for line in found:
        out.say(flat(line))
    if not found:
        out.say(f"as locked: {many(len(wanted), 'package')}")
    for one in theirs:
        out.say(flat(apart.state(one)))
    return int(bool(found))


def _image(project: Project, path: Path, args: Namespace, out: Screen) -> int:
    python, wanted = lock.read(path)
    root = project.root
    inside = os.path.relpath(path, root)
    if inside.startswith(".."):
        raise Error("the lock is outside of the project, where no image finds it", str(path))
    wheel = _wheel(args.octavo, root)
    if "octavo" not in wanted and not wheel:
        hint = "--octavo dist/octavo-1.0-py3-none-any.whl, a wheel in the project"
        raise Error("the lock has no octavo, and so would the image", str(path), hint)
    python = python or sys.version.split()[0]
    made = image.files(inside, path.read_text(encoding="utf-8"), python, wheel)
    for name in made if not args.force else ():
        there = root / name
        if there.exists() and not image.ours(name, there.read_text(encoding="utf-8", errors="replace")):
            raise Error("octavo has not written it", str(there), "--force replaces it")
    for name, text in made.items():
        (root / name).parent.mkdir(exist_ok=True)
        writing.write(root / name, [text.encode()])
        out.say(name)
    return _build(args.build, used.used(project).modules, root, out) if args.build else 0


def _wheel(wheel: str | None, root: Path) -> str:
    if not wheel:
        return ""
    path = Path(wheel)
    if not path.is_file() or path.suffix != ".whl":
        raise Error("it is no wheel", wheel, "python -m build --wheel makes one")
    inside = os.path.relpath(path, root)
    if inside.startswith(".."):
        raise Error("it is outside of the project, where no image finds it", wheel)
    return inside


def _build(tag: str, modules: tuple[str, ...], root: Path, out: Screen) -> int:
    """Build the image and try it; return the exit code."""
    engine = next(filter(shutil.which, ("podman", "docker")), None)
    if engine is None:
        raise Error(
            "there is neither podman nor docker here", hint="build it where one is, with this Dockerfile"
        )
    for words in (image.build(engine, tag), *image.smoke(engine, tag, modules)):
        out.say(out.paint(image.shown(words), "dim"))
        if code := subprocess.run(words, cwd=root, check=False).returncode:
            raise Error(f"{engine} {words[1]} ended with {code}: see above")
    out.say(f"{flat(tag)}: built, and it runs octavo and imports what the tasks do")
    return 0
