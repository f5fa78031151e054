"""Turn IPython syntax (magics, shell lines, help) into plain Python, line by line, without IPython.

``%x a`` becomes ``get_ipython().run_line_magic('x', 'a')`` and so on, the calls that IPython itself makes
of it: then one reader (``names``, ``digest``) reads both cells and notebooks that were exported to scripts.
A replaced line stays on its line, so that line numbers of the tree are those of the cell.
"""

from __future__ import annotations

import ast
import re

#: Cell magics that run their body as Python in the notebook's own namespace.
PYTHON_BODY = frozenset(["time", "capture", "prun", "debug", "memit", "mprun", "px", "wandb"]) | frozenset(
    ["scalene", "snakeviz", "pyinstrument", "heat", "notify"]
)
#: Magics that run Python in a namespace of its own: the body reads the notebook's names and binds none.
PYTHON_APART = frozenset(["timeit"])
#: Line magics whose argument is a Python statement.
PYTHON_LINE = frozenset(["time", "prun", "memit", "mprun", "lprun", "scalene", "snakeviz", "pyinstrument"])

# Words that IPython takes for magics without "%", in a cell of one line (automagic). Only those that people
# write so: a missed one is a syntax error of the cell, a word too many would hide one.
_AUTOMAGIC_WORDS = """
alias autoreload bookmark cat cd clear colors conda config cp env hist history less ll load load_ext
ls lsmagic magic mamba man matplotlib micromamba mkdir more mv notebook pdb pip pinfo pwd pycat pylab
quickref recall reload_ext rerun reset reset_selective rm rmdir run save sc set_env store sx system
time timeit unalias unload_ext uv who who_ls whos xmode
"""
_AUTOMAGIC = frozenset(_AUTOMAGIC_WORDS.split())
_BARE = frozenset(["clear", "ls", "ll", "lsmagic", "pwd", "pylab", "quickref", "who", "who_ls", "whos"])
_OPERATORS = tuple("=()<>,+*/%^&|[:@")

#: What may give the cells after it another syntax.
TRANSFORMS = re.compile(r"input_transformer|InputTransformer|ast_transformer|[%_.](?:re)?load_ext")
_HELP = re.compile(r"(%{0,2}[^\W\d][\w.*\[\]-]*)\s*(\?\??)\s*$")
_FLAGS = 0x400  # ast.PyCF_ONLY_AST


def parse(text: str) -> ast.Module:
    """Return the tree of a cell; raises SyntaxError, with its line, where IPython would raise it too."""
    if magic := _automagic(text):
        return tree(magic)
    try:
        return tree(text)
    except SyntaxError:
        plain = python(text)
        if plain == text:
            raise
        return tree(plain)


def python(text: str) -> str:
    """Return a cell as plain Python, each statement on the line it had."""
    lines = _unquoted(text.split("\n"))
    lead = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines[lead].startswith("%%"):
        return "\n" * lead + _cell_magic(lines[lead:])
    out: list[str] = []
    row = 0
    while row < len(lines):
        end, line = _statement(lines, row)
        out.append("\n".join(lines[row:end]) if line is None else line + "\n" * (end - row - 1))
        row = end
    return "\n".join(out)


def tree(text: str | bytes) -> ast.Module:
    """Return the tree of Python's own code; whatever stops Python from reading it raises SyntaxError."""
    try:
        tree = compile(
            text.removeprefix("\ufeff") if isinstance(text, str) else text,
            "<cell>",
            "exec",
            flags=_FLAGS,
            dont_inherit=True,
        )
    except (ValueError, MemoryError, RecursionError, OverflowError) as error:
        # Null bytes (ValueError before 3.12) and nesting beyond what Python itself can read.
        raise SyntaxError(str(error) or "too deeply nested") from None
    assert isinstance(tree, ast.Module)
    return tree


def _automagic(text: str) -> str | None:
    """Return the call for a one-line cell such as ``pip install x`` or ``ls -l``, else None."""
    line = text.strip()
    if "\n" in line or not line:
        return None
    word, _, rest = line.partition(" ")
    rest = rest.strip()
    if word not in _AUTOMAGIC or rest.startswith(_OPERATORS) or not (rest or word in _BARE):
        return None
    if rest.split(None, 1)[:1] in (["in"], ["is"], ["not"], ["and"], ["or"], ["if"]):
        return None
    return _call("run_line_magic", word, rest)


def _unquoted(lines: list[str]) -> list[str]:
    """Drop what IPython drops of pasted code: the first line's indent, ``>>>`` and ``In [1]:`` prompts."""
    first = next((line for line in lines if line.strip()), "")
    if indent := first[: len(first) - len(first.lstrip())]:
        lines = [line.removeprefix(indent) for line in lines]
        first = first.lstrip()
    if first.startswith(">>>"):
        return [re.sub(r"^(>>>|\.\.\.) ?", "", line) for line in lines]
    if re.match(r"In \[\d+\]: ", first):
        return [re.sub(r"^(In \[\d+\]: ?|\s*\.{3,}: ?)", "", line) for line in lines]
    return lines


def _cell_magic(lines: list[str]) -> str:
    name, _, argument = lines[0][2:].strip().partition(" ")
    if lines[0].rstrip().endswith("?"):
        return _help(lines[0]) + "\n" * (len(lines) - 1)
    if name in PYTHON_BODY:
        return "\n".join([_call("run_cell_magic", name, argument.strip(), ""), *_body(lines[1:])])
    body = "\n".join(lines[1:])
    return _call("run_cell_magic", name, argument.strip(), body.strip()) + "\n" * (len(lines) - 1)


def _body(lines: list[str]) -> list[str]:
    return [python("\n".join(lines))] if lines else []


def _statement(lines: list[str], row: int) -> tuple[int, str | None]:
    """Return the row after the logical line at ``row``, and its Python if it is IPython's own syntax."""
    line = lines[row]
    bare = line.lstrip()
    indent = line[: len(line) - len(bare)]
    if bare[:1] in ("%", "!", "?") or re.match(r"[,;/][^\W\d]", bare):
        end, text = _continued(lines, row)
        return end, indent + _escaped(text.strip())
    end, equals = _logical(lines, row)
    if equals is not None:
        row_of, column = equals
        stop, text = _continued(lines, row_of)
        before = "\n".join([*lines[row:row_of], lines[row_of][:column]])
        return stop, f"{before} {_assigned(text[column:].strip())}"
    if (
        end == row + 1
        and bare.rstrip().endswith("?")
        and _HELP.search(bare)
        and not _in_string_or_comment(bare)
    ):
        return end, indent + _help(bare)
    return end, None


def _continued(lines: list[str], row: int) -> tuple[int, str]:
    """Join the lines that end with a backslash, as the shell and IPython's magics do."""
    text, end = lines[row], row + 1
    while text.endswith("\\") and end < len(lines):
        text, end = text[:-1] + " " + lines[end].strip(), end + 1
    return end, text


def _escaped(line: str) -> str:
    if line.startswith("?") or (line.endswith("?") and line.startswith("%")):
        return _help(line)
    if line.startswith("!!"):
        return _call("getoutput", line[2:].strip())
    if line.startswith("!"):
        return _call("system", line[1:].strip())
    if line.startswith("%"):
        name, _, argument = line[1:].strip().partition(" ")
        return _call("run_line_magic", name, argument.strip())
    # IPython's quoting of calls: ",f a b" is f("a", "b"), ";f a b" is f("a b"), "/f a b" is f(a, b).
    name, _, argument = line[1:].partition(" ")
    if line[0] == ",":
        return f"{name}({', '.join(repr(word) for word in argument.split())})"
    return (
        f"{name}({argument!r})"
        if line[0] == ";"
        else f"{name}({', '.join(re.split(r'[, ]+', argument.strip()))})"
    )


def _assigned(text: str) -> str:
    if text.startswith("!"):
        return _call("getoutput", text[1:].strip())
    name, _, argument = text[1:].partition(" ")
    return _call("run_line_magic", name, argument.strip())


def _help(line: str) -> str:
    return _call("run_line_magic", "pinfo", line.strip(" ?"))


def _call(method: str, *arguments: str) -> str:
    return f"get_ipython().{method}({', '.join(map(ascii, arguments))})"


def _logical(lines: list[str], row: int) -> tuple[int, tuple[int, int] | None]:
    """Follow one logical line over brackets, strings and backslashes.

    Returns the row after it and, for ``name = %magic`` and ``name = !command``, where the magic stands
    (row, column after the "="). Strings and comments are stepped over: a "%" in them means nothing.
    """
    depth, quote = 0, ""
    for at in range(row, len(lines)):
        line, column, continued = lines[at], 0, False
        while column < len(line):
            char = line[column]
            if quote:
                if char == "\\":
                    column += 1
                elif line.startswith(quote, column):
                    column += len(quote) - 1
                    quote = ""
            elif char == "#":
                break
            elif char in "\"'":
                quote = char * 3 if line.startswith(char * 3, column) else char
                column += len(quote) - 1
            elif char in "([{":
                depth += 1
            elif char in ")]}":
                depth = max(0, depth - 1)
            elif char == "=" and not depth and _assigns_magic(line, column):
                return at + 1, (at, column + 1)
            elif char == "\\" and column == len(line) - 1:
                continued = True
            column += 1
        if len(quote) == 1:
            if column > len(line):  # the backslash that ends the line escapes its newline
                continue
            quote = ""
        if not (depth or quote or continued):
            return at + 1, None
    return len(lines), None


def _assigns_magic(line: str, column: int) -> bool:
    after = line[column + 1 :].lstrip()
    return after[:1] in ("%", "!") and after[:2] != "!=" and line[column - 1 : column] not in tuple("=!<>")


def _in_string_or_comment(line: str) -> bool:
    quote = ""
    for char in line:
        if quote:
            quote = "" if char == quote else quote
        elif char == "#":
            return True
        elif char in "\"'":
            quote = char
    return bool(quote)
