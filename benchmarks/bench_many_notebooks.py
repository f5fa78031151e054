"""Thirty notebooks that import pandas, scikit-learn and matplotlib and do little, as most notebooks of a pipeline.

Bars: ``octavo build --jobs 2`` takes at least 10 times less wall time than a shell loop over papermill, and at least
5 times less than Ploomber's parallel executor; the memory (proportional set size, whole trees of processes) of four
pandas notebooks at once is at most half that of four papermill processes.
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path

from bench import (
    Contender,
    Environment,
    Measure,
    Rounds,
    Settings,
    bar,
    compare,
    ratios,
    remove,
    settings,
    table,
    workplace,
    write_notebook,
)

IMPORTS = """\
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.linear_model import LinearRegression
"""
WORK = """\
data = pd.DataFrame({{"x": range(100), "y": [{number} * x + x % 7 for x in range(100)]}})
model = LinearRegression().fit(data[["x"]], data["y"])
data.describe()
"""
PLOT = 'ax = data.plot.scatter("x", "y")\nax.plot(data["x"], model.predict(data[["x"]]))'
PARAMETERS = "upstream = None\nproduct = None"

#: Lets all four be there at once, whatever their start takes.
HOLD = "import time\ndata = pd.DataFrame({'x': range(100)})\ntime.sleep(8)"


def project(folder: Path, name: str, count: int, cells: tuple[str, ...], more: str = "") -> Path:
    """Write a pipeline of notebooks in the dialect that octavo and Ploomber share."""
    where = folder / name
    tasks = []
    for number in range(count):
        code = [cell.replace("{number}", str(number)).replace("{{", "{").replace("}}", "}") for cell in cells]
        write_notebook(where / f"nb{number:02}.ipynb", code, PARAMETERS)
        tasks.append(f"  - {{source: nb{number:02}.ipynb, product: out/nb{number:02}.ipynb}}\n")
    (where / "pipeline.yaml").write_text(more + "tasks:\n" + "".join(tasks))
    return where


def has_stack(env: Environment) -> bool:
    return all([env.has("pandas"), env.has("sklearn"), env.has("matplotlib")])


def wall(asked: Settings, folder: Path) -> None:
    """Compare the time of 30 notebooks. The loop over papermill takes minutes, so it runs once."""
    env, count = asked.environment, 2 if asked.quick else asked.options.count
    cells = ("x = {number}",) if asked.quick or not has_stack(env) else (IMPORTS, WORK, PLOT)
    ours = project(folder, "ours", count, cells)
    clean = remove(ours / "out", ours / ".octavo")
    contenders = [Contender("octavo build", env.octavo("build", "--jobs", "2", "--quiet"), ours, clean)]
    once = asked.options.slow_rounds
    if env.has("ploomber"):
        executor = "executor:\n  dotted_path: ploomber.executors.Parallel\n  processes: 2\n"
        theirs = project(folder, "ploomber", count, cells, executor)
        command = env.script("ploomber", "build")
        contenders.append(Contender("ploomber", command, theirs, remove(theirs / "out"), once))
    if env.has("papermill"):
        loop = "mkdir -p out && for one in *.ipynb; do papermill $one out/$one || exit 1; done"
        theirs = project(folder, "papermill", count, cells)
        contenders.append(
            Contender("papermill loop", ["sh", "-c", loop], theirs, remove(theirs / "out"), once)
        )
    rounds = compare(contenders, asked)
    table(f"{count} notebooks with pandas, scikit-learn and matplotlib", rounds, "octavo build")
    for name, limit in (("papermill loop", 10), ("ploomber", 5)):
        if name in rounds:
            value = statistics.median(ratios(rounds, name, "octavo build"))
            bar(f"{name}'s wall time, times that of octavo build --jobs 2", value, at_least=limit)


def memory(asked: Settings, folder: Path) -> None:
    """Compare the peak memory of four notebooks at once."""
    env = asked.environment
    if not (asked.quick or has_stack(env)):
        return
    cells = ("x = {number}",) if asked.quick else ("import pandas as pd", HOLD)
    ours = project(folder, "four", 4, cells)
    clean = remove(ours / "out", ours / ".octavo")
    contenders = [Contender("octavo build", env.octavo("build", "--jobs", "4", "--quiet"), ours, clean)]
    if env.has("papermill"):
        four = "mkdir -p out; for one in *.ipynb; do papermill $one out/$one & done; wait"
        theirs = project(folder, "four-papermill", 4, cells)
        contenders.append(Contender("4 × papermill", ["sh", "-c", four], theirs, remove(theirs / "out")))
    rounds: Rounds = compare(contenders, replace(asked, rounds=1), memory=True)
    table("memory of four pandas notebooks at once", rounds, "octavo build")
    if "4 × papermill" in rounds:
        value = statistics.median(ratios(rounds, "octavo build", "4 × papermill", _memory))
        bar("memory of octavo's processes, times that of papermill's", value, at_most=0.5)


def _memory(one: Measure) -> float:
    return one.memory


def main() -> None:
    asked = settings(
        __doc__ or "",
        3,
        ("--count", {"type": int, "default": 30, "help": "how many notebooks (30)"}),
        ("--slow-rounds", {"type": int, "default": 1, "help": "how often the slow peers run (1)"}),
    )
    with workplace() as folder:
        wall(asked, folder)
        memory(asked, folder)


if __name__ == "__main__":
    main()
