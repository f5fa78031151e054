"""What AWS Batch is told: jobs, arrays, gates and definitions, each within AWS's limits. Without AWS."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octavo.deploy.aws_batch import AwsBatch, Submission, arrays, command, definition
from octavo.deploy.engines import Handover
from octavo.deploy.plan import Plan, Planned
from octavo.errors import Error


class Account:
    """A queue that keeps jobs, and refuses what AWS does."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.definitions: dict[str, dict[str, Any]] = {}
        self.ended: list[str] = []
        self.most = 10_000

    def describe_job_queues(self, **words: object) -> dict[str, Any]:
        return {"jobQueues": [{"state": "ENABLED"}]}

    def describe_job_definitions(self, **words: object) -> dict[str, Any]:
        found = self.definitions.get(str(words["jobDefinitionName"]))
        return {"jobDefinitions": [found] if found else []}

    def register_job_definition(self, **words: object) -> dict[str, Any]:
        name = str(words["jobDefinitionName"])
        assert re.fullmatch(r"[A-Za-z0-9][-\w]{0,127}", name)
        assert name not in self.definitions
        assert len(json.dumps(words)) <= 24 << 10
        self.definitions[name] = {**words, "jobDefinitionArn": f"arn:{name}:1"}
        return self.definitions[name]

    def submit_job(self, **words: Any) -> dict[str, Any]:
        if len(self.jobs) >= self.most:
            raise Error("enough")
        assert re.fullmatch(r"[A-Za-z0-9][-\w]{0,127}", words["jobName"])
        before = [one["jobId"] for one in words.get("dependsOn", ())]
        assert len(before) <= 20
        assert {*before} <= self.jobs.keys()
        assert 2 <= words.get("arrayProperties", {"size": 2})["size"] <= 10_000
        assert len(json.dumps(words["containerOverrides"])) <= 8192
        assert len(json.dumps(words)) <= 30 << 10
        number = f"job{len(self.jobs)}"
        self.jobs[number] = words
        return {"jobId": number}

    def terminate_job(self, **words: object) -> dict[str, Any]:
        self.ended.append(str(words["jobId"]))
        return {}

    def before(self, job: str) -> set[str]:
        """Return the jobs that must have ended before one begins, gates and theirs."""
        found: set[str] = set()
        for one in self.jobs[job].get("dependsOn", ()):
            found |= {one["jobId"], *self.before(one["jobId"])}
        return found


def order(*tasks: Planned, **own: str) -> Handover:
    plan = Plan("sales", "pipeline.yaml", ".", {}, {}, {}, {task.name: task for task in tasks})
    return Handover(
        "20260102-101500-5e8f1a", plan, "s3://b/team", ("octavo",), {"queue": "q", "image": "i:1", **own}
    )


@st.composite
def graphs(draw: st.DrawFn) -> list[Planned]:
    tasks: list[Planned] = []
    for number in range(draw(st.integers(1, 12))):
        names = [task.name for task in tasks]
        before = draw(st.sets(st.sampled_from(names), max_size=3)) if names else set()
        name = f"t {number}" if number % 3 else f"t{number}"
        tasks.append(Planned(name, tuple(sorted(before)), draw(st.sampled_from(["a.py", "b.py"]))))
    return tasks


@settings(max_examples=40)
@given(graphs())
def test_each_task_runs_once_after_what_it_needs_and_waits_for_no_other(tasks: list[Planned]) -> None:
    account, handed = Account(), order(*tasks)
    jobs = Submission(account, "eu-1", handed).jobs()
    assert [*sorted(jobs)] == sorted(task.name for task in tasks)
    job = {name: said.removeprefix("eu-1/").partition(":")[0] for name, said in jobs.items()}
    upstream = {task.name: {*task.upstream} for task in tasks}

    def all_before(name: str) -> set[str]:
        return upstream[name] | {far for up in upstream[name] for far in all_before(up)}

    for name, said in jobs.items():
        waited = {other for other in jobs if job[other] in account.before(job[name])}
        assert waited == all_before(name)
        words = shlex.join(account.jobs[job[name]]["containerOverrides"]["command"])
        index = said.partition(":")[2]
        assert name in words if index else shlex.quote(name) in words


def test_what_comes_after_many_jobs_comes_after_gates_which_are_used_again() -> None:
    fits = [Planned(f"fit-{n}", (), f"fit{n}.py") for n in range(450)]
    names = tuple(task.name for task in fits)
    account = Account()
    jobs = Submission(
        account, "r", order(*fits, Planned("all", names, "a.py"), Planned("more", names, "b.py"))
    ).jobs()
    gates = [one for one in account.jobs.values() if one["jobName"].startswith("octavo-gate")]
    assert len(gates) == 23 + 2, "of the 450 jobs, and of their gates"
    for name in ("all", "more"):
        assert {jobs[fit].partition("/")[2] for fit in names} <= account.before(jobs[name].partition("/")[2])
    assert gates[0]["containerOverrides"]["command"] == ["true"]


def test_tasks_of_a_grid_are_arrays_that_find_their_task_by_its_index() -> None:
    fits = [Planned(f"fit-{n:04}", (), "fit.py") for n in range(1500)]
    handed = order(*fits, Planned("all", tuple(task.name for task in fits), "a.py"))
    groups = [*arrays(handed)]
    assert [task.name for batch in groups for task in batch.tasks] == [*handed.plan.tasks]
    assert len(groups) < 10
    account = Account()
    jobs = Submission(account, "r", handed).jobs()
    assert jobs["fit-0001"] == "r/job0:1"
    assert len(account.definitions) == 1
    text = command(handed, groups[0])[2]
    assert text.endswith('exec octavo run-task "$1" --run 20260102-101500-5e8f1a --remote s3://b/team')


def test_a_task_that_is_needed_alone_is_no_part_of_an_array() -> None:
    fits = [Planned(f"fit-{n}", (), "fit.py") for n in range(3)]
    groups = [*arrays(order(*fits, Planned("one", ("fit-0",), "a.py")))]
    assert [len(batch.tasks) for batch in groups] == [1, 1, 1, 1]


def test_a_definition_says_what_a_task_needs_and_what_is_tried_again() -> None:
    task = Planned("fit", (), "fit.py", memory=1 << 30, timeout=90, retries=1)
    found = definition(order(task, gpus="1", role="arn:role"), task)
    container = found["containerProperties"]
    assert container["resourceRequirements"] == [
        {"type": "VCPU", "value": "1"},
        {"type": "MEMORY", "value": "1536"},
        {"type": "GPU", "value": "1"},
    ]
    assert container["jobRoleArn"] == "arn:role"
    assert found["timeout"] == {"attemptDurationSeconds": 480}
    rules = found["retryStrategy"]["evaluateOnExit"]
    assert [rule["action"] for rule in rules] == ["RETRY", "RETRY", "RETRY", "EXIT"]
    assert rules[0] == {"onStatusReason": "Host EC2*", "action": "RETRY"}
    for cpus, vcpus in ((0.1, "0.25"), (0.5, "0.5"), (0.6, "1"), (3.5, "4")):
        more = Planned("fit", cpus=cpus, gpus=2, engines={"aws-batch": {"privileged": True}})
        container = definition(order(more, gpus="1"), more)["containerProperties"]
        said = {one["type"]: one["value"] for one in container["resourceRequirements"]}
        assert (said["VCPU"], said["GPU"], container["privileged"]) == (vcpus, "2", True)


def test_what_cannot_be_submitted_whole_is_taken_back_and_bad_options_are_refused() -> None:
    account = Account()
    account.most = 1
    with pytest.raises(Error, match="enough"):
        Submission(account, "r", order(Planned("a"), Planned("b", ("a",), "b.py"))).jobs()
    assert account.ended == ["job0"]
    with pytest.raises(Error, match="longer than AWS Batch takes"):
        Submission(account, "r", order(Planned("a" * 8000))).jobs()
    good = {"queue": "q", "image": "i"}
    for options, words in (
        ({"image": "i"}, "needs the job queue"),
        ({"queue": "q"}, "needs the container image"),
        ({**good, "attempts": "11"}, 'attempts must be a number from 1 to 10, not "11"'),
        ({**good, "vcpus": "half"}, 'vcpus must be a number of at least 0.25, not "half"'),
    ):
        with pytest.raises(Error, match=words):
            AwsBatch().check(options)
    with pytest.raises(Error, match="do not see the folder"):
        AwsBatch().submit(Handover("r", order().plan, "/store", options=good))
