"""How each language writes values and comments: one row per language.

To add a language, add a row to ``LANGUAGES``: its comment, how it assigns, its words for nothing, true and
false, how it quotes a text, and the brackets of its lists and mappings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from ..dataclass import dataclass


class Unwritable(Exception):
    """A value has no literal in a language; the text says why."""


@dataclass(frozen=True, slots=True)
class Brackets:
    """How a container is written. ``one`` is the form of one with a single item, where that is special."""

    open: str
    close: str
    separator: str = ", "
    item: str = "{}"
    one: str = ""


@dataclass(frozen=True, slots=True)
class Language:
    """How a language writes values. ``floats`` are not-a-number, infinity and its negative.

    ``mixed`` are the brackets of items of several types; ``mapping`` may be a function of written keys and
    values; ``tuples`` and ``sets`` are written like lists where None; ``nested`` is for one in another.
    """

    text: Callable[[str], str]
    sequence: Brackets
    mapping: Brackets | Callable[[list[str], list[str]], str]
    comment: str = "# {}"
    assign: str | Callable[[object], str] = "{} = {}"
    words: tuple[str, str, str] = ("null", "true", "false")
    floats: tuple[str, str, str] = ("NaN", "Infinity", "-Infinity")
    whole: Callable[[int], str] = str
    mixed: Brackets | None = None
    tuples: Brackets | None = None
    sets: Brackets | None = None
    key: Callable[[str], str] | None = None
    any_key: bool = False
    nested: Callable[[object], str] | None = None
    wraps: bool = True
    trailing: bool = False
    names: str = r"[^\W\d]\w*"


def _python_text(text: str) -> str:
    """Quote with double quotes, unless that would need more backslashes."""
    written = str.__repr__(text)
    return written if '"' in written else f'"{written[1:-1]}"'


def _python_whole(number: int) -> str:
    try:
        return str(number)
    except ValueError:  # Python writes no more than 4,300 digits
        return hex(number)


def _quoted(extra: str = "", *, code: str = "\\u{:04x}", nul: bool = True) -> Callable[[str], str]:
    """Return a function that puts a text in double quotes and escapes what cannot stand in them as it is."""
    escapes = {
        "\\": "\\\\",
        '"': '\\"',
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        **{c: "\\" + c for c in extra},
    }

    def quoted(text: str) -> str:
        _plain(text, nul=nul)
        return (
            '"'
            + _CONTROL.sub(lambda m: code.format(ord(m[0])), "".join(escapes.get(c, c) for c in text))
            + '"'
        )

    return quoted


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


def _plain(text: str, *, nul: bool = True) -> None:
    if not nul and "\0" in text:
        raise Unwritable("a text there cannot hold the character NUL")
    if re.search("[\ud800-\udfff]", text):
        raise Unwritable("a string with half a surrogate pair is not valid Unicode")


def _whole(*limits: tuple[int, str]) -> Callable[[int], str]:
    """Return a function that writes an int by the first (bits, template) that holds it."""

    def whole(number: int) -> str:
        for bits, template in limits:
            if -(2**bits) <= number < 2**bits:
                return template.format(number)
        raise Unwritable("the number is too large to stay exact there; pass it as a text")

    return whole


def _bash_text(text: str) -> str:
    _plain(text, nul=False)
    return text if re.fullmatch(r"[\w@%+=:,./-]+", text, re.ASCII) else "'" + text.replace("'", "'\\''") + "'"


def _bash_nested(value: object) -> str:
    """Write an array within an array, which bash has not, as a text of JSON."""
    return _bash_text(json.dumps(_jsonable(value), ensure_ascii=False))


def _jsonable(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | AbstractSet):
        return [_jsonable(item) for item in value]
    return value if isinstance(value, str | int | float | None) else str(value)


def _powershell_text(text: str) -> str:
    _plain(text)
    # PowerShell takes typographic single quotes for quotes too.
    return "'" + re.sub("(['\u2018-\u201b])", r"\1\1", text) + "'"


def _matlab_text(text: str) -> str:
    _plain(text)
    pieces = re.split("([\x00-\x1f])", text)
    written = [f"char({ord(p)})" if i % 2 else '"' + p.replace('"', '""') + '"' for i, p in enumerate(pieces)]
    return " + ".join(written)


def _matlab_map(keys: list[str], values: list[str]) -> str:
    if not keys:
        return "containers.Map()"
    return f'containers.Map({{{", ".join(keys)}}}, {{{", ".join(values)}}}, "UniformValues", false)'


def _r_key(key: str) -> str:
    if not key:
        raise Unwritable("a name there cannot be empty")
    return _R_TEXT(key)


_R_TEXT = _quoted(nul=False)
_JS_TEXT = _quoted()

_JAVASCRIPT = Language(
    text=_JS_TEXT,
    sequence=Brackets("[", "]"),
    mapping=Brackets("{", "}", item="{}: {}"),
    comment="// {}",
    assign="{} = {};",
    whole=_whole((53, "{}")),
    sets=Brackets("new Set([", "])"),
    # A plain "__proto__" would set the prototype.
    key=lambda key: '["__proto__"]' if key == "__proto__" else _JS_TEXT(key),
    names=r"[^\W\d]\w*|\$[\w$]*",
)

LANGUAGES: Mapping[str, Language] = {
    "python": Language(
        text=_python_text,
        sequence=Brackets("[", "]"),
        mapping=Brackets("{", "}", item="{}: {}"),
        words=("None", "True", "False"),
        floats=('float("nan")', 'float("inf")', 'float("-inf")'),
        whole=_python_whole,
        tuples=Brackets("(", ")", one="({},)"),
        sets=Brackets("{", "}"),
        any_key=True,
        trailing=True,
    ),
    "r": Language(
        text=_R_TEXT,
        sequence=Brackets("list(", ")"),
        mapping=Brackets("list(", ")", item="{} = {}"),
        words=("NULL", "TRUE", "FALSE"),
        floats=("NaN", "Inf", "-Inf"),
        whole=_whole((53, "{}")),
        key=_r_key,
        names=r"[^\W\d_][\w.]*|\.[^\W\d][\w.]*",
    ),
    "julia": Language(
        text=_quoted("$"),
        sequence=Brackets("[", "]"),
        mapping=Brackets("Dict(", ")", item="{} => {}"),
        words=("nothing", "true", "false"),
        floats=("NaN", "Inf", "-Inf"),
        tuples=Brackets("(", ")", one="({},)"),
        sets=Brackets("Set([", "])"),
        any_key=True,
    ),
    "scala": Language(
        text=_quoted(),
        sequence=Brackets("Seq(", ")"),
        mapping=Brackets("Map(", ")", item="{} -> {}"),
        comment="// {}",
        assign="val {} = {}",
        words=("None", "true", "false"),
        floats=("Double.NaN", "Double.PositiveInfinity", "Double.NegativeInfinity"),
        whole=_whole((31, "{}"), (63, "{}L"), (20_000, 'BigInt("{}")')),
        sets=Brackets("Set(", ")"),
        any_key=True,
    ),
    "bash": Language(
        text=_bash_text,
        sequence=Brackets("(", ")", " "),
        mapping=Brackets("(", ")", " ", item="[{}]={}"),
        assign=lambda value: "declare -A {}={}" if isinstance(value, Mapping) else "{}={}",
        words=("''", "true", "false"),
        floats=("nan", "inf", "-inf"),
        key=lambda key: _bash_text(key) if key else _r_key(key),
        nested=_bash_nested,
        names=r"[A-Za-z_][A-Za-z0-9_]*",
    ),
    "javascript": _JAVASCRIPT,
    "typescript": _JAVASCRIPT,
    "ruby": Language(
        text=_quoted("#"),
        sequence=Brackets("[", "]"),
        mapping=Brackets("{", "}", item="{} => {}"),
        words=("nil", "true", "false"),
        floats=("Float::NAN", "Float::INFINITY", "-Float::INFINITY"),
        sets=Brackets("Set.new([", "])"),
        any_key=True,
        names=r"[^\W\dA-Z]\w*",
    ),
    "csharp": Language(
        text=_quoted(),
        sequence=Brackets("new [] { ", " }"),
        mixed=Brackets("new object[] { ", " }"),
        mapping=Brackets("new Dictionary<string, object> { ", " }", item="{{ {}, {} }}"),
        comment="// {}",
        assign=lambda value: "object {} = {};" if value is None else "var {} = {};",
        floats=("double.NaN", "double.PositiveInfinity", "double.NegativeInfinity"),
        whole=_whole((31, "{}"), (63, "{}L")),
    ),
    "fsharp": Language(
        text=_quoted(),
        sequence=Brackets("[", "]", "; "),
        mixed=Brackets("[", "]", "; ", item="box ({})"),
        mapping=Brackets("dict [", "]", "; ", item="{}, box ({})"),
        comment="// {}",
        assign="let {} = {}",
        words=("None", "true", "false"),
        floats=("nan", "infinity", "-infinity"),
        whole=_whole((31, "{}"), (63, "{}L"), (20_000, "{}I")),
        wraps=False,
    ),
    "powershell": Language(
        text=_powershell_text,
        # The comma keeps a list of one list from being unrolled.
        sequence=Brackets("@(", ")", one="@(,{})"),
        mapping=Brackets("[ordered]@{", "}", "; ", item="{} = {}"),
        assign="${} = {}",
        words=("$null", "$true", "$false"),
        floats=("[double]::NaN", "[double]::PositiveInfinity", "[double]::NegativeInfinity"),
        whole=_whole((63, "{}")),
        wraps=False,
    ),
    "matlab": Language(
        text=_matlab_text,
        sequence=Brackets("{", "}"),
        mapping=_matlab_map,
        comment="% {}",
        assign="{} = {};",
        words=("[]", "true", "false"),
        floats=("NaN", "Inf", "-Inf"),
        whole=_whole((53, "{}")),
        wraps=False,
        names=r"[A-Za-z]\w*",
    ),
}

ALIASES: Mapping[str, str] = {
    **dict.fromkeys(["python3", "ipython", "ipython3", "py"], "python"),
    **dict.fromkeys(["ir"], "r"),
    **dict.fromkeys(["sh", "shell"], "bash"),
    **dict.fromkeys(["js", "node", "ecmascript"], "javascript"),
    **dict.fromkeys(["ts"], "typescript"),
    **dict.fromkeys(["c#"], "csharp"),
    **dict.fromkeys(["f#"], "fsharp"),
    **dict.fromkeys(["pwsh"], "powershell"),
}
