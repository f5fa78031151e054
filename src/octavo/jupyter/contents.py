"""Stand around the contents manager of Jupyter's server, whichever it is: tasks are opened and saved through it."""

from __future__ import annotations

import asyncio
import base64
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..lazy import lazy_imports

with lazy_imports():
    # a server starts without what reads pipelines
    from .. import notebook as documents
    from . import cell as cells
    from . import script, tasks

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from ..model import Json
    from .cell import Injection


class Contents(Protocol):
    """What is used of a contents manager; its ``get`` and ``save`` may be coroutines."""

    get: Callable[..., object]
    save: Callable[..., object]


def wrap(manager: Contents, log: logging.Logger) -> None:
    """Replace ``get`` and ``save`` of this one manager, so that all who hold it see what they should.

    A manager whose files are not on this machine's disk stays as it is.
    """
    if not hasattr(manager, "_get_os_path"):
        return
    around = _Around(manager, log)
    if inspect.iscoroutinefunction(manager.get):
        _wrap_coroutines(manager, around)
    else:
        _wrap_functions(manager, around)


def _wrap_coroutines(manager: Contents, around: _Around) -> None:
    get, save = manager.get, manager.save

    async def get_async(path: str, content: bool = True, *args: object, **named: object) -> object:
        model = await get(path, content, *args, **named)  # type: ignore[misc]
        return await asyncio.to_thread(around.got, model, path) if content else model

    async def save_async(model: Json, path: str = "") -> object:
        model, own = await asyncio.to_thread(around.given, model, path)
        done = await save(model, path)  # type: ignore[misc]
        return await get(path, False) if own else done  # type: ignore[misc]

    manager.get, manager.save = get_async, save_async


def _wrap_functions(manager: Contents, around: _Around) -> None:
    get, save = manager.get, manager.save

    def get_here(path: str, content: bool = True, *args: object, **named: object) -> object:
        model = get(path, content, *args, **named)
        return around.got(model, path) if content else model

    def save_here(model: Json, path: str = "") -> object:
        model, own = around.given(model, path)
        done = save(model, path)
        return get(path, False) if own else done

    manager.get, manager.save = get_here, save_here


class _Around:
    """What is done to a model after it was read, and before it is saved; nothing here ever raises."""

    def __init__(self, manager: Contents, log: logging.Logger) -> None:
        self._manager = manager
        self._log = log
        self._pipelines: tasks.Pipelines | None = None

    def got(self, model: object, path: str) -> object:
        """Return a model as it is opened: with the cell of its task, if it is the notebook of one."""
        if not isinstance(model, dict) or model.get("type") != "notebook" or not model.get("content"):
            return model
        try:
            file = self._file(path)
            if self._pipelines is None:
                self._pipelines = tasks.Pipelines(self._file(""))
            found = cells.injection(self._pipelines.of(file), file)
            if found is None:
                return model
            return {**model, "content": self._content(model["content"], file, path, found)}
        except Exception:
            self._log.warning("octavo: %s is opened without the values of its task", path, exc_info=True)
            return model

    def given(self, model: Json, path: str) -> tuple[Json, bool]:
        """Return a model as it is saved, without what was shown only; and whether it has become a script's text."""
        if model.get("type") != "notebook" or not isinstance(model.get("content"), dict):
            return model, False
        content = model["content"]
        try:
            metadata = dict(content.get("metadata", {}))
            mark = metadata.pop(cells.MARK, None)
            content = {**content, "metadata": metadata, "cells": cells.removed(content.get("cells", []))}
            file = self._file(path)
            if (
                not isinstance(mark, dict)
                or path.endswith(".ipynb")
                or not file.is_file()
                or self._paired(path)
            ):
                return {**model, "content": content}, False
            data = script.saved(content, file.read_bytes(), path, mark.get("kernel"))
            return {"type": "file", **_text(data)}, True
        except Exception:
            self._log.warning("octavo: %s is saved as it would be without octavo", path, exc_info=True)
            return {**model, "content": content}, False

    def _file(self, path: str) -> Path:
        found = self._manager._get_os_path(path.strip("/"))  # type: ignore[attr-defined]
        return Path(found).resolve()

    def _paired(self, path: str) -> bool:
        """Return whether jupytext keeps a notebook in two files, which it alone can do."""
        return path.strip("/") in getattr(self._manager, "paired_notebooks", ())

    def _content(self, content: Json, file: Path, path: str, found: Injection) -> Json:
        content = {**content, "cells": list(content["cells"])}
        if not path.endswith(".ipynb") and not self._paired(path):
            own = documents.read(file, name=path)
            if own.format in ("py:percent", "py:hydrogen"):
                content = own.data
                content["metadata"][cells.MARK] = {"kernel": found.kernel}
                if found.kernel and "kernelspec" not in content["metadata"]:
                    shown = "Python 3 (ipykernel)" if found.kernel == "python3" else found.kernel
                    content["metadata"]["kernelspec"] = {
                        "name": found.kernel,
                        "display_name": shown,
                        "language": found.language,
                    }
        cell = found.cell
        if (content.get("nbformat", 4), content.get("nbformat_minor", 5)) < (4, 5):
            cell = {key: value for key, value in cell.items() if key != "id"}
        content["cells"] = cells.inserted(content["cells"], cell)
        return content


def _text(data: bytes) -> Json:
    try:
        return {"format": "text", "content": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"format": "base64", "content": base64.b64encode(data).decode("ascii")}
