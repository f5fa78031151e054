"""Names of tasks as engines take them: always allowed, and never the same for two tasks."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octavo.deploy.names import KUBERNETES, RULES, NameRule, engine_name

#: Names that are near each other: what replacing, cutting and folding case could make one of.
NEAR = st.text(alphabet="aA-_.x0 é/", max_size=6)
LONG = st.builds(lambda head, tail: head * 200 + tail, st.sampled_from("aA-é"), st.text("ab_-", max_size=3))
ANY = st.text(min_size=1, max_size=150)
NAMES = st.lists(NEAR | LONG | ANY, min_size=2, max_size=6, unique=True)


@settings(max_examples=60)
@given(NAMES, st.sampled_from(RULES))
def test_an_engine_takes_every_name_and_tells_them_apart(names: list[str], rule: NameRule) -> None:
    found = [engine_name(name, rule) for name in names]
    assert all(map(rule.takes, found))
    assert len({name if rule.cased else name.lower() for name in found}) == len(names)


@settings(max_examples=40)
@given(st.text(min_size=1, max_size=40), st.sampled_from(RULES))
def test_no_task_can_be_named_as_another_is_called(name: str, rule: NameRule) -> None:
    called = engine_name(name, rule)
    if called != name:
        assert engine_name(called, rule) != called


@pytest.mark.parametrize("rule", RULES)
def test_a_name_that_an_engine_takes_stays(rule: NameRule) -> None:
    assert engine_name("clean", rule) == "clean"
    assert engine_name("fit_model", rule).startswith(("fit_model", "fit-model-x"))


def test_a_digest_stands_where_something_was_replaced() -> None:
    assert engine_name("fit_model", KUBERNETES).rpartition("-x")[0] == "fit-model"
    assert set(engine_name("Fit", KUBERNETES)) <= {*string.ascii_lowercase, *string.digits, "-"}
