"""Serializers: values saved and loaded by the extensions of products."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.serialize import serializer, serializer_pickle, unserializer, unserializer_pickle
from projects import Folder


def saved(**arguments: Any) -> Callable[[Any, Any], Any]:
    @serializer(**arguments)
    def save(value: Any, product: Any) -> None:
        Path(product).write_text(f"by the function: {value}")

    return save


def loaded(**arguments: Any) -> Callable[[Any], Any]:
    @unserializer(**arguments)
    def load(product: Any) -> Any:
        return "the function: " + Path(product).read_text()

    return load


def test_each_extension_has_its_way_and_the_function_the_rest(tmp_path: Path) -> None:
    save = saved(
        extension_mapping={".up": lambda value, path: Path(path).write_text(value.upper())},
        defaults=[".json"],
    )
    load = loaded(extension_mapping={".up": lambda path: Path(path).read_text()[::-1]}, defaults=[".json"])
    for name, expected in {
        "a.up": "CBA",
        "a.json": "abc",
        "a.other": "the function: by the function: abc",
    }.items():
        save("abc", tmp_path / name)
        assert load(tmp_path / name) == expected


@pytest.mark.parametrize("fallback", [True, "pickle", "cloudpickle", "joblib"])
def test_what_has_no_way_is_pickled_when_that_is_wanted(tmp_path: Path, fallback: bool | str) -> None:
    if isinstance(fallback, str):
        pytest.importorskip(fallback)
    save, load = saved(fallback=fallback, defaults=[".txt"]), loaded(fallback=fallback, defaults=[".txt"])
    save({"a": {1, 2}}, tmp_path / "model.bin")
    assert load(tmp_path / "model.bin") == {"a": {1, 2}}
    save("text", tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == load(tmp_path / "a.txt") == "text"


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_is_saved_as_json_or_pickled_comes_back(
    tmp_path_factory: pytest.TempPathFactory, value: Any
) -> None:
    folder = tmp_path_factory.mktemp("s")
    saved(defaults=[".json"])(value, folder / "a.json")
    serializer_pickle(value, folder / "a.pkl")
    assert loaded(defaults=[".json"])(folder / "a.json") == value == unserializer_pickle(folder / "a.pkl")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_frames_are_saved_and_loaded(tmp_path: Path, suffix: str) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1, 2]})
    saved(defaults=[suffix])(frame, tmp_path / f"a{suffix}")
    assert list(loaded(defaults=[suffix])(tmp_path / f"a{suffix}").x) == [1, 2]
    with pytest.raises(TypeError, match="takes a pandas DataFrame, not list"):
        saved(defaults=[suffix])([1], tmp_path / f"b{suffix}")


def test_several_products_take_a_dict_with_their_keys(tmp_path: Path) -> None:
    products = {"one": tmp_path / "one.json", "two": tmp_path / "two.txt"}
    save, load = saved(defaults=[".json", ".txt"]), loaded(defaults=[".json", ".txt"])
    save({"one": 1, "two": "2"}, products)
    assert load(products) == {"one": 1, "two": "2"}
    with pytest.raises(ValueError, match="two is missing; three is not a product"):
        save({"one": 1, "three": 3}, products)
    with pytest.raises(TypeError, match="dict with these keys, not list"):
        save([1, 2], products)


def test_a_dict_is_unpacked_into_a_folder_of_its_own(tmp_path: Path) -> None:
    save, load = (
        saved(defaults=[".json"], fallback=True, unpack=True),
        loaded(defaults=[".json"], fallback=True, unpack=True),
    )
    save({"a.json": 1, "old.json": 2}, tmp_path / "all")
    save({"a.json": 1, "b": {2}}, tmp_path / "all")
    assert load(tmp_path / "all") == {"a.json": 1, "b": {2}}
    assert json.loads((tmp_path / "all/a.json").read_text()) == 1
    assert pickle.loads((tmp_path / "all/b").read_bytes()) == {2}
    save([1], tmp_path / "list.json")  # what is no dict is one file
    assert load(tmp_path / "list.json") == [1]
    with pytest.raises(TypeError, match="names of files, not 1"):
        save({1: 2}, tmp_path / "all")


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"extension_mapping": [1]}, TypeError, "a dict from extensions"),
        ({"extension_mapping": {"csv": print}}, ValueError, "start with a dot, unlike 'csv'"),
        ({"defaults": ".csv"}, TypeError, "defaults is a list"),
        ({"defaults": [".xls"]}, ValueError, r"no default for '\.xls', only for \.txt"),
        ({"extension_mapping": {".csv": print}, "defaults": [".csv"]}, ValueError, r"\.csv is in both"),
        ({"fallback": "dill"}, ValueError, "not 'dill'"),
    ],
)
def test_wrong_arguments_are_errors_at_once(
    arguments: dict[str, Any], kind: type[Exception], said: str
) -> None:
    for make in (saved, loaded):
        with pytest.raises(kind, match=said):
            make(**arguments)


def test_the_decorated_function_takes_what_it_will_get() -> None:
    with pytest.raises(TypeError, match="should take 2 arguments, but it takes 1"):
        serializer()(lambda value: None)  # type: ignore[arg-type, misc]
    with pytest.raises(TypeError, match="should take 1 argument, but it takes 2"):
        unserializer()(lambda a, b: None)  # type: ignore[arg-type, misc]


# ── functions that return their result

IO = """
from octavo.serialize import serializer, unserializer

@serializer(defaults=[".json"], fallback=True)
def save(obj, product): ...

@unserializer(defaults=[".json"], fallback=True)
def load(product): ...

@serializer()
def broken(obj, product):
    raise OSError("the disk is full")
"""
TASKS = """
def raw(n=3):
    return {"numbers": list(range(n)), "set": {1}}

def square(upstream):
    return [n * n for n in upstream["raw"]["numbers"]]

def cube(upstream):
    return [n ** 3 for n in upstream.first["numbers"]]

def all(upstream):
    return {name: sum(values) for name, values in upstream["p-*"].items()}
"""
SPEC = """
serializer: formats.save
unserializer: formats.load
tasks:
  - source: tasks.raw
    product: {numbers: out/numbers.json, set: out/set.pkl}
  - {source: tasks.square, name: p-square, product: out/square.json}
  - {source: tasks.cube, name: p-cube, product: out/cube.json, upstream: raw}
  - {source: tasks.all, product: out/all.json}
"""


def project(folder: Folder) -> Folder:
    folder.write("formats.py", IO)
    folder.write("tasks.py", TASKS)
    folder.write("pipeline.yaml", SPEC.replace(", upstream: raw", ""))
    folder.write("tasks.py", TASKS.replace("upstream.first", 'upstream["raw"]'))
    return folder


def test_functions_return_values_and_get_them(folder: Folder) -> None:
    ended = project(folder).octavo("build")
    assert ended.returncode == 0, ended.stdout
    assert json.loads(folder.read("out/all.json")) == {"p-square": 5, "p-cube": 9}
    assert json.loads(folder.read("out/numbers.json")) == [0, 1, 2]
    assert pickle.loads((folder.path / "out/set.pkl").read_bytes()) == {1}
    assert "4 tasks fresh" in folder.octavo("build").stdout


def test_a_changed_serializer_makes_its_tasks_stale(folder: Folder) -> None:
    project(folder).octavo("build")
    folder.write(
        "formats.py", IO.replace('defaults=[".json"], fallback=True)\ndef save', "fallback=True)\ndef save")
    )
    assert "module formats changed" in folder.octavo("status").stdout


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (
            '"set": {1}',
            '"sets": {1}',
            "in serializer formats.save: it must return a dict with the keys of its products",
        ),
        ("return {", "_ = {", "it returned nothing, but its serializer needs a value"),
        ("raw(n=3)", "raw(product, n=3)", "but its return value is saved by a serializer"),
    ],
)
def test_a_function_that_returns_the_wrong_thing_is_told(
    folder: Folder, was: str, now: str, said: str
) -> None:
    project(folder)
    folder.write("tasks.py", folder.read("tasks.py").replace(was, now))
    ended = folder.octavo("build", "raw")
    assert ended.returncode == 1
    assert said in ended.stdout


def test_a_failing_serializer_is_a_failure_with_its_name_and_traceback(folder: Folder) -> None:
    project(folder)
    folder.write(
        "pipeline.yaml", SPEC.replace("formats.save", "formats.broken").replace(", upstream: raw", "")
    )
    ended = folder.octavo("build", "raw")
    assert "OSError: in serializer formats.broken: the disk is full" in ended.stdout
    assert "formats.py:11" in ended.stdout
