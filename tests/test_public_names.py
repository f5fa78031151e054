"""The public menu: short, true, and explained."""

from __future__ import annotations

from importlib import import_module

import quire
import quire.project


def test_the_menu_is_at_most_twenty_names_and_all_of_them_exist() -> None:
    assert len(quire.__all__) <= 20
    assert sorted(quire.__all__) == sorted(name for name in dir(quire) if name != "__version__")
    for name in quire.__all__:
        assert getattr(quire, name).__doc__, f"{name} has no docstring"


def test_an_unknown_name_is_an_attribute_error() -> None:
    try:
        quire.nonsense  # noqa: B018
    except AttributeError as error:
        assert "nonsense" in str(error)
    else:
        raise AssertionError("it should not exist")


def test_a_name_stays_what_it_is_when_a_module_of_that_name_is_imported() -> None:
    import_module("quire.load")
    import_module("quire.project")
    assert callable(quire.load) and quire.load.__name__ == "load"
    assert quire.load is quire.project.load
