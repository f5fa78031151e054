"""Find the pipeline that is meant: a file, folder, pattern, factory or packaged file; and its project."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..dataclass import dataclass
from ..errors import SpecError
from ..hints import did_you_mean, of_windows
from ..lazy import lazy_imports
from ..reading.folders import contents, find_module

with lazy_imports():
    import configparser  # few projects have a setup.cfg
    import glob

    from .. import notebook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SPEC = "pipeline.yaml"
_MISNAMED = ("pipeline.yml", "pipeline.yaml.txt", "Pipeline.yaml")
_START = """create one, for example:

    tasks:
      - source: clean.py
        product: {nb: output/clean.ipynb, data: output/clean.csv}"""

#: Notebooks that a folder is looked through for, as in Ploomber; a README.md there is none.
_NOTEBOOKS = (".py", ".ipynb", ".R", ".r", ".Rmd")


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A pipeline that was found. ``path`` is its file, ``root`` the project, which its paths are relative to.

    Where no file says the pipeline, ``data`` does, and ``path`` is what messages call it.
    """

    path: Path
    root: Path
    data: Any = None  # as pipeline.yaml would have it


def lock_of(pipeline: str) -> str:
    """Return where the lock of a pipeline's file stands: octavo.train.lock beside pipeline.train.yaml."""
    folder, name = os.path.split(pipeline)
    words = [word for word in name.split(".")[:-1] if word != "pipeline"]
    return os.path.join(folder, ".".join(["octavo", *words, "lock"]))


def find(target: str | Path | None = None) -> EntryPoint:
    """Return the pipeline that a person names; None looks in this folder and upwards.

    It may be a file, a folder that has a pipeline.yaml or else notebooks, a pattern of notebooks ("*.py"), the dotted
    path of a function that makes one, or "package::path/pipeline.yaml". When nothing is named, the variable
    ``ENTRY_POINT`` or ``entry-point`` in the section ``[ploomber]`` of the nearest setup.cfg may do.
    """
    here = Path.cwd()
    if target is not None:
        return _named(target, here)
    name = os.environ.get("ENTRY_POINT") or SPEC
    if found := _nearest(name, (here, *here.parents)):
        return found
    if name != SPEC:
        hint = "ENTRY_POINT names it: unset it to use pipeline.yaml"
        raise SpecError(f"there is no {name} in this folder or its parents", hint=hint)
    misnamed = next((one for one in _MISNAMED if (here / one).is_file()), None)
    hint = f"rename {misnamed} to {SPEC}" if misnamed else _START
    raise SpecError(f"there is no {SPEC} in this folder or its parents", hint=hint)


def around(folder: Path, top: Path) -> Iterator[EntryPoint]:
    """Yield the pipelines that a file in a folder may be of, the nearest first, looking no higher than ``top``.

    The first is the one that ``find`` takes there, if any and if it is clear; then all others come whose files are
    named pipeline*.yaml.
    """
    folders = [one for one in (folder, *folder.parents) if one.is_relative_to(top)]
    try:
        first = _nearest(os.environ.get("ENTRY_POINT") or SPEC, folders) if folders else None
    except SpecError:
        first = None
    if first:
        yield first
    for one in folders:
        for file in _others(one):
            if not (first and first.path == file):
                yield EntryPoint(file, _root(file))


def _others(folder: Path) -> list[Path]:
    """Return the files of pipelines of whatever name in a folder, and in the packages whose project it is."""
    inside = [folder]
    inside += [folder / "src" / name for name in _listed(folder / "src")]
    found = [
        one / name
        for one in inside
        for name in _listed(one)
        if name.startswith("pipeline") and name.endswith(".yaml")
    ]
    return sorted(one for one in found if one.is_file())


def _listed(folder: Path) -> list[str]:
    """Return what is in a folder; nothing where there is none, or a stranger may not look into it, as in /home."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _nearest(name: str, folders: Sequence[Path]) -> EntryPoint | None:
    """Return the pipeline of the first of some folders, each within the next, that has one."""
    if _factory(name, folders[0]):
        return _named(name, folders[0])
    for folder in folders:
        if (file := _configured(folder)) is not None:
            return file
    if Path(name).name != name:
        raise SpecError(f'ENTRY_POINT must be a file name without folders: "{name}"')
    return next(filter(None, (_inside(folder, name) for folder in folders)), None)


def _named(target: str | Path, here: Path) -> EntryPoint:
    text = str(target)
    full = Path(os.path.normpath(here / Path(target).expanduser()))
    if full.is_file():
        return EntryPoint(full, _root(full))
    if full.is_dir():
        return _inside(full, SPEC) or _folder(full, text, here)
    if "::" in text:
        return _packaged(text, here)
    if any(sign in text for sign in "*?["):
        return _matching(text, here)
    if _factory(text, here):
        return EntryPoint(here / text, here, {"location": text})
    hint = None
    if full.name == SPEC:
        hint = _START
    elif full.parent.is_dir():
        near = [one.name for one in full.parent.iterdir() if one.suffix in (".yaml", ".yml")]
        hint = did_you_mean(full.name, near)
    module, dot, _ = text.rpartition(".")
    if (
        hint is None
        and dot
        and full.suffix not in (".yaml", ".yml")
        and all(map(str.isidentifier, text.split(".")))
    ):
        hint = f'it is not a function either: there is no module "{module}"'
    raise SpecError(f"there is no pipeline at {text}", hint=of_windows(text) or hint)


# ── files


def _inside(folder: Path, name: str) -> EntryPoint | None:
    """Return the pipeline of a folder: its own file, or that of the package whose project it is."""
    own = folder / name
    packages = _packages(folder, name)
    if own.is_file():
        if packages:
            message = f"the project has two pipelines: {name} and {packages[0].relative_to(folder)}"
            hint = f"rename one of them, for example to pipeline.other.yaml, or choose one: --file {name}"
            raise SpecError(message, hint=hint)
        return EntryPoint(own, _root(own))
    if len(packages) > 1:
        listed = ", ".join(str(one.relative_to(folder)) for one in packages)
        raise SpecError(f"several packages have a pipeline: {listed}", hint="choose one with --file")
    return EntryPoint(packages[0], folder) if packages else None


def _packages(folder: Path, name: str) -> list[Path]:
    """Return the files of this name that stand directly in a package of a project: src/package/pipeline.yaml."""
    if not (folder / "src").is_dir():
        return []
    return [file for one in sorted((folder / "src").iterdir()) if _is_packaged(file := one / name, folder)]


def _is_packaged(file: Path, folder: Path) -> bool:
    if not file.is_file() or file.parent.name.endswith(".egg-info"):
        return False
    # many a folder with a pyproject.toml has pipelines in it, each a project of its own
    modern = (folder / "pyproject.toml").is_file() and (file.parent / "__init__.py").is_file()
    return modern or (folder / "setup.py").is_file()


def _root(file: Path) -> Path:
    """Return the project of a pipeline file: its folder, or the one of the package that it belongs to."""
    package = file.parent
    if package.parent.name == "src" and _is_packaged(file, package.parent.parent):
        return package.parent.parent
    return package


def _configured(folder: Path) -> EntryPoint | None:
    """Return the pipeline that a folder's setup.cfg names."""
    file = folder / "setup.cfg"
    if not file.is_file() or b"[ploomber]" not in (text := contents(str(file))):
        return None
    table = configparser.ConfigParser(interpolation=None)
    try:
        table.read_string(text.decode("utf-8", "replace"))
    except configparser.Error as error:
        raise SpecError(f"it cannot be read: {error.message}", os.path.relpath(file)) from None
    named = table.get("ploomber", "entry-point", fallback="").strip()
    if not named:
        return None
    try:
        return _named(named, folder)
    except SpecError as error:
        raise SpecError(
            f"[ploomber] entry-point: {error.message}", os.path.relpath(file), error.hint
        ) from None


def _packaged(text: str, here: Path) -> EntryPoint:
    package, _, path = text.partition("::")
    origin = find_module(package.strip(), str(here)) if package.strip() else None
    if origin is None:
        raise SpecError(f'{text}: there is no package "{package}"', hint="write the package as in an import")
    file = Path(origin).parent / path.strip()
    if not file.is_file():
        near = did_you_mean(file.name, os.listdir(file.parent)) if file.parent.is_dir() else None
        raise SpecError(f"{text}: there is no {path} in {file.parent}", hint=near)
    # what is installed must not be written to: the project is where one works
    return EntryPoint(file, here if "site-packages" in file.parts else _root(file))


# ── pipelines that no file says


def _folder(folder: Path, text: str, here: Path) -> EntryPoint:
    files = [one for one in sorted(folder.iterdir()) if one.suffix in _NOTEBOOKS and one.is_file()]
    if not files:
        raise SpecError(f"there is no pipeline at {folder / SPEC}", hint=_START)
    return EntryPoint(here / text, here, _of(files, here))


def _matching(text: str, here: Path) -> EntryPoint:
    files = [
        one
        for name in sorted(glob.glob(text, root_dir=here, recursive=True))
        if (one := here / name).is_file()
    ]
    if not files:
        raise SpecError(
            f"no file matches {text}", hint="a pattern matches the notebooks of a pipeline: '*.py'"
        )
    is_notebook = notebook.is_notebook
    if other := [one.name for one in files if not is_notebook(str(one))]:
        raise SpecError(
            f"{text} matches files that are not notebooks: {', '.join(other[:5])}", hint="'*.py', '*.ipynb'"
        )
    return EntryPoint(here / text, here, _of(files, here))


def _of(files: Iterable[Path], here: Path) -> dict[str, object]:
    """Return the pipeline of some notebooks that say themselves what they need and make."""
    return {
        "meta": {"extract_product": True, "extract_upstream": True},
        "tasks": [{"source": os.path.relpath(one, here).replace(os.sep, "/")} for one in files],
    }


def _factory(text: str, here: Path) -> bool:
    """Return whether a text is the dotted path of something in a module that can be found."""
    module, _, name = text.rpartition(".")
    if not module or name in ("yaml", "yml") or not all(part.isidentifier() for part in text.split(".")):
        return False
    return find_module(module, str(here)) is not None
