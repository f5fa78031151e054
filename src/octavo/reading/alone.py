"""Tell from a notebook's code whether it must run in a process where nothing was imported ahead.

Imports are put back only where a real one would do the same, which is checked when they are reached; what is found
here saves an attempt, and finds what no check can see.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

#: Commands that install packages, wherever in a line of a shell they stand.
_INSTALLS = re.compile(
    r"\b(pip3?|pipx|uv|conda|mamba|micromamba|poetry|pdm|apt|apt-get)\b[^|;&]*\b(install|uninstall|sync|add|update|upgrade|remove)\b"
)
#: Variables that compiled libraries read when they are loaded, whoever loads them.
_VARIABLES = re.compile(
    r"(OMP|OPENBLAS|GOTO|GOMP|KMP|MKL|BLIS|VECLIB|NUMEXPR|NPY|NUMPY|ARROW|POLARS|RAYON|LLVM|CUDA|XLA|TF|TORCH|JAX|LD|MALLOC"
    r"|MPL|SCIPY|PANDAS|SKLEARN|NUMBA|KERAS|DASK|RAY|HF|TRANSFORMERS|TOKENIZERS)_\w+|MPLBACKEND|MATPLOTLIBRC"
)
_MAGICS = frozenset({"pip", "conda", "mamba", "uv", "cudf.pandas", "autoreload"})


def alone(trees: Iterable[ast.Module]) -> str:
    """Return why the cells with these trees should not find anything imported ahead; "" if they may.

    What comes after the last import means nothing to it.
    """
    found = ""
    for tree in trees:
        for node in _in_order(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                if found:
                    return found
            else:
                found = found or _reason(node)
    return ""


def _in_order(tree: ast.AST) -> Iterator[ast.AST]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(list(ast.iter_child_nodes(node))))


def _reason(node: ast.AST) -> str:
    match node:
        case ast.Call(
            func=ast.Attribute(attr="run_line_magic" | "run_cell_magic"),
            args=[ast.Constant(value=str(name)), *rest],
        ):
            words = " ".join(str(part.value) for part in rest if isinstance(part, ast.Constant))
            if name in _MAGICS or (
                name in ("bash", "sh", "script", "system", "sx") and _INSTALLS.search(words)
            ):
                return "it installs packages"
            if name in ("env", "set_env") and _VARIABLES.match(words.strip()):
                return f"it sets {words.strip().partition('=')[0].split()[0]} before an import"
        case ast.Call(
            func=ast.Attribute(attr="system" | "getoutput" | "popen"),
            args=[ast.Constant(value=str(line)), *_],
        ):
            if _INSTALLS.search(line):
                return "it installs packages"
        case ast.Call(
            func=ast.Attribute(attr="run" | "call" | "check_call" | "check_output" | "Popen"),
            args=[first, *_],
        ):
            if _INSTALLS.search(" ".join(_texts(first))):
                return "it installs packages"
        case ast.Call(
            func=ast.Attribute(attr="addaudithook" | "settrace" | "setprofile", value=ast.Name(id="sys"))
        ):
            return "it watches what Python does"
        case ast.Subscript(
            value=ast.Attribute(attr="environ"),
            slice=ast.Constant(value=str(name)),
            ctx=ast.Store() | ast.Del(),
        ):
            if _VARIABLES.match(name):
                return f"it sets {name} before an import"
        case ast.Call(
            func=ast.Attribute(attr="setdefault" | "putenv"), args=[ast.Constant(value=str(name)), *_]
        ):
            if _VARIABLES.match(name):
                return f"it sets {name} before an import"
        case ast.Call(
            func=ast.Attribute(attr="update", value=ast.Attribute(attr="environ")), args=args, keywords=named
        ):
            names = [*(text for arg in args for text in _texts(arg)), *(key.arg or "" for key in named)]
            if hit := next(filter(_VARIABLES.match, names), None):
                return f"it sets {hit} before an import"
        case ast.Call(func=ast.Attribute(attr="patch_all" | "monkey_patch")):
            return "it replaces parts of the standard library"
    return ""


def _texts(node: ast.AST) -> list[str]:
    return [
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
