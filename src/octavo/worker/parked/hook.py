"""Puts modules back when a task imports them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from types import ModuleType
from typing import NoReturn

from .machinery import INTERNAL, bootstrap
from .pool import Pool
from .seen import Effect, Seen
from .surroundings import Circumstances, Conditions, Difference

#: Ends the process: the task must start again where nothing was imported ahead. The argument says why.
Diverged = Callable[[str], NoReturn]


def install(pool: Pool, diverged: Diverged) -> None:
    """Let this process import what was parked."""
    pool.renew()
    pool.recorder.loggers.offer()
    Hook(pool, diverged).install()


class Hook:
    """Stands in Python's import machinery, below all finders, in a worker."""

    def __init__(self, pool: Pool, diverged: Diverged) -> None:
        self._pool = pool
        self._diverged = diverged
        self._surroundings = Circumstances(pool)
        self._back: set[str] = set()
        self._given_up: set[str] = set()
        self._conditions: dict[str, Conditions] = {}
        self._own = bootstrap._find_and_load_unlocked
        self._compiled = {name.partition(".")[0] for name in pool.recorder.extensions.values()}
        self._extensions = pool.recorder.extensions

    def install(self) -> None:
        own_create, refuse = ExtensionFileLoader.create_module, self._refuse

        def _find_and_load_unlocked(name: str, import_: Callable[[str], object]) -> object:
            return self.load(name, import_)

        def create_module(self: ExtensionFileLoader, spec: ModuleSpec) -> ModuleType:
            refuse(spec)
            return own_create(self, spec)

        code = _find_and_load_unlocked.__code__
        _find_and_load_unlocked.__code__ = code.replace(co_filename=INTERNAL)
        bootstrap._find_and_load_unlocked = _find_and_load_unlocked
        ExtensionFileLoader.create_module = create_module  # type: ignore[method-assign]

    def load(self, name: str, import_: Callable[[str], object]) -> object:
        """Return the module of a name that is not in ``sys.modules``."""
        pool = self._pool
        whole = pool.owner.get(name, name)
        seen = pool.seen.get(whole)
        if seen is None or whole in self._back or seen.package in self._given_up:
            return self._own(name, import_)
        parent = name.rpartition(".")[0]
        if parent:
            if parent not in sys.modules:
                bootstrap._call_with_frames_removed(import_, parent)
            if name in sys.modules:
                return sys.modules[name]
            if (above := pool.seen.get(parent)) is not None and sys.modules.get(parent) is not above.module:
                return self._own(name, import_)
        if (difference := self._put_back(whole)) is not None:
            self._give_up(seen.package, difference)
            return self._own(name, import_)
        return sys.modules[name]

    def _put_back(self, name: str) -> Difference | None:
        """Put a module back with all that comes with it, unless a real import would differ; then return how."""
        closure = self._pool.closure(name)
        missing: list[Seen] = []
        for seen in closure.order:
            there = sys.modules.get(seen.name, self)
            if there is self:
                if seen.name in self._back:
                    return Difference(seen.name, "it was taken out of sys.modules")
                if seen.package in self._given_up:
                    return Difference(seen.name, "another one is used")
                missing.append(seen)
            elif there is not seen.module:
                return Difference(seen.name, "another one is in sys.modules")
        for each, module in closure.base.items():
            if sys.modules.get(each) is not module and each != "__main__":
                return Difference(each, "another one is in sys.modules")
        if len(missing) == len(closure.order):
            conditions = self._conditions.get(name) or Conditions.of(missing)
        else:
            conditions = Conditions.of(missing)
        if (difference := self._surroundings.difference(missing, conditions)) is not None:
            return difference
        self._do(missing, closure.effects)
        return None

    def _do(self, missing: list[Seen], effects: list[tuple[Seen, Effect]]) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            found: dict[str, ModuleType] = {}
            for seen in missing:
                found[seen.name] = seen.module
                found |= seen.aliases
            self._back.update(seen.name for seen in missing)
            sys.modules.update(found)  # all at once: another thread sees none or all
            for seen in missing:
                if seen.late:
                    parent, _, child = seen.name.rpartition(".")
                    setattr(sys.modules[parent], child, seen.module)
            done = {id(seen) for seen in missing}
            for seen, effect in effects:
                if id(seen) in done:
                    effect()
            self._surroundings.wrote({name for seen in missing for name in seen.wrote})
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _refuse(self, spec: ModuleSpec) -> None:
        """Start the task again where an extension module would be loaded that is in the process, or another of it."""
        name = self._extensions.get(spec.origin or "")
        if name is not None and name not in self._back:
            self._diverged(f"{name} is in the process already and cannot be loaded twice")
        package = spec.name.partition(".")[0]
        if package in self._given_up and package in self._compiled:
            self._diverged(f"another {package} is in the process already")

    def _give_up(self, package: str, difference: Difference) -> None:
        """Let a package be imported really, where that can be; else start the task again."""
        wanted = {package, difference.module.partition(".")[0]} & {
            seen.package for seen in self._pool.seen.values()
        }
        for each in wanted:
            modules = [seen for seen in self._pool.seen.values() if seen.package == each]
            if any(
                seen.name in self._back or (seen.extension and not difference.elsewhere) for seen in modules
            ):
                self._diverged(f"{difference.module}: {difference.why}")
        self._given_up.add(package)
