"""Find a kind by its name: one of ours, or one that another package brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .. import plugins
from ..lazy import lazy_imports
from . import Kind

with lazy_imports():
    from . import (
        copy_from,
        download,
        dump,
        function,
        link,
        notebook,
        script,
        shell,
        sql,
        transfer,
        upload,
        upload_s3,
    )

KINDS: Mapping[str, Callable[[], Kind]] = {
    "notebook": lambda: notebook.KIND,
    "function": lambda: function.KIND,
    "script": lambda: script.KIND,
    "shell": lambda: shell.KIND,
    "sql": lambda: sql.KIND,
    "dump": lambda: dump.KIND,
    "upload": lambda: upload.KIND,
    "transfer": lambda: transfer.KIND,
    "copy_from": lambda: copy_from.KIND,
    "download": lambda: download.KIND,
    "link": lambda: link.KIND,
    "upload_s3": lambda: upload_s3.KIND,
}


def kind(name: str) -> Kind:
    """Return a kind; an unknown name is an error with a hint."""
    if name in KINDS:
        return KINDS[name]()
    found: Kind = plugins.member("kinds", name, KINDS)
    return found
