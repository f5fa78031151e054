"""Read parameters on the command line: NAME=VALUE, NAME VALUE, files of them, and what a value means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from ..dataclass import dataclass
from ..errors import Error
from ..lazy import lazy_imports

with lazy_imports():
    from .. import remote
    from ..notebook import inject
    from ..spec import document

_KEY = "--env--"
_FILES = (".yaml", ".yml", ".json")


@dataclass(slots=True)
class Taken:
    """What was taken out of a command line before it is parsed: ``rest`` is left, ``pairs`` are by destination."""

    rest: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    pairs: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


def take(words: Sequence[str], pairs: Mapping[str, str]) -> Taken:
    """Take --env--KEY VALUE and the options that are followed by NAME VALUE out of a command line.

    The two words are taken whatever they look like: a value may begin with a dash. NAME=VALUE is one word. A key in a
    section is --env--section--key. ``pairs`` has the destination of each option.
    """
    taken = Taken()
    left = iter(words)
    for word in left:
        option, equals, text = word.partition("=")
        if word == "--":
            taken.rest += [word, *left]
        elif word in pairs:
            taken.pairs.setdefault(pairs[word], []).append(_pair(word, left))
        elif word.startswith(_KEY) and word != _KEY:
            given = text if equals else next(left, None)
            if given is None:
                raise Error(f"{option} requires a value", hint=f"{option} VALUE")
            taken.environment[option.removeprefix(_KEY).replace("--", ".")] = given
        else:
            taken.rest.append(word)
    return taken


def _pair(option: str, left: Iterator[str]) -> tuple[str, str]:
    name = next(left, None)
    if name is not None:
        first, equals, text = name.partition("=")
        if equals and first.isidentifier():
            return first, text
        if (second := next(left, None)) is not None:
            return name, second
    raise Error(f"{option} requires a name and a value", hint=f"{option} n 3, or {option} n=3")


def force(words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield the words of a command line, each with a note or None: Ploomber's -f without a file becomes --force."""
    for number, word in enumerate(words):
        following = words[number + 1] if number + 1 < len(words) else "-"
        file = following.endswith(_FILES) or "://" in following or Path(following).is_file()
        if word == "-f" and (following.startswith("-") or not file):
            yield "--force", "-f without a file of parameters is taken for --force"
        else:
            yield word, None


def params(given: Iterable[str]) -> dict[str, object]:
    """Return the values of --param."""
    found = {}
    for word in given:
        name, equals, text = word.partition("=")
        if not equals or not name.strip():
            raise Error(
                f'--param requires NAME=VALUE, not "{word}"', hint=f"-p {name.strip() or 'NAME'}=VALUE"
            )
        found[name.strip()] = value(text)
    return found


def file(path: str) -> dict[str, object]:
    """Return the parameters in a file of YAML or JSON, or behind a URL."""
    try:
        data = remote.read(path) if "://" in path else Path(path).read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Error(f"the parameters cannot be read: {reason}", path) from None
    return mapping(text, path)


def mapping(text: str, path: str) -> dict[str, object]:
    """Return the parameters in a text of YAML."""
    data = document.parse(text, path).data
    if data is None:
        return {}
    if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
        raise Error("this is not a mapping of parameters", path, hint="for example: {n: 3, city: Bern}")
    return data


def value(text: str) -> object:
    """Return what a value on the command line means: what it would mean in YAML 1.2.

    So "true" is true, "null" is None and "nan" a number, while "no" and "on" are text, alone and in lists.
    """
    plain = text.strip()
    if not plain:
        return text
    if plain in _WORDS:
        return _WORDS[plain]
    if plain[:1] in ("[", "{"):
        return document.parse(text, "command line", value).data
    if plain.lower().lstrip("+-").removeprefix(".") in ("nan", "inf", "infinity"):
        return float(plain.replace(".", "", 1))
    if plain[:1] == '"' or plain[:1] in "+-." or plain[0].isdigit():
        return inject.parse_value(text)
    return text


_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "None", "~"), None),
}
