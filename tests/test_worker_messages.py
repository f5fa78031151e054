"""Whatever arrives from a worker fails at most its own task: damaged, made up, out of order, too deep or too long."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from answers import bounded
from octavo.cli import _guarded
from octavo.executors.handle import Worker
from octavo.executors.local import Local
from octavo.show.screen import screen

Message = dict[str, Any]
PIPELINE = """\
tasks:
- {source: good.py, product: {nb: out/good.ipynb, data: out/good.txt}}
- {source: bad.py, product: {nb: out/bad.ipynb, data: out/bad.txt}}
- {source: steps.last, product: out/last.txt, upstream: [bad]}
"""
CELLS: list[Message] = [
    {"cell_type": "code", "id": f"c{n}", "metadata": {}, "outputs": [], "execution_count": None}
    for n in (0, 1)
]
TRACEBACK = ["\x1b[31mValueError\x1b[0m: x"]


def told(task: str) -> list[Message]:
    """Return what the worker of a notebook that runs well says, with some of each kind."""
    notebook = {
        "cells": [{**cell, "source": f"x = {n}\nx"} for n, cell in enumerate(CELLS)],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    shown = {
        "data": {"text/plain": "1", "text/html": "<b>1</b>"},
        "metadata": {},
        "transient": {"display_id": "d"},
    }
    widget: Message = {"comm_id": "w", "data": {"state": {"_model_name": "IntSliderModel", "value": 3}}}
    opened: Message = {**widget, "target_name": "jupyter.widget", "metadata": {"version": "2.1.0"}}
    failure = {"kind": "ValueError", "message": "x", "cell": 1, "line": 1, "traceback": TRACEBACK}
    outputs: list[tuple[str, Message]] = [
        ("stream", {"name": "stdout", "text": "a\rb\n"}),
        ("stream", {"name": "stderr", "text": "warned\n"}),
        ("display_data", shown),
        ("update_display_data", shown),
        ("execute_result", {"data": {"text/plain": "1"}, "metadata": {}, "execution_count": 1}),
        ("clear_output", {"wait": True}),
        ("comm_open", opened),
        ("comm_msg", {"comm_id": "w", "data": {"method": "update", "state": {"value": 4}}}),
        ("comm_close", {"comm_id": "w", "data": {}}),
        ("error", {"ename": "ValueError", "evalue": "x", "traceback": TRACEBACK}),
    ]
    messages: list[Message] = [
        {"event": "NotebookOpened", "notebook": notebook, "parameters": {"n": 1}},
        {"event": "KernelReady", "language": {"name": "python"}, "kernelspec": kernel},
    ]
    for n in (0, 1):
        messages.append({"event": "CellStarted", "cell": n, "number": n + 1, "total": 2, "at": 1.7e9})
        messages += [
            {"event": "Output", "cell": n, "kind": kind, "content": content} for kind, content in outputs
        ]
        finished = {"at": 1.7e9, "seconds": 0.1, "count": n, "failed": False, "cpu": 0.1, "memory": 10**7}
        messages.append({"event": "CellFinished", "cell": n, **finished})
    messages.append({"event": "Note", "message": "said"})
    ended: Message = {"seconds": 1.0, "failure": None, "discovered": {"module m": ["m.py", "0" * 32]}}
    ended |= {"cpu": 0.5, "memory": 10**7, "touched": [[0, "read", "a.csv"]]}
    messages.append({"event": "TaskFinished", "outcome": "done", **ended})
    extra = [
        {"event": "TaskFinished", "outcome": "failed", **ended, "failure": failure},
        {"event": "Paused", "failure": failure, "connection": "/nowhere/at/all/kernel.json"},
        {"event": "Diverged", "why": "it must"},
    ]
    return [{**message, "task": task} for message in [*messages, *extra]]


#: Bytes that a socket holds of which nobody reads.
MOST = 150_000
#: How many of ``told`` say that all went well.
WELL = len(told("x")) - 3
#: Stand for lists in lists, so many that most of what reads them can go no deeper.
DEEP = {f"deep {n}": "[" * n + "]" * n for n in (100, 450, 480, 960, 5000)}
ODD: tuple[object, ...] = (
    *(None, True, False, 0, 1, -1, 2, 10**9, 2**63, 10**400, 1e308, -1e308, 0.5),
    *(
        float("nan"),
        float("inf"),
        -float("inf"),
        "",
        "x",
        "\ud800",
        "\x00",
        "\x1b[2J\x07",
        "é" * 10,
        "‮",
        "9" * 5000,
    ),
    *(
        [],
        [[]],
        [None],
        [1],
        ["x"],
        {},
        {"": None},
        {"x": {"y": []}},
        {"\ud800": "\udfff"},
        {"source": 3},
        *DEEP,
    ),
    *(
        [[0, "read", "x"]],
        [["x", 1, None]],
        {"module m": ["x", "y"]},
        {"module m": [1, None]},
        {"kind": "x"},
    ),
    *(
        "done",
        "failed",
        "fresh",
        "stdout",
        "stream",
        "display_data",
        "error",
        "TaskFinished",
        "Output",
        "bad",
        "good",
    ),
    *(
        {"text/plain": 3},
        {"text/html": ["a", 1]},
        {"image/png": "0"},
        {"application/json": "deep 450"},
        "x" * 20_000,
    ),
)
KINDS = (
    *(
        "RunStarted",
        "TaskStarted",
        "Importing",
        "HookFinished",
        "RunFinished",
        "Nothing",
        "",
        "__class__",
        "Event",
    ),
    *("Output", "Paused", "Diverged", "TaskFinished", "NotebookOpened", "CellStarted", "Note"),
)


def places(value: object) -> Iterator[tuple[Any, Any]]:
    """Yield each place inside a JSON value: what holds it, and its key there."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])  # type: ignore[index]


def spoilt(chance: random.Random, messages: list[Message]) -> None:
    """Change one thing about some messages."""
    at = chance.randrange(len(messages)) if messages else 0
    match chance.randrange(9):
        case 0 | 1 | 2 | 3 if messages:  # most of all: a value that is not what it should be
            holder, key = chance.choice(list(places(messages[at])))
            holder[key] = copy.deepcopy(chance.choice(ODD))
        case 4 if messages:
            holder, key = chance.choice(list(places(messages[at])))
            del holder[key]
        case 5 if messages:
            messages.insert(chance.randrange(len(messages) + 1), copy.deepcopy(messages[at]))
        case 6 if messages:
            messages.insert(chance.randrange(len(messages)), messages.pop(at))
        case 7 if messages:
            messages[at]["event"] = chance.choice(KINDS)
        case _:
            other = copy.deepcopy(chance.choice(told(chance.choice(["bad", "good", "last"]))))
            messages.insert(chance.randrange(len(messages) + 1), other)


def framed(messages: list[Message]) -> list[bytes]:
    texts = [json.dumps(it, ensure_ascii=False) for it in messages]
    for word, deep in DEEP.items():
        texts = [text.replace(f'"{word}"', deep) for text in texts]
    datas = [text.encode("utf-8", "surrogatepass") for text in texts]
    return [struct.pack("!Q", len(data)) + data for data in datas]


def sent(chance: random.Random, task: str) -> bytes:
    """Return the bytes that a worker sends which does something wrong."""
    messages = copy.deepcopy(told(task)[: chance.choice([WELL, WELL, WELL + 1, WELL + 2, WELL + 3])])
    for _ in range(chance.choice([0, 1, 1, 1, 2, 5])):
        spoilt(chance, messages)
    frames = framed(messages)
    data = bytearray(b"".join(frames))
    match chance.randrange(12):
        case 0:
            del data[chance.randrange(len(data) + 1) :]
        case 1:
            at = chance.randrange(len(data) + 1)
            data[at:at] = chance.randbytes(chance.choice([1, 8, 100]))
        case 2 if data:
            for _ in range(chance.choice([1, 10])):
                data[chance.randrange(len(data))] = chance.randrange(256)
        case 3:
            at = sum(map(len, frames[: chance.randrange(len(frames) + 1)]))
            length = chance.choice([0, 1, 1 << 31, (1 << 34) - 8, 1 << 40, (1 << 64) - 1])
            data[at:at] = struct.pack("!Q", length)
        case 4:
            at = sum(map(len, frames[: chance.randrange(len(frames) + 1)]))
            text = chance.choice(
                [b"[" * 90_000, b'{"event":' * 5000, b"\xff" * 10, b"null", b"3", b"\x00", b""]
            )
            data[at:at] = struct.pack("!Q", len(text)) + text
        case _:
            pass
    return bytes(data[:MOST])  # a socket holds so many


class Speaking(Local):
    """Runs nothing: its workers say what they are told to, and end."""

    def __init__(self, root: str, jobs: int | None = None, *, log: str | None = None) -> None:
        super().__init__(root, jobs, fork=False, log=log)

    def _start(self, worker: Worker, descriptors: list[int]) -> None:
        for product in worker.task.products:
            if product.path.endswith(".txt"):
                place = Path(self.root, product.path)
                place.parent.mkdir(exist_ok=True)
                place.write_text("made")
        data = Path(self.root, worker.task.name).read_bytes()
        assert os.write(descriptors[0], data) == len(data)
        worker.process = subprocess.Popen(["true"], process_group=0)
        worker.pid = worker.process.pid


def project(folder: Path, speech: bytes) -> None:
    """Write a pipeline of two tasks whose workers say what is right, and one whose worker says something else."""
    folder.mkdir()
    for task in ("good", "last"):
        (folder / task).write_bytes(b"".join(framed(told(task)[:WELL])))
    (folder / "bad").write_bytes(speech)
    (folder / "pipeline.yaml").write_text(PIPELINE)
    for name in ("good", "bad"):
        (folder / f"{name}.py").write_text("# %%\nx = 0\nx\n# %%\nx = 1\nx\n")
    (folder / "steps.py").write_text("def last(product, upstream): ...\n")


def answer(*command: str) -> tuple[int, str]:
    """Return the exit code of a command, and what it says."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        return _guarded(command, screen(out, {})), out.getvalue()


def heard(folder: Path, seed: int) -> None:
    """Let a worker say something wrong, and look at what became of it as people do."""
    project(folder, sent(random.Random(seed), "bad"))
    with contextlib.chdir(folder), bounded(seed):
        for command in (["build", "--executor", "speaking"], ["status"], ["log"], ["history", "bad"]):
            code, said = answer(*command)
            assert code in (0, 1), (seed, command, code, said)
            assert command[0] != "build" or "done     good" in said, (seed, said)


@pytest.fixture
def speaking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the executor "speaking", as another package would."""
    package = tmp_path / "installed" / "speaking-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: speaking\nVersion: 1\n")
    (package / "entry_points.txt").write_text(f"[octavo.executors]\nspeaking = {__name__}:Speaking\n")
    monkeypatch.syspath_prepend(package.parent)


@pytest.mark.usefixtures("speaking")
def test_what_a_worker_says_that_runs_well_is_understood(tmp_path: Path) -> None:
    project(tmp_path / "project", b"".join(framed(told("bad")[:WELL])))
    with contextlib.chdir(tmp_path / "project"):
        code, said = answer("build", "--executor", "speaking")
        assert (code, "3 done" in said) == (0, True), said


@pytest.mark.usefixtures("speaking")
def test_whatever_a_worker_sends_fails_at_most_its_own_task(tmp_path: Path) -> None:
    for seed in range(15):
        heard(tmp_path / str(seed), seed)


@pytest.mark.nightly
@pytest.mark.usefixtures("speaking")
def test_whatever_a_worker_sends_fails_at_most_its_own_task_3000_times(tmp_path: Path) -> None:
    for seed in range(1000, 4000):
        heard(tmp_path / str(seed), seed)
        shutil.rmtree(tmp_path / str(seed))
