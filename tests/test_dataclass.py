"""Our ``@dataclass`` does what the standard library's does."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import field
from typing import Any

import pytest

from octavo.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """Made by us."""

    x: int
    y: float = 0.5
    tags: list[str] = field(default_factory=list)
    note: str = field(default="", repr=False, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Standard:
    """Made by the standard library from the same lines."""

    x: int
    y: float = 0.5
    tags: list[str] = field(default_factory=list)
    note: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class One:
    """One field: a tuple of its own."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """No field at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """Equal to itself alone."""

    x: int


@dataclass(frozen=True, slots=True)
class Loud:
    """Methods of its own are kept."""

    x: int

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 7

    def __repr__(self) -> str:
        return "loud"


def test_signature_repr_and_table_of_fields_are_the_standard_librarys() -> None:
    assert str(inspect.signature(Point)) == str(inspect.signature(Standard))
    assert repr(Point(1, note="n")) == repr(Standard(1, note="n")).replace("Standard", "Point")
    assert [(each.name, each.type, each.default) for each in dataclasses.fields(Point)] == [
        (each.name, each.type, each.default) for each in dataclasses.fields(Standard)
    ]
    assert Point.__match_args__ == Standard.__match_args__
    assert dataclasses.asdict(Point(1)) == dataclasses.asdict(Standard(1))
    assert not hasattr(Point(1), "__dict__")


def test_equal_are_two_of_one_class_with_equal_compared_fields() -> None:
    assert Point(1, note="a") == Point(1, note="b") != Point(2)
    assert Point(1).__eq__(Standard(1)) is NotImplemented
    assert One(("a",)) == One(("a",)) and hash(One(("a",))) == hash(One(("a",)))
    assert Nothing() == Nothing() and hash(Nothing()) == hash(Nothing()) and repr(Nothing()) == "Nothing()"
    assert Identity(1) != Identity(1) and len({Identity(1), Identity(1)}) == 2
    assert len({One(("a",)), One(("a",)), One(("b",))}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(Point(1))  # a list is among its values
    assert (Loud(1) == 3, hash(Loud(1)), repr(Loud(1))) == (True, 7, "loud")


def test_a_default_of_a_factory_is_made_for_each() -> None:
    Point(1).tags.append("a")
    assert Point(1).tags == []


def test_nothing_can_be_set_or_deleted() -> None:
    point: Any = Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    assert point == Point(1)


@pytest.mark.parametrize("value", [Point(1, 2.0, ["a"], "n"), One(("a",)), Nothing()])
def test_copies_and_pickles_are_equal(value: Point | One | Nothing) -> None:
    assert copy.copy(value) == copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value
    assert dataclasses.replace(value) == value


def test_what_needs_more_is_left_to_the_standard_library() -> None:
    @dataclass(frozen=True, slots=True)
    class Checked:
        x: int

        def __post_init__(self) -> None:
            if self.x < 0:
                raise ValueError("negative")

    @dataclass(frozen=True, slots=True)
    class Three(One):
        size: int = 3

    @dataclass(slots=True)
    class Open:
        x: int

    with pytest.raises(ValueError, match="negative"):
        Checked(-1)
    assert Three(("a",), 4) == Three(("a",), 4) != Three(("a",))
    mutable = Open(1)
    mutable.x = 2
    assert mutable == Open(2)


def test_wrong_arguments_are_told_as_python_tells_them() -> None:
    for arguments in ((), (1, 2, 3, 4, 5)):
        with pytest.raises(TypeError) as mine:
            Point(*arguments)
        with pytest.raises(TypeError) as theirs:
            Standard(*arguments)
        assert str(mine.value).replace("Point", "Standard") == str(theirs.value)
