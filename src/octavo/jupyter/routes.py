"""What the panel in JupyterLab asks the server: the state of a pipeline, builds, and how they go."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, authenticated

from ..errors import Error, Errors, each
from ..lazy import lazy_imports

with lazy_imports():
    # a server starts without what reads pipelines
    from .. import project as projects
    from ..show import steps as shown_steps
    from ..spec import entry as entries
    from . import tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model import Json, Step
    from ..project import Project
    from ..spec.entry import EntryPoint
    from .builds import Builds

#: Seconds after which a stream says that it is still there, for proxies that end silent connections.
_SILENCE = 15.0


class Application(Protocol):
    """What is used of the server's web application."""

    settings: dict[str, object]

    def add_handlers(self, host: str, handlers: list[tuple[object, ...]], /) -> None: ...


def add(application: Application, root: Path, builds: Builds) -> None:
    """Add the routes to a server that shows a folder."""
    base = str(application.settings["base_url"])
    handlers = {
        "status": _StatusRoute,
        "build": _BuildRoute,
        "cancel": _CancelRoute,
        "events": _EventsRoute,
        "choose": _ChooseRoute,
        "accept": _AcceptRoute,
    }
    application.add_handlers(
        ".*$",
        [
            (url_path_join(base, "octavo", name), handler, {"root": root, "builds": builds})
            for name, handler in handlers.items()
        ],
    )


class _Route(APIHandler):
    auth_resource = "kernels"  # who may run code may build

    def initialize(self, root: Path, builds: Builds) -> None:
        self.top, self.builds = root.resolve(), builds

    def found(self, path: str) -> EntryPoint | None:
        """Return the pipeline around a file or folder, as the server names it; nothing outside of what it shows."""
        full = Path(os.path.normpath(self.top / path.strip("/"))).resolve()
        if not full.is_relative_to(self.top):
            raise HTTPError(404, "it is not in the folder that is shown")
        return next(entries.around(full if full.is_dir() else full.parent, self.top), None)

    def asked(self) -> tuple[EntryPoint, Json]:
        """Return the pipeline that a body names, and the body."""
        body = self.get_json_body()
        if not isinstance(body, dict) or not isinstance(body.get("path", ""), str):
            raise HTTPError(400, "the body is a JSON object with a path")
        entry = self.found(body.get("path", ""))
        if entry is None:
            raise HTTPError(404, "there is no pipeline")
        return entry, body


class _StatusRoute(_Route):
    @authenticated
    @authorized(action="read")
    async def get(self) -> None:
        """Answer how the tasks stand, as octavo status says it."""
        entry = self.found(self.get_query_argument("path", ""))
        if entry is None:
            self.finish(json.dumps({"pipeline": None, "tasks": []}))
            return
        answer = await asyncio.to_thread(_state, entry, self.top)
        self.finish(json.dumps({**answer, "building": self.builds.running(entry.root)}))


class _BuildRoute(_Route):
    @authenticated
    @authorized(action="execute")
    async def post(self) -> None:
        """Start a build of some tasks."""
        entry, body = self.asked()
        targets = body.get("targets", [])
        if not isinstance(targets, list) or not all(
            isinstance(one, str) and one[:1] != "-" for one in targets
        ):
            raise HTTPError(400, "targets are a list of tasks")
        if not self.builds.start(entry.path, entry.root, targets, bool(body.get("force"))):
            raise HTTPError(409, "a build of this project is running")
        self.set_status(202)
        self.finish("{}")


class _CancelRoute(_Route):
    @authenticated
    @authorized(action="execute")
    async def post(self) -> None:
        """End the build that runs."""
        entry, _ = self.asked()
        self.finish(json.dumps({"cancelled": self.builds.cancel(entry.root)}))


class _AcceptRoute(_Route):
    @authenticated
    @authorized(action="execute")
    async def post(self) -> None:
        """Take the products of a task as they are for good, as octavo accept does."""
        entry, body = self.asked()

        def accept() -> list[str]:
            with projects.Project(entry, {}) as project:
                found = project.accept([str(body.get("task", ""))])
            return [str(reason) for reasons in found.values() for reason in reasons]

        try:
            self.finish(json.dumps({"accepted": await asyncio.to_thread(accept)}))
        except (Error, Errors) as error:
            raise HTTPError(409, "\n".join(map(str, each(error)))) from None


class _ChooseRoute(_Route):
    @authenticated
    @authorized(action="write")
    async def post(self) -> None:
        """Choose the task whose values its source shows, of several that have it."""
        entry, body = self.asked()
        file = Path(os.path.realpath(self.top / str(body.get("source", "")).strip("/")))
        found = await asyncio.to_thread(tasks.Pipelines(self.top).of, file)
        of = next((one for one in found.tasks if one.said == (entry.path.name, body.get("task"))), None)
        if of is None:
            raise HTTPError(404, "that is not the source of such a task")
        tasks.choose(of, file)
        self.finish("{}")


class _EventsRoute(_Route):
    @authenticated
    @authorized(action="read")
    async def get(self) -> None:
        """Stream the events of builds, first those of the one that runs, as server-sent events."""
        entry = self.found(self.get_query_argument("path", ""))
        if entry is None:
            raise HTTPError(404, "there is no pipeline")
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")
        queue: asyncio.Queue[Json] = asyncio.Queue()
        end = self.builds.watch(entry.root, queue.put_nowait)
        try:
            self.write(": here\n\n")
            await self.flush()
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), _SILENCE)
                    self.write(f"data: {json.dumps(event)}\n\n")
                except TimeoutError:
                    self.write(": here\n\n")
                await self.flush()
        except StreamClosedError:
            pass
        finally:
            end()


def _state(entry: EntryPoint, top: Path) -> Json:
    """Return the pipeline as the panel shows it; mistakes in it are told, and no error."""
    found: Json = {"pipeline": os.path.relpath(entry.path, top), "tasks": [], "notes": [], "mistakes": []}
    try:
        with projects.Project(entry, {}) as project:
            steps = project.status()
            sources = Counter(step.task.source.path for step in steps.values() if not step.task.source.entry)
            found["tasks"] = [
                _task(step, project, _shown(project.root, top), sources[step.task.source.path] > 1)
                for step in steps.values()
            ]
            found["notes"] = list(project.notes)
    except (Error, Errors) as error:
        found["mistakes"] = list(map(str, each(error)))
    return found


def _task(step: Step, project: Project, shown: Callable[[str], str | None], several: bool) -> Json:
    products = [
        {"name": product.path, "path": shown(product.path), "there": (project.root / product.path).exists()}
        for product in step.task.products
        if product.relation is None
    ]
    return {
        **shown_steps.plain(step),
        "products": products,
        "open": shown(step.task.source.path),
        "several": several,
    }


def _shown(root: Path, top: Path) -> Callable[[str], str | None]:
    """Return what turns a path of a project into one as the server names it; None for what it does not show."""
    here = os.path.relpath(os.path.realpath(root), top)

    def name(path: str) -> str | None:
        found = os.path.normpath(os.path.join(here, path)).replace(os.sep, "/")
        return None if found.startswith("../") or os.path.isabs(found) else found

    return name
