"""The sources of a small pipeline as a value: what a person may change in them, and the files that come of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

#: What stands in the sources as a number, and how it starts.
NUMBERS = {
    "load": 1,
    "many": 2,
    "pair": 3,
    "part": 4,
    "join": 5,
    "lister": 6,
    "peek": 7,
    "scale": 5,
    "deep": 3,
    "report": 2,
    "last": 1,
    "found": 2,
}
#: Parameters in pipeline.yaml, then those in env.yaml.
PARAMS = {"n": 3, "width": 1}
ENV = {"count": 2, "level": 1}
DATA = {"data/input.txt": 4, "data/other.txt": 7}
FUNCTIONS = ("load", "many", "pair", "lister", "join", "peek", "found")
NOTEBOOKS = ("report", "last")
CODE = (
    "steps/base.py",
    "steps/parts.py",
    "steps/scale.py",
    "steps/deep.py",
    "steps/found.py",
    "report.py",
    "last.ipynb",
    "pipeline.yaml",
)
OPTIONAL = "data/override.txt"
EXTRA = "data/extra.txt"
#: What tasks come upon in other ways than by files that are always there, and how it is at first: an optional module,
#: where a link points, the files of a folder (none: there is no folder), what a child process reads, what a decorator
#: adds, the order of a parameter's keys.
FOUND: Mapping[str, Any] = {
    "local": None,
    "current": "v1",
    "inbox": (),
    "child": 1,
    "decorator": 1,
    "keys": ("a", "b"),
}
FINDS: Mapping[str, tuple[Any, ...]] = {
    "local": (None, 1, 2),
    "current": ("v1", "v2", "v3"),
    "inbox": ((), ("1",), ("1", "2"), ("2",)),
    "child": (1, 2, 3),
    "decorator": (1, 2, 3),
    "keys": (("a", "b"), ("b", "a")),
}


@dataclass(frozen=True)
class World:
    """One version of all sources. Two equal ones have the same files, and must give the same products."""

    numbers: Mapping[str, int] = field(default_factory=lambda: dict(NUMBERS))
    params: Mapping[str, int] = field(default_factory=lambda: {**PARAMS, **ENV})
    data: Mapping[str, int] = field(default_factory=lambda: dict(DATA))
    #: Comments, docstrings, markdown, formatting: no version of them changes a result.
    styles: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(CODE, 0))
    #: Numbers that are written as a sum: other code with the same result.
    sums: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=lambda: dict(FOUND))
    parts: tuple[str, ...] = ("part-a", "part-b")
    swapped: bool = False

    def change(self, what: str, key: str, value: Any) -> World:
        """Return the world with another value in one of its tables."""
        table: dict[str, Any] = {what: {**getattr(self, what), key: value}}
        return replace(self, **table)

    def name(self, task: str) -> str:
        return self.names.get(task, task)

    def path(self, task: str) -> str:
        return self.paths.get(task, f"out/{task}" + ("" if task == "many" else ".txt"))

    def products(self) -> dict[str, list[str]]:
        """Return the paths that each task makes, in an order in which they can run."""
        made = {
            task: [self.path(task)]
            for task in ("load", "many", "lister", "found", *self.parts, "join", "peek")
        }
        made |= {task: [f"out/{task}.ipynb", self.path(task)] for task in NOTEBOOKS}
        made["pair"] = ["out/left.txt", "out/right.txt"]
        order = ("load", "lister", "found", "many", "pair", *self.parts, "join", "report", "peek", "last")
        return {self.name(task): made[task] for task in order}

    def upstream(self) -> dict[str, list[str]]:
        """Return what each task comes after."""
        after = {
            "load": [],
            "lister": [],
            "found": [],
            "many": ["load"],
            "pair": ["load"],
            **{part: ["load"] for part in self.parts},
            "join": ["many", *self.parts],
            "report": ["pair"],
            "peek": ["report"],
            "last": ["join", "report"],
        }
        return {self.name(task): [self.name(up) for up in ups] for task, ups in after.items()}

    def files(self) -> dict[str, bytes]:
        """Return the sources, by path."""
        texts = {
            "pipeline.yaml": self._spec(),
            "env.yaml": "".join(f"{key}: {self.params[key]}\n" for key in ENV),
            "steps/__init__.py": "",
            "steps/base.py": self._base(),
            "steps/parts.py": self._parts(),
            "steps/scale.py": self._scale(),
            "steps/deep.py": self._deep(),
            "steps/found.py": self._found(),
            "steps/decorators.py": self._decorators(),
            "child.txt": f"{self.found['child']}\n",
            **{f"versions/{name}/x.txt": f"{name}\n" for name in FINDS["current"]},
            **{f"inbox/{name}.txt": "" for name in self.found["inbox"]},
            "report.py": self._report(),
            "last.ipynb": self._last(),
            **{path: f"{value}\n" for path, value in self.data.items()},
        }
        if self.found["local"] is not None:
            texts["steps/local.py"] = f"K = {self.found['local']}\n"
        return {path: text.encode() for path, text in texts.items()}

    def links(self) -> dict[str, str]:
        """Return the links among the sources, with what they point to."""
        return {"versions/current": self.found["current"]}

    # ── the files

    def _number(self, key: str) -> str:
        value = self.numbers[key]
        return f"(1 + {value - 1})" if key in self.sums else str(value)

    def _code(self, task: str) -> str:
        """Return a function's first line: its number, or a failure."""
        if task in self.broken:
            return "raise ValueError('as told')"
        return f"number = {self._number(task)}"

    def _words(self, path: str) -> str:
        return f"written for the {self.styles[path]}th time"

    def _base(self) -> str:
        style = self.styles["steps/base.py"]
        gap = "\n" * style
        return f'''"""Steps {self._words("steps/base.py")}."""
import json
import os
import time
{gap}
from steps.scale import scale


def write(path, text):
    """Write in two halves, so that there is something to be killed between."""
    with path.open("w") as file:
        print(text[: len(text) // 2], end="", file=file, flush=True)
        time.sleep(float(os.environ.get("SLOW", 0)))
        print(text[len(text) // 2 :], file=file)


def load(product, n):
    """Load, {self._words("steps/base.py")}."""
    {self._code("load")}
    with open("data/input.txt") as file:  # {style}
        text = file.read().strip()
    try:
        with open("{OPTIONAL}") as file:
            text += " but " + file.read().strip()
    except FileNotFoundError:
        pass
    write(product, f"load {{number}} {{n // 2}} {{scale(n)}} {{text}}")


def lister(product):
    {self._code("lister")}
    found = sorted(name for name in os.listdir("data") if name != "override.txt")
    write(product, f"{{number}} {{' '.join(found)}}")


def many(product, upstream, count):
    {self._code("many")}
    product.mkdir(parents=True, exist_ok=True)
    for i in range({" count" if style % 2 else "count"}):
        (product / f"{{i}}.txt").write_text(f"{{number}} {{i}} {{upstream['{self.name("load")}'].read_text()}}")


def pair(product, upstream, width):
    {self._code("pair")}
    text = upstream["{self.name("load")}"].read_text().strip()
    write(product["left"], f"left {{number // 2}} {{width}} {{text}}")
    write(product["right"], f"right {{number}} {{text}}")


def join(product, upstream):
    {self._code("join")}
    found = {{str(path): path.read_text() for path in upstream["part-*"].values()}}
    files = {{path.name: path.read_text() for path in upstream["{self.name("many")}"].iterdir()}}
    write(product, f"{{number}} {{sorted(found.items())}} {{sorted(files.items())}}")


def peek(product, upstream):
    {self._code("peek")}
    cells = json.loads(upstream["report"]["nb"].read_text())["cells"]
    write(product, f"{{number}} {{len(cells)}} {{''.join(cells[0]['source'])}}")
'''

    def _parts(self) -> str:
        return f"""# {self._words("steps/parts.py")}
from steps.deep import deep


def part(product, upstream, k):
    number = {self._number("part")}
    product.write_text(f"part {{k}} {{number}} {{deep(k)}} {{upstream['{self.name("load")}'].read_text()}}")
"""

    def _found(self) -> str:
        return f'''"""What is found, {self._words("steps/found.py")}."""
import os
import subprocess

from steps.decorators import more


@more
def amount():
    return {self._number("found")}


def found(product, cols):
    {self._code("found")}
    try:
        from steps.local import K
    except ImportError:
        K = "nothing"
    inbox = sorted(os.listdir("inbox")) if os.path.isdir("inbox") else "none"
    with open("versions/current/x.txt") as file:
        current = file.read().strip()
    child = subprocess.run(["cat", "child.txt"], capture_output=True, text=True).stdout.strip()
    product.write_text(f"{{amount()}} {{K}} {{inbox}} {{current}} {{child}} {{list(cols.items())}}")
'''

    def _decorators(self) -> str:
        return f"""def more(function):
    def called():
        return function() + {self.found["decorator"]}
    return called
"""

    def _scale(self) -> str:
        return f'''"""Scaling, {self._words("steps/scale.py")}."""
from .deep import deep


def scale(x):
    return deep(x) * {self._number("scale")} // 4
'''

    def _deep(self) -> str:
        return f'''def deep(x):
    """{self._words("steps/deep.py")}"""
    return x + {self._number("deep")} // 2
'''

    def _report(self) -> str:
        return f'''# %% [markdown]
# A report, {self._words("report.py")}

# %% tags=["parameters"]
upstream = ["{self.name("pair")}"]
product = None
level = 0

# %%
from pathlib import Path
from steps.deep import deep

# {self._words("report.py")}
left = Path(upstream["{self.name("pair")}"]["left"]).read_text().strip()
number = {self._number("report")}
print(number, left)

# %%
Path(product["data"]).write_text(f"{{number}} {{deep(level)}} {{left}}\\n");
'''

    def _last(self) -> str:
        markdown = {"cell_type": "markdown", "metadata": {}, "source": [self._words("last.ipynb")]}
        cells: list[dict[str, Any]] = [{**markdown, "id": "first"}]
        sources = [
            (f"upstream = ['{self.name('join')}', 'report']\nproduct = None\n", ["parameters"]),
            (f"from pathlib import Path\ntext = Path(upstream['{self.name('join')}']).read_text()\n", []),
            (
                f"number = {self._number('last')}\n"
                "text += Path(upstream['report']['data']).read_text()\n"
                "Path(product['data']).write_text(f'{number} {text}')\n",
                [],
            ),
        ]
        for index, (source, tags) in enumerate(sources):
            cell = {"cell_type": "code", "metadata": {"tags": tags}, "source": [source]}
            cells.append({**cell, "id": f"cell{index}", "outputs": [], "execution_count": None})
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        data = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(data, indent=1 + self.styles["last.ipynb"] % 2)

    def _spec(self) -> str:
        left, right = ("right", "left") if self.swapped else ("left", "right")
        load, many, join = self.name("load"), self.name("many"), self.name("join")
        cols = ", ".join(f"{key}: 1" for key in self.found["keys"])
        tasks = [
            f"source: steps.base.load\n    name: {load}\n    product: {self.path('load')}\n"
            f"    params: {{n: {self.params['n']}}}\n",
            f"source: steps.base.lister\n    name: {self.name('lister')}\n    product: {self.path('lister')}\n",
            f"source: steps.found.found\n    name: {self.name('found')}\n    product: {self.path('found')}\n"
            f"    params: {{cols: {{{cols}}}}}\n",
            f"source: steps.base.many\n    name: {many}\n    product: {self.path('many')}\n"
            f"    upstream: {load}\n    params: {{count: '{{{{count}}}}'}}\n",
            f"source: steps.base.pair\n    name: {self.name('pair')}\n    upstream: [{load}]\n"
            f"    product: {{{left}: out/left.txt, {right}: out/right.txt}}\n"
            f"    params: {{width: {self.params['width']}}}\n",
            *(
                f"source: steps.parts.part\n    name: {part}\n    product: out/{part}.txt\n"
                f"    upstream: [{load}]\n    params: {{k: {ord(part[-1])}}}\n"
                for part in self.parts
            ),
            f"source: steps.base.join\n    name: {join}\n    product: {self.path('join')}\n"
            f"    upstream: ['part-*', {many}]\n",
            f"source: report.py\n    product: {{nb: out/report.ipynb, data: {self.path('report')}}}\n"
            f"    params: {{level: '{{{{level}}}}'}}\n",
            f"source: steps.base.peek\n    name: {self.name('peek')}\n    product: {self.path('peek')}\n"
            "    upstream: report\n",
            f"source: last.ipynb\n    product: {{nb: out/last.ipynb, data: {self.path('last')}}}\n",
        ]
        return f"# {self._words('pipeline.yaml')}\ntasks:\n" + "".join(f"  - {task}" for task in tasks)
