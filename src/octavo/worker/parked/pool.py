"""The modules that were imported ahead: which of them can be kept for tasks, and what comes with each."""

from __future__ import annotations

import atexit
import codecs
import gc
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from functools import partial
from os import getcwd, getpid
from random import Random
from types import ModuleType
from typing import Protocol

from ...dataclass import dataclass
from .effects import Variable
from .record import Recorder
from .seen import MISSING, Effect, Seen
from .tables import Change

_OURS = __name__.partition(".")[0]


class Generator(Protocol):
    """A generator of random numbers: Python's, or one of NumPy's of the old kind; those of the new have no ``seed``."""

    def seed(self) -> None: ...

    def get_state(self, *, legacy: bool) -> tuple[str, Sequence[int], int, int, float]: ...


@dataclass(slots=True, eq=False)
class Closure:
    """A module with all that is imported with it, in order, and what else these imports do."""

    order: list[Seen] = field(default_factory=list)
    effects: list[tuple[Seen, Effect]] = field(default_factory=list)
    #: Modules that were there before, by name.
    base: dict[str, ModuleType] = field(default_factory=dict)


class Pool:
    """What was recorded, taken out of ``sys.modules`` by ``park``."""

    def __init__(self, recorder: Recorder) -> None:
        self.environment = recorder.environment
        #: Environment variables that imports write, with their values, also those that are not kept.
        self.written = {
            (effect.name, effect.value)
            for seen in recorder.seen.values()
            for effect in seen.script
            if isinstance(effect, Variable)
        }
        self.folder = getcwd()
        self.base = recorder.base
        self.recorder = recorder
        self.owner = {alias: seen.name for seen in recorder.seen.values() for alias in seen.aliases}
        self.seen: dict[str, Seen] = {}
        self.left: dict[str, str] = {}
        self._closures: dict[str, Closure] = {}
        self._generators: list[Random | Generator] = []
        #: Finders that imports put into ``sys.meta_path``.
        self.finders = [
            value
            for change in recorder.changes
            if isinstance(change, Change) and change.table.name == "sys.meta_path"
            for _, value in change.new
        ]

    def park(self, entries: Iterable[str]) -> None:
        """Take out what was imported, and undo what the imports did; prepare for what tasks will ask for."""
        recorder = self.recorder
        self._generators = [*recorder.generators.values(), *_generators_of_numpy()]
        _undo_patches(recorder)
        for seen in recorder.seen.values():
            _adapt(seen)
        self.left = unfit(recorder)
        self.seen = {name: seen for name, seen in recorder.seen.items() if name not in self.left}
        self._undo(recorder)
        recorder.state.reset()
        for seen in reversed(recorder.seen.values()):
            for name in (seen.name, *seen.aliases):
                sys.modules.pop(name, None)
            if seen.late:
                recorder.detach(seen)
        self._clean(recorder)
        for name in entries:
            if name in self.seen:
                self.closure(name)

    def _undo(self, recorder: Recorder) -> None:
        """Undo the effects of imports, but for those that come with the table itself."""
        inside = set[int]()
        for seen in self.seen.values():
            for effect in seen.script:
                if isinstance(effect, Change) and self._comes_along(effect, seen):
                    inside.add(id(effect))
        for seen in self.seen.values():
            if inside:
                seen.script = [each for each in seen.script if id(each) not in inside]
        self._closures.clear()
        for change in reversed(recorder.changes):
            if id(change) not in inside:
                change.undo()
        recorder.filters.reset()
        recorder.loggers.reset()
        for function in recorder.callbacks:
            atexit.unregister(function)
        for search in recorder.searches:
            codecs.unregister(search)
        for name in os.environ.keys() - recorder.environment.keys():
            del os.environ[name]
        os.environ.update(recorder.environment)

    def _comes_along(self, change: Change, seen: Seen) -> bool:
        """Return whether who has the table that was changed has the change as well, always."""
        owner, _, _ = change.table.name.partition(".")
        root = self.seen.get(owner)
        return root is not None and any(each is seen for each in self.closure(owner).order)

    def _clean(self, recorder: Recorder) -> None:
        """Take away what was left in modules that were there before."""
        for name, module in self.base.items():
            before = recorder.attributes[name]
            now = getattr(module, "__dict__", {})
            if name in ("sys", "builtins", "__main__") or name.startswith(f"{_OURS}."):
                continue
            if not isinstance(module, ModuleType) or len(now) == len(before):
                continue
            for each in [each for each in now if each not in before]:
                del now[each]
        for path in [path for path in sys.path_importer_cache if path not in recorder.finders]:
            del sys.path_importer_cache[path]

    # ── what belongs together

    def closure(self, name: str) -> Closure:
        """Return what comes with a module."""
        if (found := self._closures.get(name)) is None:
            found = self._closures[name] = self._walk(name)
        return found

    def _walk(self, name: str) -> Closure:
        found, known = Closure(), set[str]()
        stack: list[Iterator[str | Effect]] = [iter((name,))]
        whose: list[Seen | None] = [None]
        while stack:
            each = next(stack[-1], None)
            if each is None:
                stack.pop()
                whose.pop()
                continue
            if not isinstance(each, str):
                seen = whose[-1]
                assert seen is not None
                found.effects.append((seen, each))
                continue
            each = self.owner.get(each, each)
            if each in known:
                continue
            if (seen := self.seen.get(each)) is None:
                if each in self.base:
                    known.add(each)
                    found.base[each] = self.base[each]
                continue
            parent = each.rpartition(".")[0]
            if parent and parent not in known and parent in self.seen:
                stack.append(iter((parent, each)))
                whose.append(None)
                continue
            known.add(each)
            found.order.append(seen)
            stack.append(iter(seen.script))
            whose.append(seen)
        return found

    def renew(self) -> None:
        """Seed anew what chance has seeded: no two processes have the same."""
        for generator in self._generators:
            bits = getattr(generator, "bit_generator", None)
            if bits is None:
                generator.seed()
            else:
                fresh = type(bits)()
                bits.__setstate__((fresh.state, fresh.seed_seq))
        if "multiprocessing.process" in self.seen:
            process = self.seen["multiprocessing.process"].module.current_process()
            process.authkey = os.urandom(32)


def _undo_patches(recorder: Recorder) -> None:
    """Put back functions and classes of modules that others have replaced by their own: these are not kept.

    What they have replaced in classes is replaced again with them.
    """
    for name, before in recorder.attributes.items():
        seen = recorder.seen.get(name)
        space = getattr(recorder.base[name] if seen is None else seen.module, "__dict__", {})
        for key, value in list(space.items()):
            old = before.get(key, MISSING)
            if value is old or key.startswith("__") or isinstance(value, ModuleType):
                continue
            by = recorder.seen.get(getattr(value, "__module__", None) or "")
            if by is None or by.package == name.partition(".")[0]:
                continue
            by.unfit = by.unfit or f"it replaces {name}.{key}"
            if old is MISSING:
                del space[key]
            else:
                space[key] = old
    for table in recorder.all_tables():
        for key, old, new in table.replaced():
            assert table.target is not None
            value = getattr(new, "__func__", None) or getattr(new, "fget", None) or new
            by = recorder.seen.get(getattr(value, "__module__", None) or "")
            if by is not None and by.package != table.target.__module__.partition(".")[0]:
                setattr(table.target, key, old)
                by.script.append(partial(setattr, table.target, key, new))


def _adapt(seen: Seen) -> None:
    """Let attributes that hold the working directory or the process's number hold those of the task."""
    space = getattr(seen.module, "__dict__", {})
    for wanted, now, look in ((seen.where, getcwd(), getcwd), (seen.number, getpid(), getpid)):
        held = (
            [name for name, value in space.items() if type(value) is type(now) and value == now]
            if wanted
            else []
        )
        if held:
            seen.script.append(_Held(space, tuple(held), look))


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    space: dict[str, object]
    names: tuple[str, ...]
    look: Callable[[], object]

    def __call__(self) -> None:
        for name in self.names:
            self.space[name] = self.look()


def unfit(recorder: Recorder) -> dict[str, str]:
    """Return the modules that cannot be kept, and why: those that depend on one that cannot are among them."""
    seen, why = recorder.seen, dict[str, str]()
    for name, each in seen.items():
        if each.unfit:
            why[name] = each.unfit
        elif sys.modules.get(name) is not each.module:
            why[name] = "it was replaced"
        elif not _installed(each):
            why[name] = "it is not installed, but on the path"
    for name, reason in why.items():
        sys.stderr.write(f"{name} is imported by each task for itself: {reason}\n")
    used_by: dict[str, list[str]] = {}
    owner = {alias: each.name for each in seen.values() for alias in each.aliases}
    for name, each in seen.items():
        for needed in {name.rpartition(".")[0], *each.asks}:
            used_by.setdefault(owner.get(needed, needed), []).append(name)
    waiting = list(why)
    while waiting:
        name = waiting.pop()
        for user in used_by.get(name, ()):
            if user not in why:
                why[user] = why[name]
                waiting.append(user)
    return why


def _installed(seen: Seen) -> bool:
    file = seen.origin
    if not isinstance(file, str) or not os.path.isabs(file):
        return seen.package == _OURS or not isinstance(file, tuple) or all(map(_there, file))
    return seen.package == _OURS or _there(file)


def _there(path: str) -> bool:
    return path.startswith(_STANDARD) or _PACKAGES.search(path) is not None


#: Where what is installed stands, as opposed to what is worked on.
_STANDARD = os.path.dirname(os.__file__) + os.sep
_PACKAGES = re.compile(r"[/\\](site|dist)-packages[/\\]")


def _generators_of_numpy() -> list[Generator]:
    """Return NumPy's generators that chance has seeded, as far as can be told."""
    module = sys.modules.get("numpy.random")
    if module is None:
        return []
    kinds = (module.RandomState, module.Generator)
    shared = module.mtrand._rand  # whoever seeds this one is seen, and not kept
    return [
        each for each in gc.get_objects() if isinstance(each, kinds) and (each is shared or not _fixed(each))
    ]


def _fixed(generator: Generator) -> bool:
    """Return whether a generator was seeded with a number, and not yet used if it is of the old kind."""
    if (bits := getattr(generator, "bit_generator", None)) is not None:
        entropy = bits.seed_seq.entropy
        return not isinstance(entropy, int) or bool(entropy < 1 << 64)
    kind, key, position, *_ = generator.get_state(legacy=True)
    if kind != "MT19937" or position != 624:
        return bool(kind != "MT19937")
    # Knuth's recurrence, by which a number becomes a state
    second: int = (1812433253 * (int(key[0]) ^ (int(key[0]) >> 30)) + 1) & 0xFFFFFFFF
    return second == int(key[1])
