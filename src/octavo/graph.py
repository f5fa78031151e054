"""Put tasks in order, reject invalid graphs, and select tasks ("clean+", "+fit", "tag:daily", globs)."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from posixpath import dirname, normpath
from typing import TYPE_CHECKING

from .errors import GraphError, raise_all
from .hints import did_you_mean
from .kinds import row
from .lazy import lazy_imports

with lazy_imports():
    import fnmatch  # most builds select nothing

    from . import cycles  # for what is wrong only

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from .model import Task


_MANY = 20  # mistakes of one sort to look at closely; a file with more is mended in several rounds


class Graph:
    """Tasks in topological order; tasks that could stand in any order keep that of the file. Immutable.

    Raises all ``GraphError``s together: names given twice, unknown upstream, cycles, products made by two
    tasks, products that are sources or would swallow them.
    """

    __slots__ = ("_downstream", "_learnt", "_position", "_turns", "tasks")

    tasks: Mapping[str, Task]

    def __init__(self, tasks: Iterable[Task]) -> None:
        given = list(tasks)
        named: dict[str, Task] = {}
        for task in given:
            named.setdefault(task.name, task)
        order, left = _order(named)
        raise_all(
            [
                *_twice(given, named),
                *_unknown(given, named),
                *(cycles.errors(named, left, _MANY) if left else ()),
                *_products(given),
            ],
            "the tasks do not fit together",
        )
        self._fill({name: named[name] for name in order})

    @classmethod
    def trusted(cls, tasks: Iterable[Task]) -> Graph:
        """Return the graph of tasks that were validated before and stand in order; nothing is checked."""
        graph = cls.__new__(cls)
        graph._fill({task.name: task for task in tasks})
        return graph

    def ordered(
        self,
        edges: Iterable[tuple[str, str]],
        turns: Iterable[tuple[str, str]] = (),
        *,
        within: bool = False,
    ) -> Graph:
        """Return the graph in which tasks come after others that they do not name: pairs of one before and one after.

        Of ``turns`` the one does not use what the other makes. What would make a cycle is left out; ``within``: and
        what would change the order of the tasks.
        """
        used = set(edges)
        position = {name: n for n, name in enumerate(self.tasks)}
        wanted = [
            (before, after)
            for before, after in dict.fromkeys([*sorted(used), *turns])
            if before in position
            and after in position
            and before != after
            and before not in self.tasks[after].upstream
            and not (within and position[before] > position[after])
        ]
        learnt: dict[str, tuple[str, ...]] = {}
        for before, after in wanted:
            learnt[after] = (*learnt.get(after, ()), before)
        graph = Graph.__new__(Graph)
        order, left = _order(self.tasks, learnt)
        if left:
            learnt = {}
            for before, after in wanted:
                graph._fill(self.tasks, learnt)
                if after not in graph.with_ancestors([before]):
                    learnt[after] = (*learnt.get(after, ()), before)
            order, left = _order(self.tasks, learnt)
        graph._fill({name: self.tasks[name] for name in order}, learnt)
        graph._turns = frozenset(wanted) - used
        return graph

    def replaced(self, task: Task) -> Graph:
        """Return the graph in which another task with the same name and upstream stands in place of one."""
        graph = Graph.__new__(Graph)
        graph._fill({**self.tasks, task.name: task}, self._learnt)
        graph._turns = self._turns
        return graph

    def after(self, name: str) -> tuple[str, ...]:
        """Return the tasks that one comes directly after."""
        return (*self.tasks[name].upstream, *self._learnt.get(name, ()))

    def before(self, name: str) -> tuple[str, ...]:
        """Return the tasks of which one uses something: its upstream, and those that it was seen to use."""
        learnt = (it for it in self._learnt.get(name, ()) if (it, name) not in self._turns)
        return (*self.tasks[name].upstream, *learnt)

    def _fill(self, tasks: Mapping[str, Task], learnt: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.tasks = tasks
        self._learnt = learnt or {}
        self._turns: frozenset[tuple[str, str]] = frozenset()
        self._downstream: dict[str, list[str]] | None = None
        self._position: dict[str, int] | None = None

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks.values())

    def __len__(self) -> int:
        return len(self.tasks)

    def __getitem__(self, name: str) -> Task:
        return self.tasks[name]

    def __contains__(self, name: object) -> bool:
        return name in self.tasks

    def downstream(self, name: str) -> tuple[str, ...]:
        """Return the tasks that have this one as an upstream, in order."""
        return tuple(down for down in self._down(name) if name in self.tasks[down].upstream)

    def ancestors(self, name: str, levels: int | None = None) -> tuple[str, ...]:
        """Return the tasks that must run before this one, in order; ``levels``: how many steps to go."""
        return self._sorted(_reach({name}, self.before, levels) - {name})

    def descendants(self, name: str, levels: int | None = None) -> tuple[str, ...]:
        """Return the tasks that must run after this one, in order; ``levels``: how many steps to go."""
        return self._sorted(_reach({name}, self._down, levels) - {name})

    def select(self, patterns: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the tasks that the patterns stand for, in order; no pattern: all of them.

        "fit", "fit*", "tag:daily" (a word or glob); with "+" before or after: with all ancestors or
        descendants, "2+fit": those at most two steps away. Several patterns add up; "!fit" takes away. A
        task's own name wins over what it means as a pattern. Raises ``GraphError`` for what matches nothing.
        """
        found: set[str] = set()
        excluded: set[str] = set()
        mistakes: list[GraphError] = []
        wanted = list(patterns)
        for pattern in wanted:
            without = pattern.startswith("!") and pattern not in self.tasks
            try:
                (excluded if without else found).update(self._pattern(pattern[1:] if without else pattern))
            except GraphError as error:
                mistakes.append(error)
        raise_all(mistakes, "the selection matches nothing")
        if all(pattern.startswith("!") and pattern not in self.tasks for pattern in wanted):
            return tuple(name for name in self.tasks if name not in excluded)
        return self._sorted(found - excluded)

    def with_ancestors(self, names: Collection[str]) -> Collection[str]:
        """Return some tasks and all that they need, however far away."""
        return names if len(names) == len(self.tasks) else _reach(set(names), self.before, None)

    def _pattern(self, pattern: str) -> set[str]:
        if pattern in self.tasks:
            return {pattern}
        before, core, after = _split(pattern, self.tasks)
        found = self._core(core, pattern)
        return _reach(found, self.before, before) | _reach(found, self._down, after)

    def _core(self, core: str, pattern: str) -> set[str]:
        """Return the tasks that a name, a glob or a tag stands for."""
        if core in self.tasks:
            return {core}
        tagged, glob = core.startswith("tag:"), core.removeprefix("tag:")
        matches = _matcher(glob)
        if tagged:
            tags = {tag for task in self for tag in task.tags}
            chosen = {tag for tag in tags if matches(tag)}
            found = {task.name for task in self if not chosen.isdisjoint(task.tags)}
            known, what = sorted(tags), "tag"
        else:
            found = set(filter(matches, self.tasks)) if _magic(glob) else set()
            known, what = list(self.tasks), "task"
        if not found:
            message = f'no {what} matches "{glob}"' if _magic(glob) else f'there is no {what} "{glob}"'
            if pattern not in (glob, f"tag:{glob}"):
                message += f' (in "{pattern}")'
            raise GraphError(message, hint=did_you_mean(glob, known) or _known(known, what))
        return found

    def _down(self, name: str) -> Sequence[str]:
        if self._downstream is None:
            table: dict[str, list[str]] = {name: [] for name in self.tasks}
            for task in self:
                for up in dict.fromkeys(self.before(task.name)):
                    table[up].append(task.name)
            self._downstream = table
        return self._downstream[name]

    def _sorted(self, names: Iterable[str]) -> tuple[str, ...]:
        if self._position is None:
            self._position = {name: n for n, name in enumerate(self.tasks)}
        return tuple(sorted(names, key=self._position.__getitem__))


# ── selection ───────────────────────────────────────────────────────────────────────────────────────────


def _reach(names: set[str], near: Callable[[str], Sequence[str]], levels: int | None) -> set[str]:
    """Return the tasks and what is at most so many steps away from any of them (None: however far)."""
    found, edge = set(names), names
    while edge and levels != 0:
        edge = {other for name in edge for other in near(name)} - found
        found |= edge
        levels = levels and levels - 1
    return found


def _split(pattern: str, tasks: Mapping[str, Task]) -> tuple[int | None, str, int | None]:
    """Return the levels to go up, the core, and those to go down: "2+fit+" → 2, "fit", None (all)."""
    up: int | None = 0
    down: int | None = 0
    count, plus, core = pattern.partition("+")
    if plus and core and (not count or count.isdecimal()):
        up, pattern = (int(count) if count else None), core
    core, plus, count = pattern.rpartition("+")
    if plus and core and pattern not in tasks and (not count or count.isdecimal()):
        down, pattern = (int(count) if count else None), core
    return up, pattern, down


def _magic(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _matcher(glob: str) -> Callable[[str], bool]:
    return lambda name: fnmatch.fnmatchcase(name, glob)


def _known(names: Sequence[str], what: str) -> str:
    if not names:
        return f"there are no {what}s"
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return f"the {what}s are {', '.join(names[:_MANY])}{more}"


# ── validation ──────────────────────────────────────────────────────────────────────────────────────────


def _order(
    tasks: Mapping[str, Task], learnt: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[list[str], set[str]]:
    """Return the names in order, and those in cycles or behind one, which have no order.

    Kahn's algorithm; of the tasks that are ready the first of the file goes first.
    """
    names = list(tasks)
    number = {name: n for n, name in enumerate(names)}
    waits = [0] * len(names)
    downstream: list[list[int]] = [[] for _ in names]
    more = learnt or {}
    for n, task in enumerate(tasks.values()):
        for up in {*task.upstream, *more.get(task.name, ())}:
            if up in number:
                waits[n] += 1
                downstream[number[up]].append(n)
    ready = [n for n, count in enumerate(waits) if not count]
    heapify(ready)
    order = []
    while ready:
        n = heappop(ready)
        order.append(names[n])
        for down in downstream[n]:
            waits[down] -= 1
            if not waits[down]:
                heappush(ready, down)
    return order, set(names).difference(order)


def _twice(given: Iterable[Task], named: Mapping[str, Task]) -> Iterator[GraphError]:
    for task in given:
        first = named[task.name]
        if task is not first:
            differ = [name for name, value in task.params.items() if first.params.get(name) != value]
            if first.where == task.where and differ:
                hint = (
                    f'both are of one grid: add {", ".join(f"[[{name}]]" for name in differ)} to its "name"'
                )
            else:
                other = f"the other is at {first.where}; " if first.where else ""
                hint = f'{other}set a different "name" for one of them'
            yield GraphError(f'two tasks are called "{task.name}"', task.where, hint)


def _unknown(given: Iterable[Task], named: Mapping[str, Task]) -> Iterator[GraphError]:
    unknown = 0
    for task in given:
        for up in dict.fromkeys(task.upstream):
            if up == task.name:
                yield GraphError(f'task "{task.name}" is its own upstream', task.where)
            elif up not in named:
                unknown += 1  # comparing with all names is slow: not for each of ten thousand mistakes
                hint = None
                if unknown <= _MANY:
                    names = [name for name in named if name != task.name]
                    hint = did_you_mean(up, names) or _known(names, "other task")
                message = f'task "{task.name}" has an upstream that does not exist: "{up}"'
                if _magic(up):
                    message = f'task "{task.name}": no task matches its upstream "{up}"'
                yield GraphError(message, task.where, hint)


def _products(given: Sequence[Task]) -> Iterator[GraphError]:
    """Yield what is wrong with the paths: what two tasks make, and what would overwrite a source."""
    sources: dict[str, str] = {}
    around: dict[str, str] = {}  # folders with a source in them
    for task in given:
        # data may be what another task makes, a URL is no path
        if row(task.kind).source == "data" or not task.source.path:
            continue
        if (path := normpath(task.source.path)) not in sources:
            sources[path] = task.name
            for folder in _folders(path):
                if around.setdefault(folder, path) != path:
                    break
    makers: dict[str, Task] = {}
    for task in given:
        for product in task.products:
            path = normpath(product.path)
            if other := makers.get(path):
                yield _two(task, path, other, path)
            elif path in sources:
                message = f'task "{task.name}" makes "{path}", the source of "{sources[path]}"'
                yield GraphError(
                    message, task.where, "a build never writes to a source: choose another product"
                )
            elif path in around or path in (".", "..", "/") or path.endswith("/.."):
                held = f'the source "{around[path]}"' if path in around and path != "." else "the project"
                message = f'task "{task.name}" makes "{path}", the folder that contains {held}'
                yield GraphError(message, task.where, "choose a separate folder for the product")
            makers.setdefault(path, task)
    for path, task in makers.items():
        for folder in _folders(path):
            if (other := makers.get(folder)) and other is not task:
                yield _two(task, path, other, folder)
                break


def _folders(path: str) -> Iterator[str]:
    """Yield the folders around a normalised path, the nearest first; "." for the project itself."""
    while (folder := dirname(path)) and folder != path:
        yield folder
        path = folder
    if not path.startswith(("/", "..")) and path != ".":
        yield "."


def _two(task: Task, path: str, other: Task, other_path: str) -> GraphError:
    hint = f'"{other.name}" is at {other.where}' if other.where else None
    if task is other:
        return GraphError(f'task "{task.name}" makes "{path}" twice', task.where)
    if path == other_path:
        return GraphError(f'tasks "{other.name}" and "{task.name}" both make "{path}"', task.where, hint)
    message = f'task "{task.name}" makes "{path}" inside "{other_path}", which task "{other.name}" makes'
    return GraphError(message, task.where, hint)
