"""Notebook formats that only jupytext can read."""

from __future__ import annotations

import re
import warnings
from copy import deepcopy
from pathlib import PurePath

from ..dataclass import dataclass
from ..errors import NotebookError, Place
from ..lazy import put_off
from ..model import Json
from .broken import merge_conflict, place
from .cells import Notebook, add_ids
from .quarto import adopt, prepared, written

with put_off("rfc3987_syntax", "is_valid_syntax"):
    import jupytext
    from jupytext.jupytext import NotebookNode

#: In a header, the line with the kernel's name: what stands before "name", and the name.
_KERNEL = re.compile(r"kernelspec:[ \t]*\n(?:.*\n)*?([^\w\n]*)name:[ \t]*(\S+)[ \t]*\n")


@dataclass(slots=True)
class Text:
    """What a notebook remembers of the text it was read from: all of it, for as long as nothing changes."""

    raw: bytes
    data: Json

    def line(self, cell: Json) -> int:
        return 0  # jupytext does not say


def loads(data: bytes, path: str) -> Notebook:
    """Read a text notebook as jupytext does; its format follows from the extension and the text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        before = data[: e.start].decode("utf-8", "replace")
        raise NotebookError(
            f"the file is not UTF-8: byte 0x{data[e.start]:02x}",
            place(before, len(before), path),
            "save the file as UTF-8",
        ) from None
    if conflict := merge_conflict(text, path):
        raise conflict
    suffix = PurePath(path).suffix
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = _read(text, suffix)
    except Exception as e:  # jupytext, YAML and markdown parsers each have their own
        raise _error(e, path) from e
    nb: Json = {key: _plain(value) for key, value in found.items()}
    if suffix == ".qmd":
        adopt(nb)
    for cell in nb["cells"]:  # random ones
        cell.pop("id", None)
    nb["nbformat_minor"] = 5
    add_ids(nb["cells"])
    shown = nb["metadata"].get("jupytext", {}).get("text_representation", {})
    return Notebook(nb, _name(suffix, shown.get("format_name", "")), path, Text(data, deepcopy(nb)))


def _read(text: str, suffix: str) -> Json:
    """Read a notebook by jupytext, and what it does not read though nothing is wrong with it."""
    try:
        found: Json = jupytext.reads(text, {"extension": suffix})
    except Exception as error:
        if suffix == ".qmd" and "quarto" in str(error):  # a program of 300 MB that is not installed
            return _read(text, ".Rmd")
        if "display_name" not in str(error) or not (kernel := _KERNEL.search(text)):
            raise
        # a header may name its kernel and no more, but not for nbformat
        whole = f"{text[: kernel.end()]}{kernel[1]}display_name: {kernel[2]}\n{text[kernel.end() :]}"
        found = jupytext.reads(whole, {"extension": suffix})
    return found


def dumps(notebook: Notebook) -> bytes:
    """Return a notebook in a format of jupytext's; one that was read and not changed as it was."""
    if isinstance(notebook.origin, Text) and notebook.origin.data == notebook.data:
        return notebook.origin.raw
    extension, _, name = notebook.format.partition(":")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = _written(notebook.data, extension, name)
    except Exception as e:
        raise _error(e, notebook.path) from e
    return (text if text.endswith("\n") else text + "\n").encode("utf-8", "backslashreplace")


def _written(data: Json, extension: str, name: str) -> str:
    fmt = {"extension": f".{extension}", **({"format_name": name} if name else {})}
    try:
        text: str = jupytext.writes(_nodes(data), fmt)
    except Exception as error:
        if extension != "qmd" or "quarto" not in str(error):
            raise
        text = written(jupytext.writes(_nodes(prepared(data)), {"extension": ".Rmd"}))
    return text


def _name(suffix: str, name: str) -> str:
    """Return jupytext's short name of a format."""
    extension = suffix.removeprefix(".")
    if not name or (extension in ("md", "markdown", "Rmd", "qmd") and name not in ("pandoc", "myst")):
        return extension
    return f"{extension}:{name}"


def _error(error: Exception, path: str) -> NotebookError:
    mark = getattr(error, "problem_mark", None)  # YAML's
    where = Place(path, mark.line + 1, mark.column + 1) if mark is not None else Place(path)
    text = str(error).strip().splitlines()
    what = text[0] if text else type(error).__name__
    return NotebookError(f"jupytext cannot handle this notebook: {what}", where)


def _plain(value: object) -> object:
    """Return nbformat's nodes as plain dicts and lists."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _nodes(value: object) -> object:
    """Return dicts as the nodes of nbformat that jupytext works on."""
    if isinstance(value, dict):
        return NotebookNode({key: _nodes(inner) for key, inner in value.items()})
    if isinstance(value, list | tuple):
        return [_nodes(inner) for inner in value]
    return value
