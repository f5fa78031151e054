"""Who asks: the frame that called into the standard library, and by which of its functions."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import FrameType

#: Where the standard library is. site-packages, with links from there into a project, may stand in it.
STANDARD = os.path.dirname(os.__file__) + os.sep
_OURS = os.path.dirname(__file__) + os.sep
#: Octavo itself, which looks for what it needs; but what text names it looks for on behalf of the task.
_OCTAVO = os.path.dirname(os.path.dirname(os.path.dirname(__file__))) + os.sep
_ON_BEHALF = os.path.join(_OCTAVO, "kinds", "named.py")
#: Modules of Python that look for code: to import it, to show it. The project's code is known otherwise.
_ABOUT_CODE = (
    *(f"<frozen {name}" for name in ("importlib", "zipimport", "runpy", "site")),
    *(
        f"{STANDARD}importlib{os.sep}{name}"
        for name in ("__init__", "_bootstrap", "abc", "machinery", "util")
    ),
    *(
        f"{STANDARD}{name}.py"
        for name in ("linecache", "inspect", "pkgutil", "runpy", "traceback", "warnings")
    ),
    *(f"{STANDARD}{name}.py" for name in ("zipimport", "site", "pdb", "bdb", "tracemalloc")),
)
#: Those that look for more than modules by names: for all modules of a folder, for what is added to the path.
_SEEKING = (f"{STANDARD}pkgutil.py", f"{STANDARD}site.py", "<frozen site>")
#: The same of packages.
_TOOLS = tuple(
    f"-packages{os.sep}{name}{os.sep}"
    for name in (
        "IPython",
        "ipykernel",
        "pkg_resources",
        "setuptools",
        "stack_data",
        "executing",
        "jedi",
        "debugpy",
    )
)
_DEPTH = 40
_PACKAGES = ("/site-packages/", "/dist-packages/")


def of_packages(path: str) -> bool:
    """Return whether a path is in a folder of installed packages."""
    return "-packages/" in path and any(folder in path for folder in _PACKAGES)


#: Modules of Python that read code to run it, or to show where something came from.
_RUNS_OR_SHOWS = (
    "<frozen runpy>",
    *(f"{STANDARD}{name}.py" for name in ("runpy", "traceback", "warnings", "pdb", "bdb", "tracemalloc")),
)
#: What IPython puts in the place of ``open()`` in cells.
_OPEN = "_modified_open"


def reads_text() -> bool:
    """Return whether a file is opened for the user's code to read, not to import, run or show it as code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name, function = frame.f_code.co_filename, frame.f_code.co_name
        if function == _OPEN:
            frame = frame.f_back
            continue
        if name.startswith(_RUNS_OR_SHOWS) or function in ("get_code", "exec_module", "find_spec"):
            return False
        if not name.startswith(("<frozen ", STANDARD, _OURS)) or "-packages" in name:
            mine = not name.startswith(_OCTAVO) and not of_packages(name)
            return mine and not any(tool in name for tool in _TOOLS)
        frame = frame.f_back
    return False


class Asker:
    """``frame`` is that of whoever called the standard library, ``via`` are the functions of it on the way here.

    ``via`` are pairs of a file and a function's name, the innermost first. ``about_code`` tells that it was Python, or
    a tool, that looks for code.
    """

    __slots__ = ("about_code", "frame", "via")
    frame: FrameType | None

    def __init__(self) -> None:
        self.via: list[FrameType] = []
        self.about_code = False
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename.startswith(_OURS):
            frame = frame.f_back
        while frame is not None and len(self.via) < _DEPTH:
            name = frame.f_code.co_filename
            python = name.startswith(("<frozen ", STANDARD)) and "-packages" not in name
            if not python and frame.f_code.co_name != _OPEN:
                break
            if name.startswith(_ABOUT_CODE):
                self.about_code, self.frame = True, frame
                return
            self.via.append(frame)
            frame = frame.f_back
        self.frame = frame
        if frame is not None:
            name = frame.f_code.co_filename
            own = name.startswith(_OCTAVO) and name != _ON_BEHALF
            self.about_code = own or any(tool in name for tool in _TOOLS)

    def seeks(self) -> str:
        """Return which function of ``pkgutil`` or ``site`` looks for code; "" if none, or on behalf of a tool."""
        frame = self.frame
        if frame is None or frame.f_code.co_filename not in _SEEKING:
            return ""
        return "" if _for_tools(frame) else frame.f_code.co_name

    def is_own(self) -> bool:
        """Return whether it is the user's code: of neither Python nor octavo, nor of an installed package."""
        return (
            self.frame is not None and not self.about_code and not of_packages(self.frame.f_code.co_filename)
        )

    def names(self) -> list[str]:
        """Return the names of the functions of the standard library, the innermost first."""
        return [frame.f_code.co_name for frame in self.via]


def _library(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the frames of the standard library from one on, outwards."""
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(("<frozen ", STANDARD)) or "-packages" in name:
            return
        yield frame
        frame = frame.f_back


def _for_tools(frame: FrameType | None) -> bool:
    """Return whether what the standard library does in a frame is done for octavo or a tool."""
    for inner in _library(frame):
        frame = inner.f_back
    name = "" if frame is None else frame.f_code.co_filename
    own = name.startswith(_OCTAVO) and name != _ON_BEHALF
    return own or any(tool in name for tool in _TOOLS)
