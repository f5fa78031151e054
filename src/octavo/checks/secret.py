"""NB141: a key, a token or a password stands in the notebook: in its code, its outputs or its metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from . import Hit, Severity, Subject

#: Formats that are told by their beginning; each is as its issuer documents it.
_KINDS = {
    "an AWS access key": r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}\b",
    "a Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{20,}",
    "a Stripe key": r"\b[rs]k_live_[A-Za-z0-9]{20,}\b",
    "a Google API key": r"\bAIza[A-Za-z0-9_-]{35}\b",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{34,}\b",
    "an OpenAI key": r"\bsk-(?:proj-)?[A-Za-z0-9_-]{40,}\b",
    "a PyPI token": r"\bpypi-[A-Za-z0-9_-]{50,}\b",
    "a private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
    "a URL with a password": r"\b[a-z][a-z0-9+.-]*://[^\s:/@\'\"{}<>]+:(?!(?:password|pass|passwd|pwd|secret|\*+|xxx+|…|•+)@)[^\s:/@\'\"{}$<>]{3,}@[^\s/]+",
}
_ANY = re.compile("|".join(f"(?P<k{number}>{pattern})" for number, pattern in enumerate(_KINDS.values())))
#: One of these is in all of them: to look for them costs a tenth.
_SIGNS_WORDS = (
    "AKIA ASIA ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- xox k_live_ AIza hf_ sk- pypi- KEY----- ://"
)
_SIGNS = tuple(_SIGNS_WORDS.split())
_NAMES = tuple(_KINDS)
_HINT = "revoke it: what was stored once is known; read it from the environment"


class Secret:
    """A key, a token, a private key or a password in a URL stands in code, text, outputs or metadata.

    Whoever sees the notebook, or a copy of it, or the history of the repository, has it. Revoke it first, then read it
    from the environment. Placeholders such as `user:password@host` and `{token}` are not reported.
    """

    code = "NB141"
    name = "secret"
    severity: Severity = "error"

    def check(self, subject: Subject) -> Iterator[Hit]:
        for cell in subject.cells:
            lines = cell.source.splitlines() if _found(cell.source) else []
            for number, line in enumerate(lines, start=1):
                if found := _ANY.search(line):
                    yield Hit(f"{_kind(found)} stands in the code", cell, number, found.start() + 1, _HINT)
            if found := next(filter(None, map(_found, texts(cell.outputs))), None):
                yield Hit(f"{_kind(found)} stands in the output", cell, hint=_HINT)
        rest = {**subject.notebook.data.get("metadata", {})}
        others = [cell["source"] for cell in subject.notebook.cells if cell.get("cell_type") != "code"]
        if found := next(filter(None, map(_found, [*texts(rest), *others])), None):
            yield Hit(f"{_kind(found)} stands in the text or the metadata", hint=_HINT)


#: All of a private key; of one that is cut off what is there.
_KEY = re.compile(r"(-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----).*?(?=-----END|\Z)", re.DOTALL)


def hidden(text: str) -> str:
    """Return a text with ••• for each secret in it; the very same where there is none."""
    if _found(text) is None:
        return text
    return _ANY.sub("•••", _KEY.sub(r"\1", text))


def _found(text: str) -> re.Match[str] | None:
    """Return the first secret in a text."""
    return _ANY.search(text) if any(map(text.__contains__, _SIGNS)) else None


def _kind(found: re.Match[str]) -> str:
    return _NAMES[int((found.lastgroup or "k0")[1:])]


def texts(value: object) -> Iterator[str]:
    """Yield the texts in JSON; images and the like are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not (isinstance(key, str) and key.startswith(("image/", "application/pdf"))):
                yield from texts(
                    inner if not isinstance(inner, dict) or "/json" not in str(key) else json.dumps(inner)
                )


RULE = Secret()
