"""Load foreign packages and members of families by name, on first use.

This is the one seam where octavo imports late. A family is a table of import strings; other packages add members
through entry points of the group ``octavo.<family>``. A missing optional package becomes an error that says how
to install it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import Error, MissingExtra, did_you_mean

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

#: Which extra brings a module that may be missing.
EXTRAS: dict[str, str] = {
    "fsspec": "remote",
    "nbconvert": "export",
    "obstore": "remote",
    "pandas": "ploomber",
    "sqlalchemy": "sql",
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
    try:
        module = import_module(path)
        return getattr(module, attribute) if attribute else module
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "octavo"):
            raise
        extra = EXTRAS.get(missing)
        hint = f'pip install "octavo[{extra}]"' if extra else f"pip install {missing}"
        raise MissingExtra(f'the package "{missing}" is not installed', hint=hint) from error


def brought(family: str) -> tuple[str, ...]:
    """Return the names of the members of a family that other packages bring."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - 15 ms that only a foreign name should cost

    return tuple(sorted(point.name for point in entry_points(group=f"octavo.{family}")))


def _entry_point(family: str, name: str) -> str | None:
    from importlib.metadata import entry_points  # noqa: PLC0415 - 15 ms that only a foreign name should cost

    found = list(entry_points(group=f"octavo.{family}", name=name))
    return found[0].value if found else None
