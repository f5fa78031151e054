"""Command lines of Ploomber's as octavo's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from .option_aliases import COMMANDS, OPTIONS, instead

#: Options that have no effect here, by verb, and what to do instead. Those of the second table take a value.
#: Short options that octavo has in long form only.
_LONG = {
    "build": {"-f": "--force"},
    "task": {"-f": "--force", "-b": "--build"},
    "report": {"-b": "--backend"},
}
_FLAGS = {
    "build": {"--debuglater": "-D"},
    "task": {"--debuglater": ""},
    "plot": {"--include-products": "-i"},
}
_LOG = {"--log": "-l", "--log-file": "-F"}
_VALUES = {"status": _LOG, "report": _LOG, "interact": _LOG, "plot": {**_LOG, "--backend": "-b"}}
_PAGES = ("plot", "report")


def translated(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return a command line for octavo, and the options without effect with what to do instead."""
    verb, *rest = words or ("",)
    flags, values = _FLAGS.get(verb, {}), _VALUES.get(verb, {})
    kept, ignored = list[str](), dict[str, str]()
    waiting = iter(rest)
    for word in waiting:
        option, equals, _ = word.partition("=")
        if _named(option, flags):
            ignored[option] = _instead(option)
        elif _named(option, values):
            ignored[option] = _instead(option)
            if not equals:
                next(waiting, None)
        elif verb in ("build", "task") and option in ("-F", "--log-file"):
            kept.append(word.replace("-F", "--log-file", 1) if option == "-F" else word)
        else:
            kept.append(_LONG.get(verb, {}).get(option, option) + word[len(option) :])
    if verb in _PAGES and not _given(rest, ("-o", "--output")):
        kept += ["--output", _page(rest)]
    return [verb, *kept] if words else [], ignored


def _named(option: str, table: dict[str, str]) -> bool:
    return option in table or option in filter(None, table.values())


def _instead(option: str) -> str:
    if option in ("-F", "--log-file", "-l", "--log"):
        return "nothing runs, so nothing is logged"
    return OPTIONS[option]


def _given(words: Iterable[str], options: tuple[str, ...]) -> bool:
    return any(word.partition("=")[0] in options for word in words)


def entry_point(words: Sequence[str]) -> str | None:
    """Return the pipeline that a command line names."""
    for number, word in enumerate(words, 1):
        option, equals, value = word.partition("=")
        if option in ("-e", "--entry-point"):
            return value if equals else next(iter(words[number:]), None)
    return None


def _page(words: Sequence[str]) -> str:
    """Return the file that Ploomber writes if no other is named: pipeline.train.yaml gives pipeline.train.html."""
    name = os.path.basename(entry_point(words) or os.environ.get("ENTRY_POINT", ""))
    stem = name.removesuffix(".yaml")
    return f"{stem}.html" if stem != name and stem.startswith("pipeline") else "pipeline.html"


def advice(verb: str, words: Sequence[str], takes: Callable[[str], bool]) -> str:
    """Return a command of Ploomber's in octavo's words, and what is to be said of the words that octavo does not take.

    ``takes`` tells of an option whether the command of octavo has it.
    """
    if verb in COMMANDS:
        return COMMANDS[verb]
    (_, *left), refused = translated([verb, *words])
    ours, typed = list[str](), list(left)
    alone = _given(left, ("--skip-upstream", "-su"))
    output = ""
    while left:
        option, equals, value = left[0].partition("=")
        following = left[1] if len(left) > 1 and not equals and not left[1].startswith("-") else None
        used = 1
        if option in ("--partially", "-p") and following is not None and "=" not in following:
            ours.append(following if alone else f"+{following}")
            used = 2
        elif option in ("--skip-upstream", "-su"):
            pass
        elif option in ("-e", "--entry-point"):
            ours.append(f"--file={value}" if equals else "--file")
        elif option.startswith("-") and not (option.startswith("--env--") or takes(option)):
            refused[option] = instead(option, typed) or _meant(option) or f"octavo {verb} has no such option"
            used = 1 + (following is not None)
        else:
            ours.append(left[0])
            output = value or following or "" if option in ("-o", "--output") else output
        del left[:used]
    if verb in _PAGES and not output.endswith(_DRAWINGS):
        refused[output] = "octavo plot --format dot | dot -Tpng > graph.png makes pictures of other formats"
    return "; ".join(
        [" ".join(["octavo", verb, *ours]), *(f"{word}: {why}" for word, why in refused.items())]
    )


_DRAWINGS = (".html", ".htm", ".svg", ".mmd", ".mermaid", ".dot", ".gv", ".json", ".txt")


def _meant(option: str) -> str | None:
    """Return what an option may have been meant to be: --env-sample is --env--sample."""
    name = option.removeprefix("--env-")
    return f"did you mean --env--{name}?" if name != option and name else None
