"""Find the language and the kernel of a notebook, by its metadata or the extension of its file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..model import Json

if TYPE_CHECKING:
    from ..notebook.cells import Notebook

#: Extension → language and kernel, for notebooks whose metadata name none.
_EXTENSIONS = {
    "r": ("R", "ir"),
    "rmd": ("R", "ir"),
    "jl": ("julia", None),
    "sh": ("bash", "bash"),
    "scala": ("scala", None),
    "js": ("javascript", None),
    "ts": ("typescript", None),
    "rb": ("ruby", None),
    "rs": ("rust", None),
    "cs": ("csharp", None),
    "fs": ("fsharp", None),
    "ps1": ("powershell", None),
    "m": ("matlab", None),
}
#: Start of a kernel's name → language, for kernelspecs that do not tell their language.
_KERNELS = {
    "python": "python",
    "xpython": "python",
    "ir": "R",
    "xr": "R",
    "julia": "julia",
    "bash": "bash",
    "scala": "scala",
    "almond": "scala",
    "javascript": "javascript",
    "deno": "typescript",
    "tslab": "typescript",
    "jslab": "javascript",
    "ruby": "ruby",
    "rust": "rust",
    ".net-csharp": "csharp",
    ".net-fsharp": "fsharp",
    ".net-powershell": "powershell",
    "matlab": "matlab",
    "octave": "octave",
}


def language_of(notebook: Notebook) -> tuple[str, str | None]:
    """Return language and kernel, from the metadata or else from the file's extension."""
    metadata = _table(notebook.data, "metadata")
    spec = _table(metadata, "kernelspec")
    extension = notebook.path.rpartition(".")[2].lower()
    language, kernel = _EXTENSIONS.get(extension, ("python", None))
    if main := _table(metadata, "jupytext").get("main_language"):
        language, kernel = main, kernel if main == language else None
    name = str(spec.get("name") or "")
    named = spec.get("language") or _table(metadata, "language_info").get("name")
    if not named and name:
        # "ir" is not "iruby", and "python3" is "python".
        named = next(
            (
                word
                for start, word in _KERNELS.items()
                if re.match(f"{re.escape(start)}(?![a-z])", name, re.I)
            ),
            None,
        )
    if named:
        kernel = kernel if _normal(str(named)) == language else None
        language = str(named)
    return _normal(language), name or kernel


def _table(data: Json, key: str) -> Json:
    """Return a part of the metadata; nothing keeps a tool from writing something else in its place."""
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _normal(language: str) -> str:
    lower = language.lower()
    return {
        "r": "R",
        "ipython": "python",
        "python3": "python",
        "c#": "csharp",
        "f#": "fsharp",
        "pwsh": "powershell",
    }.get(lower, lower)
