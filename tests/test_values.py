"""The laws of values as text: equal texts are equal values, and no process writes a value another way."""

from __future__ import annotations

import collections
import contextvars
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import ipaddress
import math
import pathlib
import pickle
import re
import struct
import subprocess
import sys
import threading
import types
import uuid
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo import definitions
from octavo.model import Relation
from octavo.values import Unencodable, encode

_NOW = datetime.datetime(2024, 2, 29, 12, 30, 1, 5)
_ZONED = st.datetimes(timezones=st.timezones() | st.just(datetime.UTC))
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.text(st.characters(categories=["Cs"]), max_size=2)
    | st.binary(max_size=20)
    | st.binary(max_size=20).map(bytearray)
    | st.dates()
    | st.datetimes()
    | _ZONED
    | st.times()
    | st.timedeltas()
    | st.decimals()
    | st.fractions()
    | st.uuids()
    | st.ip_addresses()
    | st.text("abc/.", max_size=8).map(pathlib.PurePosixPath)
    | st.text("abc/.", max_size=8).map(pathlib.Path)
    | st.sampled_from(
        [np.float64(1.5), np.int64(1), np.bool_(True), np.float32(1.5), pd.Timestamp(0), pd.NaT]
    )
    | st.sampled_from(
        [re.RegexFlag.I, re.compile("a"), range(3), slice(1), ..., int, len, Relation("a", "b")]
    )
)
keys = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
# of no other byte order, which copies lose
arrays = st.lists(st.integers(0, 3), max_size=6).flatmap(
    lambda it: st.sampled_from([np.array(it, kind) for kind in ("i8", "i4", "f8", "U1", "O", "bool")])
)
values = st.recursive(
    scalars | arrays,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.lists(inner, max_size=3).map(collections.deque)
        | st.dictionaries(keys, inner, max_size=3)
        | st.dictionaries(keys, inner, max_size=3).map(collections.OrderedDict)
        | st.lists(keys, max_size=3).map(collections.Counter)
        | st.sets(keys, max_size=4)
        | st.frozensets(keys, max_size=4)
        | st.lists(inner, max_size=2).map(lambda it: types.SimpleNamespace(a=it))
        | st.lists(inner, max_size=2).map(lambda it: functools.partial(max, *it))
    ),
    max_leaves=10,
)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are of the same types and bits, all the way down: what equality should be here."""
    if type(one) is not type(other):
        return False
    match one:
        case float():
            return struct.pack("d", one) == struct.pack("d", other)
        case complex():
            return same(one.real, other.real) and same(one.imag, other.imag)
        case dict():
            return same(list(one.items()), list(other.items()))
        case list() | tuple() | collections.deque():
            return len(one) == len(other) and all(map(same, one, other))
        case set() | frozenset():
            return len(one) == len(other) and all(any(same(a, b) for b in other) for a in one)
        case np.ndarray():
            return (
                one.dtype == other.dtype and one.shape == other.shape and same(one.tolist(), other.tolist())
            )
        case np.generic():
            return bool(one.tobytes() == other.tobytes())
        case types.SimpleNamespace():
            return same(vars(one), vars(other))
        case functools.partial():
            return (
                one.func is other.func and same(one.args, other.args) and same(one.keywords, other.keywords)
            )
        case decimal.Decimal():
            return str(one) == str(other)
        case datetime.datetime() | datetime.time() if one is not pd.NaT:
            return one == other and one.fold == other.fold and str(one.tzinfo) == str(other.tzinfo)
    return one is other or bool(one == other)


@given(values, values)
def test_equal_texts_are_equal_values(one: Any, other: Any) -> None:
    if encode(one) == encode(other):
        assert same(one, other)


@given(values)
def test_a_copy_has_the_same_text(value: Any) -> None:
    assert encode(copy.deepcopy(value)) == encode(value)
    assert encode(pickle.loads(pickle.dumps(value))) == encode(value)


@given(values, values)
def test_what_is_within_another_is_told_apart(one: Any, other: Any) -> None:
    inside: list[Callable[[Any], Any]] = [
        *(lambda it: [it], lambda it: (it,), lambda it: {"k": it}, lambda it: {"k": [1, it]}),
        lambda it: types.SimpleNamespace(a=it),
        lambda it: functools.partial(print, it),
    ]
    for put in inside:
        assert (encode(put(one)) == encode(put(other))) == (encode(one) == encode(other))
    assert len({encode(put(one)) for put in inside}) == len(inside)


@given(st.lists(st.text() | st.integers() | st.floats(), max_size=5))
def test_plain_data_is_no_other_than_json_would_have_it(value: list[Any]) -> None:
    if all(not isinstance(it, float) or math.isfinite(it) for it in value):
        assert eval(encode(value)) == value


@given(values)
def test_a_list_or_mapping_has_the_text_that_it_has_within_another(value: Any) -> None:
    for put in (lambda it: [it, "a"], lambda it: {"k": it, "l": 1}):
        assert encode((put(value), [])) == f"({encode(put(value))}, [])"


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


class Name(str):
    """A text of another type."""


class Few(set[str]):
    """A set of another type."""


@dataclasses.dataclass
class Point:
    x: int
    y: list[int] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    x: int


class Pair(tuple[int, int]):
    pass


Named = collections.namedtuple("Named", "a b")


class Holder:
    def __init__(self, number: int) -> None:
        self.number = number

    def act(self) -> int:
        return self.number


def adder(number: int) -> Callable[[int], int]:
    def add(other: int) -> int:
        return number + other

    return add


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


def variable(name: str, *value: object) -> contextvars.ContextVar[object]:
    return contextvars.ContextVar(name, default=value[0]) if value else contextvars.ContextVar(name)


def local(**values: object) -> threading.local:
    found = threading.local()
    vars(found).update(values)
    return found


class Measured(np.ndarray[Any, Any]):
    """An array with a unit, which a pickle of it would not have."""

    unit = ""


def measured(unit: str) -> Measured:
    found = np.zeros(1).view(Measured)
    found.unit = unit
    return found


#: Each row: values that are all different, though some reader of values or other takes them for the same.
DIFFERENT: dict[str, list[Any]] = {
    "numbers": [
        1,
        1.0,
        True,
        "1",
        1 + 0j,
        np.int64(1),
        np.float64(1),
        decimal.Decimal(1),
        fractions.Fraction(1),
    ],
    "zeros": [0, 0.0, -0.0, False, None, "", b"", [], (), {}, set(), frozenset()],
    "no numbers": [math.nan, math.inf, -math.inf, "nan", "NaN", None, np.float32(math.nan)],
    "other nans": [math.nan, struct.unpack(">d", bytes.fromhex("7ff8000000000001"))[0]],
    "decimals": [
        decimal.Decimal("1"),
        decimal.Decimal("1.0"),
        decimal.Decimal("1.00"),
        decimal.Decimal("NaN"),
    ],
    "long numbers": [10**5000, 10**5000 + 1, -(10**5000)],
    "keys": [
        {1: "a"},
        {"1": "a"},
        {1.0: "a"},
        {True: "a"},
        {None: "a"},
        {"None": "a"},
        {(1,): "a"},
        {b"1": "a"},
    ],
    "order": [{"a": 1, "b": 2}, {"b": 2, "a": 1}, collections.OrderedDict(a=1, b=2)],
    "inner order": [{"k": {"a": 1, "b": 2}}, {"k": {"b": 2, "a": 1}}],
    "mappings": [
        {"a": 1},
        types.MappingProxyType({"a": 1}),
        collections.Counter(a=1),
        collections.ChainMap({"a": 1}),
    ],
    "defaults": [collections.defaultdict(list), collections.defaultdict(set), {}],
    "sequences": [
        [1, 2],
        (1, 2),
        collections.deque([1, 2]),
        range(1, 3),
        np.array([1, 2]),
        {1, 2},
    ],
    "deques": [collections.deque([1], 1), collections.deque([1], 2), collections.deque([1])],
    "ranges": [range(3), range(4), range(0, 3, 2)],
    "bytes": [b"a", bytearray(b"a"), "a", "b'a'", memoryview(b"a").tobytes() + b"\0"],
    "texts": ["a", Relation("a"), "a ", "A", "a\n", "a\\n", "é", "e\u0301", "\ud800", "\\ud800"],
    "cut texts": ["x" * 100_000 + "a", "x" * 100_000 + "b"],
    "cut lists": [[0] * 2000 + [1], [0] * 2000 + [2]],
    "long lists of lists": [[list(range(30_000)), 1], [list(range(30_000)), 2], [[*range(29_999), 0], 1]],
    "arrays that look alike": [np.r_[0:500, 1, 0:500], np.r_[0:500, 2, 0:500]],
    "types of arrays": [np.zeros(2, kind) for kind in ("i4", "i8", ">i8", "f4", "f8", "U1", "O", "bool")],
    "shapes": [np.zeros(4), np.zeros((2, 2)), np.zeros((4, 1)), np.zeros(0), np.zeros((0, 2))],
    "small differences": [np.array([0.1 + 0.2]), np.array([0.3]), 0.1 + 0.2, 0.3],
    "records": [np.zeros(1, [("a", "i4")]), np.zeros(1, [("b", "i4")])],
    "masked": [np.ma.masked_array([1], [False]), np.ma.masked_array([1], [True])],
    "frames": [
        *(frame(a=[1, 2]), frame(a=[1, 3]), frame(b=[1, 2]), frame(a=[1.0, 2.0]), frame(a=["1", "2"])),
        *(
            frame(a=[1, 2]).set_index("a"),
            frame(a=[1, 2], b=[1, 2]),
            frame(b=[1, 2], a=[1, 2]),
            frame(a=[1, None]),
        ),
        *(frame(a=[1, 2])[::-1], pd.Series([1, 2]), pd.Series([1, 2], name="a"), pd.Index([1, 2])),
        frame(a=[1, 2]).astype({"a": "category"}),
    ],
    "long frames": [frame(a=[*range(500), n, *range(500)]) for n in range(3)],
    "dates": [
        datetime.date(2020, 1, 1),
        datetime.datetime(2020, 1, 1),
        "2020-01-01",
        pd.Timestamp("2020-01-01"),
    ],
    "times": [
        _NOW,
        _NOW.replace(fold=1),
        _NOW.replace(tzinfo=datetime.UTC),
        _NOW.replace(tzinfo=ZoneInfo("UTC")),
    ],
    "paths": [Path("a"), pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a"), "a", Path("./b/../a")],
    "addresses": [ipaddress.ip_address("1.1.1.1"), ipaddress.ip_network("1.1.1.1"), "1.1.1.1", 16843009],
    "identifiers": [uuid.UUID(int=1), uuid.UUID(int=2), str(uuid.UUID(int=1))],
    "patterns": [re.compile("a"), re.compile("a", re.I), re.compile(b"a"), "a"],
    "sets": [{1, 2}, {1, 3}, frozenset({1, 2}), {"1", "2"}, {1: 2}],
    "nothing": [None, ..., NotImplemented, type(None)],
    "views of mappings": [{"a": 1}.keys(), {"a": 1}.values(), {"a": 1}.items(), {"b": 1}.keys(), ["a"]],
    "views of bytes": [memoryview(b"a"), memoryview(b"b"), memoryview(bytearray(b"a")).cast("c"), b"a"],
    "of contexts and threads": [variable("a"), variable("a", 1), variable("a", 2), local(a=1), local(a=2)],
    "random": [np.random.default_rng(1), np.random.default_rng(2), np.random.RandomState(1)],
}
_KEPT = Holder(1)
#: The same, of what a program's own code says.
OF_PROGRAMS: dict[str, list[Any]] = {
    "enums": [Colour.RED, Colour.BLUE, Level.LOW, 1],
    "dataclasses": [Point(1), Point(2), Point(1, [1]), Slotted(1), Slotted(2), (1, []), {"x": 1, "y": []}],
    "tuples": [Named(1, 2), Named(2, 1), (1, 2), Pair((1, 2))],
    "objects": [Holder(1), Holder(2), Holder(1).act, Holder(2).act, Holder.act, Holder],
    "weak references": [weakref.ref(it) for it in (_KEPT, adder)],
    "arrays with attributes": [measured("m"), measured("kg"), np.zeros(1)],
    "partials": [functools.partial(adder, n) for n in (1, 2)] + [functools.partial(adder, number=1), adder],
    "closures": [adder(1), adder(2), adder],
    "lambdas": [lambda x: x + 1, lambda x: x + 2, lambda x: x - 1, lambda y=1: y, lambda y=2: y],
    "texts of other types": ["a", Name("a"), Relation("a")],
    "sets of other types": [Few("ab"), Few("abc"), set("ab")],
    "constants": [
        lambda: {"a", "b"},
        lambda: {"a", "c"},
        lambda x: x in ("a", "b"),
        lambda x: x in ("b", "a"),
    ],
    "attributes": [lambda x: x.a, lambda x: x.b],
    "caught": [lambda: adder(1)(1), lambda: adder(2)(1)],
    "cached": [functools.lru_cache(adder), functools.lru_cache(len), adder],
}


@pytest.mark.parametrize("kind", DIFFERENT)
def test_different_values_have_different_texts(kind: str) -> None:
    texts = [encode(value) for value in DIFFERENT[kind]]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("kind", OF_PROGRAMS)
def test_what_a_program_made_has_different_texts(kind: str) -> None:
    texts = [definitions.encode(value) for value in OF_PROGRAMS[kind]]
    assert len(set(texts)) == len(texts)


def test_no_process_writes_a_value_another_way() -> None:
    """Hash seeds, addresses and the order of imports leave no trace."""
    here = Path(__file__)
    code = (
        f"import sys; sys.path.insert(0, {str(here.parent)!r}); import test_values as t\n"
        "for table, write in ((t.DIFFERENT, t.encode), (t.OF_PROGRAMS, t.definitions.encode)):\n"
        "    for kind, values in table.items():\n"
        "        for value in values: print(kind, ascii(write(value)))\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (0, 1, 12345)
    ]
    assert len(said[0]) > 10_000
    assert said[0] == said[1] == said[2]


def test_what_contains_itself_has_a_text() -> None:
    one: list[Any] = [1]
    one.append(one)
    other: list[Any] = [1]
    other.append([1, other])
    assert encode(one) == "[1, ^1]"
    assert encode(other) != encode(one)
    again: dict[str, Any] = {"a": one}
    again["b"] = again
    assert encode(again) == '{"a": [1, ^1], "b": ^1}'


def test_what_is_shared_costs_no_more_than_once() -> None:
    value: list[Any] = []
    for _ in range(200):
        value = [value, value]
    assert len(encode(value)) < 200_000


def test_depth_is_refused_and_not_a_crash() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(Unencodable, match="nested too deeply"):
        encode(value)


@pytest.mark.parametrize(
    "value",
    [
        (n for n in [1]),
        sys.__stdin__,
        sys._getframe(),
        Holder(1),
        Colour.RED,
        adder(1),
        lambda: 1,
    ],
    ids=lambda it: type(it).__name__,
)
def test_what_cannot_be_told_apart_is_refused(value: Any) -> None:
    with pytest.raises(Unencodable):
        encode([value])


def test_a_lock_is_like_any_other() -> None:
    assert encode(threading.Lock()) == encode(threading.Lock()) != encode(threading.RLock())


def test_what_a_program_sets_in_a_module_counts_where_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings_of_mine.py").write_text("N = 1\nUNUSED = 1\ndef f(): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, Any] = {}
    exec("import settings_of_mine as s, json\ndef f(): return s.N, s.f, json.encoder", names)
    first = definitions.encode(names["f"])
    names["s"].UNUSED = 2
    assert definitions.encode(names["f"]) == first
    names["s"].N = 2
    assert definitions.encode(names["f"]) != first


def test_a_class_of_pydantic_is_the_same_in_every_process() -> None:
    pytest.importorskip("pydantic")
    code = (
        "import pydantic\nfrom octavo.definitions import encode\nJUNK = [object() for _ in range({0})]\n"
        "class It(pydantic.BaseModel):\n    a: int = 1\nprint(encode(It()))\n"
        "class It(pydantic.BaseModel):\n    a: int = 2\nprint('@', encode(It()))"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code.format(seed * 1000)],
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (0, 1)
    ]
    assert said[0] == said[1]
    one, other = said[0].split("@ ")
    assert one != other


def test_a_name_means_what_it_stands_for_now() -> None:
    names: dict[str, Any] = {"N": 1}
    code = "def inner():\n    return N\n\ndef outer():\n    return inner()\n"
    exec(code, names)
    one = definitions.encode(names["outer"])
    names["N"] = 2
    assert definitions.encode(names["outer"]) != one
    names["N"] = 1
    assert definitions.encode(names["outer"]) == one
    exec(code.replace("return N", "return -N"), names)
    assert definitions.encode(names["outer"]) != one


def test_words_about_code_are_no_code() -> None:
    plain: dict[str, Any] = {}
    exec("def f(x):\n    None\n    return x\n", plain)
    spaced: dict[str, Any] = {}
    exec("\n\n# a comment\ndef f(x):\n\n    None\n    return x  # the same\n", spaced)
    assert definitions.encode(plain["f"]) == definitions.encode(spaced["f"])


@pytest.mark.parametrize(
    "change",
    [
        *(
            "x + 1|x + 2",
            "= 1|= 2",
            "k = 3|k = 4",
            "k = 3|l = 3",
            "C(Base)|C(Other)",
            "x * 2|x * 3",
            "y: int|y: str",
        ),
        *("@staticmethod|@classmethod", "sorted|reversed", "z=1|z=2", "# more|extra = 1"),
    ],
)
def test_each_part_of_a_class_counts(change: str) -> None:
    code = """
N = 1
class Base:
    def f(self, x): return x + 1
class Other(Base): pass
class C(Base):
    k = 3
    y: int = 0
    # more
    def g(self, x, z=1): return [x * 2, N, sorted]
    @property
    def p(self): return 1
    @staticmethod
    def s(*x): return x
"""
    texts = []
    before, _, after = change.partition("|")
    for version in (code, code.replace(before, after)):
        names: dict[str, Any] = {"__name__": "a_program"}
        exec(version, names)
        texts.append(definitions.encode(names["C"]()))
    assert texts[0] != texts[1]


def test_an_implementation_registered_for_a_type_counts() -> None:
    code = """
import functools
@functools.singledispatch
def f(x): return 0
@f.register
def _(x: int): return 1
"""
    texts = []
    for version in (code, code.replace("return 1", "return 2"), code.replace("x: int", "x: str")):
        names: dict[str, Any] = {"__name__": "a_program"}
        exec(version, names)
        texts.append(definitions.encode(names["f"]))
    assert len(set(texts)) == 3
