"""Parameters of pipeline.yaml that the code takes, may take, and does not take."""

from __future__ import annotations

import json

import pytest

from octavo.errors import Error, Errors, each
from octavo.load import load
from octavo.state.store import Store
from projects import Folder


def mistakes(folder: Folder, source: str, params: str, more: str = "") -> list[str]:
    """Return what loading a pipeline says of a task with parameters; an empty list where it says nothing."""
    task = f"  - source: {source}\n    name: one\n    product: out/one.ipynb\n    params: {params}\n"
    folder.write("pipeline.yaml", "tasks:\n" + task + more)
    store = Store(folder.path / ".octavo", folder.path)
    try:
        load(str(folder.path / "pipeline.yaml"), str(folder.path), store, {})
    except (Error, Errors) as error:
        return [f"{one.where.line if one.where else 0}: {one.message}" for one in each(error)]
    finally:
        store.close()
    return []


@pytest.mark.parametrize(
    "signature",
    [
        "product, **others",
        "product, *, throws",
        "product, throws: int = 3",
        "product, throws: 'list[int] | int' = 3",
        "product, throws=None",
    ],
)
def test_a_function_takes_what_its_signature_names(signature: str, folder: Folder) -> None:
    folder.write("tasks.py", f"def make({signature}): ...")
    assert mistakes(folder, "tasks.make", "{throws: 4, resources_: {code: tasks.py}, env: x}") == []


def test_a_function_below_a_decorator_may_take_anything(folder: Folder) -> None:
    folder.write("tasks.py", "@wrapped\ndef make(product): ...")
    assert mistakes(folder, "tasks.make", "{throws: 4}") == []


def test_a_decorated_function_that_does_not_take_a_parameter_fails_with_words(folder: Folder) -> None:
    folder.write(
        "tasks.py",
        """
        import functools

        def loud(function):
            @functools.wraps(function)
            def wrapper(**given):
                print("now")
                return function(**given)
            return wrapper

        @loud
        def make(product, throws=3):
            open(product, "w").write(str(throws))
        """,
    )
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.make, product: a.txt, params: {throwz: 4}}\n")
    done = folder.octavo("build")
    assert done.returncode == 1
    assert "the function make has no parameter throwz" in done.stdout + done.stderr
    assert 'did you mean "throws"?' in done.stdout + done.stderr


def test_arguments_without_a_default_that_nobody_gives_are_found(folder: Folder) -> None:
    folder.write("tasks.py", "def make(product, throws, sides, dice=2): ...")
    words = "the function tasks.make requires sides, which is not given"
    assert mistakes(folder, "tasks.make", "{throws: 4}") == [f"2: {words}"]


@pytest.mark.parametrize(
    "cell",
    [
        "print(throws)",
        "print(f'{throws}')",
        "%%bash -s {throws}\necho $1",
        "!echo {throws}",
        "print(globals()[word])",
        "%run other.ipynb",
        "def f():\n    return throws",
        "frame.query('n > @throws')",
    ],
)
def test_a_notebook_takes_what_its_cells_read(cell: str, folder: Folder) -> None:
    folder.write(
        "one.py", f"# %% tags=['parameters']\nupstream = None\n\n# %%\n{cell}\n".replace("'", '"', 2)
    )
    assert mistakes(folder, "one.py", "{throws: 4}") == []


def test_a_notebook_does_not_take_what_only_its_text_and_outputs_speak_of(folder: Folder) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "throws"}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "the throws"},
        {
            "cell_type": "code",
            "metadata": {},
            "source": "print(1)",
            "outputs": [output],
            "execution_count": 1,
        },
    ]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    folder.write("one.ipynb", json.dumps(book))
    assert mistakes(folder, "one.ipynb", "{throws: 4}") == ['5: one.ipynb has no parameter "throws"']


def test_other_languages_take_what_their_code_names(folder: Folder) -> None:
    folder.write("one.R", '# %% tags=["parameters"]\nupstream = NULL\nsides = 6\n\n# %%\nprint(throws)\n')
    assert mistakes(folder, "one.R", "{throws: 4, sides: 2}") == []
    assert mistakes(folder, "one.R", "{side: 2}") == ['5: one.R has no parameter "side"']
    folder.write("two.R", "print(get(word))\n")
    assert mistakes(folder, "two.R", "{throws: 4}") == []


def test_templates_take_what_they_name_or_may_include(folder: Folder) -> None:
    folder.write("one.sh", "echo {{throws}} > {{product}}\n")
    assert mistakes(folder, "one.sh", "{throws: 4}") == []
    assert mistakes(folder, "one.sh", "{throws: 4, side: 1}") == ['5: one.sh has no parameter "side"']
    folder.write("two.sh", "{% include 'one.sh' %}\necho > {{product}}\n")
    assert mistakes(folder, "two.sh", "{throws: 4}") == []


@pytest.mark.parametrize(("kind", "value"), [("int", "abc"), ("list[int]", "[a]"), ("bool", "maybe")])
def test_a_value_of_another_type_than_the_annotation_is_refused(
    kind: str, value: str, folder: Folder
) -> None:
    folder.write("one.py", f'# %% tags=["parameters"]\nthrows: {kind} = 3\n\n# %%\nprint(throws)\n')
    folder.write("tasks.py", f"def make(product, throws: {kind} = 3): ...\n")
    for source in ("one.py", "tasks.make"):
        (found,) = mistakes(folder, source, f"{{throws: {value}}}")
        assert found.startswith(f'5: parameter "throws" must be {kind}, not ')


def test_a_value_need_not_be_of_the_type_of_a_default(folder: Folder) -> None:
    folder.write("one.py", '# %% tags=["parameters"]\nthrows = 3\n\n# %%\nprint(throws)\n')
    assert mistakes(folder, "one.py", "{throws: all}") == []


def test_a_mistake_in_a_grid_is_told_once(folder: Folder) -> None:
    folder.write("tasks.py", "def make(product, throws=3): ...")
    grid = mistakes(folder, "tasks.make", "{}", "    grid: {throwz: [1, 2, 3], throws: [1, 2]}\n")
    assert grid == ['6: tasks.make has no parameter "throwz"']
    several = mistakes(
        folder, "tasks.make", "{}", "    grid:\n      - {throws: [1]}\n      - {throwz: [1, 2]}\n"
    )
    assert several == ['7: tasks.make has no parameter "throwz"']


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("{{word}}", ["word"]),
        ("{{ word | upper }} {{ other.name }}", ["word", "other"]),
        ("{% if word %}{{other}}{% endif %}", ["word"]),
        ("{{ word if flag else other }}", ["flag"]),
        ("{{ word or other }}", ["word"]),
        ("{{ word | default('x') }} {{ other | d(1) }} {% if word is defined %}{{word}}{% endif %}", []),
        ("{% set word = 'x' %}{{word}}{% for name in [1] %}{{name}}{% endfor %}", []),
        ("{% macro m(word) %}{{word}}{{other}}{% endmacro %}{{m('x')}}", []),
        ("{% raw %}{{word}}{% endraw %}{# {{other}} #}", []),
        ("{% extends 'base.sh' %}{{word}}", []),
        ("{{ product }} {{ range(3) | list }} {{ get_key(product, 'k') }}", []),
    ],
)
def test_a_template_lacks_only_what_it_reads_in_any_case(
    script: str, wanted: list[str], folder: Folder
) -> None:
    folder.write("one.sh", f"{script} > {{{{product}}}}\n")
    found = mistakes(folder, "one.sh", "{}")
    assert found == [f'1: the template uses "{name}", which the task does not set' for name in wanted]
