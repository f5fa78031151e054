"""The head of a percent script: interpreter, encoding, and the YAML header with metadata.

A start of Python with a YAML library costs more than all else that reading a notebook does, and a header is
written by a machine: mappings, lists and scalars. So they are read here by a small parser that takes what it
understands and never fails.
"""

from __future__ import annotations

import json
import re
from dataclasses import field

from ..dataclass import dataclass
from ..model import Json
from .script import blank_lines, commented, uncommented

_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)")
_RULE = re.compile(r"^---\s*$")
_KEY = re.compile(r"""^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#'"\[{][^#]*?)\s*:(?:\s+(.*))?$""")
_INT = re.compile(r"^[-+]?(0|[1-9][0-9_]*)$")
# as YAML 1.1 has it in PyYAML: a sign only before a digit
_FLOAT = re.compile(r"^([-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9]+)([eE][-+][0-9]+)?$")
_PLAIN = re.compile(r"^[A-Za-z0-9_./+(][\w ./+,:*()=\[\]#-]*$")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")
_ESCAPES = dict(zip("0abtnvfreNLP_", "\0\a\b\t\n\v\f\r\x1b\x85\u2028\u2029\xa0", strict=True))
#: A number or a date, or signs that mean something.
_NOT_PLAIN = re.compile(r"^[-+.]*\d|^[-+]?\.(inf|nan)$|^\.+$|: | #|[: ]$", re.IGNORECASE)
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **{w: True for word in ("yes", "true", "on") for w in (word, word.title(), word.upper())},
    **{w: False for word in ("no", "false", "off") for w in (word, word.title(), word.upper())},
}

#: Notebook metadata that belongs in a header unless the notebook says otherwise.
KEPT = ("jupytext", "kernelspec", "kernel_info", "orphan", "tocdepth")


@dataclass(slots=True)
class Header:
    """What was found above the cells: ``lines`` of the file, of which ``start`` on are the YAML."""

    lines: int = 0
    start: int = 0
    metadata: Json = field(default_factory=dict)
    #: The lines of the "jupyter" section.
    jupyter: list[str] = field(default_factory=list)
    #: YAML outside of the "jupyter" section: the notebook's first cell, and its metadata.
    raw: str | None = None
    raw_metadata: Json = field(default_factory=dict)


def read(lines: list[str]) -> Header:
    """Read the header from the lines of a script."""
    notes, start = _preamble(lines)
    header = Header(start, start, {"jupytext": notes} if notes else {})
    jupyter: list[str] = []
    others: list[str] = []
    opened = in_jupyter = False
    for i in range(start, len(lines)):
        if not lines[i].startswith("#"):
            return header
        line = uncommented(lines[i])
        if _RULE.match(line):
            if opened:
                break
            opened = True
            header.start = i
            continue
        if not opened and line.strip():
            return header
        if re.match(r"^jupyter\s*:\s*$", line):
            in_jupyter = True
        elif line and not line[0].isspace():
            in_jupyter = False
        (jupyter if in_jupyter else others).append(line)
    else:
        return header
    if jupyter:
        found = parse(jupyter).get("jupyter")
        metadata = found if isinstance(found, dict) else {}
        if notes:
            section = metadata.get("jupytext")
            metadata["jupytext"] = {**(section if isinstance(section, dict) else {}), **notes}
        header.metadata, header.jupyter = metadata, jupyter
    header.lines = i + 1
    blank = header.lines < len(lines) and not uncommented(lines[header.lines]).strip()
    header.lines += blank
    if others:
        header.raw = "\n".join(["---", *others, "---"])
        if blank != blank_lines(["---"], lines[header.lines :]):
            header.raw_metadata = {"lines_to_next_cell": int(blank)}
    return header


def _preamble(lines: list[str]) -> tuple[dict[str, str], int]:
    """Return what stands before the YAML (interpreter, encoding), and how many lines that is."""
    notes: dict[str, str] = {}
    at = 0
    if lines and lines[0].startswith("#!"):
        notes["executable"] = lines[0][2:]
        at = 1
    if at < len(lines) and _CODING.match(lines[at]) and (at == 0 or not _CODING.match(lines[0])):
        notes["encoding"] = lines[at]
        at += 1
    return notes, at


def write(metadata: Json, raw: str | None, old: Header | None = None) -> list[str]:
    """Return the lines of a header; none when there is nothing to say.

    What ``old``, the header that the file had, says of the same metadata is kept as it was.
    """
    notes = metadata.get("jupytext")
    notes = dict(notes) if isinstance(notes, dict) else {}
    lines = [
        start + notes.pop(key) for key, start in (("executable", "#!"), ("encoding", "")) if key in notes
    ]
    yaml = raw.strip("\n\t ").splitlines()[1:-1] if raw is not None else []
    also = (*KEPT, *(old.metadata if old else ()))
    kept = filtered({**metadata, "jupytext": notes}, notes.get("notebook_metadata_filter"), also)
    if not notes:
        kept.pop("jupytext", None)
    if old and old.metadata == metadata:
        yaml += old.jupyter
    elif kept:
        yaml += ["jupyter:", *emit(kept, "  ")]
    return lines + (commented(["---", *yaml, "---"]) if yaml else [])


def is_yaml(source: str) -> bool:
    """Return whether a raw cell's source is a YAML header."""
    lines = source.strip("\n\t ").splitlines()
    return len(lines) >= 2 and bool(_RULE.match(lines[0]) and _RULE.match(lines[-1]))


def filtered(metadata: Json, chosen: object, kept: tuple[str, ...]) -> Json:
    """Return the notebook metadata that jupytext's filter ("a,b,-c", "all", "-all") lets into a header."""
    words = [word.strip() for word in chosen.split(",")] if isinstance(chosen, str) else []
    wanted = {word.removeprefix("+") for word in words if not word.startswith("-")}
    refused = {word[1:].strip() for word in words if word.startswith("-")}
    if "all" not in wanted and "all" not in refused:
        wanted |= set(kept)
    return {
        key: value
        for key, value in sorted(metadata.items())
        if ("all" in wanted or key in wanted) and key not in refused
    }


def parse(lines: list[str]) -> Json:
    """Parse the YAML that headers are made of into dicts, lists and scalars; skip what is not understood."""
    found, _ = _block([line.rstrip() for line in lines if line.strip() and line.strip()[0] != "#"], 0, 0)
    return found if isinstance(found, dict) else {}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _block(lines: list[str], at: int, least: int) -> tuple[object, int]:
    """Parse the mapping or list that starts at a line; return it and the line after it."""
    if at >= len(lines) or _indent(lines[at]) < least:
        return None, at
    indent = _indent(lines[at])
    if lines[at].lstrip().startswith(("- ", "-")) and lines[at].strip()[1:2] in ("", " "):
        return _list(lines, at, indent)
    result: Json = {}
    while at < len(lines) and _indent(lines[at]) == indent:
        match = _KEY.match(lines[at].strip())
        at += 1
        if not match:
            continue
        value = match[2] or ""
        value = "" if value.startswith("#") else value
        if value[:1] in ("|", ">"):
            text, at = _text(lines, at, indent, fold=value[0] == ">")
            result[str(scalar(match[1]))] = text
            continue
        if value:
            while at < len(lines) and _indent(lines[at]) > indent:  # goes on in the next line
                value = _joined(value, lines[at].strip())
                at += 1
            result[str(scalar(match[1]))] = _value(value)
            continue
        inner = indent if at < len(lines) and lines[at].strip()[:2] in ("-", "- ") else indent + 1
        result[str(scalar(match[1]))], at = _block(lines, at, inner)
    while at < len(lines) and _indent(lines[at]) > indent:
        at += 1
    return result, at


def _list(lines: list[str], at: int, indent: int) -> tuple[list[object], int]:
    result: list[object] = []
    while at < len(lines) and _indent(lines[at]) == indent and lines[at].strip()[:2] in ("-", "- "):
        item = lines[at].strip()[1:].strip()
        at += 1
        rest = at
        while rest < len(lines) and _indent(lines[rest]) > indent:
            rest += 1
        if not item or (_KEY.match(item) and item[0] not in "\"'"):
            first = [" " * (indent + 2) + item] if item else []
            result.append(_block([*first, *lines[at:rest]], 0, 0)[0])
        else:
            for line in lines[at:rest]:
                item = _joined(item, line.strip())
            result.append(_value(item))
        at = rest
    return result, at


def _joined(value: str, line: str) -> str:
    """Return a scalar that goes on in the next line; a backslash at the end of a quoted one hides the break."""
    return value[:-1] + line if value[:1] == '"' and value.endswith("\\") else f"{value} {line}"


def _text(lines: list[str], at: int, indent: int, *, fold: bool) -> tuple[str, int]:
    end = at
    while end < len(lines) and _indent(lines[end]) > indent:
        end += 1
    return (" " if fold else "\n").join(line.strip() for line in lines[at:end]) + "\n", end


def _value(text: str) -> object:
    """Parse a scalar, or a list or mapping in brackets."""
    if text[0] in "[{":
        try:
            return json.loads(text)
        except ValueError:
            pass
        inner = text.strip()[1:-1]
        parts = [part.strip() for part in inner.split(",") if part.strip()]
        if text[0] == "[":
            return [scalar(part) for part in parts]
        pairs = (part.partition(":") for part in parts)
        return {str(scalar(key.strip())): scalar(value.strip()) for key, _, value in pairs}
    return scalar(text)


def scalar(text: str) -> object:
    """Parse a YAML scalar: quoted, a word like true or null, a number, else plain text."""
    if text[:1] == '"':
        match = re.match(r'"((?:[^"\\]|\\.)*)"', text)
        return _ESCAPE.sub(_escaped, match[1] if match else text[1:])
    if text[:1] == "'":
        match = re.match(r"'((?:[^']|'')*)'", text)
        return match[1].replace("''", "'") if match else text
    text = re.split(r"\s#", text, maxsplit=1)[0].strip()
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text.replace("_", ""))
    if _FLOAT.match(text):
        return float(text.replace("_", ""))
    return text


def _escaped(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)


def emit(value: Json, pad: str) -> list[str]:
    """Return a mapping as lines of YAML, its keys sorted."""
    lines = []
    for key in sorted(value):
        inner = value[key]
        name = pad + _scalar(str(key)) + ":"
        if isinstance(inner, dict) and inner:
            lines += [name, *emit(inner, pad + "  ")]
        elif isinstance(inner, list) and inner and not any(isinstance(v, dict | list) for v in inner):
            lines += [name, *(f"{pad}- {_scalar(v)}" for v in inner)]
        else:
            lines.append(f"{name} {_scalar(inner)}")
    return lines


def _scalar(value: object) -> str:
    if isinstance(value, float) and "." not in repr(value):
        return repr(value).replace("e", ".0e")  # to YAML 1e-05 is a word
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.match(value) and scalar(value) == value and not _NOT_PLAIN.search(value):
        return value
    quoted = "'" + value.replace("'", "''") + "'"
    return quoted if value.isprintable() else json.dumps(value, ensure_ascii=False)
