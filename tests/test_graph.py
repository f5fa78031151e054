"""The laws of graphs: order, selection, and that nothing invalid becomes one."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.errors import Errors, GraphError, Place, each
from octavo.graph import Graph
from octavo.model import Product, Source, Task


def task(name: str, *upstream: str, makes: Sequence[str] = (), source: str = "", **rest: Any) -> Task:
    products = tuple(Product(path, str(n)) for n, path in enumerate(makes))
    return Task(name, "notebook", Source(source or f"nb/{name}.py"), products, upstream=upstream, **rest)


def mistakes(*tasks: Task) -> list[str]:
    try:
        Graph(tasks)
    except (GraphError, Errors) as error:
        found = list(each(error))
        assert all(isinstance(one, GraphError) for one in found)
        return [str(one) for one in found]
    pytest.fail("this became a graph")


def follow(name: str, edges: Mapping[str, set[str]]) -> set[str]:
    """Return what a name leads to, the slow and plain way."""
    found: set[str] = set()
    while (more := found.union(edges[name], *(edges[n] for n in found))) != found:
        found = more
    return found


@st.composite
def pipelines(draw: st.DrawFn) -> list[Task]:
    """Tasks without circles, in any order of the file."""
    count = draw(st.integers(0, 12))
    names = [f"t{n}" for n in range(count)]
    tasks = []
    for n, name in enumerate(names):
        upstream = draw(st.lists(st.sampled_from(names[:n]), max_size=4)) if n else []
        tags = draw(st.sets(st.sampled_from(["daily", "slow"])))
        tasks.append(task(name, *upstream, makes=[f"out/{name}"], tags=tuple(sorted(tags))))
    return draw(st.permutations(tasks))


@st.composite
def chosen(draw: st.DrawFn) -> tuple[Graph, str]:
    tasks = draw(pipelines().filter(bool))
    return Graph(tasks), draw(st.sampled_from(tasks)).name


# ── order ───────────────────────────────────────────────────────────────────────────────────────────────


@given(pipelines())
def test_every_task_stands_once_and_after_its_upstream(tasks: list[Task]) -> None:
    order = list(Graph(tasks).tasks)
    assert sorted(order) == sorted(one.name for one in tasks)
    for one in tasks:
        assert all(order.index(up) < order.index(one.name) for up in one.upstream)


@given(pipelines())
def test_of_the_tasks_that_are_ready_the_first_of_the_file_goes_first(tasks: list[Task]) -> None:
    left, done = list(tasks), set[str]()
    for name in Graph(tasks).tasks:
        first = next(one for one in left if done.issuperset(one.upstream))
        assert first.name == name
        left.remove(first)
        done.add(name)


@given(pipelines())
def test_what_is_in_order_keeps_it_and_may_be_trusted(tasks: list[Task]) -> None:
    graph = Graph(tasks)
    again, trusted = Graph(graph), Graph.trusted(graph)
    assert list(again.tasks) == list(trusted.tasks) == list(graph.tasks)
    assert trusted.select() == graph.select()
    assert all(trusted.downstream(name) == graph.downstream(name) for name in graph.tasks)


def test_a_graph_is_a_collection_of_its_tasks() -> None:
    a, b = task("a"), task("b", "a")
    graph = Graph([b, a])
    assert list(graph) == [a, b]
    assert len(graph) == 2
    assert graph["b"] is b
    assert "a" in graph
    assert "c" not in graph
    assert list(pickle.loads(pickle.dumps(graph))) == [a, b]
    assert (len(Graph([])), Graph([]).select()) == (0, ())


# ── before and after ────────────────────────────────────────────────────────────────────────────────────


@given(pipelines())
def test_ancestors_and_descendants_are_each_other_turned_round(tasks: list[Task]) -> None:
    graph = Graph(tasks)
    edges = {one.name: set(one.upstream) for one in tasks}
    order = list(graph.tasks)
    for name in order:
        assert set(graph.ancestors(name)) == follow(name, edges)
        assert graph.descendants(name) == tuple(n for n in order if name in graph.ancestors(n))
        assert graph.downstream(name) == tuple(n for n in order if name in edges[n])
        assert graph.ancestors(name, 1) == tuple(n for n in order if n in edges[name])
        assert set(graph.ancestors(name, 2)) == edges[name].union(*(edges[up] for up in edges[name]))
        assert graph.ancestors(name, 0) == graph.descendants(name, 0) == ()


def test_what_is_upstream_and_seen_to_be_used_is_before_once() -> None:
    graph = Graph([task("a"), task("b", "a"), task("c")]).ordered([("a", "b"), ("a", "c")])
    assert graph.before("b") == graph.after("b") == ("a",)
    assert graph.before("c") == graph.after("c") == ("a",)


# ── selection ───────────────────────────────────────────────────────────────────────────────────────────


@given(chosen())
def test_plus_adds_what_is_before_or_after(pick: tuple[Graph, str]) -> None:
    graph, name = pick
    before, after = graph.ancestors(name), graph.descendants(name)
    assert graph.select([name]) == (name,)
    assert graph.select([f"+{name}"]) == (*before, name)
    assert graph.select([f"{name}+"]) == (name, *after)
    assert set(graph.select([f"+{name}+"])) == {name, *before, *after}
    assert set(graph.select([f"1+{name}+1"])) == {name, *graph[name].upstream, *graph.downstream(name)}
    assert graph.select([f"99+{name}"]) == graph.select([f"+{name}"])
    assert graph.select([f"0+{name}"]) == (name,)


@given(pipelines().filter(bool), st.data())
def test_several_patterns_are_the_union_in_order_and_exclusions_take_away(
    tasks: list[Task], data: st.DataObject
) -> None:
    graph = Graph(tasks)
    pattern = st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "+", "1+"]),
        st.sampled_from(list(graph.tasks)),
        st.sampled_from(["", "+"]),
    )
    asked, without = (
        data.draw(st.lists(pattern, min_size=1, max_size=4)),
        data.draw(st.lists(pattern, max_size=3)),
    )
    found = graph.select(asked)
    assert set(found) == {name for one in asked for name in graph.select([one])}
    assert list(found) == [name for name in graph.tasks if name in found]
    away = {name for one in without for name in graph.select([one])}
    assert graph.select([*asked, *(f"!{one}" for one in without)]) == tuple(n for n in found if n not in away)
    assert graph.select([f"!{one}" for one in without]) == tuple(n for n in graph.tasks if n not in away)


@given(pipelines().filter(bool), st.sampled_from(["t*", "t1*", "t[0-3]", "*", "?1", "t?"]))
def test_globs_choose_by_name_and_with_plus_by_any_of_them(tasks: list[Task], glob: str) -> None:
    graph = Graph(tasks)
    expected = {name for name in graph.tasks if fnmatchcase(name, glob)}
    if expected:
        assert set(graph.select([glob])) == expected
        assert set(graph.select([f"+{glob}"])) == expected.union(*map(graph.ancestors, expected))
        assert set(graph.select([f"1+{glob}"])) == expected.union(*(graph[n].upstream for n in expected))
    else:
        with pytest.raises(GraphError, match="no task matches"):
            graph.select([glob])


def test_tags_choose_their_tasks() -> None:
    graph = Graph([task("a", tags=("daily",)), task("b", "a", tags=("nightly", "slow")), task("c", "b")])
    assert graph.select(["tag:daily"]) == ("a",)
    assert graph.select(["tag:*ly"]) == ("a", "b")
    assert graph.select(["+tag:slow"]) == ("a", "b")
    assert graph.select(["tag:slow+", "!b"]) == ("c",)


def test_the_name_of_a_task_wins_over_its_meaning_as_a_pattern() -> None:
    graph = Graph(
        [task("a"), task("c++", "a"), task("!x", "a"), task("fit[1]"), task("tag:q"), task("d+", "c++")]
    )
    for name in graph.tasks:
        assert graph.select([name]) == (name,)
    assert graph.select(["+c++"]) == ("a", "c++")
    assert graph.select(["c+++"]) == ("c++", "d+")
    assert graph.select(["fit[1]+"]) == ("fit[1]",)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("claen", 'there is no task "claen"\n  hint: did you mean "clean"?'),
        ("zzz", 'there is no task "zzz"\n  hint: the tasks are clean, fit'),
        ("+claen+", 'there is no task "claen" (in "+claen+")\n  hint: did you mean "clean"?'),
        ("z*", 'no task matches "z*"\n  hint: the tasks are clean, fit'),
        ("!z*", 'no task matches "z*"'),
        ("tag:dialy", 'there is no tag "dialy"\n  hint: did you mean "daily"?'),
        ("tag:z*", 'no tag matches "z*"\n  hint: the tags are daily'),
        ("", 'there is no task ""'),
        ("+", 'there is no task "+"'),
        ("clean+fit", 'there is no task "clean+fit"'),
        ("Clean", 'there is no task "Clean"\n  hint: did you mean "clean"?'),
    ],
)
def test_a_pattern_that_stands_for_nothing_is_a_mistake(pattern: str, expected: str) -> None:
    graph = Graph([task("clean", tags=("daily",)), task("fit", "clean")])
    with pytest.raises(GraphError) as caught:
        graph.select([pattern])
    assert str(caught.value).startswith(expected)


def test_mistaken_patterns_are_told_together() -> None:
    with pytest.raises(Errors) as caught:
        Graph([task("a")]).select(["b", "a", "tag:c"])
    assert [one.message for one in each(caught.value)] == ['there is no task "b"', 'there is no tag "c"']
    assert [one.hint for one in each(caught.value)] == ["the tasks are a", "there are no tags"]


# ── what is no graph ────────────────────────────────────────────────────────────────────────────────────


@st.composite
def tangles(draw: st.DrawFn) -> list[Task]:
    names = [f"t{n}" for n in range(draw(st.integers(1, 9)))]
    edges = st.lists(st.sampled_from(names), max_size=3)
    return [task(name, *draw(edges)) for name in names]


@given(tangles())
def test_circles_are_found_exactly_where_they_are_and_are_real_and_shortest(tasks: list[Task]) -> None:
    edges = {one.name: set(one.upstream) for one in tasks}
    selfish = {name for name in edges if name in edges[name]}
    proper = {name: ups - {name} for name, ups in edges.items()}
    circular = {name for name in proper if name in follow(name, proper)}
    if not selfish and not circular:
        assert len(Graph(tasks)) == len(tasks)
        return
    found = mistakes(*tasks)
    assert sum("is its own upstream" in one for one in found) == len(selfish)
    covered: set[str] = set()
    circles = [one.split("\n")[0].split(": ")[-1].split(" → ") for one in found if "cycle of tasks" in one]
    assert len(circles) + len(selfish) == len(found)
    for circle in circles:
        assert circle[0] == circle[-1]
        assert len(set(circle)) == len(circle) - 1 >= 2
        assert all(up in edges[down] for up, down in pairwise(circle))
        assert circle[0] not in covered, "a circle of tasks that were shown before says nothing new"
        covered.update(circle)
        assert not any(circle[0] in reach(circle[0], proper, n) for n in range(1, len(circle) - 1))
    assert covered == circular


def reach(name: str, edges: Mapping[str, set[str]], steps: int) -> set[str]:
    """Return what stands exactly so many steps away."""
    edge = {name}
    for _ in range(steps):
        edge = {up for one in edge for up in edges[one]}
    return edge


def test_a_circle_is_shown_once_from_the_first_of_the_file_in_the_direction_of_the_data() -> None:
    where = Place("pipeline.yaml", 3, 5)
    (found,) = mistakes(
        task("b", "a", where=where), task("c", "b"), task("a", "c"), task("d", "c"), task("e")
    )
    assert found.startswith(
        "pipeline.yaml:3:5: cycle of tasks: b → c → a → b\n  hint: each depends on the one before"
    )


def test_tasks_between_two_circles_are_in_none() -> None:
    found = mistakes(task("m", "b"), task("a", "b"), task("b", "a"), task("x", "y", "m"), task("y", "x"))
    assert [one.split(": ")[1].split("\n")[0] for one in found] == ["a → b → a", "x → y → x"]


def test_a_long_circle_is_shortened() -> None:
    count = 3000
    (found,) = mistakes(*(task(f"t{n}", f"t{(n - 1) % count}") for n in range(count)))
    assert "t0 → t1 → t2" in found
    assert " → … → t2991 → " in found
    assert len(found) < 400


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        (
            [task("a", "b"), task("bb")],
            'task "a" has an upstream that does not exist: "b"\n  hint: did you mean "bb"?',
        ),
        ([task("a", "zz"), task("b")], "\n  hint: the other tasks are b"),
        ([task("a", "zz")], "\n  hint: there are no other tasks"),
        ([task("a", "a")], 'task "a" is its own upstream'),
        (
            [task("a", where=Place("p.yaml", 2, 5)), task("a", source="b.py", where=Place("p.yaml", 9, 5))],
            'p.yaml:9:5: two tasks are called "a"\n  hint: the other is at p.yaml:2:5; set a different',
        ),
        ([task("a", makes=["x"]), task("b", makes=["x"])], 'tasks "a" and "b" both make "x"'),
        ([task("a", makes=["o/x"]), task("b", makes=["./o/y/../x"])], 'tasks "a" and "b" both make "o/x"'),
        ([task("a", makes=["x", "./x"])], 'task "a" makes "x" twice'),
        ([task("a", makes=["/d/x"]), task("b", makes=["/d/x"])], 'tasks "a" and "b" both make "/d/x"'),
        (
            [task("a", makes=["o"]), task("b", makes=["o/p/x"])],
            'task "b" makes "o/p/x" inside "o", which task "a" makes',
        ),
        (
            [task("b", makes=["/o/x"]), task("a", makes=["/o"])],
            'task "b" makes "/o/x" inside "/o", which task "a" makes',
        ),
        (
            [task("a", makes=["nb/b.py"]), task("b")],
            'task "a" makes "nb/b.py", the source of "b"\n  hint: a build never',
        ),
        ([task("a", makes=["x/../nb/a.py"])], 'task "a" makes "nb/a.py", the source of "a"'),
        ([task("a", makes=["nb/"])], 'task "a" makes "nb", the folder that contains the source "nb/a.py"'),
        (
            [task("a", source="s/d/a.py", makes=["s"])],
            'task "a" makes "s", the folder that contains the source "s/d/a.py"',
        ),
        ([task("a", makes=["."])], 'task "a" makes ".", the folder that contains the project'),
        ([task("a", makes=["out/.."])], 'task "a" makes ".", the folder that contains the project'),
        ([task("a", makes=["../.."])], 'task "a" makes "../..", the folder that contains the project'),
        ([task("a", makes=["/"])], 'task "a" makes "/", the folder that contains the project'),
        ([task("a", source="../s/a.py", makes=["../s"])], 'the folder that contains the source "../s/a.py"'),
    ],
)
def test_tasks_that_do_not_fit_are_refused(tasks: list[Task], expected: str) -> None:
    (found,) = mistakes(*tasks)
    assert expected in found


def test_products_may_be_outside_and_beside_each_other() -> None:
    graph = Graph(
        [
            task("a", makes=["/data/x", "../y", "out", "out/metrics.json"]),
            task("b", makes=["/data/xy", "../y2/z", "out2/x", "..x"]),
        ]
    )
    assert len(graph) == 2


def test_two_tasks_may_share_a_source() -> None:
    assert len(Graph([task("a", source="fit.py"), task("b", "a", source="fit.py")])) == 2


def test_all_mistakes_come_together() -> None:
    found = mistakes(
        task("a", "nowhere", makes=["x"]),
        task("a", source="a2.py"),
        task("b", "c", makes=["x"]),
        task("c", "b"),
        task("d", "d", makes=["nb/a.py"]),
    )
    assert len(found) == 6


def test_many_unknown_names_stay_cheap_to_tell() -> None:
    found = mistakes(*(task(f"t{n}", f"x{n}") for n in range(500)))
    assert len(found) == 500
    assert sum("hint" in one for one in found) == 20
