"""What SGE, PBS and LSF are told, and that what they are given is a script that runs its task. Without them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from octavo.deploy.batches import Batch, script
from octavo.deploy.engines import Handover
from octavo.deploy.plan import Plan, Planned
from octavo.deploy.queues import LSF, PBS_PRO, SGE, Dialect, Queue, arguments
from octavo.errors import Error

#: What each prints of a job that it has taken.
PRINTED = {"SGE": "{}", "PBS": "{}.server", "LSF": "Job <{}> is submitted to queue <normal>."}
LOAD = Planned("load", (), "load.py")
FIT = Planned("fit it", ("load",), "fit.py", memory=1 << 30, timeout=90, retries=1)
ALL = Planned("all", ("load", "fit it"), "all.py")


def order(octavo: str = "octavo", root: str = ".", **own: str) -> Handover:
    tasks = {task.name: task for task in (LOAD, FIT, ALL)}
    plan = Plan("sales", "pipeline.yaml", ".", {}, {}, {}, tasks)
    return Handover("20260102-101500-5e8f1a", plan, "/store", (octavo,), own, root=root)


def test_what_a_task_needs_is_asked_in_the_words_of_each() -> None:
    jobs = {"load": "7", "fit it": "8"}
    own = {"queue": "gpu", "account": "team", "extra": "-l 'gpu=1 x'"}
    sge = arguments(SGE, order(**own), ALL, jobs, "/logs")
    assert sge[6:] == [
        "-N",
        "all",
        "-o",
        "/logs/all.out",
        "-hold_jid",
        "7,8",
        "-q",
        "gpu",
        "-P",
        "team",
        "-l",
        "gpu=1 x",
    ]
    pbs = arguments(PBS_PRO, order(**own), FIT, jobs, "/logs")
    assert pbs[9:17] == ["-W", "depend=afterok:7", "-l", "mem=1536mb", "-l", "walltime=480", "-q", "gpu"]
    assert len(pbs[6]) <= 15
    lsf = arguments(LSF, order(), ALL, jobs, "/logs")
    assert lsf[-2:] == ["-w", "done(7) && done(8)"]
    assert arguments(LSF, order(), FIT, {}, "/logs")[-4:] == ["-M", "1536MB", "-W", "8"]


@pytest.mark.parametrize("dialect", [SGE, PBS_PRO, LSF], ids=lambda dialect: dialect.title)
def test_jobs_are_submitted_in_order_and_cancelled_when_one_is_refused(
    dialect: Dialect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    (tmp_path / "bin").mkdir()
    for name, text in (
        # it runs what it is given at once, as the third job it refuses
        (
            dialect.submit[0],
            f'n=$(ls {tmp_path}/n* 2>/dev/null | wc -l)\n[ "$n" = "$MOST" ] && {{ echo no such queue >&2; exit 1; }}\n'
            f"touch {tmp_path}/n$n\nsh -n /dev/stdin <<X || exit 9\n$(cat > {tmp_path}/s; cat {tmp_path}/s)\nX\n"
            f'sh {tmp_path}/s\necho "{PRINTED[dialect.title].format("4$n")}"\n',
        ),
        (dialect.cancel[0], f'echo "cancel $*" >> {log}\n'),
        ("octavo", f'echo "$2" >> {log}\n'),
    ):
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MOST", "3")
    queue = Queue(dialect)
    queue.check({})
    jobs = queue.submit(order(root=str(tmp_path))).jobs
    assert [job.partition(".")[0] for job in jobs.values()] == ["40", "41", "42"]
    assert log.read_text().splitlines() == ["load", "fit it", "all"]
    monkeypatch.setenv("MOST", "5")
    with pytest.raises(Error, match=f'{dialect.submit[0]} refuses "all": no such queue'):
        queue.submit(order(root=str(tmp_path)))
    assert log.read_text().splitlines()[-1].startswith("cancel 43")


def test_each_relative_is_asked_for_processors_and_gpus_in_its_words() -> None:
    task = Planned("fit", (), "fit.py", cpus=3.5, gpus=2, engines={"pbs": "-l place=excl", "sge": ["-R y"]})
    handed = order(root="/r")
    told = {dialect.title: arguments(dialect, handed, task, {}, "/logs") for dialect in (SGE, PBS_PRO, LSF)}
    assert told["SGE"][-6:] == ["smp", "4", "-l", "gpu=2", "-R", "y"]
    assert told["PBS"][-6:] == ["-l", "ncpus=4", "-l", "ngpus=2", "-l", "place=excl"]
    assert told["LSF"][-6:] == ["-n", "4", "-R", "span[hosts=1]", "-gpu", "num=2"]


def test_the_script_is_one_of_sh_whatever_tasks_are_called() -> None:
    text = script(order(), Batch((Planned('it\'s; $(rm) "2"', (), "a.py"),)))
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0
    assert json.dumps(text).count("it'\\\"'\\\"'s") == 1


def test_bad_options_and_a_machine_without_it_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Error, match="LSF is not installed here: there is no bsub"):
        Queue(LSF).check({})
