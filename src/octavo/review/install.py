"""Install drivers into git: a filter that strips, text to compare, and say what other tools have installed."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..dataclass import dataclass
from ..errors import Error
from ..products import writing
from . import git

#: The parts that can be installed, each an attribute of files for git.
PARTS = ("filter", "diff", "merge")
PATTERN = "*.ipynb"
_NAME = "octavo"
#: Words in commands and attributes of other tools.
_TOOLS = (
    ("nbstripout", "nbstripout"),
    ("nbdev", "nbdev"),
    ("nbdime", "nbdime"),
    ("git-nb", "nbdime"),
    ("nbwipers", "nbwipers"),
    ("jupytext", "jupytext"),
)
_HOOKS = ".pre-commit-config.yaml"


@dataclass(frozen=True, slots=True)
class Said:
    """What a line of an attributes file says of a part for notebooks."""

    part: str
    driver: str
    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.part}={self.driver} ({os.path.relpath(self.path)}:{self.line})"


def commands(python: str) -> dict[str, dict[str, str]]:
    """Return the settings of each part. Where Python or octavo is gone, git does as it does without them.

    git dies of a filter that does not answer: the shell then answers for it, that it can do nothing.
    """
    ours = f"{shlex.quote(python)} -m octavo"
    there = f"{shlex.quote(python)} -c 'import octavo' 2>/dev/null"
    nothing = r"printf '0016git-filter-server\n000eversion=2\n00000000'; cat >/dev/null"
    return {
        "filter": {
            "filter.octavo.process": f"{there} && exec {ours} strip --process; {nothing}",
            "filter.octavo.clean": f"{there} && exec {ours} strip -; cat",
        },
        "diff": {
            "diff.octavo.textconv": f'f() {{ {ours} cat --textconv "$1" 2>/dev/null || cat "$1"; }}; f',
            "diff.octavo.cachetextconv": "true",
            "diff.octavo.command": f'f() {{ test -x {shlex.quote(python)} && {ours} diff --driver "$@" || '
            f'git --no-pager diff --no-index --no-ext-diff --no-textconv "$2" "$5"; true; }}; f',
        },
        "merge": {
            "merge.octavo.name": "notebooks, by cells",
            # what is no notebook git merges as text; 3 says that there are conflicts
            "merge.octavo.driver": f"test -x {shlex.quote(python)} && {ours} merge --driver %O %A %B %L %P; "
            "case $? in 0) exit 0;; 3) exit 1;; *) exec git merge-file -L ours -L base -L theirs %A %O %B;; esac",
        },
    }


class GitScope:
    """Where to install: a repository, or all of a person's."""

    def __init__(self, everywhere: bool = False, attributes: str | None = None) -> None:
        self.scope = "--global" if everywhere else "--local"
        self.everywhere = everywhere
        if not everywhere:
            git.required("rev-parse", "--git-dir")
        self.attributes = attributes or (_global() if everywhere else _path("info/attributes"))

    def files(self) -> list[str]:
        """Return the attributes files that are read for notebooks here, the one that wins last."""
        found = [_global()]
        if not self.everywhere:
            top = git.line("rev-parse", "--show-toplevel")
            found += ([os.path.join(top, ".gitattributes")] if top else []) + [_path("info/attributes")]
        return list(dict.fromkeys([*found, self.attributes]))


def _path(name: str) -> str:
    return git.required("rev-parse", "--git-path", name)


def _global() -> str:
    """Return the attributes file of all repositories (gitattributes(5))."""
    named = git.line("config", "--global", "--type=path", "core.attributesFile")
    if named:
        return named
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(home, "git", "attributes")


def said(files: Sequence[str]) -> Iterator[Said]:
    """Yield what attributes files say of notebooks, in the order in which git takes it: the last one counts."""
    for path in files:
        for number, line in enumerate(_lines(path), start=1):
            words = line.split()
            if not words or not _of_notebooks(words[0]):
                continue
            for part in PARTS:
                for word in words[1:]:
                    if word.startswith(f"{part}="):
                        yield Said(part, word.partition("=")[2], path, number)
                    elif word in (part, f"-{part}", f"!{part}"):
                        yield Said(part, word, path, number)


def _of_notebooks(pattern: str) -> bool:
    return not pattern.startswith("#") and pattern.strip('"').endswith(".ipynb")


def _text(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _lines(path: str) -> list[str]:
    return _text(path).splitlines()


def tool(driver: str) -> str:
    """Return which tool a driver is of: by its command, or by its name where none is configured here."""
    settings = git.config(rf"^(filter|diff|merge)\.{re.escape(driver)}\.")
    text = " ".join([*settings.values(), driver])
    known = next((name for word, name in _TOOLS if word in text), "")
    if known or settings:
        return known or driver
    return "nbdime or nbdev" if driver == "jupyternotebook" else driver


def install(place: GitScope, parts: Sequence[str], python: str, *, replace: bool = False) -> list[Said]:
    """Install parts; return what was taken out for that. Raises ``Error`` where others are there and are to stay."""
    known = commands(python)
    parts = [part for part in parts if part in known]
    others = [one for one in said(place.files()) if one.part in parts and one.driver != _NAME]
    if others and not replace:
        tools = ", ".join(dict.fromkeys(tool(one.driver) for one in others))
        raise Error(
            f"notebooks have other drivers already, of {tools}: {', '.join(map(str, others))}",
            hint="octavo git install --replace takes these words out of the files; --only installs some parts",
        )
    for one in others:
        _rewrite(one.path, {one.part}, ours=False)
    for part in parts:
        for key, value in known[part].items():
            if git.run("config", place.scope, key, value) is None:
                raise Error(f"git cannot set {key}", hint=f"git config {place.scope} {key} …")
    found = {one.part for one in said([place.attributes]) if one.driver == _NAME}
    missing = [part for part in parts if part not in found]
    if missing:
        text, line = _text(place.attributes), " ".join([PATTERN, *(f"{part}={_NAME}" for part in missing)])
        # where the last line has no end, ours has none either: so uninstall knows what was there
        _write(place.attributes, f"{text}\n{line}" if text and not text.endswith("\n") else f"{text}{line}\n")
    return others


def uninstall(place: GitScope) -> bool:
    """Take away what ``install`` has put there; return whether anything was there."""
    found = False
    for part in PARTS:
        if git.config(rf"^{part}\.{_NAME}\.", place.scope):
            found = git.run("config", place.scope, "--remove-section", f"{part}.{_NAME}") is not None or found
    for path in place.files():
        ours = any(one.driver == _NAME for one in said([path]))
        if ours and (path == place.attributes or (not place.everywhere and path != _global())):
            _rewrite(path, set(PARTS), ours=True)
            found = True
    return found


def _rewrite(path: str, parts: set[str], *, ours: bool) -> None:
    """Take words about notebooks out of an attributes file: our drivers, or those of others."""

    def goes(word: str) -> bool:
        part, _, driver = word.lstrip("-!").partition("=")
        return part in parts and (driver == _NAME) == ours

    lines: list[str] = []
    for line in re.findall(r"[^\n]*\n|[^\n]+", _text(path)):
        words = line.split()
        if words and _of_notebooks(words[0]) and any(map(goes, words[1:])):
            rest = [word for word in words[1:] if not goes(word)]
            end = line[len(line.rstrip("\r\n")) :]
            if rest:
                lines.append(f"{' '.join([words[0], *rest])}{end}")
            elif ours and not end and lines:
                lines[-1] = lines[-1].removesuffix("\n")  # which came with this line
        else:
            lines.append(line)
    _write(path, "".join(lines))


def _write(path: str, text: str) -> None:
    if not text and os.path.exists(path):
        os.unlink(path)  # it was there for this alone
        return
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    writing.write(path, [text.encode("utf-8", "surrogateescape")])


@dataclass(frozen=True, slots=True)
class Installed:
    """What is installed: who serves each part, and what contradicts what."""

    parts: dict[str, str]
    complete: bool
    contradictions: tuple[str, ...]


def state(place: GitScope) -> Installed:
    """Return what git does with notebooks here."""
    every = list(said(place.files()))
    parts, contradictions, complete = {}, [], True
    for part in PARTS:
        mine = [one for one in every if one.part == part]
        if not mine:
            parts[part], complete = "git's own", complete and part not in commands("")
            continue
        last = mine[-1]
        configured = bool(git.config(rf"^{part}\.{re.escape(last.driver)}\."))
        parts[part] = f"{tool(last.driver)}, by {last}" + ("" if configured else ", not configured here")
        complete = complete and last.driver == _NAME and configured
        if not configured and last.driver[:1] not in "-!":
            contradictions.append(f"{last} is said, but git has no such driver here: octavo git install")
        for one in mine[:-1]:
            if one.driver != last.driver:
                contradictions.append(f"{one} is without effect: {last} wins")
    drivers = {one.driver for one in every if one.part == "filter"}
    ids = "nbstripout" in drivers and any(one.part in ("diff", "merge") for one in every)
    if ids and "--keep-id" not in " ".join(git.config(r"^filter\.nbstripout\.").values()):
        contradictions.append(
            "nbstripout numbers cells anew, and what compares by id then takes cells for others: add --keep-id"
        )
    contradictions += _hooks(drivers)
    return Installed(parts, complete, tuple(contradictions))


def _hooks(drivers: set[str]) -> Iterator[str]:
    top = git.line("rev-parse", "--show-toplevel")
    text = "\n".join(_lines(os.path.join(top, _HOOKS))) if top else ""
    for name in ("nbstripout", "jupytext", "nbdev", "nbwipers"):
        if re.search(rf"^[^#\n]*\b{name}", text, re.MULTILINE) and _NAME in drivers:
            yield f"{_HOOKS} also runs {name}: two tools change what is committed"
