"""Check what pipeline.yaml says of who is told how a build has ended: the key notify."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from ..errors import Error
from ..hints import did_you_mean
from ..kinds.keys import Key, Keys, as_seconds, as_tuple, is_duration, is_flag, is_line, is_mapping, is_texts
from ..lazy import lazy_imports
from ..model import Json
from ..secrets.names import is_secret
from .dialect import quoted

with lazy_imports():
    from ..metrics import where

if TYPE_CHECKING:
    from ..errors import Place
    from .document import Document, Path, Table

#: What a build can come to, for those who are to be told.
WHEN = ("failure", "recovery", "success", "always")
#: What the tasks of a build can report, for the same: "check", or of one check "check NAME"; "metric accuracy < 0.9".
CHECK, METRIC = "check", "metric"
FORMATS = ("json", "slack", "mattermost", "teams")
TLS = ("auto", "starttls", "ssl", "none")
#: Whose addresses let anybody who knows them post: they are passwords.
_SECRET_HOSTS = ("hooks.slack.com", "webhook.office.com", "logic.azure.com", "discord.com", "discordapp.com")
_WAYS = ("email", "webhook", "command")
_HOUR = 3600.0


class Check(Protocol):
    """What collects the mistakes of a document."""

    document: Document

    def wrong(self, message: str, where: Place, hint: str | None = None) -> None: ...
    def keys(self, data: Table, path: Path, table: Keys, owner: str) -> Iterator[tuple[str, Any]]: ...


def _is_variable(value: object) -> bool:
    return isinstance(value, dict) and [*value] == ["env"] and is_line(value["env"])


def _is_said(value: object) -> bool:
    return is_line(value) or _is_variable(value)


def _are_headers(value: object) -> bool:
    return isinstance(value, dict) and all(is_line(name) and _is_said(it) for name, it in value.items())


_ADDRESSES = Key("an address or a list of addresses", lambda value: is_texts(value) and bool(value))
_VARIABLE = "{env: NAME}, the name of an environment variable"
NOTICE: Mapping[str, Key] = {
    "email": Key("an address, a list of addresses, or a mapping", lambda it: is_texts(it) or is_mapping(it)),
    "webhook": Key("a URL or a mapping", lambda it: is_line(it) or is_mapping(it)),
    "command": Key("a command", is_line),
    "when": Key(f"one or several of {', '.join([*WHEN, CHECK])}, or {METRIC} NAME < NUMBER", is_texts),
    "repeat": Key('a time such as "30m", "6h" or "1d"', is_duration),
    "link": Key("a URL", is_line),
}
EMAIL: Mapping[str, Key] = {
    "to": _ADDRESSES,
    "from": Key("an address", is_line),
    "server": Key("a host, with or without a port", is_line),
    "user": Key(f"a name, or {_VARIABLE}", _is_said),
    "password": Key(_VARIABLE, _is_variable),
    "tls": Key("a string", is_line, known=TLS),
    "attach": Key("true, false, or paths of files", lambda it: is_flag(it) or is_texts(it)),
}
WEBHOOK: Mapping[str, Key] = {
    "url": Key(f"a URL, or {_VARIABLE}", _is_said),
    "format": Key("a string", is_line, known=FORMATS),
    "headers": Key(
        f"a mapping of names to texts or {_VARIABLE}",
        _are_headers,
    ),
}


def checked(check: Check, said: object) -> list[Json]:
    """Return the entries of ``notify``, whole and plain; those that are wrong are told and left out."""
    several = isinstance(said, list)
    entries = said if isinstance(said, list) else [said]
    found = [_notice(check, one, ("notify", n) if several else ("notify",)) for n, one in enumerate(entries)]
    return [one for one in found if one]


def apart(data: object) -> object:
    """Return a document without what is said of this: its secrets are names of variables, whatever their keys."""
    return {key: value for key, value in data.items() if key != "notify"} if isinstance(data, dict) else data


def _notice(check: Check, data: object, path: Path) -> Json | None:
    """Return one entry of ``notify`` with its defaults; None for one that is wrong."""
    where = check.document.place(*path)
    if not isinstance(data, dict):
        check.wrong('"notify" is a list of mappings', where, _EXAMPLE)
        return None
    said = dict(check.keys(data, path, NOTICE, '"notify"'))
    ways = [way for way in _WAYS if way in data]
    if len(ways) != 1:
        what = f"has {' and '.join(ways)}" if ways else "says no way"
        check.wrong(f'an entry of "notify" {what}: it wants one of {", ".join(_WAYS)}', where, _EXAMPLE)
        return None
    when = as_tuple(said.get("when", ["failure", "recovery"]))
    for word in when:
        if word not in WHEN and (wrong := _condition(word)):
            check.wrong(wrong[0], check.document.place(*path, "when"), wrong[1])
    if ways[0] not in said:
        return None
    found: Json = {"when": list(when), "repeat": as_seconds(said["repeat"]) if "repeat" in said else _HOUR}
    found |= {"link": said["link"]} if "link" in said else {}
    turn = {"email": _email, "webhook": _webhook}.get(ways[0])
    value = said[ways[0]]
    return found | {ways[0]: turn(check, value, (*path, ways[0])) if turn else value}


def _condition(word: str) -> tuple[str, str | None] | None:
    """Return what is wrong with what one of the tasks is to report, and a hint; None if nothing is."""
    kind, _, said = word.partition(" ")
    if kind == CHECK and (not said or said.strip()):
        return None
    if kind == METRIC:
        try:
            where.parsed(said, f'"notify": when: {METRIC}', _METRIC_EXAMPLE)
        except Error as error:
            return error.message, error.hint
        return None
    known = (*WHEN, CHECK, METRIC)
    hint = did_you_mean(kind, known) or f"there are: {', '.join([*WHEN, CHECK])}, {METRIC} NAME < NUMBER"
    return f'"notify": there is no "when: {word}"', hint


def _email(check: Check, value: object, path: Path) -> Json:
    said: Json = value if isinstance(value, dict) else {"to": value}
    if isinstance(said.get("password"), str):
        _secret(check, (*path, "password"), "a password", "password: {env: SMTP_PASSWORD}")
        said = {name: value for name, value in said.items() if name != "password"}
    if "to" not in said:
        check.wrong('"email" says not to whom', check.document.place(*path), "to: team@example.com")
    found = dict(check.keys(said, path, EMAIL, '"email"'))
    found["to"] = list(as_tuple(found.get("to", ())))
    if "attach" in found and not isinstance(found["attach"], bool):
        found["attach"] = list(as_tuple(found["attach"]))
    return found


def _webhook(check: Check, value: object, path: Path) -> Json:
    said: Json = value if isinstance(value, dict) else {"url": value}
    place = (*path, "url") if isinstance(value, dict) else path
    if "url" not in said:
        check.wrong('"webhook" has no URL', check.document.place(*path), "url: {env: WEBHOOK_URL}")
    elif isinstance(said["url"], str):
        _refuse_secret_url(check, said["url"], place)
    found = dict(check.keys(said, path, WEBHOOK, '"webhook"'))
    for name, header in found.get("headers", {}).items():
        if isinstance(header, str) and (is_secret(name) or name.lower() == "cookie"):
            _secret(check, (*path, "headers", name), "what authorizes", f"{name}: {{env: WEBHOOK_AUTH}}")
    return found


def _refuse_secret_url(check: Check, url: str, path: Path) -> None:
    """Refuse what is no address of a web server, and one that is as good as a password."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not host:
        check.wrong(f"{quoted(url)} is no URL of a web server", check.document.place(*path), "https://…")
    elif parts.password or host.endswith(_SECRET_HOSTS):
        _secret(check, path, "this URL", "url: {env: WEBHOOK_URL}")


_EXAMPLE = "- {email: team@example.com, when: failure}"
_METRIC_EXAMPLE = "when: metric accuracy < 0.9"


def _secret(check: Check, path: Path, what: str, instead: str) -> None:
    message = f'"{path[-1]}": {what} is a secret, which a file that is committed must not hold'
    check.wrong(message, check.document.place(*path), f"name an environment variable: {instead}")
