"""Write the proposed pipeline.yaml, with a comment wherever something was guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import PurePosixPath

from ..dataclass import dataclass
from .find import Found
from .order import Need, needs
from .paths import absolute


@dataclass(frozen=True, slots=True)
class ProposedTask:
    """A task as it will stand in pipeline.yaml; ``comment`` stands above it, ``why`` behind its upstream."""

    name: str
    source: str
    products: Mapping[str, str]
    upstream: tuple[str, ...] = ()
    why: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    grid: Mapping[str, Sequence[object]] = field(default_factory=dict)
    kernel: str | None = None
    local: bool = False
    #: The folder that it runs in, where that is neither the project nor its own.
    cwd: str = ""
    script: bool = False
    comment: tuple[str, ...] = ()


def entries(found: Sequence[Found], output: str = "output") -> tuple[list[ProposedTask], list[str]]:
    """Return a task for each notebook, in an order in which they can run, and notes on what contradicts itself."""
    edges, notes = needs(found)
    names = _names([one.path for one in found])
    makers = _makers(found)
    writers: dict[str, list[Need]] = {}
    for need in edges:
        writers.setdefault(need.reader, []).append(need)
    tasks = {one.path: _entry(one, names, makers, writers.get(one.path, []), output) for one in found}
    return [tasks[one.path] for one in in_order(found)], notes


def in_order(found: Sequence[Found]) -> list[Found]:
    """Return notebooks so that each comes after those it needs, and else as their names go."""
    edges, _ = needs(found)
    at = {one.path: number for number, one in enumerate(found)}
    order: dict[str, None] = {}

    def place(path: str) -> None:
        if path not in order:
            for need in edges:
                if need.reader == path:
                    place(need.writer)
            order[path] = None

    for one in found:
        place(one.path)
    return [found[at[path]] for path in order]


def _entry(
    one: Found, names: Mapping[str, str], makers: Mapping[str, str], needed: Sequence[Need], output: str
) -> ProposedTask:
    comment = [one.title] if one.title else []
    products = {"nb": f"{output}/{PurePosixPath(names[one.path]).name}.ipynb"}
    for file in one.flow.writes:
        if makers.get(file) == one.path:
            products[_key(file, products)] = file
        elif file in makers:
            comment.append(f"it also writes {file}, a product of {names[makers[file]]}")
    patterns = [file for file in one.flow.writes if "*" in file]
    if patterns:
        comment.append(f"it writes {', '.join(patterns)} too: name them as products where others need them")
    changed = [file for file in one.flow.writes if file in one.flow.reads and file not in makers]
    if changed:
        comment.append(
            f"it changes {', '.join(changed)} in place, so that is not a product: let it write another file"
        )
    if one.absent:
        comment.append(f'its own kernel, "{one.absent}", is not installed here')
    folder = PurePosixPath(one.path).parent.as_posix()
    # a script runs beside its file, and leaves no notebook
    script = one.script and len(products) > 1 and (one.folder or ".") == folder
    if script:
        del products["nb"]
    return ProposedTask(
        names[one.path],
        one.path,
        products,
        tuple(names[need.writer] for need in needed),
        ", ".join(dict.fromkeys(need.file for need in needed)),
        kernel="python3" if one.absent else None,
        local=one.folder == folder and folder != "." and not script,
        script=script,
        comment=tuple(comment),
    )


def _makers(found: Sequence[Found]) -> dict[str, str]:
    """Return who makes each file: the first, by name, that writes it without reading it."""
    sources = {one.path for one in found}
    makers: dict[str, str] = {}
    for one in found:
        for file in one.flow.writes:
            fits = not absolute(file) and "*" not in file and file not in sources and not file.endswith(".py")
            if fits and file not in one.flow.reads:
                makers.setdefault(file, one.path)
    folders = {str(parent) for file in makers for parent in PurePosixPath(file).parents}
    return {file: path for file, path in makers.items() if file not in folders}


def _names(paths: Sequence[str]) -> dict[str, str]:
    """Return a name for each notebook: its file's, with its folder's before where two have the same."""
    stems = [PurePosixPath(path).stem for path in paths]
    found: dict[str, str] = {}
    for path, stem in zip(paths, stems, strict=True):
        name = stem
        if stems.count(stem) > 1:
            name = PurePosixPath(path).with_suffix("").as_posix().replace("/", "-")
        name = re.sub(r"[^\w.-]+", "-", name).strip("-") or "task"
        while name in found.values():
            name += "-2"
        found[path] = name
    return found


def _key(file: str, taken: Mapping[str, str]) -> str:
    """Return a name for a product, after its file, that no other product of the task has."""
    stem = PurePosixPath(file).name.partition(".")[0]
    name = re.sub(r"\W+", "_", stem).strip("_") or "data"
    name = f"{name}_" if name in ("nb",) or name[0].isdigit() else name
    while name in taken:
        name += "_2"
    return name


def text(tasks: Sequence[ProposedTask], head: Sequence[str]) -> str:
    """Return a pipeline.yaml; each line of ``head`` is a comment at its beginning."""
    lines = [*(f"# {line}" for line in head), "tasks:"]
    for task in tasks:
        lines += [f"  # {line}" for line in task.comment]
        lines.append(f"  - source: {scalar(task.source)}")
        lines.append(f"    name: {scalar(task.name)}")
        if task.script:
            lines.append("    class: ScriptRunner  # it names its own file, as a notebook cannot")
        if list(task.products) == ["nb"]:
            lines.append(f"    product: {scalar(task.products['nb'])}")
        else:
            lines.append("    product:")
            lines += [f"      {scalar(key)}: {scalar(path)}" for key, path in task.products.items()]
        if task.upstream:
            why = f"  # {task.why}" if task.why else ""
            lines.append(f"    upstream: [{', '.join(scalar(name) for name in task.upstream)}]{why}")
        for word, values in (("params", task.params), ("grid", task.grid)):
            if values:
                lines.append(f"    {word}:")
                lines += [f"      {scalar(name)}: {_value(value)}" for name, value in values.items()]
        if task.kernel:
            lines.append(f"    kernel: {scalar(task.kernel)}")
        if task.local:
            lines.append("    local_execution: true  # its paths count from its own folder")
        if task.cwd:
            lines.append(f"    papermill_params: {{cwd: {json.dumps(task.cwd, ensure_ascii=False)}}}")
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


_PLAIN = re.compile(r"[A-Za-z_./][\w./ -]*(?<! )\Z")
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"))


def scalar(text: str) -> str:
    """Return a text as a YAML scalar, in quotes only where it needs them."""
    plain = _PLAIN.match(text) and text.lower().strip(".") not in _WORDS and text not in (".", "..")
    return text if plain else json.dumps(text, ensure_ascii=False)


def _value(value: object) -> str:
    return scalar(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
