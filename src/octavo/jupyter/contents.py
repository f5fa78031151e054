"""Stand around the contents manager of Jupyter's server, whichever it is: tasks are opened and saved through it."""

from __future__ import annotations

import asyncio
import base64
import errno
import inspect
import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from tornado.web import HTTPError

from ..dataclass import dataclass
from ..errors import Error, Errors, each
from ..lazy import lazy_imports

with lazy_imports():
    # a server starts without what reads pipelines
    from .. import notebook as documents
    from . import cell as cells
    from . import opened, script, tasks

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Coroutine

    from ..model import Json
    from .cell import Injection

T = TypeVar("T")

#: Seconds after which a notebook opens without its values: something keeps the state of its project locked.
PATIENCE = 10.0

#: What a server answers where a file cannot be saved, by the system's word for it. It is no fault of the server.
_REFUSALS = {
    errno.EACCES: (403, "there is no right to write it"),
    errno.EPERM: (403, "there is no right to write it"),
    errno.EROFS: (403, "its file system is read-only"),
    errno.ENOENT: (404, "its folder is gone"),
    errno.ENOTDIR: (404, "its folder is gone"),
    errno.EISDIR: (409, "a folder has its name now"),
    errno.ENOSPC: (507, "the disk is full"),
    errno.EDQUOT: (507, "the quota of the disk is used up"),
}


class Contents(Protocol):
    """What is used of a contents manager; its ``get`` and ``save`` may be coroutines."""

    get: Callable[..., object]
    save: Callable[..., object]


def wrap(manager: Contents, log: logging.Logger, *, local: bool = True, patience: float = PATIENCE) -> None:
    """Replace ``get`` and ``save`` of this one manager, so that all who hold it see what they should.

    A manager whose files are not on this machine's disk stays as it is. ``local``: its kernels are on it, too.
    """
    if not hasattr(manager, "_get_os_path"):
        return
    around = _Around(manager, log, local, patience)
    if inspect.iscoroutinefunction(manager.get):
        manager.get, manager.save = around.get, around.save
    else:
        manager.get, manager.save = _plain(around.get), _plain(around.save)


def _plain(function: Callable[..., Coroutine[object, object, object]]) -> Callable[..., object]:
    """Return a coroutine function that never waits as a plain one."""

    def called(*args: object, **named: object) -> object:
        try:
            function(*args, **named).send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("it waits")

    return called


@dataclass(frozen=True, slots=True)
class _Given:
    """A model to be saved. ``ours``: it was opened as the notebook of a task; ``text``: it is a script's text now."""

    model: Json
    ours: bool = False
    text: bool = False


class _Around:
    """What is done to a model when it is read, and when it is saved; of itself, nothing here ever raises."""

    def __init__(self, manager: Contents, log: logging.Logger, local: bool, patience: float) -> None:
        self._manager, self._log, self._local, self._patience = manager, log, local, patience
        self._get, self._save = manager.get, manager.save
        self._waits = inspect.iscoroutinefunction(manager.get)
        self._pipelines: tasks.Pipelines | None = None
        #: Scripts as they were when they were last read or saved here, for those that are gone when they are saved.
        self._texts: dict[Path, bytes] = {}

    async def get(self, path: str, content: bool = True, *args: object, **named: object) -> object:
        """Return the model of a file, as it is opened: with the cell of its task, if it is the notebook of one."""
        named |= zip(("type", "format"), args, strict=False)
        wanted = content and named.get("type") in (None, "notebook") and PurePath(path).suffix
        found = await self._found(path) if wanted else None
        if found is None:
            return await self._asked(self._get, path, content, **named)
        data = await self._own(path)
        try:
            if data is not None:
                # jupytext would read all of it first
                model = await self._asked(self._get, path, False, **{**named, "type": "notebook"})
            else:
                model = await self._asked(self._get, path, True, **named)
        except Exception as error:
            data = await self._aside(self._rescued, path, error)
            model = await self._asked(self._get, path, False, **named)
        return await self._aside(self._opened, model, path, found, data)

    async def save(self, model: Json, path: str = "") -> object:
        """Save a model as the file is to be, without what was shown only."""
        given = await self._aside(self._given, model, path)
        try:
            done = await self._asked(self._save, given.model, path)
        except Exception as error:
            refused = _refused(error, path) if given.ours else None
            if refused is None:
                raise
            raise refused from error
        return await self._asked(self._get, path, False) if given.text else done

    async def _asked(self, function: Callable[..., object], *args: object, **named: object) -> object:
        found = function(*args, **named)
        return await found if inspect.isawaitable(found) else found

    async def _aside(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.to_thread(function, *args) if self._waits else function(*args)

    # ── opened

    async def _found(self, path: str) -> Injection | None:
        """Return what pipelines say about a file; None where it is no task's."""
        try:
            if not self._waits:
                return self._look(path)
            return await asyncio.wait_for(asyncio.to_thread(self._look, path), self._patience)
        except TimeoutError:
            if self._pipelines is None or not self._pipelines.knew(self._file(path)):
                self._log.warning("octavo: %s is opened without looking whether it is a task's", path)
                return None
            return cells.untold(
                "octavo has no answer: does another program keep .octavo/state.db locked?", path
            )
        except Exception:
            self._log.warning("octavo: %s is opened without the values of its task", path, exc_info=True)
            return None

    def _look(self, path: str) -> Injection | None:
        if not documents.is_notebook(path):
            return None
        file = self._file(path)
        if self._pipelines is None:
            self._pipelines = tasks.Pipelines(self._file(""))
        return cells.injection(self._pipelines.of(file), file)

    async def _own(self, path: str) -> Json | None:
        """Return what octavo reads of a script in a percent format that no other file is paired with; else None."""
        try:
            if path.endswith(".ipynb") or not hasattr(self._manager, "paired_notebooks"):
                return None
            config = await self._asked(self._manager.get_config, path)  # type: ignore[attr-defined]
            if self._paired(path) or config.default_formats(path):  # type: ignore[attr-defined]
                return None
            return await self._aside(self._percent, path)
        except Exception:
            self._log.debug("octavo: %s is read by jupytext", path, exc_info=True)
            return None

    def _percent(self, path: str) -> Json | None:
        try:
            own = documents.read(self._file(path), name=path)
        except (Error, Errors):
            return None
        paired = own.data["metadata"].get("jupytext", {}).get("formats")
        return own.data if own.format in ("py:percent", "py:hydrogen") and not paired else None

    def _rescued(self, path: str, error: Exception) -> Json:
        """Return what octavo reads of a notebook that others cannot read, or else raise what is wrong with it."""
        try:
            return documents.read(self._file(path), name=path).data
        except (Error, Errors) as mistakes:
            if getattr(error, "status_code", 500) < 500:
                raise error from None
            raise HTTPError(400, "\n".join(map(str, each(mistakes)))) from error
        except OSError:
            raise error from None

    def _opened(self, model: object, path: str, found: Injection, data: Json | None) -> object:
        """Return a model with the cell; ``data`` is its content where that was not read by the manager."""
        if not isinstance(model, dict) or model.get("type") != "notebook":
            return model
        try:
            text = not path.endswith(".ipynb") and not self._paired(path)
            if text and data is None:
                data = self._percent(path)
            content = model.get("content") if data is None else data
            if not content:
                return model
            if text:
                file = self._file(path)
                self._texts[file] = file.read_bytes()
            content = opened.shown(content, found, local=self._local, script=text)
            own = {} if data is None else {"format": "json", "mimetype": None}
            return {**model, **own, "content": content}
        except Exception:
            self._log.warning("octavo: %s is opened without the values of its task", path, exc_info=True)
            return model

    # ── saved

    def _given(self, model: Json, path: str) -> _Given:
        """Return a model as it is saved, without what was shown only."""
        if model.get("type") != "notebook" or not isinstance(model.get("content"), dict):
            return _Given(model)
        content, ours = model["content"], False
        try:
            count = len(content.get("cells", []))
            content, mark = opened.restored(content)
            ours = mark is not None or len(content["cells"]) < count
            if mark is None or path.endswith(".ipynb") or self._paired(path):
                return _Given({**model, "content": content}, ours)
            file = self._file(path)
            data = self._texts[file] = self._saved(file, content, path, mark.get("kernel"))
            return _Given({"type": "file", **_text(data)}, ours, text=True)
        except Exception:
            self._log.warning("octavo: %s is saved as it would be without octavo", path, exc_info=True)
            return _Given({**model, "content": content}, ours)

    def _saved(self, file: Path, content: Json, path: str, kernel: str | None) -> bytes:
        """Return the text of a script with new cells; of one that is gone or damaged by now, as it was known here."""
        known = self._texts.get(file)
        try:
            now = file.read_bytes()
            if known in (None, now) or _format(now, path) == _format(known, path):
                return script.saved(content, now, path, kernel)
        except (OSError, Error, Errors):
            if known is None:
                raise
        return script.saved(content, known, path, kernel)

    def _file(self, path: str) -> Path:
        found = self._manager._get_os_path(path.strip("/"))  # type: ignore[attr-defined]
        return Path(os.path.realpath(found))

    def _paired(self, path: str) -> bool:
        """Return whether jupytext keeps a notebook in several files, which it alone can do."""
        known: dict[str, tuple[str, str]] = getattr(self._manager, "paired_notebooks", {})
        _, formats = known.get(path.strip("/"), ("", ""))
        return "," in formats


def _refused(error: BaseException, path: str) -> HTTPError | None:
    """Return what a server answers where a file was not saved; None where nobody knows why."""
    cause: BaseException | None = error
    while cause is not None:
        number = cause.errno if isinstance(cause, OSError) else None
        if number in _REFUSALS:
            status, why = _REFUSALS[number]
            return HTTPError(status, f"{path} is not saved: {why}", reason=why)
        if 400 <= getattr(cause, "status_code", 0) < 500:
            return cast(HTTPError, cause)
        cause = cause.__cause__ or cause.__context__
    return None


def _format(data: bytes, path: str) -> str:
    return documents.loads(data, path).format


def _text(data: bytes) -> Json:
    try:
        return {"format": "text", "content": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"format": "base64", "content": base64.b64encode(data).decode("ascii")}
