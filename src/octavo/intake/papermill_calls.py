"""Find calls of papermill in shell scripts, crontabs and Python, by reading them."""

from __future__ import annotations

import ast
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from itertools import pairwise

from ..dataclass import dataclass
from ..errors import Error
from ..model import Json
from ..spec import document
from .paths import last_name

#: Papermill's options that take values: how many words, and what they are.
_OPTIONS = {
    **dict.fromkeys(("-p", "--parameters", "-r", "--parameters_raw"), 2),
    **dict.fromkeys(("-f", "--parameters_file", "-y", "--parameters_yaml", "-b", "--parameters_base64"), 1),
    **dict.fromkeys(("-k", "--kernel", "-l", "--language", "--engine", "--cwd", "--start_timeout"), 1),
    **dict.fromkeys(
        ("--execution_timeout", "--start-timeout", "--execution-timeout", "--request-save-on-cell-execute"), 1
    ),
    **dict.fromkeys(("--autosave-cell-every",), 1),
}
_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)=(.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?-([^}]*))?\}|([A-Za-z_]\w*)|(\d))")
_COMMAND = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
_TIMES = re.compile(r"((?:[\d*/,A-Za-z-]+\s+){5}|@\w+\s+)(?=\S)")


@dataclass(frozen=True, slots=True)
class NotebookCall:
    """One notebook that papermill is asked to run. ``unknown`` are values that only the shell knows, by a name."""

    source: str
    output: str
    line: int
    params: Mapping[str, object] = field(default_factory=dict)
    grid: Mapping[str, list[object]] = field(default_factory=dict)
    kernel: str | None = None
    cwd: str | None = None
    #: Where the script has gone (``cd``) before the call: its paths count from there.
    folder: str = ""
    name: str = ""
    #: Tells the calls of one file apart; ``after`` has the keys of those that it waits for.
    key: str = ""
    after: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)
    schedule: str = ""
    notes: tuple[str, ...] = ()


def calls(text: str, path: str) -> list[NotebookCall]:
    """Return the calls in a shell script, a crontab or a Python file; raises Error for a Python file that is none."""
    if path.endswith(".py"):
        try:
            tree = ast.parse(text)
        except SyntaxError as error:
            raise Error(f"this is not Python: {error.msg}", f"{path}:{error.lineno}") from None
        return _Python().read(tree)
    return list(_shell(text))


def _shell(text: str) -> Iterator[NotebookCall]:
    """Yield the calls of a shell script, its variables and ``for`` loops filled in."""
    variables: dict[str, str] = {}
    loops: list[tuple[str, list[str]]] = []
    folder = ""
    number = 0
    lines = iter(text.splitlines())
    for line in lines:
        number += 1
        first = number
        while line.rstrip().endswith("\\"):
            line = line.rstrip()[:-1] + " " + next(lines, "")
            number += 1
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        schedule = ""
        if match := _TIMES.match(line):
            schedule, line = match[1].strip(), line[match.end() :]
        for part in re.split(r"\s*(?:&&|\|\||;|(?<![>&])\||(?<![>&])&(?![>&]))\s*", line):
            part = re.sub(r"^(do|then|else)\s+", "", part.strip())
            if match := re.match(r"for\s+(\w+)\s+in\s+(.*)", part):
                loops.append((match[1], _words(_filled(match[2], variables)[0])))
            elif part == "done" and loops:
                loops.pop()
            elif (words := _words(part)) and words[0] == "cd":
                folder = posixpath.join(folder, words[1]) if len(words) > 1 else ""
            elif match := _ASSIGNMENT.fullmatch(part):
                if _COMMAND.fullmatch(match[2].strip().strip('"')):
                    variables[match[1]] = match[2].strip().strip('"')
                elif len(words := _words(match[2])) <= 1:
                    variables[match[1]] = words[0] if words else ""
            elif re.search(r"\b(?:papermill|octavo\s+run)\b", part):
                for call in _command(part, first, variables, loops, schedule):
                    yield replace(call, folder=folder)


def _command(
    text: str, line: int, variables: Mapping[str, str], loops: list[tuple[str, list[str]]], schedule: str
) -> Iterator[NotebookCall]:
    known = {name: value for name, value in variables.items() if name not in dict(loops)}
    filled, unknown = _filled(text, known, tuple(name for name, _ in loops))
    words = _words(filled)
    start = next((at for at, word in enumerate(words) if word.rsplit("/", 1)[-1] == "papermill"), None)
    if start is None:
        start = next((at + 1 for at, word in enumerate(words[:-1]) if word.endswith("octavo")), None)
    if start is None:
        return
    call = _arguments(words[start + 1 :], line)
    if call is not None:
        used = {name: list(map(_typed, values)) for name, values in loops if f"[[{name}]]" in filled}
        yield replace(_with_grid(call, used), unknown=unknown, schedule=schedule)


def _with_grid(call: NotebookCall, loops: Mapping[str, list[object]]) -> NotebookCall:
    """Return a call within loops: parameters that are a loop's variable become the grid."""
    grid: dict[str, list[object]] = {}
    params = dict(call.params)
    names: dict[str, str] = {}
    for name, value in call.params.items():
        for variable, values in loops.items():
            if value == f"[[{variable}]]":
                grid[name], names[variable] = values, name
                del params[name]
    output = re.sub(r"\[\[(\w+)\]\]", lambda m: f"[[{names.get(m[1], m[1])}]]", call.output)
    lost = [variable for variable in loops if variable not in names]
    notes = tuple(f"the loop over {name} is not a parameter of the notebook: check this" for name in lost)
    return replace(call, params=params, grid=grid, output=output, notes=(*call.notes, *notes))


def _arguments(words: list[str], line: int) -> NotebookCall | None:
    """Return the call that papermill's words make; None where they name no notebook."""
    places: list[str] = []
    params: Json = {}
    options: dict[str, str] = {}
    notes: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in (">", ">>", "2>", "2>&1", "&>", "<") or word.startswith((">", "2>", "&>")):
            break
        option, equals, given = word.partition("=")
        if option not in _OPTIONS:
            places += [word] if not word.startswith("-") else []
            continue
        values = [given] if equals else []
        values += [next(rest, "") for _ in range(_OPTIONS[option] - len(values))]
        match option:
            case "-p" | "--parameters":
                params[values[0]] = _typed(values[1])
            case "-r" | "--parameters_raw":
                params[values[0]] = values[1]
            case "-y" | "--parameters_yaml":
                found = document.parse(values[0], "the command line").data
                params |= found if isinstance(found, dict) else {}
            case "-f" | "--parameters_file" | "-b" | "--parameters_base64":
                notes.append(f"its parameters are in {values[0]} too: put them here")
            case _:
                options[option] = values[0]
    if not places or "." not in places[0]:
        return None
    kernel = options.get("-k", options.get("--kernel"))
    output = places[1] if len(places) > 1 else ""
    return NotebookCall(
        places[0], output, line, params, kernel=kernel, cwd=options.get("--cwd"), notes=tuple(notes)
    )


def _typed(text: str) -> object:
    """Return a value as papermill's -p takes it: numbers, true and null, else the text."""
    words = {"True": True, "False": False, "true": True, "false": False, "None": None, "null": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _filled(
    text: str, variables: Mapping[str, str], loops: tuple[str, ...] = ()
) -> tuple[str, dict[str, str]]:
    """Return a command with its variables filled in; what only the shell knows is ``{{name}}``, told by that name."""
    unknown: dict[str, str] = {}

    def variable(match: re.Match[str]) -> str:
        name = match[1] or match[3] or f"argument_{match[4]}"
        if name in loops:
            return f"[[{name}]]"
        if name in variables:
            return command_values(variables[name], name)
        if match[2]:
            return match[2]
        unknown[name] = match[0]
        return f"{{{{{name}}}}}"

    def command_values(value: str, name: str) -> str:
        if _COMMAND.search(value) or "$" in value:
            unknown[name] = value
            return f"{{{{{name}}}}}"
        return value

    def command(match: re.Match[str]) -> str:
        words = re.findall(r"\w+", match[1] or match[2] or "")
        name = words[0] if words else "value"
        unknown[name] = match[0]
        return f"{{{{{name}}}}}"

    return _VARIABLE.sub(variable, _COMMAND.sub(command, text)), unknown


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


class _Python:
    """Reads ``papermill.execute_notebook``, Airflow's PapermillOperator, and BashOperators that call papermill."""

    def __init__(self) -> None:
        self._calls: dict[str, NotebookCall] = {}
        self._variables: dict[str, str] = {}
        self._constants: dict[str, object] = {}

    def read(self, tree: ast.Module) -> list[NotebookCall]:
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                    if (key := self._note(call)) is not None:
                        self._variables[name] = key
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    try:
                        self._constants[name] = ast.literal_eval(value)
                    except (ValueError, TypeError):
                        pass
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                self._note(node)
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.RShift | ast.LShift):
                self._arrows(node)
            elif isinstance(node, ast.Call):
                self._methods(node)
        return sorted(self._calls.values(), key=lambda call: call.line)

    def _note(self, node: ast.Call) -> str | None:
        """Take in a call of papermill, and return the key it is known by."""
        name = last_name(node.func)
        key = str(node.lineno * 1000 + node.col_offset)
        if key in self._calls:
            return key
        given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        found: NotebookCall | None = None
        if name == "execute_notebook":
            places = dict(zip(("input_path", "output_path", "parameters"), node.args, strict=False))
            found = self._call(node, {**places, **given}, "input_path", "output_path")
        elif name == "PapermillOperator":
            found = self._call(node, given, "input_nb", "output_nb")
        elif name == "BashOperator" and "bash_command" in given:
            command = self._value(given["bash_command"], {})
            found = next(iter(_shell(command)), None) if isinstance(command, str) else None
            found = found and replace(found, line=node.lineno)
        if found is None:
            return None
        task = self._value(given["task_id"], {}) if "task_id" in given else ""
        self._calls[key] = replace(found, name=str(task or ""), key=key)
        return key

    def _call(
        self, node: ast.Call, given: Mapping[str, ast.expr], source: str, output: str
    ) -> NotebookCall | None:
        unknown: dict[str, str] = {}
        if source not in given:
            return None
        params = self._value(given["parameters"], unknown) if "parameters" in given else {}
        kernel = self._value(given["kernel_name"], unknown) if "kernel_name" in given else None
        return NotebookCall(
            str(self._value(given[source], unknown)),
            str(self._value(given[output], unknown)) if output in given else "",
            node.lineno,
            params if isinstance(params, dict) else {},
            kernel=str(kernel) if kernel is not None else None,
            unknown=unknown,
        )

    def _value(self, node: ast.expr, unknown: dict[str, str]) -> object:
        """Return the value of a literal, with names of constants; what is neither is a placeholder of its own."""
        match node:
            case ast.Constant(value=str(text)):
                for name in re.findall(r"\{\{\s*([A-Za-z_]\w*)", text):
                    unknown[name] = f"Airflow's {{{{ {name} }}}}"
                return re.sub(r"\{\{\s*([A-Za-z_]\w*)[^{}]*\}\}", r"{{\1}}", text)
            case ast.Constant(value=value):
                return value
            case ast.Dict(keys=keys, values=values):
                return {
                    self._value(k, unknown): self._value(v, unknown)
                    for k, v in zip(keys, values, strict=True)
                    if k is not None
                }
            case ast.Call(func=ast.Name(id="dict"), args=[], keywords=words):
                return {word.arg: self._value(word.value, unknown) for word in words if word.arg}
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [self._value(item, unknown) for item in items]
            case ast.Name(id=name) if name in self._constants:
                return self._constants[name]
            case ast.JoinedStr(values=parts):
                return "".join(
                    str(self._value(p.value if isinstance(p, ast.FormattedValue) else p, unknown))
                    for p in parts
                )
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
        name = re.sub(r"\W+", "_", ast.unparse(node)).strip("_")[:30] or "value"
        unknown[name] = ast.unparse(node)
        return f"{{{{{name}}}}}"

    def _arrows(self, node: ast.BinOp) -> None:
        """Take in ``a >> b``, ``[a, b] >> c`` and chains of these."""
        left, right = self._ends(node.left), self._ends(node.right)
        if isinstance(node.left, ast.BinOp):
            left = self._ends(node.left.right)
        before, after = (left, right) if isinstance(node.op, ast.RShift) else (right, left)
        self._order(before, after)

    def _methods(self, node: ast.Call) -> None:
        name = last_name(node.func)
        if name == "chain":
            groups = [self._ends(argument) for argument in node.args]
            for before, after in pairwise(groups):
                self._order(before, after)
        elif (
            name in ("set_downstream", "set_upstream") and isinstance(node.func, ast.Attribute) and node.args
        ):
            mine, theirs = self._ends(node.func.value), self._ends(node.args[0])
            self._order(*((mine, theirs) if name == "set_downstream" else (theirs, mine)))

    def _order(self, before: list[str], after: list[str]) -> None:
        for key in after:
            self._calls[key] = replace(self._calls[key], after=(*self._calls[key].after, *before))

    def _ends(self, node: ast.expr) -> list[str]:
        """Return the keys of the calls that an operand of an arrow stands for."""
        match node:
            case ast.Name(id=name):
                return [self._variables[name]] if name in self._variables else []
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [key for item in items for key in self._ends(item)]
            case ast.BinOp(right=right):
                return self._ends(right)
            case ast.Call():
                key = str(node.lineno * 1000 + node.col_offset)
                return [key] if key in self._calls else []
        return []
