"""Add a task to a pipeline: its source, which runs as it is, and its entry at the end of the tasks of pipeline.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from posixpath import dirname, splitext

from ..dataclass import dataclass
from ..errors import Error
from ..model import Json, Task
from ..spec import document
from .layout import Existing, checked_package

KINDS = ("notebook", "function", "sql", "shell")


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to add: the tasks before it, what it is, and its data product ("" for the usual place)."""

    name: str
    kind: str
    upstream: tuple[Task, ...]
    product: str = ""


def files(new: NewTask, data: Json, there: Existing) -> tuple[dict[str, str], dict[str, object]]:
    """Return the files of a task by their paths, and its entry in pipeline.yaml."""
    product = new.product or f"{_folder(data)}/{new.name}{_suffix(new)}"
    entry: dict[str, object]
    match new.kind:
        case "notebook":
            source = f"{_notebooks(data)}/{new.name}.py"
            entry = {"source": source, "product": {"nb": f"{splitext(product)[0]}.ipynb", "data": product}}
            made = {source: _notebook(new)}
        case "function":
            word = new.name.replace("-", "_")
            module = word if there.package else checked_package(word, new.name)
            dotted = ".".join(filter(None, (there.package, module, word)))
            entry = {"source": dotted, "product": product}
            entry |= {} if word == new.name else {"name": new.name}
            made = {
                "/".join(filter(None, (there.inside if there.package else "", f"{module}.py"))): _function(
                    new
                )
            }
        case "shell":
            source = f"scripts/{new.name}.sh"
            entry, made = {"source": source, "product": product}, {source: _shell(new)}
        case _:
            source = f"sql/{new.name}.sql"
            entry = {"source": source, "product": [new.product or new.name.replace("-", "_"), "table"]}
            made = {source: _sql(new)}
            if "SQLScript" not in (data.get("clients") or {}):
                entry |= {"client": "clients.get"}
                made["clients.py"] = _CLIENTS
    if (data.get("meta") or {}).get("extract_upstream") is False and new.upstream:
        entry["upstream"] = [task.name for task in new.upstream]
    return made, entry


def appended(text: str, path: str, entry: Mapping[str, object]) -> str:
    """Return the text of a pipeline with one more task, every other line as it is; raise Error where it cannot be."""
    before = document.parse(text, path)
    tasks = before.data.get("tasks") if isinstance(before.data, dict) else None
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if isinstance(tasks, list) and tasks:
        first, column = before.marks["tasks", 0][:2]
        below = before.marks["tasks",][0]
        later = [at[0] for key, at in before.marks.items() if len(key) == 1 and at[0] > below]
        end = min(later, default=len(lines) + 1) - 1
        while end > first and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1
        indent = " " * (len(lines[first - 1][: column - 1].rstrip().rstrip("-")))
        spaced = [""] if any(not line.strip() for line in lines[first - 1 : end]) else []
    else:
        raise Error(
            "there is no list of tasks to add one to", path, "tasks: must come before, with one task at least"
        )
    block = [*spaced, *(indent + line if line else "" for line in _yaml(entry))]
    result = "".join([*lines[:end], *(line + "\n" for line in block), *lines[end:]])
    try:
        good = document.parse(result, path).data == {**before.data, "tasks": [*tasks, dict(entry)]}
    except Error:
        good = False
    if not good:
        shown = "\n".join(_yaml(entry))
        raise Error(
            "its tasks are written in a way that octavo add does not change", path, f"add this:\n{shown}"
        )
    return result


def _yaml(entry: Mapping[str, object]) -> list[str]:
    lines: list[str] = []
    for key, value in entry.items():
        if isinstance(value, dict):
            lines += [f"{key}:", *(f"  {name}: {_scalar(inner)}" for name, inner in value.items())]
        elif isinstance(value, list):
            lines.append(f"{key}: [{', '.join(map(_scalar, value))}]")
        else:
            lines.append(f"{key}: {_scalar(value)}")
    return [("- " if number == 0 else "  ") + line for number, line in enumerate(lines)]


def _scalar(value: object) -> str:
    text = str(value)
    plain = re.fullmatch(r"[A-Za-z_][\w./+-]*", text) and document.parse(text, "").data == text
    return text if plain else json.dumps(text, ensure_ascii=False)


# ── where things go


def _folder(data: Json) -> str:
    """Return the folder of the products of the tasks that there are, as pipeline.yaml writes it."""
    for task in data.get("tasks") or ():
        product = task.get("product") if isinstance(task, dict) else None
        product = next(iter(product.values()), None) if isinstance(product, dict) else product
        if isinstance(product, str) and dirname(product):
            return dirname(product)
    return "output"


def _notebooks(data: Json) -> str:
    for task in data.get("tasks") or ():
        source = task.get("source") if isinstance(task, dict) else None
        if (
            isinstance(source, str)
            and source.endswith((".py", ".ipynb", ".md", ".Rmd", ".qmd"))
            and dirname(source)
        ):
            return dirname(source)
    return "notebooks"


def _suffix(new: NewTask) -> str:
    """Return the end of the name of its product: that of what it copies at first."""
    for task in new.upstream[:1]:
        for product in task.products:
            if product.maker == "File" and not product.executed:
                return splitext(product.path)[1] or ".txt"
    return ".txt"


def _inputs(new: NewTask) -> list[str]:
    """Return how the source names the data of each task before it: upstream["clean"]["data"]."""
    found = []
    for task in new.upstream:
        data = [one for one in task.products if not one.executed] or list(task.products)
        key = next((name for name, path in _keys(task) if data and path == data[0].path), None)
        found.append(f'upstream["{task.name}"]' + (f'["{key}"]' if key else ""))
    return found


def _keys(task: Task) -> Sequence[tuple[str, str]]:
    return [(one.key, one.path) for one in task.products if one.key]


# ── the sources


def _notebook(new: NewTask) -> str:
    names = json.dumps([task.name for task in new.upstream]) if new.upstream else "None"
    return f"""\
# %% [markdown]
# # {new.name.replace("_", " ").replace("-", " ").capitalize()}

# %% tags=["parameters"]
upstream = {names}
product = None

# %%
from pathlib import Path

{_read(new, "")}
# %%
# write here what this task makes of it
Path(product["data"]).write_bytes(data)
"""


def _function(new: NewTask) -> str:
    arguments = "product, upstream" if new.upstream else "product"
    return f'''\
"""The task {new.name}."""

from pathlib import Path


def {new.name.replace("-", "_")}({arguments}):
    """Write here what this task makes of what it reads."""
{_read(new, "    ")}    Path(product).write_bytes(data)
'''


def _read(new: NewTask, indent: str) -> str:
    inputs = _inputs(new)
    if not inputs:
        return f'{indent}data = b"new\\n"\n'
    if len(inputs) == 1:
        return f"{indent}data = Path({inputs[0]}).read_bytes()\n"
    lines = "".join(f"{indent}    {one},\n" for one in inputs)
    joined = f'{indent}data = b"".join(Path(path).read_bytes() for path in inputs)\n'
    return f"{indent}inputs = [\n{lines}{indent}]\n{joined}"


def _shell(new: NewTask) -> str:
    inputs = " ".join(f"{{{{{one} | quote}}}}" for one in _inputs(new))
    command = f"cat {inputs}" if inputs else "echo new"
    return f"""\
# write here what this task makes of what it reads
set -eu
{command} > {{{{product | quote}}}}
"""


def _sql(new: NewTask) -> str:
    tables = [
        one
        for one, task in zip(_inputs(new), new.upstream, strict=True)
        if task.products and task.products[0].maker != "File"
    ]
    others = "".join(f"-- made from {{{{{one}}}}}\n" for one in _inputs(new) if one not in tables[:1])
    select = f"SELECT * FROM {{{{{tables[0]}}}}}" if tables else "SELECT 1 AS one"
    return f"""\
{others}DROP TABLE IF EXISTS {{{{product}}}};

CREATE TABLE {{{{product}}}} AS
{select};
"""


_CLIENTS = '''\
"""Connections of the tasks in SQL."""

from octavo.clients import SQLAlchemyClient


def get():
    """Connect to the database: a file here, until you name another."""
    return SQLAlchemyClient("sqlite:///data.db")
'''
