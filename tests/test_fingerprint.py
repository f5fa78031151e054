"""The laws of manifest and judge."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from octavo import parts
from octavo.digests import digest
from octavo.fingerprint import differences, judge, manifest
from octavo.model import Call, Calls, Facts, Product, Record, Source, Task
from octavo.values import canonical

tables = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def record(table: dict[str, str], products: dict[str, str], **discovered: str) -> Record:
    return Record("t", table, products, discovered, "run", 0.0)


@given(tables, tables)
def test_what_has_not_changed_is_fresh(table: dict[str, str], products: dict[str, str]) -> None:
    assert judge(table, record(table, products), products) == ()


@given(tables, tables, tables)
def test_there_is_a_reason_exactly_for_each_difference(
    was: dict[str, str], now: dict[str, str], products: dict[str, str]
) -> None:
    reasons = judge(now, record(was, products), products)
    changed = {part for part in was.keys() | now.keys() if was.get(part) != now.get(part)}
    assert {reason.part for reason in reasons} == changed


def test_without_a_record_it_is_the_first_run() -> None:
    assert [str(reason) for reason in judge({}, None, {})] == ["first run"]


def test_a_run_that_did_not_finish_is_no_success() -> None:
    for state, words in (("begun", "its last run did not finish"), ("failed", "its last run failed")):
        unfinished = Record("t", {}, {}, {}, "run", 0.0, state)
        assert [str(reason) for reason in judge({}, unfinished, {})] == [words]


@given(values, values)
def test_the_canonical_text_tells_values_apart(one: object, other: object) -> None:
    if canonical(one) == canonical(other):
        assert one == other


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_a_mapping_counts(value: dict[str, int]) -> None:
    assert canonical(value) != canonical(dict(reversed(value.items())))


def test_a_value_that_cannot_be_told_from_others_is_always_a_reason() -> None:
    generator = (n for n in [1])
    assert canonical(generator) != canonical(generator)
    reason = parts.reason("param n", canonical(generator), canonical(generator))
    assert str(reason) == "param n cannot be compared: a builtins.generator, which cannot be pickled"


def test_a_long_value_is_cut_for_a_person_and_whole_in_its_digest() -> None:
    one, other = canonical(["x" * 80, 1]), canonical(["x" * 80, 2])
    assert one != other
    assert len(str(parts.reason("param n", one, other))) < 130


def test_the_order_of_parameters_is_a_part() -> None:
    def ordered(*names: str) -> dict[str, str]:
        given = Task("t", "function", Source("a.py"), params=dict.fromkeys(names, 1))
        return manifest(given, None, {}, lambda path: None, lambda part, path: None)

    def reasons(was: dict[str, str], now: dict[str, str]) -> list[str]:
        return [str(it) for it in judge(now, record(was, {}), {})]

    assert reasons(ordered("a", "b"), ordered("b", "a")) == ["the order of params changed: b, a"]
    assert reasons(ordered("a", "b"), ordered("a")) == ["param b was removed"]


def task(name: str, *products: Product, upstream: tuple[str, ...] = ()) -> Task:
    return Task(
        name, "notebook", Source(f"{name}.py", facts=Facts(f"code of {name}")), products, upstream=upstream
    )


DATA = Product("out/a.csv", "data")
REPORT = Product("out/a.ipynb", "nb", executed=True)


def table(up: Task, last: Record | None = None, **made: str) -> dict[str, str]:
    paths = {"out/a.csv": made.get("data"), "out/a.ipynb": made.get("report")}
    below = task("b", Product("out/b.csv"), upstream=("a",))
    return manifest(below, last, {"a": up}, paths.get, lambda part, path: digest(path))


def test_an_executed_notebook_alone_makes_nothing_after_it_stale() -> None:
    up = task("a", DATA, REPORT)
    assert table(up, data="1", report="1") == table(up, data="1", report="2")
    assert table(up, data="1", report="1") != table(up, data="2", report="1")


def test_an_executed_notebook_counts_for_a_task_that_reads_it() -> None:
    up = task("a", DATA, REPORT)
    last = record({}, {}, **{"file out/a.ipynb": "out/a.ipynb"})
    assert table(up, last, data="1", report="1") != table(up, last, data="1", report="2")


def test_the_class_of_a_task_counts() -> None:
    upload, copied = (Task("a", kind, Source("a.csv"), (DATA,)) for kind in ("upload", "copy_from"))
    one, other = (manifest(it, None, {}, lambda path: None, lambda *_: None) for it in (upload, copied))
    assert [str(it) for it in differences(one, other)] == ["class SQLUpload → PostgresCopyFrom"]


def test_where_an_upstream_makes_only_a_report_its_code_stands_for_its_result() -> None:
    one, other = (
        task("a", REPORT),
        Task("a", "notebook", Source("a.py", facts=Facts("other code")), (REPORT,)),
    )
    assert table(one, report="1") == table(one, report="2")
    assert table(one) != table(other)


def test_what_a_run_discovered_is_looked_at_again() -> None:
    last = record({}, {}, **{"module lib": "lib.py"})
    assert table(task("a", DATA), last, data="1")["module lib"] == digest("lib.py")


def test_the_arguments_of_a_client_count_and_are_not_shown() -> None:
    def option(password: str) -> str:
        call = Call("db.get", {"password": password})
        one = Task("a", "sql", Source("a.sql"), (DATA,), calls=Calls(client=call))
        return manifest(one, None, {}, lambda path: None, lambda part, path: None)["option client"]

    assert option("hunter2") != option("hunter3")
    assert option("hunter2").startswith("db.get ") and "hunter" not in option("hunter2")
