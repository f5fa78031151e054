"""What stands around Python's import machinery, and around what imports use, while they are recorded."""

from __future__ import annotations

import atexit
import builtins
import codecs
import importlib
import logging
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from types import CodeType, FunctionType, ModuleType

from ..observe.hook import listen
from .effects import AtExit, Variable
from .machinery import INTERNAL, bootstrap
from .record import RENEWED, Recorder


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Let a recorder see what is imported meanwhile."""
    put: list[tuple[FunctionType, object]] = []
    with ExitStack() as stack:
        for owner, name, wrapper in _PLACES:
            own = getattr(owner, name)
            ours = wrapper(recorder, own)
            assert isinstance(ours, FunctionType)
            ours.__code__ = ours.__code__.replace(co_filename=INTERNAL)
            stack.callback(setattr, owner, name, own)
            setattr(owner, name, ours)
            put.append((ours, own))
        stack.enter_context(_environment(recorder))
        stack.enter_context(_opening(recorder))
        recorder.filters.listen()
        try:
            yield
        finally:
            recorder.end_all()
    # what was imported from such a module meanwhile is the real thing again
    ours_of = {id(ours): own for ours, own in put}
    for seen in recorder.seen.values():
        space = getattr(seen.module, "__dict__", {})
        for name, value in list(space.items()) if isinstance(space, dict) else ():
            if id(value) in ours_of:
                space[name] = ours_of[id(value)]
        seen.bound.update({key: ours_of[id(it)] for key, it in seen.bound.items() if id(it) in ours_of})


# ── importing

Namespace = Mapping[str, object] | None


def _import(recorder: Recorder, own: Callable[..., object]) -> Callable[..., object]:
    resolve, package_of = bootstrap._resolve_name, bootstrap._calc___package__

    def __import__(
        name: str,
        globals: Namespace = None,
        locals: Namespace = None,
        fromlist: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> object:
        found = own(name, globals, locals, fromlist, level)
        if recorder.top is not None:
            whole = resolve(name, package_of(globals), level) if level else name
            recorder.ask(whole, found, fromlist or ())
        return found

    return __import__


def _import_module(recorder: Recorder, own: Callable[..., object]) -> Callable[..., object]:
    def import_module(name: str, package: str | None = None) -> object:
        found = own(name, package)
        level = len(name) - len(name.lstrip("."))
        recorder.ask(bootstrap._resolve_name(name[level:], package or "", level) if level else name)
        return found

    return import_module


def _find(recorder: Recorder, own: Callable[..., object]) -> Callable[..., object]:
    def _find_and_load_unlocked(name: str, import_: Callable[[str], object]) -> object:
        if name in recorder.hidden or name in recorder.away:
            brought = recorder.bring(name)
            recorder.ask(name)
            return brought
        try:
            found = own(name, import_)
        except ModuleNotFoundError as error:
            if error.name == name and recorder.top is not None:
                recorder.top.absent.add(name)
            raise
        recorder.ask(name)
        return found

    return _find_and_load_unlocked


def _load(recorder: Recorder, own: Callable[..., object]) -> Callable[..., object]:
    def _load_unlocked(spec: ModuleSpec) -> object:
        seen = recorder.begin(spec)
        try:
            module = own(spec)
        except BaseException:
            recorder.end(seen, good=False)
            raise
        recorder.end(seen, good=True)
        return module

    return _load_unlocked


def _create(recorder: Recorder, own: Callable[..., ModuleType]) -> Callable[..., object]:
    def create_module(self: ExtensionFileLoader, spec: ModuleSpec) -> ModuleType:
        module = own(self, spec)
        recorder.extensions[str(spec.origin)] = spec.name
        return module

    return create_module


def _call(recorder: Recorder, own: Callable[..., object]) -> Callable[..., object]:
    def _call_with_frames_removed(
        function: Callable[..., object], *arguments: object, **named: object
    ) -> object:
        found = own(function, *arguments, **named)
        if function is exec and isinstance(code := arguments[0], CodeType):
            recorder.use(code)
        return found

    return _call_with_frames_removed


# ── what imports use


def _register(recorder: Recorder, own: Callable[..., object]) -> Callable[..., object]:
    def register(function: Callable[..., object], /, *arguments: object, **named: object) -> object:
        recorder.do(AtExit(function, arguments, named))
        recorder.callbacks.append(function)
        return own(function, *arguments, **named)

    return register


def _search(recorder: Recorder, own: Callable[..., object]) -> Callable[..., object]:
    def register(function: Callable[[str], codecs.CodecInfo | None], /) -> None:
        recorder.do(partial(own, function))
        recorder.searches.append(function)
        own(function)

    return register


def _at_fork(recorder: Recorder, own: Callable[..., object]) -> Callable[..., object]:
    def register_at_fork(**named: Callable[[], object]) -> None:
        top = recorder.top
        # it cannot be undone: a process that has not imported the module does not call it
        own(**(named if top is None else {when: _while_there(top.name, it) for when, it in named.items()}))

    return register_at_fork


def _while_there(name: str, function: Callable[[], object]) -> Callable[[], None]:
    def call() -> None:
        if name in sys.modules:
            function()

    return call


def _seed(recorder: Recorder, own: Callable[..., object]) -> Callable[..., object]:
    def seed(self: random.Random, *arguments: object, **named: object) -> None:
        own(self, *arguments, **named)
        if any(it is not None for it in (*arguments[:1], named.get("a"))):
            recorder.generators.pop(id(self), None)
        else:
            recorder.generators[id(self)] = self

    return seed


def _draw(recorder: Recorder, own: Callable[..., int]) -> Callable[..., object]:
    def draw(*arguments: int) -> int:
        recorder.draw(partial(own, *arguments))
        return own(*arguments)

    return draw


def _enabled(recorder: Recorder, own: Callable[..., bool]) -> Callable[..., object]:
    def isEnabledFor(self: logging.Logger, level: int) -> bool:
        found: bool = own(self, level)
        if recorder.top is not None:
            recorder.top.logged[self.name, level] = found
            if found:
                recorder.spoil("it logs a message")
        return found

    return isEnabledFor


def _show_warning(recorder: Recorder, own: Callable[..., object]) -> Callable[..., object]:
    def _showwarnmsg_impl(message: warnings.WarningMessage) -> None:
        recorder.warn(message)

    return _showwarnmsg_impl


def _look(recorder: Recorder, own: Callable[..., object]) -> Callable[..., object]:
    def look(path: object, *arguments: object, **named: object) -> object:
        recorder.file(path)
        return own(path, *arguments, **named)

    return look


def _where(recorder: Recorder, own: Callable[..., str]) -> Callable[..., object]:
    def getcwd() -> str:
        if recorder.top is not None:
            recorder.top.where = True
        return own()

    return getcwd


def _number(recorder: Recorder, own: Callable[..., int]) -> Callable[..., object]:
    def getpid() -> int:
        if recorder.top is not None:
            recorder.top.number = True
        return own()

    return getpid


def _random(recorder: Recorder, own: Callable[..., bytes]) -> Callable[..., object]:
    def urandom(size: int) -> bytes:
        top = recorder.top
        if top is not None and top.name not in RENEWED and not recorder.seeding:
            recorder.spoil("it makes something random")
        return own(size)

    return urandom


_PLACES: tuple[tuple[object, str, Callable[..., Callable[..., object]]], ...] = (
    (builtins, "__import__", _import),
    (importlib, "import_module", _import_module),
    (bootstrap, "_find_and_load_unlocked", _find),
    (bootstrap, "_load_unlocked", _load),
    (ExtensionFileLoader, "create_module", _create),
    (bootstrap, "_call_with_frames_removed", _call),
    (atexit, "register", _register),
    (codecs, "register", _search),
    (random.Random, "seed", _seed),
    (random, "_urandom", _random),
    (random, "randint", _draw),
    (random, "getrandbits", _draw),
    (logging.Logger, "isEnabledFor", _enabled),
    (warnings, "_showwarnmsg_impl", _show_warning),
    (os, "register_at_fork", _at_fork),
    (os, "stat", _look),
    (os, "lstat", _look),
    (os, "access", _look),
    (os, "getcwd", _where),
    (os, "getpid", _number),
    (os, "urandom", _random),
)


@contextmanager
def _environment(recorder: Recorder) -> Iterator[None]:
    """Note which environment variables are read and written."""
    own = os._Environ

    class Environment(os._Environ[str]):
        def __getitem__(self, key: str) -> str:
            # who looks for a program asks for b"PATH" first, and gets a TypeError
            if recorder.top is not None and isinstance(key, str):
                recorder.top.read.add(key)
            return own.__getitem__(self, key)

        def __iter__(self) -> Iterator[str]:
            if recorder.top is not None:
                recorder.top.read.add("*")
            return iter(own.__iter__(self))

        def __setitem__(self, key: str, value: str) -> None:
            self._write(Variable(key, value))
            own.__setitem__(self, key, value)

        def __delitem__(self, key: str) -> None:
            self._write(Variable(key, None))
            own.__delitem__(self, key)

        def setdefault(self, key: str, value: str) -> str:
            self._write(Variable(key, value, missing=True))
            try:
                found: str = own.__getitem__(self, key)
            except KeyError:
                own.__setitem__(self, key, value)
                found = value
            return found

        def _write(self, variable: Variable) -> None:
            told: tuple[object, object] = (variable.name, "" if variable.value is None else variable.value)
            if not all(isinstance(it, str) for it in told):
                return  # what comes now is a TypeError
            recorder.do(variable)
            if recorder.top is not None:
                recorder.top.wrote.add(variable.name)

    os.environ.__class__ = Environment
    try:
        yield
    finally:
        os.environ.__class__ = own  # type: ignore[assignment]


@contextmanager
def _opening(recorder: Recorder) -> Iterator[None]:
    """Note which files are opened."""
    listen({"open": lambda arguments: recorder.file(arguments[0])})
    try:
        yield
    finally:
        listen({})
