"""1,000 notebooks checked: ``octavo check`` cold, and warm as it remembers, beside ruff and nbQA's flake8.

Bars: at most 10 s cold and 0.5 s warm for 1,000 notebooks, at most 8 × ``python -c pass`` for one, at least 5 times
less than ``nbqa flake8`` and at most 3 × ``ruff check`` over the same files. They are made from a seed, with 20
cells of code each; as in the notebooks of a team, the same cell stands in several. A second measurement is of as many
in which no cell stands twice, but for the imports. The floor is what Python's own parsers of JSON and of Python need
for the same files in two processes: no checker in Python can need less.
"""

from __future__ import annotations

import random
import statistics
from pathlib import Path

from bench import (
    Contender,
    Environment,
    Settings,
    bar,
    compare,
    least,
    peers,
    ratios,
    settings,
    table,
    workplace,
    write_notebook,
)

PEERS = (("nbqa", "flake8"), ("ruff",))

PIECES = (
    "import numpy as np\nimport pandas as pd\nfrom pathlib import Path",
    "frame{n} = pd.DataFrame({{'price': np.arange({n}), 'day': range({n})}})\nframe{n}.head()",
    "def clean_{n}(frame, least={n}):\n    kept = frame[frame.price > least]\n    return kept.sort_values('day')",
    "total_{n} = sum(value * {n} for value in range(10) if value % 2)\nprint(f'total {{total_{n}}}')",
    "for path in sorted(Path('data').glob('*.csv')):\n    with open(path) as file:\n        print(len(file.read()))",
    "class Model{n}:\n    size = {n}\n\n    def fit(self, x):\n        self.mean = sum(x) / 3\n        return self",
    "by_day_{n} = {{day: [n for n in range(day)] for day in range({n})}}",
)


def _environment() -> Environment:
    return peers("check", PEERS)


FLOOR = """
import ast, gc, glob, json, os

def parse(paths):
    for path in paths:
        with open(path, "rb") as file:
            for cell in json.load(file)["cells"]:
                ast.parse("".join(cell["source"]))

gc.disable()
paths = sorted(glob.glob("books/*.ipynb"))
child = os.fork()
parse(paths[len(paths) // 2 :] if child else paths[: len(paths) // 2])
os.waitpid(child, 0) if child else os._exit(0)
"""


def _books(folder: Path, many: int, *, distinct: bool = False) -> Path:
    choose = random.Random(0)
    for number in range(many):
        first = 19 * number if distinct else 0
        cells = [PIECES[0], *(choose.choice(PIECES[1:]).format(n=first + n + 1) for n in range(19))]
        write_notebook(folder / "books" / f"book{number:04}.ipynb", cells)
    return folder / "books"


def _check(env: Environment, folder: Path, *words: str) -> list[str]:
    """Return the words of a check that remembers what it found in ``folder``, and ends well."""
    return [
        "env",
        f"XDG_CACHE_HOME={folder / 'cache'}",
        *env.octavo("check", "--exit-zero", "--statistics", *words),
    ]


def _many(asked: Settings, folder: Path) -> None:
    env, many = asked.environment, 5 if asked.quick else 1000
    _books(folder, many)
    contenders = [
        Contender("octavo check, cold", _check(env, folder, "--no-cache", "books"), folder),
        Contender("octavo check, warm", _check(env, folder, "books"), folder),
    ]
    contenders.append(Contender("json and ast alone", [str(env.python), "-c", FLOOR], folder))
    if env.has("ruff"):
        ruff = [str(env.python), "-m", "ruff", "check", "-q", "--exit-zero", "books"]
        contenders.append(Contender("ruff check, cold", [*ruff, "--no-cache"], folder))
        contenders.append(Contender("ruff check, warm", ruff, folder))
    rounds = compare(contenders, asked)
    table(f"{many} notebooks checked", rounds, "octavo check, cold")
    bar("seconds of octavo check, cold", least(rounds["octavo check, cold"]), at_most=10)
    bar("seconds of octavo check, warm", least(rounds["octavo check, warm"]), at_most=0.5)
    for state in ("cold", "warm") if env.has("ruff") else ():
        value = statistics.median(ratios(rounds, f"octavo check, {state}", f"ruff check, {state}"))
        bar(f"octavo check, times the wall time of ruff check, {state}", value, at_most=3)


def _distinct(asked: Settings, folder: Path) -> None:
    env, many = asked.environment, 5 if asked.quick else 1000
    _books(folder, many, distinct=True)
    contenders = [Contender("octavo check, cold", _check(env, folder, "--no-cache", "books"), folder)]
    contenders.append(Contender("json and ast alone", [str(env.python), "-c", FLOOR], folder))
    if env.has("ruff"):
        ruff = [str(env.python), "-m", "ruff", "check", "-q", "--exit-zero", "books", "--no-cache"]
        contenders.append(Contender("ruff check, cold", ruff, folder))
    rounds = compare(contenders, asked)
    table(f"{many} notebooks, no cell twice", rounds, "octavo check, cold")
    bar("seconds of octavo check, cold, no cell twice", least(rounds["octavo check, cold"]), at_most=10)


def _flake8(asked: Settings, folder: Path) -> None:
    env, many = asked.environment, 2 if asked.quick else 50
    _books(folder, many)
    contenders = [Contender("octavo check", _check(env, folder, "--no-cache", "books"), folder)]
    if env.has("nbqa"):
        words = [str(env.python), "-m", "nbqa", "flake8", "books", "--exit-zero"]
        contenders.append(Contender("nbqa flake8", words, folder))
    rounds = compare(contenders, asked)
    table(f"{many} notebooks, nothing remembered", rounds, "octavo check")
    if "nbqa flake8" in rounds:
        value = statistics.median(ratios(rounds, "nbqa flake8", "octavo check"))
        bar("nbqa's wall time, times that of octavo check", value, at_least=5)


def _single(asked: Settings, folder: Path) -> None:
    env = asked.environment
    _books(folder, 1)
    contenders = [
        Contender("python -c pass", [str(env.python), "-c", "pass"], folder),
        Contender("octavo check", _check(env, folder, "--no-cache", "books/book0000.ipynb"), folder),
    ]
    rounds = compare(contenders, asked)
    table("one notebook, nothing remembered", rounds, "python -c pass")
    value = statistics.median(ratios(rounds, "octavo check", "python -c pass"))
    bar("octavo check of one notebook, times python -c pass", value, at_most=8)


def main() -> None:
    asked = settings(__doc__ or "", 3, make=_environment)
    for part in (_single, _flake8, _many, _distinct):
        with workplace() as folder:
            part(asked, folder)


if __name__ == "__main__":
    main()
