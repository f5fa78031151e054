"""Read the version of a project from its files, as text: nothing is imported."""

from __future__ import annotations

import os

from ..lazy import lazy_imports

with lazy_imports():
    import re  # few pipelines ask for the version


def stated_version(root: str, module: str) -> str | None:
    """Return the version of a package in the project, as its files say it: nothing is imported.

    ``module`` is its folder, or its name. A literal ``__version__`` in its ``__init__.py`` counts first, then the
    ``version`` in the project's pyproject.toml or setup.cfg.
    """
    name = module.replace(".", "/")
    folders = [os.path.join(root, module), os.path.join(root, "src", name), os.path.join(root, name)]
    stated = r"""^{0}\s*=\s*["']?([^"'\s#]+)["']?\s*(?:#.*)?$"""
    candidates = [
        *((os.path.join(folder, "__init__.py"), r"__version__(?:\s*:\s*\w+)?") for folder in folders),
        *((os.path.join(root, file), "version") for file in ("pyproject.toml", "setup.cfg")),
    ]
    for file, key in candidates:
        try:
            with open(file, encoding="utf-8") as opened:  # noqa: PTH123 - as everywhere on this path
                found = re.search(stated.format(key), opened.read(), re.MULTILINE)
        except (OSError, UnicodeDecodeError):
            continue
        if found:
            return found[1]
    return None
