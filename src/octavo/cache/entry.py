"""An entry of the cache, what was made from what, and its JSON form."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import field

from ..asked import left_by_tools
from ..dataclass import dataclass
from ..digests import digest
from ..model import Json, Manifest, Task
from ..products import TREE, private, target

#: Entries of another version are not seen: they are in other folders.
VERSION = 3
#: What stands in a list before the place that a link leads to.
_TO = "→"


@dataclass(frozen=True, slots=True)
class Piece:
    """One product: its digest, its size in bytes, and what the digest does not say.

    ``modes`` are the permissions of its files, by their names in the folder ("" for a product that is a file);
    ``folders`` the empty folders in it, ``links`` where links in it lead to: never out of it.
    """

    digest: str
    size: int
    modes: Mapping[str, int]
    folders: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> bool:
        return self.digest.startswith(TREE)

    @property
    def blob(self) -> str:
        """The name of the blob: of a file its bytes, of a folder the list of its files."""
        return self.digest.removeprefix(TREE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One result of a task, and the run that made it.

    ``discovered`` are parts of its manifest that only the run could know: [path, digest]. ``raw`` is the digest of the
    source with comments, markdown and all, which the executed notebook shows.
    """

    task: str
    action: str
    discovered: Mapping[str, tuple[str, str]]
    products: Mapping[str, Piece]
    seconds: float
    run: str
    made_at: float
    raw: str = ""

    @property
    def name(self) -> str:
        """The name of its file. The same result found twice has one name."""
        return digest(_compact([sorted(self.discovered.items()), _products(self)]))

    @property
    def size(self) -> int:
        return sum(piece.size for piece in self.products.values())

    @property
    def path(self) -> str:
        return f"{folder(self.action)}/{self.name}.json"


def action(task: Task, declared: Manifest) -> str:
    """Return the digest of all that is known of a task before it runs."""
    products = [[product.key, product.path, product.executed] for product in task.products]
    return digest(_compact([VERSION, task.name, task.kind, products, sorted(declared.items())]))


def folder(action: str) -> str:
    """Return the folder of an action's entries, relative to the cache."""
    return f"actions/{action[:2]}/{action}"


def encode(entry: Entry) -> bytes:
    """Return an entry as JSON."""
    plain = {
        "version": VERSION,
        "task": entry.task,
        "discovered": entry.discovered,
        "products": _products(entry),
        "seconds": entry.seconds,
        "run": entry.run,
        "made_at": entry.made_at,
        "raw": entry.raw,
    }
    return json.dumps(plain, indent=1, sort_keys=True).encode()


def decode(data: bytes, path: str) -> Entry | None:
    """Return the entry of what ``encode`` made, by the path it was kept at; None if it is not whole.

    It may come from elsewhere: nothing in it may lead outside of a product.
    """
    found, name = path.split("/")[-2:]
    try:
        plain: Json = json.loads(data)
        products = {product: _piece(piece) for product, piece in plain["products"].items()}
        entry = Entry(
            str(plain["task"]),
            found,
            {str(part): (str(path), str(seen)) for part, (path, seen) in plain["discovered"].items()},
            products,
            float(plain["seconds"]),
            str(plain["run"]),
            float(plain["made_at"]),
            str(plain["raw"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    # its name is a digest of what it says, so one that was cut off or changed does not fit
    return entry if f"{entry.name}.json" == name and plain.get("version") == VERSION else None


def _products(entry: Entry) -> dict[str, object]:
    return {
        path: {
            "digest": piece.digest,
            "size": piece.size,
            "modes": dict(piece.modes),
            "folders": list(piece.folders),
            **({"links": dict(piece.links)} if piece.links else {}),
        }
        for path, piece in entry.products.items()
    }


def _piece(plain: Json) -> Piece:
    modes = {str(name): int(mode) & 0o777 for name, mode in plain["modes"].items()}
    links = {str(name): str(to) for name, to in plain.get("links", {}).items()}
    piece = Piece(str(plain["digest"]), int(plain["size"]), modes, tuple(map(str, plain["folders"])), links)
    if not is_name(piece.blob) or not all(map(_inside, piece.folders)) or not _within(links, modes):
        raise ValueError
    return piece


def is_name(text: str) -> bool:
    """Return whether a text can be the name of a blob."""
    return len(text) == 32 and not text.strip("0123456789abcdef")


def listing(
    files: Mapping[str, str], folders: Iterable[str] = (), links: Mapping[str, str] | None = None
) -> bytes:
    """Return the list of a folder's files with their digests, of the empty folders in it, and of links.

    The digest of the list is that of the folder as a product. Links that show a file are in ``files``, too.
    """
    rows = [*files.items(), *((f"{name}/", "") for name in folders)]
    # where a link leads to stands before what it shows
    rows = [(name, f"{_TO}{to}") for name, to in (links or {}).items()] + rows
    lines = (f"{name}\0{said}\n" for name, said in sorted(rows, key=lambda row: row[0]))
    return "".join(lines).encode("utf-8", "surrogateescape")


def listed(data: bytes) -> dict[str, str] | None:
    """Return the files of a list, and what its links show; None if it is none, or names one outside of its folder."""
    files = {}
    for line in data.decode("utf-8", "surrogateescape").split("\n")[:-1]:
        name, _, blob = line.partition("\0")
        if (name.endswith("/") and not blob) or blob.startswith(_TO):
            continue
        if not _inside(name) or not is_name(blob):
            return None
        files[name] = blob
    return files


def _within(links: Mapping[str, str], files: Iterable[str]) -> bool:
    """Return whether links all lead to what is in their folder, and nothing in it is reached through one.

    A name may lead through another link, but not up again from there: that may be anywhere.
    """
    for name, to in links.items():
        steps = to.split("/")
        ups = next((at for at, step in enumerate(steps) if step != ".."), len(steps))
        rest = steps[ups:]
        plain = not rest or _inside("/".join(rest)) or rest == ["."]
        if not _inside(name) or ups > name.count("/") or not plain or {"\n", "\0"} & {*name, *to}:
            return False
    above = {name[:at] for name in (*links, *files) for at, sign in enumerate(name) if sign == "/"}
    return above.isdisjoint(links) and links.keys().isdisjoint(files)


def _inside(name: str) -> bool:
    return all(part not in ("", ".", "..") for part in name.split("/"))


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a product on disk is besides its bytes. ``files`` are their names; of a file just ""."""

    size: int
    modes: Mapping[str, int]
    folders: tuple[str, ...]
    folder: bool
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(self.modes)


def shape(path: str) -> Shape | None:
    """Return what stands at a path; None for nothing, and for what cannot be given back as it was.

    That is a link (what it points to may be shared by others), but for one in a folder to something in it; a pipe or
    socket, a name with a line's end.
    """
    try:
        found = os.lstat(path)
        if stat.S_ISREG(found.st_mode):
            return Shape(found.st_size, {"": found.st_mode & 0o777}, (), False)
        return _tree(path) if stat.S_ISDIR(found.st_mode) else None
    except (OSError, ValueError):
        return None


def _tree(top: str) -> Shape | None:
    size, modes, folders, links = 0, dict[str, int](), list[str](), dict[str, str]()
    real = os.path.realpath(top)
    waiting = [("", top)]
    while waiting:
        prefix, here = waiting.pop()
        with os.scandir(here) as inner:
            items = [item for item in inner if not left_by_tools(item.name)]
        if not items and prefix:
            folders.append(prefix[:-1])
        for item in items:
            found = item.stat(follow_symlinks=False)
            if "\n" in item.name:
                return None
            if stat.S_ISDIR(found.st_mode):
                waiting.append((f"{prefix}{item.name}/", item.path))
            elif stat.S_ISREG(found.st_mode):
                size += found.st_size
                modes[prefix + item.name] = found.st_mode & 0o777
            elif stat.S_ISLNK(found.st_mode):
                links[prefix + item.name] = target(item.path, real)
            else:
                return None
    # one that leads out of the folder shows what may be shared by others
    return Shape(size, modes, tuple(sorted(folders)), True, links) if _within(links, modes) else None


def alike(found: Shape | None, piece: Piece) -> bool:
    """Return whether what stands there is a product but for its bytes; its files may allow less."""
    if found is None or (found.modes.keys(), found.folders, found.links) != (
        piece.modes.keys(),
        piece.folders,
        piece.links,
    ):
        return False
    return all(mode == private(piece.modes[name], mode) for name, mode in found.modes.items())
