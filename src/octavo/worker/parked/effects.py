"""What imports do beside making modules, as it is seen, undone, and done again: warning filters, loggers, variables."""

from __future__ import annotations

import atexit
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ...dataclass import dataclass
from .seen import Effect

if TYPE_CHECKING:
    from logging import _FilterType as Selection

#: What ``warnings.filters`` holds.
Filter = tuple[
    str, re.Pattern[str] | None, type[Warning] | tuple[type[Warning], ...], re.Pattern[str] | None, int
]
_PRISTINE = (logging.NOTSET, True, False, (), ())


# ── warnings


class Filters:
    """The filters of warnings, of which ``catch_warnings`` puts a copy in place for a while."""

    def __init__(self) -> None:
        self.list = warnings.filters
        self.base = list(warnings.filters)
        self._outer: list[tuple[Sequence[Filter], list[Filter]]] = []
        self._were: list[Filter] = list(warnings.filters)

    def listen(self) -> None:
        """Let every warning be heard that a library does not silence itself."""
        self._were = [("always", None, Warning, None, 0)]
        self._set(self._were)

    def reset(self) -> None:
        """Put back what was there in the beginning."""
        warnings.filters = self.list
        self._set(self.base)

    def _set(self, filters: list[Filter]) -> None:
        self.list[:] = filters  # type: ignore[index]
        mutated()

    def changes(self) -> Iterator[Effect]:
        """Yield what was done to them since the last look."""
        now = warnings.filters
        if now is not self.list:
            if any(before is now for before, _ in self._outer):
                while self.list is not now:
                    self.list, self._were = self._outer.pop()
                    yield pop
            else:
                self._outer.append((self.list, self._were))
                self.list = now
                yield push
        if len(now) != len(self._were) or any(a is not b for a, b in zip(now, self._were, strict=True)):
            before, self._were = self._were, list(now)
            for number in range(len(now) + 1):
                front = list(now[:number])
                if [each for each in before if each not in front] == list(now[number:]):
                    yield Insert(tuple(front))
                    return
            yield Replace(tuple(now))


#: Lists of filters that lists for a while stand in front of, while effects are done again.
_OUTER: list[Sequence[Filter]] = []


def push() -> None:
    _OUTER.append(warnings.filters)
    warnings.filters = list(warnings.filters)
    mutated()


def pop() -> None:
    warnings.filters = _OUTER.pop()
    mutated()


@dataclass(frozen=True, slots=True, eq=False)
class Insert:
    """Filters in front of the others."""

    filters: tuple[Filter, ...]

    def __call__(self) -> None:
        held = warnings.filters
        held[:] = [*self.filters, *(each for each in held if each not in self.filters)]  # type: ignore[index]
        mutated()


@dataclass(frozen=True, slots=True, eq=False)
class Replace:
    """Filters in place of all others."""

    filters: tuple[Filter, ...]

    def __call__(self) -> None:
        warnings.filters[:] = self.filters  # type: ignore[index]
        mutated()


def mutated() -> None:
    """Tell Python that filters are not as they were."""
    with warnings.catch_warnings():
        pass  # it tells on its way in and out


# ── loggers


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A logger that was made."""

    name: str

    def __call__(self) -> None:
        logging.getLogger(self.name)


@dataclass(frozen=True, slots=True, eq=False)
class Configured:
    """How a logger was set up."""

    logger: logging.Logger
    level: int
    propagate: bool
    disabled: bool
    handlers: tuple[logging.Handler, ...]
    filters: tuple[Selection, ...]

    def __call__(self) -> None:
        if self.logger.level != self.level:
            self.logger.setLevel(self.level)
        self.logger.propagate, self.logger.disabled = self.propagate, self.disabled
        self.logger.handlers = [
            *self.handlers,
            *(handler for handler in self.logger.handlers if handler not in self.handlers),
        ]
        self.logger.filters = [
            *self.filters,
            *(each for each in self.logger.filters if each not in self.filters),
        ]


class Loggers:
    """The loggers of this process."""

    def __init__(self) -> None:
        self.table = logging.root.manager.loggerDict
        self.base = dict(self.table)
        self.created: dict[str, logging.Logger] = {}
        self._settings = {
            name: _settings(logger)
            for name, logger in self.base.items()
            if isinstance(logger, logging.Logger)
        }

    def new(self) -> Iterator[Effect]:
        """Yield those that were made since the last look."""
        if len(self.table) != len(self.base) + len(self.created):
            for name, logger in list(self.table.items()):
                if isinstance(logger, logging.Logger) and name not in self._settings:
                    self.created[name] = logger
                    self._settings[name] = _PRISTINE
                    yield Made(name)

    def changes(self) -> Iterator[Effect]:
        """Yield how they were set up since the last look."""
        for name, was in self._settings.items():
            logger = self.created.get(name) or self.base[name]
            assert isinstance(logger, logging.Logger)
            if (now := _settings(logger)) != was:
                self._settings[name] = now
                yield Configured(logger, *now)

    def reset(self) -> None:
        """Let it be as if none had been made."""
        for name in self.table.keys() - self.base.keys():
            del self.table[name]
        for logger in self.created.values():
            logger.level, logger.propagate, logger.disabled, logger.handlers, logger.filters = (
                0,
                True,
                False,
                [],
                [],
            )
            logger.parent = None
        for parent in self.base.values():
            if isinstance(parent, logging.PlaceHolder):
                for logger in [child for child in parent.loggerMap if child.name in self.created]:
                    del parent.loggerMap[logger]

    def offer(self) -> None:
        """Let whoever asks for a logger of that name get the one that a parked module holds."""
        created = self.created

        def logger_of(name: str) -> logging.Logger:
            found = created.pop(name, None)
            return logging.getLoggerClass()(name) if found is None else found

        logging.root.manager.loggerClass = logger_of  # type: ignore[assignment]


def _settings(
    logger: logging.Logger,
) -> tuple[int, bool, bool, tuple[logging.Handler, ...], tuple[Selection, ...]]:
    return logger.level, logger.propagate, logger.disabled, tuple(logger.handlers), tuple(logger.filters)


# ── the rest


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """An environment variable that was set, set where it was missing, or removed (None)."""

    name: str
    value: str | None
    missing: bool = False

    def __call__(self) -> None:
        if self.value is None:
            os.environ.pop(self.name, None)
        elif not self.missing or self.name not in os.environ:
            os.environ[self.name] = self.value


@dataclass(frozen=True, slots=True, eq=False)
class AtExit:
    """A function that is called when the process ends."""

    function: Callable[..., object]
    arguments: tuple[object, ...]
    named: dict[str, object]

    def __call__(self) -> None:
        atexit.register(self.function, *self.arguments, **self.named)
