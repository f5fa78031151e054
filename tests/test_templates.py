"""Templates of SQL and shell: what they say unread, what counts in them, and what they become."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.errors import Error, ParameterError, TemplateError
from octavo.model import Declared, Product, Relation, Source, Task
from octavo.reading.templates import facts, product_of, render, render_late, upstream_of

# ── what a template says


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SELECT * FROM {{upstream['clean']}}", ("clean",)),
        ("SELECT * FROM {{ upstream.clean }} JOIN {{ upstream['raw'] }}", ("clean", "raw")),
        ("{{ upstream.get('clean') }}", ("clean",)),
        ("{% for x in upstream['fit-*'] %}{{ upstream['fit-*'][x] }}{% endfor %}", ("fit-*",)),
        ("{% if x %}{{ upstream['a'].name }}{% endif %} {{ upstream.a }}", ("a",)),
        ("{{ m.agg(upstream['sales']) }}", ("sales",)),
        ("{# {{ upstream['gone'] }} #} SELECT 1", None),
        ("-- {{ upstream['kept'] }}", ("kept",)),
        ("{% raw %}{{ upstream['x'] }}{% endraw %}", None),
        ("{% for name, it in upstream.items() %}{{ it }}{% endfor %}", None),
        ("{{ upstream.items }}", ("items",)),
        ("SELECT 1", None),
    ],
)
def test_upstream_is_read_from_the_template(text: str, names: tuple[str, ...] | None) -> None:
    assert upstream_of(text) == names


def test_upstream_that_is_no_literal_is_a_mistake_with_its_line() -> None:
    ((message, place),) = facts("SELECT 1\nFROM {{ upstream[name] }}", "sql/a.sql").mistakes
    assert "upstream must be a literal" in message
    assert str(place) == "sql/a.sql:2"


@pytest.mark.parametrize("name", ["SQLRelation", "SQLiteRelation", "PostgresRelation", "GenericSQLRelation"])
def test_product_is_read_from_the_template(name: str) -> None:
    text = f"{{% set product = {name}(['s', 'n', 'table']) %}}\nCREATE TABLE {{{{product}}}} AS SELECT 1"
    assert product_of(text) == (name, ["s", "n", "table"])
    assert facts(text, "a.sql").product == {None: ["s", "n", "table"]}
    assert render(task(text), "/").strip() == "CREATE TABLE s.n AS SELECT 1"


@pytest.mark.parametrize(
    "text",
    ["{% set product = SQLRelation([schema, 'n', 'table']) %}", "{% set product = Tabel(['n', 'table']) %}"],
)
def test_a_product_that_cannot_be_read_is_a_mistake(text: str) -> None:
    assert "product must be a literal" in facts(text, "a.sql").mistakes[0][0]
    assert facts(text, "a.sql").product is None


def test_a_template_without_a_product_says_none() -> None:
    assert product_of("{% set products = 1 %}") is None
    assert facts("SELECT 1", "a.sql").product is None


def test_parameters_are_what_a_template_uses_and_does_not_set() -> None:
    text = (
        "{% set a = 1 %}{{ a + b }} {{ product }} {{ upstream.x }} {% for i in range(n) %}{{ i }}{% endfor %}"
    )
    assert [it.name for it in facts(text, "a.sql").params] == ["b", "n"]


def test_a_syntax_error_is_a_mistake_with_its_line() -> None:
    ((message, place),) = facts("SELECT 1\nFROM {{ upstream['x' }}", "sql/a.sql").mistakes
    assert message.startswith("the template cannot be read: ")
    assert str(place) == "sql/a.sql:2"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("-- Sales per day\nSELECT 1", "Sales per day"),
        ("/* Sales\n per day */ SELECT 1", "Sales"),
        ("\n/** Sales */", "Sales"),
        ("SELECT 1 -- no", ""),
        ("#!/bin/sh\n# later", ""),
    ],
)
def test_the_comment_at_the_top_is_the_title(text: str, title: str) -> None:
    assert facts(text, "a.sql").title == title


# ── what counts


def same(one: str, other: str, language: str = "sql") -> bool:
    return facts(one, "a", language).digest == facts(other, "a", language).digest


@pytest.mark.parametrize(
    "other",
    [
        "SELECT a, b FROM t WHERE x = 'it''s -- here'",
        "SELECT a,b\n  FROM t -- a comment, don't care\nWHERE x = 'it''s -- here'",
        "/* top\n ' */ SELECT a, b FROM t WHERE x /* in */ = 'it''s -- here'\n\n",
        "{# of Jinja #}SELECT a,b FROM t WHERE x = 'it''s -- here' -- {# x #}",
        "SELECT a , b FROM t --\nWHERE x = 'it''s -- here'",
    ],
)
def test_comments_and_white_space_do_not_count(other: str) -> None:
    assert same("SELECT a, b FROM t WHERE x = 'it''s -- here'", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT 'a  b'", "SELECT 'a b'"),
        ("SELECT 'a -- b'", "SELECT 'a -- c'"),
        ("SELECT '/* a */'", "SELECT '/* b */'"),
        ('SELECT "a  b"', 'SELECT "a b"'),
        ("SELECT `a  b`", "SELECT `a b`"),
        ("SELECT [a  b]", "SELECT [a b]"),
        ("DO $$ -- a\n$$", "DO $$ -- b\n$$"),
        ("DO $x$ a  $x$", "DO $x$ a $x$"),
        ("SELECT a - -1", "SELECT a --1"),
        ("SELECT a > = 1", "SELECT a >= 1"),
        ("SELECT 1 .5", "SELECT 1.5"),
        ("SELECT E 'a'", "SELECT E'a'"),
        ("SELECT 'a' 'b'", "SELECT 'a'\n'b'"),
        ("SELECT a", "SELECT A"),
        ("SELECT /*+ index(a) */ 1", "SELECT /*+ index(b) */ 1"),
        ("SELECT 1 /*!40000 + 1 */", "SELECT 1 /*!40000 + 2 */"),
        ("SELECT 5--1", "SELECT 5--2"),
        ("SELECT 'a\\' -- b'", "SELECT 'a\\' -- c'"),
        ("SELECT 1 /* a /* b */ + 1 */", "SELECT 1 /* a /* b */ + 2 */"),
        ("-- {% set a = 1 %}\n{{ a }}", "-- {% set a = 2 %}\n{{ a }}"),
        ("/* {% if a %} */ x /* {% endif %} */", "/* {% if b %} */ x /* {% endif %} */"),
        ("{{ 'a  b' }}", "{{ 'a b' }}"),
        ("{{ a }} {{ b }}", "{{ a }}{{ b }}"),
        ("{{ a }}\nSELECT 1", "{{ a }} SELECT 1"),
        ("-- {{ a }}\nSELECT 1", "-- {{ a }} SELECT 1"),
        ("{% raw %}{{ a }}{% endraw %}", "{{ a }}"),
        ("SELECT it's -- a", "SELECT it's -- b"),
    ],
)
def test_everything_else_counts(one: str, other: str) -> None:
    assert not same(one, other)


def test_white_space_in_jinja_tags_does_not_count() -> None:
    assert same("SELECT {{upstream['a']}}", "SELECT {{  upstream[ 'a' ]  }}")
    assert same("{%set a=1%}{{a}}", "{% set a = 1 %}{{ a }}")


TOKENS = [
    "a",
    "1",
    "'x y'",
    "'--'",
    '"q  r"',
    "(",
    ")",
    ",",
    ";",
    "=",
    "-",
    "+",
    "{{ p }}",
    "{% if p %}",
    "{% endif %}",
]
GAPS = [" ", "\n", "  ", " -- why\n", " /* how */ ", "\n\n"]


@given(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=8), st.data())
def test_scripts_that_differ_in_tokens_never_have_one_digest(tokens: list[str], data: st.DataObject) -> None:
    """Of two scripts with the same digest, the tokens are the same: whatever was dropped stood between them."""
    other = data.draw(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=8))
    one_text = "".join(token + data.draw(st.sampled_from(GAPS)) for token in tokens)
    other_text = "".join(token + data.draw(st.sampled_from(GAPS)) for token in other)
    if same(one_text, other_text):
        assert tokens == other


@pytest.mark.parametrize(
    "other", ["# why\necho 'a'\ntouch x\n", "\n\necho 'a'   \n  # don't\n\ntouch x", "echo 'a'\ntouch x"]
)
def test_comments_and_blank_lines_of_a_shell_script_do_not_count(other: str) -> None:
    assert same("echo 'a'\ntouch x\n", other, "sh")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("echo 'a\n# b\n'", "echo 'a\n# c\n'"),
        ("cat <<E\n# b\nE", "cat <<E\n# c\nE"),
        ("echo a \\\n# b", "echo a \\\n# c"),
        ("#!/bin/sh\nx", "#!/bin/bash\nx"),
        ("# {% set a = 1 %}\n{{a}}", "# {% set a = 2 %}\n{{a}}"),
        ("echo  'a  b'", "echo  'a b'"),
        ("echo a # b", "echo a # c"),
    ],
)
def test_what_may_be_no_comment_in_shell_counts(one: str, other: str) -> None:
    assert not same(one, other, "sh")


# ── what it becomes


def task(
    text: str,
    products: tuple[Product, ...] = (Product(".octavo/standing/c/t", relation=Relation("t")),),
    inputs: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    folders: tuple[str, ...] = (),
    path: str = "sql/a.sql",
) -> Task:
    declared = Declared(templates=folders)
    return Task(
        "a", "sql", Source(path, text=text), products, params or {}, (), inputs or {}, declared=declared
    )


def test_a_template_gets_relations_and_parameters(tmp_path: Path) -> None:
    one = task(
        "CREATE TABLE {{product}} AS SELECT * FROM {{upstream['x']}} WHERE n > {{n}} -- {{upstream.x.schema}}",
        inputs={"x": Relation("u", "s")},
        params={"n": 3},
    )
    assert render(one, str(tmp_path)) == "CREATE TABLE t AS SELECT * FROM s.u WHERE n > 3 -- s"


def test_paths_stand_in_a_template_as_absolute_ones_and_names_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "out.csv").touch()
    one = task(
        "{{product}} {{upstream['x']}} {{upstream['y']}}",
        (Product("out/b.csv"),),
        {"x": "out.csv", "y": "thing"},
    )
    assert render(one, str(tmp_path)) == f"{tmp_path}/out/b.csv {tmp_path}/out.csv thing"


def test_a_thing_that_is_neither_file_nor_table_stands_in_a_template_by_its_name(tmp_path: Path) -> None:
    one = task("{{product}}", (Product(".octavo/standing/generic/s3:%2F%2Fb%2Fk", maker="GenericProduct"),))
    assert render(one, str(tmp_path)) == "s3://b/k"


def test_several_products_and_wildcards_are_asked_for_by_name(tmp_path: Path) -> None:
    products = (Product("x", "a", relation=Relation("ta")), Product("y", "items", relation=Relation("tb")))
    inputs = {"fit-*": {"fit-0": Relation("f0"), "fit-1": Relation("f1")}, "keys": Relation("k")}
    text = (
        "{{product['a']}} {{product.items}} {{product[1]}} {{upstream.keys}}"
        "{% for name in upstream['fit-*'] %} {{name}}={{upstream['fit-*'][name]}}{% endfor %}"
    )
    assert render(task(text, products, inputs), str(tmp_path)) == "ta tb tb k fit-0=f0 fit-1=f1"


def test_macros_come_from_the_source_loader_and_from_beside_the_script(tmp_path: Path) -> None:
    for folder, name in (("macros", "m.sql"), ("sql", "near.sql")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("{% macro f(x) %}F({{x}}){% endmacro %}")
    text = "{% import 'm.sql' as m %}{% import 'near.sql' as n %}{{ m.f(1) }} {{ n.f(2) }}"
    one = task(text, folders=("macros",))
    assert render(one, str(tmp_path)) == "F(1) F(2)"


def test_a_file_of_values_is_read(tmp_path: Path) -> None:
    (tmp_path / "v.json").write_text(json.dumps({"k": 7}))
    (tmp_path / "v.yaml").write_text("k: 8")
    one = task(
        "{{ get_key(upstream['x'], 'k') }} {{ get_key(upstream['y'], 'k') }}",
        inputs={"x": "v.json", "y": "v.yaml"},
    )
    assert render(one, str(tmp_path)) == "7 8"


def test_double_brackets_are_late_only_where_they_are_about_upstream(tmp_path: Path) -> None:
    one = task("", inputs={"x": Relation("t")})
    assert render_late("SELECT [[1, 2], [3, 4]]", one, str(tmp_path)) == "SELECT [[1, 2], [3, 4]]"
    assert render_late("SELECT * FROM [[ upstream['x'] ]]", one, str(tmp_path)) == "SELECT * FROM t"


MISTAKES = [
    ("SELECT 1\nWHERE {{ thershold }}", ParameterError, "sql/a.sql:2", '"thershold"', 'did you mean "threshold"?'),
    ("{{ other }}", ParameterError, "sql/a.sql:1", '"other"', 'add "other" to the params of "a"'),
    ("\n\n{{ upstream['y'] }}", ParameterError, "sql/a.sql:3", 'no upstream "y"; there are: x', None),
    ("{{ upstream.y }}", ParameterError, "sql/a.sql:1", 'no upstream "y"', None),
    ("\n{% raise 'never ' ~ threshold %}", TemplateError, "sql/a.sql:2", "never 3", None),
    ("{% import 'm.sql' as m %}", TemplateError, "sql/a.sql:1", 'no template "m.sql"', "meta.source_loader"),
    ("\n{{ x", TemplateError, "sql/a.sql:2", "cannot be read", None),
    ("{% import 'broken.sql' as m %}", TemplateError, "sql/broken.sql:2", "cannot be read", None),
    ("{% import 'fails.sql' as m %}\n{{ m.f() }}", ParameterError, "sql/fails.sql:2", '"unknown"', None),
    ("{% import 'fails.sql' as m %}\n{{ m.g() }}", ParameterError, "sql/a.sql:2", 'no macro "g"', None),
    ("\n{{ 1 / 0 }}", TemplateError, "sql/a.sql:2", "ZeroDivisionError", None),
    ("\n{{ 'a' * 10**10 }}", TemplateError, "sql/a.sql:2", "more than 100,000,000 characters", None),
    ("{{ [1] * 10**9 }}", TemplateError, "sql/a.sql:1", "more than 100,000,000 characters or items", None),
    ("{{ threshold ** 10000000 }}", TemplateError, "sql/a.sql:1", "more than 1,000,000 bits", None),
    ("{% for i in range(10**9) %}x{% endfor %}", TemplateError, "sql/a.sql:1", "range of more than", None),
    ("{{ 'a' | center(10**9) }}", TemplateError, "sql/a.sql:1", "more than 100,000,000 characters", None),
    ("{{ '%010000000000d' % 1 }}", TemplateError, "sql/a.sql:1", "a width of more than 100,000,000", None),
    ("{{ '%*d' % (10**10, 1) }}", TemplateError, "sql/a.sql:1", "a width of more than 100,000,000", None),
    ("{{ '%010000000000d' | format(1) }}", TemplateError, "sql/a.sql:1", "a width of more than 100,000,000", None),
    ("{{ '{:>10000000000}'.format(1) }}", TemplateError, "sql/a.sql:1", "a width of more than 100,000,000", None),
    ("{{ 'a'.ljust(10**10) }}", TemplateError, "sql/a.sql:1", "a width of more than 100,000,000", None),
    ("{% for i in range(10**6) %}{{ 'x' * 10**6 }}{% endfor %}", TemplateError, "sql/a.sql", "a text of", None),
    ("{{ get_key('x.txt', 'k') }}", Error, "", "reads .json and .yaml", None),
]  # fmt: skip


def test_what_a_template_computes_is_not_computed_when_it_is_read() -> None:
    tracemalloc.start()
    try:
        for text in (
            "{{ 'a' * 300000000 }}",
            "{{ 'a' | center(300000000) }}",
            "{{ '%0300000000d' % 1 }} {{ n }}",
        ):
            facts(text, "a.sql")
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_large_numbers_are_no_widths(tmp_path: Path) -> None:
    text = "{{ n | int }} {{ '%d' | format(n) }} {{ '%s' % n }} {{ '{}'.format(n) }} {{ n | string | center(18) }}"
    said = render(task(text, params={"n": 20240101123456}), str(tmp_path))
    assert said.split() == ["20240101123456"] * 5


@pytest.mark.parametrize(("text", "kind", "where", "words", "hint"), MISTAKES)
def test_a_template_that_cannot_be_rendered_says_where_and_why(
    text: str, kind: type[Error], where: str, words: str, hint: str | None, tmp_path: Path
) -> None:
    (tmp_path / "x.txt").touch()
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "broken.sql").write_text("\n{% macro %}")
    (tmp_path / "sql" / "fails.sql").write_text("{% macro f() %}\n{{ unknown }}{% endmacro %}")
    with pytest.raises(kind) as caught:
        render(task(text, inputs={"x": Relation("t")}, params={"threshold": 3}), str(tmp_path / ""))
    assert words in caught.value.message
    assert str(caught.value.where or "") == where
    assert hint is None or hint in (caught.value.hint or "")
