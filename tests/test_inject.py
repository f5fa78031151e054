"""The injected cell, a command line's values, and the check of values against what is declared."""

from __future__ import annotations

import copy
import json

import nbformat
import pytest

from books import book, cell
from octavo.errors import Errors
from octavo.model import Facts, Parameter
from octavo.notebook import loads
from octavo.notebook.inject import check, inject, parse_value
from octavo.notebook.languages import LANGUAGES
from octavo.reading.facts import facts, function


def test_the_cell_stands_after_the_parameters_cell() -> None:
    data = book(cell("# T", kind="markdown"), cell("n = 1", "parameters"), cell("n"))
    before = copy.deepcopy(data)
    made = inject(data, {"n": 3, "upstream": {"a": "out/a.csv"}}, language="python")
    assert data == before
    assert [c["source"] for c in made["cells"]] == [
        "# T",
        "n = 1",
        '# Parameters\nn = 3\nupstream = {"a": "out/a.csv"}',
        "n",
    ]
    assert made["cells"][2]["metadata"] == {"tags": ["injected-parameters"]}
    nbformat.validate(made)


def test_the_copy_shares_nothing_with_the_notebook() -> None:
    data = book(cell("n = 1", "parameters"))
    made = inject(data, {"n": 3}, language="python")
    made["cells"][0]["outputs"].append("x")
    made["metadata"]["k"] = 1
    assert data == book(cell("n = 1", "parameters"))


def test_without_a_parameters_cell_it_stands_on_top() -> None:
    made = inject(book(cell("# T", kind="markdown"), cell("n")), {"n": 3}, language="python")
    assert made["cells"][0]["source"] == "# Parameters\nn = 3"


def test_an_injected_cell_is_replaced_and_injecting_twice_is_injecting_once() -> None:
    data = book(cell("x"), cell("n = 1", "parameters"), cell("n = 2", "injected-parameters"), cell("n"))
    once = inject(data, {"n": 3}, language="python")
    assert [c["source"] for c in once["cells"]] == ["x", "n = 1", "# Parameters\nn = 3", "n"]
    assert inject(once, {"n": 3}, language="python") == once
    loose = inject(book(cell("x"), cell("n = 2", "injected-parameters")), {"n": 3}, language="python")
    assert [c["source"] for c in loose["cells"]] == ["x", "# Parameters\nn = 3"]
    assert [c["source"] for c in inject(once, {}, language="python")["cells"]] == ["x", "n = 1", "n"]


def test_a_comment_stands_for_the_tag_where_no_cell_has_it() -> None:
    data = book(cell("x"), cell("# parameters\nn = 1"), cell("n"))
    assert inject(data, {"n": 3}, language="python")["cells"][2]["source"] == "# Parameters\nn = 3"
    tagged = book(cell("# parameters\nn = 1"), cell("x"), cell("n = 1", "parameters"))
    assert inject(tagged, {"n": 3}, language="python")["cells"][3]["source"] == "# Parameters\nn = 3"


def test_the_cell_has_an_id_only_where_the_format_has_ids_and_it_is_unique() -> None:
    old = inject(book(cell("x"), minor=4), {"n": 3}, language="python")
    assert "id" not in old["cells"][0]
    nbformat.validate(old)
    data = book(cell("x"))
    assert inject(data, {"n": 3}, language="python")["cells"][0]["id"] == "injected-parameters"
    data["cells"][0]["id"] = "injected-parameters"
    made = inject(data, {"n": 3}, language="python")
    assert made["cells"][0]["id"] == "injected-parameters-2"
    nbformat.validate(made)


def test_the_first_line_is_a_comment_of_the_language() -> None:
    for language, first in {"R": "# Parameters", "scala": "// Parameters", "matlab": "% Parameters"}.items():
        source = inject(book(), {"n": 3}, language=language)["cells"][0]["source"]
        assert source.splitlines()[0] == first
    told = inject(book(), {"n": 3}, language="julia", comment="Injected.\nDo not edit.")
    assert told["cells"][0]["source"] == "# Injected.\n# Do not edit.\nn = 3"


def test_all_values_that_cannot_be_written_are_told_at_once() -> None:
    with pytest.raises(Errors) as caught:
        inject(book(), {"a": object(), "b": 1, "c-d": 1}, language="python")
    assert [str(e) for e in caught.value.exceptions] == [
        'parameter "a" cannot be written in python: there is no literal for a object',
        'parameter "c-d" is not a valid variable name in python',
    ]


def test_every_language_of_the_table_can_write_the_usual() -> None:
    for language in LANGUAGES:
        source = inject(book(), {"n": 1, "product": {"nb": "a.ipynb"}, "x": None, "y": []}, language=language)
        assert "a.ipynb" in source["cells"][0]["source"]


# --- a command line's values, and the check


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("5.0", 5.0),
        ("1e3", 1000.0),
        ("True", True),
        ("False", False),
        ("None", None),
        ("true", "true"),
        ("abc", "abc"),
        ("", ""),
        ("a=b", "a=b"),
        ("[1, 2]", [1, 2]),
        ('{"a": null}', {"a": None}),
        ('"5"', "5"),
        ("[1, 2", "[1, 2"),
        ("{x}", "{x}"),
        ("2024-01-01", "2024-01-01"),
        ("inf", float("inf")),
    ],
)
def test_a_command_lines_value_is_read_as_papermill_reads_it(text: str, value: object) -> None:
    found = parse_value(text)
    assert (found, type(found)) == (value, type(value))


def declaring(source: str) -> Facts:
    data = book(cell(source, "parameters"))
    return facts(loads(json.dumps(data).encode(), "nb.ipynb"))


FITS = [
    ("x: int = 1", 3, True),
    ("x: int = 1", True, False),
    ("x: int = 1", 3.5, False),
    ("x: int = 1", "3", False),
    ("x: int = 1", None, False),
    ("x: int = None", None, True),
    ("x: float = 1.0", 3, True),
    ("x: float = 1.0", "a", False),
    ("x: bool = True", 1, False),
    ("x: bool = True", False, True),
    ("x: str = ''", "a", True),
    ("x: str = ''", 1, False),
    ("x: list = []", [1], True),
    ("x: list = []", (1,), True),
    ("x: list = []", {}, False),
    ("x: list[int] = []", [1, 2], True),
    ("x: list[int] = []", [1, "a"], False),
    ("x: List[str] = []", [1], False),
    ("x: dict = {}", {"a": 1}, True),
    ("x: dict = {}", [1], False),
    ("x: dict[str, int] = {}", {"a": "b"}, False),
    ("x: dict[str, int] = {}", {"a": 1}, True),
    ("x: tuple[int, str] = (1, '')", [1, "a"], True),
    ("x: tuple[int, str] = (1, '')", [1], False),
    ("x: tuple[int, ...] = ()", [1, 2, 3], True),
    ("x: int | None = 1", None, True),
    ("x: int | str = 1", "a", True),
    ("x: int | None = 1", "a", False),
    ("x: Optional[int] = 1", None, True),
    ("x: Optional[int] = 1", "a", False),
    ("x: t.Union[int, str] = 1", [], False),
    ("x: 'int' = 1", "a", False),
    ("x: Literal['a', 'b'] = 'a'", "b", True),
    ("x: Literal['a', 'b'] = 'a'", "c", False),
    ("x: Frame = f()", "a", True),
    ("x: Annotated[int, 'n'] = 1", "a", False),
    ("x: set[int] = set()", [1], True),
    ("x: Path = Path('a')", "b", True),
    ("x: Path = Path('a')", 1, False),
    ("x: None = None", 1, False),
    ("x: Any = 1", "a", True),
    ("x: date = '2024-01-01'", "2024-02-02", True),
    ("x: int", 1, True),
    ("x: int", "a", False),
    ("x = 1", 2, True),
    ("x = 1", 2.5, True),
    ("x = 1.5", 2, True),
    ("x = 1", True, False),
    ("x = 1", "a", False),
    ("x = True", False, True),
    ("x = True", 1, False),
    ("x = 'a'", "b", True),
    ("x = 'a'", 1, False),
    ("x = None", "a", True),
    ("x = 1", None, True),
    ("x = [1]", ["a"], True),
    ("x = [1]", "a", False),
    ("x = {}", {"a": 1}, True),
    ("x = {}", [1], False),
    ("x = f()", "a", True),
    ("x = (1, 2)", [1], True),
    ("x = 1  # type: str", "a", True),
    ("x = 1  # type: int  the number", "a", False),
    ("x: int = 'auto'", "auto", True),
]


@pytest.mark.parametrize(("source", "value", "fits"), FITS, ids=[f"{s} <- {v!r}" for s, v, _ in FITS])
def test_a_value_is_checked_against_what_is_declared(source: str, value: object, fits: bool) -> None:
    assert (check(declaring(source), {"x": value}, where="nb.ipynb") == []) == fits


def test_a_contradiction_says_what_is_declared_and_what_came() -> None:
    (error,) = check(declaring("n: int = 3"), {"n": "abc"}, where="nb.ipynb")
    assert str(error) == (
        "nb.ipynb: parameter \"n\" must be int, not 'abc' (str)\n  hint: it is declared as n: int = 3"
    )
    (error,) = check(declaring("sample = False"), {"sample": "true"}, where="nb.ipynb")
    assert error.hint == "write True; it is declared as sample = False"


def test_an_unknown_name_lists_what_is_declared() -> None:
    found = declaring("sample = False\nn = 1\nupstream = None\nproduct = None")
    (error,) = check(found, {"sampel": True, "n": 2, "product": "x"}, where="nb.ipynb")
    assert str(error) == (
        'nb.ipynb: there is no parameter "sampel"\n  hint: did you mean "sample"? it declares: sample, n'
    )
    (error,) = check(declaring("product = None"), {"n": 2}, where="nb.ipynb")
    assert error.hint == "it declares none"


def test_a_notebook_without_a_parameters_cell_takes_any_name() -> None:
    assert check(Facts(""), {"n": 2}, where="nb.ipynb") == []


def test_functions_are_checked_as_notebooks_are() -> None:
    found = function("def get(product, n: int, k=1): pass", "tasks.py", "get")
    errors = check(found, {"n": "a", "m": 1}, where="tasks.py")
    assert [e.message for e in errors] == [
        "parameter \"n\" must be int, not 'a' (str)",
        'there is no parameter "m"',
    ]
    (error,) = check(found, {}, where="tasks.py", complete=True)
    assert error.message == 'parameter "n" needs a value: it has no default'
    assert (
        check(function("def get(product, **kw): pass", "tasks.py", "get"), {"m": 1}, where="tasks.py") == []
    )


def test_a_default_is_always_a_value_it_takes() -> None:
    facts_ = Facts("", params=(Parameter("x", "'auto'", "int", "auto", True),), parameters_cell=True)
    assert check(facts_, {"x": "auto"}, where="nb.py") == []
