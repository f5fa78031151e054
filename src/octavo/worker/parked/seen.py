"""What one import was seen to do."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import field
from os import stat
from types import ModuleType

from ...dataclass import dataclass

#: Stands for an attribute that was not there.
MISSING = object()

#: What a file looked like: its time of modification, size and inode; None for one that is not there.
Stamp = tuple[int, int, int] | None

#: Something that importing a module did beside making the module, to be done again when it is put back.
Effect = Callable[[], object]


@dataclass(slots=True, eq=False)
class Seen:
    """A module that was imported, and what its import asked for and did."""

    name: str
    module: ModuleType = field(default_factory=lambda: ModuleType("not yet"))
    #: The file of an extension module, which cannot be loaded a second time.
    extension: str | None = None
    #: Names of modules that it asked for and effects, as they came.
    script: list[str | Effect] = field(default_factory=list)
    #: Names that it asked for and that were not there.
    absent: set[str] = field(default_factory=set)
    #: (module, name) → what it bound of others while it was imported.
    bound: dict[tuple[str, str], object] = field(default_factory=dict)
    #: Environment variables that it read; "*": all of them.
    read: set[str] = field(default_factory=set)
    #: Environment variables that it wrote.
    wrote: set[str] = field(default_factory=set)
    #: Files that it opened or looked for.
    files: dict[str, Stamp] = field(default_factory=dict)
    #: Whether it asked for the working directory, or for the number of the process.
    where: bool = False
    number: bool = False
    #: Where it was found: its file, or the folders of a namespace.
    origin: str | tuple[str, ...] | None = None
    #: (logger, level) → whether messages of that level were let through.
    logged: dict[tuple[str, int], bool] = field(default_factory=dict)
    #: Names that it may have looked for in ``sys.modules``, and that were not there.
    peeked: set[str] = field(default_factory=set)
    #: What it warned of.
    warned: list[Warned] = field(default_factory=list)
    #: What its parent had under its name before, where the parent was finished by then.
    prior: object = None
    late: bool = False
    #: Names that it put into ``sys.modules`` without an import.
    aliases: dict[str, ModuleType] = field(default_factory=dict)
    #: Why it cannot be kept for others.
    unfit: str = ""

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    @property
    def asks(self) -> list[str]:
        return [each for each in self.script if isinstance(each, str)]


@dataclass(frozen=True, slots=True, eq=False)
class Warned:
    """A warning that an import gave, whatever the filters made of it."""

    category: type[Warning]
    text: str
    file: str
    line: int
    module: str

    def action(self) -> str:
        """Return what the filters of this moment make of it."""
        for action, message, category, module, line in warnings.filters:
            if (
                (message is None or _matches(message, self.text))
                and issubclass(self.category, category)
                and (module is None or _matches(module, self.module))
                and line in (0, self.line)
            ):
                return action
        return "default"

    def __call__(self) -> None:
        """Give it again."""
        warnings.warn_explicit(self.text, self.category, self.file, self.line, self.module)


def _matches(pattern: re.Pattern[str] | str, text: str) -> bool:
    return pattern == text if isinstance(pattern, str) else pattern.match(text) is not None


def stamp(path: str, follow: bool = True) -> Stamp:
    """Return what a file looks like; of a folder only that it is one."""
    try:
        found = stat(path, follow_symlinks=follow)
    except (OSError, ValueError):
        return None
    if found.st_mode & 0o170000 == 0o040000:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
