"""Notebooks in git: ``octavo strip`` beside nbstripout, ``octavo diff`` beside nbdiff, as whole processes.

Bars: 5 MB stripped at least 8 times faster than by nbstripout, 50 MB at least 3 times; 500 notebooks in one git add at
least 20 times faster. A line of 5 MB compared at least 10 times faster than by nbdiff; 1,000 cells run again, without
ids, in at most 0.3 s; 200 cells reformatted in at most 0.5 s. The peers have an environment of their own, with
JupyterLab, as users have it.
"""

from __future__ import annotations

import base64
import json
import random
import statistics
import subprocess
from pathlib import Path
from typing import Any

from bench import Contender, Environment, bar, compare, least, peers, ratios, settings, table, workplace

PEERS = (("jupyterlab", "nbstripout", "nbdime"),)


def _environment() -> Environment:
    return peers("review", PEERS)


def book(cells: int, images: int = 0, size: int = 0, *, ids: bool = True, lines: int = 2) -> dict[str, Any]:
    """Return a notebook of code cells, some of which show an image of so many bytes that no compression shrinks."""
    random_ = random.Random(cells)
    found = []
    for number in range(cells):
        cell: dict[str, Any] = {
            "cell_type": "code",
            "execution_count": number + 1,
            "metadata": {},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": [f"{number}\n"]}],
            "source": [f"x{line} = f({number}, 'a')\n" for line in range(lines)],
        }
        if ids:
            cell["id"] = f"cell-{number}"
        if images and number % (cells // images) == 0:
            data = base64.encodebytes(random_.randbytes(size)).decode()
            shown = {"data": {"image/png": data}, "metadata": {}, "output_type": "display_data"}
            cell["outputs"] = [shown]
        found.append(cell)
    return {"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 5 if ids else 4}


def write(path: Path, nb: dict[str, Any]) -> Path:
    """Write a notebook as Jupyter does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(nb, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _strip(asked: Any, folder: Path) -> None:
    env = asked.environment
    sizes = {"5 MB": (100, 50, 75_000, 8), "50 MB": (400, 200, 187_500, 3)}
    for name, (cells, images, size, times) in sizes.items():
        if asked.quick:
            cells, images, size = 4, 2, 100
        path = write(folder / f"{name.replace(' ', '')}.ipynb", book(cells, images, size))
        contenders = [Contender("octavo strip", env.octavo("strip", "-t", path), folder)]
        if env.has("nbstripout"):
            contenders.append(Contender("nbstripout", env.script("nbstripout", "-t", path), folder))
        rounds = compare(contenders, asked)
        table(f"strip, {name}", rounds, "octavo strip")
        if "nbstripout" in rounds:
            value = statistics.median(ratios(rounds, "nbstripout", "octavo strip"))
            bar(f"nbstripout's wall time, times that of octavo strip, {name}", value, at_least=times)


def _diff(asked: Any, folder: Path) -> None:
    env = asked.environment
    large, again, layout = (book(100, 50, 75_000), book(1_000, ids=False), book(200, ids=False, lines=15))
    if asked.quick:
        large, again, layout = (book(4, 2, 100), book(4, ids=False), book(4, ids=False))
    pairs = {"5 MB, a line changed": large, "1,000 cells run again": again, "200 cells reformatted": layout}
    for number, (name, nb) in enumerate(pairs.items()):
        before = write(folder / f"{number}-before.ipynb", nb)
        if nb is large:
            nb["cells"][3]["source"][1] = "changed\n"
        for cell in nb["cells"] if nb is again else ():
            cell["execution_count"] += 1_000
            cell["outputs"][0]["text"] = [f"{cell['execution_count']}\n"]
        for cell in nb["cells"] if nb is layout else ():
            cell["source"] = [line.replace("'", '"') for line in cell["source"]]
        after = write(folder / f"{number}-after.ipynb", nb)
        # 1 says that something differs
        words = ["sh", "-c", '"$@" || [ $? = 1 ]', "sh"]
        contenders = [Contender("octavo diff", [*words, *env.octavo("diff", before, after)], folder)]
        if env.has("nbdime") and nb is large:
            contenders.append(Contender("nbdiff", env.script("nbdiff", before, after), folder))
        rounds = compare(contenders, asked)
        table(f"diff, {name}", rounds, "octavo diff")
        if "nbdiff" in rounds:
            value = statistics.median(ratios(rounds, "nbdiff", "octavo diff"))
            bar(f"nbdiff's wall time, times that of octavo diff, {name}", value, at_least=10)
        if nb is not large:
            bar(f"octavo diff, {name}", least(rounds["octavo diff"]), at_most=0.3 if nb is again else 0.5)


def _filter(asked: Any, folder: Path) -> None:
    """Compare filters by the time that each notebook takes: nbstripout, which starts for each anew, gets fewer."""
    env = asked.environment
    octavo = " ".join(env.octavo("strip"))
    filters = {"octavo": {"process": f"{octavo} --process", "clean": f"{octavo} -"}}
    many = {"octavo": 5 if asked.quick else 500, "nbstripout": 20}
    if env.has("nbstripout"):
        filters["nbstripout"] = {"clean": f"{env.python} -m nbstripout", "smudge": "cat"}
    contenders = []
    for name, config in filters.items():
        repository = folder / f"git-{name}"
        for number in range(many[name]):
            write(repository / f"book{number}.ipynb", book(10))
        _git(repository, "init", "--quiet")
        for key, value in config.items():
            _git(repository, "config", f"filter.{name}.{key}", value)
        (repository / ".git" / "info" / "attributes").write_text(f"*.ipynb filter={name}\n")

        def forget(where: Path = repository) -> None:
            _git(where, "rm", "-r", "--quiet", "--cached", "--ignore-unmatch", ".", env=env.variables)

        contenders.append(Contender(name, ["git", "add", "."], repository, forget))
    rounds = compare(contenders, asked)
    table(f"git add of {many['octavo']} notebooks, by nbstripout of {many['nbstripout']}", rounds, "octavo")
    if "nbstripout" in rounds:
        times = (
            statistics.median(ratios(rounds, "nbstripout", "octavo")) * many["octavo"] / many["nbstripout"]
        )
        bar(
            "nbstripout's wall time per notebook, times that of octavo, as filters of git", times, at_least=20
        )


def _git(folder: Path, *words: str, env: dict[str, str] | None = None) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, env=env)


def main() -> None:
    asked = settings(__doc__ or "", 3, make=_environment)
    with workplace() as folder:
        _strip(asked, folder)
        _diff(asked, folder)
        _filter(asked, folder)


if __name__ == "__main__":
    main()
