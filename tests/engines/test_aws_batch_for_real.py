"""Runs on AWS Batch as moto serves it, on the wire: jobs are submitted to it, and replayed here as it keeps them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from buckets import moto, needs_moto
from projects import Folder

pytestmark = [pytest.mark.engines, needs_moto]

SETUP = """
import boto3
boto3.client("s3").create_bucket(Bucket="team")
trust = '{"Version": "2012-10-17", "Statement": []}'
role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
batch = boto3.client("batch")
made = batch.create_compute_environment(
    computeEnvironmentName="cluster", type="UNMANAGED", state="ENABLED", serviceRole=role
)
order = [{"order": 1, "computeEnvironment": made["computeEnvironmentArn"]}]
for name, state in (("tasks", "ENABLED"), ("closed", "DISABLED")):
    batch.create_job_queue(jobQueueName=name, state=state, priority=1, computeEnvironmentOrder=order)
"""
LIST = """
import json
import boto3
batch = boto3.client("batch")
ids = [one["jobId"] for one in batch.list_jobs(jobQueue="tasks", jobStatus="SUCCEEDED")["jobSummaryList"]]
found = [job for at in range(0, len(ids), 50) for job in batch.describe_jobs(jobs=ids[at:at + 50])["jobs"]]
definitions = batch.describe_job_definitions()["jobDefinitions"]
print(json.dumps([found, definitions], default=str))
"""


def ask(code: str, env: dict[str, str]) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, str]]:
    with moto() as env:
        plain = Request(f"{env['AWS_ENDPOINT_URL']}/moto-api/config", b'{"batch": {"use_docker": false}}')
        with urlopen(plain, timeout=30):
            pass
        ask(SETUP, env)
        yield env


def project(tmp_path: Path, many: int) -> Folder:
    folder = Folder(tmp_path / "project")
    folder.write(
        "steps.py",
        """
        def load(product):
            product.write_text("5")


        def fit(product, upstream, k):
            product.write_text(str(int(upstream["load"].read_text()) * k))


        def total(product, upstream):
            product.write_text(str(sum(int(path.read_text()) for path in upstream["fit-*"].values())))
        """,
    )
    folder.write(
        "pipeline.yaml",
        f"""
        tasks:
          - {{source: steps.load, product: out/load.txt, timeout: 60}}
          - source: steps.fit
            name: fit-[[k]]
            product: out/fit-[[k]].txt
            upstream: load
            grid: {{k: {[*range(1, many + 1)]}}}
          - {{source: steps.total, product: out/total.txt, upstream: fit-*}}
        """,
    )
    return folder


def replay(jobs: list[dict[str, Any]], env: dict[str, str], above: Path) -> None:
    """Run the commands of jobs, each in an empty folder after those that it depends on."""
    waiting, done = {job["jobId"]: job for job in jobs if ":" not in job["jobId"]}, set[str]()
    while waiting:
        ready = [job for job in waiting.values() if {one["jobId"] for one in job["dependsOn"]} <= done]
        assert ready, "jobs wait for jobs that are not there"
        for job in ready:
            for index in range(job.get("arrayProperties", {}).get("size", 1)):
                place = above / f"{job['jobId']}-{index}"
                place.mkdir(parents=True)
                more = {**os.environ, **env, "AWS_BATCH_JOB_ARRAY_INDEX": str(index)}
                command = job["container"]["command"]
                ended = subprocess.run(
                    command, cwd=place, env=more, capture_output=True, text=True, check=False
                )
                assert ended.returncode == 0, ended.stderr
            done.add(job["jobId"])
            del waiting[job["jobId"]]


def test_a_run_is_submitted_replayed_and_fetched_and_definitions_are_used_again(
    tmp_path: Path, aws: dict[str, str]
) -> None:
    folder = project(tmp_path, 4)
    octavo = f"{sys.executable} -m octavo"
    words = ["submit", "--to", "aws-batch", "--remote", "s3://team/one", "--octavo", octavo, "--json"]
    words += ["--option", "queue=tasks", "--option", "image=registry/team:3"]
    submitted = folder.octavo(*words, env=aws)
    assert submitted.returncode == 0, submitted.stderr
    run = json.loads(submitted.stdout)["run"]
    jobs, definitions = json.loads(ask(LIST, aws))
    ours = [job for job in jobs if job["tags"].get("octavo-run") == run]
    assert sorted(job["jobName"] for job in ours if ":" not in job["jobId"]) == ["fit-1", "load", "total"]
    assert {one["jobDefinitionName"][:7] for one in definitions} == {"octavo-"}
    assert len(definitions) == 2  # one has a time limit
    replay(ours, aws, tmp_path / "machines")
    told = folder.octavo("status", run, "--remote", "s3://team/one", "--json", env=aws)
    assert {row["state"] for row in json.loads(told.stdout)} == {"done"}, told
    assert folder.octavo("fetch", run, "--remote", "s3://team/one", env=aws).returncode == 0
    assert folder.read("out/total.txt") == "50"
    again = folder.octavo(*words, "--force", env=aws)
    assert again.returncode == 0, again.stderr
    assert len(json.loads(ask(LIST, aws))[1]) == 2
    cancelled = folder.octavo("cancel", json.loads(again.stdout)["run"], "--remote", "s3://team/one", env=aws)
    assert (cancelled.returncode, "not cancelled" in cancelled.stderr) == (0, False), cancelled.stderr


def test_what_is_missing_is_told_before_anything_is_submitted(tmp_path: Path, aws: dict[str, str]) -> None:
    folder = project(tmp_path, 2)
    words = ["submit", "--to", "aws-batch", "--remote", "s3://team/two", "--option", "image=i"]
    for queue, told in (
        ("nothing", 'there is no job queue "nothing" in us-east-1'),
        ("closed", 'the job queue "closed" takes no jobs: it is disabled'),
    ):
        refused = folder.octavo(*words, "--option", f"queue={queue}", env=aws)
        assert (refused.returncode, told in refused.stderr) == (2, True), refused.stderr
    nobody = {name: value for name, value in aws.items() if "KEY" not in name}
    nobody |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    refused = folder.octavo(*words, "--option", "queue=tasks", env=nobody)
    assert (refused.returncode, "no credentials of AWS here" in refused.stderr) == (2, True), refused.stderr
    folded = [*words[:4], "../store", *words[5:], "--option", "queue=tasks"]
    refused = folder.octavo(*folded, env=aws)
    assert (refused.returncode, "do not see the folder" in refused.stderr) == (2, True), refused.stderr
