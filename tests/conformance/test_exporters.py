"""Every exporter: what stands in its file is taken from there and run, each task in an empty folder."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from graphlib import TopologicalSorter
from io import StringIO
from pathlib import Path

import pytest
import yaml

from octavo.cli import _guarded
from octavo.deploy.depot import Depot
from octavo.deploy.plan import Planned
from octavo.deploy.runs import Runs
from octavo.errors import Error
from octavo.exporters import Workflow, cron, grids
from octavo.exporters.members import EXPORTERS, exporter
from octavo.model import Json
from octavo.show.screen import screen
from projects import Folder

HERA = "hera.workflows.models"


@dataclass(frozen=True)
class Node:
    """What an engine would start: a command, with its environment, after others."""

    command: tuple[str, ...]
    environ: Mapping[str, str]
    after: tuple[str, ...] = ()


def octavo(folder: Path, *words: str, environ: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a command in this process and a folder; return its code and what it said."""
    said = StringIO()
    with pytest.MonkeyPatch.context() as patch, chdir(folder), redirect_stdout(said), redirect_stderr(said):
        for name, value in (environ or {}).items():
            patch.setenv(name, value)
        code = _guarded(words, screen(said, {}))
    return code, said.getvalue()


def of_airflow(text: str, run: str) -> dict[str, Node]:
    """Read a DAG file as Python does, and no further than its constants and the operator for Bash."""
    found = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert "bash_command=shlex.join([*OCTAVO, *words])" in text
    assert 'words = ["run-task", task["task"], "--plan", PLAN]' in text
    environ = {"OCTAVO_RUN": run, "OCTAVO_REMOTE": found["REMOTE"]}
    return {
        task["id"]: Node(
            (*found["OCTAVO"], "run-task", task["task"], "--plan", found["PLAN"]),
            environ,
            tuple(task["after"]),
        )
        for task in found["TASKS"]
    }


def of_argo(text: str, run: str) -> dict[str, Node]:
    spec = yaml.safe_load(text)["spec"]
    templates = {template["name"]: template for template in spec["templates"]}
    nodes = {}
    for task in templates[spec["entrypoint"]]["dag"]["tasks"]:
        (given,) = task["arguments"]["parameters"]
        (taken,) = templates[task["template"]]["inputs"]["parameters"]
        assert given["name"] == taken["name"]
        container = templates[task["template"]]["container"]
        values = {"{{inputs.parameters.task}}": given["value"], "{{workflow.uid}}": run}
        words = [values.get(word, word) for word in [*container["command"], *container["args"]]]
        assert not any("{{" in word for word in words)
        nodes[task["name"]] = Node(tuple(words), {}, tuple(task.get("dependencies", ())))
    return nodes


def of_kubernetes(text: str, run: str) -> dict[str, Node]:
    (container,) = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"]
    (variable,) = container["env"]
    assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.labels['job-name']"}}
    return {"job": Node((*container["command"], *container["args"]), {variable["name"]: run})}


def of_kubeflow(text: str, run: str) -> dict[str, Node]:
    """Read a file for kfp as far as its constants; what kfp makes of it is tried where that is installed."""
    found = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    words = '["run-task", task, "--run", dsl.PIPELINE_JOB_ID_PLACEHOLDER, "--remote", REMOTE, "--plan", PLAN]'
    assert f"words = {words}" in text
    assert "image=IMAGE, command=OCTAVO, args=words" in text
    more = ("--run", run, "--remote", found["REMOTE"], "--plan", found["PLAN"])
    return {
        task["task"]: Node((*found["OCTAVO"], "run-task", task["task"], *more), {}, tuple(task["after"]))
        for task in found["TASKS"]
    }


def of_json(text: str, run: str) -> dict[str, Node]:
    return {
        task["id"]: Node(tuple(task["command"]), {"OCTAVO_RUN": run}, tuple(task["after"]))
        for task in json.loads(text)["tasks"]
    }


READERS: Mapping[str, Callable[[str, str], dict[str, Node]]] = {
    "airflow": of_airflow,
    "argo": of_argo,
    "json": of_json,
    "kubeflow": of_kubeflow,
    "kubernetes": of_kubernetes,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A project whose tasks have names that engines would not take."""
    folder = Folder(tmp_path_factory.mktemp("export") / "sales report")
    folder.write(
        "steps.py",
        """
        def draw(product):
            product.write_text("6")


        def double(product, upstream):
            product.write_text(str(int(upstream["draw_it all"].read_text()) * 2))
        """,
    )
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: steps.draw, name: draw_it all, product: out/draw.txt, memory: 1GB}
          - {source: steps.double, product: out/double.txt, upstream: draw_it all, timeout: 60}
        """,
    )
    return folder


@pytest.mark.parametrize("engine", EXPORTERS)
def test_what_stands_in_the_file_runs_and_makes_what_a_build_makes(project: Folder, engine: str) -> None:
    store = project.path.parent / "store"
    words = ["--remote", str(store), "--image", "team:3", "-o", "-"]
    code, text = octavo(project.path, "export", engine, *words)
    assert code == 0, text
    run = f"{engine}__2026-01-01T03:15:00+00:00"
    nodes = READERS[engine](text, run)
    for name in TopologicalSorter({name: node.after for name, node in nodes.items()}).static_order():
        empty = project.path.parent / f"{engine}-{name}"
        empty.mkdir()
        assert nodes[name].command[0] == "octavo"
        code, said = octavo(empty, *nodes[name].command[1:], environ=nodes[name].environ)
        assert code == 0, said
        assert list(empty.iterdir()) == []
    away = project.path.parent / f"fetched-{engine}"
    assert octavo(project.path, "fetch", run, "--remote", str(store), "--to", str(away))[0] == 0
    assert (away / "out" / "double.txt").read_text() == "12"
    assert len(Runs(Depot(str(store), "/")).tasks(run)) == 2


@pytest.mark.parametrize("engine", EXPORTERS)
def test_the_same_workflow_is_the_same_bytes(engine: str) -> None:
    whole, made = large(200), exporter(engine)
    assert made.refuses(whole) is None
    assert made.export(whole) == made.export(large(200))


def large(size: int, **more: str) -> Workflow:
    """Return a workflow of a grid between two tasks."""
    grid = {
        f"fit_{number}": Planned(f"fit_{number}", ("load",), "fit.py", (f"out/{number}",))
        for number in range(size)
    }
    tasks = {"load": Planned("load"), **grid, "end": Planned("end", (*grid,), "end.py", ("out/é.txt",))}
    return Workflow("Sales", "0" * 32, "s3://b/f", tasks, image="team:3", options=more)


def test_thousands_of_tasks_share_a_template_and_fit_into_etcd() -> None:
    text = exporter("argo").export(large(3000))
    assert len(text) < 1_000_000
    assert text.count("retryStrategy") == 1


def test_a_grid_is_a_group_and_last_products_are_assets() -> None:
    text = exporter("airflow").export(large(3, pool="few"))
    groups = {match[1] for match in re.finditer(r"'group': '([^']+)'", text)}
    assert len(groups) == 1
    assert "'makes': ['x-octavo://Sales/out/%C3%A9.txt']" in text
    assert "\"pool\": 'few'" in text
    assert {*grids(large(3).tasks).values()} == {"fit"}


def test_the_schedule_of_the_pipeline_is_that_of_the_file(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "timed")
    folder.write("steps.py", "def draw(product):\n    product.write_text('6')\n")
    folder.write(
        "pipeline.yaml",
        """
        schedule: {cron: "30 6 * * mon-fri", timezone: Europe/Berlin, skip: ["2026-12-24"]}
        tasks: [{source: steps.draw, product: out/draw.txt}]
        """,
    )
    words = ["--remote", "../store", "--image", "team:3", "-o", "../file"]
    told = {
        "airflow": [
            "schedule='30 6 * * MON-FRI'",
            "start_date=pendulum.datetime(2026, 1, 1, tz='Europe/Berlin')",
        ],
        "argo": ["  - 30 6 * * MON-FRI", "timezone: Europe/Berlin"],
        "json": ['"schedule": "30 6 * * MON-FRI"', '"timezone": "Europe/Berlin"'],
        "kubeflow": ["SCHEDULE = '0 30 6 * * MON-FRI'"],
        "kubernetes": ["schedule: 30 6 * * MON-FRI", "timeZone: Europe/Berlin"],
    }
    for engine, lines in told.items():
        own = ["--option", "timezone=Europe/Berlin"] if engine == "kubeflow" else []
        code, said = octavo(folder.path, "export", engine, *words, *own)
        assert (code, '"skip" of the schedule is not in the file' in said) == (0, True), said
        assert all(line in (tmp_path / "file").read_text() for line in lines)
        assert octavo(folder.path, "export", engine, *words, *own, "--schedule", "1 2 * * *") == (
            0,
            "../file: 1 task\n",
        )
        assert "1 2 * * *" in (tmp_path / "file").read_text()


@pytest.mark.parametrize("operator", ["bash", "docker", "kubernetes"])
def test_each_operator_makes_a_file_of_python(operator: str) -> None:
    text = exporter("airflow").export(large(2, operator=operator))
    compile(text, "dag.py", "exec")
    assert "import octavo" not in text


def test_what_a_task_takes_is_asked_of_each_engine() -> None:
    own = {
        "argo": {"nodeSelector": {"disk": "fast"}},
        "airflow": {"priority_weight": 5, "executor_config": {"a": [1]}},
    }
    tasks = {"a": Planned("a"), "b": Planned("b", ("a",), cpus=2.5, gpus=1, engines=own)}
    whole = Workflow("s", "0" * 32, "s3://b/f", tasks, image="i", options={"pool": "few"})
    found = {engine: exporter(engine).export(whole) for engine in EXPORTERS}
    spec = yaml.safe_load(found["argo"])["spec"]
    template = spec["templates"][-1]
    sizes = {"requests": {"cpu": "2.5"}, "limits": {"nvidia.com/gpu": "1"}}
    assert template["container"]["resources"] == sizes
    assert template["nodeSelector"] == {"disk": "fast"}
    assert "resources" not in spec["templates"][1]["container"]
    (container,) = yaml.safe_load(found["kubernetes"])["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == sizes
    assert json.loads(found["json"])["tasks"][1]["cpus"] == 2.5
    for engine in ("airflow", "kubeflow"):
        (rows,) = (
            ast.literal_eval(node.value)
            for node in ast.parse(found[engine]).body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "TASKS"
        )
        assert rows[1]["gpus"] == 1
        assert rows[1].get("own", own["airflow"]) == own["airflow"]
        assert rows[1].get("slots", 3) == 3
    assert '"pool_slots": task["slots"]' in found["airflow"]


# ── what is refused


@pytest.mark.parametrize(
    ("engine", "workflow", "words"),
    [
        ("argo", Workflow("a", "", "s3://b", {}), "need an image"),
        ("kubernetes", Workflow("a", "", "s3://b", {}), "need an image"),
        ("kubeflow", Workflow("a", "", "s3://b", {}), "need an image"),
        (
            "kubeflow",
            Workflow("a", "", "s3://b", {}, image="i", schedule="1 2 * * *", zone="Asia/Tokyo"),
            "Kubeflow's are in UTC",
        ),
        (
            "kubeflow",
            Workflow("a", "", "s3://b", {}, image="i", options={"keys": "TOKEN"}),
            "and none is named",
        ),
        ("airflow", Workflow("a", "", "s3://b", {}, options={"operator": "docker"}), "needs an image"),
        ("airflow", Workflow("a", "", "s3://b", {}, secret="creds"), "for its pods alone"),
        ("airflow", Workflow("a", "", "s3://b", {}, options={"operator": "bsh"}), 'no operator "bsh"'),
        ("airflow", Workflow("a", "", "s3://b", {}, options={"start": "yesterday"}), "is not a day"),
        ("airflow", Workflow("a", "", "s3://b", {}, options={"retries": "-1"}), "not a number of retries"),
        ("airflow", Workflow("a", "", "s3://b", {"{{ x }}": Planned("{{ x }}")}), "a placeholder"),
        ("argo", Workflow("a", "", "s3://b", {"{{x}}": Planned("{{x}}")}, image="i"), "a placeholder"),
    ],
)
def test_what_an_engine_could_not_run_is_refused(engine: str, workflow: Workflow, words: str) -> None:
    error = exporter(engine).refuses(workflow)
    assert isinstance(error, Error)
    assert words in error.message


def test_mistakes_of_the_command_line_are_told_before_anything_is_sent(
    project: Folder, tmp_path: Path
) -> None:
    store = ["--remote", str(tmp_path / "store")]
    for words, told in {
        "airfow": 'did you mean "airflow"?',
        "airflow --option pol=few": 'did you mean "pool"?',
        "airflow --schedule daily": "is not five fields of cron",
        "airflow double": "select it, too: +double",
    }.items():
        code, said = octavo(project.path, "export", *shlex.split(words), *store)
        assert (code, told in said) == (2, True), said
    assert not (tmp_path / "store").exists()
    with pytest.raises(Error):
        cron("* * * * ; rm")
    assert cron(" 15  3 * * MON-FRI ") == "15 3 * * MON-FRI"


# ── what engines say of the files, where their models are installed


@pytest.fixture
def exported(project: Folder) -> Iterator[Callable[[str], Json]]:
    def read(engine: str) -> Json:
        words = [
            "--remote",
            str(project.path.parent / "store"),
            "--image",
            "team:3",
            "--schedule",
            "15 3 * * *",
        ]
        code, text = octavo(project.path, "export", engine, *words, "--secret", "store", "-o", "-")
        assert code == 0
        plain: Json = yaml.safe_load(text)
        return plain

    yield read


@pytest.mark.engines
def test_argo_knows_every_key(exported: Callable[[str], Json]) -> None:
    models = pytest.importorskip(HERA, reason="hera is not installed: make test-engines has it")
    plain = exported("argo")
    back = models.CronWorkflow.model_validate(plain).model_dump(by_alias=True, exclude_none=True, mode="json")
    assert json.loads(json.dumps(back)) == plain


@pytest.mark.engines
def test_kubernetes_knows_every_key(exported: Callable[[str], Json]) -> None:
    validator = pytest.importorskip(
        "kubernetes_validate", reason="kubernetes-validate is not installed: make test-engines has it"
    )
    for version in ("1.31", "1.37"):
        validator.validate(exported("kubernetes"), version, strict=True)
