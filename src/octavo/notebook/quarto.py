"""Read and write .qmd files without quarto, as R Markdown with Quarto's cell options."""

from __future__ import annotations

import re

from ..model import Json

#: An option of a cell, in a comment before its first line of code: "#| tags: [parameters]".
_OPTION = re.compile(r"^\s*(?:#|//|--|%)\|\s?(?P<text>.*)$")
#: The kernel in the header: "jupyter: python3", or as a mapping with "kernelspec" and its name.
_KERNEL = re.compile(
    r"^jupyter:[ \t]*(?:(?P<name>[\w.-]+)[ \t]*$|\n(?:[ \t]+.*\n)*?[ \t]+name:[ \t]*(?P<inner>\S+))", re.M
)

#: What jupytext says of itself in a header.
_JUPYTEXT = re.compile(r"^  jupytext:\n(?:    .*\n)*", re.M)


def adopt(nb: Json) -> None:
    """Give a notebook that was read as R Markdown what Quarto's own reader would: tags of cells, and the kernel."""
    for cell in nb["cells"]:
        if cell["cell_type"] == "code" and (found := _tags(cell["source"])):
            cell["metadata"]["tags"] = [*cell["metadata"].get("tags", ()), *found]
    head = next((cell["source"] for cell in nb["cells"][:1] if cell["cell_type"] == "raw"), "")
    if "kernelspec" not in nb["metadata"] and (kernel := _KERNEL.search(head)):
        name = kernel["name"] or kernel["inner"].strip("\"'")
        nb["metadata"]["kernelspec"] = {"display_name": name, "name": name}


def prepared(nb: Json) -> Json:
    """Return a notebook whose cells say as options of Quarto what R Markdown would say in their heads: their tags.

    What else their metadata say .qmd does not hold. A raw cell becomes a block of text: Quarto would run it.
    """
    cells = []
    for number, cell in enumerate(nb["cells"]):
        if cell["cell_type"] == "raw" and not (number == 0 and cell["source"].startswith("---")):
            ticks = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", cell["source"])), 3)
            cell = {"cell_type": "markdown", "metadata": {}, "source": f"{ticks}\n{cell['source']}\n{ticks}"}
        if cell["cell_type"] == "code":
            tags = [tag for tag in cell["metadata"].get("tags", ()) if tag not in _tags(cell["source"])]
            option = f"#| tags: [{', '.join(tags)}]\n" if tags else ""
            cell = {**cell, "metadata": {}, "source": option + cell["source"]}
        cells.append(cell)
    return {**nb, "cells": cells}


def written(text: str) -> str:
    """Return the text of R Markdown as that of Quarto, which does not say that jupytext has written it."""
    return _JUPYTEXT.sub("", text, count=1)


def _tags(source: str) -> list[str]:
    """Return the tags that a cell's options name; one that is not evaluated has the tag that says so."""
    tags: list[str] = []
    listing = False
    for line in source.splitlines():
        option = _OPTION.match(line)
        if option is None:
            break
        key, colon, value = option["text"].partition(":")
        if listing and option["text"].lstrip().startswith("- "):
            tags.append(_word(option["text"].lstrip()[2:]))
            continue
        listing = key.strip() == "tags" and not value.strip()
        if key.strip() == "tags" and value.strip():
            tags += [_word(tag) for tag in value.strip().strip("[]").split(",")]
        elif key.strip() == "eval" and colon and value.strip() == "false":
            tags.append("skip-execution")
    return [tag for tag in tags if tag]


def _word(text: str) -> str:
    return text.strip().strip("\"'")
