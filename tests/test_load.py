"""Pipelines as loading leaves them: tasks with everything that the file, the code and the disk say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from octavo.errors import Error, Errors, each
from octavo.load import Loaded
from octavo.load import load as load_spec
from octavo.model import PROXIES, Call, Calls, Relation, Task
from octavo.state.store import Store
from projects import Folder

FUNCTIONS = """
def make(product, rows=3):
    pass

def use(product, upstream):
    upstream["make-*"]
"""


@pytest.fixture
def load(folder: Folder) -> Iterator[Callable[..., Loaded]]:
    """Load a pipeline from a text, in a folder where there is code; a warm load follows each, and says the same."""
    folder.write("tasks.py", FUNCTIONS)
    store = Store(folder.path / ".octavo", folder.path)

    def loaded(text: str | None = None, name: str = "pipeline.yaml", **params: Any) -> Loaded:
        if text is not None:
            folder.write(name, text)
        return load_spec(str(folder.path / name), str(folder.path), store, params)

    yield loaded
    store.close()


def only(loaded: Loaded) -> Task:
    (task,) = loaded.graph
    return task


def mistakes(load: Callable[..., Loaded], text: str) -> list[str]:
    try:
        load(text)
    except (Error, Errors) as error:
        return [str(one) for one in each(error)]
    pytest.fail("no mistake was found")


# ── products


def test_tables_are_relations_with_a_file_that_stands_for_them(
    load: Callable[..., Loaded], folder: Folder
) -> None:
    task = only(
        load(
            """
            - source: tasks.make
              product: {sales: [shop, sales, table], top: [top, view]}
              product_class: PostgresRelation
              product_client: {dotted_path: db.get, name: x}
            """
        )
    )
    sales, top = task.products
    assert (sales.relation, sales.maker, sales.key) == ("shop.sales", "PostgresRelation", "sales")
    assert isinstance(sales.relation, Relation)
    assert (sales.relation.schema, sales.relation.name, sales.relation.kind) == ("shop", "sales", "table")
    assert isinstance(top.relation, Relation)
    assert (top.relation.schema, top.relation.kind) == (None, "view")
    assert sales.path.startswith(f"{PROXIES}db.get-")
    assert sales.path.endswith("/shop.sales")
    assert task.run.cache is False
    assert task.calls.product_client == Call("db.get", {"name": "x"})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("[t]", "must be a table (SQLRelation)\n  hint: write [name, table] or [schema, name, table]"),
        ("[s, t, u, table]", "must be a table (SQLRelation)"),
        ("t", "must be a table (SQLRelation)"),
        ("[t, tabel]", 'must be a table or a view, not "tabel"'),
        (f"[{'t' * 64}, table]", "has 64 characters\n  hint: databases keep at most 63"),
    ],
)
def test_a_product_that_is_no_table_is_a_mistake(
    load: Callable[..., Loaded], said: str, expected: str
) -> None:
    (found,) = mistakes(load, f"- {{source: tasks.make, product_class: SQLRelation, product: {said}}}")
    assert expected in found


def test_a_script_of_sql_makes_a_table_or_dumps_into_a_file(
    load: Callable[..., Loaded], folder: Folder
) -> None:
    folder.write("q.sql", "SELECT 1")
    (found,) = mistakes(load, "- {source: q.sql, product: out.cvs}")
    assert "a path that ends in .csv or .parquet" in found
    task = only(load("- {source: q.sql, product: out.csv, client: db.get}"))
    assert (task.kind, task.products[0].path) == ("dump", "out.csv")
    assert (task.calls, task.own) == (Calls(client=Call("db.get")), {})


def test_a_list_is_no_product_of_a_function(load: Callable[..., Loaded]) -> None:
    (found,) = mistakes(load, "- {source: tasks.make, product: [t, table]}")
    assert "must be a path, not a list" in found
    assert "product_class" in found


def test_two_tasks_cannot_make_one_table(load: Callable[..., Loaded]) -> None:
    text = "- {source: tasks.make, name: NAME, product_class: SQLRelation, product: [t, table]}\n"
    assert "both make" in mistakes(load, text.replace("NAME", "a") + text.replace("NAME", "b"))[0]


def test_a_generic_product_is_known_by_its_name(load: Callable[..., Loaded], folder: Folder) -> None:
    folder.write("tasks.py", "def a(product): ...\ndef b(product, upstream):\n    upstream['a']\n")
    loaded = load(
        """
        - {source: tasks.a, product: s3://bucket/a%b, product_class: GenericProduct}
        - {source: tasks.b, product: b.txt}
        """
    )
    assert loaded.graph["a"].products[0].path == f"{PROXIES}generic/s3:%2F%2Fbucket%2Fa%25b"
    assert loaded.graph["b"].inputs == {"a": "s3://bucket/a%b"}


@pytest.mark.parametrize("end", ["ipynb", "html", "md", "pdf", "rst", "tex"])
def test_a_notebook_makes_reports_of_every_form(
    load: Callable[..., Loaded], folder: Folder, end: str
) -> None:
    folder.write("a.py", "# %% tags=['parameters']\nupstream = None\nproduct = None\n\n# %%\n1\n")
    assert only(load(f"- {{source: a.py, product: out/a.{end}}}")).products[0].executed
    both = only(load(f"- {{source: a.py, product: {{nb: a.{end}, data: b.html}}}}"))
    assert [product.executed for product in both.products] == [True, False]
    several = only(
        load(f"- {{source: a.py, nb_product_key: [nb, data], product: {{nb: a.{end}, data: b.html}}}}")
    )
    assert [product.executed for product in several.products] == [True, True]
    assert several.own["nb_product_key"] == ["nb", "data"]


def test_a_report_that_is_not_among_the_products_is_a_mistake(
    load: Callable[..., Loaded], folder: Folder
) -> None:
    folder.write("a.py", "# %% tags=['parameters']\nupstream = None\n")
    text = "- {source: a.py, nb_product_key: [nb, slides], product: {nb: a.html}}"
    assert 'has no product "slides"' in mistakes(load, text)[0]


def test_a_script_may_say_itself_what_it_makes(load: Callable[..., Loaded], folder: Folder) -> None:
    folder.write(
        "a.sql", "{% set product = SQLiteRelation(['main', 't', 'view']) %}\nCREATE VIEW {{product}} AS ..."
    )
    folder.write(
        "b.sql", "{% set product = GenericSQLRelation(['u', 'table']) %}\nSELECT * FROM {{upstream['a']}}"
    )
    loaded = load("meta: {extract_product: true}\ntasks: [a.sql, b.sql]\n")
    (view,), (table,) = (loaded.graph[name].products for name in "ab")
    assert (view.relation, view.maker) == ("main.t", "SQLiteRelation")
    assert (table.relation, table.maker) == ("u", "GenericSQLRelation")
    assert loaded.graph["b"].inputs == {"a": "main.t"}


# ── clients, serializers, folders to run in


def test_clients_come_from_the_task_or_from_its_classes(load: Callable[..., Loaded]) -> None:
    loaded = load(
        """
        clients: {PythonCallable: db.get, SQLRelation: db.tables, File: files.get}
        serializer: io_.save
        tasks:
          - {source: tasks.make, name: own, product: a, client: db.own, product_client: files.own, serializer: io_.mine}
          - {source: tasks.make, name: by class, product: b}
          - {source: tasks.make, name: table, product: [t, table], product_class: SQLRelation}
        """
    )
    own, by_class, table = (loaded.graph[name] for name in ("own", "by class", "table"))
    assert own.calls == Calls(client=Call("db.own"), serializer=Call("io_.mine"))
    assert own.run.file_client == Call("files.own")
    assert by_class.calls == Calls(client=Call("db.get"), serializer=Call("io_.save"))
    assert by_class.run.file_client == Call("files.get")
    assert (table.calls.client, table.calls.product_client) == (Call("db.get"), Call("db.tables"))
    assert table.run.file_client is None


def test_a_task_runs_in_the_folder_that_it_is_told(load: Callable[..., Loaded], folder: Folder) -> None:
    for name in ("sub/a.py", "b.py"):
        folder.write(name, "# %% tags=['parameters']\nupstream = None\n")
    loaded = load(
        """
        - {source: sub/a.py, product: a.ipynb, local_execution: true}
        - {source: b.py, product: b.ipynb, local_execution: true}
        - {source: sub/a.py, name: c, product: c.ipynb, executor_params: {cwd: ./other/}}
        """
    )
    assert [task.cwd for task in loaded.graph] == ["sub", "", "other"]


# ── parameters


def test_functions_make_parameters_each_time_the_pipeline_is_read(
    load: Callable[..., Loaded], folder: Folder
) -> None:
    folder.write(
        "values.py",
        """
        import json
        print("nothing to do with it")
        def rows(path="rows.json", times=1):
            return json.load(open(path)) * times
        """,
    )
    folder.write("rows.json", "2")
    folder.write("tasks.py", "def make(product, rows=1, more=1, text=''): ...\n")
    text = """
    - source: tasks.make
      product: a.txt
      params: {rows: "values::rows", more: {dotted_path: "values::rows", times: 3}, text: "a :: b"}
    """
    assert only(load(text)).params == {"rows": 2, "more": 6, "text": "a :: b"}
    assert only(load()).params["rows"] == 2
    folder.write("rows.json", "5")
    assert only(load()).params == {"rows": 5, "more": 15, "text": "a :: b"}


def test_modules_of_the_project_may_be_called_as_those_of_python(
    load: Callable[..., Loaded], folder: Folder
) -> None:
    for name in ("logging.py", "types.py", "random.py"):
        folder.write(name, "raise SystemExit('this is not the module of Python')\n")
    folder.write("values.py", "def rows(): return 4\n")
    assert only(load("- {source: tasks.make, product: a, params: {rows: 'values::rows'}}")).params == {
        "rows": 4
    }


def test_functions_make_the_values_of_grids(load: Callable[..., Loaded], folder: Folder) -> None:
    folder.write("values.py", "def several(): return [3, 4]\n")
    loaded = load(
        "- {source: tasks.make, name: 'm-[[rows]]', product: a.txt, grid: {rows: 'values::several'}}"
    )
    assert [(task.name, task.params) for task in loaded.graph] == [("m-3", {"rows": 3}), ("m-4", {"rows": 4})]


def test_a_key_that_means_nothing_to_a_kind_of_task_is_noted(load: Callable[..., Loaded]) -> None:
    text = """\
serializer: values.save
tasks:
  - source: tasks.make
    name: many
    product: a.txt
    chunksize: 5
    grid: {rows: [1, 2]}
  - {source: tasks.make, name: one, product: b.txt, timeout: 5, serializer: values.save}
"""
    (note,) = load(text).notes
    assert note.endswith('pipeline.yaml:6:16: "chunksize" has no effect on a PythonCallable')


def test_a_function_that_gives_no_parameter_is_a_mistake_with_its_place(
    load: Callable[..., Loaded], folder: Folder
) -> None:
    folder.write("values.py", "import os\ndef odd(): return {'a': {1}}\ndef bad(): return 1 / 0\n")
    text = """\
- source: tasks.make
  product: a.txt
  params:
    a: values::odd
    b: values::bad
    c: values::bda
"""
    odd, bad, missing = mistakes(load, text)
    assert "pipeline.yaml:4:8: values.odd returned no parameter: it returned a set, not plain data" in odd
    assert (
        "pipeline.yaml:5:8: values.bad returned no parameter: ZeroDivisionError: division by zero (values.py:3)"
        in bad
    )
    assert "pipeline.yaml:6:8" in missing
    assert 'did you mean "bad"?' in missing
    folder.write("values.py", "import os\ndef odd(): os._exit(3)\n")
    assert (
        "it ended with exit code 3"
        in mistakes(load, "- {source: tasks.make, product: a, params: {a: 'values::odd'}}")[0]
    )


def test_resources_are_given_as_absolute_paths_and_count_by_their_contents(
    load: Callable[..., Loaded], folder: Folder
) -> None:
    folder.write("data/a.json", "1")
    task = only(load("- {source: tasks.make, product: a.txt, params: {resources_: {a: ./data/a.json}}}"))
    assert task.params == {"resources_": {"a": str(folder.path / "data/a.json")}}
    assert task.declared.resources == {"a": "data/a.json"}
    (folder.path / "data/a.json").unlink()
    (found,) = mistakes(
        load, "- {source: tasks.make, product: a.txt, params: {resources_: {a: data/b.json}}}"
    )
    assert "pipeline.yaml:1:" in found
    assert "the resource data/b.json does not exist" in found


def test_a_resource_that_went_away_is_a_mistake_of_a_warm_load_too(
    load: Callable[..., Loaded], folder: Folder
) -> None:
    folder.write("a.json", "1")
    load("- {source: tasks.make, product: a.txt, params: {resources_: {a: a.json}}}")
    load()
    (folder.path / "a.json").unlink()
    with pytest.raises(Error, match=r"the resource a.json does not exist"):
        load()


# ── tasks from elsewhere


def test_imported_tasks_have_their_sources_beside_them_and_their_products_in_the_project(
    load: Callable[..., Loaded], folder: Folder
) -> None:
    folder.write("more/nb.py", "# %% tags=['parameters']\nupstream = ['make']\n")
    folder.write(
        "more/tasks.yaml",
        "- {source: nb.py, product: '{{out}}/nb.ipynb'}\n- {source: tasks.make, name: other, product: o}\n",
    )
    folder.write("env.yaml", "out: results\n")
    text = """
    meta: {import_tasks_from: more/tasks.yaml}
    tasks:
      - {source: tasks.make, product: "{{out}}/a.txt"}
    """
    loaded = load(text)
    assert [task.name for task in loaded.graph] == ["make", "nb", "other"]
    assert loaded.graph["nb"].source.path == "more/nb.py"
    assert loaded.graph["nb"].products[0].path == "results/nb.ipynb"
    assert loaded.notes == ()
    folder.write("more/tasks.yaml", "- {source: nb.py, name: new, product: nb.ipynb}\n")
    assert [task.name for task in load().graph] == ["make", "new"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tasks: []", "imported tasks must be a list, not a mapping"),
        ("- {source: tasks.make, produkt: a}", 'more.yaml:1:24: task "tasks.make" has no key "produkt"'),
        (None, 'pipeline.yaml:1:27: "import_tasks_from": there is no more.yaml'),
    ],
)
def test_mistakes_in_imported_tasks_have_their_place(
    load: Callable[..., Loaded], folder: Folder, text: str | None, expected: str
) -> None:
    if text:
        folder.write("more.yaml", text)
    (found,) = mistakes(load, "meta: {import_tasks_from: more.yaml}\ntasks: []\n")
    assert expected in found


def test_sources_are_looked_for_where_the_loader_says(load: Callable[..., Loaded], folder: Folder) -> None:
    folder.write("code/a.py", "# %% tags=['parameters']\nupstream = None\n")
    folder.write("pkg/__init__.py", "")
    folder.write("pkg/nb/b.py", "# %% tags=['parameters']\nupstream = None\n")
    loaded = load("meta: {source_loader: {path: [none, code]}}\ntasks: [{source: a.py, product: a.ipynb}]\n")
    assert only(loaded).source.path == "code/a.py"
    loaded = load("meta: {source_loader: {module: pkg}}\ntasks: [{source: nb/b.py, product: a.ipynb}]\n")
    assert only(loaded).source.path == "pkg/nb/b.py"
    (found,) = mistakes(load, "meta: {source_loader: {module: pgk}}\ntasks: []\n")
    assert 'cannot find the module "pgk" of "source_loader"' in found


# ── upstream


def test_a_pattern_stands_for_all_members_of_a_grid_and_their_set_counts(
    load: Callable[..., Loaded], folder: Folder
) -> None:
    text = """
    - {source: tasks.make, name: "make-[[rows]]", product: out/m.txt, grid: {rows: [1, 2, 3]}}
    - {source: tasks.use, product: out/use.txt}
    """
    loaded = load(text)
    assert loaded.graph["use"].upstream == ("make-1", "make-2", "make-3")
    assert loaded.graph["use"].inputs == {
        "make-*": {"make-1": "out/m-0.txt", "make-2": "out/m-1.txt", "make-3": "out/m-2.txt"}
    }


def test_data_that_a_task_makes_needs_no_upstream(load: Callable[..., Loaded], folder: Folder) -> None:
    text = """
    - {source: tasks.make, product: out/data}
    - {source: out/data/a.csv, class: SQLUpload, product: [a, table]}
    """
    loaded = load(text)
    assert loaded.graph["a"].upstream == ("make",)
    folder.write("b.csv", "x\n")
    loaded = load("- {source: b.csv, class: SQLUpload, product: [b, table]}")
    was = loaded.graph["b"].source.facts.digest
    folder.write("b.csv", "y\n")
    assert load().graph["b"].source.facts.digest != was
    (found,) = mistakes(load, "- {source: c.csv, class: SQLUpload, product: [b, table]}")
    assert "pipeline.yaml:1:12: the source c.csv does not exist" in found
    assert 'did you mean "b.csv"?' in found


def test_a_link_needs_no_source_and_is_called_as_what_is_there(load: Callable[..., Loaded]) -> None:
    task = only(load("- {class: Link, product: data/sales.csv}"))
    assert (task.name, task.kind, task.source.path) == ("sales", "link", "")


# ── inputs


def test_inputs_are_files_and_what_patterns_stand_for_now(
    load: Callable[..., Loaded], folder: Folder
) -> None:
    folder.write("a.csv", "")
    folder.write("data/b.csv", "")
    text = "- {source: tasks.make, product: out.txt, inputs: [a.csv, 'data/*.csv']}"
    assert only(load(text)).declared.inputs == ("a.csv", "data/b.csv")
    assert only(load()).declared.inputs == ("a.csv", "data/b.csv")
    folder.write("data/c.csv", "")
    assert only(load()).declared.inputs == ("a.csv", "data/b.csv", "data/c.csv")
    (folder.path / "a.csv").unlink()
    with pytest.raises(Error, match=r'pipeline.yaml:1:51: the input a.csv of "make" does not exist'):
        load()


def test_what_a_task_makes_is_no_input(load: Callable[..., Loaded]) -> None:
    (found,) = mistakes(
        load,
        """
        - {source: tasks.make, product: out.txt}
        - {source: tasks.make, name: b, product: b.txt, inputs: [out.txt]}
        """,
    )
    assert "the input out.txt is a product of make" in found
    assert 'name "make" as upstream' in found


# ── a pipeline that a function makes


def test_a_factory_is_asked_each_time(load: Callable[..., Loaded], folder: Folder) -> None:
    folder.write(
        "factory.py",
        """
        import json
        from pathlib import Path
        from ploomber import DAG
        from ploomber.products import File
        from ploomber.tasks import PythonCallable
        from tasks import make

        def build():
            dag = DAG()
            for name in json.loads(Path("names.json").read_text()):
                PythonCallable(make, File(f"{name}.txt"), dag, name=name)
            return dag
        """,
    )
    folder.write("names.json", json.dumps(["a", "b"]))
    assert [task.name for task in load("location: factory.build\nstrict: true\n").graph] == ["a", "b"]
    assert load().strict
    folder.write("names.json", json.dumps(["a", "c"]))
    assert [task.name for task in load().graph] == ["a", "c"]
    folder.write("names.json", "nonsense")
    (found,) = mistakes(load, "location: factory.build\n")
    assert "pipeline.yaml: factory.build returned no pipeline" in found
    assert "(factory.py:" in found


# ── what is not run


def test_nothing_of_a_pipeline_is_imported_to_load_it(load: Callable[..., Loaded], folder: Folder) -> None:
    folder.write("tasks.py", "raise SystemExit('imported')\ndef make(product): ...\n")
    text = """
    clients: {File: absent.get}
    on_finish: absent.hook
    tasks: [{source: tasks.make, product: a.txt, on_failure: absent.hook, serializer: absent.save}]
    """
    assert load(text).hooks == {"on_finish": Call("absent.hook")}
    assert load().hooks == {"on_finish": Call("absent.hook")}
