"""Headers of scripts: yaml is the oracle for what a machine wrote, and nothing else may stop the reading."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from octavo import notebook
from octavo.notebook import header
from oracles import percent

words = st.text(
    st.sampled_from("abcé1.0-:#[]{}'\"!%&*,?|>@` \\_~xeE+/=()"), max_size=9
).filter(str.isprintable)  # fmt: skip
tricky = "yes|null|1.3|1e3|0x1f|2020-01-01|1:30|a: b|- a|" + "word " * 30 + "|~|a #b"
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False, width=16)
scalars = words | st.booleans() | st.none() | numbers | st.sampled_from(tricky.split("|"))
keys = st.text(st.sampled_from("abc_-."), min_size=1, max_size=5).filter(lambda key: key.strip("-."))
ODD_YAML = [
    *(
        "a:",
        "a: b",
        "  b: 1",
        "- x",
        "  - y",
        "---",
        ": :",
        "[",
        "{a: b",
        "'q",
        "&a *b",
        "? x",
        "a: |",
        "   text",
    ),
    *("\t", "a: [1,", "  2]", "a: 'x", "", "#", "- - a", "- a: 1", "  b: 2"),
]
mappings = st.recursive(
    st.dictionaries(keys, scalars, max_size=4),
    lambda inner: st.dictionaries(keys, st.one_of(scalars, inner, st.lists(scalars, max_size=3)), max_size=4),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(mappings)
def test_a_header_is_read_and_written_as_yaml_reads_and_writes_it(data: dict[str, Any]) -> None:
    by_yaml = yaml.safe_dump({"jupyter": data}, default_flow_style=False)
    assert header.parse(by_yaml.splitlines()) == {"jupyter": data}
    ours_of_it = "\n".join(header.emit({"jupyter": data}, ""))
    assert yaml.safe_load(ours_of_it) == {"jupyter": data}
    assert header.parse(ours_of_it.splitlines()) == {"jupyter": data}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(ODD_YAML), max_size=8))
def test_a_header_that_is_no_yaml_stops_nothing(lines: list[str]) -> None:
    text = "# ---\n# jupyter:\n" + "".join(f"#   {line}\n" for line in lines) + "# ---\n\n# %%\nx = 1\n"
    nb = percent(text)
    assert nb.cells[-1]["source"] == "x = 1"
    assert notebook.dumps(nb) == text.encode()
    nb.data["metadata"]["kernelspec"] = {"name": "k"}
    assert percent(notebook.dumps(nb)).data["metadata"]["kernelspec"] == {"name": "k"}
