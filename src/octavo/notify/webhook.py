"""Send a message to a web server: as plain JSON, or as Slack, Mattermost and Teams want it."""

from __future__ import annotations

import json
import os
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from ..errors import Error
from .message import value

if TYPE_CHECKING:
    from ..model import Json
    from .message import Message

_PATIENCE = 10
#: Characters of a text: Slack cuts at 40,000, Teams refuses more than 28 kB in all.
_MOST = 12_000


def send(said: Json, found: Message) -> None:
    """Post a message as ``webhook`` of an entry says; raise an error when the server did not take it."""
    url = value(said["url"], os.environ)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Error("its URL is none of a web server")
    style = said.get("format") or _style(parts.hostname)
    data = json.dumps(_BODIES[style](found)).encode()
    headers = {name: value(one, os.environ) for name, one in said.get("headers", {}).items()}
    asked = request.Request(
        url, data, {"Content-Type": "application/json", "User-Agent": "octavo", **headers}
    )
    try:
        with request.urlopen(asked, timeout=_PATIENCE) as answer:
            answer.read(1000)
    except HTTPError as error:
        with error:
            raise Error(f"{parts.hostname} answered {error.code} {error.reason}") from None
    except URLError as error:  # without the URL, which may be a secret
        raise Error(f"{parts.hostname}: {error.reason}") from None
    except (OSError, HTTPException) as error:
        raise Error(f"{parts.hostname}: {error or type(error).__name__}") from None


def _style(host: str) -> str:
    if host.endswith("slack.com"):
        return "slack"
    return "teams" if host.endswith(("office.com", "logic.azure.com", "powerplatform.com")) else "json"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST // 2]}\n…\n{text[-_MOST // 2 :]}"


def _json(found: Message) -> Json:
    return {**found.facts, "subject": found.subject, "text": found.text}


def _chat(found: Message) -> Json:
    # both read Markdown of their own; a fence makes all within it plain
    text = _cut(found.text).replace("```", "'''")
    return {"text": f"{_escaped(found.subject)}\n```\n{_escaped(text)}\n```"}


def _escaped(text: str) -> str:
    """Return text without what Slack takes for mentions and links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mattermost(found: Message) -> Json:
    return {"text": f"{found.subject}\n```\n{_cut(found.text).replace('```', chr(39) * 3)}\n```"}


def _teams(found: Message) -> Json:
    blocks = [
        {"type": "TextBlock", "text": found.subject, "weight": "bolder", "wrap": True},
        {"type": "CodeBlock", "codeSnippet": _cut(found.text), "language": "PlainText"},
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "body": blocks,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


_BODIES = {"json": _json, "slack": _chat, "mattermost": _mattermost, "teams": _teams}
