"""Calls by dotted path: what they import, what they are called with, and what is said of mistakes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from octavo.calls import invoke, resolve
from octavo.errors import SpecError
from octavo.model import Call

MODULE = """
SEVEN = 7

def given(*, product, params=None, scale=1):
    return product, params, scale

def everything(**rest):
    return rest

class Client:
    @classmethod
    def of(cls, uri, echo=False):
        made = cls()
        made.uri, made.echo = uri, echo
        return made
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "called"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "hooks.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "called"]:
        del sys.modules[name]


def call(path: str, **arguments: Any) -> Call:
    return Call(path, arguments)


@pytest.mark.usefixtures("module")
def test_a_call_gets_its_own_arguments_and_what_it_names_of_those_offered() -> None:
    offered = {"product": "a.csv", "params": {"n": 1}, "task": object()}
    assert invoke(call("called.hooks.given", scale=3), offered) == ("a.csv", {"n": 1}, 3)


@pytest.mark.usefixtures("module")
def test_what_pipeline_yaml_says_wins_over_what_is_offered() -> None:
    assert invoke(call("called.hooks.given", product="mine"), {"product": "theirs"})[0] == "mine"


@pytest.mark.usefixtures("module")
def test_a_function_that_takes_anything_gets_everything() -> None:
    assert invoke(call("called.hooks.everything", a=1), {"b": 2}) == {"a": 1, "b": 2}


@pytest.mark.usefixtures("module")
def test_a_name_may_stand_in_a_class() -> None:
    made = invoke(call("called.hooks.Client.of", uri="sqlite://"))
    assert (made.uri, made.echo) == ("sqlite://", False)


@pytest.mark.usefixtures("module")
def test_what_is_offered_is_only_made_when_it_is_named() -> None:
    asked: list[str] = []

    class Lazy(Mapping[str, Any]):
        def __getitem__(self, name: str) -> Any:
            asked.append(name)
            return name

        def __iter__(self) -> Iterator[str]:
            return iter(("product", "client"))

        def __len__(self) -> int:
            return 2

    invoke(call("called.hooks.given"), Lazy())
    assert asked == ["product"]


@pytest.mark.parametrize(
    ("path", "arguments", "message", "hint"),
    [
        ("given", {}, '"given" is not a dotted path', "checks.no_gaps"),
        ("calld.hooks.given", {}, 'no module "calld"', 'did you mean "called"?'),
        ("called.hoks.given", {}, 'no "hoks" in called', None),
        ("called.hooks.givn", {}, 'no "givn" in called.hooks', 'did you mean "given"?'),
        ("called.hooks.Client.off", {}, 'no "off" in called.hooks.Client', 'did you mean "of"?'),
        ("called.hooks.SEVEN", {}, "is not callable", None),
        ("called.hooks.given", {"scal": 2}, "has no argument scal", 'did you mean "scale"?'),
        ("called.hooks.Client.of", {}, "requires uri, which is not given", "beside dotted_path"),
    ],
)
@pytest.mark.usefixtures("module")
def test_a_mistake_names_the_path_and_what_is_near(
    path: str, arguments: dict[str, Any], message: str, hint: str | None
) -> None:
    with pytest.raises(SpecError) as caught:
        invoke(call(path, **arguments), {"product": 1} if "given" in path else {})
    assert message in caught.value.message
    if hint:
        assert hint in (caught.value.hint or "")


def test_what_a_module_lacks_itself_is_its_own_error(module: Path) -> None:
    (module / "broken.py").write_text("import not_there_at_all\n")
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        resolve(call("called.broken.fn"))
