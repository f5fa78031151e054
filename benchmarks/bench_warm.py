"""What it costs to find out that nothing has changed: warm ``status`` and ``build`` of 10, 1,000 and 10,000 tasks.

And where a file comes from: ``lineage``.

Bars: a warm ``build`` takes at most 8 times ``python -c pass`` at 10 tasks, at most 0.35 s at 1,000 and 1.5 s at
10,000; from 1,000 to 10,000 it grows by no more than the number of tasks does.
``lineage`` takes at most 0.3 s at 1,000.
"""

from __future__ import annotations

import statistics
from pathlib import Path

from bench import (
    Contender,
    Rounds,
    Settings,
    bar,
    compare,
    least,
    measure,
    middle,
    ratios,
    settings,
    table,
    workplace,
)

#: Tasks of one layer; each takes two of the layer before as upstream.
WIDTH = 50
#: Functions in one module, and of how many tasks one is a notebook.
MODULE, NOTEBOOK = 20, 10

FUNCTION = '''
def task{number}(product, upstream):
    """Copy a little."""
    text = "".join(path.read_text() for path in _paths(upstream))
    product.write_text(str(len(text)) + " {number}")

'''
HEAD = '''"""Some tasks."""


def _paths(upstream):
    return [path if hasattr(path, "read_text") else path["data"] for path in (upstream or {}).values()]

'''
SCRIPT = """\
# %% tags=["parameters"]
upstream = {upstream}
product = None

# %%
from pathlib import Path

Path(product["data"]).write_text("{number}")
"""


def project(folder: Path, count: int) -> Path:
    """Write a pipeline of that many tasks in layers: functions, and every tenth a small notebook."""
    folder.mkdir()
    tasks, modules = [], dict[int, str]()
    for number in range(count):
        layer = number - number % WIDTH
        before = sorted({layer - WIDTH + (number + step) % WIDTH for step in (0, 7)}) if layer else []
        upstream = [f"task{one}" for one in before]
        if number % NOTEBOOK == NOTEBOOK - 1:
            text = SCRIPT.format(upstream=upstream or None, number=number)
            (folder / f"task{number}.py").write_text(text)
            tasks.append(
                f"  - source: task{number}.py\n"
                f"    product: {{nb: out/{number}.ipynb, data: out/{number}.txt}}\n"
            )
        else:
            module = number // MODULE
            modules[module] = modules.get(module, HEAD) + FUNCTION.format(number=number)
            tasks.append(
                f"  - source: steps{module}.task{number}\n"
                f"    product: out/{number}.txt\n"
                f"    upstream: [{', '.join(upstream)}]\n"
            )
    for module, text in modules.items():
        (folder / f"steps{module}.py").write_text(text)
    (folder / "pipeline.yaml").write_text("tasks:\n" + "".join(tasks))
    return folder


def one_size(asked: Settings, folder: Path, count: int) -> Rounds:
    """Build a pipeline once, then compare what can be asked of it when nothing has changed."""
    env = asked.environment
    where = project(folder / str(count), count)
    first = measure(env.octavo("build", "--quiet"), where, env.variables)
    print(f"\nfirst build of {count} tasks: {first.wall:.1f} s, {1000 * first.wall / count:.1f} ms each")
    contenders = [
        Contender("python -c pass", [str(env.python), "-c", "pass"], where),
        Contender("octavo build", env.octavo("build"), where),
        Contender("octavo status", env.octavo("status"), where),
        Contender("octavo lineage", env.octavo("lineage", f"out/{count - 2}.txt"), where),
        # The same question to other tools (dvc status, snakemake -n) belongs here, each with a project of its own.
    ]
    rounds = compare(contenders, asked)
    table(f"{count} tasks, all fresh", rounds, "python -c pass")
    return rounds


def main() -> None:
    asked = settings(
        __doc__ or "",
        11,
        ("--sizes", {"type": int, "nargs": "+", "default": [10, 1000, 10_000], "help": "numbers of tasks"}),
    )
    sizes = [10, 20] if asked.quick else asked.options.sizes
    with workplace() as folder:
        found = {count: one_size(asked, folder, count) for count in sizes}
    print()
    if 10 in found:
        times = ratios(found[10], "octavo build", "python -c pass")
        print(f"10 tasks: {middle(times)} times python -c pass")
        bar("warm build of 10 tasks, times python -c pass", statistics.median(times), at_most=8)
    for count, most in ((1000, 0.35), (10_000, 1.5)):
        if count in found:
            bar(
                f"seconds of a warm build of {count} tasks", least(found[count]["octavo build"]), at_most=most
            )
    if 1000 in found:
        seconds = least(found[1000]["octavo lineage"])
        bar("seconds of the lineage of a file of 1,000 tasks", seconds, at_most=0.3)
    if 1000 in found and 10_000 in found:
        small, large = (
            least(found[count]["octavo build"]) - least(found[count]["python -c pass"])
            for count in (1000, 10_000)
        )
        bar("a warm build of ten times the tasks takes, times", large / small, at_most=10)


if __name__ == "__main__":
    main()
