"""What a shell offers when a person presses the tab key."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from octavo.cli import VERBS
from octavo.cli.completion import candidates
from projects import Folder

PIPELINE = """
    tasks:
      - source: tasks.get
        product: a.txt
        tags: [daily]
      - source: tasks.fit
        name: fit-all
        product: b.txt
"""


@pytest.fixture
def pipeline(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("tasks.py", "def get(product):\n    pass\n\ndef fit(product):\n    pass\n")
    monkeypatch.chdir(folder.path)
    return folder


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("octavo bu", ["build"]),
        ("octavo help sta", ["status"]),
        ("octavo build ", ["fit-all", "get", "tag:daily"]),
        ("octavo build f", ["fit-all"]),
        ("octavo build +f", ["+fit-all"]),
        ("octavo build '!", []),
        ("octavo build !f", ["!fit-all"]),
        ("octavo status 2+g", ["2+get"]),
        ("octavo task ta", []),
        ("octavo task g", ["get"]),
        ("octavo status --exit", ["--exit-code"]),
        ("octavo completion ", ["bash", "fish", "zsh"]),
        ("octavo run ", []),
        ("octavo nonsense ", []),
        ("octavo build --file ", []),
        ("octavo build --file nowhere.yaml ", []),
    ],
)
def test_a_line_goes_on_with_what_fits(pipeline: Folder, line: str, wanted: list[str]) -> None:
    assert candidates(line, VERBS) == wanted


def test_what_was_offered_once_imports_nothing_heavy_the_next_time(pipeline: Folder) -> None:
    pipeline.octavo("status")
    line = ["completion", "--line", "octavo build "]
    asked = [pipeline.octavo(*line) for _ in range(2)]
    assert asked[0].stdout.split() == asked[1].stdout.split() == ["fit-all", "get", "tag:daily"]
    words = f"import sys; from octavo.cli import main; main({line}); print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", words], cwd=pipeline.path, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert loaded.isdisjoint(
        {"argparse", "sqlite3", "yaml", "octavo.project", "octavo.state.store", "octavo.cli.build"}
    )
    option = pipeline.octavo("completion", "--line", "octavo build --fail").stdout
    assert option == "--fail-fast\n"


@pytest.mark.parametrize(
    "task",
    ["{name: NAME, source: tasks.get, product: a}", "{name: '{{what}}', source: tasks.get, product: a}"],
)
def test_names_that_change_are_offered_anew(pipeline: Folder, task: str) -> None:
    for name in ("one", "other"):
        pipeline.write("pipeline.yaml", f"tasks:\n  - {task.replace('NAME', name)}")
        pipeline.write("env.yaml", f"what: {name}" if "what" in task else "{}")
        pipeline.octavo("status")
        assert candidates("octavo build ", VERBS) == [name]
    assert candidates("octavo build ", VERBS) == ["other"]


def test_every_command_is_offered(pipeline: Folder) -> None:
    assert set(VERBS) <= set(candidates("octavo ", VERBS))


def test_bash_gets_what_stands_behind_its_colon(pipeline: Folder) -> None:
    assert candidates("octavo build tag:d", VERBS, colons=True) == ["daily"]


def test_a_broken_pipeline_completes_nothing_and_says_nothing(pipeline: Folder) -> None:
    pipeline.write("pipeline.yaml", "tasks: [")
    said = pipeline.octavo("completion", "--line", "octavo build ")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_no_shell_is_a_mistake_that_names_them(folder: Folder) -> None:
    said = folder.octavo("completion")
    assert said.returncode == 2
    assert "octavo completion bash, zsh or fish" in said.stderr


def command(folder: Folder) -> dict[str, str]:
    """Return an environment in which ``octavo`` is a command."""
    bin = folder.path / "bin"
    bin.mkdir()
    (bin / "octavo").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m octavo "$@"\n')
    (bin / "octavo").chmod(0o755)
    return {**os.environ, "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder.path)}


BASH = """
eval "$(octavo completion bash)"
COMP_LINE="octavo build f"; COMP_POINT=${#COMP_LINE}; _octavo 2>/dev/null; echo "${COMPREPLY[@]}"
COMP_LINE="octavo build tag:"; COMP_POINT=${#COMP_LINE}; _octavo 2>/dev/null; echo "${COMPREPLY[@]}"
complete -p octavo
"""


def test_a_real_bash_completes(pipeline: Folder) -> None:
    said = subprocess.run(
        ["bash", "--norc", "-c", BASH], env=command(pipeline), capture_output=True, text=True, check=True
    )
    assert said.stdout.splitlines() == ["fit-all", "daily", "complete -o default -F _octavo octavo"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed (make system)")
def test_a_real_fish_completes(pipeline: Folder) -> None:
    script = 'octavo completion fish | source; complete -C "octavo build f"; complete -C "octavo stat"'
    said = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env=command(pipeline),
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines() == ["fit-all", "status"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed (make system)")
def test_a_real_zsh_reads_its_script_and_asks_for_words(pipeline: Folder) -> None:
    script = (
        'autoload -U compinit; compinit -D; eval "$(octavo completion zsh)"; '
        'compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -l -- "$@" }; '
        'LBUFFER="octavo build f"; _octavo; print ${_comps[octavo]}'
    )
    said = subprocess.run(
        ["zsh", "-f", "-c", script], env=command(pipeline), capture_output=True, text=True, check=True
    )
    assert said.stdout.splitlines() == ["fit-all", "_octavo"]
