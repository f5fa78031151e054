"""Placeholders: what they become, what they may be, and what is said of those that have no value."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.errors import Error, Errors, ParameterError, each
from octavo.spec.expand import (
    BUILTINS,
    Environment,
    Surroundings,
    cast,
    env_name,
    environment,
    expand,
    imported,
    outside,
    surroundings,
    unused,
)
from octavo.spec.schema import Document, parse, spec
from octavo.spec.surroundings import env_file


def never() -> str | None:
    raise AssertionError("nobody asked for this")


HERE = Surroundings(
    root="/project",
    here="/project/flow",
    cwd="/home/ann",
    environ={"HOME": "/home/ann", "DATA": "/data"},
    now=never,
    git=never,
    git_hash=never,
    user=lambda: "ann",
)


def env(text: str, around: Surroundings = HERE, **overrides: Any) -> Environment:
    return environment(parse(text, "env.yaml"), overrides, around)


def fill(text: str, values: str = "", around: Surroundings = HERE) -> Any:
    document = expand(parse(text, "pipeline.yaml"), env(values), around)
    assert document.mistakes == ()
    return document.data


def mistakes(text: str, values: str = "") -> list[str]:
    return [str(one) for one in expand(parse(text, "pipeline.yaml"), env(values), HERE).mistakes]


def env_mistakes(text: str, **overrides: Any) -> list[str]:
    try:
        env(text, **overrides)
    except (Error, Errors) as error:
        return [str(one) for one in each(error)]
    pytest.fail("no mistake was found")


def task(**keys: Any) -> Document:
    return Document("pipeline.yaml", {"tasks": [keys]})


# ── placeholders in a spec ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{n}}", 3),
        ("{{ n }}", 3),
        ("{{sample}}", True),
        ("{{nothing}}", None),
        ("{{path.out}}", "/out"),
        ("{{cols}}", ["a", "b"]),
        ("{{cols.1}}", "b"),
        ("{{ section }}", {"deep": {"x": 1.5}}),
        ("{{section.deep.x}}", 1.5),
        ("{{n}}{{n}}", "33"),
        ("out/{{sample}}/{{ n }}-{{section.deep.x}}.csv", "out/True/3-1.5.csv"),
        (" {{n}}", " 3"),
        ("{{my-key}}", "hyphen"),
        ("{{root}}:{{here}}:{{cwd}}:{{user}}:{{env.DATA}}", "/project:/project/flow:/home/ann:ann:/data"),
        ("[[n]] {n} }} { {n} } {", "[[n]] {n} }} { {n} } {"),
        ("007", "007"),
    ],
)
def test_a_placeholder_becomes_its_value(text: str, expected: Any) -> None:
    values = """
n: 3
sample: true
nothing:
path: {out: /out}
cols: [a, b]
section: {deep: {x: 1.5}}
my-key: hyphen
"""
    document = expand(Document("p", {"meta": [text]}), env(values), HERE)
    assert (document.data["meta"][0], document.mistakes) == (expected, ())
    assert type(document.data["meta"][0]) is type(expected)


def test_names_and_paths_are_text_whatever_the_value() -> None:
    text = """
- {source: "{{n}}", name: "{{n}}", product: {nb: "{{n}}", data: "{{n}}"}, upstream: ["{{n}}", "1"],
   timeout: "{{n}}", params: {n: "{{n}}"}}
- "{{n}}"
"""
    task, source = fill(text, "n: 3")
    assert task == {
        "source": "3",
        "name": "3",
        "product": {"nb": "3", "data": "3"},
        "upstream": ["3", "1"],
        "timeout": 3,
        "params": {"n": 3},
    }
    assert source == "3"


def test_what_is_no_name_or_path_becomes_the_value_it_spells() -> None:
    words = {"a": "true", "b": "1e3", "c": ["[1,2]", "x"], "d": {"deep": "1,2"}, "e": "{{s}}"}
    data = {
        "tasks": [
            {"name": "1", "product": {"nb": "none"}, "params": words, "tags": "1", "chunksize": "null"}
        ],
        "clients": {"SQLDump": {"dotted_path": "db.get", "port": "{{port}}"}},
        "meta": {"source_loader": {"path": "1"}},
    }
    document = expand(Document("p", data), {"s": "None", "port": "5432"}, HERE)
    assert document.data["clients"] == {"SQLDump": {"dotted_path": "db.get", "port": 5432}}
    assert document.data["meta"] == {"source_loader": {"path": "1"}}
    assert document.data["tasks"][0] == {
        "chunksize": None,
        "name": "1",
        "product": {"nb": "none"},
        "params": {"a": True, "b": 1000.0, "c": [[1, 2], "x"], "d": {"deep": (1, 2)}, "e": None},
        "tags": "1",
    }


@given(st.text())
def test_text_without_braces_is_left_alone(text: str) -> None:
    text = text.replace("{", "")
    assert expand(task(source=text, tags=[text]), {}, HERE).data == {
        "tasks": [{"source": text, "tags": [text]}]
    }


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(st.lists(scalars, min_size=1, max_size=4), st.text(alphabet="ab /.-"))
def test_text_around_placeholders_is_kept(values: list[Any], between: str) -> None:
    table = {f"k{n}": value for n, value in enumerate(values)}
    text = between.join(["", *(f"{{{{ {key} }}}}" for key in table), ""]) + "!"
    expected = between.join(["", *map(str, values), ""]) + "!"
    assert expand(Document("p", {"meta": text}), table, HERE).data == {"meta": expected}


def test_only_what_is_asked_for_is_computed_and_named() -> None:
    text = "tasks: [{source: '{{user}}/{{path.out}}.py', product: '{{whole}}'}]"
    values = env("path: {out: '{{env.DATA}}/x', other: y}\nwhole: 'a {{n}}'\nn: '{{cwd}}'\nidle: 1")
    document = expand(parse(text, "pipeline.yaml"), values, HERE)
    assert document.data["tasks"][0]["product"] == "a /home/ann"
    assert document.used == {"user", "path.out", "env.DATA", "whole", "n", "cwd"}
    assert outside(document.used) == ("cwd", "env.DATA", "user")
    assert unused(values, document.used) == ('env.yaml:1:31: no placeholder uses "path.other" and "idle"',)
    whole = expand(Document("p", {"meta": "{{path}}"}), values, HERE)
    assert whole.used == {"path", "env.DATA"}
    assert unused(values, whole.used) == ('env.yaml:2:1: no placeholder uses "whole" and "idle"',)


def test_many_unused_keys_are_one_note() -> None:
    values = env("\n".join(f"key{number}: 1" for number in range(34)))
    assert unused(values, {"key3"}) == (
        'env.yaml:1:1: no placeholder uses "key0", "key1", "key2", "key4", "key5" and 28 others',
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{{sampel}}",
            "nothing declares {{sampel}}; there are sample, path.out, cwd, git, git_hash, here, now, ",
        ),
        ("{{sampel}}", '\n  hint: did you mean "sample"?'),
        ("{{unheard}}", "\n  hint: declare it in env.yaml"),
        ("{{path.uot}}", '{{path.uot}}: "path" has no "uot"\n  hint: did you mean "out"?'),
        ("{{sample.x}}", '{{sample.x}}: "sample" has no "x"'),
        (
            "a {{path}}",
            "{{path}} is a section and cannot be part of a string\n  hint: use one of its values: {{path.out}}",
        ),
        ("{{env.DATE}}", 'the environment variable DATE is not set\n  hint: did you mean "DATA"?'),
        ("{{env}}", "nothing declares {{env}}"),
        ("{{ sampel | upper }}", "nothing declares {{sampel}}; there are"),
        ("{{ sampel | upper }}", 'hint: did you mean "sample"?'),
        ("{{ path['uot'] | upper }}", "has no attribute 'uot'"),
        ("{{ env.DATE | upper }}", "has no attribute 'DATE'"),
        ("{{}}", '"{{}}" is not a valid Jinja expression: '),
        ("{{ 1 / 0 }}", '"{{ 1 / 0 }}" cannot be computed: division by zero'),
        ("{{ sample | uper }}", "is not a valid Jinja expression: No filter named 'uper'."),
        ("{% if sample %}x", "is not a valid Jinja expression: "),
        ("{{ ''.__class__.__mro__ }}", "is unsafe"),
        ("a {{sample", '"{{" without "}}" in "a {{sample"'),
    ],
)
def test_a_placeholder_without_value_is_a_mistake_with_its_place(text: str, expected: str) -> None:
    (found,) = mistakes(f'- source: a.py\n  params: {{n: "{text}"}}', "sample: true\npath: {out: x}")
    assert found.startswith("pipeline.yaml:2:15: ")
    assert expected in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ word | upper }}", "A"),
        ("{{word|upper}}-{{n}}", "A-3"),
        ("{{ path['out'] }}/x", "/out/x"),
        ("{{ path.way | upper }}", "W"),
        ("{{ path.out }}/{{ cols | join('-') }}", "/out/a-b"),
        ("{% if sample %}some{% else %}all{% endif %}.csv", "some.csv"),
        ("{% if gone is defined %}x{% else %}{{ gone | default('none') }}{% endif %}!", "none!"),
        ("a {# word #}b", "a b"),
        ("{{ env.DATA | lower }}", "/data"),
        ("{{ env.GONE | default(user) }}", "ann"),
        ("{{ n * 2 }}", 6),
        ("{{ sample and n > 5 }}", False),
        ("{{ cols + ['c'] }}", ["a", "b", "c"]),
        ("{% if sample %}{{ n }} a{% endif %}\n", "3 a\n"),
    ],
)
def test_what_is_more_than_a_name_is_computed(text: str, expected: Any) -> None:
    values = "n: 3\nword: a\nsample: true\npath: {out: /out, way: w, other: '{{git}}'}\ncols: [a, b]"
    document = expand(
        Document("p", {"meta": [text]}),
        env(values, replace(HERE, git=lambda: "main")),
        replace(HERE, git=never),
    )
    assert (document.data["meta"][0], document.mistakes) == (expected, ())


def test_an_expression_asks_only_for_what_it_names_and_that_is_known() -> None:
    document = expand(
        task(product="{{ path.out | upper }}/{{ env.DATA }}/{{ env.GONE | default('x') }}"),
        env("path: {out: '{{user}}/y', other: z}"),
        HERE,
    )
    assert document.data["tasks"][0]["product"] == "ANN/Y//data/x"
    assert document.used == {"path.out", "user", "env.DATA", "env.GONE"}


def test_values_of_an_environment_are_computed_too() -> None:
    found = env(
        "n: '{{ m + 1 }}'\nm: 2\na: {b: '{{ n * 2 }}', c: '{{ a.b | string }}!'}\npath: {x: '{{ n }}{{ m*2 }}'}"
    )
    assert dict(found) == {"n": 3, "m": 2, "a": {"b": 6, "c": "6!"}, "path": {"x": "34"}}
    assert env_mistakes("a: '{{ b | upper }}'\nb: '{{ a | upper }}'")[0].startswith(
        "env.yaml:1:4: values refer to each other in a cycle"
    )


def test_git_without_a_repository_is_told() -> None:
    nowhere = Surroundings("/p", "/p", "/p", {}, never, lambda: None, lambda: None, lambda: None)
    document = expand(Document("p", {"a": "{{git}}", "b": "{{user}}"}), {}, nowhere)
    git, user = map(str, document.mistakes)
    assert "{{git}} has no value here\n  hint: the project is not a git repository, or has no commits" in git
    assert "{{user}} has no value here\n  hint: declare it in env.yaml" in user


def test_mistakes_of_placeholders_and_of_keys_come_together_once_each() -> None:
    text = "tasks:\n  - source: a.py\n    timeout: '{{tmeout}}'\n    produkt: x\n"
    document = expand(parse(text, "pipeline.yaml"), env("timeout: 3"), HERE)
    with pytest.raises(Errors) as caught:
        spec(document)
    assert [str(one.where) for one in each(caught.value)] == ["pipeline.yaml:3:14", "pipeline.yaml:4:5"]


# ── the environment ─────────────────────────────────────────────────────────────────────────────────────


def test_values_may_use_each_other_in_any_order_and_built_ins() -> None:
    found = env(
        "a: '{{b}}/{{c.d}}'\nb: x\nc: {d: '{{c.e}}!', e: '{{user}}', all: ['{{n}}', '{{b}}']}\n"
        "n: 3\nw: '{{c}}'"
    )
    assert found["a"] == "x/ann!"
    assert found["c"] == {"d": "ann!", "e": "ann", "all": [3, "x"]} == found["w"]
    assert found.behind["a"] == {"b", "c.d", "c.e", "user"}
    assert len(found) == 5


def test_values_stay_as_written_until_they_are_parameters() -> None:
    values = "a: '1e3'\nb: 'true'\n"
    assert dict(env(values)) == {"a": "1e3", "b": "true"}
    (task,) = fill("- {source: 'out/{{a}}/{{b}}.py', params: {a: '{{a}}', b: '{{b}}'}}", values)
    assert task == {"source": "out/1e3/true.py", "params": {"a": 1000.0, "b": True}}


def test_the_section_path_knows_the_home_folder() -> None:
    found = env("path: {a: ~/x/, b: 'data/', c: '~', d: '{{user}}/y', e: '/', f: '~x'}\nother: ~/x/")
    assert found.folders == ("/home/ann/x", "data")
    assert found["path"] == {
        "a": "/home/ann/x",
        "b": "data",
        "c": "/home/ann",
        "d": "ann/y",
        "e": "/",
        "f": "~x",
    }
    assert found["other"] == "~/x/"


def test_a_key_wins_over_the_built_in_of_its_name_and_may_use_it() -> None:
    found = env("user: '{{user}}-{{n}}'\nn: 3\ncwd: here")
    assert (found["user"], found["cwd"]) == ("ann-3", "here")
    assert expand(Document("p", {"a": "{{cwd}}"}), found, HERE).data == {"a": "here"}


def test_no_env_file_and_an_empty_one_are_empty_environments() -> None:
    assert dict(environment(None, {}, HERE)) == {} == dict(env(""))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a: '{{b}}'\nb: '{{c}}'\nc: '{{a}}'",
            ["env.yaml:1:4: values refer to each other in a cycle: a → b → c → a"],
        ),
        ("a: {b: '{{a}}'}", ["env.yaml:1:8: values refer to each other in a cycle: a.b → a.b"]),
        ("- a", ["env.yaml:1:1: an environment must be a mapping of names to values"]),
        ("1: a", ["env.yaml:1:1: an environment must be a mapping of names to values"]),
        (
            "a: '{{x}}'\nb: '{{y}}'",
            ["env.yaml:1:4: nothing declares {{x}}", "env.yaml:2:4: nothing declares {{y}}"],
        ),
    ],
)
def test_mistakes_in_an_environment_are_told_together(text: str, expected: list[str]) -> None:
    found = env_mistakes(text)
    assert len(found) == len(expected)
    for one, start in zip(found, expected, strict=True):
        assert one.startswith(start)


@pytest.mark.parametrize(
    "level",
    [
        "'{0}{0}'",
        "'- {0} {0}'",
        "['{0}', '{0}']",
        "{{x: '{0}', y: '{0}'}}",
        "{{x: ['{0}'], y: {{z: '{0}'}}}}",
    ],
)
def test_values_that_hold_others_twice_cannot_grow_without_bound(level: str) -> None:
    lines = [f"a{n}: {level.format(f'{{{{a{n + 1}}}}}')}" for n in range(60)]
    messages = env_mistakes("\n".join([*lines, "a60: x"]))
    assert messages and all("values that stand for one another grow too large" in one for one in messages)


def test_an_override_replaces_and_takes_the_type_of_what_it_replaces() -> None:
    text = "sample: false\nn: 1\nname: x\nempty:\npath: {out: a, data: b}\nfree: {}"
    given = {
        "sample": "true",
        "n": "2",
        "name": "007",
        "empty": "1",
        "path.out": "~/{{name}}",
        "free": {"a": 1},
    }
    found = environment(parse(text, "env.yaml"), given, HERE)
    assert dict(found) == {
        "sample": True,
        "n": 2,
        "name": "007",
        "empty": 1,
        "path": {"out": "/home/ann/007", "data": "b"},
        "free": {"a": 1},
    }


def test_an_override_with_a_mapping_changes_only_its_keys() -> None:
    document = parse("path: {out: a, data: b}\nn: 1", "env.yaml")
    assert dict(environment(document, {"path": {"out": "c"}, "n": [1, 2]}, HERE)) == {
        "path": {"out": "c", "data": "b"},
        "n": [1, 2],
    }
    assert document.data == {"path": {"out": "a", "data": "b"}, "n": 1}


def test_overrides_that_change_nothing_declared_are_told_together() -> None:
    given = {"sampel": 1, "path.uot": 1, "path": 1, "sample.x": 1, "zzz": 1}
    with pytest.raises(Errors) as caught:
        environment(parse("sample: 1\npath: {out: a, data: b}", "env.yaml"), given, HERE)
    found = list(each(caught.value))
    assert all(isinstance(one, ParameterError) for one in found)
    assert [str(one) for one in found] == [
        'there is no parameter "sampel"\n  hint: did you mean "sample"?',
        'there is no parameter "path.uot"\n  hint: did you mean "path.out"?',
        'the parameter "path" is a section\n  hint: set one of its values: path.out, path.data',
        'there is no parameter "sample.x"\n  hint: did you mean "sample"?',
        'there is no parameter "zzz"\n  hint: env.yaml declares sample, path.out, path.data',
    ]
    with pytest.raises(ParameterError, match="no env\\.yaml"):
        environment(None, {"sample": 1}, HERE)


@pytest.mark.parametrize(
    ("spec_name", "environ", "expected"),
    [
        ("pipeline.yaml", {}, ["env.yaml"]),
        ("sub/pipeline.serve.yaml", {}, ["env.serve.yaml", "env.yaml"]),
        ("pipeline.a.b.yml", {}, ["env.a.b.yaml", "env.yaml"]),
        ("pipeline-features.yaml", {}, ["env.yaml"]),
        ("pipeline.serve.yaml", {"PLOOMBER_ENV_FILENAME": "env.ci.yaml"}, ["env.ci.yaml"]),
        ("pipeline.serve.yaml", {"PLOOMBER_ENV_FILENAME": ""}, ["env.serve.yaml", "env.yaml"]),
    ],
)
def test_the_env_file_is_called_after_the_pipeline(
    spec_name: str, environ: dict[str, str], expected: list[str]
) -> None:
    assert env_name(spec_name, environ) == expected


def test_an_environment_may_be_laid_over_another(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    files = {
        "env.yaml": "meta: {import_from: conf/base.yaml}\na: 1\npath: {out: '{{a}}{{d}}'}\nlist: [1]",
        "conf/base.yaml": "meta: {import_from: deep.yaml}\na: 2\npath: {out: x, data: '{{b}}/y'}\n"
        "b: '{{a}}'\nlist: [1, 2]",
        "conf/deep.yaml": "d: deep\nb: 7\nidle: 0\npath: {out: z}",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    read: list[str] = []

    def parsed(path: str) -> Document:
        read.append(path)
        return parse(Path(path).read_text(), os.path.relpath(path, tmp_path))

    document = imported(str(tmp_path / "env.yaml"), str(tmp_path), parsed)
    found = environment(document, {"path.data": "{{d}}/z"}, HERE)
    assert dict(found) == {
        "a": 1,
        "b": 1,
        "d": "deep",
        "idle": 0,
        "list": [1],
        "path": {"out": "1deep", "data": "deep/z"},
    }
    assert len(read) == 3
    assert unused(found, ["path.out", "path.data", "list"]) == (
        'conf/base.yaml:4:1: no placeholder uses "b"',
        'conf/deep.yaml:3:1: no placeholder uses "idle"',
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "meta: {import_from: bse.yaml}",
            'env.yaml:1:21: the imported file "bse.yaml" does not exist\n  hint: did you mean "base.yaml"?',
        ),
        (
            "meta: {import_from: [base.yaml]}",
            'env.yaml:1:21: "meta.import_from" must be the path of an environment file',
        ),
        ("meta: {import_from: list.yaml}", "list.yaml:1:1: an environment must be a mapping"),
        ("meta: {import_from: env.yaml}", "env.yaml:1:21: env.yaml imports itself"),
        ("meta: {import_from: base.yaml}", "base.yaml:1:4: nothing declares {{gone}}"),
    ],
)
def test_mistakes_of_an_import_have_their_places(text: str, expected: str, tmp_path: Path) -> None:
    for name, said in {"env.yaml": text, "base.yaml": "a: '{{gone}}'", "list.yaml": "[1]"}.items():
        (tmp_path / name).write_text(said)

    def parsed(path: str) -> Document:
        return parse(Path(path).read_text(), os.path.relpath(path, tmp_path))

    with pytest.raises(Error) as caught:
        environment(imported(str(tmp_path / "env.yaml"), str(tmp_path), parsed), {}, HERE)
    assert str(caught.value).startswith(expected)


def test_the_env_file_is_looked_for_here_and_beside_the_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PLOOMBER_ENV_FILENAME", raising=False)
    flow = tmp_path / "flow"
    flow.mkdir()
    spec_path = str(flow / "pipeline.serve.yaml")
    assert env_file(spec_path) is None
    for file in (flow / "env.yaml", tmp_path / "env.yaml", flow / "env.serve.yaml"):
        file.write_text("")
        assert env_file(spec_path) == str(file)
    monkeypatch.setenv("PLOOMBER_ENV_FILENAME", "env.ci.yaml")
    with pytest.raises(
        Error,
        match=r"PLOOMBER_ENV_FILENAME: there is no env\.ci\.yaml\n  hint: it is looked for here and in flow",
    ):
        env_file(spec_path)


@pytest.mark.parametrize(
    ("files", "module", "expected"),
    [
        ({"src/pkg/__init__.py": "__version__ = '1.2'  # x"}, "{here}", "1.2"),
        ({"pkg/__init__.py": '__version__: str = "0.1dev"\n'}, "pkg", "0.1dev"),
        ({"src/a/b/__init__.py": "\n__version__ = '3'\n"}, "a.b", "3"),
        ({"pyproject.toml": "[project]\nname='x'\nversion = \"2.0\"\n"}, "{here}", "2.0"),
        ({"setup.cfg": "[metadata]\nversion = 4.5\n"}, "pkg", "4.5"),
        ({"pkg/__init__.py": "import os"}, "pkg", None),
    ],
)
def test_the_version_is_what_the_package_says(
    files: dict[str, str], module: str, expected: str | None, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    around = surroundings(str(tmp_path), str(tmp_path / "src/pkg"))
    said = "{{here}}" if module == "{here}" else module
    values = environment(parse(f"_module: '{said}'\nn: 1", "env.yaml"), {}, around)
    filled = expand(Document("p", {"meta": "v{{version}}"}), values, values.around or around)
    assert filled.data["meta"] == (f"v{expected}" if expected else "v{{version}}")
    assert bool(filled.mistakes) == (expected is None)


def test_the_variable_for_the_env_file_takes_no_folders() -> None:
    with pytest.raises(Error, match="without folders"):
        env_name("pipeline.yaml", {"PLOOMBER_ENV_FILENAME": "conf/env.yaml"})


# ── texts that spell values ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("FALSE", False),
        ("None", None),
        ("null", None),
        ("1", 1),
        ("1e3", 1000.0),
        ("-2.5", -2.5),
        ("[1, 'a']", [1, "a"]),
        ("1,2", (1, 2)),
        ("{'a': None}", {"a": None}),
        ("'quoted'", "quoted"),
        ("007", "007"),
        ("yes", "yes"),
        ("", ""),
        ("  ", "  "),
        ("...", "..."),
        ("b'x'", "b'x'"),
        ("1j", "1j"),
        ("[x]", "[x]"),
        ("[[x]]", "[[x]]"),
        ("{[]: 1}", "{[]: 1}"),
        ("1 is 1", "1 is 1"),
        ("0x", "0x"),
        ("'\\d'", "\\d"),
        ("(" * 300, "(" * 300),
        ("2020-01-01", "2020-01-01"),
        ("1.2.3", "1.2.3"),
        ("[1", "[1"),
    ],
)
def test_a_text_becomes_the_value_it_spells(text: str, expected: Any) -> None:
    found = cast(text)
    assert found == expected
    assert type(found) is type(expected)


@given(st.text())
def test_no_text_breaks_the_cast(text: str) -> None:
    cast(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_what_python_writes_is_cast_back(value: Any) -> None:
    if value != ():
        assert cast(repr(value)) == value


# ── the real surroundings ───────────────────────────────────────────────────────────────────────────────


def test_the_real_surroundings_know_the_branch_and_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("LANG", "C")
    around = surroundings(str(tmp_path), str(tmp_path / "flow"))
    assert (around.git(), around.git_hash()) == (None, None)
    identity = [
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "tag.gpgsign=false",
    ]

    def git(*words: str) -> str:
        command = ["git", *identity, *words]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-b", "main")
    git("commit", "--allow-empty", "-m", "first")
    short = git("rev-parse", "--short", "HEAD")
    assert (around.git(), surroundings(str(tmp_path)).git()) == (None, "main")  # asked once, then remembered
    assert surroundings(str(tmp_path)).value("git_hash") == short
    (tmp_path / "x").write_text("x")
    git("add", "x")
    assert surroundings(str(tmp_path)).git_hash() == f"{short}-dirty"
    git("commit", "-m", "second")
    git("tag", "v1")
    git("checkout", "--detach")
    assert surroundings(str(tmp_path)).git() == "v1"
    assert (around.value("root"), around.value("here")) == (str(tmp_path), str(tmp_path / "flow"))
    assert around.value("cwd") == str(tmp_path)
    assert around.value("now") == around.value("now") is not None
    assert around.value("env.GIT_CEILING_DIRECTORIES") == str(tmp_path.parent)
    assert around.value("env.NOT_SET_AT_ALL") is around.value("environ") is around.value("value") is None


def test_every_built_in_but_env_is_a_member_of_the_surroundings() -> None:
    assert set(BUILTINS) - {"env"} == set(Surroundings.__dataclass_fields__) - {"environ"}
