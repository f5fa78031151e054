"""What the panel in JupyterLab asks the server: the state of a pipeline, builds, and how they go."""

from __future__ import annotations

import asyncio
import json
import os
from functools import partial
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
    from ..spec import entry as entries
    from . import building as processes
    from . import panel, taking, tasks, unsaved
    from . import printed as logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from ..model import Json
    from ..spec.entry import EntryPoint
    from .builds import Builds

#: Seconds after which a stream says that it is still there, for proxies that end silent connections.
_SILENCE = 15.0
#: Every so many seconds it is looked whether another process, such as a terminal's, builds the project.
_GLANCE = 2.0


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
        "unsaved": _UnsavedRoute,
        "log": _LogRoute,
        "run": _RunRoute,
        "take": _TakeRoute,
    }
    application.add_handlers(
        ".*$",
        [
            (url_path_join(base, "octavo", name), handler, {"root": root, "builds": builds})
            for name, handler in handlers.items()
        ],
    )


def _told(answer: Callable[[_Route], Awaitable[None]]) -> Callable[[_Route], Awaitable[None]]:
    """Wrap what answers a request: what is wrong with paths and rights is told, and no fault of the server."""

    async def answered(self: _Route) -> None:
        try:
            await answer(self)
        except (Error, Errors) as error:
            raise HTTPError(409, "\n".join(map(str, each(error)))) from None
        except PermissionError as error:
            raise HTTPError(403, _said(error)) from None
        except OSError as error:
            raise HTTPError(409, _said(error)) from None
        except ValueError as error:  # no path at all: with a zero byte, or half a character
            raise HTTPError(400, str(error)) from None

    return answered


def _said(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


class _Route(APIHandler):
    auth_resource = "kernels"  # who may run code may build

    def initialize(self, root: Path, builds: Builds) -> None:
        self.top, self.builds = root.resolve(), builds

    def found(self, path: str) -> EntryPoint | None:
        """Return the pipeline around a file or folder, as the server names it; nothing outside of what it shows."""
        full = Path(os.path.realpath(os.path.normpath(self.top / path.strip("/"))))
        if not full.is_relative_to(self.top):
            raise HTTPError(404, "it is not in the folder that is shown")
        return next(entries.around(full if full.is_dir() else full.parent, self.top), None)

    def notebook(self, path: str) -> Path:
        """Return the file of a notebook, as the server names it."""
        full = Path(os.path.realpath(self.top / path.strip("/")))
        if not full.is_relative_to(self.top) or not full.is_file():
            raise HTTPError(404, "there is no such notebook")
        return full

    def body(self) -> Json:
        """Return the body: an object with a path."""
        body: Json | None = self.get_json_body()
        if not isinstance(body, dict) or not isinstance(body.get("path", ""), str):
            raise HTTPError(400, "the body is a JSON object with a path")
        return {"path": "", **body}

    def asked(self) -> tuple[EntryPoint, Json]:
        """Return the pipeline that a body names, and the body."""
        body = self.body()
        entry = self.found(body["path"])
        if entry is None:
            raise HTTPError(404, "there is no pipeline")
        return entry, body


class _StatusRoute(_Route):
    @authenticated
    @authorized(action="read")
    @_told
    async def get(self) -> None:
        """Answer how the tasks stand, as octavo status says it."""
        entry = self.found(self.get_query_argument("path", ""))
        if entry is None:
            if self.get_query_argument(
                "warm", ""
            ):  # a page has begun to load: its panel will ask of another folder
                await asyncio.to_thread(lambda: panel.state)
            self.finish(json.dumps({"pipeline": None, "tasks": [], "notes": [], "mistakes": []}))
            return
        drawn = self.get_query_argument("graph", "") == "1"
        answer = await asyncio.to_thread(panel.state, entry, self.top, drawn=drawn)
        self.finish(json.dumps({**answer, "building": self.builds.running(entry.root)}))


class _BuildRoute(_Route):
    @authenticated
    @authorized(action="execute")
    @_told
    async def post(self) -> None:
        """Start a build of some tasks."""
        entry, body = self.asked()
        targets = body.get("targets", [])
        if not isinstance(targets, list) or not all(
            isinstance(one, str) and one[:1] != "-" for one in targets
        ):
            raise HTTPError(400, "targets are a list of tasks")
        force = bool(body.get("force"))
        start = partial(processes.build, entry.path, entry.root, targets, force)
        if not self.builds.start(entry.root, start):
            raise HTTPError(409, "a build of this project is running")
        self.set_status(202)
        self.finish("{}")


class _RunRoute(_Route):
    @authenticated
    @authorized(action="execute")
    @_told
    async def post(self) -> None:
        """Run one notebook as it is on disk in a worker, and answer where its executed copy is to be."""
        file = self.notebook(self.body()["path"])
        if not self.builds.start(file, partial(processes.run, file)):
            raise HTTPError(409, "this notebook is running")
        self.set_status(202)
        self.finish(json.dumps({"executed": os.path.relpath(processes.executed(file), self.top)}))


class _TakeRoute(_Route):
    @authenticated
    @authorized(action="execute")
    @_told
    async def post(self) -> None:
        """Wait for a run of a task's notebook in its own kernel; answer what that has to run before and after."""
        entry, body = self.asked()
        run = taking.Taking(entry, str(body.get("task", "")))
        if not self.builds.start(entry.root, lambda: run):
            run.discard()
            raise HTTPError(409, "a build of this project is running")
        self.set_status(202)
        self.finish(json.dumps({"begin": run.code_before, "end": run.code_after}))


class _CancelRoute(_Route):
    @authenticated
    @authorized(action="execute")
    @_told
    async def post(self) -> None:
        """End the build that runs; with ``run`` that of a notebook without a pipeline."""
        body = self.body()
        key = self.notebook(body["path"]) if body.get("run") else self.asked()[0].root
        self.finish(json.dumps({"cancelled": self.builds.cancel(key)}))


class _AcceptRoute(_Route):
    @authenticated
    @authorized(action="execute")
    @_told
    async def post(self) -> None:
        """Take the products of a task as they are for good, as octavo accept does."""
        entry, body = self.asked()

        def accept() -> list[str]:
            with projects.Project(entry, {}) as project:
                found = project.accept([str(body.get("task", ""))])
            return [str(reason) for reasons in found.values() for reason in reasons]

        self.finish(json.dumps({"accepted": await asyncio.to_thread(accept)}))


class _UnsavedRoute(_Route):
    @authenticated
    @authorized(action="read")
    @_told
    async def post(self) -> None:
        """Answer what the cells that an editor has, and that are not saved yet, would make stale."""
        entry, body = self.asked()
        content = body.get("content")
        if not isinstance(content, dict):
            raise HTTPError(400, "content is a notebook")
        file = Path(os.path.realpath(self.top / body.get("path", "").strip("/")))

        def would_be() -> Json:
            with projects.Project(entry, {}) as project:
                return unsaved.would_be(project, file, content)

        try:
            self.finish(json.dumps(await asyncio.to_thread(would_be)))
        except (Error, Errors) as error:
            # a pipeline that is broken at the moment; the state of the panel says so
            mistakes = list(map(str, each(error)))
            self.finish(json.dumps({"changed": [], "stale": [], "mistakes": mistakes}))


class _LogRoute(_Route):
    @authenticated
    @authorized(action="read")
    @_told
    async def get(self) -> None:
        """Answer what a task printed in its newest run."""
        entry = self.found(self.get_query_argument("path", ""))
        if entry is None:
            raise HTTPError(404, "there is no pipeline")
        task = self.get_query_argument("task", "")
        self.finish(json.dumps(await asyncio.to_thread(logs.printed, entry.root, task)))


class _ChooseRoute(_Route):
    @authenticated
    @authorized(action="write")
    @_told
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
    @_told
    async def get(self) -> None:
        """Stream as server-sent events how builds go, or runs of a notebook; first what the running one has told."""
        path = self.get_query_argument("path", "")
        if self.get_query_argument("run", ""):
            key = self.notebook(path)
        elif (entry := self.found(path)) is not None:
            key = entry.root
        else:
            raise HTTPError(404, "there is no pipeline")
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")
        queue: asyncio.Queue[Json] = asyncio.Queue()
        seen = _newest_run(key)  # before anybody is told that it is listened to
        end = self.builds.watch(key, queue.put_nowait)
        try:
            self.write(": here\n\n")
            await self.flush()
            async for said in self._said(key, queue, seen):
                self.write(said)
                await self.flush()
        except StreamClosedError:
            pass
        finally:
            end()

    async def _said(self, key: Path, queue: asyncio.Queue[Json], seen: tuple[str, int]) -> AsyncIterator[str]:
        silent = 0.0
        while True:
            try:
                event = await asyncio.wait_for(queue.get(), _GLANCE)
                yield f"data: {json.dumps(event)}\n\n"
                silent = 0.0
            except TimeoutError:
                silent += _GLANCE
                before, seen = seen, _newest_run(key)
                if seen != before and not self.builds.running(key):
                    yield 'data: {"event": "Changed"}\n\n'
                elif silent >= _SILENCE:
                    yield ": here\n\n"
                    silent = 0.0


def _newest_run(root: Path) -> tuple[str, int]:
    """Return the newest run of a project, by whichever process, and how much it has told."""
    folder = root / ".octavo" / "runs"
    try:
        name = max(os.listdir(folder), default="")
        return name, (folder / name).stat().st_size if name else 0
    except OSError:
        return "", 0
