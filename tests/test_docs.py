"""README and documentation are true: their blocks run, their tables are complete, their links lead somewhere."""

from __future__ import annotations

import re
from argparse import SUPPRESS
from collections.abc import Callable
from inspect import signature
from pathlib import Path

import pytest

from octavo import events
from octavo.cli import VERBS, options
from octavo.project import Project, load, run
from octavo.spec import schema
from pages import Block, Play, blocks

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]

#: Blocks that nothing is done with, and why not.
NOT_RUN = {
    "README.md": ["installs from the package index", "is the clone that this test runs in"],
    "docs/branches.md": ["commits are others each time"] * 2,
    "docs/deploy.md": ["names and times are others each time", "it needs a run"],
    "docs/design/engine.md": ["a drawing"],
    "docs/engines.md": ["it needs a cluster", "it needs SLURM", "it needs SGE", "it needs an account"],
    "docs/environments.md": ["uv asks the package index", "it needs a lock"],
    "docs/howto/ci.md": ["needs a project with these parameters"],
    "docs/howto/schedule.md": ["a crontab"],
    "docs/howto/windows.md": ["is typed on Windows", "installs from the package index"],
    "docs/jupyter.md": [
        "installs from the package index",
        "a cell in Jupyter",
        "a setting of Jupyter's server",
    ],
    "docs/lineage.md": ["digests and times are others each time", "commits are others each time"],
    "docs/metrics.md": ["the name of the run is another each time"] * 2 + ["it wants a server"],
    "docs/online.md": ["it stays", "it needs a lock with octavo in it"],
    "docs/quality.md": ["the name of the run is another each time"],
    "docs/schedule.md": ["times are others each time", "sends mail"],
    "docs/schedulers/airflow.md": ["it needs Airflow"],
    "docs/schedulers/dagster.md": ["it needs Dagster", "it needs Dagster"],
    "docs/schedulers/flyte.md": ["it needs Flyte", "it needs Flyte"],
    "docs/schedulers/kedro.md": ["it needs Kedro", "it needs Kedro"],
    "docs/schedulers/metaflow.md": ["it needs Metaflow", "it needs Metaflow"],
    "docs/schedulers/prefect.md": ["it needs Prefect", "it needs Prefect"],
    "docs/schedulers/zenml.md": ["it needs ZenML", "it needs ZenML"],
    "docs/show.md": ["ids and times are others each time"],
    "docs/testing.md": [
        "pytest needs octavo's plugin",
        "a part of pyproject.toml",
        "pytest needs octavo's plugin",
    ],
    "docs/tutorial.md": ["installs from the package index"],
    "docs/verify.md": ["its numbers are others each time"],
}


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Return what stands below a heading, up to the next one of its level or above."""
    level = heading.partition(" ")[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.M | re.S)
    assert found, f"there is no section {heading!r}"
    return found[1]


def rows(text: str) -> list[tuple[set[str], str]]:
    """Return the rows of the tables in a text: the code in the first column, and the whole line."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [(set(re.findall(r"`([^`]+)`", line.split(" | ")[0])), line) for line in lines]


# ── blocks


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_every_block_of_a_page_is_true(path: Path, tmp_path: Path) -> None:
    play = Play(tmp_path)
    for block in blocks(path.read_text(encoding="utf-8")):
        try:
            play(block)
        except Exception as error:
            raise AssertionError(f"{path.relative_to(ROOT)}:{block.line}: {error}") from error
    assert not play.printed


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    found = {
        name: [
            block.marks["not run"] for block in blocks(path.read_text("utf-8")) if "not run" in block.marks
        ]
        for name, path in zip(IDS, PAGES, strict=True)
    }
    assert {name: reasons for name, reasons in found.items() if reasons} == NOT_RUN


def test_a_page_that_is_not_true_is_found_out(tmp_path: Path) -> None:
    play = Play(tmp_path)
    for text in ("$ echo yes\nno\n", "$ false\n", "$ echo unsaid\n"):
        with pytest.raises(AssertionError):
            play(Block("console", text, 1))
    for language, text in {"python": "1 / 0", "json": "{", "yaml": "taks: []", "text": "?"}.items():
        with pytest.raises((AssertionError, Exception)):
            play(Block(language, text, 1))


# ── length

#: Pages of what came later than the bar below, and need not be read to build a pipeline; and the commands of these.
WINGS = {
    f"docs/{name}.md"
    for name in (
        "big-data",
        "branches",
        "checks",
        "deploy",
        "engines",
        "environments",
        "formats",
        "jupyter",
        "lineage",
        "metrics",
        "online",
        "projects",
        "quality",
        "reliability",
        "review",
        "schedule",
        "schedulers/airflow",
        "schedulers/dagster",
        "schedulers/flyte",
        "schedulers/github-actions",
        "schedulers/kedro",
        "schedulers/metaflow",
        "schedulers/prefect",
        "schedulers/zenml",
        "show",
        "smoke",
        "testing",
        "verify",
    )
}
COMMANDS_OF_WINGS = (
    "compare",
    "mlflow",
    "add",
    "backfill",
    "cancel",
    "cat",
    "check",
    "ci",
    "convert",
    "diff",
    "env",
    "export",
    "fetch",
    "git",
    "inject",
    "lineage",
    "merge",
    "meta",
    "new",
    "pair",
    "publish",
    "run-task",
    "runs",
    "sample",
    "schedule",
    "show",
    "strip",
    "submit",
    "sync",
    "test",
    "uninject",
    "verify",
)
#: How many words the README and the documentation for users may have, examples included; and how many each of these.
MOST_WORDS, MOST_WORDS_OF_A_WING = 14_000, 1_000


def words(text: str) -> int:
    """Return the number of words that a reader sees: no comments of the source, no rules or bars of tables."""
    return sum(any(map(str.isalnum, word)) for word in re.sub(r"<!--.*?-->", "", text, flags=re.S).split())


def test_the_documentation_stays_short() -> None:
    told = {
        name: words(page.read_text("utf-8"))
        for name, page in zip(IDS, PAGES, strict=True)
        if "design" not in name and name != "docs/rules.md"  # which is written from the rules
    }
    reference = page("docs/commands.md")
    apart = sum(words(section(reference, f"## `octavo {verb}`")) for verb in COMMANDS_OF_WINGS)
    longest = sorted(told.items(), key=lambda one: -one[1])
    assert sum(count for name, count in told.items() if name not in WINGS) - apart <= MOST_WORDS, longest
    assert all(count <= MOST_WORDS_OF_A_WING for name, count in told.items() if name in WINGS), longest


# ── commands


def test_every_command_is_documented_and_no_other() -> None:
    assert set(re.findall(r"^## `octavo ([\w-]+)`$", page("docs/commands.md"), re.M)) == set(VERBS)


def shown_options(text: str) -> set[frozenset[str]]:
    """Return the options in the tables of a text, each with all its names."""
    names = [{word.partition(" ")[0] for word in words} for words, _ in rows(text)]
    return {frozenset(words) for words in names if any(word.startswith("-") for word in words)}


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_is_documented_and_no_other(verb: str) -> None:
    parser = options.Parser(verb, VERBS[verb][1])
    VERBS[verb][0].arguments(parser)
    given = {
        frozenset(action.option_strings)
        for action in parser._actions
        if action.option_strings and action.help != SUPPRESS
    }
    reference = page("docs/commands.md")
    told = section(reference, f"## `octavo {verb}`")
    # what stands once under "Common options" need not be said again
    shown = shown_options(told) | (shown_options(section(reference, "## Common options")) & given)
    # of two spellings of one option the one with "_", papermill's, need not be shown, nor --no-x beside --x
    usual = {
        frozenset(
            word
            for word in words
            if "_" not in word and "--" + word.removeprefix("--no-") not in words - {word}
        )
        for words in given
    }
    assert shown == usual
    arguments = {str(action.metavar) for action in parser._actions if not action.option_strings}
    assert all(f"`{argument}`" in told for argument in arguments)


def test_every_event_is_documented_with_its_fields() -> None:
    told = {
        name: set(re.findall(r"`(\w+)`", line.split(" | ")[1]))
        for words, line in rows(page("docs/design/events.md"))
        if (name := min(words, default="")) in events.KINDS
    }
    assert told == {name: set(kind.__dataclass_fields__) for name, kind in events.KINDS.items()}


# ── keys


@pytest.mark.parametrize(
    ("heading", "table"),
    [("## Top level", schema.TOP), ("## `meta`", schema.META), ("## A task", schema.TASK)],
    ids=["top", "meta", "task"],
)
def test_every_key_is_documented_with_how_far_it_works(heading: str, table: dict[str, schema.Key]) -> None:
    told = {name: line for words, line in rows(section(page("docs/pipeline.md"), heading)) for name in words}
    assert set(told) == set(table)
    for name, key in table.items():
        assert ("no effect" in told[name]) == key.note, told[name]
        assert "not yet" not in told[name], told[name]


@pytest.mark.parametrize("function", [load, run, Project.build, Project.status])
def test_every_argument_of_the_python_functions_is_documented(function: Callable[..., object]) -> None:
    told = page("docs/python.md")
    names = [name for name in signature(function).parameters if name != "self"]
    assert not [name for name in names if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", told)]


# ── links


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{path.relative_to(ROOT)}: {target}"
        assert not anchor or anchor in anchors(file.read_text("utf-8")), f"{path.relative_to(ROOT)}: {target}"


# ── the site


def test_the_site_searches_without_a_network() -> None:
    (script,) = re.findall(r"polyfills: \[([^\]]+)\]", page("mkdocs.yml"))
    # the plugin looks for this word before it adds a script from the network
    assert "iframe-worker" in script
    assert "http" not in page(f"docs/{script}")
    assert "font: false" in page("mkdocs.yml")


def test_every_page_has_its_place_in_the_site() -> None:
    placed = re.findall(r": ([\w/-]+\.md)$", page("mkdocs.yml"), re.M)
    assert len(placed) == len(set(placed))
    assert {str(path.relative_to(ROOT / "docs")) for path in PAGES[1:]} == set(placed)
