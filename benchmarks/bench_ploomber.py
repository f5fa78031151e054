"""Ten tasks, five functions, four notebooks and a query, built by octavo and by Ploomber from the same files.

Bar: ``octavo build`` takes at least 5 times less wall time than ``ploomber build``, both as they are when nothing is
said about workers. A second build, with nothing to do, and one after an edit of one notebook are measured beside it.

The files are the same but for one line: the client comes from the package that builds, so that octavo does not pay for
importing Ploomber, which its users need not have.
"""

from __future__ import annotations

import sqlite3
import statistics
from collections.abc import Callable
from pathlib import Path

from bench import (
    Contender,
    Environment,
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

PIPELINE = """\
clients:
  SQLDump: clients.database

tasks:
  - source: tasks.measure
    product: out/measured.csv
  - source: explore.ipynb
    product: out/explore.ipynb
  - source: tasks.clean
    product: out/clean.csv
  - source: tasks.ranks
    product: out/ranks.csv
  - source: orders.sql
    product: out/orders.csv
    chunksize: null
  - source: tasks.join
    product: out/join.csv
  - source: tasks.totals
    product: out/totals.csv
  - source: fit.ipynb
    product: {nb: out/fit.ipynb, model: out/model.json}
  - source: check.ipynb
    product: out/check.ipynb
  - source: figures.ipynb
    product: out/figures.ipynb
"""

TASKS = """\
from pathlib import Path

import pandas as pd


def write(table, product):
    Path(product).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(str(product), index=False)


def measure(product):
    rows = range(2000)
    write(pd.DataFrame({"id": rows, "x": [n * 7 % 101 for n in rows], "y": [n * n % 97 for n in rows]}), product)


def clean(upstream, product):
    table = pd.read_csv(str(upstream["measure"]))
    write(table[table.x > 3], product)


def ranks(upstream, product):
    table = pd.read_csv(str(upstream["clean"]))
    write(pd.DataFrame({"id": table.id, "rank": table.y.rank()}), product)


def join(upstream, product):
    table = pd.read_csv(str(upstream["clean"])).merge(pd.read_csv(str(upstream["ranks"])), on="id")
    write(table.merge(pd.read_csv(str(upstream["orders"])), on="id"), product)


def totals(upstream, product):
    table = pd.read_csv(str(upstream["join"]))
    write(table.groupby("x", as_index=False)["amount"].sum(), product)
"""

CLIENTS = """\
from {package}.clients import SQLAlchemyClient


def database():
    return SQLAlchemyClient("sqlite:///orders.db")
"""

QUERY = "SELECT id, SUM(amount) AS amount FROM orders GROUP BY id ORDER BY id\n"

#: Each notebook: what it needs, and its cells.
NOTEBOOKS = {
    "explore": ("['measure']", "table = pd.read_csv(upstream['measure'])", "table.describe()"),
    "fit": (
        "['join']",
        "table = pd.read_csv(upstream['join'])",
        "slope = table[['x', 'amount']].cov().iloc[0, 1] / table.x.var()",
        "from pathlib import Path\nPath(product['model']).write_text(str({'slope': round(slope, 9)}))",
    ),
    "check": (
        "['fit', 'join']",
        "print(open(upstream['fit']['model']).read())",
        "assert len(pd.read_csv(upstream['join']))",
    ),
    "figures": (
        "['totals']",
        "import matplotlib.pyplot as plt\ntable = pd.read_csv(upstream['totals'])",
        "ax = table.plot.scatter('x', 'amount')",
    ),
}


def project(folder: Path, package: str) -> Path:
    """Write the ten tasks and their database."""
    where = folder / package
    where.mkdir()
    (where / "pipeline.yaml").write_text(PIPELINE)
    (where / "tasks.py").write_text(TASKS)
    (where / "clients.py").write_text(CLIENTS.format(package=package))
    (where / "orders.sql").write_text(QUERY)
    for name, (upstream, *cells) in NOTEBOOKS.items():
        write_notebook(
            where / f"{name}.ipynb", ["import pandas as pd", *cells], f"upstream = {upstream}\nproduct = None"
        )
    with sqlite3.connect(where / "orders.db") as database:
        database.execute("CREATE TABLE orders (id INTEGER, amount REAL)")
        database.executemany(
            "INSERT INTO orders VALUES (?, ?)", [(n % 2000, n % 13 / 4) for n in range(9000)]
        )
    database.close()
    return where


def edit(path: Path) -> Callable[[], None]:
    """Return a function that changes the last cell of a notebook, each time to something else."""
    text, count = path.read_text(), iter(range(1000))
    last = "assert len(pd.read_csv(upstream['join']))"
    return lambda: (path.write_text(text.replace(last, f"{last} > {next(count)}")), None)[1]


def measured(asked: Settings, env: Environment, folder: Path) -> dict[str, Rounds]:
    """Build anew, build again, and build after an edit; the same three for each contender."""
    ours = project(folder, "octavo")
    theirs = project(folder, "ploomber") if env.has("ploomber") else None
    build = env.octavo("build", "--quiet")
    befores: dict[str, Callable[[Path], Callable[[], None]]] = {
        "ten tasks": lambda where: remove(where / "out", where / ".octavo"),
        "the same again, nothing to do": lambda where: lambda: None,
        "after an edit of one notebook": lambda where: edit(where / "check.ipynb"),
    }
    found = {}
    for title, before in befores.items():
        contenders = [Contender("octavo build", build, ours, before(ours))]
        if theirs:
            command = env.script("ploomber", "build")
            contenders.append(Contender("ploomber build", command, theirs, before(theirs)))
        found[title] = compare(contenders, asked)
        table(title, found[title], "octavo build")
    return found


def main() -> None:
    asked = settings(__doc__ or "", 5)
    env = asked.environment
    if not all([env.has("pandas"), env.has("matplotlib"), env.has("sqlalchemy")]):
        return
    with workplace() as folder:
        found = measured(asked, env, folder)
        for path in sorted((folder / "ploomber" / "out").glob("*.csv")):
            if path.read_bytes() != (folder / "octavo" / "out" / path.name).read_bytes():
                raise SystemExit(f"{path.name} differs")
    rounds = found["ten tasks"]
    if "ploomber build" in rounds:
        value = statistics.median(ratios(rounds, "ploomber build", "octavo build"))
        bar("ploomber build's wall time, times that of octavo build", value, at_least=5)


if __name__ == "__main__":
    main()
