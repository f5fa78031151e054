"""What a folder has of a project already (cookiecutter-data-science's, too): package, pipeline, notebooks."""

from __future__ import annotations

import keyword
import os
import re
import sys
from collections.abc import Iterable

from ..dataclass import dataclass
from ..errors import Error

#: Folders that hold no package of a project, whatever is in them.
_NO_PACKAGE = frozenset(
    ("tests", "test", "docs", "notebooks", "data", "scripts", "models", "reports", "output")
)
#: Names that the project's own dependencies have.
_TAKEN = frozenset(("octavo", "pandas", "pytest", "numpy", *_NO_PACKAGE))


@dataclass(frozen=True, slots=True)
class Existing:
    """What stands in a folder: its package with the folder above that ("src" or ""), and what else a project has."""

    package: str = ""
    above: str = "src"
    pipeline: bool = False
    notebooks: bool = False

    @property
    def inside(self) -> str:
        """The folder of the package."""
        return "/".join(filter(None, (self.above, self.package)))


def found(root: str) -> Existing:
    """Look at a folder: the first package below src, or beside its other folders."""
    package, above = "", "src"
    for place in ("src", ""):
        if names := sorted(_packages(os.path.join(root, place))):
            package, above = names[0], place
            break
    folders = [root, os.path.join(root, "notebooks")]
    notebooks = any(name.endswith(".ipynb") for folder in folders for name in _names(folder))
    notebooks = notebooks or any(name.endswith(".py") for name in _names(folders[1]))
    return Existing(package, above, os.path.lexists(os.path.join(root, "pipeline.yaml")), notebooks)


def package_name(name: str) -> str:
    """Return the name of the package of a project: "Sales report" becomes sales_report. Raises Error for none."""
    text = re.sub(r"\W+", "_", name.strip(), flags=re.ASCII).strip("_").lower()
    return checked_package(text, name)


def checked_package(text: str, name: str) -> str:
    """Return a name that a package can have; raise Error for any other."""
    why = ""
    if not text.isidentifier() or not text.isascii() or keyword.iskeyword(text):
        why = "it is not a name in Python"
    elif text in sys.stdlib_module_names or text in _TAKEN:
        why = f'another module is called "{text}"'
    if why:
        raise Error(
            f'a package cannot be called "{name}": {why}', hint="--package NAME gives it another name"
        )
    return text


def _packages(folder: str) -> Iterable[str]:
    for name in _names(folder):
        own = name.isidentifier() and name not in _NO_PACKAGE
        if own and os.path.isfile(os.path.join(folder, name, "__init__.py")):
            yield name


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
