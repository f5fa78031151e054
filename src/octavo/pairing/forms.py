"""The formats of notebooks, by the names that jupytext gives them, and what its configuration says of a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from .. import notebook as documents
from .. import products
from ..dataclass import dataclass
from ..errors import Error
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..model import Json

with lazy_imports():
    from . import rules

#: Files that configure jupytext, in the order in which it looks for them; with a dot in front, too.
_FILES = ("jupytext", "jupytext.toml", "jupytext.yml", "jupytext.yaml", "jupytext.json")
_NAMES = (*_FILES, *(f".{name}" for name in _FILES), ".jupytext.py")
#: What needs no jupytext to be understood.
_OWN = {"ipynb": (".ipynb", ""), "notebook": (".ipynb", "")} | {
    word: (".py", name)
    for word, name in (("py", "percent"), ("py:percent", "percent"), ("py:hydrogen", "hydrogen"))
}


@dataclass(frozen=True, slots=True)
class Form:
    """A format: extension with its dot, jupytext's name of it ("" where the extension says all), and its place.

    ``prefix`` and ``suffix`` say where the file of a pair stands, as in ``scripts///py:percent`` and ``.nb.py``.
    """

    extension: str
    name: str = ""
    prefix: str = ""
    suffix: str = ""

    @property
    def notebook(self) -> bool:
        return self.extension == ".ipynb"

    @property
    def format(self) -> str:
        """Return what ``Notebook.format`` is for it."""
        markdown = self.extension in (".md", ".markdown", ".Rmd", ".qmd")
        named = self.name and not (markdown and self.name not in ("pandoc", "myst"))
        return self.extension.removeprefix(".") + (f":{self.name}" if named else "")

    def __str__(self) -> str:
        place = f"{self.prefix}/" if self.prefix else ""
        return f"{place}{self.suffix + '.' if self.suffix else ''}{self.format}"

    def long(self) -> dict[str, str]:
        """Return jupytext's long form of it."""
        words = {"format_name": self.name, "prefix": self.prefix, "suffix": self.suffix}
        return {"extension": self.extension, **{key: word for key, word in words.items() if word}}


def form(word: str, metadata: Json | None = None) -> Form:
    """Return the format that a word names; "auto" is the script of the notebook's own language. Raises ``Error``."""
    if found := _OWN.get(word.removeprefix(".")):
        return Form(*found)
    return of_long(rules.long_form(word, metadata or {}))


def of_long(found: Mapping[str, str]) -> Form:
    """Return a format by its long form; scripts whose format has no name are percent scripts, as jupytext's are."""
    extension, name = found["extension"], found.get("format_name", "")
    if not name and extension not in (".ipynb", ".md", ".markdown", ".Rmd", ".qmd"):
        name = "percent"
    return Form(extension, name, found.get("prefix", ""), found.get("suffix", ""))


def of_path(path: str) -> Form:
    """Return the format that the name of a file stands for. Raises ``Error``."""
    suffix = PurePath(path).suffix
    if not documents.is_notebook(path):
        hint = did_you_mean(suffix.removeprefix("."), ["ipynb", "py", "md", "Rmd", "R", "jl"])
        raise Error(f'no notebook format has the extension "{suffix}"', path, hint or "say which: --to py")
    return form(suffix.removeprefix("."))


def configuration(path: str) -> rules.Configuration | None:
    """Return what jupytext's configuration says of a file; None where there is none. Raises ``Error``."""
    if not any(map(_configures, _folders(os.path.dirname(os.path.abspath(path))))):
        return None  # jupytext itself takes up to 2 s to be loaded
    return rules.configuration(path)


def _folders(folder: str) -> Iterator[str]:
    """Yield where a configuration may stand: the folder and those above, then the user's and the machine's."""
    yield folder
    while (above := os.path.dirname(folder)) != folder:
        yield (folder := above)
    home = os.path.expanduser("~")
    for base in (os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config:{home}").split(":"):
        yield from (base, os.path.join(base, "jupytext"))
    for base in (os.environ.get("XDG_CONFIG_DIRS") or "/usr/local/share:/usr/share").split(":"):
        yield from (base, os.path.join(base, "jupytext"))


def _configures(folder: str) -> bool:
    if any(os.path.isfile(os.path.join(folder, name)) for name in _NAMES):
        return True
    project = os.path.join(folder, "pyproject.toml")
    return os.path.isfile(project) and b"jupytext" in products.whole(project)
