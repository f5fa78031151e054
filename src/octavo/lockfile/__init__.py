"""``octavo.lock``: what committed results were made from, a line for each task, for clones and CI.

Each line is complete in itself, and true for ever: these products were made from that. So lines of two branches can
stand together, and a task is fresh where one of its lines still holds.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping

from .. import parts, products
from ..errors import Error, Place, SpecError
from ..lazy import lazy_imports
from ..model import Record, Step, Task
from ..plan import key_of, why
from ..products import writing
from ..spec import entry, sources
from ..state.key import keyed
from ..state.store import Store
from ..state.written import Written
from . import elsewhere, lines
from .lines import Line

with lazy_imports():
    import subprocess

#: What digests mean, and how lines are written.
VERSION = f"{lines.FORMAT}.{sources.VERSION}"
_HEAD = "# What results were made from. octavo writes this file: commit it with the results. Version "
#: What git does with lines of two branches: it keeps both.
_UNION = "merge=union"


class Lockfile:
    """The lock of a pipeline, as it stands beside its file. What it says is believed as far as it still holds."""

    def __init__(self, pipeline: str, graph: Mapping[str, Task], store: Store, whole: bool) -> None:
        """Read the lock, as ``read`` does; ``whole``: these tasks and their products are all that is to be in it."""
        self.path = entry.lock_of(pipeline)
        self._graph = graph
        self._store = store
        self._whole = whole
        self._keyed = keyed(store.folder)
        self._key = ""
        self._shared: frozenset[str] = frozenset()
        self._texts: dict[str, list[tuple[int, str]]] = {}
        self._known: dict[str, list[Line]] = {}
        self._spoilt: set[int] = set()
        self._head = ""
        self.there = False
        self.read()

    # ── what the store asks, see ``Claims``

    def keys(self) -> Iterable[str]:
        """Return the keys of the records of tasks that lines speak of."""
        return [key_of(self._graph[name]) for name in self._texts if name in self._graph]

    def records(self, key: str) -> list[Record]:
        """Return the records that lines stand for."""
        task = self._graph.get(key.partition("\n")[0])
        if task is None or key_of(task) != key:
            return []
        found = (elsewhere.record(line, task, self._graph, self._own_key()) for line in self._of(task))
        return [record for record in found if record is not None]

    def unproven(self, key: str) -> str:
        """Return why the lock cannot tell whether a task is fresh."""
        name = key.partition("\n")[0]
        if why := next((line.unproven for line in self._lines(name) if line.unproven), ""):
            return f"{self._name} cannot tell: {why}"
        if name in self._graph and self._of(self._graph[name]) and not self.records(key):
            return f"{self._name} cannot tell: its secrets were digested with another OCTAVO_SECRETS_KEY"
        return ""

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield pairs of tasks that have not run here, one before and one after that was seen to use what it makes."""
        ran = self._store.durations()
        said = {name: self._of(self._graph[name]) for name in self._texts if name in self._graph}
        known = {
            name: rows[-1].found
            for name, rows in said.items()
            if rows and key_of(self._graph[name]) not in ran
        }
        makers = {product.path: task.name for task in self._graph.values() for product in task.products}
        makers |= {path: name for name, found in known.items() for path in parts.about(parts.LEFT, found)}
        for name, found in known.items():
            for path in found.values():
                if (maker := makers.get(path)) and maker not in (name, *self._graph[name].upstream):
                    yield maker, name

    def unchanged(self) -> bool:
        """Return whether the file is as it was read."""
        return products.stamp(self.path) == self._stamp

    # ── what people are told

    def lies(self, steps: Mapping[str, Step]) -> Iterator[str]:
        """Yield what the lock says that is not so, and which results it lacks that are fresh by a plan's steps."""
        if self._head != VERSION:
            if self._head:
                yield f"{self._name} is from another version of octavo: octavo build writes it anew"
            else:
                there = "is not whole: its first line is missing" if self.there else "is not there"
                yield f"{self._name} {there}: octavo build writes it"
            return
        for name in self._texts if self._whole else ():
            if name not in self._graph:
                yield f"{self._name} has {name}, which is no task of the pipeline any more"
            elif (said := [line for line in self._lines(name) if not line.unproven]) and not self._of(
                self._graph[name]
            ):
                yield f"{self._name} has {', '.join(said[-1].products)} of {name}, which makes something else"
        at = parts.Now(self._store, self._graph.values())
        for name in (name for name, step in steps.items() if step.fresh):
            if not (any(line.unproven for line in self._lines(name)) or self._holds(self._graph[name], at)):
                yield f"{self._name} lacks the result of {name}: octavo build writes it"
        for number in sorted(self._spoilt):
            yield f"{self._shown}:{number} is not as octavo has written it: it is not believed"

    def _holds(self, task: Task, at: parts.Now) -> bool:
        """Return whether a line says of a task what is so."""
        known = self.records(key_of(task))
        return any(not why(task, self._graph, self._store, record, at)[0] for record in known)

    def settle(self, steps: Mapping[str, Step]) -> None:
        """Keep the records of tasks that are fresh by the lock alone. Whoever calls this holds the project."""
        ran = self._store.durations()
        for task in (step.task for step in steps.values() if step.fresh):
            if (key := key_of(task)) not in ran and (record := self._store.record(key)) is not None:
                self._store.commit(record)

    # ── writing

    def update(self, names: Collection[str]) -> str | None:
        """Write what the results of tasks were made from, and return a note on a file that is new.

        What is said of others stays for as long as there may be such tasks, with such products. Whoever calls this
        holds the project.
        """
        self.read()
        self._shared = frozenset(Written(self._store))
        now = {name: line for name in names if (line := self._now(name)) is not None}
        found: dict[str, list[Line]] = {}
        for name in {*self._texts, *now}:
            task, said = self._graph.get(name), self._lines(name)
            if task is not None and (self._whole or name in now):
                own = self._of(task)
                others = [line for line in said if line not in own and not (self._whole or line.unproven)]
                found[name] = (
                    [*others, now[name]] if name in now else [*own, *(one for one in said if one.unproven)]
                )
            elif not self._whole:
                found[name] = said
        texts = [
            text
            for name in sorted(found)
            for text in sorted({lines.written(line, VERSION) for line in found[name]})
        ]
        # an empty line between two: git then merges changes of two neighbours without a question
        return self._write(f"{_HEAD}{VERSION}\n" + "".join(f"\n{text}\n" for text in texts))

    def _write(self, content: str) -> str | None:
        if self.there and content == self._content:
            return None
        try:
            writing.write(self.path, [content.encode("utf-8", "surrogatepass")])
        except OSError as error:
            raise Error(f"it cannot be written: {error.strerror}", self._shown) from error
        new = not self.there
        self.read()
        if not new:
            return None
        beside = _merged_by_lines(self.path)
        return f"{self._name} is new: commit it with the results{f', and {beside}' if beside else ''}"

    def _now(self, name: str) -> Line | None:
        """Return the line that stands for the last result of a task; None for none."""
        task = self._graph[name]
        record = self._store.record(key_of(task))
        if record is None or record.state != "done":
            return None
        return elsewhere.line(task, self._graph, record, self._store, self._shared, self._own_key())

    # ── reading

    def read(self) -> None:
        """Read the lock as it is now; raises ``SpecError`` for one that git has left with conflict markers."""
        self._texts, self._known, self._spoilt, self._head = {}, {}, set(), ""
        self._content, self._stamp = "", products.stamp(self.path)
        try:
            with open(self.path, encoding="utf-8", errors="surrogatepass") as file:  # noqa: PTH123 - a str
                self._content = file.read()
        except FileNotFoundError:
            self.there = False
            return
        except (OSError, ValueError) as error:
            words = (error.strerror or error) if isinstance(error, OSError) else "it is not UTF-8"
            raise SpecError(
                f"it cannot be read: {words}", self._shown, "remove it: the next build writes it"
            ) from None
        self.there = True
        for number, text in enumerate(self._content.split("\n"), 1):
            if text.startswith("<<<<<<< "):
                raise SpecError(
                    "the file has merge conflict markers",
                    Place(self._shown, number, 1),
                    "remove the lines of the markers, keep all others, and run octavo build:"
                    f" git does so by itself with a line in .gitattributes: {self._name} {_UNION}",
                )
            if text.startswith(_HEAD):
                self._head = text[len(_HEAD) :].strip()
            elif (name := lines.task_of(text)) is not None:
                self._texts.setdefault(name, []).append((number, text))
            elif text.strip():
                self._spoilt.add(number)

    def _lines(self, name: str) -> list[Line]:
        """Return what lines say of a task; those that octavo has not written are noted."""
        if name not in self._known:
            self._known[name] = []
            for number, text in self._texts.get(name, ()):
                if (line := lines.read(text, VERSION)) is None:
                    self._spoilt.add(number)
                else:
                    self._known[name].append(line)
        return self._known[name]

    def _of(self, task: Task) -> list[Line]:
        """Return what lines say of a task with the products that it has."""
        paths = {product.path for product in task.products}
        return [line for line in self._lines(task.name) if not line.unproven and {*line.products} == paths]

    def _own_key(self) -> str:
        """Return the name of the key that secrets are digested with; it is made only where there are any."""
        if not self._key and any(task.hidden.kept or task.hidden.options for task in self._graph.values()):
            self._key = self._keyed(self._name)
        return self._key

    @property
    def _name(self) -> str:
        return os.path.basename(self.path)

    @property
    def _shown(self) -> str:
        return os.path.relpath(self.path)


def _merged_by_lines(path: str) -> str:
    """Let git keep the lines of both branches when it merges a lock, and say where; "" where that is decided."""
    folder, name = os.path.split(path)
    try:
        asked = ["git", "check-attr", "-z", "merge", "--", name]
        said = subprocess.run(asked, cwd=folder, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    if not said.endswith(b"\0unspecified\0"):
        return ""
    attributes = os.path.join(folder, ".gitattributes")
    try:
        before = products.whole(attributes) if os.path.lexists(attributes) else b""
        lines = [before, b"\n" * (before[-1:] not in (b"", b"\n")), f"{name} {_UNION}\n".encode()]
        writing.write(attributes, lines)
    except (OSError, Error):
        return ""
    return ".gitattributes, which lets git merge it"
