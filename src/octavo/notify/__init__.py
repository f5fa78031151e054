"""Tell people how a build has ended: a listener of its events, by the key notify of pipeline.yaml.

What was told is remembered in the state of the project, so that the same failure is told once in a while and not by
each build, and that the build which mends it is told as a recovery. Nothing here can make a build fail: what could not
be sent is a note.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from .. import digests
from ..dataclass import dataclass
from ..errors import Error
from ..events import CheckFinished, Event, MetricsLogged, Output, RunFinished, TaskStarted
from ..lazy import lazy_imports
from ..model import Json
from . import message, news

with lazy_imports():
    from . import command, mail, webhook

if TYPE_CHECKING:
    from ..report import Report
    from ..state.store import Store
    from .message import Message

__all__ = ["Notices", "stopped", "trouble"]

_SPACE = "notify"
_TAIL = 4000


@dataclass(frozen=True, slots=True)
class Told:
    """What was last known of a pipeline: which of its tasks fail, and by the way of telling it, what was told when.

    By the way and the word of ``when`` it is about which tasks was told, and what could not be ("due").
    """

    failing: frozenset[str] = frozenset()
    sent: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    due: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, data: bytes | None) -> Told:
        """Return what was kept; nothing, if it is damaged."""
        try:
            found = json.loads(data or b"{}")
            sent = {str(way): (str(what), float(at)) for way, (what, at) in found.get("sent", {}).items()}
            due = {
                str(way): {str(about): str(line) for about, line in lines.items()}
                for way, lines in found.get("due", {}).items()
            }
            return cls(frozenset(map(str, found.get("failing", ()))), sent, due)
        except (ValueError, TypeError, AttributeError):
            return cls()

    def written(self) -> bytes:
        whole = {"failing": sorted(self.failing), "sent": dict(self.sent), "due": dict(self.due)}
        return json.dumps(whole).encode()


class Notices:
    """A listener of a build; ``report`` is told each event before it is."""

    def __init__(self, entries: Sequence[Json], root: str, path: str, store: Store, report: Report) -> None:
        self._entries = entries
        self._root = root
        self._key = os.path.relpath(path, self._root)
        self._store = store
        self._report = report
        self._tails: dict[str, str] = {}
        self._reasons: dict[str, tuple[str, ...]] = {}
        self._reported = news.Reported()

    def __call__(self, event: Event) -> None:
        match event:
            case TaskStarted(task=task, reasons=reasons):
                self._reasons[task] = tuple(map(str, reasons))
            case Output(task=task, kind="stream", content=content):
                self._tails[task] = (self._tails.get(task, "") + str(content.get("text", "")))[-_TAIL:]
            case RunFinished():
                self._finished()
            case MetricsLogged() | CheckFinished():
                self._reported.take(event)
            case _:
                pass

    def _finished(self) -> None:
        report = self._report
        told = Told.read(self._store.memo(_SPACE, self._key, "1"))
        bad = {name for name, outcome in report.outcomes.items() if outcome.bad}
        bad |= {f"{hook.hook} of the pipeline" for hook in report.hooks.values() if hook.failure}
        bad |= {*report.stale}
        good = {name for name, outcome in report.outcomes.items() if outcome.good} - bad
        hooks = {name for name in told.failing if name.endswith(" of the pipeline")}
        failing = (told.failing - good - hooks) | bad
        words = _words(bad, bool(told.failing) and not failing)
        mended = sorted(told.failing) if words[0] == "recovery" else ()
        name = os.path.basename(self._root)
        found = message.of_build(report, name, words[0], self._tails, self._reasons, self._root, mended)
        said = [event.failure.message for event in report.failures.values() if event.failure]
        what = digests.digest("\n".join(sorted([*bad, *said])))
        told = replace(told, failing=failing)
        told, errors = _send(self._entries, words, found, what, told, self._root, self._reported)
        self._store.keep(_SPACE, [(self._key, "1", told.written())])
        asked = [word for entry in self._entries for word in entry["when"]]
        errors += [f"notify: {wrong}" for wrong in self._reported.unknown(news.conditions(asked), self._root)]
        if errors:
            raise Error("; ".join(errors))


def _words(bad: Iterable[str], recovered: bool) -> tuple[str, ...]:
    """Return what a build was, by the words of ``when``, the most telling first."""
    if [*bad]:
        return ("failure", "always")
    return ("recovery", "success", "always") if recovered else ("success", "always")


def stopped(entries: Sequence[Json], root: str, path: str, store: Store | None, error: str) -> list[str]:
    """Tell that a build could not even begin, and why; return what went wrong with that."""
    key = os.path.relpath(path, root)
    told = Told.read(store.memo(_SPACE, key, "1")) if store else Told()
    found = message.of_error(error, os.path.basename(root), root)
    told = replace(told, failing=told.failing | {"the pipeline"})
    told, errors = _send(
        entries, ("failure", "always"), found, digests.digest(error), told, root, news.Reported()
    )
    if store:
        store.keep(_SPACE, [(key, "1", told.written())])
    return errors


def _send(
    entries: Sequence[Json],
    words: Sequence[str],
    found: Message,
    what: str,
    told: Told,
    root: str,
    reported: news.Reported,
) -> tuple[Told, list[str]]:
    """Send a message by each way that wants it; return what was told when, and what went wrong."""
    now, sent, due, errors = time.time(), dict(told.sent), dict(told.due), list[str]()
    for entry in entries:
        way = _way(entry)
        last, at = sent.get(way, ("", 0.0))
        same = words[0] == "failure" and last == what and 0 <= now - at < entry["repeat"]
        wanted = not same and bool({*words} & {*entry["when"]})
        marks, lines = _news(entry, way, reported, sent, due, now)
        if not wanted and not lines:
            continue
        name = next(name for name in _WAYS if name in entry)
        try:
            said = found.with_news([*dict.fromkeys(lines)], alone=not wanted)
            _WAYS[name](entry[name], said.linked(entry.get("link")), root)
            sent |= marks | ({way: (what if words[0] == "failure" else "", now)} if wanted else {})
            due = {key: rest for key, rest in due.items() if key not in marks}
        except Error as error:
            errors.append(f"notify: {name}: {error.message}")
        except Exception as error:  # whatever a server, or a library that speaks to it, comes up with
            errors.append(f"notify: {name}: {trouble(error)}")
    kept = {*map(_way, entries)}
    sent = {way: row for way, row in sent.items() if way.partition(" ")[0] in kept}
    due = {way: lines for way, lines in due.items() if way.partition(" ")[0] in kept}
    return replace(told, sent=sent, due=due), errors


def _news(
    entry: Json,
    way: str,
    reported: news.Reported,
    sent: dict[str, tuple[str, float]],
    due: dict[str, Mapping[str, str]],
    now: float,
) -> tuple[dict[str, tuple[str, float]], list[str]]:
    """Return what an entry's conditions give to tell, with what is to be remembered once it is told.

    What goes on being so is told once, and again after the time of ``repeat``; what was well in between is news. A
    task that is fresh reports nothing, and of it all stays as it was. In ``due`` stays what cannot be sent now.
    """
    marks, lines = dict[str, tuple[str, float]](), list[str]()
    for word in news.conditions(entry["when"]):
        key = f"{way} {word}"
        last, at = sent.get(key, ("", 0.0))
        known = {*filter(None, last.split("\n"))}
        found = reported.news(word)
        holds = {about: line for about, line in due.get(key, {}).items() if about not in found.reported}
        again = not 0 <= now - at < entry["repeat"]
        holds |= {about: line for about, line in found.lines.items() if again or about not in known}
        known = (known - found.reported) | {*found.lines}
        due.pop(key, None)
        if holds:
            due[key] = holds
            marks[key] = ("\n".join(sorted(known | {*holds})), now)
            lines += holds.values()
        elif key in sent:
            sent[key] = ("\n".join(sorted(known)), at)
    return marks, lines


def _way(entry: Json) -> str:
    """Return what tells an entry from others, whatever place in the list it has."""
    return digests.digest(json.dumps(entry, sort_keys=True))


def trouble(error: Exception) -> str:
    """Return what went wrong in a line, without what was sent."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.partition("\n")[0][:300] if isinstance(text, str) else type(error).__name__


_WAYS: Mapping[str, Callable[[object, Message, str], None]] = {
    "email": lambda said, found, root: mail.send(_mapping(said), found, root),
    "webhook": lambda said, found, root: webhook.send(_mapping(said), found),
    "command": lambda said, found, root: command.run(str(said), found, root),
}


def _mapping(said: object) -> Json:
    assert isinstance(said, dict), "the spec is checked"
    return said
