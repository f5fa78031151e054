"""Names that cells define and use, and IPython's syntax on the way to them."""

from __future__ import annotations

import ast
import sys
import warnings

import pytest

from octavo.reading import digest, magics
from octavo.reading.names import CellNames, names


def read(text: str) -> CellNames:
    return names(magics.parse(text))


def told(text: str) -> tuple[str, str]:
    """Return defined and used names as two short texts."""
    found = read(text)
    return " ".join(sorted(found.defines)), " ".join(sorted(found.uses))


CASES = [
    # statements
    ("x = 1", "x", ""),
    ("x = y", "x", "y"),
    ("x = x + 1", "x", "x"),
    ("x += 1", "x", "x"),
    ("x = 1; x += 1", "x", ""),
    ("x: int = y", "x", "y"),
    ("x: Frame", "", "Frame"),
    ("a, (b, *c) = d", "a b c", "d"),
    ("a = b = c", "a b", "c"),
    ("x.y = 1", "", "x"),
    ("x[k] = v", "", "k v x"),
    ("x.y += z", "", "x z"),
    ("print(x); x = 1", "x", "x"),
    ("x = 1; print(x)", "x", ""),
    ("x = 1; del x", "", ""),
    ("x = 1; del x; print(x)", "", "x"),
    ("del x", "", "x"),
    ("del x[0]", "", "x"),
    ("assert ok, message", "", "message ok"),
    ("raise Wrong(x) from e", "", "Wrong e x"),
    ("global x\nx = 1", "x", ""),
    # imports
    ("import a.b.c", "a", ""),
    ("import a.b as c", "c", ""),
    ("from a import b, c as d", "b d", ""),
    ("from a import *", "*", ""),
    ("from . import here", "here", ""),
    # control flow
    ("for i in items: total += i", "i total", "items total"),
    ("for i, x.y in items: pass\nelse: z = i", "i z", "items x"),
    ("while (line := read()): use(line)", "line", "read use"),
    ("if a: b = 1\nelse: c = 2\nprint(b, c)", "b c", "a"),
    ("with open(p) as f, lock: f.read()", "f", "lock p"),
    ("with a() as (b, c): pass", "b c", "a"),
    ("try: x = f()\nexcept E as e: print(e)\nelse: y = x\nfinally: z = 1", "x y z", "E f"),
    ("try: pass\nexcept E as e: pass\nprint(e)", "", "E e"),
    ("try: pass\nexcept* E as e: print(e)", "", "E"),
    ("async with a as b: pass\nasync for c in d: pass\nx = await e", "b c x", "a d e"),
    ("match p:\n case {'k': v, **rest}: pass\n case [x, *ys] | (x, ys): pass", "rest v x ys", "p"),
    ("match p:\n case C(q=1) as w: pass", "w", "C p"),
    ("match p:\n case Color.RED: pass\n case _: z = 1", "z", "Color p"),
    # functions
    ("def f(a, b=c, *d, e=g, **h): return a + b + i", "f", "c g i"),
    ("def f(): return f()", "f", ""),
    ("def f(): return later()\ndef later(): pass", "f later", ""),
    ("def f():\n x = 1\n return x", "f", ""),
    ("def f():\n print(x)\n x = 1", "f", ""),
    ("def f():\n global x\n x = y", "f x", "y"),
    ("def f():\n global x\n return x", "f", "x"),
    ("x = 1\ndef f():\n global x\n return x", "f x", ""),
    ("def f():\n n = 0\n def g():\n  nonlocal n\n  n += k\n return g", "f", "k"),
    ("def f():\n def g(): return a\n a = 1\n return g", "f", ""),
    ("def f(x: Int) -> Text: pass", "f", "Int Text"),
    ("@wrap(key)\ndef f(): pass", "f", "key wrap"),
    ("def f():\n import os\n return os.sep + pd.x", "f", "pd"),
    ("def f():\n for i in range(n): yield i", "f", "n"),
    ("def f():\n try: pass\n except E as e: pass\n return e", "f", "E"),
    ("def f(): return [a for a in b if a > c]", "f", "b c"),
    ("async def f(): return await g()", "f", "g"),
    ("def f(x=f0): pass\nf0 = 1", "f f0", "f0"),
    ("f = lambda x, y=z: x + y + w", "f", "w z"),
    ("f = lambda: g()\ng = 1", "f g", ""),
    # classes
    ("class A(B, metaclass=M): pass", "A", "B M"),
    ("class A:\n x = 1\n y = x", "A", ""),
    ("class A:\n y = x\n x = 1", "A", "x"),
    ("class A:\n x = 1\n def f(self): return x", "A", "x"),
    ("class A:\n x = 1\n ys = [x for _ in z]", "A", "x z"),
    ("class A:\n xs = ()\n ys = [y for y in xs]", "A", ""),
    ("class A:\n def f(self) -> 'A': return A()", "A", ""),
    ("class A:\n def f(self): return super().f() + __class__.x", "A", ""),
    ("@deco\nclass A: z: T = d", "A", "T d deco"),
    ("def f():\n class A:\n  y = x\n x = 1\n return A", "f", ""),
    # comprehensions
    ("[x for x in xs]", "", "xs"),
    ("[x for x in x]", "", "x"),
    ("{k: v for k, v in d.items() if k in keep}", "", "d keep"),
    ("[y for x in xs for y in x]", "", "xs"),
    ("[y for x in xs for y in z]", "", "xs z"),
    ("any((hit := x) > n for x in xs)", "hit", "n xs"),
    ("[[a + b for a in c] for b in d]", "", "c d"),
    ("sum(x for x in xs); x", "", "x xs"),
    ("fs = [lambda: x for x in xs]", "fs", "xs"),
    # other expressions
    ("f'{a:{width}} {b!r}'", "", "a b width"),
    ("print(repr(open))", "", ""),
    ("x if y else z", "", "x y z"),
    ("f(*a, **b, k=c)", "", "a b c f"),
    ("a[b:c, ...]", "", "a b c"),
    ("display(get_ipython(), _, __name__, _3, _i4, Out[1])", "", ""),
    # IPython's syntax
    ("%matplotlib inline\nx = y", "x", "y"),
    ("%time x = f(a)", "x", "a f"),
    ("%timeit -n 10 -r3 x = f(a)", "", "a f"),
    ("%%time\nx = f(a)", "x", "a f"),
    ("%%timeit -n 3 s = a\nx = f(s)", "", "a f"),
    ("%%capture out\nx = 1", "out x", ""),
    ("%%capture --no-stderr out\nx = 1", "out x", ""),
    ("%%bash --out listing\nfor f in *; do echo $f; done", "listing", ""),
    ("%%sql result <<\nselect * from t", "result", ""),
    ("%sql result << select 1", "result", ""),
    ("%%bigquery df --project p\nselect 1", "df", ""),
    ("%%R -i a -o b,c\nb <- a", "b c", ""),
    ("files = !ls *.py", "files", ""),
    ("here = %pwd", "here", ""),
    ("a, b = !ls\nc = b", "a b c", ""),
    ("obj?\nobj.attr??\n?obj\nx = 1", "x", ""),
    ("get_ipython().run_line_magic('time', 'x = y')", "x", "y"),
    ("get_ipython().run_cell_magic('time', '', 'x = y')", "", ""),
]


@pytest.mark.parametrize(("text", "defines", "uses"), CASES, ids=[case[0] for case in CASES])
def test_names_are_told_as_python_scopes_them(text: str, defines: str, uses: str) -> None:
    assert told(text) == (defines, uses)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters are Python 3.12")
@pytest.mark.parametrize(
    ("text", "defines", "uses"),
    [
        ("def f[T: Bound](x: T) -> list[T]: return y", "f", "Bound y"),
        ("class A[T](Base[T]):\n x: T\n def f(self) -> T: return z", "A", "Base z"),
        ("type Pair[T] = tuple[T, U]", "Pair", "U"),
    ],
)
def test_type_parameters_are_names_of_their_own(text: str, defines: str, uses: str) -> None:
    assert told(text) == (defines, uses)


# Those that use nothing, and are plain Python.
RUNNABLE = [
    text
    for text, _, uses in CASES
    if not (
        uses or "import" in text or "get_ipython" in text or text == "del x" or magics.python(text) != text
    )
]


@pytest.mark.parametrize("text", RUNNABLE)
def test_what_a_cell_defines_is_what_running_it_leaves(text: str) -> None:
    """Python itself is the oracle, for the cases that can be run alone."""
    space: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(text, "<cell>", "exec"), space)
    defines = read(text).defines - ({"x"} if "global x" in text and "x" not in space else set())
    assert defines == set(space) - {"__builtins__"}


def test_a_shell_line_may_use_names_in_braces() -> None:
    assert read("!ls {folder} {a.b} $x {print $1}").weak == {"folder", "a", "get_ipython"}
    assert read("folder = 1\n!ls {folder}").weak == {"get_ipython"}


def test_builtins_are_weak_uses_as_another_cell_may_rebind_them() -> None:
    assert read("print(input)").weak == {"print", "input"}


def test_imports_are_found_wherever_they_stand() -> None:
    text = """
import a.b, c as d
from e.f import g
from . import h
from .i import j
from __future__ import annotations
if x:
    import k
try:
    from l import m
except ImportError:
    def n():
        import o.p
class Q:
    import r
""".replace("from __future__ import annotations\n", "")
    assert read(text).imports == {"a.b", "c", "e.f", "k", "l", "o.p", "r"}
    assert read("from __future__ import annotations").imports == set()


def test_code_too_deep_to_walk_has_no_names_and_still_a_digest() -> None:
    text = "x = " + " + ".join(["y"] * 2_000)
    tree = magics.parse(text)
    assert names(tree) == CellNames()
    assert digest.normal(tree.body).count("$y") == 2_000


# What IPython itself makes of these is the same tree, so that its own transformer is the oracle.
MAGIC = [
    "%matplotlib inline",
    "%load_ext autoreload\n%autoreload 2\nimport os",
    "  \n%time x = 1",
    "!ls -la | grep 'x' > y",
    "!!ls",
    "!pip install \\\n  pandas \\\n  numpy\nx = 1",
    "files = !ls *.py",
    "a.b[0] = !ls",
    "a, b = %who_ls int",
    "x = %sql select *\\\n  from t\ny = 2",
    "if x:\n    !rm y\n    %cd ..\nelse:\n    z = !ls",
    "for f in files:\n    !echo {f} $f 'it''s'",
    "x = '''\n%not magic\n!not shell\nnot help?\n'''\n%magic",
    'f(\n  a,\n  "%s" % b,\n  c\n  % d,\n)\n!ls',
    "x = y \\\n% z\n!ls",
    "x = [\n  1, # ) ' \"\n  2,\n]\n%magic # not a comment",
    "s = 'a # b' # c '\n!ls",
    "s = f'{x!r} = !ls'\n!ls",
    'r = r"\\"\n!ls "' if False else 's = "\\\\"\n!ls',
    "a = b != c\n!ls",
    "f(x=1)\n%magic x=!y",
    "def f(a=1):\n    %time g()\n    return {\n        1: 2 }\n!ls",
    "%%bash\nls\nif x; then y; fi",
    "%%bash -s a b\nls\n",
    "\n\n%%html\n<b>x</b>",
    "%%sql x <<\nselect '''\n",
    "/f a b\nx = 1",
    ",f a b",
    ";f a b",
    ">>> x = 1\n>>> for i in x:\n...     y\n",
    "In [1]: x = 1\n   ...: y = 2",
    "    x = 1\n    y = 2\n    %z",
    "%magic a?b c",
    "x = 1 # really?\n!ls",
    "print('really?')\n!ls",
    "lambda: x\n%time -p f(x)  ",
    "async for x in y:\n    await z\n%m",
]


@pytest.mark.parametrize("text", MAGIC)
def test_magics_become_what_ipython_makes_of_them(text: str) -> None:
    from IPython.core.inputtransformer2 import TransformerManager

    theirs = ast.parse(TransformerManager().transform_cell(text))
    # IPython keeps the newline at the end of a cell magic's body, and blanks around a line magic's arguments.
    assert _loose(magics.parse(text)) == _loose(theirs)


def _loose(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = " ".join(node.value.split())
    return ast.dump(tree)


@pytest.mark.parametrize(
    "text",
    [
        "x?",
        "x??",
        "?x",
        "??x",
        "x.y?",
        "x.y.*z*?",
        "%time?",
        "%%time?",
        "?%time",
        "a[0].b?",
        "x ?",
        "%%time\n\n%%capture out\n!ls\ny = 1",
        "%%time\nx = !ls\n%pwd",
        "%%time",
        "pip install pandas",
        "ls -la",
        "cd ..",
        "%",
        "!",
        "?",
        "%%",
        "conda install -y x",
        "  ls",
        "%%writefile x.py\n)((",
        "%%javascript\nlet x = {",
        "await x",
        "!echo ' \"",
        "x = !echo ' \"",
        "%%timeit\nreturn )",
    ],
)
def test_cells_of_ipython_are_no_syntax_errors(text: str) -> None:
    magics.parse(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = (", 1),
        ("x = 1\ny = = 2", 2),
        ("%time\nx = )", 2),
        ("!ls \\\n -l\nfor", 3),
        ("%%time\n\nx = )", 3),
        ("\n\n%%capture\n!ls\nx = )", 5),
        ("'''\n%x\n'''\nx y", 4),
        ("x = '''\n", 1),
        ("pip install pandas\nx = 1", 1),
        ("x = 1\0", 1),
    ],
)
def test_a_genuine_syntax_error_has_its_own_line(text: str, line: int) -> None:
    with pytest.raises(SyntaxError) as caught:
        magics.parse(text)
    assert (caught.value.lineno or 1) == line


def test_the_lines_of_a_tree_are_those_of_the_cell() -> None:
    text = "%a\nx = !ls \\\n  -l\n\n!b \\\n c\ny = '''\n%z\n'''\nlast"
    lines = {node.id: node.lineno for node in ast.walk(magics.parse(text)) if isinstance(node, ast.Name)}
    assert {name: lines[name] for name in ("x", "y", "last")} == {"x": 2, "y": 7, "last": 10}
