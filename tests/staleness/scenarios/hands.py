"""Products between builds: what tools leave in them, what is gone, what a person saved that is for people."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from . import LEFT, LEFT_BY_OTHERS, Scenario

_MANY = {
    "pipeline.yaml": "tasks:\n  - {source: steps.make, product: out/many}\n",
    "steps.py": """
    def make(product):
        for folder in (product, product / "deep", product / "deep/er"):
            folder.mkdir()
            for n in range(3):
                (folder / f"{n}.txt").write_text(f"{folder} {n}")
    """,
}
_REPORT = {
    "pipeline.yaml": "tasks:\n  - {source: look.py, product: {nb: out/look.ipynb, data: out/look.txt}}\n",
    "look.py": """
    # %% tags=["parameters"]
    upstream = None
    product = None

    # %%
    print("seen")
    _ = open(product["data"], "w").write("made")
    """,
}


def _inside(folder: str, change: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return a change of a product, where it is there: from nothing there is none."""

    def changed(root: Path) -> None:
        if (root / folder).is_dir():
            change(root / folder)

    return changed


def _leave(*names: str, at: str = "out/many") -> Scenario:
    def left(folder: Path) -> None:
        for path in (folder / name for name in names):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"left")

    return Scenario(_MANY, _inside(at, left), runs=())


def _remove(says: str, *names: str) -> Scenario:
    def removed(folder: Path) -> None:
        for name in names:
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
            else:
                (folder / name).unlink()

    return Scenario(_MANY, _inside("out/many", removed), says=says, alike=True)


def _saved(path: Path) -> None:
    path.write_text(path.read_text().replace("seen", "saved"))


SCENARIOS: Mapping[str, Scenario] = {
    **{f"{name} in a product": _leave(name) for name in (*LEFT, "deep/.DS_Store", "deep/er/.0.txt.swo")},
    "what tools leave in a product that stands in a folder": _leave(".DS_Store", at="out"),
    "what other systems and programs leave in a product": _leave(
        *(f"{folder}{name}" for folder in ("", "deep/er/") for name in LEFT_BY_OTHERS)
    ),
    "a file of a product is gone": _remove("product out/many/1.txt is gone", "1.txt"),
    "a file deep in a product is gone": _remove("product out/many/deep/er/2.txt is gone", "deep/er/2.txt"),
    "all files in a folder of a product are gone": _remove(
        "product out/many has lost 3 files: deep/er/0.txt, deep/er/1.txt, deep/er/2.txt",
        *(f"deep/er/{n}.txt" for n in range(3)),
    ),
    "files of a product are gone": _remove(
        "product out/many has lost 2 files: 1.txt, deep/2.txt", "1.txt", "deep/2.txt"
    ),
    "a folder of a product is gone": _remove("product out/many has lost 6 files: deep/0.txt", "deep"),
    "an executed notebook that was saved": Scenario(
        _REPORT,
        _inside("out", lambda out: _saved(out / "look.ipynb")),
        runs=("look",),
        says="product out/look.ipynb was saved by hand",
        alike=True,
    ),
    "an executed notebook that is gone": Scenario(
        _REPORT,
        _inside("out", lambda out: (out / "look.ipynb").unlink()),
        runs=("look",),
        says="product out/look.ipynb is gone",
        alike=True,
    ),
}
