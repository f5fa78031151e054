"""What functions that are tasks say about themselves."""

from __future__ import annotations

import pytest

from octavo.reading.facts import function
from octavo.reading.functions import unreached

MODULE = '''\
"""Tasks."""
import os
import pandas as pd
from pkg.sub import thing
from .near import other

LIMIT = 10


def helper(x):
    return deeper(x)


def deeper(x):
    return x


def unrelated(x):
    return x


@decorated
def clean(product, upstream, client, n: int = 3, *, flag: bool = False, path=os.sep):
    """Clean the data.

    And more.
    """
    df = helper(upstream["get"]["data"])
    more = upstream.get("extra")
    nested = [upstream[k] for k in ("x",)]
    def inner():
        return upstream["late"], upstream["get"]
    return LIMIT


def get(product):
    pass


def silent(product, upstream=None):
    pass


def dynamic(product, upstream):
    return list(upstream)


if __name__ == "__main__":
    clean("x")
'''


def test_a_function_is_understood() -> None:
    found = function(MODULE, "tasks.py", "clean")
    assert found.title == "Clean the data."
    assert found.upstream == ("get", "extra", "late")
    assert found.imports == ("os", "pandas", "pkg.sub")
    assert [(p.name, p.default, p.annotation, p.value, p.known) for p in found.params] == [
        ("n", "3", "int", 3, True),
        ("flag", "False", "bool", False, True),
        ("path", "os.sep", None, None, False),
    ]
    assert (found.language, found.kernel, found.mistakes, found.cells) == ("python", None, (), ())


def test_a_function_may_be_silent_about_upstream() -> None:
    assert function(MODULE, "tasks.py", "get").upstream is None
    assert function(MODULE, "tasks.py", "silent").upstream == ()
    assert function(MODULE, "tasks.py", "dynamic").upstream is None
    assert function("def f(product):\n    return upstream['x']", "a.py", "f").upstream is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return LIMIT", "return LIMIT + 1"),
        ("return deeper(x)", "return deeper(x, 1)"),
        ("def deeper(x):\n    return x", "def deeper(x):\n    return -x"),
        ("LIMIT = 10", "LIMIT = 11"),
        ("import pandas as pd", "import polars as pd"),
        ("@decorated\n", ""),
        ("n: int = 3", "n: int = 4"),
    ],
)
def test_what_a_function_reaches_changes_its_digest(old: str, new: str) -> None:
    assert old in MODULE
    changed = MODULE.replace(old, new)
    assert function(changed, "tasks.py", "clean").digest != function(MODULE, "tasks.py", "clean").digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def unrelated(x):\n    return x", "def unrelated(x):\n    return y"),
        ("def get(product):\n    pass", ""),
        ('"""Clean the data.', '"""Clean the data well.'),
        ("LIMIT = 10", "# ten\nLIMIT  =  10"),
        ('    clean("x")', '    clean("y")'),
    ],
)
def test_what_a_function_does_not_reach_leaves_its_digest(old: str, new: str) -> None:
    assert old in MODULE
    changed = MODULE.replace(old, new)
    assert function(changed, "tasks.py", "clean").digest == function(MODULE, "tasks.py", "clean").digest


def test_functions_that_importing_the_module_calls_count() -> None:
    module = "def setup():\n    return 1\n\nTABLE = setup()\n\ndef f(product):\n    pass\n"
    changed = module.replace("return 1", "return 2")
    assert function(module, "a.py", "f").digest != function(changed, "a.py", "f").digest


def test_two_functions_of_one_module_have_two_digests() -> None:
    module = "def f(product): pass\ndef g(product): pass\n"
    assert function(module, "a.py", "f").digest != function(module, "a.py", "g").digest


def test_a_function_may_be_defined_in_a_block_or_be_async() -> None:
    module = (
        "try:\n    import x\nexcept ImportError:\n    def f(product, n=1): pass\nasync def g(product): pass"
    )
    assert [p.name for p in function(module, "a.py", "f").params] == ["n"]
    assert function(module, "a.py", "g").mistakes == ()
    assert function(module, "a.py", "f").digest != function(module.replace("n=1", "n=2"), "a.py", "f").digest


@pytest.mark.parametrize(
    ("module", "said", "line"),
    [
        (
            "def get(product): pass\ndef fit(product): pass",
            'no function "gett" in a.py — did you mean "get"?',
            0,
        ),
        ("def other(product): pass", "it defines: other", 0),
        ("x = 1", "it defines no functions", 0),
        (
            "import os\nfrom .near import gett",
            'only imported — name the module that defines it: it comes from ".near"',
            2,
        ),
        ("from near import b as gett", 'it comes from "near"', 1),
        ("class gett: pass", "is a class", 1),
        ("x = 1\ndef gett(:\n", "syntax error", 2),
    ],
)
def test_a_function_that_is_not_there_is_a_mistake(module: str, said: str, line: int) -> None:
    ((message, place),) = function(module, "a.py", "gett").mistakes
    assert said in message
    assert (place.path, place.line) == ("a.py", line)


def test_a_callable_that_is_made_by_an_expression_is_taken_as_it_is() -> None:
    found = function("from functools import partial\nget = partial(print, 1)", "a.py", "get")
    assert (found.mistakes, found.params, found.parameters_cell, found.upstream) == ((), (), False, None)


@pytest.mark.parametrize(
    "other",
    [
        *(
            "@mark\ndef other(): return {}",
            "class other(Base): n = {}",
            "class other(metaclass=Meta): n = {}",
        ),
        *("class other:\n    n = mark({})", "class other:\n    mark({})", "class other:\n    n = Field({})"),
        *("def other(n=mark({})): pass", "def other(*, n=mark({})): pass", "def other(n: mark({})): pass"),
        *("def other() -> mark({}): pass", "class other:\n    def m(self, n=mark({})): pass"),
        *(
            "async def other(n=mark({})): pass",
            "if x:\n    def other(): return {}",
            "def __getattr__(n): return {}",
        ),
        *("class other:\n    @mark({})\n    def m(self): pass", "class other:\n    n: mark({}) = 1"),
    ],
)
def test_a_definition_that_does_something_when_it_is_imported_counts(other: str) -> None:
    one, two = (f"{other.format(n)}\n\ndef f(product):\n    pass\n" for n in (1, 2))
    assert function(one, "a.py", "f").digest != function(two, "a.py", "f").digest


@pytest.mark.parametrize(
    "other",
    [
        *(
            "def other(n=1, *m, k=-2, **o): return {}",
            "def other(n: list[int] | None = None) -> 'X': return {}",
        ),
        *(
            "class other:\n    n = {}",
            "class other(object):\n    n: int = {}\n    m = ({}, [{}], {{'a': {}}})",
        ),
        *(
            "class other:\n    @property\n    def m(self): return {}",
            "async def other(path=os.sep): return {}",
        ),
        "class other:\n    'words'\n    @staticmethod\n    def m(): return {}\n    pass",
    ],
)
def test_a_definition_that_only_binds_its_name_does_not_count(other: str) -> None:
    one, two = (f"{other.format(*[n] * 9)}\n\ndef f(product):\n    pass\n" for n in (1, 2))
    assert function(one, "a.py", "f").digest == function(two, "a.py", "f").digest
    assert unreached(one, "a.py", "f") == {"other"}
    used = one.replace("pass\n", "other()\n")
    assert unreached(used, "a.py", "f") == set()


def test_deep_code_is_read() -> None:
    deep = f"def other(n={'+'.join(['1'] * 2000)}): pass\n\ndef f(product):\n    return {'+'.join(['1'] * 2000)}\n"
    assert unreached(deep, "a.py", "f") == {"other"}


def test_a_name_in_a_text_or_behind_a_dot_is_no_use_of_a_function() -> None:
    module = "def get(): pass\n\ndef f(product, upstream):\n    return upstream['get'], upstream.get('x')\n"
    assert unreached(module, "a.py", "f") == {"get"}
