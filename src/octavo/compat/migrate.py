"""Find what in a project depends on Ploomber: imports, settings, commands and packages."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Error, Place, StateError, each
from ..model import Finding
from ..reading.folders import contents
from ..spec.document import parse
from .rewrite import imports, provided

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..spec.document import Document

#: The kinds of findings, in the order in which they are shown.
KINDS = {
    "import": "code that imports ploomber: octavo runs it as it is, other programs need octavo[ploomber]",
    "missing": "code that imports what octavo does not provide",
    "setting": "settings that octavo takes otherwise",
    "pipeline": "what octavo says of the pipeline",
    "command": "commands that call Ploomber",
    "package": "packages",
    "result": "results",
}

_SKIPPED = frozenset(
    (".git", ".octavo", ".venv", "venv", "node_modules", "__pycache__", ".ipynb_checkpoints", ".tox", ".nox")
)
_CODE = (".py", ".ipynb")
_PACKAGES = re.compile(
    r"^(?:requirements.*\.(?:txt|in|lock)|environment.*\.ya?ml|setup\.(?:py|cfg)|pyproject\.toml|Pipfile)$"
)
_COMMANDS = re.compile(
    r"^(?:Makefile|Dockerfile|tox\.ini|noxfile\.py|justfile|.*\.(?:sh|md|rst|ya?ml|mk|bat|ps1|txt))$"
)
_REQUIRED = re.compile(
    r"(?<![\w/.-])(ploomber|soorgeon|soopervisor|ploomber-engine)(?![\w/-])(?!\.\w)", re.IGNORECASE
)
_COMMAND = re.compile(r"(?<![\w/.-])(?:python3? -m )?ploomber (--?\w[\w-]*|[a-z]+)((?: +[^\s`'\"|&;)]+)*)")
_PROGRAM = re.compile(r"(?<![\w/.-])python(?:3(?:\.\d+)?)? +(?:-[a-zA-Z]+ +)*([\w./-]+\.py)\b")
_VARIABLE = re.compile(
    r"\b(PLOOMBER_ENV_FILENAME|PLOOMBER_STATS_ENABLED|PLOOMBER_DEBUG|PLOOMBER_POST_MORTEM|ENTRY_POINT)\b"
)

#: Keys of pipeline.yaml that octavo heeds in another way: at the top, in ``meta``, and of a task.
_OTHERWISE = {
    "executor": "tasks run in parallel, one per processor: octavo build --jobs 1 runs them one after another",
    "on_render": "it is called when something runs, never by octavo status",
    "resources_": "files of the project that a task reads are noticed without it; it does no harm",
    "papermill_params": "a log_output is not needed: octavo log shows what notebooks print",
    "executor_params": "a log_output is not needed: octavo log shows what notebooks print",
}
_VARIABLES = {
    "PLOOMBER_ENV_FILENAME": "octavo reads it, too",
    "ENTRY_POINT": "octavo reads it, too",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A file as it is and as it would be; ``path`` is relative to the project."""

    path: str
    before: bytes
    after: bytes

    def diff(self) -> Iterator[str]:
        """Yield the lines of a unified diff."""
        old, new = (data.decode("utf-8", "replace").splitlines() for data in (self.before, self.after))
        yield from difflib.unified_diff(old, new, f"a/{self.path}", f"b/{self.path}", lineterm="")


@dataclass(frozen=True, slots=True)
class Migration:
    """What was found in a project, and the changes that octavo can make itself."""

    root: Path
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]

    def apply(self) -> None:
        """Make the changes, each file whole or not at all; raise ``StateError`` if one was edited meanwhile."""
        for change in self.changes:
            full = self.root / change.path
            if full.read_bytes() != change.before:
                raise StateError(
                    "it was edited meanwhile: nothing more was changed", change.path, "try again"
                )
            number, name = tempfile.mkstemp(dir=full.parent, prefix=f".{full.name}.")
            try:
                with os.fdopen(number, "wb") as file:
                    file.write(change.after)
                shutil.copymode(full, name)
                Path(name).replace(full)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise


def migration(
    root: Path,
    made: Iterable[str],
    said: Iterable[str | Error | ExceptionGroup[Error]],
    commands: Mapping[str, str],
) -> Migration:
    """Look through a project. Nothing of it is run or changed.

    ``made`` are the paths of products, which are left alone; ``said`` is what loading noted or refused; ``commands``
    are those of Ploomber's that octavo does not have, with what is done instead.
    """
    found: list[Finding] = []
    changes: list[Change] = []
    programs: list[Finding] = []
    products = {os.path.normpath(root / path) for path in made}
    for path in files(root):
        full = root / path
        if full.is_symlink():  # what it leads to is met by itself, or is no part of the project
            continue
        if any(str(one) in products for one in (full, *full.parents)):
            continue
        name = full.name
        if name.startswith(".") and name.endswith(".metadata"):
            found.append(Finding("result", "note", Place(path), ""))
            continue
        wanted = name.endswith(_CODE) or _PACKAGES.match(name) or _COMMANDS.match(name)
        data = contents(str(full)) if wanted and full.stat().st_size < 20_000_000 else b""
        if name.endswith(_CODE):
            mine, changed = _code(path, data)
            found += mine
            changes += [Change(path, data, changed)] if changed not in (None, data) and changed else []
        text = data.decode("utf-8", "replace")
        if _PACKAGES.match(name):
            found += _packages(path, text)
        if _COMMANDS.match(name):
            found += _lines(path, text, commands)
            programs += _programs(path, text)
        if name.startswith("pipeline") and name.endswith((".yaml", ".yml")):
            found += _settings(path, text)
        elif name == "setup.cfg" and "[ploomber]" in text:
            line = text[: text.index("[ploomber]")].count("\n") + 1
            found.append(
                Finding(
                    "setting", "note", Place(path, line), "[ploomber]", "octavo reads its entry-point, too"
                )
            )
    known = {one.where.path for one in found if one.code == "import"}
    found += [one for one in programs if _started(one, known)]
    for one in said:
        found += _told(one)
    return Migration(root, tuple(_results(found)), tuple(changes))


def files(root: Path) -> Iterator[str]:
    """Yield the files of a project, relative to it: in a git repository those that are not ignored."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"],
            capture_output=True,
            check=True,
        ).stdout
        names = sorted({os.fsdecode(name) for name in listed.split(b"\0") if name})
    except (OSError, subprocess.CalledProcessError):
        names = sorted(_walk(root))
    for name in names:
        if not _SKIPPED.intersection(Path(name).parts) and (root / name).is_file():
            yield name


def _walk(root: Path) -> Iterator[str]:
    for folder, inner, names in os.walk(root):
        inner[:] = [
            one for one in inner if one not in _SKIPPED and not (Path(folder) / one / "pyvenv.cfg").exists()
        ]
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)


def _code(path: str, data: bytes) -> tuple[list[Finding], bytes | None]:
    found, changed = imports(path, data)
    told = []
    for one in sorted(found, key=lambda one: (one.cell or 0, one.line)):
        place = Place(path, one.line if one.cell is None else 0)
        names = ", ".join(one.names)
        text = f"from {one.module} import {names}" if names else f"import {one.module}"
        text = text if one.cell is None else f"cell {one.cell + 1}: {text}"
        if one.unknown or (not one.names and not provided(one.module, "*")):
            what = ", ".join(one.unknown) or one.module
            told.append(Finding("missing", "warning", place, text, f"octavo has no {what}"))
        elif changed is None:
            told.append(Finding("import", "note", place, text, f"{one.becomes}, to be written by hand"))
        else:
            told.append(Finding("import", "note", place, text, one.becomes))
    return told, changed


def _packages(path: str, text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.split("#")[0]
        if (found := _REQUIRED.search(plain)) and plain.strip() != "[ploomber]" and "import" not in plain:
            own = found[1].lower() == "ploomber"
            hint = "octavo[ploomber] takes its place" if own else "octavo does not need it"
            yield Finding("package", "note", Place(path, number), line.strip(), hint)


def _lines(path: str, text: str, commands: Mapping[str, str]) -> Iterator[Finding]:
    for number, line in enumerate(text.splitlines(), 1):
        for found in _COMMAND.finditer(line):
            if found[1].startswith("-") or found[1] in _VERBS or found[1] in commands:
                words = _options(found[1], found[2])
                hint = commands.get(found[1]) or _spelt(found[1], words)
                yield Finding(
                    "command", "note", Place(path, number), " ".join(["ploomber", found[1], *words]), hint
                )
        for found in _VARIABLE.finditer(line):
            hint = _VARIABLES.get(found[1], "octavo does not read it")
            if not path.endswith((".md", ".rst")):
                yield Finding("setting", "note", Place(path, number), found[1], hint)


def _programs(path: str, text: str) -> Iterator[Finding]:
    """Yield the commands that start a program of Python."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in _PROGRAM.finditer(line):
            hint = f"python -m octavo.ploomber {found[1]}; with octavo[ploomber] installed, as it is"
            yield Finding("command", "note", Place(path, number), found[0], hint)


def _started(command: Finding, known: Iterable[str]) -> bool:
    """Return whether a command starts one of these files, counted from the project or from the command's folder."""
    program = command.message.rpartition(" ")[2]
    folders = ("", os.path.dirname(command.where.path))
    return any(os.path.normpath(os.path.join(folder, program)) in known for folder in folders)


_VERBS = ("build", "status", "plot", "report", "task", "interact")


_FLAGS = (
    "--force",
    "-f",
    "--debug",
    "-d",
    "--debuglater",
    "-D",
    "--skip-upstream",
    "-su",
    "--source",
    "--status",
)


def _options(verb: str, rest: str) -> list[str]:
    """Return the words after a command that belong to it; prose may follow."""
    words: list[str] = []
    for word in rest.split():
        after = bool(words) and words[-1].startswith("-") and words[-1] not in _FLAGS and "=" not in words[-1]
        if not (word.startswith("-") or after or (verb == "task" and not words)):
            break
        words.append(word)
    return words


def _spelt(verb: str, words: list[str]) -> str:
    """Return a command of Ploomber's in octavo's words."""
    words = ["--file" if word in ("-e", "--entry-point") else word for word in words]
    for number, word in enumerate(words):
        if word in ("--partially", "-p") and number + 1 < len(words) and "=" not in words[number + 1]:
            words[number : number + 2] = [f"+{words[number + 1]}"]
    return " ".join(["octavo", verb, *words])


def _settings(path: str, text: str) -> Iterator[Finding]:
    try:
        document = parse(text, path)
    except (Error, ExceptionGroup):
        return  # loading says what is wrong with it
    for way, key, value in _keys(document.data, ()):
        if hint := _OTHERWISE.get(key, "") if key != "executor" or not way else "":
            yield Finding("setting", "note", _at(document, *way, key), f"{key}:", hint)
        for inner in (value, *(value.values() if isinstance(value, dict) else ())):
            if isinstance(inner, str) and inner.startswith("ploomber."):
                hint = "the name works: octavo provides it"
                yield Finding("setting", "note", _at(document, *way, key), inner, hint)


def _at(document: Document, *way: Any) -> Place:
    return document.key(*way)


def _keys(data: Any, way: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """Yield what pipeline.yaml says: the way to a mapping, a key of it, and its value."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield way, key, value
            yield from _keys(value, (*way, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _keys(value, (*way, number))


def _told(said: str | Error | ExceptionGroup[Error]) -> Iterator[Finding]:
    if isinstance(said, str):
        place, colon, text = said.partition(": ")
        path, *numbers = place.split(":")
        known = colon and all(number.isdecimal() for number in numbers) and numbers
        where = Place(path, *map(int, numbers)) if known else Place("")
        yield Finding("pipeline", "note", where, text if known else said)
    else:
        for error in each(said):
            yield Finding("pipeline", "error", error.where or Place(""), error.message, error.hint or "")


def _results(found: list[Finding]) -> Iterator[Finding]:
    """Yield the findings in their order, with one line for all the results that Ploomber left."""
    kinds = list(KINDS)
    left = [one for one in found if one.code == "result"]
    others = [one for one in found if one.code != "result"]
    yield from sorted(others, key=lambda one: (kinds.index(one.code), one.where.path, one.where.line))
    if left:
        many = "1 product" if len(left) == 1 else f"{len(left)} products"
        hint = "octavo build --adopt takes for fresh what they say is"
        yield Finding(
            "result", "note", left[0].where, f"Ploomber left notes on {many} (.metadata files)", hint
        )
