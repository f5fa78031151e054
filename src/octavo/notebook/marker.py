"""The line that starts a cell of a percent script: title, type and metadata."""

from __future__ import annotations

import ast
import json
import re
import warnings

from ..model import Json
from .script import uncommented

_START = re.compile(r"^\s*#\s*%%(%*)\s(.*)$")
_BARE = re.compile(r"^\s*#\s*(%%|<codecell>|In\[[0-9 ]*\]:?)\s*$")
_NAME = re.compile(r"^[a-zA-Z_.]+[a-zA-Z0-9_.]*$")
_KEY = re.compile(r"^[a-zA-Z0-9_.@/-]+$")

#: Cell metadata that says how a script is laid out; kept out of the marker.
LAYOUT = ("skipline", "noskipline", "cell_marker", "lines_to_next_cell", "lines_to_end_of_cell_marker")


def is_marker(line: str) -> bool:
    """Return whether a line outside strings starts a cell."""
    return ("%%" in line or "<codecell>" in line or "In[" in line) and bool(
        _START.match(line) or _BARE.match(line)
    )


def parse(line: str) -> tuple[Json, bool]:
    """Return the metadata that a marker gives, and whether it is in JSON; type and title are among it."""
    if not _START.match(line):
        return {}, False
    text = uncommented(line)
    text = text[text.find("%%") + 2 :].strip()
    brace, equal = text.find("{"), text.find("=")
    is_json = brace >= 0 and (equal < 0 or brace < equal)
    if is_json:
        title, metadata = text[:brace].strip(), _braces(text[brace:])
    else:
        title = _title(text, equal)
        metadata = _options(text[len(title) :])
    for kind in ("markdown", "raw", "md"):
        if f"[{kind}]" in title:
            title = title.replace(f"[{kind}]", "").strip()
            metadata["cell_type"] = "markdown" if kind == "md" else kind
            if kind == "md":
                metadata["region_name"] = "md"
            break
    depth = len(title) - len(title.lstrip("%"))
    if depth:
        metadata["cell_depth"] = depth
        title = title[depth:].strip()
    if title:
        metadata["title"] = title
    return metadata, is_json


def _title(text: str, equal: int) -> str:
    """Return the words before the first option; words like ``.class`` are options too."""
    words = (text if equal < 0 else text[:equal]).split(" ")
    if equal >= 0:
        while words and not words[-1]:
            words.pop()
        if words:  # the key
            words.pop()
    while words and (not words[-1].strip() or words[-1].startswith(".")):
        words.pop()
    return " ".join(words)


def _options(text: str) -> Json:
    """Parse ``key=value`` and bare ``key`` from the right: a value may hold spaces and equal signs."""
    text = text.strip()
    if not text:
        return {}
    space = text.rfind(" ")
    if not text.startswith("--") and _NAME.match(text[space + 1 :]):
        result: Json = {text[space + 1 :]: None}
        if space > 0:
            result.update(_options(text[:space]))
        return result
    equal = len(text)
    while (equal := text.rfind("=", 0, equal)) >= 0:
        space = text[:equal].rstrip().rfind(" ")
        key = text[space + 1 : equal].strip()
        if _KEY.match(key):
            try:
                value = _literal(text[equal + 1 :])
            except ValueError:
                continue
            return {**(_options(text[:space]) if space > 0 else {}), key: value}
    return {"incorrectly_encoded_metadata": text}


def _braces(text: str) -> Json:
    try:
        found = _literal(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"incorrectly_encoded_metadata": text.strip()}


def _literal(text: str) -> object:
    """Parse JSON, or else a Python literal that JSON could hold."""
    text = text.strip()
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text)
        json.dumps(value)
        return value
    except (SyntaxError, TypeError, MemoryError, RecursionError) as e:
        raise ValueError(text) from e


def is_key(name: object) -> bool:
    """Return whether a name can be a key in a marker."""
    return isinstance(name, str) and bool(_KEY.match(name))


def options(metadata: Json, *, plain_json: bool = False) -> str:
    """Return the text of a marker after its percent signs, without the space before a title."""
    rest = {key: value for key, value in metadata.items() if key not in LAYOUT}
    words = []
    if "cell_depth" in rest:
        words.append("%" * rest.pop("cell_depth"))
    if "title" in rest:
        words.append(str(rest.pop("title")))
    if "cell_type" in rest:
        kind = rest.pop("cell_type")
        words.append(f"[{rest.pop('region_name', kind)}]")
    if plain_json:
        return " ".join([*words, json.dumps(rest)] if rest else words)
    for key, value in rest.items():
        if key == "incorrectly_encoded_metadata":
            words.append(value)
        else:
            words.append(key if value is None else f"{key}={json.dumps(value)}")
    return " ".join(words)


def is_active(metadata: Json, extension: str, default: bool = True) -> bool:
    """Return whether a cell's ``active`` metadata or ``active-`` tags let it run in files of an extension."""
    control = metadata.get("run_control")
    if isinstance(control, dict) and control.get("frozen") is True:
        return extension == "ipynb"
    tags = metadata.get("tags")
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, str) and tag.startswith("active-"):
            return extension in tag.split("-")
    if not isinstance(metadata.get("active"), str):
        return default
    return extension in re.split(r"[.,]", metadata["active"])
