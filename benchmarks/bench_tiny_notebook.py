"""One tiny notebook: what it costs to run it at all, beside papermill and jupyter execute.

Bars: ``octavo run`` takes at least 5 times less wall time than papermill, in an environment that also holds
JupyterLab; through a warm server a tiny notebook takes at most 60 ms.
"""

from __future__ import annotations

import statistics
from pathlib import Path

from bench import (
    Contender,
    Settings,
    bar,
    compare,
    least,
    ratios,
    remove,
    settings,
    table,
    workplace,
    write_notebook,
)

CELLS = ("x = 1 + 1\nprint(x)", "x * 21")


def alone(asked: Settings, folder: Path) -> None:
    """Compare commands that run one notebook."""
    env = asked.environment
    write_notebook(folder / "in.ipynb", CELLS)
    contenders = [
        Contender("octavo run", env.octavo("run", "in.ipynb", "out.ipynb"), folder),
        Contender("python -c pass", [str(env.python), "-c", "pass"], folder),
    ]
    if env.has("papermill"):
        words = env.script("papermill", "in.ipynb", "papermill.ipynb")
        contenders.append(Contender("papermill", words, folder))
    if env.has("nbclient"):
        # it writes in place only with an option; so the notebook stays as it is
        contenders.append(Contender("jupyter execute", env.script("jupyter-execute", "in.ipynb"), folder))
    rounds = compare(contenders, asked)
    table("one tiny notebook", rounds, "octavo run")
    if "papermill" in rounds:
        value = statistics.median(ratios(rounds, "papermill", "octavo run"))
        bar("papermill's wall time, times that of octavo run", value, at_least=5)


def warm(asked: Settings, folder: Path) -> None:
    """Measure what each notebook after the first adds to a build: the price of one through a warm server."""
    many = 3 if asked.quick else 40
    contenders = []
    for count in (1, many):
        where = folder / str(count)
        tasks = []
        for number in range(count):
            write_notebook(where / f"tiny{number}.ipynb", CELLS)
            tasks.append(f"  - {{source: tiny{number}.ipynb, product: out/tiny{number}.ipynb}}\n")
        (where / "pipeline.yaml").write_text("tasks:\n" + "".join(tasks))
        command = asked.environment.octavo("build", "--jobs", "1", "--quiet")
        contenders.append(
            Contender(f"build of {count}", command, where, remove(where / "out", where / ".octavo"))
        )
    rounds = compare(contenders, asked)
    first, all_ = (one.name for one in contenders)
    table("tiny notebooks through a warm server", rounds, first)
    each = 1000 * (least(rounds[all_]) - least(rounds[first])) / (many - 1)
    bar("ms of wall time for each further notebook", each, at_most=60)


def main() -> None:
    asked = settings(__doc__ or "", 7)
    with workplace() as folder:
        alone(asked, folder)
        warm(asked, folder / "warm")


if __name__ == "__main__":
    main()
