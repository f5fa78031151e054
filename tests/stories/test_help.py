"""Asking for help, and being misunderstood."""

from __future__ import annotations

import pytest

import octavo
from octavo.cli import VERBS
from projects import Folder


def test_help_names_every_command_and_shows_examples(folder: Folder) -> None:
    said = folder.octavo("--help")
    assert said.returncode == 0
    for verb, (_, line) in VERBS.items():
        assert f"  {verb:<13}  {line}" in said.stdout
    assert "octavo build fit+" in said.stdout


def test_version_is_that_of_the_package(folder: Folder) -> None:
    assert folder.octavo("--version").stdout == f"octavo {octavo.__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_has_help_with_examples(folder: Folder, verb: str) -> None:
    said = folder.octavo(verb, "--help")
    assert said.returncode == 0
    assert "examples:" in said.stdout
    assert f"  octavo {verb}" in said.stdout
    assert folder.octavo("help", verb).stdout == said.stdout


def test_no_command_shows_the_help_and_is_a_mistake(folder: Folder) -> None:
    said = folder.octavo()
    assert (said.returncode, said.stdout) == (2, "")
    assert "commands:" in said.stderr


def test_a_misspelt_command_is_answered_with_the_one_that_was_meant(folder: Folder) -> None:
    said = folder.octavo("biuld")
    assert said.returncode == 2
    assert said.stderr == 'error: there is no command "biuld"\n  hint: did you mean "build"?\n'


def test_a_misspelt_option_is_answered_with_the_one_that_was_meant(folder: Folder) -> None:
    said = folder.octavo("build", "--jbos", "3")
    assert said.returncode == 2
    assert 'hint: did you mean "--jobs"?' in said.stderr


def test_a_parameter_without_a_value_is_shown_how_to_get_one(folder: Folder) -> None:
    said = folder.octavo("status", "-p", "n")
    assert said.returncode == 2
    assert said.stderr == 'error: --param requires NAME=VALUE, not "n"\n  hint: -p n=VALUE\n'


def test_no_pipeline_says_how_to_start(folder: Folder) -> None:
    said = folder.octavo("status")
    assert said.returncode == 2
    assert "there is no pipeline.yaml" in said.stderr
    assert "tasks:" in said.stderr


def test_accept_says_that_it_needs_names_as_it_does(folder: Folder) -> None:
    said = folder.octavo("accept", "--help").stdout
    assert "at least one" in said and "default: all" not in said
    assert folder.octavo("accept").returncode == 2
