"""What ``octavo diff A B`` compares: files, folders, revisions of git, or the working folder with its last commit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from .. import notebook as documents
from .. import products
from ..dataclass import dataclass
from ..errors import Error
from ..model import Json
from ..reading.folders import walk
from . import git

#: Files of these extensions are notebooks only where their text says so.
_SCRIPTS = (".py", ".R", ".r", ".jl", ".md", ".Rmd", ".qmd")


@dataclass(frozen=True, slots=True)
class Sides:
    """A notebook on both sides, each as it is called and its bytes; None where it is not there.

    What was read already stands in place of its bytes.
    """

    before: str
    after: str
    first: bytes | Json | None
    second: bytes | Json | None
    renamed: bool = False

    def read(self) -> tuple[Json, Json] | None:
        """Return both as notebooks; None for scripts that are none. Raises ``Error`` with the side's name."""
        names = (self.before, self.after)
        found = [_read(data, name) for data, name in zip((self.first, self.second), names, strict=True)]
        if found[0] is None or found[1] is None:
            return None
        return found[0], found[1]


def _read(data: bytes | Json | None, name: str) -> Json | None:
    if isinstance(data, dict):
        return data
    if data is None or (not data and not name.endswith(".ipynb")):
        return {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    if name.endswith(_SCRIPTS) and b"%%" not in data and b"jupytext" not in data:
        return None
    found = documents.loads(data, name)
    if found.format != "ipynb":
        for cell in found.cells:  # made from what it says, and so another after each edit
            cell.pop("id", None)
    return found.data


def sides(words: Sequence[str], paths: Sequence[str]) -> Iterator[Sides]:
    """Yield what there is to compare. ``paths`` are those after "--".

    Two paths that are there are compared with one another. Else words that are no paths are revisions, and what comes
    after them limits the comparison to files and folders.
    """
    if not paths and len(words) == 2 and all(map(os.path.exists, words)):
        yield from _on_disk(*words)
        return
    commits: list[str] = []
    rest = list(words)
    bare = git.line("rev-parse", "--is-bare-repository") == "true"  # whose own files nobody means
    while rest and (bare or not os.path.exists(rest[0])) and len(commits) < 2:
        commits.append(rest.pop(0))
    for path in rest:
        if not bare and not os.path.exists(path):
            raise Error(
                "there is no such file or folder", path, "revisions come before paths, after -- only paths"
            )
    yield from _in_git(commits, [*rest, *paths], bare)


def _on_disk(before: str, after: str) -> Iterator[Sides]:
    if os.path.isdir(before) != os.path.isdir(after):
        raise Error(f"{before} and {after} are a file and a folder: compare two of a kind")
    if not os.path.isdir(before):
        yield Sides(before, after, products.whole(before), products.whole(after))
        return
    names = {
        os.path.relpath(path, folder)
        for folder in (before, after)
        for path in walk(folder)
        if documents.is_notebook(path)
    }
    for name in sorted(names):
        one, two = os.path.join(before, name), os.path.join(after, name)
        first = products.whole(one) if os.path.exists(one) else None
        second = products.whole(two) if os.path.exists(two) else None
        if first != second:
            yield Sides(one, two, first, second)


def _in_git(asked_for: Sequence[str], paths: Sequence[str], bare: bool) -> Iterator[Sides]:
    first, second = revisions(asked_for)
    if bare and second is None:
        raise Error("a bare repository has no working folder", hint="octavo diff HEAD~1 HEAD")
    top = git.required("rev-parse", "--absolute-git-dir" if bare else "--show-toplevel")
    asked = [first, *([second] if second else [])]
    said = git.run("diff", "--name-status", "--find-renames", "-z", *asked, "--", *paths)
    if said is None:
        raise Error(f"git cannot compare {' and '.join(asked)}", hint="git log --oneline shows commits")
    for old, new in _names(os.fsdecode(said).split("\0")):
        if not documents.is_notebook(new or old or ""):
            continue
        before = git.run("cat-file", "blob", f"{first}:{old}", cwd=top) if old else None
        if second:
            after = git.run("cat-file", "blob", f"{second}:{new}", cwd=top) if new else None
        else:
            path = os.path.join(top, new or "")
            after = products.whole(path) if new and os.path.isfile(path) else None
        name = str(new or old)
        called = f"{_short(second)}:{name}" if second else name
        yield Sides(
            f"{_short(first)}:{old or new}", called, before, after, None not in (old, new) and old != new
        )


def _names(words: Sequence[str]) -> Iterator[tuple[str | None, str | None]]:
    """Yield what files are called on both sides, by what git diff --name-status says; None where they are not there."""
    left = iter(words)
    for status in left:
        if status[:1] in ("R", "C"):
            old, new = next(left), next(left)
            yield (old if status[0] == "R" else None), new
        elif status:
            name = next(left)
            yield (None if status == "A" else name), (None if status == "D" else name)


def _short(revision: str | None) -> str:
    text = revision or ""
    return text[:10] if len(text) == 40 else text


def revisions(words: Sequence[str]) -> tuple[str, str | None]:
    """Return the two sides of A, A B, A..B, or A...B (B and where it left A); the second may be the working folder."""
    if len(words) == 1 and ".." in words[0]:
        left, sign, right = words[0].partition("...")
        if not sign:
            left, sign, right = words[0].partition("..")
        one, two = _commit(left or "HEAD"), _commit(right or "HEAD")
        if sign == "...":
            base = git.line("merge-base", one, two)
            if base is None:
                raise Error(f"{left or 'HEAD'} and {right or 'HEAD'} have no commit in common")
            one = base
        return one, right or "HEAD"
    for word in words:
        _commit(word)
    return (words[0] if words else "HEAD"), (words[1] if len(words) > 1 else None)


def _commit(word: str) -> str:
    git.required("rev-parse", "--git-dir")
    found = git.line("rev-parse", "--verify", "--quiet", f"{word}^{{commit}}")
    if found is None:
        raise Error(
            f'"{word}" is neither a file nor a revision of git', hint="git log --oneline shows commits"
        )
    return found
