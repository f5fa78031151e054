"""Large outputs: one display of 5, 20 and 100 MB, beside nbclient; 1 GB of prints, in memory and on the disk.

Bars: 100 MB cost at most 8 times the processor time of 20 MB, above a notebook without any, and at most
1.5 times as long as nbclient; 1 GB of prints takes at most 40 MB of memory above a
notebook without, and 20 MB of the disk.
"""

from __future__ import annotations

from pathlib import Path

from bench import (
    Contender,
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

MB = 1_000_000


def displays(asked: Settings, folder: Path) -> None:
    """Show one output of each size, and none."""
    sizes = [0, 1, 2, 4] if asked.quick else [0, 5, 20, 100]
    peer = asked.environment.has("nbclient")
    contenders: list[Contender] = []
    for size in sizes:
        code = f"from IPython.display import display\ndisplay({{'text/plain': 'x' * {size * MB}}}, raw=True)"
        write_notebook(folder / f"show-{size}.ipynb", [code])
        run = asked.environment.octavo("run", f"show-{size}.ipynb", f"octavo-{size}.ipynb")
        contenders.append(Contender(f"{size} MB", run, folder))
    if peer:
        command = asked.environment.script(
            "jupyter-execute", f"show-{sizes[-1]}.ipynb", "--output=nbclient.ipynb"
        )
        contenders.append(Contender(f"{sizes[-1]} MB, nbclient", command, folder))
    rounds = compare(contenders, asked, memory=True)
    table("one display", rounds, f"{sizes[-1]} MB")
    # processor time: what waits for the disk of a busy machine is not the cost of an output
    spent = {size: min(one.cpu for one in rounds[f"{size} MB"]) for size in sizes}
    floor, middle, most = spent[sizes[0]], spent[sizes[2]], spent[sizes[3]]
    each = sizes[3] / sizes[2]
    bar(
        f"{sizes[3]} MB / {sizes[2]} MB, processor, less the floor",
        (most - floor) / max(middle - floor, 0.02),
        at_most=1.6 * each,
    )
    if peer:
        compared = ratios(rounds, f"{sizes[-1]} MB", f"{sizes[-1]} MB, nbclient")
        bar(f"octavo / nbclient, {sizes[-1]} MB", sorted(compared)[len(compared) // 2], at_most=1.5)
    else:
        print("skipped: nbclient")


def prints(asked: Settings, folder: Path) -> None:
    """Build a notebook that prints a lot, and one that prints nothing."""
    size = 30 if asked.quick else 1_000
    contenders = []
    for name, lines in (("silent", 0), ("prints", size * 10)):
        place = folder / name
        write_notebook(
            place / "look.ipynb", [f"line = 'x' * 99_999\nfor _ in range({lines}):\n    print(line)"]
        )
        (place / "pipeline.yaml").write_text("tasks: [{source: look.ipynb, product: out.ipynb}]\n")
        clear = remove(place / ".octavo", place / "out.ipynb")
        contenders.append(Contender(name, asked.environment.octavo("build"), place, clear))
    rounds = compare(contenders, asked, memory=True)
    table(f"{size:,} MB of prints", rounds, "silent")
    above = min(m.memory for m in rounds["prints"]) - min(m.memory for m in rounds["silent"])
    bar(f"MB of memory for {size:,} MB of prints", above / MB, at_most=40)
    used = sum(path.stat().st_size for path in (folder / "prints").rglob("*") if path.is_file())
    bar(f"MB on the disk for {size:,} MB of prints", used / MB, at_most=20)


def main() -> None:
    asked = settings(__doc__ or "", 3)
    with workplace() as folder:
        displays(asked, folder / "displays")
        prints(asked, folder / "prints")


if __name__ == "__main__":
    main()
