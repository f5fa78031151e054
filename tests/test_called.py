"""What pipeline.yaml names by dotted path, looked up without importing it."""

from __future__ import annotations

import pytest

from octavo.model import Call
from octavo.reading.called import idle, missing
from projects import Folder

CHECKS = """
import functools
from elsewhere import borrowed

raise SystemExit("nobody imports this")

def plain(product, least=1): ...

def open_ended(**given): ...

def greedy(product, money): ...

@functools.cache
def decorated(money): ...

class Client:
    def __init__(self, url): ...

    @classmethod
    def of(cls, name): ...

partial = functools.partial(plain, least=2)
if True:
    def conditional(): ...
for looped in (plain,):
    pass
def nested():
    yes = (number for number in [])
    def inner():
        yield 1
def steps():
    for number in range(3):
        yield number
async def later(): ...
async def flow():
    yield 1
"""


@pytest.fixture
def checks(folder: Folder) -> str:
    folder.write("checks.py", CHECKS)
    folder.write("package/deep.py", "def check(): ...\n")
    return str(folder.path)


@pytest.mark.parametrize(
    "path",
    [
        *("plain", "open_ended", "decorated", "borrowed", "partial", "conditional", "looped", "nested"),
        *("Client", "Client.of"),
    ],
)
def test_what_a_module_binds_is_there(checks: str, path: str) -> None:
    assert missing(Call(f"checks.{path}"), checks, ("product",)) is None


@pytest.mark.parametrize(
    "path",
    ["package.deep.check", "json.dumps", "json.nothing", "sqlite3.connect", "ploomber.nothing", "math.pi"],
)
def test_packages_and_the_standard_library_are_not_looked_into(checks: str, path: str) -> None:
    assert missing(Call(path), checks) is None


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("checks.plane", 'there is no "plane" in checks', 'did you mean "plain"?'),
        ("chekcs.plain", 'there is no module "chekcs" for chekcs.plain', 'did you mean "checks"?'),
        ("package.deep.chekc", 'there is no "chekc" in package.deep', 'did you mean "check"?'),
        ("checks.greedy", "checks.greedy requires money, which is not given", "available: product"),
        ("checks.steps", "checks.steps would not run: it is a generator", "make it a plain function"),
        ("checks.later", "checks.later would not run: it is an async function", "make it a plain function"),
    ],
)
def test_what_is_not_there_or_takes_something_else_is_told(
    checks: str, path: str, message: str, hint: str
) -> None:
    error = missing(Call(path), checks, ("product",))
    assert error is not None
    assert (error.message, error.hint) == (message, hint)


def test_arguments_that_stand_beside_the_path_are_compared(checks: str) -> None:
    assert missing(Call("checks.plain", {"product": 1, "least": 2}), checks) is None
    error = missing(Call("checks.plain", {"leest": 2}), checks, ("product",))
    assert error is not None
    assert error.hint == 'did you mean "least"?'


@pytest.mark.parametrize(("positional", "fine"), [(1, True), (2, True), (3, False)])
def test_a_serializer_takes_as_many_arguments_as_it_is_given(
    checks: str, positional: int, fine: bool
) -> None:
    assert (missing(Call("checks.plain"), checks, (), positional) is None) is fine


@pytest.mark.parametrize(
    "text", ["from os import *\n", "def __getattr__(name): ...\n", "globals()['x'] = 1\n"]
)
def test_a_module_that_makes_its_names_when_it_runs_is_believed(folder: Folder, text: str) -> None:
    folder.write("made.py", text)
    assert missing(Call("made.anything"), str(folder.path)) is None


def test_a_module_that_cannot_be_read_is_told_with_its_line(folder: Folder) -> None:
    folder.write("broken.py", "x = 1\ndef (\n")
    error = missing(Call("broken.check"), str(folder.path))
    assert error is not None
    assert error.message.startswith("broken.check cannot be imported: broken.py:2:5: ")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("plain", ""),
        ("nested", ""),
        ("decorated", ""),
        ("steps", "a generator"),
        ("later", "an async function"),
        ("flow", "an async generator"),
    ],
)
def test_functions_that_do_nothing_when_they_are_called_are_told(checks: str, name: str, what: str) -> None:
    assert idle(f"checks.{name}", checks) == what
