"""Read the parameters cells of R, Julia, Scala, bash and others with a small tokenizer.

It knows no grammar. Whatever is not ``name = literal`` at the top level is stepped over, so any other code
may stand in the cell. Words that mean nothing in one language (``NULL``, ``nothing``, ``nil``) are no trouble
there, so one table serves all of them.
"""

from __future__ import annotations

import re

from ..dataclass import dataclass
from .declared import Assignment, described

_SLASHES = frozenset(["scala", "javascript", "typescript", "java", "kotlin", "c", "c++", "cpp"]) | frozenset(
    ["csharp", "fsharp", "rust", "go", "php", "groovy", "swift"]
)
_OTHER = {"matlab": "%", "octave": "%", "sql": "--", "haskell": "--", "lua": "--", "clojure": ";"}
# Languages whose double-quoted strings are filled in when they hold a "$": then they are no literals.
_FILLED = frozenset(["julia", "bash", "powershell", "perl", "php", "kotlin", "groovy"])

_WORDS: dict[str, object] = {
    **dict.fromkeys(["NULL", "null", "nil", "nothing", "None", "undefined", "NA", "$Null", "$null"], None),
    **dict.fromkeys(["TRUE", "true", "True", "T", "$True", "$true"], True),
    **dict.fromkeys(["FALSE", "false", "False", "F", "$False", "$false"], False),
    **dict.fromkeys(["Inf", "Infinity"], float("inf")),
    **dict.fromkeys(["NaN"], float("nan")),
}
_KEYWORDS = frozenset(["val", "var", "let", "const", "my", "local", "export", "declare", "global", "mutable"])
#: Constructors of lists and mappings, and the brackets that may follow them.
_CONTAINERS: dict[str, str] = {
    **dict.fromkeys(["c", "list", "List", "Seq", "Array", "Vector", "Set", "Map", "Dict"], "("),
    **dict.fromkeys(["Any", "Int", "Int64", "Float64", "String"], "["),
}
_PAIRS = frozenset(["=", "=>", "->", ":"])
_ASSIGNS = frozenset(["=", "<-", "<<-", ":="])
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}

_STRING = "|".join(
    [
        r'[rR]"(?P<dashes>-*)[(\[{](?:.|\n)*?[)\]}](?P=dashes)"',
        r'"""(?:.|\n)*?"""',
        r'"(?:\\(?:.|\n)|[^"\\])*"',
        r"'(?:\\(?:.|\n)|[^'\\])*'",
    ]
)
_NAME = r"`[^`\n]+`|\$?[^\W\d][\w.]*|\.[^\W\d][\w.]*"
_NUMBER = r"0[xX][0-9a-fA-F]+|(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][+-]?\d+)?[LlfFdDnm]?\b"
_OPERATOR = r"<<-|<-|->|=>|==|<=|>=|!=|[-+*/]=|::|:=|@\(|\r?\n|\S"


class _NotLiteral(Exception):
    """The tokens are code, and not a value."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def assignments(text: str, language: str) -> list[Assignment]:
    """Return the assignments at the top level of a cell that is not Python, in order."""
    language = language.lower()
    comment = comment_mark(language)
    tokens = _tokens(text, comment)
    lines = text.split("\n")
    found: list[Assignment] = []
    at = 0
    while at < len(tokens):
        end = _statement_end(tokens, at, frozenset() if language == "bash" else _UNFINISHED)
        if (head := _head(tokens[at:end], language)) is not None:
            name, annotation, skip = head
            value = tokens[at + skip : end]
            first = text.count("\n", 0, tokens[at].start) + 1
            stop = value[-1].end if value else tokens[end - 1].end
            _, help_ = described(lines, first, text[stop:].split("\n", 1)[0], comment)
            known, literal = _value(value, language)
            column = tokens[at].start - (text.rfind("\n", 0, tokens[at].start) + 1) + 1
            # "x=" of bash is an empty value, and no missing one.
            default = text[value[0].start : stop] if value else "" if language == "bash" else None
            found.append(Assignment(name, first, column, default, annotation, literal, known, help_))
        at = end + 1
    return found


def comment_mark(language: str) -> str:
    """Return what starts a comment in a language."""
    return "//" if language.lower() in _SLASHES else _OTHER.get(language.lower(), "#")


def _tokens(text: str, comment: str) -> list[_Token]:
    blocks = {"//": r"/\*(?:.|\n)*?\*/", "#": r"#=(?:.|\n)*?=#"}.get(comment, r"(?!)")
    pattern = re.compile(
        f"(?P<comment>{blocks}|{re.escape(comment)}[^\n]*)|(?P<string>{_STRING})|(?P<number>{_NUMBER})"
        f"|(?P<name>{_NAME})|(?P<operator>{_OPERATOR})"
    )
    found = [_Token(m.lastgroup or "", m.group(), m.start(), m.end()) for m in pattern.finditer(text)]
    return [token for token in found if token.kind != "comment"]


def _statement_end(tokens: list[_Token], at: int, unfinished: frozenset[str]) -> int:
    """Return the index of the newline or semicolon that ends a statement, or the number of tokens."""
    depth, previous = 0, ""
    for index in range(at, len(tokens)):
        token = tokens[index]
        if token.text in ("(", "[", "{", "@("):
            depth += 1
        elif token.text in (")", "]", "}"):
            depth = max(0, depth - 1)
        elif not depth and (
            token.text == ";" or (token.text in ("\n", "\r\n") and previous not in unfinished)
        ):
            return index
        if token.text not in ("\n", "\r\n"):
            previous = token.text
    return len(tokens)


_UNFINISHED = _ASSIGNS | {"+", "-", "*", "/", ",", "|", "&", "->", "=>", "::"}


def _head(tokens: list[_Token], language: str) -> tuple[str, str | None, int] | None:
    """Return name, annotation and the index of the value when the tokens are an assignment."""
    at = 0
    while at < len(tokens) and tokens[at].text in _KEYWORDS:
        at += 1
    # "declare -A x=…" of bash
    while at + 1 < len(tokens) and tokens[at].text == "-" and tokens[at + 1].kind == "name":
        at += 2
    if at >= len(tokens) or tokens[at].kind != "name":
        return None
    name, at, annotation = tokens[at].text.strip("`").removeprefix("$"), at + 1, None
    if at < len(tokens) and tokens[at].text in (":", "::"):
        start = at = at + 1
        while at < len(tokens) and tokens[at].text not in _ASSIGNS:
            at += 1
        annotation = "".join(token.text for token in tokens[start:at])
    # Only in R is a dot a part of a name; elsewhere it sets a field of something.
    if at >= len(tokens) or tokens[at].text not in _ASSIGNS or ("." in name and language != "r"):
        return None
    return name, annotation, at + 1


def _value(tokens: list[_Token], language: str) -> tuple[bool, object]:
    if language == "bash":
        return _shell_value(tokens)
    words = [token for token in tokens if token.text not in ("\n", "\r\n")]
    try:
        value, end = _literal(words, 0, language)
    except (_NotLiteral, RecursionError):
        return False, None
    return (True, value) if end == len(words) else (False, None)


def _literal(tokens: list[_Token], at: int, language: str) -> tuple[object, int]:
    """Read one value; returns it and the index behind it."""
    if at >= len(tokens):
        raise _NotLiteral
    token = tokens[at]
    follows = tokens[at + 1].text if at + 1 < len(tokens) else ""
    if token.kind == "string":
        return _text(token.text, language), at + 1
    if token.kind == "number":
        return _number(token.text), at + 1
    if token.text in ("-", "+"):
        value, end = _literal(tokens, at + 1, language)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _NotLiteral
        return (-value if token.text == "-" else value), end
    if token.kind == "name" and follows == _CONTAINERS.get(token.text):
        return _items(tokens, at + 1, language, {} if token.text in ("Map", "Dict") else [])
    if token.kind == "name" and token.text in _WORDS and follows not in ("(", "["):
        return _WORDS[token.text], at + 1
    if token.text in ("(", "[", "{", "@("):
        return _items(tokens, at, language, {} if token.text == "{" else [])
    raise _NotLiteral


def _items(tokens: list[_Token], at: int, language: str, empty: object) -> tuple[object, int]:
    """Read the items between two brackets: a list, or a dict when they are named."""
    closing = _CLOSING[tokens[at].text[-1]]
    at += 1
    values: list[object] = []
    pairs: dict[object, object] = {}
    key: object
    while at < len(tokens) and tokens[at].text != closing:
        named = at + 1 < len(tokens) and tokens[at + 1].text in _PAIRS
        if named and tokens[at].kind == "name":
            key, at = tokens[at].text.strip("`"), at + 1
        else:
            key, at = _literal(tokens, at, language)
        if named:
            if not isinstance(key, str | int | float | None):
                raise _NotLiteral
            pairs[key], at = _literal(tokens, at + 1, language)
        else:
            values.append(key)
        if at < len(tokens) and tokens[at].text in (",", ";"):
            at += 1
        elif at >= len(tokens) or tokens[at].text != closing:
            raise _NotLiteral
    if at >= len(tokens) or (values and pairs):
        raise _NotLiteral
    return pairs or values or empty, at + 1


def _text(text: str, language: str) -> str:
    if text[0] in "rR":
        return re.sub(r'^[rR]"-*.|.-*"$', "", text)
    mark = '"""' if text.startswith('"""') else text[0]
    inside = text[len(mark) : -len(mark)]
    if text[0] == '"' and (
        (language in _FILLED and "$" in inside) or (language == "ruby" and "#{" in inside)
    ):
        raise _NotLiteral
    if mark == '"""' and language == "scala":
        return inside
    return re.sub(r"\\(u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{1,4}|x[0-9a-fA-F]{1,2}|.|\n)", _unescaped, inside)


def _unescaped(match: re.Match[str]) -> str:
    code = match.group(1)
    if len(code) > 1:
        return chr(min(int(code[1:].strip("{}"), 16), 0x10FFFF))
    return _ESCAPES.get(code, code)


def _number(text: str) -> int | float:
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    digits = text.rstrip("LlfFdDnm").replace("_", "")
    return int(digits) if digits.isdigit() else float(digits)


def _shell_value(tokens: list[_Token]) -> tuple[bool, object]:
    """Read a value of bash: a word, or an array of words; ``$`` and backticks make it code."""
    if not tokens:
        return True, None
    if tokens[0].text == "(" and tokens[-1].text == ")":
        words = [_shell_word([token]) for token in tokens[1:-1] if token.text not in ("\n", "\r\n")]
        return (False, None) if None in words else (True, words)
    value = _shell_word(tokens)
    return value is not None, value


def _shell_word(tokens: list[_Token]) -> str | int | float | None:
    text, end = "", tokens[0].start
    for token in tokens:
        filled = token.text[0] == '"' and ("$" in token.text or "`" in token.text)
        if token.start != end or token.text[0] in "$`(<>|&" or filled:
            return None
        text, end = text + (token.text[1:-1] if token.kind == "string" else token.text), token.end
    return _number(text) if re.fullmatch(_NUMBER, text) else text
