"""What it costs to find that nothing is stale, at 1,000, 10,000 and 100,000 tasks, and what it costs others.

Bars: a warm build takes at most 0.35 s, 1.5 s and 15 s; at 1,000 stages it is at least 10 times faster than
``dvc repro``, ``dvc status`` and ``snakemake -n`` on the same pipeline. ninja, which is told everything and reads no
code, is the limit. Of the larger ones the memory is shown too.

Nothing is run to get there: products are written, and what a run would have recorded of them.
"""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import (
    Contender,
    Environment,
    Rounds,
    Settings,
    bar,
    compare,
    least,
    middle,
    peers,
    ratios,
    settings,
    table,
    workplace,
)

#: Tasks of one layer; each takes two of the layer before as upstream. Functions in one module.
WIDTH, MODULE = 50, 20
BARS = {1000: 0.35, 10_000: 1.5, 100_000: 15.0}
BUILDERS = (("ninja",), ("dvc",), ("snakemake",))

SHARED = '''"""What all steps use."""


def joined(paths):
    return "".join(path.read_text() for path in paths)
'''
STEP = '''

def task{number}(product, upstream):
    """Copy a little."""
    product.write_text(joined((upstream or {{}}).values())[:20] + " {number}")
'''
#: Records what runs would have recorded; in a process of its own, of the environment that is measured.
RECORD = """
import sys
from octavo.model import Record
from octavo.parts import Now
from octavo.fingerprint import manifest
from octavo.project import load

with load(sys.argv[1]) as project:
    store, seen = project.store, Now(project.store)
    for task in project.graph:
        (product,) = task.products
        found = {"module shared": "shared.py"}
        known = Record(task.name, {}, {}, found, "", 0.1)
        now = manifest(task, known, project.graph.tasks, store.digest, seen)
        made = {product.path: store.digest(product.path)}
        raw = task.source.facts.raw
        store.commit(Record(task.name, now, made, found, "20260101-000000-000000", 0.1, raw=raw))
    stale = [name for name, step in project.status().items() if not step.fresh]
    assert not stale, stale[:3]
"""


def upstream(number: int) -> list[int]:
    layer = number - number % WIDTH
    return sorted({layer - WIDTH + (number + step) % WIDTH for step in (0, 7)}) if layer else []


def sources(folder: Path, count: int) -> None:
    """Write the modules, and the products as they would be."""
    (folder / "out").mkdir(parents=True)
    (folder / "shared.py").write_text(SHARED)
    for first in range(0, count, MODULE):
        steps = "".join(STEP.format(number=number) for number in range(first, min(first + MODULE, count)))
        (folder / f"steps{first // MODULE}.py").write_text("from shared import joined\n" + steps)
    for number in range(count):
        (folder / "out" / f"{number}.txt").write_text(f"result {number}")


def for_octavo(folder: Path, count: int, env: Environment) -> Path:
    sources(folder, count)
    with (folder / "pipeline.yaml").open("w") as spec:
        spec.write("tasks:\n")
        for number in range(count):
            before = ", ".join(f"task{one}" for one in upstream(number))
            spec.write(
                f"  - source: steps{number // MODULE}.task{number}\n"
                f"    product: out/{number}.txt\n    upstream: [{before}]\n"
            )
    subprocess.run([env.python, "-c", RECORD, folder], check=True, env=env.variables)
    return folder


def commands(count: int) -> Iterator[tuple[int, str, list[str], str]]:
    """Yield the stages as tools of files see them: number, command, inputs, output."""
    for number in range(count):
        inputs = [f"out/{one}.txt" for one in upstream(number)]
        output = f"out/{number}.txt"
        code = [f"steps{number // MODULE}.py", "shared.py"]
        yield number, f"cat {' '.join(inputs or code)} | head -c 20 > {output}", [*inputs, *code], output


def for_dvc(folder: Path, count: int, env: Environment) -> Path:
    sources(folder, count)
    with (folder / "dvc.yaml").open("w") as file:
        file.write("stages:\n")
        for number, command, inputs, output in commands(count):
            deps = "".join(f"    - {one}\n" for one in inputs)
            file.write(f"  task{number}:\n    cmd: {command}\n    deps:\n{deps}    outs:\n    - {output}\n")
    for words in (["init", "--no-scm", "--quiet"], ["commit", "--force", "--quiet"]):
        subprocess.run(env.script("dvc", *words), cwd=folder, check=True, env=env.variables)
    return folder


def for_snakemake(folder: Path, count: int, env: Environment) -> Path:
    sources(folder, count)
    with (folder / "Snakefile").open("w") as file:
        file.write(f"rule all:\n    input: {[f'out/{number}.txt' for number in range(count)]}\n\n")
        for number, command, inputs, output in commands(count):
            file.write(
                f"rule task{number}:\n    input: {inputs}\n    output: '{output}'\n    shell: '{command}'\n\n"
            )
    touch = env.script("snakemake", "--touch", "--cores", "1", "--quiet", "all")
    subprocess.run(touch, cwd=folder, check=True, env=env.variables, stderr=subprocess.DEVNULL)
    return folder


def for_ninja(folder: Path, count: int, env: Environment) -> Path:
    sources(folder, count)
    with (folder / "build.ninja").open("w") as file:
        file.write("rule run\n  command = $words\n")
        for _, command, inputs, output in commands(count):
            file.write(f"build {output}: run {' '.join(inputs)}\n  words = {command}\n")
    subprocess.run(env.script("ninja", "--quiet"), cwd=folder, check=True, env=env.variables)
    return folder


def contenders(folder: Path, count: int, env: Environment, others: bool) -> list[Contender]:
    where = for_octavo(folder / "octavo", count, env)
    found = [
        Contender("octavo build", env.octavo("build"), where),
        Contender("octavo status", env.octavo("status"), where),
    ]
    if not others:
        return found
    if has(env, "ninja"):
        found.append(Contender("ninja", env.script("ninja"), for_ninja(folder / "ninja", count, env)))
    if has(env, "dvc"):
        where = for_dvc(folder / "dvc", count, env)
        found.append(Contender("dvc repro", env.script("dvc", "repro"), where))
        found.append(Contender("dvc status", env.script("dvc", "status"), where))
    if has(env, "snakemake"):
        where = for_snakemake(folder / "snakemake", count, env)
        found.append(Contender("snakemake -n", env.script("snakemake", "-n"), where))
    return found


def has(env: Environment, name: str) -> bool:
    if not (found := Path(env.script(name)[0]).exists()):
        print(f"{name} is not installed here: its part is skipped")
    return found


def one_size(asked: Settings, folder: Path, count: int, others: bool) -> Rounds:
    found = compare(
        contenders(folder / str(count), count, asked.environment, others), asked, memory=not others
    )
    table(f"{count} tasks, all fresh", found, "octavo build")
    return found


def judge(found: dict[int, Rounds], sizes: Sequence[int]) -> None:
    for count in sizes:
        if count in BARS:
            bar(
                f"seconds of a warm build of {count} tasks",
                least(found[count]["octavo build"]),
                at_most=BARS[count],
            )
    rounds = found[sizes[0]]
    for other in ("dvc repro", "dvc status", "snakemake -n"):
        if other in rounds:
            ours = "octavo build" if other == "dvc repro" else "octavo status"
            times = ratios(rounds, other, ours)
            print(f"{other}: {middle(times, 1)} times {ours}")
            bar(f"{other}, times {ours}", statistics.median(times), at_least=10)
    if "ninja" in rounds:
        print(f"octavo build: {middle(ratios(rounds, 'octavo build', 'ninja'), 1)} times ninja, the limit")


def main() -> None:
    sizes = (
        "--sizes",
        {"type": int, "nargs": "+", "default": [1000, 10_000, 100_000], "help": "numbers of tasks"},
    )
    asked = settings(__doc__ or "", 5, sizes, make=lambda: peers("builders", BUILDERS))
    wanted = [20, 60] if asked.quick else asked.options.sizes
    with workplace() as folder:
        found = {count: one_size(asked, folder, count, count == wanted[0]) for count in wanted}
    print()
    judge(found, wanted)


if __name__ == "__main__":
    main()
