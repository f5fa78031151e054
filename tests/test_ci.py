"""Files of CI systems: they fit the systems' own schemas, their commands do what they say, and edits stay."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html import unescape
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from octavo import exporters
from octavo.ci import CiPlan, blocks, installing, quoted
from octavo.ci.members import SYSTEMS
from octavo.deploy.runs import at
from octavo.errors import Error
from pages import Play
from pages import blocks as page_blocks
from projects import Folder

WISHES = {
    "plain": CiPlan(),
    "nightly": CiPlan(
        ("3.12",), "trunk", "0 3 * * *", ("pip install --upgrade pip", "pip install 'a b'"), True
    ),
}
SCHEMAS = {
    "github": "github-workflows",
    "gitlab": "gitlab-ci",
    "azure": "azure-pipelines",
    "circleci": "circle-ci",
    "travis": "travis",
}


def text(system: str, wish: CiPlan) -> str:
    member = SYSTEMS[system]
    return blocks.fresh([*member.blocks(wish)], member.SIGN)


@pytest.mark.parametrize("system", SCHEMAS)
@pytest.mark.parametrize("wish", WISHES)
def test_a_file_fits_the_schema_of_its_system(system: str, wish: str) -> None:
    pytest.importorskip(
        "check_jsonschema", reason="check-jsonschema brings the schemas: it is in the extra dev"
    )
    jsonschema = pytest.importorskip("jsonschema")
    name = f"builtin_schemas/vendor/{SCHEMAS[system]}.json"
    schema = json.loads(files("check_jsonschema").joinpath(name).read_text(encoding="utf-8"))
    made = {True: "on"}  # YAML of old takes this key of GitHub's for true
    data = {made.get(key, key): value for key, value in yaml.safe_load(text(system, WISHES[wish])).items()}
    jsonschema.validators.validator_for(schema)(schema).validate(data)


def commands(system: str, said: str) -> list[str]:
    """Return the commands of octavo and of git in a file, as the system would run them."""
    if system == "jenkins":
        found = re.findall(r"""sh (?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")""", said)
        every = [re.sub(r"\\(.)", r"\1", one or other) for one, other in found]
        return [one.partition(" && ")[2] or one for one in every]
    return [one for one in _strings(yaml.safe_load(said)) if one.startswith(("octavo", "git", "pip"))]


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("name", WISHES)
def test_each_system_runs_the_same_commands(system: str, name: str) -> None:
    wish = WISHES[name]
    found = commands(system, text(system, wish))
    for command in (*wish.test, *wish.build, wish.review("x")[-1]):
        assert command in found, command
    assert any(command.startswith("git fetch --quiet origin ") for command in found)
    if name == "nightly":
        assert "0 3 * * *" in text(system, wish) or system in ("gitlab", "travis")  # set on their pages


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_people_edit_stays_and_the_rest_is_written_anew(system: str) -> None:
    member = SYSTEMS[system]
    first = text(system, WISHES["plain"])
    wanted = [*member.blocks(WISHES["nightly"])]
    assert blocks.update(first, wanted, member.SIGN, "x") == blocks.Updated(text(system, WISHES["nightly"]))
    mine = first.replace("octavo test --junit smoke.xml", "octavo test --junit smoke.xml --shared", 1)
    mine = f"{member.SIGN} ours\n{mine}{member.SIGN} and this\n"
    found = blocks.update(mine, wanted, member.SIGN, "x")
    assert found.kept == ("test",)
    assert found.text.startswith(f"{member.SIGN} ours\n")
    assert found.text.endswith(f"{member.SIGN} and this\n")
    assert "--shared" in found.text
    assert "--remote" in found.text
    gone = re.sub(rf"{member.SIGN} >>> octavo review.*?<<< octavo review\n", "", first, flags=re.S)
    assert blocks.update(gone, wanted, member.SIGN, "x").missing == ("review",)
    with pytest.raises(Error, match="octavo has not made it"):
        blocks.update("name: mine\n", wanted, member.SIGN, "x")


def test_texts_are_quoted_where_yaml_would_read_them_otherwise() -> None:
    for one in ("a: b", "it's", "[ $? -eq 1 ]", "- x", "pip install .", "x #y", "*", "{a}", "true || false"):
        assert yaml.safe_load(f"- {quoted(one)}") == [one]


def test_the_project_is_installed_as_its_files_say(tmp_path: Path) -> None:
    assert installing(tmp_path)[1:] == ("pip install octavo pytest",)
    (tmp_path / "requirements.txt").write_text("pandas\noctavo\n")
    assert installing(tmp_path)[1:] == ("pip install --requirement requirements.txt",)
    project = '[project]\nname = "x"\ndependencies = ["octavo"]\n[dependency-groups]\ndev = ["pytest"]\n'
    (tmp_path / "pyproject.toml").write_text(project)
    assert installing(tmp_path)[1:] == ("pip install --editable . --group dev",)


# ── played


def git(folder: Path, *words: str) -> None:
    who = {
        f"GIT_{role}_{what}": "a@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    subprocess.run(["git", *words], cwd=folder, check=True, env={**os.environ, **who}, capture_output=True)


def play(job: Mapping[str, Any], folder: Path, environ: Mapping[str, str]) -> dict[str, int]:
    """Run the commands of a job of GitHub Actions as a runner does; return the exit codes."""
    ended: dict[str, int] = {}
    for step in job["steps"]:
        if "run" not in step or (any(ended.values()) and step.get("if") != "always()"):
            continue
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            words, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True
        )
        ended[step["run"]] = done.returncode
    return ended


def test_a_pull_request_is_tested_and_reviewed_from_push_to_comment(folder: Folder, tmp_path: Path) -> None:
    """A bare repository is the forge, and this test its runner: programs that the forge has are stood in for."""
    programs, forge = tmp_path / "programs", tmp_path / "forge.git"
    programs.mkdir()
    stand_ins = {
        "pip": "exit 0",
        "octavo": f'exec {sys.executable} -m octavo "$@"',
        "gh": 'cat "$5" > "$COMMENT"; echo "$@" >> "$COMMENT"',
    }
    for name, line in stand_ins.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    folder.write(
        "tasks.py",
        "from pathlib import Path\n\ndef make(product, n):\n    Path(product).write_text(str(n))\n",
    )
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.make, product: out/n.txt, params: {n: 1}}\n")
    folder.write("env.yaml", "sample: false\n")
    folder.write(".gitignore", ".octavo*\nout/\n*.xml\nreview.*\nreport.html\n")
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(forge))
    git(folder.path, "init", "-q", "-b", "main")
    git(folder.path, "remote", "add", "origin", str(forge))
    done = folder.octavo("ci", "github", "--python", "3.12")
    assert (done.returncode, done.stderr) == (0, "")
    git(folder.path, "add", "-A")
    git(folder.path, "commit", "-q", "-m", "one")
    git(folder.path, "push", "-q", "origin", "main")
    git(folder.path, "checkout", "-q", "-b", "more")
    folder.write("pipeline.yaml", folder.read("pipeline.yaml").replace("n: 1", "n: 2"))
    git(folder.path, "commit", "-q", "-a", "-m", "two")
    git(folder.path, "push", "-q", "origin", "more")
    runner = tmp_path / "runner"
    git(tmp_path, "clone", "-q", "-b", "more", str(forge), str(runner))
    jobs = yaml.safe_load((runner / ".github/workflows/octavo.yml").read_text())["jobs"]
    environ = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "GITHUB_BASE_REF": "main",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "COMMENT": str(tmp_path / "comment.md"),
        "NUMBER": "7",
    }
    for name in ("test", "build"):
        assert {*play(jobs[name], runner, environ).values()} == {0}, name
    assert (runner / "out/n.txt").read_text() == "2"
    assert "<svg" in (runner / "report.html").read_text()
    assert {*play(jobs["review"], runner, environ).values()} == {0}
    for page in ("review.md", "../summary.md", "../comment.md"):
        assert "param n 1 → 2" in unescape((runner / page).read_text())
    assert "pr comment 7 --body-file review.md" in (tmp_path / "comment.md").read_text()
    own = [step["if"] for step in jobs["review"]["steps"] if "gh pr comment" in step.get("run", "")]
    assert own == ["github.event.pull_request.head.repo.full_name == github.repository"]


def test_a_file_that_is_there_and_wrong_words_are_told(folder: Folder) -> None:
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.make, product: out/n.txt}\n")
    folder.write("tasks.py", "def make(product): pass\n")
    folder.write(".gitlab-ci.yml", "stages: [mine]\n")
    for words, said in {
        ("gitlab",): "octavo has not made it",
        ("github", "--python", "three"): "is no version of Python",
        ("github", "--nightly", "daily"): "has not five fields",
        ("hudson",): "invalid choice",
    }.items():
        done = folder.octavo("ci", *words)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert folder.read(".gitlab-ci.yml") == "stages: [mine]\n"
    assert folder.octavo("ci", "gitlab", "-o", "-").stdout.startswith("# octavo ci")
    assert "octavo test will fail there: there are no sample settings" in folder.octavo("ci", "travis").stderr


# ── the page on GitHub Actions as a scheduler

PAGE = Path(__file__).parent.parent / "docs" / "schedulers" / "github-actions.md"


@pytest.mark.skipif(shutil.which("jq") is None, reason="the workflow's machines have jq")
def test_the_workflow_with_a_schedule_does_what_its_page_says(folder: Folder) -> None:
    play = Play(folder.path)
    for block in page_blocks(PAGE.read_text(encoding="utf-8")):
        play(block)
    (file,) = play.project.glob(".github/workflows/*.yml")
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    ((cron,),) = (list(one.values()) for one in workflow[True]["schedule"])
    assert exporters.cron(cron) == cron
    job = workflow["jobs"]["run"]
    env = {
        name: value.replace("${{ github.run_id }}", "17")
        for name, value in job["env"].items()
        if "secrets." not in value
    }
    env |= {
        "OCTAVO_REMOTE": str(folder.path / "store"),
        "PATH": f"{play.bin}{os.pathsep}{os.environ['PATH']}",
    }
    for step in job["steps"]:
        if step.get("run", "pip install").startswith("pip install") or step.get("if") == "failure()":
            continue
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=play.project,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{step['run']}: {done.stdout}{done.stderr}"
    uploaded = job["steps"][-1]["with"]["path"]
    assert (play.project / uploaded / "out" / "double.txt").read_text() == "12\n"
    (run,) = at(env["OCTAVO_REMOTE"], None).listed()
    assert run["run"] == "github-17"
