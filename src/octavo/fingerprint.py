"""Compute what a result depends on, and judge whether it is still good.

A manifest is a table of named digests. Two of them, the one that was recorded and the one of now, give the reasons by
their difference, so a decision and its explanation are one thing and cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping

from . import kinds, parts
from .digests import digest
from .environment import imported, packages, python_version
from .model import ABSENT, HIDDEN, Call, Manifest, Product, Reason, Record, Task
from .state.store import Store
from .values import canonical, encode


def manifest(
    task: Task,
    record: Record | None,
    graph: Mapping[str, Task],
    digest_of: Callable[[str], str | None],
    seen: Callable[[str, str], str | None],
) -> dict[str, str]:
    """Return what ``task`` depends on now.

    ``digest_of(path)`` is the digest of a product or None; ``seen(part, path)`` that of what the last run discovered.
    What only a run can know is taken from the record of the last one, looked at as it is now.
    """
    table = {
        parts.SOURCE.word: task.source.facts.digest,
        parts.PATHS.word: _paths(task),
        parts.CLASS.word: kinds.words(task.kind),
    }
    if kernel := task.named_kernel:
        table[parts.KERNEL.word] = kernel
    if task.source.function:
        table[parts.FUNCTION.word] = task.source.function
    for name, value in task.params.items():
        if name != "resources_":  # absolute paths: option "resources" has them as they are on every machine
            table[parts.PARAM.of(name)] = task.hidden.kept.get(name) or canonical(value)
    if len(task.params) > 1:  # **kwargs come in order, and executed notebooks show it
        table[parts.ORDER.word] = ", ".join(task.params)
    if apart := task.own.get("environment"):
        table[parts.ENVIRONMENT.of(apart["from"])] = apart["digest"]
    for path in _declared(task):
        table[parts.FILE.of(path)] = digest_of(path) or ABSENT
    for check in task.own.get("checks", ()):
        table[parts.CHECK.of(check["name"])] = canonical(check)
    for name, text in _options(task):
        table[parts.OPTION.of(name)] = task.hidden.options.get(name) or text
    read = record.discovered.values() if record else ()
    for name in task.upstream:
        table |= _upstream(graph[name], read, digest_of)
    if record:
        for part, path in record.discovered.items():
            if part in table:
                continue
            if not (task.run.strict or parts.counts(part)):
                table[part] = record.manifest.get(part, "")  # noted, and no reason to run
            elif (found := seen(part, path)) is not None:
                table[part] = found
            elif record.manifest.get(part) == ABSENT:
                table[part] = ABSENT
    return table


def _options(task: Task) -> Iterator[tuple[str, str]]:
    """Yield what else makes a task's result, by the keys of pipeline.yaml."""
    if task.cwd:
        yield "cwd", canonical(task.cwd)
    if task.declared.resources:
        yield "resources", canonical(task.declared.resources)
    if task.declared.templates:
        yield "source_loader", canonical(task.declared.templates)
    for name, call in task.calls.named():
        yield name, _called(call, "client" in name)
    for name, value in task.own.items():
        if name in ("checks", "environment"):
            continue  # these are parts of their own
        # arguments of a tool may be passwords, and the text is shown and kept
        secret = isinstance(value, Mapping) and "client" in name
        yield (
            name,
            _called(value) if isinstance(value, Call) else _hidden(value) if secret else canonical(value),
        )


def _called(call: Call, secret: bool = False) -> str:
    """Return a call as text: its path, and then its arguments."""
    if not call.arguments:
        return call.path
    return f"{call.path} {_hidden(call.arguments) if secret else canonical(call.arguments)}"


def _hidden(value: object) -> str:
    return f"… ({digest(canonical(value))[:12]})"


def reports_read(
    task: Task, graph: Mapping[str, Task], discovered: Mapping[str, tuple[str, str]]
) -> dict[str, str]:
    """Return the parts of the manifest for executed notebooks from upstream that a run was seen to read."""
    read = dict(discovered.values())
    return {
        label(graph[name], product): read[product.path]
        for name in task.upstream
        for product in graph[name].products
        if product.executed and product.path in read
    }


def made_with(store: Store, task: Task, discovered: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the versions of Python and of what a task imports, where it runs in this very environment."""
    if task.named_kernel or task.source.facts.language != "python" or "environment" in task.own:
        return {}
    own = {name.partition(".")[0] for name in parts.about(parts.MODULE, discovered)}
    own.add((task.source.entry or "").partition(".")[0])
    code = [path for part, path in discovered.items() if parts.split(part)[0].python]
    found = {*task.source.facts.imports, *imported(str(store.root), code)}
    known = packages(store, {name for name in found if name.partition(".")[0] not in own})
    return {
        parts.PYTHON.word: ("Python", python_version()),
        **{parts.PACKAGE.of(name): version for name, version in known.items()},
    }


def undeclared(
    task: Task, discovered: Mapping[str, tuple[str, str]], products: Collection[str]
) -> Iterator[str]:
    """Yield the files of the project that a run read though nobody declared them, and which are no ``products``."""
    known = {*_declared(task), *products, *task.declared.templates}
    for path in parts.about(parts.FILE, discovered):
        if discovered[parts.FILE.of(path)][1] != ABSENT:
            around = [path[:n] for n, sign in enumerate(path) if sign == "/"]
            if known.isdisjoint((path, *around)):
                yield path


def _declared(task: Task) -> tuple[str, ...]:
    """Return the files that a task is said to read: they count from its first run on."""
    return (*(task.declared.inputs or ()), *task.declared.resources.values())


def _paths(task: Task) -> str:
    """Return the digest of where a task is and where it is told to read and write: it may do otherwise elsewhere."""
    products = ", ".join([encode([product.key, product.path]) for product in task.products])
    where = f"{encode(task.source.path)}, {encode(task.source.entry)}"
    return digest(f"[{where}, [{products}], {encode(dict(task.inputs))}]")


def _upstream(task: Task, read: Container[str], digest_of: Callable[[str], str | None]) -> dict[str, str]:
    """Return the parts of the manifest that an upstream task stands for.

    An executed notebook is made for people: it counts only for a task that was seen to read it. Where an upstream
    makes nothing else, what flows from it cannot be seen, and what it was made from stands for it.
    """
    table = {}
    for product in task.products:
        if not product.executed or product.path in read:
            table[label(task, product)] = digest_of(product.path) or ""
    if not table:
        params = {name: task.hidden.kept.get(name) or canonical(value) for name, value in task.params.items()}
        table[parts.UPSTREAM.of(task.name)] = digest(encode([task.source.facts.digest, params]))
    return table


def label(task: Task, product: Product) -> str:
    """Return the name of the part that a product of an upstream task is."""
    return parts.UPSTREAM.of(f"{task.name}[{product.key}]" if product.key else task.name)


def judge(now: Manifest, record: Record | None, products: Mapping[str, str | None]) -> tuple[Reason, ...]:
    """Return why a task must run. No reason: it is fresh.

    ``products`` maps the paths that the task promises to their digests now, None for what is not there.
    """
    if record is None:
        return (parts.RECORD.reason("", None, "first run"),)
    if record.state != "done":
        ended = "failed" if record.state == "failed" else "did not finish"
        return (parts.RECORD.reason("", None, f"its last run {ended}"),)
    if now == record.manifest and products == record.products:
        return ()
    changes = (parts.PRODUCT.reason(*difference) for difference in _differences(record.products, products))
    return (*differences(record.manifest, now), *changes)


def differences(was: Manifest, now: Manifest) -> tuple[Reason, ...]:
    """Return the parts in which two manifests differ, as reasons."""
    found = {
        part: parts.reason(part, _discreet(one, other), other) for part, one, other in _differences(was, now)
    }
    if any(
        part.startswith(parts.PARAM.of("")) and None in (reason.was, reason.now)
        for part, reason in found.items()
    ):
        found.pop(parts.ORDER.word, None)  # that there is one more or less is said already
    if parts.SOURCE.word in found:
        found.pop(parts.FUNCTION.word, None)
    return tuple(found.values())


def _discreet(was: str | None, now: str | None) -> str | None:
    """Return what a part was as it may be shown: it was recorded as it is if its name was no secret then."""
    return HIDDEN if was and now and HIDDEN in now and HIDDEN not in was else was


def _differences(
    was: Mapping[str, str], now: Mapping[str, str | None]
) -> Iterator[tuple[str, str | None, str | None]]:
    for part in sorted(was.keys() | now.keys()):
        if was.get(part) != now.get(part):
            yield part, was.get(part), now.get(part)
