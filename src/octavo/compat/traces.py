"""Traces of Ploomber in the files of a project: imports, packages, commands, settings."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from ..errors import Error, Place
from ..model import Trace
from ..spec import dialect
from ..spec.document import parse
from .option_aliases import COMMANDS
from .rewrite import imports, provided

Advice = Callable[[str, Sequence[str]], str]

_CODE = (".py", ".ipynb")
_PIPELINES = (".yaml", ".yml")
#: Files of which a line is a command; prose speaks of programs, too.
_SCRIPTS = (
    "Makefile",
    "Dockerfile",
    ".sh",
    ".yaml",
    ".yml",
    ".mk",
    ".bat",
    ".ps1",
    ".ini",
    ".cfg",
    ".py",
    "justfile",
)
_PACKAGES = re.compile(
    r"^(?:requirements.*\.(?:txt|in|lock)|environment.*\.ya?ml|setup\.(?:py|cfg)|pyproject\.toml|Pipfile)$"
)
_COMMANDS = re.compile(
    r"^(?:Makefile|Dockerfile|tox\.ini|noxfile\.py|justfile|.*\.(?:sh|md|rst|ya?ml|mk|bat|ps1|txt))$"
)
_SERVERS = re.compile(r"^jupyter_(?:\w+_)?config\.(?:py|json)$")
#: Ploomber's other packages, and what becomes of their commands. These work without Ploomber.
_OTHERS = {
    "ploomber-engine": "octavo run takes the same words: IN OUT -p NAME VALUE --log-output",
    "soopervisor": "nothing in octavo takes its place",
    "soorgeon": "it goes on working by itself",
    "dltr": "octavo build --debug opens a debugger where a task fails, --hold keeps its kernel",
}
_TOOL = re.compile(rf"(?<![\w/.-])({'|'.join(_OTHERS)}) +[\w./-]+(?![\w:])[^`'\"|&;)]*")
_MODULE = re.compile(
    r"^[ \t]*(?:from|import)[ \t]+(ploomber_engine|soopervisor|soorgeon|ploomber_core)\b", re.MULTILINE
)
_PRIVATE = {"_post_run_actions": "octavo accept takes products as they are"}
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
    "on_render": "it is called when something runs, never by octavo status",
    "resources_": "files of the project that a task reads are noticed without it; it does no harm",
}
_VARIABLES = {
    "PLOOMBER_ENV_FILENAME": "octavo reads it, too",
    "ENTRY_POINT": "octavo reads it, too",
}


def wanted(name: str) -> bool:
    """Return whether a file may have traces in it, by its name."""
    return name.endswith((*_CODE, *_PIPELINES)) or any(
        one.match(name) for one in (_PACKAGES, _COMMANDS, _SERVERS)
    )


def look(path: str, data: bytes, advice: Advice) -> tuple[list[Trace], bytes | None]:
    """Return the traces of Ploomber in a file, and its bytes with rewritten imports, if there are any to rewrite.

    ``advice`` returns what becomes of a command, from its verb and the words after it.
    """
    found: list[Trace] = []
    name, changed, text = os.path.basename(path), None, data.decode("utf-8", "replace")
    if name.endswith(_CODE):
        found, changed = _code(path, data)
        found += _modules(path, text)
    if _PACKAGES.match(name):
        found += _packages(path, text)
    if _COMMANDS.match(name):
        found += [*_lines(path, text, advice), *_programs(path, text)]
    if _SERVERS.match(name):
        found += _extension(path, text)
    if name.endswith(_PIPELINES):
        found += _settings(path, text)
    if name == "setup.cfg":
        found += _configured(path, text)
    if name == "soopervisor.yaml":
        found.append(Trace("setting", "note", Place(path), name, "octavo does not read it"))
    return found, None if changed in (None, data) else changed


def _code(path: str, data: bytes) -> tuple[list[Trace], bytes | None]:
    found, changed = imports(path, data)
    findings = []
    for one in sorted(found, key=lambda one: (one.cell or 0, one.line)):
        place = Place(path, one.line if one.cell is None else 0)
        names = ", ".join(one.names)
        text = f"from {one.module} import {names}" if names else f"import {one.module}"
        text = text if one.cell is None else f"cell {one.cell + 1}: {text}"
        if one.unknown or (not one.names and not provided(one.module, "*")):
            what = ", ".join(one.unknown) or one.module
            findings.append(Trace("missing", "warning", place, text, f"octavo has no {what}"))
        elif changed is None:
            findings.append(Trace("import", "note", place, text, f"{one.becomes}, to be written by hand"))
        else:
            findings.append(Trace("import", "note", place, text, one.becomes))
    return findings, changed


def _modules(path: str, text: str) -> Iterator[Trace]:
    """Yield imports of Ploomber's other packages, and uses of its insides."""
    for found in _MODULE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        hint = f"{found[1]} is a package of its own, which works without Ploomber"
        yield Trace("import", "note", Place(path, line), found[0].strip(), hint)
    for name, hint in _PRIVATE.items() if "ploomber" in text else ():
        if f".{name}(" in text:
            line = text[: text.index(f".{name}(")].count("\n") + 1
            yield Trace("missing", "warning", Place(path, line), f"{name}()", f"octavo has no {name}: {hint}")


def _extension(path: str, text: str) -> Iterator[Trace]:
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"\bploomber\b", line.split("#")[0]):
            hint = "take it out before Ploomber is uninstalled: Jupyter would not find it"
            yield Trace("setting", "warning", Place(path, number), line.strip(), hint)


def _configured(path: str, text: str) -> Iterator[Trace]:
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        section = line.strip() if line.startswith("[") else section
        key, equals, _ = line.partition("=")
        if section == "[ploomber]" and equals and not line.startswith(("#", ";")):
            read = key.strip() == "entry-point"
            hint = "octavo reads it, too" if read else "octavo does not read it"
            yield Trace("setting", "note", Place(path, number), f"[ploomber] {key.strip()}", hint)


def _packages(path: str, text: str) -> Iterator[Trace]:
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.split("#")[0]
        if (found := _REQUIRED.search(plain)) and plain.strip() != "[ploomber]" and "import" not in plain:
            own = found[1].lower() == "ploomber"
            hint = "octavo[ploomber] takes its place" if own else "octavo does not need it"
            yield Trace("package", "note", Place(path, number), line.strip(), hint)


def _lines(path: str, text: str, advice: Advice) -> Iterator[Trace]:
    for number, line in enumerate(text.splitlines(), 1):
        for found in _COMMAND.finditer(line):
            if found[1] in _VERBS or found[1] in COMMANDS:
                words = _options(found[1], found[2])
                typed = " ".join(["ploomber", found[1], *words])
                yield Trace("command", "note", Place(path, number), typed, advice(found[1], words))
        for found in _TOOL.finditer(line) if path.endswith(_SCRIPTS) else ():
            yield Trace("command", "note", Place(path, number), found[0].strip(), _OTHERS[found[1]])
        for found in _VARIABLE.finditer(line):
            hint = _VARIABLES.get(found[1], "octavo does not read it")
            if not path.endswith((".md", ".rst")):
                yield Trace("setting", "note", Place(path, number), found[1], hint)


def _programs(path: str, text: str) -> Iterator[Trace]:
    """Yield the commands that start a program of Python."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in _PROGRAM.finditer(line):
            hint = f"python -m octavo.ploomber {found[1]}; with octavo[ploomber] installed, as it is"
            yield Trace("command", "note", Place(path, number), found[0], hint)


def started(command: Trace, known: Iterable[str]) -> bool:
    """Return whether a command starts one of these files, counted from the project or from the command's folder."""
    if not (program := _PROGRAM.match(command.message)):
        return True
    folders = ("", os.path.dirname(command.where.path))
    return any(os.path.normpath(os.path.join(folder, program[1])) in known for folder in folders)


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


def pipelines(paths: Iterable[str], read: Callable[[str], str]) -> list[str]:
    """Return those of some files that are pipelines of their own, by their names and what is in them."""
    found, parts = list[str](), set[str]()
    for path in paths:
        if not os.path.basename(path).startswith("pipeline") or not path.endswith((".yaml", ".yml")):
            continue
        try:
            data = parse(read(path), path).data
        except (Error, ExceptionGroup, OSError, UnicodeDecodeError):
            data = {"tasks": []}  # loading says what is wrong with it
        tasks = data if isinstance(data, list) else data.get("tasks") if isinstance(data, dict) else None
        if isinstance(tasks, list) or (isinstance(data, dict) and "location" in data):
            found.append(path)
        meta = data.get("meta") if isinstance(data, dict) else None
        named = meta.get("import_tasks_from") if isinstance(meta, dict) else None
        if isinstance(named, str):
            parts.add(os.path.normpath(os.path.join(os.path.dirname(path), named)))
    return [path for path in found if path not in parts]


def _settings(path: str, text: str) -> Iterator[Trace]:
    try:
        document = parse(text, path)
    except (Error, ExceptionGroup):
        return  # loading says what is wrong with it
    for way, key, value in _keys(document.data, ()):
        where = document.key(*way, key)
        if hint := _otherwise(way, key, value):
            yield Trace("setting", "note", where, f"{key}:", hint)
        for inner in (value, *(value.values() if isinstance(value, dict) else ())):
            if (
                isinstance(inner, str)
                and inner.startswith("ploomber.")
                and key not in ("executor", "dotted_path")
            ):
                yield Trace("setting", "note", where, inner, "the name works: octavo provides it")


def _otherwise(way: tuple[object, ...], key: object, value: object) -> str:
    """Return what octavo does of a setting instead of what Ploomber does; nothing where it is the same."""
    if key in _OTHERWISE:
        return _OTHERWISE[key]
    inside = way[1:] if way[:1] == ("tasks",) else way
    if inside and isinstance(inside[0], int):
        arguments = inside[1:] in (("papermill_params",), ("executor_params",))
        table = dialect.EXECUTION if arguments else dialect.TASK if len(inside) == 1 else {}
    else:
        table = dialect.META if way == ("meta",) else {} if way else dialect.TOP
    row = table.get(str(key))
    if row is None or not row.note or value in (None, False) or row.heeded(value):
        return ""
    return row.instead or "it has no effect"


def _keys(data: object, way: tuple[object, ...]) -> Iterator[tuple[tuple[object, ...], object, object]]:
    """Yield what pipeline.yaml says: the way to a mapping, a key of it, and its value."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield way, key, value
            yield from _keys(value, (*way, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _keys(value, (*way, number))
