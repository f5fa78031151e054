"""Values as literals of languages, read back by the languages themselves where they are installed."""

from __future__ import annotations

import datetime
import json
import math
import re
import shutil
import subprocess
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octavo.errors import ParameterError
from octavo.notebook.inject import literal
from octavo.notebook.translate import assignment

# Texts of any Unicode but half surrogate pairs.
texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts


def nested(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=25,
    )


python_values = st.recursive(
    scalars
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters(categories=["Cs", "L"])),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.integers() | texts, inner, max_size=5)
        | st.sets(st.integers() | texts, max_size=5)
        | st.frozensets(st.integers(), max_size=5)
    ),
    max_leaves=25,
)


def same(left: object, right: object) -> bool:
    """Compare values and types, NaN being itself and -0.0 not 0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float) and isinstance(right, float):
        return (math.isnan(left) and math.isnan(right)) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(map(same, left.values(), right.values()))
    return left == right


@given(python_values)
def test_a_python_literal_is_its_value(value: object) -> None:
    assert same(eval(literal(value, "python")), value)


@given(python_values, st.integers(0, 60))
def test_an_assignment_of_any_length_is_its_value(value: object, length: int) -> None:
    space: dict[str, object] = {}
    name = "x" * (length + 1)
    exec(assignment(name, value, "python"), space)
    assert same(space[name], value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "None"),
        (True, "True"),
        (float("nan"), 'float("nan")'),
        (float("-inf"), 'float("-inf")'),
        ("it", '"it"'),
        ("it's", '"it\'s"'),
        ('a "b"', "'a \"b\"'"),
        ("a\nb\\c", '"a\\nb\\\\c"'),
        ((1,), "(1,)"),
        (set(), "set()"),
        ({3, 1, 2}, "{1, 2, 3}"),
        (frozenset(), "frozenset()"),
        (PurePosixPath("out/x.csv"), '"out/x.csv"'),
        (datetime.date(2024, 2, 29), '"2024-02-29"'),
        (datetime.datetime(2024, 2, 29, 12), '"2024-02-29T12:00:00"'),
    ],
)
def test_python_literals_look_as_a_person_would_write_them(value: object, written: str) -> None:
    assert literal(value, "python") == written


def test_a_number_too_long_for_pythons_digits_is_written_in_hexadecimal() -> None:
    assert literal(10**5000, "python") == hex(10**5000)


def test_numbers_of_numpy_and_enums_are_written_as_plain_numbers() -> None:
    np = pytest.importorskip("numpy")
    assert literal(np.float64(1.5), "python") == "1.5"
    assert literal([np.int64(3), np.bool_(True)], "python") == "[3, True]"
    assert literal(np.arange(3), "r") == "list(0, 1, 2)"


def test_a_long_value_has_one_item_on_each_line() -> None:
    value = {"raw": "data/" + "a" * 40, "all": ["b" * 30, "c" * 30, ("d" * 30,)], "n": 1}
    assert assignment("upstream", value, "python") == (
        "upstream = {\n"
        f'    "raw": "data/{"a" * 40}",\n'
        '    "all": [\n'
        f'        "{"b" * 30}",\n'
        f'        "{"c" * 30}",\n'
        f'        ("{"d" * 30}",),\n'
        "    ],\n"
        '    "n": 1,\n'
        "}"
    )
    assert assignment("x", ("d" * 90,), "python") == f'x = (\n    "{"d" * 90}",\n)'
    assert assignment("x", ["d" * 90, 1], "r") == f'x = list(\n    "{"d" * 90}",\n    1\n)'
    assert "\n" not in assignment("x", ["d" * 90, 1], "matlab")


def test_a_line_of_exactly_88_columns_is_not_broken() -> None:
    assert len(assignment("x", ["d" * 80], "python")) == 88
    assert assignment("x", ["d" * 81], "python").count("\n") == 2


SAMPLE = {
    "s": 'a "$b" #{c} \\ \n é',
    "n": None,
    "l": [1, 2.5, True],
    "i": [float("inf"), float("nan")],
    "e": [],
}

WRITTEN = {
    "r": r'list("s" = "a \"$b\" #{c} \\ \n é", "n" = NULL, "l" = list(1, 2.5, TRUE), '
    '"i" = list(Inf, NaN), "e" = list())',
    "julia": r'Dict("s" => "a \"\$b\" #{c} \\ \n é", "n" => nothing, "l" => [1, 2.5, true], '
    '"i" => [Inf, NaN], "e" => [])',
    "scala": r'Map("s" -> "a \"$b\" #{c} \\ \n é", "n" -> None, "l" -> Seq(1, 2.5, true), '
    '"i" -> Seq(Double.PositiveInfinity, Double.NaN), "e" -> Seq())',
    "javascript": r'{"s": "a \"$b\" #{c} \\ \n é", "n": null, "l": [1, 2.5, true], "i": [Infinity, NaN], "e": []}',
    "ruby": r'{"s" => "a \"$b\" \#{c} \\ \n é", "n" => nil, "l" => [1, 2.5, true], '
    '"i" => [Float::INFINITY, Float::NAN], "e" => []}',
    "csharp": r'new Dictionary<string, object> { { "s", "a \"$b\" #{c} \\ \n é" }, { "n", null }, '
    '{ "l", new object[] { 1, 2.5, true } }, '
    '{ "i", new [] { double.PositiveInfinity, double.NaN } }, { "e", new object[] {  } } }',
    "fsharp": r'dict ["s", box ("a \"$b\" #{c} \\ \n é"); "n", box (None); '
    '"l", box ([box (1); box (2.5); box (true)]); "i", box ([infinity; nan]); "e", box ([])]',
    "powershell": "[ordered]@{'s' = 'a \"$b\" #{c} \\ \n é'; 'n' = $null; 'l' = @(1, 2.5, $true); "
    "'i' = @([double]::PositiveInfinity, [double]::NaN); 'e' = @()}",
    "matlab": 'containers.Map({"s", "n", "l", "i", "e"}, {"a ""$b"" #{c} \\ " + char(10) + " é", [], '
    '{1, 2.5, true}, {Inf, NaN}, {}}, "UniformValues", false)',
    "bash": "([s]='a \"$b\" #{c} \\ \n é' [n]='' [l]='[1, 2.5, true]' [i]='[Infinity, NaN]' [e]='[]')",
}


@pytest.mark.parametrize("language", sorted(WRITTEN))
def test_each_language_writes_values_in_its_own_words(language: str) -> None:
    assert flat(literal(SAMPLE, language)) == flat(WRITTEN[language])


def flat(text: str) -> str:
    """Return a text on one line, without blanks around its brackets."""
    return re.sub(r" *([()\[\]{}]) *", r"\1", " ".join(text.split()))


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("python", "n = 5"),
        ("R", "n = 5"),
        ("julia", "n = 5"),
        ("scala", "val n = 5"),
        ("bash", "n=5"),
        ("javascript", "n = 5;"),
        ("csharp", "var n = 5;"),
        ("C#", "var n = 5;"),
        ("fsharp", "let n = 5"),
        ("powershell", "$n = 5"),
        ("matlab", "n = 5;"),
        ("ruby", "n = 5"),
    ],
)
def test_each_language_assigns_in_its_own_way(language: str, line: str) -> None:
    assert assignment("n", 5, language) == line


def test_odd_values_keep_their_meaning_in_other_languages() -> None:
    assert literal(2**40, "scala") == "1099511627776L"
    assert literal(2**70, "scala") == 'BigInt("1180591620717411303424")'
    assert literal([[1]], "powershell") == "@(,@(,1))"
    assert literal("it's ‘so’", "powershell") == "'it''s ‘‘so’’'"
    assert literal({"__proto__": 1}, "javascript") == '{["__proto__"]: 1}'
    assert assignment("x", None, "csharp") == "object x = null;"
    assert literal((1, 2), "julia") == "(1, 2)"
    assert literal({1: "a"}, "julia") == 'Dict(1 => "a")'
    assert literal("\x01", "r") == '"\\u0001"'


@pytest.mark.parametrize(
    ("value", "language", "said"),
    [
        (object(), "python", "no literal for a object"),
        (b"x", "r", "no literal for a bytes"),
        (2**60, "r", "too large"),
        (2**60, "javascript", "too large"),
        (2**70, "csharp", "too large"),
        ("a\0b", "r", "NUL"),
        ("a\0b", "bash", "NUL"),
        ("\ud800", "julia", "surrogate"),
        ({1: "a"}, "javascript", "the key 1"),
        ({"": 1}, "r", "empty"),
        (1, "cobol", "python, r, julia"),
    ],
)
def test_what_a_language_cannot_write_is_refused(value: object, language: str, said: str) -> None:
    with pytest.raises(ParameterError) as caught:
        literal(value, language)
    assert said in str(caught.value)


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(ParameterError, match="contains itself"):
        literal(value, "python")


@pytest.mark.parametrize(
    ("name", "language"),
    [("a-b", "python"), ("class", "python"), ("a.b", "python"), ("a-b", "bash"), ("1a", "r")],
)
def test_a_name_that_is_no_variable_is_refused(name: str, language: str) -> None:
    with pytest.raises(ParameterError, match="is not a valid variable name"):
        assignment(name, 1, language)
    assert assignment("a.b", 1, "r") == "a.b = 1"


def run(command: str, *arguments: str, text: str) -> str:
    if not (found := shutil.which(command)):
        pytest.skip(f"{command} is not installed here")
    done = subprocess.run(
        [found, *arguments], input=text, capture_output=True, text=True, encoding="utf-8", check=True
    )
    return done.stdout


json_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)


@settings(max_examples=1, deadline=None)
@given(st.lists(nested(json_scalars | texts, texts), min_size=60, max_size=60))
def test_node_reads_the_values_that_were_written(values: list[Any]) -> None:
    script = "".join(
        f"x = {literal(value, 'javascript')};\nconsole.log(JSON.stringify(x));\n" for value in values
    )
    lines = run("node", "-", text=script).splitlines()
    for value, line in zip(values, lines, strict=True):
        # JSON has one kind of number, JavaScript no -0 in JSON, and its objects sort the keys that are numbers.
        assert json.loads(line) == json.loads(json.dumps(value))


@settings(max_examples=1, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=200, max_size=200
    )
)
def test_bash_reads_the_texts_that_were_written(values: list[str]) -> None:
    one = "".join(f"{assignment('x', value, 'bash')}\nprintf '%s\\0' \"$x\"\n" for value in values)
    many = f"{assignment('x', values, 'bash')}\nprintf '%s\\0' \"${{x[@]}}\"\n"
    read = run("bash", text=one + many).split("\0")[:-1]
    # Reading text turns "\r\n" into "\n" on the way back, which is not bash's doing.
    expected = [value.replace("\r\n", "\n").replace("\r", "\n") for value in values]
    assert read == expected * 2


def test_bash_reads_paths_by_name_and_deeper_ones_as_json() -> None:
    upstream = {"raw": "out/a b.csv", "fit-*": {"fit-0": "out/0.csv"}}
    script = (
        assignment("upstream", upstream, "bash") + '\nprintf "%s\\n" "${upstream[raw]}" "${upstream[fit-*]}"'
    )
    assert run("bash", text=script).splitlines() == ["out/a b.csv", '{"fit-0": "out/0.csv"}']


@pytest.mark.parametrize(
    ("command", "language", "script"),
    [
        ("Rscript", "r", "cat(x$s, x$l[[2]])"),
        ("julia", "julia", 'print(x["s"], " ", x["l"][2])'),
        ("ruby", "ruby", 'print x["s"], " ", x["l"][1]'),
    ],
)
def test_other_languages_read_the_values_that_were_written(command: str, language: str, script: str) -> None:
    arguments = {"Rscript": ["-"], "julia": ["-"], "ruby": ["-"]}[command]
    assert (
        run(command, *arguments, text=f"{assignment('x', SAMPLE, language)}\n{script}\n")
        == f"{SAMPLE['s']} 2.5"
    )
