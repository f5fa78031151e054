"""What it costs a task to be observed: one that opens 2,000 files and imports pandas and more, one that only computes.

Bars: at most 5 % more wall time than unobserved, and 2 % for the one that only computes. Both are whole processes that
import the same; the observed one is watched from before its first line until all it used is digested.
"""

from __future__ import annotations

from pathlib import Path

from bench import Contender, Settings, bar, compare, least, middle, ratios, settings, table, workplace

PROGRAM = """
import os
import sys

from octavo.model import Facts, Product, Source, Task
from octavo.worker.observe import Observer

observed, number = sys.argv[1] == "observed", int(sys.argv[2])
sys.path.insert(0, ".")
observer = Observer(os.getcwd(), frozenset(sys.modules))
if observed:
    observer.start()

import work
work.make(number)

if observed:
    observer.stop()
    task = Task("make", "function", Source("work.py", "work.make", facts=Facts("")), (Product("out"),))
    found = observer.discovered(task)
    assert len(found) >= number, len(found)
"""
OPENS = """
import pandas, sklearn.linear_model, matplotlib.pyplot

def make(number):
    total = 0
    for n in range(number):
        with open(f"data/{n}.txt") as file:
            total += len(file.read())
    frame = pandas.DataFrame({"x": range(200_000)})
    for _ in range(20):
        frame.sort_values("x").rolling(3).mean()
"""
COMPUTES = """
def make(number):
    total = 0
    for n in range(8_000_000):
        total += n % 7
"""


def case(asked: Settings, folder: Path, name: str, code: str, files: int, most: float) -> None:
    """Compare one task with itself, observed and not."""
    (folder / "data").mkdir(parents=True)
    for number in range(files):
        (folder / f"data/{number}.txt").write_text(f"{number}\n" * 10)
    (folder / "work.py").write_text(code)
    (folder / "program.py").write_text(PROGRAM)
    python = str(asked.environment.python)
    contenders = [
        Contender(how, [python, "program.py", how, str(files)], folder) for how in ("unobserved", "observed")
    ]
    rounds = compare(contenders, asked)
    table(name, rounds, "unobserved")
    each = ratios(rounds, "observed", "unobserved")
    print(f"observed / unobserved in each round: {middle(each, 3)}")
    bar(
        f"{name}, observed / unobserved",
        least(rounds["observed"]) / least(rounds["unobserved"]),
        at_most=most,
    )


def main() -> None:
    asked = settings(__doc__ or "", 9)
    files = 20 if asked.quick else 2_000
    with workplace() as folder:
        if all(asked.environment.has(name) for name in ("pandas", "sklearn", "matplotlib")):
            case(asked, folder / "opens", f"{files:,} files and imports", OPENS, files, 1.05)
        else:
            print("skipped: files and imports, without pandas, scikit-learn and matplotlib")
        case(asked, folder / "computes", "neither", COMPUTES, 0, 1.02)


if __name__ == "__main__":
    main()
