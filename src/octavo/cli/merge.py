"""``octavo merge``: merge notebooks by cells, and help through conflicts as git does."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .. import notebook as documents
from .. import products
from ..errors import Error, NotebookError
from ..lazy import lazy_imports
from ..notebook.cells import Notebook
from ..products import writing
from ..review import merge
from ..review.merge_text import Labels
from ..show.screen import Screen, flat, many, screen, visible

with lazy_imports():
    from ..review import conflicts, git

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from .options import Parser

#: What the driver says to the command that git runs: git merges the text itself where it is another number.
_CONFLICT = 3
#: What is under way, and the command of git that goes on with it or gives it up.
_UNDER_WAY = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}
_NOTHING = "git is in no merge, rebase, cherry-pick or revert"
_SIDES = ("base", "ours", "theirs")
_TOOL = "[o]urs, [t]heirs, [b]oth, [s]kip or [q]uit? "


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo merge``."""
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE", help="BASE OURS THEIRS; with --tool: notebooks with conflicts")
    add("-o", "--output", metavar="FILE", help="where to write the merged notebook (default: print it)")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--tool", action="store_true", help="go through conflicts, and take a side")
    either.add_argument("--continue", dest="onward", action="store_true", help="check and go on, as git does")
    either.add_argument("--abort", action="store_true", help="give up, as git does")
    either.add_argument("--driver", action="store_true", help="be the merge driver of git")
    parser.examples("""\
Edits of different cells, and of different lines of a cell, merge. Otherwise both sides stand in marked cells of a
notebook that opens in Jupyter. Outputs are taken with their code, or dropped.
exit code: 0 merged, 1 there are conflicts, 2 a file could not be read

examples:
  octavo merge base.ipynb ours.ipynb theirs.ipynb -o merged.ipynb
  octavo merge --tool                 go through the conflicts of git merge, git rebase …
  octavo merge --continue""")


def main(args: Namespace) -> int:
    """Merge, or go on with a merge of git."""
    if args.driver:
        return _driver(args.files)
    if args.output and (args.tool or args.onward or args.abort):
        raise Error("--output is for BASE OURS THEIRS alone")
    if args.tool:
        return _tool(args.files, sys.stdin.buffer)
    if args.onward or args.abort:
        if args.files:
            raise Error("--continue and --abort take no files")
        return _onward() if args.onward else _abort()
    if len(args.files) != 3:
        raise Error("three files are merged: BASE OURS THEIRS", hint="in a merge of git: octavo merge --tool")
    read = [(products.whole(path), path) for path in args.files]
    text, found = merge_files(read, args.files[1], Labels(args.files[1], args.files[2]))
    if args.output:
        writing.write(args.output, [text], named=True)
    else:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    _tell(found, args.output or args.files[1], screen(sys.stderr, os.environ))
    return int(bool(found.conflicts))


def merge_files(read: list[tuple[bytes, str]], path: str, labels: Labels) -> tuple[bytes, merge.Merged]:
    """Merge three files, each with what it is called; the result is in the format of ours. Raises ``Error``."""
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    base, ours, theirs = (
        documents.loads(data, name) if data.strip() else Notebook(empty, "ipynb", name) for data, name in read
    )
    for side in (base, theirs):
        if side.format != "ipynb":
            for cell in side.cells:  # made from what it says; those of ours lead to the lines that stay
                cell.pop("id", None)
    try:
        found = merge.merge(base.data, ours.data, theirs.data, labels)
        return documents.dumps(Notebook(found.data, ours.format, path, ours.origin)), found
    except RecursionError:
        raise NotebookError("the notebooks are nested too deeply to be merged", path) from None


def _tell(found: merge.Merged, path: str, err: Screen) -> None:
    for words in found.conflicts:
        err.say(f"{err.paint('conflict', 'red')} {flat(path)}: {flat(words)}")
    if found.stale:
        cells = "cell" if len(found.stale) == 1 else "cells"
        err.say(
            f"{flat(path)}: {cells} {', '.join(found.stale)}: outputs are dropped, the code is of both sides"
        )


def _driver(words: list[str]) -> int:
    """Merge as git asks for it: %O %A %B %L %P; the result stands in %A."""
    if len(words) != 5:
        raise Error("git gives a merge driver five words", hint="octavo git install sets it up")
    ours, path = words[1], words[4]
    # the files of git have names of their own; the path says what they are
    read = [(products.whole(file), f"{side}:{path}") for file, side in zip(words[:3], _SIDES, strict=True)]
    text, found = merge_files(read, path, Labels())
    writing.write(ours, [text])
    _tell(found, path, screen(sys.stderr, os.environ))
    return _CONFLICT if found.conflicts else 0


# ── git


def _unmerged(files: list[str]) -> Iterator[str]:
    """Yield the notebooks that are meant, or those that git calls unmerged."""
    if files:
        yield from files
        return
    top = git.required("rev-parse", "--show-toplevel")
    said = git.run("diff", "--name-only", "--diff-filter=U", "-z", cwd=top) or b""
    for name in os.fsdecode(said).split("\0"):
        if name and documents.is_notebook(name):
            yield os.path.relpath(os.path.join(top, name))


def _under_way() -> str | None:
    """Return the command of git that goes on; None where there is none, after git stash pop, say."""
    for name, command in _UNDER_WAY.items():
        if os.path.exists(git.required("rev-parse", "--git-path", name)):
            return command
    return None


def _onward() -> int:
    command, unmerged = _under_way(), [*_unmerged([])]
    if command is None and not unmerged:
        raise Error(_NOTHING)
    out = screen(sys.stdout, os.environ)
    for path in unmerged:
        left = list(conflicts.find(documents.read(path)))
        if left:
            raise Error(
                f"{many(len(left), 'conflict')} left", path, "octavo merge --tool, or edit it in Jupyter"
            )
        git.run("add", "--", path)
        out.say(f"merged {flat(path)}")
    if command is None:
        out.say("git has nothing to go on with: this was git stash pop, git apply or git checkout --merge")
        return 0
    return _passed(command, "--continue")


def _abort() -> int:
    command = _under_way()
    if command is None:
        hint = "git checkout HEAD -- FILE takes the last commit; a stash that conflicts is kept"
        raise Error(_NOTHING, hint=hint if next(_unmerged([]), None) else None)
    return _passed(command, "--abort")


def _passed(command: str, option: str) -> int:
    said = git.talk("-c", "core.editor=true", command, option)
    return 0 if said == 0 else 1


def _tool(files: list[str], answers: BinaryIO) -> int:
    out = screen(sys.stdout, os.environ)
    left = 0
    quitting = False
    for path in list(_unmerged(files)):
        notebook = documents.read(path)
        skipped, changed = 0, False
        while not quitting and len(found := list(conflicts.find(notebook))) > skipped:
            conflict = found[skipped]
            _show(path, conflict, out)
            answer = _asked(out, answers)
            if answer in ("s", "q"):
                skipped += 1
            else:
                side: dict[str, conflicts.Side] = {"o": "ours", "t": "theirs", "b": "both"}
                conflicts.decide(notebook, conflict, side[answer])
                changed = True
            if answer == "q":
                quitting = True
                break
        if changed:
            documents.write(notebook, Path(path))
        rest = len(list(conflicts.find(notebook)))
        left += rest
        out.say(f"{flat(path)}: {many(rest, 'conflict')} left" if rest else f"{flat(path)}: no conflict left")
        if not rest and not files:
            git.run("add", "--", path)
    return int(left > 0)


def _show(path: str, conflict: conflicts.Conflict, out: Screen) -> None:
    out.say(out.paint(f"── {flat(path)}: cell {conflict.first + 1} of all", "cyan"))
    for sign, name, text, colour in (
        ("<", "ours", conflict.ours, "red"),
        (">", "theirs", conflict.theirs, "green"),
    ):
        out.say(out.paint(name, "bold"))
        for line in text.split("\n") if text else ["(removed)"]:
            out.say(out.paint(f"{sign} {visible(line)}", colour))


def _asked(out: Screen, answers: BinaryIO) -> str:
    while True:
        out.stream.write(_TOOL)
        out.stream.flush()
        line = answers.readline()
        if not line:
            return "q"
        word = line.decode("utf-8", "replace").strip().lower()[:1]
        if word and word in "otbsq":
            return word
