"""Load foreign packages and members of families by name, on first use.

This is the one seam where octavo imports late. A family is a table of import strings; other packages add members
through entry points of the group ``octavo.<family>``. A missing optional package becomes an error that says how
to install it.
"""

from __future__ import annotations

from typing import Any

from .errors import Error
from .hints import did_you_mean
from .lazy import imported, lazy_imports

with lazy_imports():
    from importlib import metadata  # 15 ms that only a foreign name should cost


FAMILIES: dict[str, dict[str, str]] = {
    "kinds": {
        "notebook": "octavo.kinds.notebook:KIND",
        "function": "octavo.kinds.function:KIND",
        "script": "octavo.kinds.script:KIND",
        "shell": "octavo.kinds.shell:KIND",
        "sql": "octavo.kinds.sql:KIND",
        "dump": "octavo.kinds.dump:KIND",
        "upload": "octavo.kinds.upload:KIND",
        "transfer": "octavo.kinds.transfer:KIND",
        "copy_from": "octavo.kinds.copy_from:KIND",
        "download": "octavo.kinds.download:KIND",
        "link": "octavo.kinds.link:KIND",
        "upload_s3": "octavo.kinds.upload_s3:KIND",
    },
    "kernels": {
        "native": "octavo.kernels.native:open_kernel",
        "jupyter": "octavo.kernels.jupyter:open_kernel",
    },
    "executors": {
        "local": "octavo.executors.local:Local",
        "inline": "octavo.executors.inline:Inline",
    },
}


def get(family: str, name: str) -> Any:
    """Return the member of a family; unknown names and missing packages are errors with a hint."""
    members = FAMILIES[family]
    target = members.get(name) or _entry_point(family, name)
    if target is None:
        known = ", ".join(sorted(members))
        raise Error(
            f'there is no {family[:-1]} "{name}"', hint=did_you_mean(name, members) or f"there are: {known}"
        )
    return load(target)


def load(target: str) -> Any:
    """Return the object that ``package.module:name`` stands for, or the module where no name is given."""
    path, _, attribute = target.partition(":")
    module = imported(path)
    return getattr(module, attribute) if attribute else module


def brought(family: str) -> tuple[str, ...]:
    """Return the names of the members of a family that other packages bring."""
    return tuple(sorted(point.name for point in metadata.entry_points(group=f"octavo.{family}")))


def _entry_point(family: str, name: str) -> str | None:
    found = list(metadata.entry_points(group=f"octavo.{family}", name=name))
    return found[0].value if found else None
