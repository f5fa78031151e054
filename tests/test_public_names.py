"""The public menu: short, true, and explained."""

from __future__ import annotations

from importlib import import_module

import octavo
import octavo.project


def test_the_menu_is_at_most_twenty_names_and_all_of_them_exist() -> None:
    assert len(octavo.__all__) <= 20
    assert sorted(octavo.__all__) == sorted(name for name in dir(octavo) if name != "__version__")
    for name in octavo.__all__:
        assert getattr(octavo, name).__doc__, f"{name} has no docstring"


def test_an_unknown_name_is_an_attribute_error() -> None:
    try:
        octavo.nonsense  # noqa: B018
    except AttributeError as error:
        assert "nonsense" in str(error)
    else:
        raise AssertionError("it should not exist")


def test_a_name_stays_what_it_is_when_a_module_of_that_name_is_imported() -> None:
    import_module("octavo.load")
    import_module("octavo.project")
    assert callable(octavo.load) and octavo.load.__name__ == "load"
    assert octavo.load is octavo.project.load
