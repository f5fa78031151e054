"""Turn a spec into a graph: read sources, resolve products and upstream, and remember it all by stamp."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from . import products
from .dataclass import dataclass
from .errors import Error, NotebookError, Place, SpecError, raise_all
from .graph import Graph
from .hints import did_you_mean
from .kinds import versions
from .lazy import lazy_imports
from .model import Call, Json, Task
from .reading.folders import contents
from .spec import surroundings
from .spec.sources import VERSION, Reader, Resolved, same_names
from .spec.surroundings import env_file
from .state.frozen import Unfreezable, freeze, thaw
from .state.store import Store
from .values import Unencodable, encode

with lazy_imports():
    from .between import mentioned
    from .notebook import inject
    from .secrets import hiding
    from .spec import claims, evaluated, expand, grid, noted, notices, schema, taken
    from .spec import drafts as drafting
    from .state import key

if TYPE_CHECKING:
    from .spec.document import Document
    from .spec.expand import Environment, Surroundings
    from .spec.schema import Spec, TaskSpec


@dataclass(frozen=True, slots=True)
class Loaded:
    """A loaded pipeline. ``unfit`` are the mistakes in sources, by task: these cannot run as they are.

    ``serial``: tasks run one at a time, in the order of the file. ``mentioned`` are pairs of tasks, one before and one
    after, of which the second speaks of a product of the first. ``overridden``: notes on what becomes of parameters.
    """

    graph: Graph
    notes: tuple[str, ...]
    unfit: Mapping[str, tuple[Error, ...]]
    preload: bool | tuple[str, ...] = True
    strict: bool = False
    cache: Json = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    hooks: Mapping[str, Call] = field(default_factory=dict)
    serial: bool = False
    mentioned: tuple[tuple[str, str], ...] = ()
    overridden: tuple[str, ...] = ()
    lock: bool = False  # there is one beside the file
    around: Json = field(default_factory=dict)
    #: Whether loading it again would give the same; what cannot be told is no.
    unchanged: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Moving:
    """What may have become another since a pipeline was loaded; plain data, for it is kept with the pipeline."""

    #: Of each file that was read; None where there was none, or one too young for its stamp to say anything.
    stamps: Mapping[str, str | None]
    #: Placeholders such as {{git}}, and their values.
    outside: Mapping[str, str | None]
    #: Patterns of sources, and what they matched.
    matched: Mapping[str, tuple[str, ...]]
    needed: Sequence[str]
    resolved: Resolved
    #: What the project's code was asked, and its answers.
    answers: Sequence[tuple[str, object, object]]
    #: The versions of kinds that other packages bring.
    brought: Mapping[str, int]

    def same(self, root: str, here: str) -> bool:
        """Return whether all is as it was, for a project and the folder of its pipeline."""
        if "now" in self.outside:  # never the same twice
            return False
        within = os.path.join(root, "")  # join itself would cost as much as the rest
        for path, was in self.stamps.items():
            if products.stamp(path if path.startswith(os.sep) else within + path) != was:
                return False
        if self.outside and _outside(self.outside, root, here) != self.outside:
            return False
        if any(drafting.matches(pattern, root) != was for pattern, was in self.matched.items()):
            return False
        there = all(os.path.exists(os.path.join(root, path)) for path in self.needed)
        if not there or not same_names(self.resolved, root):
            return False
        try:
            for what, question, answer in self.answers:
                # not by ==, to which 1, 1.0 and true are the same
                if encode(evaluated.QUESTIONS[what](question, root)) != encode(answer):
                    return False
            return not self.brought or versions(self.brought) == self.brought
        except (RuntimeError, Error):  # said with its place when the pipeline is read anew
            return False


def _outside(names: Mapping[str, str | None], root: str, here: str) -> dict[str, str | None]:
    """Return the values that placeholders have now."""
    # only pipelines that use {{git}} and the like come here, and pay for subprocesses
    around = surroundings.surroundings(root, here)
    return {name: around.value(name) for name in names}


def _stamp(path: str, data: object = None) -> str:
    """Return text that changes with the file of a pipeline, or what is in place of one, and with its env.yaml."""
    env = env_file(path) if data is None else None
    content = products.stamp(path) if data is None else encode(data)
    return f"{VERSION} {sys.version_info[:2]} {content} {env} {env and products.stamp(env)}"


def load(path: str, root: str, store: Store, params: Mapping[str, object], data: object = None) -> Loaded:
    """Return the pipeline of a spec file; raise all its mistakes at once.

    A pipeline whose files have the stamps of the last time is taken from the store, and no YAML is parsed.
    ``data`` is what a spec would say that is in no file: ``path`` then only names it.
    """
    env = env_file(path) if data is None else None
    young = (data is None and products.racy(path)) or (env and products.racy(env))
    try:
        key = f"{os.path.relpath(path, root)} {encode(dict(sorted(params.items())))}"
        stamp = _stamp(path, data)
    except Unencodable:  # a program's own objects: nobody can tell whether they are the same the next time
        key, stamp, young = "", "", True
    known = store.memo("pipeline", key, stamp) if key else None
    here = os.path.dirname(path)
    remembered = None if known is None else _remembered(known, root, here)
    new = _Loading(path, root, store, params, env, key, "" if young else stamp, data)
    loaded, parts = remembered or new.loaded()
    if young:
        return loaded
    return replace(loaded, unchanged=lambda: stamp == _stamp(path, data) and parts.same(root, here))


def _remembered(known: bytes, root: str, here: str) -> tuple[Loaded, Moving] | None:
    """Return a pipeline as it was remembered, where all is as it was then."""
    try:
        stamps, outside, matched, needed, resolved, answers, brought, *rest = thaw(known)
        made_from = Moving(stamps, outside, matched, needed, resolved, answers, brought)
        tasks, notes, unfit, *settings = rest
        if made_from.same(root, here):
            return Loaded(Graph.trusted(tasks), notes, _errors(unfit), *settings), made_from
    except (ValueError, TypeError, AttributeError, LookupError):  # whoever wrote it, it was not octavo
        pass
    return None


def _errors(unfit: Mapping[str, tuple[tuple[str, Place], ...]]) -> dict[str, tuple[Error, ...]]:
    return {name: tuple(NotebookError(*one) for one in mistakes) for name, mistakes in unfit.items()}


class _Loading:
    """One pass from files to a graph, collecting mistakes on the way."""

    def __init__(
        self,
        path: str,
        root: str,
        store: Store,
        params: Mapping[str, object],
        env: str | None,
        key: str,
        stamp: str,
        data: object = None,
    ) -> None:
        self.path, self.root, self.store, self.params, self.env = path, root, store, params, env
        self.key, self.stamp, self.data = key, stamp, data
        self.reader = Reader(root, store)
        self.mistakes: list[Error] = []
        self.declared: tuple[str, ...] = ()
        self.folders: tuple[str, ...] = ()
        self.unfit: dict[str, tuple[tuple[str, Place], ...]] = {}
        #: The files that the pipeline is read from.
        self.own = [path, env] if env else [path]
        self.answers: list[tuple[str, object, object]] = []
        #: The parameters of tasks whose values come from outside, by the places of the tasks.
        self.given: Mapping[Place | None, frozenset[str]] = {}
        #: The secrets of the environment, which may stand in any value; None in a pipeline that holds none at all.
        self.secrets: set[str] | None = None

    def loaded(self) -> tuple[Loaded, Moving]:
        spec, outside, notes, loose = self._spec()
        making = drafting.Drafts(spec, self.reader, self.root)
        specs = [task for one in self._evaluated(spec.tasks) for task in self._expanded(one)]
        drafted = [(one, making.draft(one)) for one in specs]
        pairs = [(one, draft) for one, draft in drafted if draft is not None]
        notes += tuple(dict.fromkeys(note for one, draft in pairs for note in drafting.idle(one, draft.kind)))
        drafts = [self._with_function(draft) for draft in making.complete([draft for _, draft in pairs])]
        self.unfit = making.unfit
        unfit = [error for errors in _errors(making.unfit).values() for error in errors]
        self.mistakes += making.mistakes
        if self.mistakes:
            self.mistakes += self._lacking(drafts, loose)
            self.mistakes += drafting.misfits(drafts, [one for one, draft in drafted if draft is None])
            self.mistakes += unfit
        raise_all(drafting.ordered(self.mistakes), f"errors in {spec.path}")
        drafts = self._with_params(drafts, loose)
        said = (noted.notes(one, self.root, {*self.given.get(one.where, ()), *loose}) for one in drafts)
        lost = tuple(dict.fromkeys(note for each in said for note in each))
        late = self._lacking(drafts)
        raise_all(drafting.ordered([*late, *unfit] if late else []), f"errors in {spec.path}")
        graph = Graph(drafting.linked([self._with_secrets(draft) for draft in drafts]))
        if any(task.hidden.words for task in graph):
            self.secrets = self.secrets or set()
        raise_all(drafting.ordered(list(claims.claims(graph, self.own, self.root))), f"errors in {spec.path}")
        self.reader.remember()
        tasks = tuple(graph)
        how = (spec.preload, spec.strict, dict(spec.cache), self.folders, dict(spec.hooks), spec.serial)
        settings = (*how, tuple(mentioned.pairs(tasks, self.root, self._text)), lost, spec.lock, spec.around)
        brought = versions(task.kind for task in tasks)
        looked = (making.matched, tuple(making.needed), self.reader.resolved())
        parts = (self.reader.stamps, outside, *looked, self.answers, brought)
        # "now" is never the same twice, so remembering would be in vain; secrets are not kept
        if not {"now"} & outside.keys() and self.stamp and self.secrets is None:
            try:
                row = freeze((*parts, tasks, notes, self.unfit, *settings))
                self.store.keep("pipeline", [(self.key, self.stamp, row)])
            except Unfreezable:
                pass  # it holds a program's own objects
        return Loaded(graph, notes, _errors(self.unfit), *settings), Moving(*parts)

    def _text(self, path: str) -> str:
        """Return the text of a source; where strings of it are in strings of JSON, without what escapes them."""
        text = contents(os.path.join(self.root, path)).decode("utf-8", "replace")
        return text.replace('\\"', '"').replace("\\n", "\n") if path.endswith(".ipynb") else text

    def _without_functions(self) -> object:
        """Return the pipeline of a program without the digests of functions that only the program has."""
        if not isinstance(self.data, dict):
            return self.data
        return {key: value for key, value in self.data.items() if key != "functions"}

    def _with_function(self, draft: Task) -> Task:
        """Return a task with the digest of its function, if only the program that defines the pipeline has it."""
        functions = self.data.get("functions", {}) if isinstance(self.data, dict) else {}
        if draft.name not in functions:
            return draft
        return replace(draft, source=replace(draft.source, function=functions[draft.name]))

    def _with_secrets(self, draft: Task) -> Task:
        """Return a task that knows what is secret of it."""
        return replace(draft, hidden=hiding.of_task(draft, self.secrets or (), key.keyed(self.store.folder)))

    def _seek_secrets(self, spec: Spec, env: Json, said: object, outside: Mapping[str, str | None]) -> None:
        """Find the secrets of the environment, and whether there are any, there or in the pipeline."""
        seeking = hiding.Hiding(spec.secret)
        around = [env, self.params, {name.partition(".")[2]: value for name, value in outside.items()}]
        if seeking.value("", around) is not around or hiding.holds([said, self.data], spec.secret):
            self.secrets = seeking.found

    def _expanded(self, spec: TaskSpec) -> list[TaskSpec]:
        """Return the tasks that one with a grid stands for."""
        try:
            return list(grid.expanded(spec)) if spec.grid and not spec.broken else [spec]
        except Error as error:
            self.mistakes.append(error)
            return []

    def _evaluated(self, tasks: tuple[TaskSpec, ...]) -> list[TaskSpec]:
        """Return the tasks with the results of functions in place of the calls among their parameters."""
        called = evaluated.called(tasks)
        if not called:
            return list(tasks)
        if self.mistakes:  # nothing of the project is called in vain
            asking = {id(task) for task in tasks if evaluated.called([task])}
            return [replace(task, broken=True) if id(task) in asking else task for task in tasks]
        answers = self._ask("values", [call for call, _ in called])
        for answer, (call, where) in zip(answers, called, strict=True):
            if "error" in answer:
                self._wrong(f"{call.path} returned no parameter: {answer['error']}", where, answer["hint"])
        raise_all(self.mistakes, "functions did not return their parameters")
        found: list[TaskSpec] = evaluated.filled(tasks, answers)
        return found

    def _located(self, spec: Spec, loose: Mapping[str, object]) -> Spec:
        """Return the pipeline that a function makes, with what the file says of how it is run."""
        where = Place(spec.path)
        try:
            data = self._ask("pipeline", [spec.location, dict(loose)])
        except RuntimeError as error:
            raise SpecError(f"{spec.location} returned no pipeline: {error}", where) from None
        located: Spec = schema.spec(schema.Document(f"{spec.path} ({spec.location})", data))
        names = ("preload", "strict", "environment", "cache", "serial", "lock", "around")
        settings = {name: getattr(spec, name) for name in names}
        return replace(located, ignored=(*spec.ignored, *located.ignored), **settings)

    def _ask(self, what: str, question: object) -> Any:  # which the question is for
        """Ask the project's code for something, and remember the answer: next time it must be the same."""
        answer = evaluated.QUESTIONS[what](question, self.root)
        self.answers.append((what, question, answer))
        return answer

    def _spec(self) -> tuple[Spec, dict[str, str | None], tuple[str, ...], Json]:
        """Return the spec with its placeholders replaced; the values it took from outside; notes; params left over."""
        here = os.path.dirname(self.path)
        around = expand.surroundings(self.root, here)
        shown = os.path.relpath(self.path, os.getcwd())
        document = (
            self._parsed(self.path)
            if self.data is None
            else schema.Document(shown, self._without_functions())
        )
        declared = expand.imported(self.env, here, self._parsed) if self.env else None
        known = declared.data if declared is not None and isinstance(declared.data, dict) else {}
        mine = {name: value for name, value in self.params.items() if name.partition(".")[0] in known}
        env = expand.environment(declared, mine, around, self.mistakes)
        self.declared, self.folders, around = tuple(env), env.folders, env.around or around
        # what a program says is meant as it stands
        full = expand.expand(document, env, around) if self.data is None else document
        self.given = noted.from_outside(document, mine, env.behind) if self.data is None else {}
        if full.mistakes and self.env is None and os.path.isfile(os.path.join(self.root, _MISNAMED)):
            misnamed = SpecError("this file is ignored", _MISNAMED, "rename it to env.yaml")
            full = replace(full, mistakes=(*full.mistakes, misnamed))
        spec, used = self._checked(full, env, around)
        outside = {name: around.value(name) for name in expand.outside(used.union(*env.behind.values()))}
        loose = {name: value for name, value in self.params.items() if name not in mine}
        self._seek_secrets(spec, dict(env), notices.apart(full.data), outside)
        if spec.location:  # what it uses of env.yaml cannot be seen
            raise_all(drafting.ordered(self.mistakes), f"errors in {spec.path}")
            spec = self._located(spec, self.params)
            return spec, outside, spec.ignored, {}
        return spec, outside, (*spec.ignored, *expand.unused(env, used)), loose

    def _checked(self, full: Document, env: Environment, around: Surroundings) -> tuple[Spec, frozenset[str]]:
        """Return what a document says, with the tasks that it imports from another; and the placeholders of both."""
        check = schema.spec
        data = full.data.get("meta") if isinstance(full.data, dict) else None
        named = data.get("import_tasks_from") if isinstance(data, dict) else None
        if not isinstance(named, str):
            return check(full, None, self.mistakes), full.used
        path = os.path.normpath(os.path.join(os.path.dirname(self.path), named))
        if not os.path.isfile(path):
            message = f'"import_tasks_from": there is no {named}'
            missing = SpecError(message, full.place("meta", "import_tasks_from"))
            return check(replace(full, mistakes=(*full.mistakes, missing)), None, self.mistakes), full.used
        other = expand.expand(self._parsed(path), env, around)
        return check(full, (os.path.dirname(path), other), self.mistakes), full.used | other.used

    def _parsed(self, path: str) -> Document:
        """Return a YAML file as data; this pipeline is then remembered for as long as the file stays the same."""
        self.reader.stamps[os.path.relpath(path, self.root)] = (
            None if products.racy(path) else products.stamp(path)
        )
        self.own.append(path)
        document: Document = schema.parse(_read(path), os.path.relpath(path, os.getcwd()))
        return document

    def _wrong(self, message: str, where: Place, hint: str | None = None) -> None:
        self.mistakes.append(SpecError(message, where, hint))

    def _lacking(self, drafts: Sequence[Task], given: Json | None = None) -> list[Error]:
        """Return the errors of functions without arguments; those that a program gives may get them in its ways."""
        return list(taken.lacking(drafts, self.root, given or {})) if self.data is None else []

    def _with_params(self, drafts: list[Task], loose: dict[str, object]) -> list[Task]:
        """Give parameters that env.yaml does not know to the tasks that declare them."""
        if not loose:
            return drafts
        known = {d.name: {*d.params, *(p.name for p in d.source.facts.params)} for d in drafts}
        everywhere = {*self.declared, *(name for names in known.values() for name in names)}
        for name in loose.keys() - everywhere:
            listed = ", ".join(sorted(everywhere)) or "none"
            message = f'no task has a parameter "{name}", and env.yaml has no such key'
            hint = did_you_mean(name, everywhere) or f"parameters are: {listed}"
            self.mistakes.append(SpecError(message, hint=hint))
        check = inject.check
        given = []
        for draft in drafts:
            mine = {name: loose[name] for name in sorted(loose) if name in known[draft.name]}
            stated = {p.name: mine[p.name] for p in draft.source.facts.params if p.name in mine}
            self.mistakes += check(draft.source.facts, stated, where=draft.source.path)
            given.append(replace(draft, params={**draft.params, **mine}))
        raise_all(self.mistakes, "the parameters do not fit")
        return given


#: What people call env.yaml, and conda something else: it is spoken of only when a placeholder has no value.
_MISNAMED = "env.yml"


def _read(path: str) -> str:
    try:
        return contents(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        where = Place(os.path.relpath(path), before.count(b"\n") + 1, column)
        raise SpecError("this file is not UTF-8", where, "save the file as UTF-8") from error
    except OSError as error:
        raise SpecError(f"it cannot be read: {error.strerror}", os.path.relpath(path)) from error
