"""What speaks of Ploomber in a project is found, and imports are rewritten without touching anything else."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.compat.command_lines import advice
from octavo.compat.migrate import Migration, files, migration
from octavo.compat.option_aliases import COMMANDS
from octavo.compat.rewrite import imports, provided
from octavo.errors import StateError
from projects import Folder

#: Options of octavo's commands that occur here.
OPTIONS = ("--force", "-f", "--output", "-o", "--debug")


def rewritten(text: str, path: str = "x.py") -> str:
    _, data = imports(path, text.encode())
    assert data is not None
    return data.decode()


def looked_through(folder: Folder, *made: str, said: tuple[Any, ...] = ()) -> Migration:
    return migration(folder.path, made, said, lambda verb, words: advice(verb, words, OPTIONS.__contains__))


def told(folder: Folder, *made: str) -> list[tuple[str, str, str]]:
    return [
        (one.code, f"{one.where}: {one.message}", one.hint) for one in looked_through(folder, *made).findings
    ]


# ── imports


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from ploomber import DAG", "from octavo.ploomber import DAG"),
        (
            "from ploomber.clients import SQLAlchemyClient as C",
            "from octavo.clients import SQLAlchemyClient as C",
        ),
        ("from ploomber.spec import DAGSpec  # x", "from octavo.ploomber.spec import DAGSpec  # x"),
        (
            "from  ploomber.tasks import (\n  SQLDump,\n)",
            "from  octavo.ploomber.tasks import (\n  SQLDump,\n)",
        ),
        ("from \\\n ploomber import DAG", "from \\\n octavo.ploomber import DAG"),
        ("import ploomber", "import octavo.ploomber as ploomber"),
        ("import ploomber as p", "import octavo.ploomber as p"),
        ("import os, ploomber, sys", "import os, octavo.ploomber as ploomber, sys"),
        ("import ploomber.spec as s; x = 1", "import octavo.ploomber.spec as s; x = 1"),
        ("import ploomber.spec", "import octavo.ploomber.spec, octavo.ploomber as ploomber"),
        ("é = 'ü'; from ploomber import DAG", "é = 'ü'; from octavo.ploomber import DAG"),
        ("if x:\n\tfrom ploomber import DAG\r\n", "if x:\n\tfrom octavo.ploomber import DAG\r\n"),
        ("%%sql x\nfrom ploomber import DAG, Env\n", "%%sql x\nfrom octavo.ploomber import DAG, Env\n"),
        ("!ls\nimport ploomber as p # x\n", "!ls\nimport octavo.ploomber as p # x\n"),
        ("!ls\nimport ploomber\n", "!ls\nimport octavo.ploomber as ploomber\n"),
    ],
)
def test_an_import_names_octavo_and_binds_the_same(text: str, expected: str) -> None:
    assert rewritten(text) == expected
    assert rewritten(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "x = 'from ploomber import DAG'\n",
        '"""\nfrom ploomber import DAG\n"""\n',
        "# import ploomber\n",
        "from .ploomber import DAG\n",
        "from ploomber_engine import execute_notebook\n",
        "import ploombers\n",
        "from ploomber import NoSuchName\n",
        "from ploomber.nowhere import x\n",
    ],
)
def test_what_is_no_import_or_has_no_counterpart_is_left_alone(text: str) -> None:
    assert rewritten(text) == text


def test_what_the_rewritten_code_imports_is_there() -> None:
    text = (
        "from ploomber import DAG, with_env, OnlineDAG, SourceLoader, DAGConfigurator\n"
        "from ploomber.clients import SQLAlchemyClient, S3Client\n"
        "from ploomber.executors import Serial, Parallel\nfrom ploomber.products import File\n"
        "from ploomber.spec import DAGSpec\nfrom ploomber.io import serializer\nimport ploomber.tasks\n"
    )
    changed = rewritten(text)
    assert "from ploomber" not in changed
    names: dict[str, Any] = {}
    exec(compile(changed, "x.py", "exec"), names)
    assert {"DAG", "File", "Serial", "DAGSpec", "serializer"} <= names.keys()
    assert names["ploomber"].tasks.SQLDump


def test_a_name_is_provided_or_not() -> None:
    assert provided("ploomber", "DAG")
    assert provided("ploomber", "tasks")
    assert not provided("ploomber", "NoSuchName")
    assert not provided("ploomber.nowhere", "x")


@pytest.mark.parametrize(
    "data",
    [
        "\ufefffrom ploomber import DAG\r\nx = 1\r\n".encode(),
        "# -*- coding: latin-1 -*-\ns = 'é'; import ploomber\rx = 2\n\n".encode("latin-1"),
    ],
    ids=["byte order mark", "latin-1"],
)
def test_encoding_and_line_ends_stay(data: bytes) -> None:
    _, changed = imports("x.py", data)
    assert changed is not None
    assert changed != data
    assert (
        changed.replace(b"octavo.ploomber as ploomber", b"ploomber").replace(b"octavo.ploomber", b"ploomber")
        == data
    )


@given(st.text(alphabet="abé'\"\\\n\r\t #=()", max_size=40), st.text(alphabet="xü \n\r\t#'", max_size=20))
def test_no_other_byte_changes(before: str, after: str) -> None:
    text = f"{before}\nimport ploomber.spec as s{after}"
    found, changed = imports("x.py", text.encode())
    assert changed is not None
    assert changed.decode().replace("octavo.ploomber", "ploomber") == text
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return
    assert len(found) <= 1


def test_bytes_that_are_no_text_are_left_alone() -> None:
    assert imports("x.py", b"import ploomber\n\xff") == ([], None)
    assert imports("x.ipynb", b"ploomber {") == ([], None)


# ── notebooks


def book(*sources: Any, **metadata: Any) -> str:
    cells = [
        {"cell_type": "code", "metadata": metadata, "outputs": [], "source": source, "execution_count": None}
        for source in sources
    ]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}, indent=1) + "\n"


@pytest.mark.parametrize(
    "source",
    [["import os\n", "from ploomber import DAG\n", "é = 1"], "import os\nfrom ploomber import DAG\né = 1"],
)
def test_cells_of_a_notebook_are_rewritten_in_the_text_as_it_is(source: Any) -> None:
    text = book("x = 1", source)
    found, changed = imports("x.ipynb", text.encode())
    assert changed is not None
    assert [(one.cell, one.line, one.names) for one in found] == [(1, 2, ("DAG",))]
    assert changed.decode() == text.replace("from ploomber", "from octavo.ploomber")


def test_what_a_cell_printed_is_not_taken_for_its_code() -> None:
    whole = json.loads(book(["import ploomber\n"]))
    output = {"output_type": "stream", "name": "stdout", "text": ["import ploomber\n"]}
    whole["cells"][0]["outputs"] = [output]
    text = json.dumps(whole)
    found, changed = imports("x.ipynb", text.encode())
    assert (len(found), changed) == (1, None)


def test_an_executed_notebook_is_left_alone() -> None:
    text = book("from ploomber import DAG", tags=["injected-parameters"]).encode()
    assert imports("x.ipynb", text) == ([], text)


# ── a project


def test_everything_that_speaks_of_ploomber_is_found(folder: Folder) -> None:
    folder.write("clients.py", "import os\nfrom ploomber.clients import SQLAlchemyClient\n")
    folder.write("odd.py", "from ploomber.cli import cli\n")
    folder.write("out/made.py", "import ploomber\n")
    folder.write("requirements.txt", "pandas\nploomber>=0.20  # x\nploomber-engine\nsome-ploomber-thing\n")
    folder.write("setup.cfg", "[metadata]\n[ploomber]\nentry-point = x\n")
    folder.write(
        "Makefile", "all:\n\tploomber build --entry-point a.yaml --partially fit --force\n\tploomber nb -i\n"
    )
    folder.write(
        "README.md",
        "We ploomber things. `ploomber build` and see ploomber.io, ploomber task fit -f or more.\n",
    )
    folder.write(
        ".github/workflows/ci.yml", "env:\n  PLOOMBER_ENV_FILENAME: env.ci.yaml\n  PLOOMBER_DEBUG: 1\n"
    )
    folder.write(
        "pipeline.yaml",
        """
        executor: {dotted_path: ploomber.executors.Parallel}
        serializer: ploomber.io.serializer_pickle
        tasks:
          - source: a.py
            product: a.ipynb
            on_render: hooks.f
            executor: papermill
        """,
    )
    folder.write(".a.ipynb.metadata", "{}")
    folder.write(".b.csv.metadata", "{}")
    assert told(folder, "out") == [
        ("import", "clients.py:2: from ploomber.clients import SQLAlchemyClient", "octavo.clients"),
        ("missing", "odd.py:1: from ploomber.cli import cli", "octavo has no cli"),
        (
            "setting",
            ".github/workflows/ci.yml:2: PLOOMBER_ENV_FILENAME",
            "octavo reads it, too",
        ),
        ("setting", ".github/workflows/ci.yml:3: PLOOMBER_DEBUG", "octavo does not read it"),
        (
            "setting",
            "pipeline.yaml:1:1: executor:",
            'write "serial" for one task at a time, else as many run as there are processors',
        ),
        ("setting", "pipeline.yaml:2:1: ploomber.io.serializer_pickle", "the name works: octavo provides it"),
        (
            "setting",
            "pipeline.yaml:6:5: on_render:",
            "it is called when something runs, never by octavo status",
        ),
        ("setting", "pipeline.yaml:7:5: executor:", "it has no effect"),
        ("setting", "setup.cfg:3: [ploomber] entry-point", "octavo reads it, too"),
        (
            "command",
            "Makefile:2: ploomber build --entry-point a.yaml --partially fit --force",
            "octavo build --file a.yaml +fit --force",
        ),
        ("command", "Makefile:3: ploomber nb -i", COMMANDS["nb"]),
        ("command", "README.md:1: ploomber build", "octavo build"),
        ("command", "README.md:1: ploomber task fit -f", "octavo task fit --force"),
        ("package", "requirements.txt:2: ploomber>=0.20  # x", "octavo[ploomber] takes its place"),
        ("package", "requirements.txt:3: ploomber-engine", "octavo does not need it"),
        (
            "result",
            ".a.ipynb.metadata: Ploomber left metadata for 2 products (.metadata files)",
            "octavo build --adopt marks as fresh what they prove unchanged",
        ),
    ]


def test_programs_that_import_ploomber_are_named_where_they_are_started(folder: Folder) -> None:
    folder.write("run.py", "from ploomber import DAG\n")
    folder.write("ops/run.py", "import ploomber\n")
    folder.write("other.py", "import os\n")
    folder.write("Makefile", "all:\n\tpython run.py --fast\n\tpython3 -u ops/run.py && python other.py\n")
    folder.write("ops/Dockerfile", "CMD python3.12 run.py\n")
    hint = "with octavo[ploomber] installed, as it is"
    assert [one for one in told(folder) if one[0] == "command"] == [
        ("command", "Makefile:2: python run.py", f"python -m octavo.ploomber run.py; {hint}"),
        ("command", "Makefile:3: python3 -u ops/run.py", f"python -m octavo.ploomber ops/run.py; {hint}"),
        ("command", "ops/Dockerfile:1: python3.12 run.py", f"python -m octavo.ploomber run.py; {hint}"),
    ]


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("build --partially fit --skip-upstream --force", "octavo build fit --force"),
        ("build -p fit -e a.yaml", "octavo build +fit --file a.yaml"),
        ("build --entry-point=a.yaml --env--a 3", "octavo build --file=a.yaml --env--a 3"),
        (
            "build --env-file e.yaml --force",
            "octavo build --force; --env-file: the variable PLOOMBER_ENV_FILENAME names another environment file",
        ),
        (
            "build --env-brd-data x --force",
            "octavo build --force; --env-brd-data: did you mean --env--brd-data?",
        ),
        ("build --sample x", "octavo build; --sample: octavo build has no such option"),
        (
            "build -e pkg.make --brd-data x",
            "octavo build --file pkg.make; --brd-data: an argument of pkg.make is a parameter here: -p brd_data=VALUE",
        ),
        ("plot", "octavo plot --output pipeline.html"),
        (
            "plot -o a.png",
            "octavo plot -o a.png; a.png: octavo plot --format dot | dot -Tpng > graph.png makes pictures of "
            "other formats",
        ),
        ("status --log info", "octavo status; --log: nothing runs, so nothing is logged"),
        ("install", "use pip or conda: pip install -r requirements.txt"),
    ],
)
def test_what_is_advised_octavo_takes(typed: str, becomes: str) -> None:
    verb, *words = typed.split()
    assert advice(verb, words, OPTIONS.__contains__) == becomes


def test_ploombers_other_packages_and_its_extension_of_jupyter_are_named(folder: Folder) -> None:
    folder.write("fit.py", "import ploomber_engine\nfrom ploomber import DAG\ndag['a']._post_run_actions()\n")
    folder.write("run.sh", "ploomber-engine a.ipynb b.ipynb\nsoopervisor export prod\ndltr a.dump\n")
    folder.write("README.md", "We use ploomber-engine and the like.\n")
    folder.write("soopervisor.yaml", "prod: {backend: argo-workflows}\n")
    folder.write("jupyter_server_config.py", "c.ServerApp.jpserver_extensions = {'ploomber': True}\n")
    folder.write("setup.cfg", "[ploomber]\ninject-priority = a,b\n")
    found = looked_through(folder).findings
    assert [(one.code, one.severity, str(one.where)) for one in found] == [
        ("import", "note", "fit.py:1"),
        ("import", "note", "fit.py:2"),
        ("missing", "warning", "fit.py:3"),
        ("setting", "warning", "jupyter_server_config.py:1"),
        ("setting", "note", "setup.cfg:2"),
        ("setting", "note", "soopervisor.yaml"),
        ("command", "note", "run.sh:1"),
        ("command", "note", "run.sh:2"),
        ("command", "note", "run.sh:3"),
    ]


def test_settings_are_named_even_if_the_pipeline_is_refused(folder: Folder) -> None:
    folder.write("fit.py", "")
    folder.write(
        "pipeline.train.yaml",
        """
        config: {hot_reload: true}
        tasks:
          - source: fit.py
            product: fit.ipynb
            static_analysis: strict
            papermill_params: {log_output: true, progress_bar: false}
            params: {n: "{{nowhere}}"}
        """,
    )
    said = folder.octavo("migrate")
    assert said.returncode == 1
    for line in (
        "  pipeline.train.yaml:1:1: config:\n",
        "  pipeline.train.yaml:5:5: static_analysis:\n",
        "  pipeline.train.yaml:6:24: log_output:\n    → octavo log shows what notebooks print\n",
        "  pipeline.train.yaml:7:17: nothing declares {{nowhere}}",
    ):
        assert line in said.stdout
    assert "progress_bar" not in said.stdout
    assert "there is no pipeline.yaml" not in said.stdout


def test_every_pipeline_of_a_project_is_looked_at_and_none_twice(folder: Folder) -> None:
    folder.write("jobs.py", "def make(product):\n    product.write_text('x')\n")
    folder.write(
        "pipeline.yaml",
        "meta: {import_tasks_from: pipeline-features.yaml}\ntasks:\n  - {source: jobs.make, product: a}\n",
    )
    folder.write("pipeline-features.yaml", "- {source: jobs.make, name: b, product: b}\n")
    folder.write("flows/pipeline.serve.yaml", "- {source: nothing.py, product: c.ipynb}\n")
    folder.write("pipeline-notes.yaml", "these: are notes\n")
    found = [
        one for one in json.loads(folder.octavo("migrate", "--json").stdout) if one["kind"] == "pipeline"
    ]
    assert [(one["path"], one["message"]) for one in found] == [
        ("flows/pipeline.serve.yaml", "the source nothing.py does not exist")
    ]


def test_what_loading_says_has_its_place(folder: Folder) -> None:
    said = (
        'env.yaml:2:1: no placeholder uses "rows"',
        "a note without a place: x",
        StateError("no", "a.db", "try"),
    )
    found = looked_through(folder, said=said).findings
    assert [(str(one.where), one.message, one.severity) for one in found] == [
        ("", "a note without a place: x", "note"),
        ("a.db", "no", "error"),
        ("env.yaml:2:1", 'no placeholder uses "rows"', "note"),
    ]


def test_what_git_ignores_and_environments_are_not_looked_at(folder: Folder) -> None:
    for name in ("a.py", "env/pyvenv.cfg", "env/b.py", "node_modules/c.py", "sub/d.py", ".octavo/e.py"):
        folder.write(name, "")
    assert list(files(folder.path)) == ["a.py", "sub/d.py"]


def test_changes_are_made_whole_and_only_to_what_was_seen(folder: Folder) -> None:
    script = folder.write("run.py", "import ploomber\n")
    script.chmod(0o755)
    target = folder.write("real.py", "from ploomber import DAG\n")
    (folder.path / "link.py").symlink_to(target)
    found = looked_through(folder)
    assert [change.path for change in found.changes] == ["real.py", "run.py"]
    assert list(found.changes[1].diff())[2:] == [
        "@@ -1 +1 @@",
        "-import ploomber",
        "+import octavo.ploomber as ploomber",
    ]
    Migration(folder.path, (), found.changes[1:]).apply()
    assert folder.read("run.py") == "import octavo.ploomber as ploomber\n"
    assert script.stat().st_mode & 0o777 == 0o755
    target.write_text("# mine\n")
    with pytest.raises(StateError, match=r"real\.py: it was edited meanwhile"):
        found.apply()
    assert target.read_text() == "# mine\n"
    assert sorted(path.name for path in folder.path.iterdir()) == ["link.py", "real.py", "run.py"]


# ── the command


def test_nothing_is_touched_without_apply(folder: Folder) -> None:
    folder.write(
        "jobs.py", "from ploomber.products import File\n\ndef make(product):\n    product.write_text('x')\n"
    )
    folder.write("pipeline.yaml", "- {source: jobs.make, product: out.txt}\n")
    before = folder.read("jobs.py")
    said = folder.octavo("migrate")
    assert (said.returncode, said.stderr) == (0, "")
    assert "  jobs.py:1: from ploomber.products import File\n    → octavo.ploomber.products\n" in said.stdout
    assert "what octavo does differently" in said.stdout
    assert json.loads(folder.octavo("migrate", "--json").stdout)[0]["kind"] == "import"
    shown = folder.octavo("migrate", "--diff").stdout
    assert "+from octavo.ploomber.products import File" in shown.splitlines()
    assert folder.read("jobs.py") == before
    applied = folder.octavo("migrate", "--apply")
    assert applied.stdout.startswith(shown)
    assert "rewrote jobs.py" in applied.stdout
    assert folder.read("jobs.py") == before.replace("ploomber.", "octavo.ploomber.")
    assert "nothing here depends on Ploomber" in folder.octavo("migrate").stdout
    assert folder.octavo("build").returncode == 0


def test_a_pipeline_that_octavo_refuses_is_told(folder: Folder) -> None:
    folder.write("pipeline.yaml", "- {source: jobs.make, produkt: out.txt}\n")
    said = folder.octavo("migrate")
    assert said.returncode == 1
    assert "pipeline.yaml:1:23: " in said.stdout
    assert '    → did you mean "product"?' in said.stdout


def test_a_folder_without_a_pipeline_is_looked_through_all_the_same(folder: Folder) -> None:
    folder.write("a.py", "import ploomber\n")
    said = folder.octavo("migrate")
    assert said.returncode == 1
    assert "  a.py:1: import ploomber\n" in said.stdout
    assert "  there is no pipeline.yaml in this folder or its parents\n" in said.stdout
