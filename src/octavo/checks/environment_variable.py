"""NB127: a cell needs an environment variable that nothing declares."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import Hit, Severity, Subject, at, dotted, magic_of

#: Variables that systems, Python, CI and notebooks set themselves.
_USUAL_WORDS = """
HOME USER USERNAME USERPROFILE LOGNAME PATH PWD SHELL LANG TERM TMP TEMP TMPDIR HOSTNAME DISPLAY EDITOR APPDATA
PYTHONPATH CONDA_PREFIX VIRTUAL_ENV CI GITHUB_ACTIONS COLAB_GPU COLAB_TPU_ADDR CUDA_VISIBLE_DEVICES
"""
_USUAL = frozenset(_USUAL_WORDS.split())


#: Nodes that may ask for a variable, or whether it is there.
_ASKING = (
    *(
        ast.Subscript,
        ast.Compare,
        ast.Call,
        ast.If,
        ast.IfExp,
        ast.While,
        ast.Assert,
        ast.BoolOp,
        ast.UnaryOp,
    ),
)


class EnvironmentVariable:
    """A cell needs an environment variable, without a default, that nothing in the project names.

        key = os.environ["WEATHER_KEY"]

    On another machine it fails with a KeyError, and nobody knows what to set. Name it in `.env.example`, in the README,
    in `pipeline.yaml` or wherever the project says what it needs, or give a default. Variables that the notebook sets
    itself, or loads with `load_dotenv()`, and those of the system are not reported.
    """

    code = "NB127"
    name = "environment-variable"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        if not any("env" in cell.source for cell in subject.cells):
            return  # as all ways to ask for one are called
        given = set(_USUAL)
        nodes = [(cell, node) for cell in subject.cells for node in cell.nodes if isinstance(node, _ASKING)]
        tested = {id(part) for _, node in nodes for part in _tested(node)}
        for cell, node in nodes:
            name = ""
            match node:
                case ast.Subscript(value=value, slice=ast.Constant(value=str(key)), ctx=ctx):
                    if dotted(value) in ("os.environ", "environ"):
                        given |= {key} if not isinstance(ctx, ast.Load) else set()
                        name = key if isinstance(ctx, ast.Load) else ""
                case ast.Compare(left=ast.Constant(value=str(key)), ops=[ast.In() | ast.NotIn()]):
                    given.add(key)  # it is asked whether it is there
                case ast.Call():
                    name, sets = _called(node)
                    if sets == "*":
                        return
                    given |= {sets}
                    name = "" if id(node) in tested else name
            if name and name not in given:
                given.add(name)
                if not subject.around.names(name):
                    words = f"the environment variable {name} is needed, and nothing declares it"
                    yield at(cell, node, words, "name it in .env.example or the README, or give a default")


def _tested(node: ast.AST) -> list[ast.expr]:
    """Return the expressions of which a node asks whether they are there: ``os.getenv("X") or "y"``."""
    match node:
        case ast.If() | ast.IfExp() | ast.While() | ast.Assert():
            return [node.test]
        case ast.BoolOp(values=values):
            return values[:-1]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return [operand]
        case ast.Compare(left=left):
            return [left]
        case ast.Call(func=ast.Name(id="bool"), args=[first, *_]):
            return [first]
    return []


def _called(node: ast.Call) -> tuple[str, str]:
    """Return the variable that a call needs, and the one that it sets; "*" for all that a file sets."""
    if magic := magic_of(node):
        if magic[0] in ("dotenv", "reload_dotenv"):
            return "", "*"
        word = magic[1].strip().replace("=", " ").split()
        return "", word[0] if magic[0] in ("env", "set_env") and len(word) > 1 else ""
    name = dotted(node.func)
    if name.rpartition(".")[2] in ("load_dotenv", "dotenv_values", "read_envfile", "read_env") or name in (
        "os.environ.update",
        "environ.update",
    ):
        return "", "*"
    first = node.args[0] if node.args else None
    key = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
    if name in ("os.environ.setdefault", "os.putenv", "environ.setdefault"):
        return "", key
    if name in ("os.getenv", "getenv", "os.environ.get", "environ.get"):
        return (key, "") if len(node.args) == 1 and not node.keywords else ("", key)
    return "", ""


RULE = EnvironmentVariable()
