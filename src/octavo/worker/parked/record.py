"""Notes what imports do, while they are done."""

from __future__ import annotations

import codecs
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from random import Random
from types import CodeType, MappingProxyType, ModuleType

from .effects import Filters, Loggers
from .lazy import Lazy
from .seen import MISSING, Effect, Seen, Warned, stamp
from .state import DRAWN, FOR_GOOD, State
from .tables import Change, Held, Rearranged, Table, Tables, tables

_STANDARD = os.path.dirname(os.__file__) + os.sep
#: What makes something random when it is imported that is made anew in each worker, or that nobody can tell apart:
#: rich numbers the links of its styles, for terminals. It draws again when it is put back.
RENEWED = ("multiprocessing.process", "rich")


class Recorder:
    """What the imports of a process did, and which is going on. ``wrap.recording`` tells it."""

    def __init__(self, registries: Mapping[str, Held] = MappingProxyType({})) -> None:
        self.seen: dict[str, Seen] = {}
        self.changes: list[Change | Rearranged] = []
        self.environment = dict(os.environ)
        self.filters = Filters()
        self.loggers = Loggers()
        self.callbacks: list[Callable[..., object]] = []
        #: What looks for encodings.
        self.searches: list[Callable[[str], codecs.CodecInfo | None]] = []
        self.finders = set(sys.path_importer_cache)
        #: Generators of random numbers that were seeded by chance.
        self.generators: dict[int, Random] = {}
        self._drawn = False
        #: Extension modules that are in this process for good, also those whose import has failed, by their files.
        self.extensions: dict[str, str] = {}
        #: Whether NumPy makes a generator, seeded by chance.
        self.seeding = False
        self._seeds: list[tuple[dict[str, object], object]] = []
        self.hidden: dict[str, ModuleType] = {}
        self.away: dict[str, ModuleType] = {}
        self._stack: list[Seen] = []
        self._tables = {"": Tables()}
        self.state = State(lambda name: sys.modules.get(name) or self.away.get(name))
        self.base: dict[str, ModuleType] = dict(sys.modules)
        self.attributes = {name: dict(getattr(it, "__dict__", {})) for name, it in self.base.items()}
        self.lazy = Lazy(self.base.values(), self.do)
        self._tables[""].add(Table(name, held) for name, held in registries.items())
        self._tables[""].add(table for module in self.base.values() for table in tables(module))
        self._known = set(self.base)

    # ── which import is going on

    @property
    def top(self) -> Seen | None:
        """The module that is being imported."""
        return self._stack[-1] if self._stack else None

    def begin(self, spec: ModuleSpec) -> Seen:
        """Note that a module is about to be loaded."""
        self.show()
        self.look(whole=not self._stack or self._stack[-1].package != spec.name.partition(".")[0])
        if self._stack:
            self._find_aliases(self._stack[-1])
        seen = Seen(spec.name)
        parent, _, child = spec.name.rpartition(".")
        if parent and not any(each.name == parent for each in self._stack):
            seen.late, seen.prior = True, vars(sys.modules[parent]).get(child, MISSING)
        if isinstance(spec.loader, ExtensionFileLoader):
            seen.extension = spec.origin
        seen.origin = spec.origin or (tuple(spec.submodule_search_locations or ()) or None)
        if spec.origin and os.path.isabs(spec.origin):
            seen.files[spec.origin] = stamp(spec.origin)
        self._stack.append(seen)
        self._known.add(seen.name)
        if seen.extension and not seen.extension.startswith(_STANDARD + "lib-dynload"):
            self._hide(seen)
        return seen

    def end(self, seen: Seen, good: bool) -> None:
        """Note that it was loaded, or failed."""
        self.show()
        above = self._stack[-2] if len(self._stack) > 1 else None
        self.look(whole=above is None or above.package != seen.package)
        self._stack.pop()
        if good:
            seen.module = sys.modules[seen.name]
            self.seen[seen.name] = seen
            self._tables.setdefault(seen.package, Tables()).add(tables(seen.module))
            self.lazy.add(seen.module)
            self.attributes[seen.name] = dict(getattr(seen.module, "__dict__", {}))
            self._find_aliases(seen)
            if seen.name == "numpy.random.bit_generator":
                self._watch_seeds(vars(seen.module))
        else:
            self._known.discard(seen.name)
        if not good and above is not None:  # what it had loaded stays, for whoever asked for it
            above.script += seen.script
            above.absent |= seen.absent
            above.read |= seen.read
            above.unfit = above.unfit or seen.unfit
        if above is not None and above.extension and not above.extension.startswith(_STANDARD):
            self._hide(above, seen.name)

    def _watch_seeds(self, space: dict[str, object]) -> None:
        """See when NumPy asks for a seed: its generators are found, and seeded anew in each worker."""
        own = space.get("randbits")
        if not callable(own):
            return

        def randbits(count: int) -> object:
            self.seeding = True
            try:
                return own(count)
            finally:
                self.seeding = False

        space["randbits"] = randbits
        self._seeds.append((space, own))

    def _find_aliases(self, seen: Seen) -> None:
        there = len(sys.modules) + len(self.away)
        if there > len(self._known):
            for name, module in list(sys.modules.items()):
                if name not in self._known:
                    self._known.add(name)
                    seen.aliases[name] = module
        elif there < len(self._known):
            self._known &= sys.modules.keys() | self.away.keys()

    def _hide(self, seen: Seen, loaded: str = "") -> None:
        """Take away what an extension module has not asked for yet, so that it is seen what it asks for."""
        stay = {each.name for each in self._stack}
        for name in (loaded, *seen.asks):
            stay |= {name[:end] for end, letter in enumerate(name) if letter == "."} | {name}
        for name in self.seen.keys() - stay:
            if (module := sys.modules.pop(name, None)) is not None:
                self.hidden[name] = module

    def begin_anew(self) -> None:
        """Let what is imported next find nothing of what was imported before, unless it imports it, too."""
        for name in self.seen:
            if (module := sys.modules.pop(name, None)) is not None:
                self.away[name] = module
        for seen in reversed(self.seen.values()):
            self.detach(seen)

    def detach(self, seen: Seen) -> None:
        """Take a module away from its parent, or put back what was in its place."""
        if seen.late:
            parent, _, child = seen.name.rpartition(".")
            above = self.seen[parent].module if parent in self.seen else self.base.get(parent)
            space = getattr(above, "__dict__", {})
            if space.get(child, MISSING) is seen.module:
                if seen.prior is MISSING:
                    del space[child]
                else:
                    space[child] = seen.prior

    def bring(self, name: str) -> ModuleType:
        """Return a module that was taken away; with it comes what its import had imported."""
        waiting, found = [name], list[Seen]()
        while waiting:
            each = waiting.pop()
            if each in self.hidden:
                sys.modules[each] = self.hidden.pop(each)
                waiting.append(each.rpartition(".")[0])
            elif each in self.away:
                sys.modules[each] = self.away.pop(each)
                waiting += [each.rpartition(".")[0], *self.seen[each].asks]
                found.append(self.seen[each])
        for seen in found:
            if seen.late:
                parent, _, child = seen.name.rpartition(".")
                setattr(sys.modules[parent], child, seen.module)
        return sys.modules[name]

    def spoilt(self) -> str:
        """Return what this process cannot be rid of any more; "" if nothing."""
        reasons = (seen.unfit for seen in self.seen.values())
        return next((why for why in reasons if why.endswith(FOR_GOOD)), "")

    def all_tables(self) -> Iterator[Table]:
        """Yield all tables that are looked at."""
        for group in self._tables.values():
            yield from group

    def unexplained(self) -> set[str]:
        """Return the modules that are here, and that nobody was seen to import."""
        return sys.modules.keys() - self._known

    def end_all(self) -> None:
        """Bring everything back."""
        self.show()
        sys.modules.update(self.away)
        self.away.clear()
        self.lazy.end()
        for space, own in self._seeds:
            space["randbits"] = own

    def show(self) -> None:
        """Bring back what was taken away."""
        sys.modules.update(self.hidden)
        self.hidden.clear()

    # ── what it does

    def ask(self, name: str, found: object = None, items: Iterable[str] = ()) -> None:
        """Note that the module on top has got another, and some of its names."""
        if not self._stack:
            return
        if warnings.filters is not self.filters.list:
            for effect in self.filters.changes():
                self.do(effect)
        top = self._stack[-1]
        top.script.append(name)
        namespace = getattr(found, "__dict__", {}) if items else {}
        for item in items:
            child = f"{name}.{item}"
            value = namespace.get(item, MISSING)
            if child in sys.modules and (value is MISSING or value is sys.modules[child]):
                top.script.append(child)
            elif callable(value) and name.partition(".")[0] != top.package:
                top.bound[name, item] = value

    def use(self, code: CodeType) -> None:
        """Note which functions and classes of others the module on top names while its code is executed."""
        top = self._stack[-1]
        names = {name for name in _executed(code) if not name.startswith("__")}
        if "modules" in names:
            # what it may look for in sys.modules
            top.peeked.update(text for text in _texts(code) if text not in sys.modules)
        for name in dict.fromkeys(top.asks):
            module = sys.modules.get(name)
            if module is not None and name.partition(".")[0] != top.package:
                namespace = getattr(module, "__dict__", {})
                for item in names & namespace.keys():
                    value = namespace[item]
                    if callable(value):
                        top.bound.setdefault((name, item), value)
                    elif value is sys.modules.get(f"{name}.{item}", MISSING):
                        top.script.append(
                            f"{name}.{item}"
                        )  # by a __getattr__ that may have imported it before

    def do(self, effect: Effect) -> None:
        """Note an effect of the module on top."""
        if self._stack:
            self._stack[-1].script.append(effect)

    def draw(self, again: Effect) -> None:
        """Note that the module on top draws a number that does not matter: the next who draws gets the one after it."""
        if self._stack and self._stack[-1].package in RENEWED:
            self._stack[-1].script.append(again)
            self._drawn = True

    def spoil(self, why: str) -> None:
        """Note why the module on top cannot be kept."""
        if self._stack and not self._stack[-1].unfit:
            self._stack[-1].unfit = why

    def file(self, path: object) -> None:
        """Note that a file was opened or looked for."""
        if self._stack and isinstance(path, str | bytes | os.PathLike):
            path = os.fsdecode(path)
            if not path.endswith((".pyc", ".py", ".so")) and not path.startswith(
                ("/proc/", "/sys/", "/dev/")
            ):
                self._stack[-1].files.setdefault(path, stamp(path))

    def warn(self, message: warnings.WarningMessage) -> None:
        """Note a warning."""
        if self._stack:
            text = str(message.message)
            warned = Warned(
                message.category, text, message.filename, message.lineno, self._named(message.filename)
            )
            self._stack[-1].warned.append(warned)
            self._stack[-1].script.append(warned)

    def _named(self, file: str) -> str:
        modules = (
            seen.name for seen in self._stack if getattr(sys.modules[seen.name], "__file__", "") == file
        )
        return next(modules, file.removesuffix(".py"))

    def look(self, whole: bool) -> None:
        """Charge what has changed since the last look to the module on top; ``whole``: look at all packages."""
        self.lazy.forget()
        for effect in (*self.filters.changes(), *self.loggers.new()):
            self.do(effect)
        top = self.top
        groups = self._tables.values() if whole else [self._tables.get(top.package if top else "", Tables())]
        for group in groups:
            for change in group.changes():
                self.changes.append(change)
                if isinstance(change, Change):
                    self.do(change)
                else:
                    self.spoil(str(change))
        if whole:
            for effect in self.loggers.changes():
                self.do(effect)
            for aspect in self.state.changes():
                if aspect != DRAWN or not self._drawn:
                    self.spoil(f"it changes {aspect}")
            self._drawn = False


def _executed(code: CodeType) -> Iterator[str]:
    """Yield the names that a module's code uses at once, and those of its classes' bodies."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and not constant.co_flags & 0x2:  # a class body makes no new locals
            yield from _executed(constant)


def _texts(code: CodeType) -> Iterator[str]:
    """Yield the texts in a module's code that could be names of modules."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _texts(constant)
        elif isinstance(constant, str) and constant.replace(".", "").isidentifier():
            yield constant
