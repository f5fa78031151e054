"""A notebook as it is opened: with the cell of its task, and with a kernel that is installed; and back again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Error
from ..kernels import specs
from .cell import MARK, comment, inserted, removed

if TYPE_CHECKING:
    from ..kernels.specs import Kernelspec
    from ..model import Json
    from .cell import Injection


def shown(content: Json, found: Injection, *, local: bool, script: bool) -> Json:
    """Return what an editor gets of a notebook; its ``content`` stays as it is.

    A kernel that is not installed is replaced by one of its language, as JupyterLab would ask for one first.
    ``local``: the kernels are those of this machine.
    """
    metadata = dict(content["metadata"])
    own = metadata.get("kernelspec") or {}
    named = own.get("name") or found.kernel
    kernel = _installed(named, found.language) if local else None
    cell = found.cell
    name, title = (kernel.name, kernel.display_name) if kernel else (named, named)
    if name and name != own.get("name") and (kernel or not own):
        metadata["kernelspec"] = {"name": name, "display_name": title, "language": found.language}
    if local and named and (kernel is None or kernel.name.lower() != named.lower()):
        instead = f"this opens with {kernel.name}" if kernel else f"and no other of {found.language} is"
        words = comment(f"The kernel {named} is not installed here, {instead}", found.language)
        cell = {**cell, "source": f"{words}\n{cell['source']}"}
    spec = metadata.get("kernelspec") or {}
    if script or spec != own:
        metadata[MARK] = {"kernel": spec.get("name", named), "was": own or None}
    if (content.get("nbformat", 4), content.get("nbformat_minor", 5)) < (4, 5):
        cell = {key: value for key, value in cell.items() if key != "id"}
    return {**content, "metadata": metadata, "cells": inserted(content["cells"], cell)}


def restored(content: Json) -> tuple[Json, Json | None]:
    """Return what an editor has of a notebook without what was shown only; and the mark that it had, if any."""
    metadata = dict(content.get("metadata", {}))
    mark = metadata.pop(MARK, None)
    if not isinstance(mark, dict):
        mark = None
    elif (metadata.get("kernelspec") or {}).get("name") == mark.get("kernel"):
        metadata.pop("kernelspec", None)
        if mark.get("was"):
            metadata["kernelspec"] = mark["was"]
    return {**content, "metadata": metadata, "cells": removed(content.get("cells", []))}, mark


def _installed(name: str | None, language: str) -> Kernelspec | None:
    """Return the kernel of a name, else one of its language; None where there is none."""
    for one in (name, None):
        try:
            return specs.find(one, language)
        except Error:
            continue
    return None
