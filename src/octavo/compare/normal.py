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
        (r"(?<![\d.])1(?:39|40)\d{12}(?![\d.])", "<address>"),  # what id() is under Linux
        (r"\bThread-\d+\b", "Thread-<id>"),
        (r"\b(\w+-)[0-9a-f]{32}\b", r"\1<token>"),  # Dask's
        (r"\brun-\d{8}_\d{6}-\w{8}\b", "run-<id>"),  # of Weights & Biases
        (r"\b((?:https?|tcp|ws)://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)):\d+", r"\1:<port>"),
        (r"<ipython-input-\d+-[0-9a-f]+>", "<cell>"),
        (r"(?:/private)?(?:/tmp|/var/tmp|/var/folders/\w+/\w+/T|/dev/shm)/[^\s'\"<>:,;)\]}]+", "<temporary>"),
        (r"[A-Za-z]:\\[^\s'\"<>]*\\Temp\\[^\s'\"<>:,;)\]}]+", "<temporary>"),
        (r"\[\d+:\d+(?::\d+)?<[^\]\n]*\]", "<progress>"),  # tqdm's
        (r"\|[ █▏▎▍▌▋▊▉#]*\|(?= *\d)", "<progress>"),
        (r"[━╸╺]{3,}", "<progress>"),  # rich's and Keras's
        (r"\[=*>?\.*\](?= - )", "<progress>"),  # Keras's of old
        (r"\bof \d+ runs?, [\d,]+ loops? each", "of <runs>"),  # %timeit finds out how often
        (r"(peak memory: )[\d.]+( MiB, increment: )-?[\d.]+", r"\1<size>\2<size>"),
        (r"\bMatplotlib v\d+\.\d+\S*(?=, https)", "Matplotlib"),
        # the machine's card: nothing that a notebook computes
        (
            r"\b(?:NVIDIA )?(?:GeForce|Quadro|TITAN|Tesla(?= [A-Z]\d))(?: (?:[GR]TX|Ti|SUPER|[A-Z]{0,2}\d+[\w-]*|V))+",
            "<gpu>",
        ),
        (r"\bNVIDIA (?:RTX )?[A-Z]{1,3}\d+\w*(?:-[A-Z\d]+)*(?: \d+GB)?(?: [A-Z]\w+)*", "<gpu>"),
        (r"\bAMD (?:Instinct|Radeon) [\w ]*\d\w*", "<gpu>"),
    )
)
#: Where a warning came from: the file counts, and neither where it is installed nor the line of that version.
_WARNED = re.compile(r"^[^\s'\"<>]*?([^\s'\"<>/\\]+\.py):\d+: (?=\w*Warning\b)", re.MULTILINE)
_SEVERAL = re.compile(r"<duration>(?: <duration>)+")
_UNIT = r"(?:ns|µs|μs|us|ms|s|secs?|seconds?|m|min|minutes?|h|hours?)"
_DURATION = re.compile(rf"(?<![\w.])\d+(?:\.\d+)?(?:e[-+]?\d+)? ?{_UNIT}(?![\w])")
_CLOCKED = re.compile(r"(?<![\w:])\d+:\d\d(?::\d\d)?(?:\.\d+)?(?![\w:])")
#: What a line says that tells how long something took.
_TELLS = re.compile(
    r"\b(?:time|times|took|elapsed|duration|runtime|per loop|finished|done|completed|ETA|step|seconds)\b|\bin \d"
    r"|<(?:progress|rate)>",
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
    if "Warning" in text:
        text = _WARNED.sub(r"\1: ", text)
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
    if "date" in line:
        return line
    return _SEVERAL.sub("<duration>", _CLOCKED.sub("<duration>", _DURATION.sub("<duration>", line)))
