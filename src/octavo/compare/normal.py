"""Texts without what is another in every run: addresses, ids, temporary paths, progress bars, durations."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..tracebacks import plain

_BACKSPACE = re.compile(r"[^\n\x08]\x08")

#: What stands for what, in the order in which it is looked for.
_VARYING: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), word)
    for pattern, word in (
        # the version that is random (RFC 9562), no other
        (
            r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}\b",
            "<uuid>",
        ),
        (r"(\b(?:at|address|ptr)[ =:]+)0x[0-9a-fA-F]+", r"\1<address>"),
        (r"\b0x[0-9a-fA-F]{9,16}\b", "<address>"),
        (r"\b((?:pid|PID|process|thread|tid|ident)[ =:]+)\d+\b", r"\1<id>"),
        (r"\bid=\d{9,}\b", "id=<id>"),
        (r"<ipython-input-\d+-[0-9a-f]+>", "<cell>"),
        (r"(?:/private)?(?:/tmp|/var/tmp|/var/folders/\w+/\w+/T|/dev/shm)/[^\s'\"<>:,;)\]}]+", "<temporary>"),
        (r"[A-Za-z]:\\[^\s'\"<>]*\\Temp\\[^\s'\"<>:,;)\]}]+", "<temporary>"),
        (r"\[\d+:\d+(?::\d+)?<[^\]\n]*\]", "<progress>"),  # tqdm's
        (r"\|[ █▏▎▍▌▋▊▉#]*\|(?= *\d)", "<progress>"),
        (r"[━╸╺]{3,}", "<progress>"),  # rich's and Keras's
    )
)
_UNIT = r"(?:ns|µs|μs|us|ms|s|secs?|seconds?|m|min|minutes?|h|hours?)"
_DURATION = re.compile(rf"(?<![\w.])\d+(?:\.\d+)?(?:e[-+]?\d+)? ?{_UNIT}(?![\w])")
_CLOCKED = re.compile(r"(?<![\w:])\d+:\d\d(?::\d\d)?(?:\.\d+)?(?![\w:])")
#: What a line says that tells how long something took.
_TELLS = re.compile(
    r"\b(?:time|times|took|elapsed|duration|runtime|per loop|finished|done|completed|ETA|step|seconds)\b|\bin \d",
    re.IGNORECASE,
)
_RATE = re.compile(
    r"\d+(?:\.\d+)? ?(?:it/s|s/it|[kMG]?i?B/s|rows/s)\b|\d+(?:\.\d+)?(?:us|ms|s)/(?:step|epoch)\b"
)


def clean(text: str, sanitize: Iterable[tuple[re.Pattern[str], str]] = ()) -> str:
    """Return a text as a terminal would leave it, with words for what is another in every run."""
    if "\x1b" in text:
        text = plain(text)
    if "\r" in text or "\x08" in text:
        text = "\n".join(_overwritten(line) for line in text.replace("\r\n", "\n").split("\n"))
    for pattern, word in sanitize:
        text = pattern.sub(word, text)
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return "\n".join(map(_untimed, text.split("\n")))


def _overwritten(line: str) -> str:
    """Return a line of which each part that begins with a carriage return was written over the one before it."""
    parts = [part for part in line.split("\r") if part]
    line = parts[-1] if parts else ""
    while "\x08" in line and (shorter := _BACKSPACE.sub("", line)) != line:
        line = shorter
    return line.replace("\x08", "")


def _untimed(line: str) -> str:
    line = _RATE.sub("<rate>", line)
    if not _TELLS.search(line):
        return line
    return _CLOCKED.sub("<duration>", _DURATION.sub("<duration>", line)) if "date" not in line else line
