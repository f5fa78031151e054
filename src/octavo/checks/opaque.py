"""Tell whether a cell may define names that no reader of its code can know."""

from __future__ import annotations

import ast
import re

from ..reading import magics
from ..reading.names import names
from ..reading.patterns import later
from . import Called, CodeCell, calls, dotted

#: Magics of IPython, Colab and well-known extensions that define no names, or those that ``reading.names`` knows.
_CLEAR_WORDS = """
alias alias_magic autoawait autocall automagic bookmark capture cat cd clear code_wrap colors conda
config cp debug dhist dirs doctest_mode edit ed env gui hist history html HTML javascript js
killbgscripts latex ldir less lf lk ll load_ext reload_ext unload_ext ls lsmagic lx magic mamba man
markdown matplotlib micromamba mkdir more mv notebook page pastebin pdb pdef pdoc perl pfile pinfo pinfo2
pip popd pprint precision prun psearch psource pushd pwd pycat pypy python python2 python3 quickref
rehashx rep reset rm rmdir ruby save script set_env sh bash svg SVG sx system tb time timeit unalias uv
who who_ls whos writefile xdel xmode aimport autoreload R Rpush Rpull tensorboard watermark memit mprun
lprun mrun load_js bigquery snakeviz pyinstrument scalene dotenv skip file cell nbdev_hide prefetch
unset_env connect_info qtconsole logstart logstop logon logoff logstate
"""
#: Extensions that define no names when they are loaded.
_EXTENSION_WORDS = """
autoreload tensorboard tensorboard.notebook line_profiler memory_profiler watermark nb_black lab_black
jupyter_black dotenv rpy2.ipython google.cloud.bigquery google.colab.data_table scalene snakeviz
pyinstrument jupyter_ai cython Cython nb_mypy pycodestyle_magic ruff skip_kernel_extension ipytest
wurlitzer
"""
_CLEAR = frozenset(_CLEAR_WORDS.split())
_EXTENSIONS = frozenset(_EXTENSION_WORDS.split())
#: Functions that put names into the notebook, called by their bare name or as a method.
_TABLES = frozenset(("globals", "locals", "vars"))
_BARE = frozenset(("execfile", "runfile", "init_session", "pylab"))
_METHODS = frozenset(("run_cell", "run_cell_async", "safe_execfile", "init_session"))
#: Methods that do so of a session alone: a stack has ``push`` too.
_OF_SESSION = frozenset(("push", "ex", "reset", "inject"))
_SESSION = later(r"(?:\w+\.)*(?:_?ip|ipython|_?ipy|shell|ish|session|dview|rc|client)", re.IGNORECASE)


def opaque(cell: CodeCell) -> bool:
    """Return whether any name may be there after a cell: ``%run x.py``, ``exec(text)``, ``globals().update(...)``."""
    if any(map(_call, cell.once(calls))):
        return True
    places: list[ast.Subscript | ast.Attribute] = [*cell.of(ast.Subscript), *cell.of(ast.Attribute)]
    for node in places:
        if isinstance(node.ctx, ast.Store):
            inner = node.value
            said_where = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
            if isinstance(inner, ast.Call) and dotted(inner.func) in _TABLES and not said_where:
                return True
            if dotted(inner) in ("__builtins__", "builtins") or _of_session(inner):
                return True
    return False


def _call(call: Called) -> bool:
    node, name = call.node, call.name
    last = node.func.attr if isinstance(node.func, ast.Attribute) else name
    if call.magic:
        word, text = call.magic
        if word == "load_ext":
            return text.strip() not in _EXTENSIONS
        return word not in _CLEAR
    if name == "exec":
        return len(node.args) == 1 and said(node) is None
    if name in _BARE or (last in _METHODS and name != last):
        return True
    if last in _OF_SESSION and isinstance(node.func, ast.Attribute):
        owner = node.func.value
        return bool(_SESSION.fullmatch(dotted(owner))) or "get_ipython" in ast.dump(owner)
    if last == "update" and isinstance(node.func, ast.Attribute):
        inner = node.func.value
        called = dotted(inner.func) if isinstance(inner, ast.Call) else ""
        return called in _TABLES or _of_session(inner)
    return last == "setattr" and bool(node.args) and dotted(node.args[0]) in ("builtins", "__builtins__")


def said(node: ast.Call) -> str | None:
    """Return the code that ``exec`` runs, if it stands there."""
    first = node.args[0] if node.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def defined(cell: CodeCell) -> frozenset[str]:
    """Return the names that a cell defines by text: ``exec("x = 1")``, ``globals()["x"] = 1``, ``var("x y")``."""
    found: set[str] = set()
    for call in cell.once(calls):
        last = call.name.rpartition(".")[2]
        text = said(call.node) if last == "var" or (last == "exec" and len(call.node.args) == 1) else None
        if text is None:
            continue
        if last == "var":
            found |= set(re.findall(r"[^\W\d]\w*", text))
            continue
        try:
            found |= names(magics.parse(text)).defines
        except SyntaxError:
            continue
    for node in cell.of(ast.Subscript):
        inner, key = node.value, node.slice
        if isinstance(inner, ast.Call) and dotted(inner.func) in _TABLES and isinstance(key, ast.Constant):
            found.add(str(key.value))
    return frozenset(found)


def _of_session(node: ast.AST) -> bool:
    """Return whether an expression is the table of a session's names: ``get_ipython().user_ns``."""
    return isinstance(node, ast.Attribute) and node.attr in ("user_ns", "user_global_ns")
