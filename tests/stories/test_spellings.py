"""Ploomber's command lines: what octavo makes of them, and what it says where it has another way."""

from __future__ import annotations

import pytest

from octavo.cli import VERBS, options
from projects import Folder

FUNCTIONS = """
    import logging

    def first(product, n):
        logging.getLogger("mine").info("first has %r", n)
        product.write_text(str(n))

    def second(product, upstream):
        product.write_text(upstream["first"].read_text() + "!")

    def third(product, upstream):
        product.write_text(upstream["second"].read_text())
"""


@pytest.fixture
def three(folder: Folder) -> Folder:
    """A project of three tasks in a row, with an environment."""
    folder.write("jobs.py", FUNCTIONS)
    folder.write("env.yaml", "n: 1\npath: {out-dir: out, deep: {er: x}}\n")
    folder.write(
        "pipeline.yaml",
        """
        - source: jobs.first
          product: "{{path.out-dir}}/first.txt"
          params: {n: "{{n}}"}
        - {source: jobs.second, product: "{{path.out-dir}}/second{{path.deep.er}}.txt"}
        - {source: jobs.third, product: "{{path.out-dir}}/third.txt"}
        """,
    )
    return folder


def made(folder: Folder, out: str = "out") -> list[str]:
    return sorted(path.name for path in (folder.path / out).glob("*"))


def test_values_of_the_environment_are_given_as_in_ploomber(three: Folder) -> None:
    said = three.octavo("build", "--env--n", "3", "--env--path--out-dir=other", "--env--path--deep--er", "-y")
    assert said.returncode == 0, said.stderr
    assert (three.read("other/first.txt"), made(three, "other")) == (
        "3",
        ["first.txt", "second-y.txt", "third.txt"],
    )
    told = three.octavo("status", "--env--m", "3").stderr
    assert told.startswith('error: no task has a parameter "m", and env.yaml has no such key')
    assert (
        three.octavo("plot", "--env--n").stderr
        == "error: --env--n requires a value\n  hint: --env--n VALUE\n"
    )
    assert "unrecognized arguments: --env--a--b" in three.octavo("run", "x.py", "--env--a--b", "1").stderr


@pytest.mark.parametrize("words", [["--partially", "second"], ["-p", "second"]], ids=" ".join)
def test_a_partial_build_runs_a_task_and_what_it_needs(words: list[str], three: Folder) -> None:
    said = three.octavo("build", *words)
    assert (said.returncode, made(three)) == (0, ["first.txt", "secondx.txt"])
    assert ("note: -p second means --partially second" in said.stderr) == (words[0] == "-p")


def test_a_partial_build_may_leave_out_what_it_needs(three: Folder) -> None:
    assert three.octavo("build").returncode == 0
    three.write("jobs.py", FUNCTIONS.replace("str(n)", "str(n + 1)").replace('"!"', '"?"'))
    assert three.octavo("build", "--partially", "second", "-su").returncode == 0
    assert (three.read("out/first.txt"), three.read("out/secondx.txt")) == ("1", "1?")
    told = three.octavo("build", "--skip-upstream")
    assert (told.returncode, "--skip-upstream requires --partially" in told.stderr) == (2, True)


def test_what_tasks_log_is_kept_from_a_level_on(three: Folder) -> None:
    line = "INFO:mine:first has 1"
    assert three.octavo("build", "-f", "-l", "WARNING", "first").returncode == 0
    assert line not in three.octavo("log", "latest").stdout
    assert line in three.octavo("build", "-f", "--log", "info", "first", "--json").stdout
    for words in ((), ("--log", "debug"), ("-l", "error")):
        assert three.octavo("build", "-f", *words, "--log-file", "x.log", "first").returncode == 0
    assert three.read("x.log").splitlines().count(line) == 2
    said = three.octavo("build", "--log-file", "no/x.log")
    assert (said.returncode, said.stderr) == (
        2,
        "no/x.log: --log-file: it cannot be written: No such file or directory\n",
    )


def test_that_notebooks_log_elsewhere_is_said(three: Folder) -> None:
    three.write("nb.py", "# %% tags=['parameters']\nupstream = product = None\n")
    three.write("pipeline.nb.yaml", "- {source: nb.py, product: nb.ipynb}\n")
    note = "note: --log applies to functions; notebooks and scripts show what they log in their outputs\n"
    assert three.octavo("build", "-n", "-e", "pipeline.nb.yaml", "--log", "info").stderr == note
    assert three.octavo("build", "-n", "--log", "info").stderr == ""


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("nb --inject", "not needed: octavo runs notebooks"),
        ("scaffold", "octavo status names missing sources"),
        ("install", "pip install -r requirements.txt"),
        ("examples -n x", "git clone"),
        ("cloud", "octavo cache push"),
        ("execute", 'did you mean "build"?'),
        ("build --debuglater", "--hold to keep the kernel"),
        ("plot --backend d3", "octavo draws the graph itself"),
        ("plot --include-products", "octavo status --json"),
        ("status --log info", "octavo build --log LEVEL"),
        ("status -e flows.make --sample-size 3", "-p sample_size=VALUE"),
        ("status -e pipeline.yaml --jsn", 'did you mean "--json"?'),
    ],
)
def test_what_octavo_has_not_is_explained_in_one_line(words: str, hint: str, three: Folder) -> None:
    told = three.octavo(*words.split())
    assert told.returncode == 2
    assert told.stderr.startswith("error: ")
    assert hint in told.stderr.splitlines()[1]
    assert not (three.path / "out").exists()


def test_a_short_option_means_the_same_in_all_commands() -> None:
    meanings: dict[str, set[str]] = {}
    for verb in VERBS:
        parser = options.Parser(verb, "what it does")
        VERBS[verb][0].arguments(parser)
        for action in parser._actions:
            for short in [it for it in action.option_strings if not it.startswith("--")]:
                long = next((it for it in action.option_strings if it.startswith("--")), short)
                meanings.setdefault(short, set()).add(long)
    meanings["-p"] -= {"--parameters"}  # papermill's form of --param
    meanings["-k"] -= {"--kernel"}  # papermill's; elsewhere it selects, as pytest's does
    meanings["-t"] -= {"--textconv"}  # nbstripout's
    assert {short: longs for short, longs in meanings.items() if len(longs) > 1} == {}


def test_parameters_come_from_a_file_in_builds_too(three: Folder) -> None:
    three.write("params.yaml", "n: 7\n")
    assert three.octavo("build", "-f", "params.yaml", "first").returncode == 0
    assert three.read("out/first.txt") == "7"
    assert three.octavo("build", "-f", "params.yaml", "-p", "n=8", "first").returncode == 0
    assert three.read("out/first.txt") == "8"


def test_ploombers_short_form_of_force_is_understood_with_a_note(three: Folder) -> None:
    assert three.octavo("build").returncode == 0
    said = three.octavo("build", "-f", "first")
    assert "note: -f without a file of parameters is taken for --force\n" in said.stderr
    assert "first: forced" in said.stdout
