"""``octavo diff``: compare notebooks, their code by cells, lines and words, their outputs by what they mean."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import ArgumentTypeError
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import notebook as documents
from .. import products
from ..errors import Error, Errors, NotebookError
from ..lazy import lazy_imports
from ..model import Json
from ..products import writing
from ..review import changes, sides, terminal
from ..show.mistakes import show
from ..show.progress import Progress
from ..show.screen import Screen, flat, screen
from . import options

with lazy_imports():
    from ..review import branch, branch_page, branch_run, git, page, patch, veil
    from ..timeline import notebooks

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from ..review.branch_sides import Review
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo diff``."""
    add = parser.add_argument
    add(
        "sides",
        nargs="*",
        metavar="SIDE",
        help="files, folders, versions NB@VERSION, revisions of git (default: the last commit)",
    )
    add("-O", "--no-outputs", action="store_true", help="compare the code alone")
    add("-m", "--metadata", action="store_true", help="compare metadata and ids, too")
    add("--json", action="store_true", help="print the difference of two notebooks in nbdime's format")
    add("--markdown", action="store_true", help="print Markdown that fits a comment on a pull request")
    add("--html", metavar="FILE", help="write a page with outputs side by side")
    add("--page", metavar="URL", help="with --markdown: link this page")
    add(
        "--limit",
        type=_characters,
        default=terminal.COMMENT,
        metavar="N",
        help="with --markdown: at most N characters (default: 60000, for GitHub; Bitbucket takes 32768)",
    )
    _of_runs(parser)
    add(
        "--color",
        "--colour",
        choices=("auto", "always", "never"),
        default="auto",
        metavar="WHEN",
        help="always, never, or auto: in a terminal, without NO_COLOR (the default)",
    )
    add("--no-pager", action="store_true", help="print at once")
    add("--driver", action="store_true", help="be the external diff of git, which says what to compare")
    parser.passes_on = True
    parser.examples("""\
Two files or folders are compared with one another. Words that are no files are revisions: A, A B, A..B, A...B; one
is compared with the working folder. Files and folders after them, or after --, say what to look at.
A VERSION is a published version, a run or a commit, as octavo history lists them.
exit code: 0 nothing differs, 1 something does, 2 a side could not be read

examples:
  octavo diff                          the working folder with the last commit
  octavo diff main...HEAD              this branch
  octavo diff HEAD~1 fit.ipynb
  octavo diff old.ipynb new.ipynb --html diff.html
  octavo diff fit.ipynb@1.0 fit.ipynb  with what was published
  octavo diff main...HEAD --markdown   for a comment on a pull request
  octavo diff main...HEAD --run        with results that nobody has made yet""")


def _of_runs(parser: Parser) -> None:
    """Add --run and the options that say how."""
    add = parser.add_argument
    add(
        "--run",
        action="store_true",
        help="of a branch: first run what has no result on a side, in worktrees, through the cache",
    )
    add("-j", "--jobs", type=options.positive, metavar="N", help="with --run: at most N tasks at a time")
    add("--timeout", type=options.positive, metavar="SECONDS", help="with --run: stop each side after this")
    add("--remote", action="store_true", help="with --run: also use the remote cache")


def _characters(text: str) -> int:
    """Return a number of characters that a comment may have."""
    if (number := options.positive(text)) < 1000:
        raise ArgumentTypeError(f"{text} characters are too few for a comment: 1000 or more")
    return number


def main(args: Namespace) -> int:
    """Compare, and show what differs."""
    if args.driver:
        return _driver(args.sides)
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    out.colour = {"always": True, "never": False}.get(args.color, out.colour)
    if args.html and not Path(args.html).parent.is_dir():
        raise Error(f"there is no folder {Path(args.html).parent}", args.html)
    running = _running(args, err)
    looked = changes.Looked(outputs=not args.no_outputs, metadata=args.metadata)
    found: list[changes.Comparison] = []
    operations: list[tuple[str, str, str]] = []
    unread = 0
    for pair in _versions(args) or sides.sides(args.sides, args.passed):
        try:
            both = pair.read()
            if both is None:
                continue
            one = _compared(pair, both, looked)
            if args.json:
                operations.append(_operations(pair, both))
        except (Error, Errors) as error:
            show(error, err)
            unread += 1
            continue
        if one.differs:
            found.append(one)
    whole = _pipeline(args, running)
    if whole is not None:
        found = [*whole.results, *whole.code, *found]
        whole = veil.review(whole)
    if whole is not None or args.html or args.markdown:  # what others get to see
        found = [*veil.comparisons(found, whole.secrets if whole else ())]
    if args.html:
        title = f"octavo diff {whole.before} → {whole.after}" if whole else "octavo diff"
        text = page.page(found, title, branch_page.html(whole) if whole else "").encode("utf-8", "replace")
        writing.write(args.html, [text], named=True)
    if args.json:
        _print_json(operations, whole, out)
    elif args.markdown:
        start = (
            branch_page.markdown(whole, min(branch_page.MARKDOWN, args.limit // 2)) + "\n" if whole else ""
        )
        out.stream.write(start + terminal.markdown(found, args.page, args.limit - len(start)))
    elif not args.html:
        lines = [*branch_page.lines(whole, out)] if whole else []
        lines += [line for one in found for line in terminal.lines(one, out)]
        _paged(lines, out, asked=not args.no_pager)
    return 2 if unread else int(bool(found) or (whole is not None and whole.differs))


def _running(args: Namespace, err: Screen) -> branch_run.ReviewRun | None:
    """Return how tasks of the branch are to run; None where they are not."""
    if not args.run:
        for name in ("jobs", "timeout", "remote"):
            if getattr(args, name):
                raise Error(
                    f"--{name} is of --run, which runs tasks", hint=f"octavo diff main...HEAD --run --{name}"
                )
        return None
    if args.no_outputs:
        raise Error("--run makes results, and --no-outputs leaves them out", hint="leave out one of them")
    options.interruptible()
    return branch_run.ReviewRun(err.say, lambda: Progress(err), args.jobs, args.timeout, args.remote)


def _pipeline(args: Namespace, running: branch_run.ReviewRun | None) -> Review | None:
    """Return what the revisions that are asked for change in the pipeline of this folder; None for other questions."""
    if (
        args.passed
        or len(args.sides) > 2
        or any(os.path.exists(side) or documents.is_notebook(side.rpartition("@")[0]) for side in args.sides)
    ):
        if running:
            raise Error(
                "--run is of a branch as a whole: name revisions alone", hint="octavo diff main...HEAD --run"
            )
        return None
    first, second = sides.revisions(args.sides)
    found = branch.review(first, second, not args.no_outputs, running)
    if running and found is None:
        raise Error("there is no pipeline whose tasks could run on both sides", hint="octavo status")
    return found


def _versions(args: Namespace) -> list[sides.Sides]:
    """Return the one pair of sides of which any is ``NB@VERSION``; one alone is compared with what is there now."""
    if args.passed or not any("@" in word for word in args.sides):
        return []
    words = list(args.sides)
    found = [notebooks.version(word) for word in words]
    if found == [None] * len(found):
        return []
    if len(words) == 1:
        words.append(words[0].rpartition("@")[0])
        found.append(None)
    if len(words) != 2:
        raise Error("two notebooks can be compared", hint="octavo diff NB@VERSION NB")
    named = [one or _now(word) for one, word in zip(found, words, strict=True)]
    return [sides.Sides(named[0][0], named[1][0], named[0][1], named[1][1])]


def _now(path: str) -> tuple[str, Json]:
    if not os.path.exists(path):
        raise Error("there is no such file", path)
    both = sides.Sides(path, path, None, products.whole(path)).read()
    if both is None:
        raise NotebookError("this is no notebook", path)
    return path, {**both[1], "metadata": {}}  # of the versions the cells are known


def _compared(pair: sides.Sides, both: tuple[Json, Json], looked: changes.Looked) -> changes.Comparison:
    try:
        found = changes.compare(*both, pair.before, pair.after, looked)
        return replace(found, notes=("renamed",)) if pair.renamed and not found.differs else found
    except RecursionError:
        raise NotebookError("the notebook is nested too deeply to be compared", pair.after) from None


def _operations(pair: sides.Sides, both: tuple[Json, Json]) -> tuple[str, str, str]:
    """Return both names and what makes the second out of the first, as JSON."""
    try:
        found = patch.difference(*both)
        return pair.before, pair.after, json.dumps(found, ensure_ascii=False, indent=1)
    except RecursionError:
        raise NotebookError("the notebook is nested too deeply to be compared", pair.after) from None


def _print_json(found: Sequence[tuple[str, str, str]], whole: Review | None, out: Screen) -> None:
    """Print the operations for one pair alone, as nbdime does; of several, and of a pipeline, each with its names."""
    if len(found) == 1 and whole is None:
        out.say(found[0][2])
        return
    parts = [
        f'{{"before": {json.dumps(before)}, "after": {json.dumps(after)}, "diff": {operations}}}'
        for before, after, operations in found
    ]
    every = f"[{', '.join(parts)}]"
    if whole is None:
        out.say(every)
    else:
        out.say(f'{{"pipeline": {json.dumps(branch_page.data(whole))}, "notebooks": {every}}}')


def _paged(lines: Sequence[str], out: Screen, *, asked: bool) -> None:
    """Print lines; in a terminal that is too small for them by the pager that git uses."""
    size = out.size
    text = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace").decode()
    if not asked or size is None or len(lines) < size[1]:
        out.stream.write(text)
        return
    command = git.line("var", "GIT_PAGER") or os.environ.get("PAGER", "less")
    if command in ("", "cat"):
        out.stream.write(text)
        return
    environment = {"LESS": "FRX", "LV": "-c", **os.environ}
    pager = subprocess.Popen(command, shell=True, stdin=subprocess.PIPE, env=environment)
    try:
        pager.communicate(text.encode())
    except BrokenPipeError:
        pass  # nobody reads on
    except KeyboardInterrupt:
        pager.wait()  # q ends it, as in git


def _driver(words: list[str]) -> int:
    """Show one file as git asks for it: path, old file, its hash and mode, new file, its hash and mode."""
    if len(words) not in (7, 9):
        raise Error("git gives an external diff seven words", hint="octavo git install sets it up")
    path, first, second = words[0], words[1], words[4]
    out = screen(sys.stdout, os.environ)
    # git has a pager in between, which shows colours
    out = Screen(
        out.stream, out.colour or ("GIT_PAGER_IN_USE" in os.environ and not os.environ.get("NO_COLOR"))
    )
    data = [None if one == os.devnull else products.whole(one) for one in (first, second)]
    pair = sides.Sides(f"a/{path}", f"b/{path}", data[0], data[1])
    both = pair.read()
    if both is None:
        raise Error("this is no notebook", path)
    found = _compared(pair, both, changes.Looked())
    for line in terminal.lines(found, out) if found.differs else [f"{flat(path)}: no cell differs"]:
        out.stream.write(f"{line}\n")
    return 0
