"""The kinds of tasks: notebooks, functions, scripts, SQL, transfers of data. A member is a file, and a row here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from functools import cache
from typing import Literal, Protocol, runtime_checkable

from .. import plugins
from ..dataclass import dataclass
from ..errors import Error
from ..events import Event
from ..model import Facts, Failure, Source, Task
from .keys import (
    SETTINGS,
    Key,
    Keys,
    as_bytes,
    call,
    is_call,
    is_count,
    is_mapping,
    is_seconds,
    is_size,
    is_text,
    is_texts,
)

#: Takes the events of a running task.
Tell = Callable[[Event], None]


@runtime_checkable
class Overheard(Protocol):
    """A ``Tell`` that adds events of its own, from the task's streams, and lets others listen to all of them."""

    def __call__(self, event: Event, /) -> None: ...
    def listen(self, listener: Tell, /) -> None: ...


class Kind(Protocol):
    """A family of sources: how to read one without running it, and how to run it in a worker.

    Members of other packages are found by entry points of the group ``octavo.kinds``, and bring their ``row``.
    """

    def facts(self, source: Source, data: bytes) -> Facts: ...
    def preload(self, task: Task) -> tuple[str, ...]: ...
    def run(self, task: Task, tell: Tell) -> Failure | None: ...
    def refresh(self, task: Task, root: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Row:
    """What other modules may know of a kind.

    ``source``: what its sources are: notebooks (documents of cells), functions (dotted paths), templates, other code,
    or data (a file, a URL, or nothing at all). ``classes``: its words in ``class:``, the first of them for messages.
    ``suffixes``: files that are of this kind where no class is said, those of ``products`` only where the product ends
    so. ``maker``: the class of its products. ``keys``: keys of a task that mean something to it, and not to all kinds.
    ``executed``: an executed notebook is among its products. ``borrowed``: its products are there already, made by
    nobody. ``beside``: it runs in the folder of its source. ``connects``: it works in a database, with the client of
    its class. ``sends``: and its table is in another one. ``whole``: it never writes into what stands at its product.
    ``version``: raised when it comes to make something else. ``hint``: what to say where its product should be a table.
    """

    source: Literal["notebook", "function", "template", "code", "data"] = "code"
    classes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    maker: str = "File"
    keys: Keys = field(default_factory=dict)
    executed: bool = False
    borrowed: bool = False
    beside: bool = False
    connects: bool = False
    sends: bool = False
    whole: bool = False
    version: int = 1
    hint: str = ""


_HANDLER = Key("CSVIO, ParquetIO, or a dotted path", lambda value: is_text(value) or is_call(value))
_CHUNKS = Key("a whole number above 0, or null", lambda value: value is None or is_count(value), null=True)
_DUMPS = "; to write its rows to a file, a path that ends in .csv or .parquet"

ROWS: Mapping[str, Row] = {
    "notebook": Row(
        "notebook",
        ("NotebookRunner",),
        (".py", ".ipynb", ".md", ".rmd", ".qmd", ".r", ".jl"),
        executed=True,
        keys={
            "cell_timeout": Key("a number of seconds above 0", is_seconds),
            "output_limit": Key(
                'a size such as "20MB", or false for no limit',
                lambda value: value is False or is_size(value),
                turn=as_bytes,
            ),
            "nbconvert_exporter_name": Key(
                "a name, or a mapping of product names to them",
                lambda value: is_text(value) or is_mapping(value),
            ),
            "nbconvert_export_kwargs": SETTINGS,
        },
    ),
    "function": Row(
        "function",
        ("PythonCallable",),
        keys={"serializer": call(), "unserializer": call()},
    ),
    "script": Row("notebook", ("ScriptRunner",), beside=True),
    "shell": Row("template", ("ShellScript",), (".sh",)),
    "dump": Row(
        "template",
        ("SQLDump",),
        (".sql",),
        (".csv", ".parquet"),
        keys={"chunksize": _CHUNKS, "io_handler": _HANDLER},
        connects=True,
        whole=True,
    ),
    "sql": Row("template", ("SQLScript",), (".sql",), maker="SQLRelation", connects=True, hint=_DUMPS),
    "upload": Row(
        "data",
        ("SQLUpload",),
        maker="SQLRelation",
        keys={"chunksize": _CHUNKS, "io_handler": _HANDLER, "to_sql_kwargs": SETTINGS},
        connects=True,
    ),
    "transfer": Row(
        "template",
        ("SQLTransfer",),
        maker="SQLRelation",
        keys={"chunksize": _CHUNKS},
        connects=True,
        sends=True,
    ),
    "copy_from": Row(
        "data",
        ("PostgresCopyFrom",),
        maker="PostgresRelation",
        keys={"io_handler": _HANDLER, "columns": Key("a list of names", is_texts)},
        connects=True,
    ),
    "download": Row("data", ("DownloadFromURL",)),
    "link": Row("data", ("Link", "Input"), borrowed=True),
    "upload_s3": Row(
        "data",
        ("UploadToS3",),
        maker="GenericProduct",
        keys={
            "bucket": Key("a string", is_text),
            "client_kwargs": SETTINGS,
            "upload_file_kwargs": SETTINGS,
        },
    ),
}

#: What a word of ``class:`` is here.
CLASSES: Mapping[str, str] = {word: name for name, row in ROWS.items() for word in row.classes}


def row(kind: str) -> Row:
    """Return the row of a kind, of another package too; an unknown one is an error with a hint."""
    return ROWS.get(kind) or _row_of_another(kind)


@cache
def _row_of_another(kind: str) -> Row:
    found = getattr(plugins.member("kinds", kind, ROWS), "row", None)
    if isinstance(found, Row):
        return found
    hint = "what the entry point names needs an attribute row, an octavo.kinds.Row"
    raise Error(f'the kind "{kind}" has no row', hint=hint)


def word(kind: str) -> str:
    """Return the word of the dialect for a kind."""
    classes = row(kind).classes
    return classes[0] if classes else kind


def words(kind: str) -> str:
    """Return a kind's word, with its version where that is not the first."""
    version = row(kind).version
    return word(kind) if version == 1 else f"{word(kind)} {version}"


def versions(names: Iterable[str]) -> dict[str, int]:
    """Return the versions of those kinds among some that other packages bring."""
    return {name: row(name).version for name in sorted({*names} - ROWS.keys())}


def brought(name: str) -> bool:
    """Return whether another package brings a kind of this name."""
    return name in plugins.brought("kinds")


def claiming(suffix: str, product: object) -> str | None:
    """Return the kind of a file that ends so, where no class is said."""
    for name, one in ROWS.items():
        fits = not one.products or (isinstance(product, str) and product.endswith(one.products))
        if suffix in one.suffixes and fits:
            return name
    return None


def claiming_elsewhere(suffix: str) -> str | None:
    """Return the kind of another package that takes files which end so."""
    return next((name for name in plugins.brought("kinds") if suffix in row(name).suffixes), None)
