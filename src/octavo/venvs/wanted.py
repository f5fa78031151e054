"""What an environment of a task is to hold, as its file says: requirements, a project, a lock, a script's own block."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field

from .. import notebook, products
from ..dataclass import dataclass
from ..digests import digest
from ..errors import Error, Place
from ..model import Json, Task
from ..reading.folders import contents
from ..reading.versions import normal

#: Inline script metadata, as its specification finds it:
#: https://packaging.python.org/en/latest/specifications/inline-script-metadata/
_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
#: What stands in every file that has one.
MARK = b"# /// script"
#: Where juv keeps the lock of a notebook, in its metadata.
_JUV = "uv.lock"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_INCLUDED = re.compile(r"(-r|-c|--requirement|--constraint)(?:\s+|=)(.+)")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s+|=)(.+)")
_CONDA = (
    "for packages of conda, make a kernel of its environment (python -m ipykernel install --name NAME), "
    "and write kernel: NAME"
)


@dataclass(frozen=True, slots=True)
class Needs:
    """What is to be installed: lines of a requirements file, and versions that bind whatever comes along.

    ``python`` is a specifier, or "". ``files`` are what says it, there or not, relative to the project, and
    ``places`` where each line stands. ``local`` are files and folders that are installed from here. ``digest``
    is that of all of it.
    """

    name: str
    digest: str
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    python: str = ""
    files: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    local: tuple[str, ...] = ()


def of_task(task: Task, root: str) -> Needs | None:
    """Return what the environment of a task is to hold, as it was when the task was planned; None for octavo's own."""
    said = task.own.get("environment")
    if not said:
        return None
    found = wanted(root, said["from"])
    if found.digest != said["digest"]:
        raise Error(
            f'the environment "{found.name}" was edited since the build began', found.name, "build again"
        )
    return found


def block(data: bytes, path: str) -> str | None:
    """Return the block of a script or notebook that says what it needs (PEP 723), without its comment signs."""
    if MARK not in data:
        return None
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    texts = [text]
    if not path.endswith(".py"):
        cells = notebook.loads(data, path).cells
        texts = [str(cell["source"]) for cell in cells if cell.get("cell_type") == "code"]
    found = [match for one in texts for match in _BLOCK.finditer(f"{one}\n") if match["type"] == "script"]
    if len(found) > 1:
        raise Error("it has several blocks of script metadata", path, "one block says all that it needs")
    lines = found[0]["content"].splitlines() if found else []
    return "".join(f"{line[2:]}\n" for line in lines) if found else None


def is_script(name: str) -> bool:
    """Return whether a file is a script or notebook, which says what it needs in a block of its own."""
    return bool(notebook.is_notebook(name))


def lock_of(name: str) -> str:
    """Return where the lock of a requirements file is: envs/gpu.lock for envs/gpu.txt."""
    return f"{os.path.splitext(name)[0]}.lock"


def wanted(root: str, name: str, data: bytes | None = None, *, locked: bool = True) -> Needs:
    """Return what a file or folder of a project says of an environment. Raises Error for what it does not say so.

    ``data`` is what stands in a notebook or script, where that is no file. Without ``locked``, what a lock says is
    left out.
    """
    full = os.path.join(root, name)
    reading = _Statements(root, name)
    try:
        if os.path.isdir(full):
            reading.project(os.path.join(full, "pyproject.toml"))
        elif name.endswith((".yml", ".yaml")) or os.path.basename(name) == "conda-lock.yml":
            raise Error("this is an environment of conda, and tasks have those of Python", name, _CONDA)
        elif os.path.basename(name) == "uv.lock":
            reading.project(os.path.join(os.path.dirname(full), "pyproject.toml"))
        elif os.path.basename(name).startswith("pylock.") and name.endswith(".toml"):
            reading.pylock(full)
        elif name.endswith(".toml"):
            reading.project(full)
        elif is_script(name):
            reading.script(full, data)
        else:
            reading.requirements_file(full)
            if locked and lock_of(name) != name and reading.there(lock_of(full)):
                reading.lock_beside(lock_of(full))
    except FileNotFoundError as error:
        missing = os.path.relpath(error.filename, root)
        raise Error(f'there is no {missing}, which the environment "{name}" needs', missing) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Error(f'the environment "{name}" cannot be read: {error}', name) from None
    return reading.done()


class _Statements:
    """Collects what files say."""

    def __init__(self, root: str, name: str) -> None:
        self.root, self.name = root, name
        self.lines: list[str] = []
        self.binding: list[str] = []
        self.python = ""
        self.files: dict[str, None] = {}
        self.places: dict[str, Place] = {}
        self.local: list[str] = []

    def done(self) -> Needs:
        said = json.dumps([self.lines, self.binding, self.python, [_content(path) for path in self.local]])
        said = said.replace(json.dumps(self.root)[1:-1], "")  # the same wherever the project is
        return Needs(
            self.name,
            digest(said),
            tuple(self.lines),
            tuple(self.binding),
            self.python,
            tuple(self.files),
            self.places,
            tuple(os.path.relpath(path, self.root) for path in self.local),
        )

    def there(self, full: str) -> bool:
        """Return whether there is a file; that it is not there is a part of what was read."""
        self.files[os.path.relpath(full, self.root)] = None
        return os.path.isfile(full)

    def _text(self, full: str) -> str:
        self.files[os.path.relpath(full, self.root)] = None
        return contents(full).decode("utf-8-sig")

    def _add(self, line: str, place: Place) -> None:
        self.lines.append(line)
        self.places[line] = place

    def _toml(self, text: str, path: str) -> Json:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise Error(f"it is no TOML: {error}", path) from None

    # ── requirements files

    def requirements_file(self, full: str, binding: bool = False, above: tuple[str, ...] = ()) -> None:
        path = os.path.relpath(full, self.root)
        if full in above:
            raise Error("this requirements file includes itself", path)
        for number, line in _logical(self._text(full)):
            place = Place(path, number, 1)
            if found := _INCLUDED.fullmatch(line):
                there = os.path.normpath(os.path.join(os.path.dirname(full), found[2].strip()))
                self.requirements_file(there, binding or "c" in found[1].lstrip("-")[:1], (*above, full))
            elif binding:
                self.binding.append(line)
            else:
                self._add(self._placed(line, os.path.dirname(full), place), place)

    def lock_beside(self, full: str) -> None:
        """Let the versions of a lock bind that octavo env lock has written."""
        path = os.path.relpath(full, self.root)
        self.binding += [line for _, line in _logical(self._text(full)) if not line.startswith("-")]
        self._covered({normal(found[0]) for line in self.binding if (found := _NAME.match(line))}, path)

    def _covered(self, names: Collection[str], path: str) -> None:
        """Raise an Error for what is wanted and was not when the lock was made."""
        for line in self.lines:
            name = None if line.startswith(("-", "/")) else _NAME.match(line)
            if name and normal(name[0]) not in names:
                hint = "lock it anew: octavo env lock, uv lock or juv lock"
                raise Error(f'the lock has no "{name[0]}"', path, hint)

    def _placed(self, line: str, folder: str, place: Place) -> str:
        """Return a line with the path that it may name made absolute, for it is installed from elsewhere."""
        found = _EDITABLE.fullmatch(line)
        path = found[1].strip() if found else line
        if not (found or path.startswith((".", "/")) or path.endswith((".whl", ".tar.gz"))):
            if line.startswith("-") or _NAME.match(line):
                return line
            raise Error(f'"{line[:60]}" is no requirement', place, "write a line such as pandas>=2.2")
        if "://" in path:
            return line
        path, bracket, extras = path.partition("[")
        full = os.path.normpath(os.path.join(folder, path))
        if not os.path.exists(full):
            raise Error(f"there is no {path} to install", place)
        self.local.append(full)
        return f"{'-e ' if found else ''}{full}{bracket}{extras}"

    # ── projects and scripts

    def project(self, full: str) -> None:
        path = os.path.relpath(full, self.root)
        data = self._toml(self._text(full), path)
        project = data.get("project")
        if not isinstance(project, dict):
            raise Error("it has no [project] that says its dependencies", path)
        self._declared(project, data, os.path.dirname(full), path)
        lock = os.path.join(os.path.dirname(full), "uv.lock")
        if self.there(lock):
            self._lock(self._text(lock), os.path.relpath(lock, self.root))

    def script(self, full: str, data: bytes | None) -> None:
        path = os.path.relpath(full, self.root)
        data = contents(full) if data is None else data
        self.files[path] = None
        said = block(data, path)
        if said is None:
            hint = "begin a cell with # /// script, or name a requirements file"
            raise Error("it has no block that says what it needs (PEP 723)", path, hint)
        table = self._toml(said, path)
        self._declared(table, table, os.path.dirname(full), path)
        beside = f"{full}.lock"
        if path.endswith(".ipynb"):
            metadata = notebook.loads(data, path).data.get("metadata") or {}
            if isinstance(lock := metadata.get(_JUV), str):
                self._lock(lock, path)
        elif self.there(beside):
            self._lock(self._text(beside), os.path.relpath(beside, self.root))

    def _declared(self, said: Json, data: Json, folder: str, path: str) -> None:
        listed, python = said.get("dependencies", []), said.get("requires-python", "")
        if not (isinstance(listed, list) and all(isinstance(one, str) for one in listed)):
            raise Error("its dependencies must be a list of texts", path, 'dependencies = ["pandas>=2"]')
        if not isinstance(python, str):
            raise Error("requires-python must be a text", path, 'requires-python = ">=3.11"')
        self.python = python
        sources = ((data.get("tool") or {}).get("uv") or {}).get("sources") or {}
        known = {normal(name): source for name, source in sources.items()}
        for line in listed:
            name = _NAME.match(line)
            source = known.get(normal(name[0])) if name else None
            self._add(self._from(name[0], source, folder, path) if name and source else line, Place(path))

    def _from(self, name: str, source: object, folder: str, path: str) -> str:
        """Return a requirement that is had from where [tool.uv.sources] says."""
        said = source if isinstance(source, dict) else {}
        if there := said.get("path"):
            full = os.path.normpath(os.path.join(folder, str(there)))
            if not os.path.exists(full):
                raise Error(f"there is no {there}, from where {name} is to be installed", path)
            self.local.append(full)
            return f"-e {full}" if said.get("editable") else f"{name} @ file://{full}"
        if git := said.get("git"):
            revision = next((said[key] for key in ("rev", "tag", "branch") if key in said), "")
            return f"{name} @ git+{git}{'@' if revision else ''}{revision}"
        if url := said.get("url"):
            return f"{name} @ {url}"
        what = ", ".join(said) or "no mapping"
        hint = "path, git and url are; a requirements file may name an index by --extra-index-url"
        raise Error(f'the source of "{name}" is not understood here: {what}', path, hint)

    # ── locks

    def _lock(self, text: str, path: str) -> None:
        """Let the versions of a uv.lock bind; where it has several of one package, each under its markers."""
        packages = _listed(self._toml(text, path), "package", path)
        names = {normal(str(one.get("name"))) for one in packages}
        self._covered(names, path)
        for one in packages:
            if "registry" in (one.get("source") or {}) and "version" in one:
                markers = " or ".join(f"({marker})" for marker in one.get("resolution-markers", ()))
                self.binding.append(f"{one['name']}=={one['version']}{' ; ' if markers else ''}{markers}")

    def pylock(self, full: str) -> None:
        """Read a lock of PEP 751."""
        path = os.path.relpath(full, self.root)
        data = self._toml(self._text(full), path)
        self.python = str(data.get("requires-python", ""))
        for one in _listed(data, "packages", path):
            if "version" not in one:
                raise Error(f'"{one.get("name")}" has no version in it', path, "octavo installs versions")
            marker = one.get("marker", "")
            self._add(f"{one['name']}=={one['version']}{' ; ' if marker else ''}{marker}", Place(path))


def _listed(data: Json, key: str, path: str) -> list[Json]:
    found = data.get(key, [])
    if not (isinstance(found, list) and all(isinstance(one, dict) and "name" in one for one in found)):
        raise Error("this is no lock that octavo reads", path, "uv lock, juv lock and uv export write such")
    return found


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a requirements file with their numbers: continued ones as one, without comments."""
    before, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first or number
        if line.endswith("\\"):
            before += line[:-1] + " "
            continue
        whole = re.sub(r"(^|\s)#.*", "", before + line).strip()
        if whole:
            yield first, whole
        before, first = "", 0
    if before.strip():
        yield first, before.strip()


def _content(path: str) -> str | None:
    """Return the digest of what is installed from this disk; caches and what git keeps are none of it."""
    if not os.path.isdir(path):
        return products.digest(path)
    return digest(
        json.dumps([[name, products.file_digest(os.path.join(path, name))] for name in _files(path)])
    )


def _files(folder: str) -> Iterable[str]:
    found = []
    for here, below, names in os.walk(folder):
        below[:] = sorted(it for it in below if not it.startswith(".") and it not in _MADE)
        found += [
            os.path.relpath(os.path.join(here, name), folder) for name in names if not name.endswith(".pyc")
        ]
    return sorted(name for name in found if os.path.isfile(os.path.join(folder, name)))


_MADE = frozenset(("__pycache__", "build", "dist", "node_modules", "venv"))
