"""What SLURM is told: batches of tasks, the jobs they come after, and the script of a job. Without SLURM."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octavo.deploy.batches import batches, script
from octavo.deploy.engines import Handover, options
from octavo.deploy.plan import Plan, Planned
from octavo.deploy.slurm import SLURM_JOBS, after, arguments
from octavo.errors import Error


def plan(*tasks: Planned) -> Plan:
    return Plan("sales", "pipeline.yaml", ".", {}, {}, {}, {task.name: task for task in tasks})


def order(*tasks: Planned, **own: str) -> Handover:
    return Handover("20260102-101500-5e8f1a", plan(*tasks), "s3://b/team", ("octavo",), own)


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Planned]:
    tasks: dict[str, Planned] = {}
    for number in range(draw(st.integers(1, 9))):
        before = draw(st.sets(st.sampled_from([*tasks]), max_size=3)) if tasks else set()
        name, source = f"t{number}", draw(st.sampled_from(["a.py", "b.py"]))
        tasks[name] = Planned(name, tuple(sorted(before)), source)
    return tasks


@settings(max_examples=40)
@given(graphs(), st.integers(1, 3))
def test_every_task_is_in_one_batch_after_those_that_it_needs(tasks: dict[str, Planned], most: int) -> None:
    seen: list[str] = []
    jobs: dict[str, str] = {}
    for number, batch in enumerate(batches(tasks, most, "slurm")):
        assert len(batch.tasks) <= most
        assert len({(task.source, task.upstream) for task in batch.tasks}) == 1
        assert {*batch.first.upstream} <= {*seen}
        told = after(batch.first, jobs)
        covered = {
            name for name, job in jobs.items() if any(job == one or job.startswith(f"{one}_") for one in told)
        }
        assert covered == {*batch.first.upstream}, "it comes after its upstream, and after nothing else"
        several = len(batch.tasks) > 1
        jobs |= {
            task.name: f"{number}_{at}" if several else str(number) for at, task in enumerate(batch.tasks)
        }
        seen += [task.name for task in batch.tasks]
    assert sorted(seen) == sorted(tasks)


def test_what_a_task_needs_is_asked_of_slurm() -> None:
    task = Planned("fit it", (), "fit.py", memory=1 << 30, timeout=90, retries=1)
    handed = order(task, partition="gpu", mem="9G", logs="x", prologue="p")
    (batch,) = batches(handed.plan.tasks, 10, "slurm")
    words = arguments(handed, batch, {}, "/logs")
    assert "--mem=1536M" in words
    assert "--time=8" in words
    assert "--partition=gpu" in words
    assert words[0].startswith("--job-name=fit-it-x")
    assert not any(word.startswith(("--logs", "--prologue")) for word in words)


def test_what_a_task_says_itself_is_asked_before_what_all_are_given() -> None:
    own = {"slurm": ["--constraint='a100|h100'", "--gres=gpu:h100:2"], "sge": "-l gpu=1"}
    task = Planned("fit", (), "fit.py", cpus=2.5, gpus=2, engines=own)
    handed = order(task, gres="licence:1", **{"cpus-per-task": "1"})
    (batch,) = batches(handed.plan.tasks, 10, "slurm")
    words = arguments(handed, batch, {}, "/logs")
    assert words[-4:] == [
        "--gres=gpu:2",
        "--cpus-per-task=3",
        "--constraint=a100|h100",
        "--gres=gpu:h100:2",
    ]
    other = Planned("fit 2", (), "fit.py", cpus=2.5, gpus=2)
    assert [len(one.tasks) for one in batches({"fit": task, "fit 2": other}, 10, "slurm")] == [1, 1]
    assert [len(one.tasks) for one in batches({"fit": task, "fit 2": other}, 10, "aws-batch")] == [2]


def test_the_script_runs_the_task_of_its_index_and_tries_again_what_is_worth_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    octavo = tmp_path / "octavo"
    octavo.write_text(f'#!/bin/sh\nprintf "%s|" "$MODULE" "$@" >> {log}\n[ "$2" = "it\'s 2" ]\n')
    octavo.chmod(0o755)
    prologue = tmp_path / "prologue"
    prologue.write_text("export MODULE=loaded\n")
    tasks = [Planned("fit 1", (), "fit.py"), Planned("it's 2", (), "fit.py")]
    handed = order(*tasks, prologue=str(prologue))
    handed = Handover(handed.run, handed.plan, handed.url, (str(octavo),), handed.options)
    (batch,) = batches(handed.plan.tasks, 10, "slurm")
    codes = [
        subprocess.run(
            ["sh"], input=script(handed, batch), text=True, env={"SLURM_ARRAY_TASK_ID": at}
        ).returncode
        for at in ("0", "1")
    ]
    assert codes == [1, 0]
    rest = "|--run|20260102-101500-5e8f1a|--remote|s3://b/team|"
    assert log.read_text() == f"loaded|run-task|fit 1{rest}loaded|run-task|it's 2{rest}"


@pytest.mark.parametrize("text", ["partition", "partition=", "=gpu", "partion=gpu", "partition=a\nb"])
def test_an_option_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Error):
        options([text], SLURM_JOBS.options, "slurm")
