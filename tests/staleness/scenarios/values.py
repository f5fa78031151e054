"""Values in pipeline.yaml and env.yaml: of every type, in their order."""

from __future__ import annotations

from . import Scenario

#: The value of a parameter in YAML, before and after.
_CHANGED = {
    "an int that becomes a float": ("1", "1.0"),
    "an int that becomes a bool": ("1", "true"),
    "null that becomes an empty string": ("null", "''"),
    "null that becomes false": ("null", "false"),
    "a number in a list that becomes a text": ("[1]", "['one']"),
    "zero that becomes false": ("0", "false"),
    "zero with a sign": ("0.0", "-0.0"),
    "infinity with a sign": (".inf", "-.inf"),
    "no number that becomes a text": (".nan", "'nan'"),
    "a small difference": ("0.3", "0.30000000000000004"),
    "a large number": ("1" * 300, "1" * 299 + "2"),
    "a float and an int that look alike": ("1.0e+16", "10000000000000000"),
    "a text with a space more": ("'a'", "'a '"),
    "a text that is composed": ("'\u00e9'", "'e\u0301'"),
    "a text with a line's end": ('"a"', '"a\\n"'),
    "a text in its 100,000th letter": (f"'{'x' * 100_000}a'", f"'{'x' * 100_000}b'"),
    "a list in its order": ("[a, b]", "[b, a]"),
    "a list in a list": ("[[a], b]", "[[a, b]]"),
    "a list in its 1,000th value": (str([0] * 999 + [1]), str([0] * 999 + [2])),
    "an empty list that becomes a mapping": ("[]", "{}"),
    "an empty list that becomes null": ("[]", "null"),
    "a mapping in its order": ("{b: 1, a: 2}", "{a: 2, b: 1}"),
    "an inner mapping in its order": ("{k: [{b: 1, a: 2}]}", "{k: [{a: 2, b: 1}]}"),
    "a key that becomes a text": ("{1: x}", "{'1': x}"),
    "a key that becomes a float": ("{1: x}", "{1.0: x}"),
    "a key that becomes a bool": ("{1: x}", "{true: x}"),
    "a key that becomes null": ("{'null': x}", "{null: x}"),
    "keys of many types": ("{1: a, b: 2, null: 3, 2.5: 4}", "{1: a, b: 2, null: 3, 2.5: 5}"),
    "keys of many types in their order": ("{1: a, b: 2}", "{b: 2, 1: a}"),
    "a date that becomes a day": ("2024-01-01", "2024-01-02"),
    "a merged mapping": ("{<<: {a: 1}, b: 2}", "{<<: {a: 2}, b: 2}"),
    "the order of a merged mapping": ("{<<: {b: 1}, a: 2}", "{a: 2, b: 1}"),
}
#: The same value in other words.
_SAME = {
    "an int in other digits": ("16", "0x10"),
    "a float in other digits": ("1.50", "15.0e-1"),
    "a bool in other words": ("true", "yes"),
    "a text with other quotes": ("'a b'", '"a b"'),
    "a list in another style": ("[a, b]", "\n        - a\n        - b\n"),
    "a mapping in another style": ("{a: 1, b: 2}", "\n        a: 1\n        b: 2\n"),
    "a mapping by an anchor": ("{a: &it [1], b: *it}", "{a: [1], b: [1]}"),
    "a text that spells a number": ("1", "'1'"),  # for which the dialect takes it
    "a comment": ("1", "1  # one"),
}
_STEPS = """
def make(product, value):
    product.write_text(repr(value))


def many(product, **values):
    product.write_text(repr(values))
"""
_NOTEBOOK = """
# %% tags=["parameters"]
upstream = None
product = None
value = None

# %%
from pathlib import Path

Path(product["data"]).write_text(repr(value))
"""


def _spec(value: str) -> str:
    return f"tasks:\n  - source: steps.make\n    product: out/make.txt\n    params:\n      value: {value}\n"


def _of(params: str, source: str = "steps.many") -> str:
    return f"tasks:\n  - source: {source}\n    name: make\n    product: out/make.txt\n    params: {params}\n"


def _notebook(value: str) -> str:
    products = "{nb: out/make.ipynb, data: out/make.txt}"
    return f"tasks:\n  - source: make.py\n    product: {products}\n    params: {{value: {value}}}\n"


def _table(before: str, after: str, **more: str) -> Scenario:
    return Scenario({"steps.py": _STEPS, "pipeline.yaml": before, **more}, {"pipeline.yaml": after})


_SERIALIZED = """
tasks:
  - source: steps.value
    name: make
    product: out/make.txt
    serializer: {{dotted_path: steps.save, how: {0}}}
"""
_SAVING = """
def value():
    return 1


def save(value, product, how):
    product.write_text(repr(how))
"""
_HOOKED = """
tasks:
  - source: steps.touch
    name: make
    product: out/make.txt
    on_finish: {{dotted_path: steps.write, what: {0}}}
"""
_WRITING = """
def touch(product):
    product.touch()


def write(product, what):
    product.write_text(repr(what))
"""
_GRID = """
tasks:
  - source: steps.many
    name: make-[[a]]
    product: out/make-[[a]].txt
    grid: {{a: [1, 2]}}
    params: {0}
"""
_ASKED = "tasks:\n  - {source: steps.make, product: out/make.txt, params: {value: 'asked::answer'}}\n"


def _asked(before: str, after: str) -> Scenario:
    answers = [f"def answer():\n    return {it}\n" for it in (before, after)]
    return Scenario(
        {"steps.py": _STEPS, "pipeline.yaml": _ASKED, "asked.py": answers[0]}, {"asked.py": answers[1]}
    )


_NAMED = """
tasks:
  - {source: steps.fit, name: "fit-[[n]]", product: "out/[[n]].txt", grid: {n: [VALUES]}}
"""
SCENARIOS: dict[str, Scenario] = {
    **{name: _table(_spec(was), _spec(now)) for name, (was, now) in _CHANGED.items()},
    **{
        f"{name}, which is the same": Scenario(
            {"steps.py": _STEPS, "pipeline.yaml": _spec(was)}, {"pipeline.yaml": _spec(now)}, runs=()
        )
        for name, (was, now) in _SAME.items()
    },
    "the order of keyword arguments": _table(_of("{b: 1, a: 2}"), _of("{a: 2, b: 1}")),
    "a parameter that becomes another": _table(_of("{a: 1}"), _of("{b: 1}")),
    "a parameter that is null and one that is not there": _table(_of("{a: null}"), _of("{}")),
    "a value of env.yaml": Scenario(
        {"steps.py": _STEPS, "pipeline.yaml": _spec('"{{it}}"'), "env.yaml": "it: 1\n"},
        {"env.yaml": "it: 1.0\n"},
    ),
    "a mapping of env.yaml in its order": Scenario(
        {"steps.py": _STEPS, "pipeline.yaml": _spec('"{{it}}"'), "env.yaml": "it: {b: 1, a: 2}\n"},
        {"env.yaml": "it: {a: 2, b: 1}\n"},
    ),
    "an argument of a serializer": _table(
        _SERIALIZED.format("{b: 1, a: 2}"), _SERIALIZED.format("{a: 2, b: 1}"), **{"steps.py": _SAVING}
    ),
    "the type of an argument of a serializer": _table(
        _SERIALIZED.format("1"), _SERIALIZED.format("true"), **{"steps.py": _SAVING}
    ),
    "an argument of a hook": _table(
        _HOOKED.format("{1: a}"), _HOOKED.format("{'1': a}"), **{"steps.py": _WRITING}
    ),
    "a long argument of a hook": _table(
        _HOOKED.format(f"'{'x' * 500}1'"), _HOOKED.format(f"'{'x' * 500}2'"), **{"steps.py": _WRITING}
    ),
    "a parameter beside a grid": Scenario(
        {"steps.py": _STEPS, "pipeline.yaml": _GRID.format("{c: 1, b: 1}")},
        {"pipeline.yaml": _GRID.format("{b: 1, c: 1}")},
        runs=("make-1", "make-2"),
    ),
    "an answer of a function that becomes a float": _asked("1", "1.0"),
    "an answer of a function that becomes a bool": _asked("1", "True"),
    "an answer of a function with a sign": _asked("0.0", "-0.0"),
    "an answer of a function in its order": _asked("{'b': 1, 'a': 2}", "{'a': 2, 'b': 1}"),
    "a notebook's value that becomes a float": Scenario(
        {"make.py": _NOTEBOOK, "pipeline.yaml": _notebook("1")}, {"pipeline.yaml": _notebook("1.0")}
    ),
    "a notebook's mapping in its order": Scenario(
        {"make.py": _NOTEBOOK, "pipeline.yaml": _notebook("{b: 1, a: 2}")},
        {"pipeline.yaml": _notebook("{a: 2, b: 1}")},
    ),
    "a notebook's keys of many types": Scenario(
        {"make.py": _NOTEBOOK, "pipeline.yaml": _notebook("{1: a, b: 2}")},
        {"pipeline.yaml": _notebook("{'1': a, b: 2}")},
    ),
    **{
        f"a value {where} of a grid whose names say who is who": Scenario(
            {
                "pipeline.yaml": _NAMED.replace("VALUES", "1, 2"),
                "steps.py": "def fit(product, n):\n    product.write_text(str(n))\n",
            },
            {"pipeline.yaml": _NAMED.replace("VALUES", values)},
            runs=runs,
        )
        for where, values, runs in (
            ("at the end", "1, 2, 3", ("fit-3",)),
            # the paths have numbers, as Ploomber gives them
            ("in front", "0, 1, 2", ("fit-0", "fit-1", "fit-2")),
        )
    },
}
