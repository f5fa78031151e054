"""What pipeline.yaml may say: values, places, and every mistake with a word that helps."""

from __future__ import annotations

import pickle
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from octavo.errors import Error, Errors, Place, SpecError, each
from octavo.model import Call
from octavo.spec.schema import META, TASK, TOP, Spec, parse, spec


def read(text: str) -> Spec:
    return spec(parse(text, "pipeline.yaml"))


def mistakes(text: str) -> list[str]:
    try:
        read(text)
    except (Error, Errors) as error:
        found = list(each(error))
        assert all(isinstance(one, SpecError) for one in found)
        return [str(one) for one in found]
    pytest.fail("no mistake was found")


# ── YAML ────────────────────────────────────────────────────────────────────────────────────────────────

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(plain, st.sampled_from([True, False, None]))
def test_what_was_written_is_read(data: Any, flow: bool | None) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow)
    assert parse(text, "x.yaml").data == data


@given(plain)
def test_each_value_has_a_place_inside_the_text(data: Any) -> None:
    text = yaml.safe_dump(data, allow_unicode=False)
    document = parse(text, "x.yaml")
    lines = text.split("\n")

    def check(value: Any, path: tuple[Any, ...]) -> None:
        assert path in document.marks
        place = document.place(*path)
        assert 1 <= place.line <= len(lines)
        assert 1 <= place.column <= len(lines[place.line - 1]) + 1
        items = (
            enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
        )
        for key, inner in items:
            check(inner, (*path, key))

    check(data, ())


def test_places_count_from_one_and_know_keys_from_values() -> None:
    document = parse("a:\n  - b: 1\n    c:   two\n", "env.yaml")
    assert document.place("a", 0, "c") == Place("env.yaml", 3, 10)
    assert document.key("a", 0, "c") == Place("env.yaml", 3, 5)
    assert document.place("a", 0) == Place("env.yaml", 2, 5)
    assert document.place("a", 0, "c", "deeper", "still") == Place("env.yaml", 3, 10)


def test_anchors_aliases_and_merge_keys_work() -> None:
    text = """
one: &one {a: 1, deep: &deep {x: 1}}
two: {<<: *one, a: 2}
three: {<<: [{a: 3, c: 3}, *one], deep: {<<: *deep, y: 2}}
same: *one
"""
    data = parse(text, "x.yaml").data
    assert data == yaml.safe_load(text)
    assert data["three"] == {"a": 3, "c": 3, "deep": {"x": 1, "y": 2}}


def test_dates_stay_text() -> None:
    assert parse("a: 2020-01-01\nb: 2020-01-01 10:00:00", "x").data == {
        "a": "2020-01-01",
        "b": "2020-01-01 10:00:00",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", 'x.yaml:3:1: duplicate key "a"\n  hint: the first one is on line 1'),
        (
            "a: {{b}}\n",
            "x.yaml:1:5: keys must be strings\n  hint: quote values that begin with a placeholder",
        ),
        ("a: {{b}}/c\n", 'hint: quote values that begin with a placeholder: "{{name}}"'),
        ("a:\n\tb: 1\n", "x.yaml:2:1: not valid YAML"),
        ("a:\n\tb: 1\n", "hint: indent YAML with spaces, not tabs"),
        ("a: b: c\n", "x.yaml:1:5: not valid YAML: mapping values are not allowed"),
        ("a: &a [*a]\n", "x.yaml:1:4: an alias inside its own anchor"),
        ("a: &a {<<: *a}\n", 'x.yaml:1:8: only a mapping, or a list of mappings, can be merged by "<<"'),
        ("a: {<<: 3}\n", 'x.yaml:1:5: only a mapping, or a list of mappings, can be merged by "<<"'),
        ("a: *b\n", "x.yaml:1:4: not valid YAML: found undefined alias"),
        ("a: !!python/object:os.system {}\n", 'x.yaml:1:4: the YAML tag "python/object:os.system" is not'),
        ("a: !secret b\n", 'x.yaml:1:4: the YAML tag "!secret" is not understood'),
        ("a: !!int many\n", 'x.yaml:1:4: "many" is not a valid int'),
        ("a: !!bool many\n", 'x.yaml:1:4: "many" is not a valid bool'),
        ("a: \x01\n", "x.yaml: a character that YAML forbids: '\\x01'"),
        ("a: 1\n---\nb: 1\n", "x.yaml:2:1: not valid YAML: but found another document"),
        ("? [a]\n: 1\n", "x.yaml:1:3: keys must be strings"),
    ],
)
def test_bad_yaml_has_a_place_and_a_word(text: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, "x.yaml")
    assert expected in str(caught.value)


def test_mistakes_in_keys_come_together() -> None:
    with pytest.raises(Errors) as caught:
        parse("a: 1\na: 2\nb: {c: 1, c: 2}\n", "x.yaml")
    assert [str(one.where) for one in each(caught.value)] == ["x.yaml:2:1", "x.yaml:3:11"]


@pytest.mark.parametrize(
    "level",
    ["[*{0},*{0},*{0},*{0},*{0},*{0},*{0},*{0},*{0}]", "{{<<: [*{0},*{0},*{0},*{0},*{0},*{0},*{0}]}}"],
)
def test_aliases_of_aliases_cannot_grow_without_bound(level: str) -> None:
    names = "abcdefghijklmnop"
    first = "x: &a {y: 1}\n"
    text = first + "".join(f"{new}: &{new} {level.format(old)}\n" for old, new in pairwise(names))
    with pytest.raises(SpecError, match="aliases make this document grow too large"):
        parse(text, "x.yaml")


def test_many_aliases_of_a_long_text_are_refused() -> None:
    text = f"a: &a {'z' * 100_000}\nb: [{', '.join(['*a'] * 1000)}]\n"
    with pytest.raises(SpecError, match="aliases make this document grow too large"):
        parse(text, "x.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000 + "]" * 100_000,
        "x: " + "{a: " * 5_000 + "1" + "}" * 5_000,
        "- " * 100_000 + "x",
        "? " * 100_000 + "x",
        "- ? " * 50_000 + "x",
        "".join(f"{' ' * n}a:\n" for n in range(2_000)) + " " * 2_000 + "b",
        "[" * 100_000,
    ],
)
def test_a_text_nested_too_deeply_is_a_mistake_and_no_crash(text: str) -> None:
    with pytest.raises(SpecError, match="it is nested too deeply"):
        parse(text, "x.yaml")


def test_brackets_in_texts_are_no_levels() -> None:
    assert parse(f"x: '{'[' * 1_000}'\ny: [a, {{b: c}}]", "x.yaml").data["y"] == ["a", {"b": "c"}]


# ── what is right ───────────────────────────────────────────────────────────────────────────────────────

WHOLE = """\
meta:
  extract_upstream: false
  product_relative_to_source: true
preload: [pandas]
strict: true
tasks:
  - source: tasks.get
    product: out/raw.csv
    class: PythonCallable
  - source: fit.py
    name: fit
    product:
      nb: out/fit.ipynb
      model: out/model.pickle
    upstream: get
    params:
      n: 3
      cols: [a, b]
    kernelspec_name: ir
    tags: [daily, slow]
    timeout: 90.5
    retries: 2
    serializer:
"""


def test_a_whole_pipeline_is_read() -> None:
    found = read(WHOLE)
    assert (found.path, found.extract_upstream, found.extract_product) == ("pipeline.yaml", False, False)
    assert (found.product_relative_to_source, found.preload, found.strict) == (True, ("pandas",), True)
    get, fit = found.tasks
    assert (get.source, get.name, get.product, get.upstream) == ("tasks.get", None, "out/raw.csv", ())
    assert fit.product == {"nb": "out/fit.ipynb", "model": "out/model.pickle"}
    assert (fit.name, fit.upstream, fit.params) == ("fit", ("get",), {"n": 3, "cols": ["a", "b"]})
    assert fit.options == {"kernel": "ir", "tags": ("daily", "slow"), "timeout": 90.5, "retries": 2}
    assert fit.where == Place("pipeline.yaml", 10, 5)
    assert fit.places["name"] == Place("pipeline.yaml", 11, 11)
    assert fit.places["product.model"] == Place("pipeline.yaml", 14, 14)
    assert fit.places["params.n"] == Place("pipeline.yaml", 17, 10)
    assert fit.places["upstream"] == Place("pipeline.yaml", 15, 15)
    assert found.ignored == ()


def test_a_spec_can_be_kept_on_disk() -> None:
    found = read(WHOLE)
    assert pickle.loads(pickle.dumps(found)) == found


def test_a_bare_list_is_a_pipeline_and_a_bare_text_a_source() -> None:
    found = read("- clean.py\n- source: fit.py\n  product: out/fit.ipynb\n")
    assert [task.source for task in found.tasks] == ["clean.py", "fit.py"]
    assert found.tasks[0].where == Place("pipeline.yaml", 1, 3)
    assert found.tasks[1].places["product"] == Place("pipeline.yaml", 3, 12)
    assert (found.extract_upstream, found.preload, found.strict) == (True, True, False)


@pytest.mark.parametrize(
    ("extract", "said", "expected"),
    [
        ("true", "", None),
        ("true", "upstream: []", None),
        ("true", "upstream:", None),
        ("true", "upstream: [a, 'fit-*']", ("a", "fit-*")),
        ("false", "", ()),
        ("false", "upstream: []", ()),
        ("false", "upstream: a", ("a",)),
    ],
)
def test_upstream_in_the_spec_wins_and_silence_leaves_it_to_the_source(
    extract: str, said: str, expected: tuple[str, ...] | None
) -> None:
    found = read(f"meta: {{extract_upstream: {extract}}}\ntasks:\n  - source: a.py\n    {said}\n")
    assert found.tasks[0].upstream == expected


def test_keys_without_effect_become_one_note_each() -> None:
    text = """\
executor: ploomber.executors.Parallel
config: {outdated_by_code: true}
tasks:
  - {source: a.py, product: a.ipynb, papermill_params: {log_output: true}, static_analysis: strict}
  - {source: b.py, product: {nb: b.ipynb}, static_analysis: disable, nbconvert_export_kwargs: {a: b}}
"""
    assert read(text).ignored == (
        'pipeline.yaml:1:1: "executor" has no effect: write "serial" for one task at a time, '
        "else as many run as there are processors",
        'pipeline.yaml:2:1: "config" has no effect',
        'pipeline.yaml:4:57: "papermill_params.log_output" has no effect: octavo log shows what notebooks print',
        'pipeline.yaml:4:76: "static_analysis" has no effect (in 2 places)',
    )


def test_arguments_of_execute_notebook_are_heeded_noted_or_refused() -> None:
    text = """\
tasks:
  - source: a.py
    product: a.ipynb
    executor_params: {cwd: sub, kernel_name: ir, execution_timeout: 3, start_timeout: 9, report_mode: true}
  - source: b.py
    product: b.ipynb
    papermill_params: {engine_name: debug, log_output: false, alow_errors: true, allow_nested_loop: true}
"""
    found = read(text)
    assert found.tasks[0].options == {
        "cwd": "sub",
        "kernel": "ir",
        "cell_timeout": 3,
        "start_timeout": 9,
        "report_mode": True,
    }
    assert found.tasks[1].options == {}
    assert found.ignored == (
        'pipeline.yaml:7:24: "papermill_params.engine_name" has no effect: octavo runs the cells itself',
        'pipeline.yaml:7:63: "papermill_params.alow_errors" has no effect: did you mean "allow_errors"?',
        'pipeline.yaml:7:82: "papermill_params.allow_nested_loop" has no effect',
    )


@pytest.mark.parametrize(
    "task",
    [
        "class: NotebookRunner",
        "product_class: File",
        "local_execution: false",
        "client: null",
        "nb_product_key: nb",
        "on_finish:",
        "grid: ~",
    ],
)
def test_keys_that_ask_for_nothing_new_are_fine(task: str) -> None:
    found = read(f"clients: {{SQLScript: null}}\ntasks:\n  - source: a.py\n    {task}\n")
    assert found.ignored == ()


# ── what is wrong ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "pipeline.yaml: this file is empty\n  hint: a pipeline starts with"),
        ("just words", 'pipeline.yaml:1:1: this file is not a pipeline: it contains the string "just words"'),
        ("meta: {}", "pipeline.yaml:1:1: the pipeline has no tasks\n  hint: a pipeline starts"),
        ("task: [a.py]", 'pipeline.yaml:1:1: the pipeline has no key "task"\n  hint: did you mean "tasks"?'),
        ("tasks:", 'pipeline.yaml:1:1: "tasks" is empty'),
        (
            "tasks: a.py",
            'pipeline.yaml:1:8: the pipeline: "tasks" must be a list of tasks, not the string "a.py"',
        ),
        (
            "tasks: []\nmeta: {extract_upstrem: 1}",
            'pipeline.yaml:2:8: "meta" has no key "extract_upstrem"\n  hint: did',
        ),
        (
            "tasks: []\nmeta: {extract_product: 1}",
            '"meta": "extract_product" must be true or false, not the number 1',
        ),
        (
            "tasks: []\npreload: 3",
            'pipeline.yaml:2:10: the pipeline: "preload" must be true, false or a list of',
        ),
        ("- 3", "pipeline.yaml:1:3: a task must be a mapping with a source, or a source, not the number 3"),
        ("- name: x", 'pipeline.yaml:1:3: task "x" has no source\n  hint: a source must be a file'),
        ("- {}", "pipeline.yaml:1:3: task 1 has no source"),
        ("- source: ''", '"source" must be a string, not an empty string'),
        ("- {source: a.py, produkt: x}", 'task "a.py" has no key "produkt"\n  hint: did you mean "product"?'),
        (
            "- {source: a.py, on: x}",
            'task "a.py" has no key "true"\n  hint: quote the name: YAML reads on, off, yes, no',
        ),
        (
            "- {source: a.py, name: 1}",
            '"name" must be a string on one line, not the number 1\n  hint: quote it: "1"',
        ),
        ("- {source: a.py, name: no}", '"name" must be a string on one line, not false'),
        (
            "- {source: a.py, product: {}}",
            '"product" must be a path, a table ([schema, name, table]), or a mapping of names to these, not an',
        ),
        (
            "- {source: a.py, product: {nb: 3}}",
            'pipeline.yaml:1:32: task "a.py": "product.nb" must be a path or a table',
        ),
        ("- {source: a.py, product: {1: x}}", 'names in "product" must be strings, not the number 1'),
        (
            "- {source: a.py, upstream: [1]}",
            '"upstream" must be a task\'s name or a list of names, not a list',
        ),
        ("- {source: a.py, params: [1]}", '"params" must be a mapping, not a list'),
        (
            "- {source: a.py, params: {product: 1}}",
            'a parameter cannot be called "product"\n  hint: octavo sets',
        ),
        (
            "- {source: a.py, timeout: -1}",
            '"timeout" must be a number of seconds above 0, not the number -1',
        ),
        ("- {source: a.py, timeout: true}", '"timeout" must be a number of seconds above 0, not true'),
        (
            "- {source: a.py, retries: 1.5}",
            '"retries" must be a whole number, 0 or more, not the number 1.5',
        ),
        (
            "- {source: a.py, kernel: r, kernelspec_name: r}",
            'pipeline.yaml:1:29: task "a.py": the kernel is set',
        ),
        (
            "- {source: a.py, class: NotebookRuner}",
            'no class "NotebookRuner"\n  hint: did you mean "NotebookRunner"?',
        ),
        (
            "- {source: a.py, class: PythonCallable}",
            'is a PythonCallable, but "a.py" is not a function',
        ),
        (
            "- {source: pkg.fn, class: NotebookRunner}",
            'is a NotebookRunner, but "pkg.fn" is not a notebook',
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, expected: str) -> None:
    (found,) = mistakes(text)
    assert expected in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{tasks: [], location: a.b}", '"location" cannot be combined with tasks and their settings'),
        ("{location: a}", '"location" must be a dotted path (package.module.function), not the string "a"'),
        ("{tasks: [], clients: {SQLScrpt: a.b}}", 'no class "SQLScrpt"\n  hint: did you mean "SQLScript"?'),
        ("{tasks: [], clients: {SQLScript: 3}}", "the client of SQLScript must be a dotted path"),
        ("{tasks: [], on_finish: ab}", '"on_finish" must be a dotted path'),
        ("{tasks: [], serializer: {dotted_path: a.b, 1: 2}}", '"serializer" must be a dotted path'),
        ("{tasks: [], meta: {source_loader: {pth: t}}}", 'no key "pth"\n  hint: did you mean "path"?'),
        ("{tasks: [], meta: {product_default_class: {SQLDumb: File}}}", 'there is no class "SQLDumb"'),
        ("{tasks: [], meta: {product_default_class: {SQLDump: Fil}}}", 'there is no product class "Fil"'),
        ("[{source: a.py, product_class: Files}]", 'no product_class "Files"\n  hint: did you mean "File"?'),
        ("[{source: a.py, grid: {a: [1]}}]", "has a grid but no name"),
        ("[{source: a.py, name: a, grid: {a: []}}]", '"grid.a" has no values'),
        ("[{source: a.py, name: a, grid: [{a: 1}, 3]}]", "a grid must be a mapping of names to lists"),
        ("[{source: a.py, name: a, grid: {a: 1}, params: {a: 1}}]", '"a" is in both "params" and "grid"'),
        ("[{source: a.py, name: a, grid: {product: 1}}]", 'a parameter cannot be called "product"'),
        ("[{source: q.sql, chunksize: 0}]", '"chunksize" must be a whole number above 0, or null'),
        ("[{source: https://x.org/a.csv}]", "a URL is not code\n  hint: to download it"),
        ("[{source: data.csv}]", "a data file (.csv) is not code\n  hint: to upload it to a database"),
        ("[{source: a.py, params: {f: {dotted_path: 1}}}]", '"params.f" must be a dotted path'),
        ("[{source: a.py, params: {resources_: a}}]", '"params.resources_" must be a mapping'),
        ("[{class: SQLUpload, product: [a, table]}]", "has no source"),
        ("[{source: fn.x, class: SQLScript}]", 'is a SQLScript, but "fn.x" is not a file'),
    ],
)
def test_a_mistake_in_the_rest_of_the_dialect_is_told_with_its_place(text: str, expected: str) -> None:
    (found,) = mistakes(text)
    assert found.startswith("pipeline.yaml:1:")
    assert expected in found


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        *(
            (f"source: a{end}, product: x", "notebook")
            for end in (".py", ".ipynb", ".R", ".r", ".Rmd", ".md")
        ),
        *((f"source: a{end}, product: x", "notebook") for end in (".qmd", ".jl")),
        ("source: q.sql, product: out.csv", "dump"),
        ("source: q.sql, product: out.parquet", "dump"),
        ("source: q.sql, product: [t, table]", "sql"),
        ("source: q.sql, product: {a: x.csv}", "sql"),
        ("source: q.sql, product: out.csv, class: SQLScript", "sql"),
        ("source: run.sh, product: x", "shell"),
        ("source: a.py, product: x, class: ScriptRunner", "script"),
        ("source: a.csv, product: [t, table], class: SQLUpload", "upload"),
        ("source: 'https://x.org/a.csv', product: x, class: DownloadFromURL", "download"),
        ("class: Input, product: x", "link"),
        ("source: pkg.fn, product: x", None),
    ],
)
def test_the_kind_follows_from_the_class_or_from_the_source(task: str, kind: str | None) -> None:
    assert read(f"- {{{task}}}").tasks[0].kind == kind


def test_the_settings_of_a_task_are_kept_as_plain_values() -> None:
    (task,) = read(
        """
- source: q.sql
  product: out/q.csv
  client: db.get
  product_client: {dotted_path: store.get, bucket: b}
  chunksize: null
  io_handler: CSVIO
  on_finish: checks.rows
  executor_params: {cwd: sub, log_output: true}
"""
    ).tasks
    assert task.options == {
        "client": Call("db.get"),
        "product_client": Call("store.get", {"bucket": "b"}),
        "chunksize": None,
        "io_handler": "CSVIO",
        "on_finish": Call("checks.rows"),
        "cwd": "sub",
    }


def test_the_settings_of_a_pipeline_are_kept_as_plain_values() -> None:
    found = read(
        """
clients: {SQLScript: db.get, File: {dotted_path: files.get, folder: backup}, SQLDump: null}
serializer: io_.save
on_finish: hooks.report
meta:
  source_loader: {path: sql}
  product_default_class: {SQLScript: SQLiteRelation}
tasks: []
"""
    )
    assert found.clients == {
        "SQLScript": Call("db.get"),
        "File": Call("files.get", {"folder": "backup"}),
    }
    assert (found.serializers, found.hooks) == (
        {"serializer": Call("io_.save")},
        {"on_finish": Call("hooks.report")},
    )
    assert (found.loader, found.makers) == ({"path": "sql"}, {"SQLScript": "SQLiteRelation"})
    assert read("location: pkg.make").location == "pkg.make"


def test_parameters_that_only_look_like_functions_are_text() -> None:
    found = read("- {source: a.py, params: {a: 'x :: y', b: '::', c: 'http://a::1', d: 'std::'}}")
    assert found.tasks[0].params["c"] == "http://a::1"


def test_all_mistakes_come_together_in_the_order_of_the_file() -> None:
    text = """\
tasks:
  - source: a.py
    produkt: x
    params: 3
  - nmae: x
meta:
  extract: 1
exekutor: serial
"""
    places = [found.split(": ")[0] for found in mistakes(text)]
    assert places == [f"pipeline.yaml:{p}" for p in ("3:5", "4:13", "5:5", "5:5", "7:3", "8:1")]


def test_every_key_of_the_dialect_has_a_row() -> None:
    top = """tasks location meta config executor clients serializer unserializer on_render on_finish
        on_failure"""
    meta = """extract_upstream extract_product product_default_class product_relative_to_source source_loader
        import_tasks_from jupyter_hot_reload jupyter_functions_as_notebooks"""
    task = """source product name class product_class upstream params grid client product_client on_render
        on_finish on_failure serializer unserializer executor executor_params papermill_params kernelspec_name
        ext_in nbconvert_exporter_name nbconvert_export_kwargs nb_product_key static_analysis local_execution
        check_if_kernel_installed debug_mode chunksize io_handler to_sql_kwargs columns bucket client_kwargs
        upload_file_kwargs"""
    for words, table in ((top, TOP), (meta, META), (task, TASK)):
        assert set(words.split()) <= set(table)
