"""The plan of a run elsewhere: which tasks, of which code, with which parameters, and what stands in the way of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from .. import __version__
from ..dataclass import dataclass
from ..errors import Error
from ..model import Json, Step, Task
from ..products import special, whole
from ..project import Project
from ..secrets.hiding import Hiding
from ..spec import surroundings
from .bundle import Bundle, Files, files

VERSION = 1
_LATER = ("cpus", "gpus", "engines")
#: The variable of the environment that says what the file of parameters is called.
_ENV_NAME = "PLOOMBER_ENV_FILENAME"


@dataclass(frozen=True, slots=True)
class Planned:
    """A task of a plan. ``upstream`` are the tasks before it whose products it gets, of the run or held by it."""

    name: str
    upstream: tuple[str, ...] = ()
    source: str = ""
    products: tuple[str, ...] = ()
    memory: int | None = None
    timeout: float | None = None
    retries: int = 0
    cpus: float | None = None
    gpus: int | None = None
    engines: Json = field(default_factory=dict)

    def needs(self, engine: str) -> str:
        """Return all that it asks of an engine, as a text that is the same for tasks that ask the same."""
        own = self.engines.get(engine)
        return json.dumps(
            [self.memory, self.timeout, self.retries, self.cpus, self.gpus, own], sort_keys=True
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to run. ``tasks`` stand in order; ``held`` are those whose results are there before the run begins.

    ``file`` and ``cwd`` are relative to the project. ``around`` is what placeholders such as {{git}} stand for;
    what differs from run to run, {{now}}, is in it only where one run was planned, and not many by a schedule.
    """

    project: str
    file: str
    cwd: str
    params: Mapping[str, object]
    environ: Mapping[str, str]
    around: Mapping[str, str | None]
    tasks: Mapping[str, Planned]
    held: tuple[str, ...] = ()
    force: bool = False
    bundle: Json = field(default_factory=dict)
    octavo: str = __version__

    def plain(self) -> Json:
        """Return it as plain values."""
        plain: Json = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain["tasks"] = [
            # what was not there from the beginning stands only where it is said: an older octavo reads the rest
            {
                name: value
                for name in task.__dataclass_fields__
                if (value := getattr(task, name)) or name not in _LATER
            }
            for task in self.tasks.values()
        ]
        return plain | {"version": VERSION}


def from_plain(plain: Json) -> Plan:
    """Return the plan of what ``Plan.plain`` made. Raises an Error for what is none, or of another version."""
    if plain.get("version") != VERSION:
        raise Error(
            f"the plan is of version {plain.get('version')}, and this octavo reads version {VERSION}",
            hint=f"it was made by octavo {plain.get('octavo')}: use the same version where tasks run",
        )
    try:
        listed = [
            Planned(**{**one, "upstream": tuple(one["upstream"]), "products": tuple(one["products"])})
            for one in plain["tasks"]
        ]
        rest = {name: plain[name] for name in Plan.__dataclass_fields__ if name not in ("tasks", "held")}
        return Plan(tasks={task.name: task for task in listed}, held=tuple(plain["held"]), **rest)
    except (KeyError, TypeError, ValueError) as error:
        raise Error(f"the plan is damaged: {error}") from error


def chosen(
    project: Project, targets: Sequence[str], force: bool, every: bool = False
) -> tuple[list[Step], list[Task]]:
    """Return the steps that a run elsewhere has to take, and the tasks that it needs the results of.

    What is fresh here runs nowhere; ``every`` leaves nothing out, for schedules. Raises an Error where a result is
    needed that is not here and that the run will not make.
    """
    steps = project.status(targets, force=force)
    todo = [step for step in steps.values() if every or force or not step.fresh]
    running = {step.task.name for step in todo}
    needed = dict.fromkeys(up for step in todo for up in step.task.upstream if up not in running)
    if not needed:
        return todo, []
    known = project.status([*needed])
    for name in needed:
        if not known[name].fresh or every:
            users = next(step.task.name for step in todo if name in step.task.upstream)
            why = (
                "would not be made in every run"
                if every
                else f"is stale here: {next(iter(known[name].reasons), 'it waits')}"
            )
            raise Error(
                f'"{users}" needs "{name}", which is not selected and {why}', hint=f"select it, too: +{users}"
            )
    return todo, [project.graph[name] for name in needed]


def refused(project: Project, tasks: Sequence[Task], params: Mapping[str, object]) -> Iterator[Error]:
    """Yield what makes tasks unable to run elsewhere: secrets in parameters, products that cannot travel."""
    marked = {name: mark for task in tasks for name, mark in task.secret.items()}
    for name, value in params.items():
        if Hiding(marked).value(name, value) is not value:
            yield Error(
                f'the parameter "{name}" looks like a secret, and parameters are written into plans and notebooks',
                hint=f'set an environment variable where tasks run, and write "{{{{env.{name}}}}}" or os.environ',
            )
    for task in tasks:
        for product in task.products:
            inside = os.path.normpath(product.path)
            if os.path.isabs(inside) or inside.startswith(".."):
                yield Error(
                    f'task "{task.name}" makes "{product.path}", which is outside of the project',
                    task.where,
                    "products travel by their paths in the project: write one below it",
                )
            elif found := special(os.path.join(project.root, inside)):
                yield Error(f'task "{task.name}" makes "{product.path}": it is {found}', task.where)


def telling(project: Project) -> list[str]:
    """Return the files of the pipeline itself that hold secrets of its tasks, by their names in the project."""
    words = {word.encode() for task in project.graph for word in task.hidden.words}
    paths = (str(project.path), surroundings.env_file(str(project.path))) if project.path.is_file() else ()
    texts = ((path, whole(path)) for path in paths if path) if words else ()
    return [
        os.path.relpath(path, project.root) for path, text in texts if any(word in text for word in words)
    ]


def code(project: Project) -> tuple[Files, list[str]]:
    """Return the files that are the code of a project, and those that it uses and that are outside of it."""
    root = os.path.join(project.root, "")
    made = {product.path for task in project.graph for product in task.products}
    used = sorted(project.inputs())
    inside = [path.removeprefix(root) for path in used if path.startswith(root)]
    state = os.path.join(".octavo", "")
    needed = [path for path in inside if path not in made and not path.startswith(state)]
    beside = [path for path in used if not path.startswith(root) and os.path.isfile(path)]
    return files(str(project.root), made, needed), [path for path in beside if "site-packages" not in path]


def planned(
    project: Project,
    todo: Sequence[Step],
    held: Sequence[Task],
    bundle: Bundle,
    *,
    file: str | None = None,
    params: Mapping[str, object],
    force: bool = False,
    once: bool = True,
) -> Plan:
    """Return the plan of steps. ``file`` is how the pipeline was named, ``once``: it is run once, and now."""
    root = str(project.root)
    around = surroundings.frozen(surroundings.surroundings(root, str(project.path.parent)))
    if not once:
        del around["now"]
    spec = os.path.relpath(project.path, root) if project.path.exists() else file or str(project.path)
    cwd = os.path.relpath(os.getcwd(), root)
    running = {step.task.name for step in todo}
    kept = {task.name for task in held}
    tasks = {
        task.name: Planned(
            task.name,
            tuple(name for name in task.upstream if name in running or name in kept),
            task.source.path,
            tuple(product.path for product in task.products),
            task.resources.memory,
            task.run.timeout,
            task.run.retries,
            task.resources.cpus,
            task.resources.gpus,
            task.resources.engines,
        )
        for task in (step.task for step in todo)
    }
    environ = {_ENV_NAME: os.environ[_ENV_NAME]} if _ENV_NAME in os.environ else {}
    return Plan(
        project.root.name,
        spec,
        "." if cwd.startswith("..") else cwd,
        params,
        environ,
        around,
        tasks,
        (*kept,),
        force,
        bundle.plain(),
    )
