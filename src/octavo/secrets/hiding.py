"""Hide what is secret in values and texts: as •••, and as keyed digests where they are compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from ..events import CheckFinished, Event, HookFinished, Note, Output, Paused, TaskFinished
from ..model import HIDDEN, Call, Failure, Hidden, Json, Relation, Task
from ..values import Unencodable, canonical, encode
from .names import is_secret

#: Returns the digest of a text that nobody can find without the key.
Keyed = Callable[[str], str]

#: A shorter one stands in other words, too: it is hidden where it is the whole value, and not in texts.
_SHORTEST = 4
#: A shorter word of letters alone, such as "postgres", is hidden where it is a word of its own.
_WORD = 12
#: Who is in a URL: ``name:password@``; where nothing but a name is there, it may be a token. Passwords may hold what
#: should be quoted: @, or a slash, if what is before it is no port.
_IN_URL = re.compile(
    r"(?i)\b([a-z][a-z0-9+.-]*://)([^\s:/?#'\"@]*)(?::([^\s/?#'\"]*|(?!\d{1,5}[/?#])[^\s'\"@]*))?@"
)
#: A setting in the query of a URL, or in a text such as "host=db password=x".
_SETTING = re.compile(
    r"(?<![\w.])(?<!\w-)([A-Za-z][\w.-]*)(\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s&;,'\"()\[\]{}]+)"
)
_SIGNED = frozenset(("sig", "signature", "x-amz-signature", "x-amz-security-token", "x-goog-signature"))

_E = TypeVar("_E", bound=Event)


class Hiding:
    """Hides what is secret in values, and collects what that was, as texts.

    ``marked`` are the names on which somebody has decided; ``known`` are secrets that may stand in any text.
    """

    def __init__(self, marked: Mapping[str, bool], known: Collection[str] = ()) -> None:
        self._marked = marked
        self._known = set(known)
        self.found: set[str] = set()

    def value(self, name: str, value: object, inside: bool = False) -> object:
        """Return a value with what is secret in it hidden: the very same where nothing is."""
        secret = inside or is_secret(name, self._marked)
        match value:
            case None | bool() | "" | Relation():
                return value
            case str() | int() | float() if secret:
                self.found.add(str(value))
                return HIDDEN
            case str():
                return self._text(value)
            case Mapping():
                table = {key: self.value(str(key), inner, secret) for key, inner in value.items()}
                return table if any(table[key] is not inner for key, inner in value.items()) else value
            case list() | tuple():
                items = [self.value("", inner, secret) for inner in value]
                if all(new is old for new, old in zip(items, value, strict=True)):
                    return value
                return items if isinstance(value, list) else tuple(items)
        return HIDDEN if secret and not isinstance(value, Call) else value

    def _text(self, text: str) -> str:
        self.found.update(in_text(text))
        inside = {secret for secret in self._known if len(secret) >= _SHORTEST and secret in text}
        hidden = discreet(text, inside)
        self.found |= inside if hidden != text else set()
        return text if hidden == text else hidden


def in_text(text: str) -> set[str]:
    """Return the secrets that a text says itself: passwords in URLs, and settings whose names say it."""
    found: set[str] = set()
    _without(text, found)
    return found


def discreet(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without these secrets, and without those that it says itself."""
    text = _without(text, set())
    for secret in sorted(secrets, key=len, reverse=True):
        if secret not in text or secret == HIDDEN:
            continue
        if secret.isalpha() and len(secret) < _WORD:
            text = re.sub(rf"(?<![A-Za-z]){re.escape(secret)}(?![A-Za-z])", HIDDEN, text)
        else:
            text = text.replace(secret, HIDDEN)
    return text


def _without(text: str, found: set[str]) -> str:
    """Return a text without the secrets that it says itself, and add these to what was found."""

    def url(match: re.Match[str]) -> str:
        scheme, user, password = match.groups()
        if password is None and not scheme.lower().startswith("http"):
            return match[0]
        if not (secret := user if password is None else password) or secret == HIDDEN:
            return match[0]
        found.add(secret)
        return f"{scheme}{HIDDEN}@" if password is None else f"{scheme}{user}:{HIDDEN}@"

    def setting(match: re.Match[str]) -> str:
        name, sign, value = match.groups()
        if HIDDEN in value or not (name.lower() in _SIGNED or is_secret(name)):
            return match[0]
        found.add(value.strip("\"'"))
        return f"{name}{sign}{HIDDEN}"

    text = _IN_URL.sub(url, text) if "://" in text else text
    return _SETTING.sub(setting, text) if "=" in text else text


def of_task(task: Task, known: Collection[str], keyed: Keyed | None) -> Hidden:
    """Return what is secret of a task. Without ``keyed`` nothing is compared."""
    hiding = Hiding(task.secret, known)
    params, kept, options = {}, {}, {}
    for name, value in task.params.items():
        if name != "resources_" and (shown := hiding.value(name, value)) is not value:
            params[name] = shown
            kept[name] = _compared(shown, value, keyed)
    for name, value in {**task.own, **dict(task.calls.named())}.items():
        inner = value.arguments if isinstance(value, Call) else value
        if (shown := hiding.value(name if inner is value else "", inner)) is not inner:
            path = f"{value.path} " if isinstance(value, Call) else ""
            options[name] = path + _compared(shown, inner, keyed)
    for call in (task.run.on_failure, task.run.file_client):
        hiding.value("", call.arguments if call else {})
    if not (hiding.found or params or options):
        return task.hidden
    # a traceback may show it as Python writes it
    words = {form for secret in hiding.found for form in (secret, repr(secret)[1:-1])}
    return Hidden(params, kept, options, tuple(sorted(word for word in words if len(word) >= _SHORTEST)))


def _compared(shown: object, value: object, keyed: Keyed | None) -> str:
    """Return what a manifest has for a value: what may be shown of it, and its keyed digest."""
    text = HIDDEN if shown == HIDDEN else canonical(shown)
    try:
        return f"{text} ({HIDDEN}{keyed(encode(value)) if keyed else ''})"
    except Unencodable:
        return canonical(value)


def holds(value: object, marked: Mapping[str, bool] | None = None) -> bool:
    """Return whether there is a secret anywhere in plain data."""
    return Hiding(marked or {}).value("", value) is not value


def veiled(task: Task) -> Task:
    """Return a task as it may be shown and kept: with ••• for the secrets among its parameters."""
    return replace(task, params={**task.params, **task.hidden.params}) if task.hidden.params else task


def told(event: _E, task: Task) -> _E:
    """Return an event of a task without its secrets: but for what its own code prints, which is as it is."""
    secrets = task.hidden.words
    if not secrets:
        return event
    match event:
        case TaskFinished(failure=failure, touched=touched):
            touched = tuple((cell, verb, discreet(what, secrets)) for cell, verb, what in touched)
            return replace(event, failure=failure and _failure(failure, secrets), touched=touched)
        case CheckFinished(found=found, rows=rows):
            plain = tuple({**row, "values": _json(row.get("values", {}), secrets)} for row in rows)
            return replace(event, found=discreet(found, secrets), rows=plain)
        case Paused(failure=failure):
            return replace(event, failure=_failure(failure, secrets))
        case HookFinished(failure=failure):
            return replace(event, failure=failure and _failure(failure, secrets))
        case Note(message=message):
            return replace(event, message=discreet(message, secrets))
        case Output(kind="error", content=content):
            return replace(event, content=_json(content, secrets))
    return event


def _failure(failure: Failure, secrets: Iterable[str]) -> Failure:
    return replace(
        failure,
        message=discreet(failure.message, secrets),
        traceback=tuple(discreet(line, secrets) for line in failure.traceback),
        code=discreet(failure.code, secrets),
        hint=discreet(failure.hint, secrets),
    )


def _json(content: Json, secrets: Iterable[str]) -> Json:
    return {
        key: discreet(value, secrets)
        if isinstance(value, str)
        else [discreet(line, secrets) if isinstance(line, str) else line for line in value]
        if isinstance(value, list)
        else value
        for key, value in content.items()
    }
