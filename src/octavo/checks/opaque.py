"""Tell whether a cell may define names that no reader of its code can know."""

from __future__ import annotations

import ast

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
_BARE = frozenset(("execfile", "runfile", "init_session", "pylab"))
_METHODS = frozenset(("run_cell", "run_cell_async", "push", "ex", "safe_execfile", "init_session", "inject"))


def opaque(cell: CodeCell) -> bool:
    """Return whether any name may be there after a cell: ``%run x.py``, ``exec(text)``, ``globals().update(...)``."""
    if any(map(_call, cell.once(calls))):
        return True
    places: list[ast.Subscript | ast.Attribute] = [*cell.of(ast.Subscript), *cell.of(ast.Attribute)]
    for node in places:
        if isinstance(node.ctx, ast.Store):
            inner = node.value
            if isinstance(inner, ast.Call) and dotted(inner.func) in ("globals", "locals", "vars"):
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
        return len(node.args) < 2
    if name in _BARE or (last in _METHODS and name != last):
        return True
    if last == "var" and node.args and isinstance(node.args[0], ast.Constant):  # SymPy's
        return isinstance(node.args[0].value, str)
    if last == "update" and isinstance(node.func, ast.Attribute):
        inner = node.func.value
        called = dotted(inner.func) if isinstance(inner, ast.Call) else ""
        return called in ("globals", "locals", "vars") or _of_session(inner)
    return last == "setattr" and bool(node.args) and dotted(node.args[0]) in ("builtins", "__builtins__")


def _of_session(node: ast.AST) -> bool:
    """Return whether an expression is the table of a session's names: ``get_ipython().user_ns``."""
    return isinstance(node, ast.Attribute) and node.attr in ("user_ns", "user_global_ns")
