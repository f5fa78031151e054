"""Damaged and made-up pipelines, environments and notebooks: an answer of ours to each, and never a bug or a hang."""

from __future__ import annotations

import contextlib
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from answers import MOST, Peak, TooSlow, bounded, memory
from octavo.cli import _guarded
from octavo.show.screen import screen

MUSEUM = Path(__file__).parent / "museum"
SPECS = [path.read_bytes() for path in sorted(MUSEUM.glob("*/project/pipeline*.yaml"))]
ENVIRONMENTS = [path.read_bytes() for path in sorted(MUSEUM.glob("*/project/env*.yaml"))]
NOTEBOOKS = [path.read_bytes() for path in sorted(MUSEUM.rglob("*.ipynb"))] * 3
NOTEBOOKS += [path.read_bytes() for path in sorted(MUSEUM.rglob("*.py"))][:60]
PIECES = [
    *(
        b"{{",
        b"}}",
        b"{%",
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!python/object:os.system ",
        b"null",
        b"[]",
        b"{}",
        b"- ",
    ),
    *(b": ", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"1e999", b"-1", b"0x10", b"\n  ", b"'", b'"', b"tasks"),
    *(
        b"source",
        b"product",
        b"upstream",
        b"grid",
        b"params",
        b"meta",
        b"\t",
        b"\r\n",
        b"~",
        b"|",
        b">",
        b"#",
    ),
    *(b"%YAML 1.1\n---\n", b"...\n", b"\xe2\x80\xae", b"9" * 24, b".inf", b".nan", b"2020-01-01", b"true"),
]
KEYS = [
    "source",
    "product",
    "params",
    "grid",
    "name",
    "upstream",
    "class",
    "kernel",
    "hooks",
    "on_finish",
    "on_failure",
    "on_render",
    "client",
    "clients",
    "serializer",
    "unserializer",
    "inputs",
    "tags",
    "timeout",
    "memory",
    "retries",
    "cache",
    "output_limit",
    "product_class",
    "product_client",
    "nbconvert_exporter_name",
    "nb_product_key",
    "papermill_params",
    "executor",
    "executor_params",
    "meta",
    "tasks",
    "static_analysis",
    "local_execution",
    "chunksize",
    "x",
    "nb",
    "data",
    "cell_timeout",
    "env",
    "config",
    "task_defaults",
    "import_tasks_from",
    "extract_upstream",
    "extract_product",
    "source_loader",
    "jupyter_hot_reload",
    "preload",
    "strict",
    "environment",
    "url",
    "path",
]
WORDS = [
    "tasks.first",
    "a.py",
    "",
    "x",
    "../x",
    "/abs",
    "{{x}}",
    "a b",
    "é",
    "o.ipynb",
    "[[n]]",
    "*",
    "a/../b",
]
COMMANDS = [["status"], ["status", "--json"], ["list"], ["plot", "-o", "-"], ["status", "x"]]


def damaged(chance: random.Random, text: bytes) -> bytes:
    """Return a text with some of its bytes changed, left out, repeated or replaced."""
    data = bytearray(text)
    for _ in range(chance.randint(1, 6)):
        begin = chance.randint(0, len(data))
        end = min(len(data), begin + chance.randint(0, 30))
        match chance.randint(0, 5):
            case 0 if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
            case 1:
                del data[begin:end]
            case 2:
                data[begin:end] = chance.choice(PIECES)
            case 3:
                data[begin:begin] = data[begin:end] * chance.randint(1, 5)
            case 4:
                del data[begin:]
            case _:
                other = chance.choice(SPECS)
                start = chance.randint(0, len(other))
                data[begin:begin] = other[start : start + chance.randint(1, 60)]
    return bytes(data)


def value(chance: random.Random, depth: int = 0) -> object:
    """Return any JSON value."""
    match chance.randint(0, 9):
        case 0:
            return None
        case 1:
            return chance.choice([True, False, -1, 0, 1e300, 10**30, float("inf")])
        case 2 | 3 | 4:
            return chance.choice(WORDS)
        case 5 | 6 if depth < 4:
            return [value(chance, depth + 1) for _ in range(chance.randint(0, 3))]
        case _ if depth < 4:
            return {chance.choice(KEYS): value(chance, depth + 1) for _ in range(chance.randint(0, 4))}
    return "deep"


def of_pipelines(chance: random.Random) -> None:
    Path("pipeline.yaml").write_bytes(damaged(chance, chance.choice(SPECS)))


def of_environments(chance: random.Random) -> None:
    Path("pipeline.yaml").write_bytes(chance.choice(SPECS))
    Path("env.yaml").write_bytes(damaged(chance, chance.choice(ENVIRONMENTS)))


def of_notebooks(chance: random.Random) -> None:
    name = chance.choice(["n.ipynb", "n.py", "n.md", "n.Rmd"])
    Path(name).write_bytes(damaged(chance, chance.choice(NOTEBOOKS)))
    Path("pipeline.yaml").write_text(f"tasks:\n- {{source: {name}, product: o.ipynb}}\n")


def of_values(chance: random.Random) -> None:
    source = chance.choice(["a.py", "tasks.first", "q.sql", "s.sh"])
    product = chance.choice(["o.ipynb", "o.txt", ["t", "table"], {"nb": "o.ipynb"}])
    task: dict[str, Any] = {"source": source, "product": product}
    task |= {chance.choice(KEYS): value(chance) for _ in range(chance.randint(1, 4))}
    pipeline = {"tasks": [task]} | {chance.choice(KEYS): value(chance) for _ in range(chance.randint(0, 2))}
    Path("pipeline.yaml").write_text(json.dumps(pipeline))


KINDS = [of_pipelines, of_environments, of_notebooks, of_values]


def answer(folder: Path, seed: int, make: Callable[[random.Random], None]) -> None:
    """Make something in a folder and look at it, with a command that runs nothing."""
    chance = random.Random(seed)
    folder.mkdir()
    with contextlib.chdir(folder):
        Path("tasks.py").write_text("def first(product): pass\ndef then(product, upstream): pass\n")
        Path("q.sql").write_text("select 1")
        Path("s.sh").write_text("echo {{product}}")
        for name in ("fit.py", "clean.py", "a.py", "look.py"):
            Path(name).write_text("# %% tags=['parameters']\nupstream = None\nn = 1\n# %%\nprint(n)\n")
        make(chance)
        command = chance.choice(COMMANDS)
        out, err = io.StringIO(), io.StringIO()
        what = (seed, make.__name__, command)
        with bounded(what), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = _guarded(command, screen(err, {}))
        assert code in (0, 1, 2), (what, err.getvalue())


@pytest.mark.parametrize("make", KINDS)
def test_whatever_is_read_gets_an_answer(tmp_path: Path, make: Callable[[random.Random], None]) -> None:
    for seed in range(40):
        answer(tmp_path / str(seed), seed, make)


@pytest.mark.nightly
@pytest.mark.parametrize("make", KINDS)
def test_whatever_is_read_gets_an_answer_2000_times(
    tmp_path: Path, make: Callable[[random.Random], None]
) -> None:
    for seed in range(1000, 1500):
        answer(tmp_path / str(seed), seed, make)


def test_the_peak_of_memory_is_seen() -> None:
    if not memory("VmHWM"):
        pytest.skip("the system does not tell")
    with Peak() as peak:
        held = bytearray(b"x" * 50_000_000)
        del held
    assert 40_000_000 < peak.taken < MOST


def test_what_takes_too_long_is_seen() -> None:
    with pytest.raises(TooSlow, match="SIGPROF"), bounded("a loop", seconds=0.1):
        while True:
            pass


@pytest.mark.parametrize("grid", [[1], ["x", None], [{"n": [1]}, 2]])
def test_a_grid_of_anything_but_mappings_is_told(tmp_path: Path, grid: list[object]) -> None:
    def of_a_grid(chance: random.Random) -> None:
        task = {"source": "a.py", "product": "o.ipynb", "name": "a-[[n]]", "grid": grid}
        Path("pipeline.yaml").write_text(json.dumps({"tasks": [task]}))

    answer(tmp_path / "grid", 0, of_a_grid)
