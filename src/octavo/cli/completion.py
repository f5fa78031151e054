"""``octavo completion``: commands, options, tasks and tags completed by bash, zsh and fish."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from ..errors import Error
from ..lazy import lazy_imports
from ..state.offered import TASK, TASKS, Offered

with lazy_imports():
    import argparse  # what is remembered does without it, and a person waits

    from .. import project as projects
    from . import options

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Mapping, Sequence

    from ..state.offered import Grammar
    from .options import Parser, Verb

#: How each shell is told: it asks ``octavo completion --line`` for every word.
SCRIPTS = {
    "bash": """\
_octavo() {
    local IFS=$'\\n'
    COMPREPLY=($(octavo completion --line "${COMP_LINE:0:$COMP_POINT}" --colons 2>/dev/null))
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=:] ]] && compopt -o nospace
}
complete -o default -F _octavo octavo
""",
    "zsh": """\
#compdef octavo
_octavo() {
    local -a found
    found=("${(@f)$(octavo completion --line "${LBUFFER}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then compadd -Q -- "${found[@]}"; else _files; fi
}
(( $+functions[compdef] )) && compdef _octavo octavo
""",
    "fish": """\
complete -c octavo -f -a "(octavo completion --line (commandline -cp) 2>/dev/null)"
complete -c octavo -n "not octavo completion --line (commandline -cp) 2>/dev/null | string length -q" -F
""",
}


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo completion``."""
    parser.add_argument(
        "shell", nargs="?", metavar="SHELL", choices=SCRIPTS, help="print what this shell must read"
    )
    parser.examples("""\
examples:
  echo 'eval "$(octavo completion bash)"' >> ~/.bashrc
  echo 'eval "$(octavo completion zsh)"' >> ~/.zshrc
  octavo completion fish > ~/.config/fish/completions/octavo.fish""")


def main(args: Namespace) -> int:
    """Print the script of a shell."""
    if args.shell is None:
        raise Error("which shell?", hint="octavo completion bash, zsh or fish")
    print(SCRIPTS[args.shell], end="")
    return 0


def answer(words: Sequence[str], verbs: Mapping[str, tuple[Verb, str]]) -> int:
    """Print what a line can go on with: LINE, and perhaps "--colons"."""
    for word in candidates(words[0] if words else "", verbs, colons="--colons" in words[1:]):
        print(word)
    return 0


def candidates(line: str, verbs: Mapping[str, tuple[Verb, str]], *, colons: bool = False) -> list[str]:
    """Return the words that the last one of a command line can become; none where a file is wanted.

    ``colons``: bash takes what stands before a colon for a word of its own, so the answers go on after it.
    """
    words, current = _split(line)
    found = sorted(
        word for word in dict.fromkeys(_possible(words, current, verbs)) if word.startswith(current)
    )
    if colons and ":" in current:
        start = current.rindex(":") + 1
        found = [word[start:] for word in found]
    return found


def _split(line: str) -> tuple[list[str], str]:
    """Return the words of a line before the last one, and that, which may be empty."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    if not words or line[-1:].isspace():
        return words, ""
    return words[:-1], words[-1]


def _possible(words: Sequence[str], current: str, verbs: Mapping[str, tuple[Verb, str]]) -> Iterable[str]:
    if len(words) <= 1:
        return [*verbs, "help", "--help", "--version"]
    verb = words[1]
    if verb == "help":
        return verbs
    if verb not in verbs:
        return ()
    offered = Offered(os.getcwd())
    here = os.path.dirname(__file__)
    sources = [os.path.join(here, f"{name}.py") for name in (verb, "build", "options")]
    optional, placed = offered.grammar(verb, sources, lambda: _grammar(verb, *verbs[verb]))
    following = optional.get(words[-1])
    if following is not None:
        return following
    if current.startswith("-"):
        return optional
    if placed[:1] == [TASK] or placed[:1] == [TASKS]:
        return _targets(words, current, offered, whole=placed[0] == TASKS)
    return placed


def _grammar(verb: str, module: Verb, line: str) -> Grammar:
    """Return what a command takes."""
    parser = options.Parser(verb, line)
    module.arguments(parser)
    # argparse tells its options nowhere in public
    optional = {
        option: [str(choice) for choice in action.choices or ()] if action.nargs != 0 else None
        for action in parser._actions
        for option in action.option_strings
        if action.help != argparse.SUPPRESS
    }
    places = [action for action in parser._actions if not action.option_strings]
    for dest, sign in (("targets", TASKS), ("task", TASK)):
        if any(action.dest == dest for action in places):
            return optional, [sign]
    return optional, [str(choice) for action in places for choice in action.choices or ()]


def _targets(words: Sequence[str], current: str, offered: Offered, whole: bool) -> Iterable[str]:
    """Return the tasks of the pipeline that a line is about; with tags and "+" where a verb takes several."""
    given = [
        words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-F", "--file", "-e", "--entry-point")
    ]
    names, tags = _names(given[-1]) if given else offered.names(lambda: _names(None))
    if not whole:
        return names
    lead = current[: len(current) - len(current.lstrip("+!0123456789"))]
    return [lead + word for word in (*names, *tags)] if lead.strip("0123456789") else [*names, *tags]


def _names(file: str | None) -> tuple[list[str], list[str]]:
    """Return the names of the tasks of a pipeline, and their tags; none of one that has mistakes."""
    try:
        with projects.load(file) as project:
            tasks = list(project.graph)
    except (Error, ExceptionGroup, OSError):
        return [], []
    return [task.name for task in tasks], [f"tag:{tag}" for task in tasks for tag in task.tags]
