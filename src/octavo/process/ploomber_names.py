"""Which module here has the names of which module of Ploomber, and what to use instead of those that are nowhere."""

from __future__ import annotations

from collections.abc import Callable

#: The package whose name is served, and the one that serves it.
NAME = "ploomber"
OURS = "octavo.ploomber"

#: What Ploomber has and octavo has not, module or name, and what to use instead.
ELSEWHERE = {
    "cli": "use octavo build, octavo status, octavo plot",
    "clients.RemoteShellClient": "use ssh in a shell task, or run the build on that machine",
    "entrypoint": "use ploomber.lazily_load_entry_point to find a pipeline",
    "io.FileLoaderMixin": "use task.load() to read a product",
    "io.TerminalWriter": "octavo build shows its progress itself",
    "jupyter": "use octavo's own extension of Jupyter's server",
    "qa": "octavo status reports errors in a pipeline before anything runs",
    "scaffold": "octavo status names missing sources",
    "static_analysis": "octavo status reports notebooks that cannot be read",
    "tasks.TaskFactory": "use a function that returns the task",
    "tasks.task_factory": "use a function that returns the task",
    "telemetry": "there is no telemetry",
    "testing.sql.SQLParser": "make each part of a long query a task with a table or view",
    "tracking": "use octavo history to see past runs",
}
_PACKAGES = {
    "clients": "client db shell storage storage.aws storage.gcloud storage.local",
    "dag": "dag dagconfiguration dagconfigurator",
    "env": "decorators env",
    "executors": "parallel parallel_dill serial",
    "io": "serialize unserialize",
    "micro": "_micro",
    "placeholders": "placeholder sourceloader",
    "products": "file genericproduct metaproduct product sql",
    "spec": "dagspec",
    "tasks": "abc aws notebook param_forward sql taskgroup tasks",
    "testing.sql": "duplicated functions",
    "util": "param_grid",
    "validators": "validators",
}
#: Modules of Ploomber whose names are in another module here: its packages are modules.
_DEEPER = {f"{here}.{part}": here for here, parts in _PACKAGES.items() for part in parts.split()}
_DEEPER |= {"dag.inmemorydag": "memory", "dag.onlinedag": "online", "table": "report"}
#: Modules here that are no part of the API.
_INNER = (
    *("__main__", "building", "command", "finder", "forking", "groups"),
    *("pipeline", "report", "sources", "task", "to_spec", "unimportable"),
)


def module_of(rest: str) -> str | None:
    """Return the module here that has the names of ``ploomber.…``; None where there is none."""
    if rest in _DEEPER:
        return f"{OURS}.{_DEEPER[rest]}"
    if rest.partition(".")[0] in _INNER or rest.count(".") > rest.startswith("testing."):
        return None
    return f"{OURS}.{rest}" if rest else OURS


def missing(name: str) -> str:
    """Return the message for a name that is not provided: ``ploomber.tasks.TaskFactory``."""
    rest = name.removeprefix(NAME + ".")
    way = ELSEWHERE.get(rest) or ELSEWHERE.get(rest.partition(".")[0])
    return f"octavo's {NAME} does not provide {name}" + (f": {way}" if way else "")


def absent(module: str) -> Callable[[str], object]:
    """Return the ``__getattr__`` of a module here: it says what is not provided, and what to use instead."""
    inside = module.removeprefix(OURS).removeprefix(".")

    def __getattr__(name: str) -> object:
        path = ".".join(filter(None, (NAME, inside, name)))
        # "from … import …" has words of its own for an AttributeError, and drops ours
        kind = ImportError if path.removeprefix(NAME + ".") in ELSEWHERE else AttributeError
        raise kind(missing(path))

    return __getattr__
