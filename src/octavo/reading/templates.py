"""Templates of SQL and shell scripts: what they say unrendered, and the rendered text."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, meta, nodes
from jinja2.exceptions import TemplateNotFound, TemplateRuntimeError, TemplateSyntaxError, UndefinedError
from jinja2.ext import Extension
from jinja2.parser import Parser

from ..digests import digest
from ..errors import Error, ParameterError, Place, SpecError, TemplateError
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..model import PROXIES, Facts, Json, Parameter, Product, Relation, Task
from . import quoting
from .bounded import Bounded, Counted, within
from .normal_text import shell, sql

with lazy_imports():
    import yaml


#: What a template may call its product: the dialect's classes of tables.
RELATIONS = ("SQLRelation", "SQLiteRelation", "PostgresRelation", "GenericSQLRelation")
_METHODS = frozenset(("get", "items", "keys", "values"))


class _Raise(Extension):
    """The tag ``{% raise 'message' %}``, which ends the rendering."""

    tags = {"raise"}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        call = self.call_method("_raise", [parser.parse_expression()], lineno=line)
        return nodes.ExprStmt(call, lineno=line)

    def _raise(self, message: object) -> None:
        raise TemplateRuntimeError(str(message))


class _Named(dict[object, object]):
    """Products by task or by key, of which a template may ask in any of Jinja's ways: also ``upstream.items``."""

    what = "key"


class _Upstream(_Named):
    what = "upstream"


class _Environment(Bounded):
    def getattr(self, obj: object, attribute: str) -> object:
        return self._of(obj, attribute) if isinstance(obj, _Named) else super().getattr(obj, attribute)

    def getitem(self, obj: object, argument: object) -> object:
        return self._of(obj, argument) if isinstance(obj, _Named) else super().getitem(obj, argument)

    def _of(self, named: _Named, name: object) -> object:
        if name in named:
            return named[name]
        if isinstance(name, int) and 0 <= name < len(named):  # of a list of products
            return list(named.values())[name]
        if name in _METHODS:
            return getattr(named, name)
        known = ", ".join(map(str, named)) or "none"
        return self.undefined(f'there is no {named.what} "{name}"; there are: {known}', named, str(name))


def upstream_of(text: str) -> tuple[str, ...] | None:
    """Return the tasks that a template names as upstream, or None where it names none.

    ``upstream['x']``, ``upstream.x`` and ``upstream.get('x')`` name x.
    """
    return _upstream(_parsed(text))[0]


def product_of(text: str) -> tuple[str, object] | None:
    """Return class and argument of ``{% set product = SQLRelation(['name', 'table']) %}``; None where there is none."""
    for node in _parsed(text).find_all(nodes.Assign):
        if isinstance(node.target, nodes.Name) and node.target.name == "product":
            call = node.node
            try:
                if isinstance(call, nodes.Call) and isinstance(call.node, nodes.Name) and len(call.args) == 1:
                    return call.node.name, call.args[0].as_const()
                return "File", str(call.as_const()) if isinstance(call, nodes.Expr) else None
            except nodes.Impossible:
                return "", None
    return None


def pasted(text: str, names: Collection[str]) -> Iterator[tuple[str, int]]:
    """Yield which of the names a template pastes without the filter ``quote``, and the lines where it does so."""
    tree = _parsed(text)
    stands_for = {name: name for name in names}
    for loop in tree.find_all(nodes.For):  # {% for one in names %}{{one}}: in the order of the text
        inner = next((stands_for[name] for name, _ in _bare(loop.iter) if name in stands_for), None)
        for target in loop.target.find_all(nodes.Name) if inner else ():
            stands_for[target.name] = inner or ""
        if inner and isinstance(loop.target, nodes.Name):
            stands_for[loop.target.name] = inner
    for output in tree.find_all(nodes.Output):
        for name, line in _bare(output):
            if name in stands_for:
                yield stands_for[name], line


def _bare(node: nodes.Node) -> Iterator[tuple[str, int]]:
    """Yield the names whose values are part of an expression's, with their lines; quoted ones are none."""
    if isinstance(node, nodes.Name):
        yield node.name, node.lineno
    elif isinstance(node, nodes.CondExpr):
        yield from _bare(node.expr1)
        yield from _bare(node.expr2) if node.expr2 is not None else ()
    elif not isinstance(node, nodes.Test | nodes.Compare) and not (
        isinstance(node, nodes.Filter) and node.name in ("quote", "bind")
    ):
        for one in node.iter_child_nodes():
            yield from _bare(one)


def facts(text: str, path: str, language: str = "sql") -> Facts:
    """Read a template of ``sql`` or ``sh``. Mistakes in it are facts too: see ``Facts.mistakes``.

    Comments, and white space outside of quotes, do not change its digest.
    """
    normalise = sql if language == "sql" else shell
    try:
        tree = _parsed(text, language)
        normal = normalise(text, _pieces(text))
        used = meta.find_undeclared_variables(tree)  # which knows that there is no such filter
    except TemplateSyntaxError as error:
        message = f"the template cannot be read: {error.message}"
        return Facts(digest(text), language=language, mistakes=((message, Place(path, error.lineno)),))
    upstream, dynamic = _upstream(tree)
    mistakes = [
        ("upstream must be a literal, as in upstream['clean']", Place(path, line)) for line in dynamic
    ]
    mistakes += [
        ("no filter can follow bind: put it first, as in {{name | upper | bind}}", Place(path, last.lineno))
        for last in tree.find_all(nodes.Filter)
        if isinstance(last.node, nodes.Filter) and last.node.name == "bind"
    ]
    product = product_of(text)
    if product and (product[1] is None or product[0] not in (*RELATIONS, "File")):
        message = "product must be a literal, as in {% set product = SQLRelation(['name', 'table']) %}"
        mistakes.append((message, Place(path)))
        product = None
    known = {"product", "upstream", *_globals(), *tree.environment.globals} if tree.environment else set()
    return Facts(
        digest(f"{language}\n{normal}"),
        language=language,
        title=_title(text),
        upstream=upstream,
        product={None: product[1]} if product else None,
        params=tuple(Parameter(name) for name in sorted(used - known)),
        mistakes=tuple(mistakes),
    )


def needed(text: str) -> dict[str, int]:
    """Return the names without which a template surely cannot be rendered, and the line of each.

    What stands in a branch, a loop or a macro, or behind ``default`` or ``is defined``, may never be asked for.
    """
    tree = _parsed(text)
    free = meta.find_undeclared_variables(tree)
    found: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, nodes.Extends):
            return {}
        parts = (
            [node.test] if isinstance(node, nodes.If) else [node] if isinstance(node, nodes.Output) else []
        )
        for name in (name for part in parts for name in _surely_read(part)):
            if name.name in free:
                found.setdefault(name.name, name.lineno)
    return found


def _surely_read(node: nodes.Node) -> Iterator[nodes.Name]:
    """Yield the names that an expression reads however it is evaluated."""
    match node:
        case nodes.Name():
            yield node
        case nodes.Filter(name="default" | "d") | nodes.Test(name="defined" | "undefined"):
            return
        case nodes.CondExpr():
            yield from _surely_read(node.test)
        case nodes.And() | nodes.Or():
            yield from _surely_read(node.left)
        case _:
            for child in node.iter_child_nodes():
                yield from _surely_read(child)


def render(task: Task, root: str, bind: Callable[[object], str] = quoting.sql) -> str:
    """Return the text that runs: a task's template with product, upstream and parameters in place.

    Paths stand in it as absolute ones. What is wrong raises ``errors.Error`` with its place. ``bind`` is the filter of
    that name; where nothing is sent to a database, it writes literals that people can read.
    """
    text = task.source.text
    if text is None:
        with open(os.path.join(root, task.source.path), encoding="utf-8") as file:  # noqa: PTH123 - a str
            text = file.read()
    given: Json = dict(task.params)
    single = len(task.products) == 1 and task.products[0].key is None
    paths = _Named({product.key: _product_text(product, root) for product in task.products})
    given["product"] = paths[None] if single else paths
    given["upstream"] = _Upstream({name: _deep(value, root) for name, value in task.inputs.items()})
    return _rendered(text, task, root, given, bind)


def render_late(text: str, task: Task, root: str, bind: Callable[[object], str] = quoting.sql) -> str:
    """Return a query with what stands in [[double brackets]] in place, where that is about upstream."""
    if not any(mark + word in text for word in ("upstream", "get_key") for mark in ("[[", "[[ ")):
        return text  # most double brackets are lists of lists
    given = {"upstream": _Upstream({name: _deep(value, root) for name, value in task.inputs.items()})}
    return _rendered(text, task, root, given, bind, variable_start_string="[[", variable_end_string="]]")


def _rendered(
    text: str,
    task: Task,
    root: str,
    given: Mapping[str, object],
    bind: Callable[[object], str],
    **marks: str,
) -> str:
    place = os.path.join(root, task.source.path)
    where = [os.path.join(root, folder) for folder in task.declared.templates]
    loader = FileSystemLoader([*where, os.path.dirname(place), root])
    environment = _Environment(undefined=StrictUndefined, extensions=[_Raise], loader=loader, **marks)
    environment.globals |= _globals()
    environment.filters |= _filters(task.source.facts.language, bind)
    try:
        # under its own path, so that errors tell their line
        code = environment.compile(text, filename=place)
        template = Template.from_code(environment, code, environment.make_globals(None))
        return within(template.generate(**given))
    except TemplateSyntaxError as error:
        named = os.path.relpath(error.filename, root) if error.filename else task.source.path
        raise TemplateError(
            f"the template cannot be read: {error.message}", Place(named, error.lineno)
        ) from error
    except TemplateNotFound as error:
        places = ", ".join(os.path.relpath(folder, root) for folder in loader.searchpath)
        raise TemplateError(
            f'there is no template "{error.name}"',
            _line(error, root) or Place(task.source.path),
            f"it was looked for in {places}; meta.source_loader names other folders",
        ) from error
    except UndefinedError as error:
        missing = str(error.message).partition("'")[2].partition("'")[0]
        where_ = _line(error, root) or Place(task.source.path)
        if "TemplateModule object'" in str(error.message):  # Jinja's name for what was imported
            name = str(error.message).rpartition("attribute ")[2].strip("'")
            raise ParameterError(
                f'there is no macro "{name}" in what the template imports', where_
            ) from error
        if missing in given or not str(error.message).endswith("is undefined"):
            raise ParameterError(str(error.message), where_, did_you_mean(missing, given)) from error
        hint = did_you_mean(missing, given) or f'add "{missing}" to the params of "{task.name}"'
        raise ParameterError(
            f'the template uses "{missing}", which the task does not set', where_, hint
        ) from error
    except Error:
        raise
    except Exception as error:
        words = str(error) if isinstance(error, TemplateRuntimeError) else f"{type(error).__name__}: {error}"
        raise TemplateError(words, _line(error, root) or Place(task.source.path)) from error


def _line(error: BaseException, root: str) -> Place | None:
    """Return where in a template something was raised: Jinja's tracebacks name its files and lines."""
    found, trace = None, error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if os.path.isabs(name) and not name.endswith(".py"):
            found = Place(os.path.relpath(name, root), trace.tb_lineno)
        trace = trace.tb_next
    return found


def _parsed(text: str, language: str = "sql") -> nodes.Template:
    # what Jinja reads it also computes, where all of it is known
    environment = Counted(extensions=[_Raise], optimized=False)
    environment.filters |= _filters(language, quoting.sql)  # they are not called
    return environment.parse(text)


def _filters(language: str, bind: Callable[[object], str]) -> dict[str, Callable[..., object]]:
    """Return octavo's own filters: a shell binds nothing."""
    return {"quote": quoting.shell} if language == "sh" else {"quote": quoting.sql, "bind": bind}


def _pieces(text: str) -> list[tuple[str, str]]:
    """Return a template as pieces, each ("data", text) or ("tag", its words with one space between)."""
    found: list[tuple[str, str]] = []
    words: list[str] = []
    for _, kind, value in Environment(extensions=[_Raise]).lex(text):
        if kind in ("data", "raw_begin", "raw_end") and not words:
            found.append(("data" if kind == "data" else "tag", value))
        elif kind.startswith("comment"):
            # "{#- -#}" also removes the white space around it, which then is no longer in the data
            continue
        elif kind != "whitespace":
            words.append(value)
            if kind in ("block_end", "variable_end"):
                found.append(("tag", " ".join(word.strip() for word in words)))
                words = []
    return found


def _upstream(tree: nodes.Template) -> tuple[tuple[str, ...] | None, list[int]]:
    """Return the names that ``upstream`` is asked for, and the lines where they are no literals."""
    names: dict[str, None] = {}
    dynamic: list[int] = []
    calls = {id(call.node): call for call in tree.find_all(nodes.Call)}
    found: Iterable[nodes.Getattr | nodes.Getitem] = tree.find_all((nodes.Getattr, nodes.Getitem))
    for node in found:
        if not isinstance(node.node, nodes.Name) or node.node.name != "upstream":
            continue
        if isinstance(node, nodes.Getattr) and node.attr in _METHODS and id(node) in calls:
            arguments = calls[id(node)].args[:1] if node.attr == "get" else []
        else:
            arguments = [nodes.Const(node.attr)] if isinstance(node, nodes.Getattr) else [node.arg]
        for one in arguments:
            try:
                names[str(one.as_const())] = None
            except nodes.Impossible:
                dynamic.append(node.lineno)
    return tuple(names) or None, dynamic


def _title(text: str) -> str:
    """Return the first line of the comment that a script begins with."""
    head = text.lstrip()
    for opening in ("/*", "--", "#"):
        if head.startswith(opening) and not head.startswith("#!"):
            return head.lstrip("/*-# \t\r\n").partition("\n")[0].partition("*/")[0].strip()
    return ""


def _product_text(product: Product, root: str) -> str:
    if product.relation is not None:
        return product.relation
    generic = f"{PROXIES}generic/"
    if product.path.startswith(generic):  # a thing elsewhere, by the name that it was given
        name = product.path.removeprefix(generic)
        return name.replace("%5C", "\\").replace("%2F", "/").replace("%25", "%")
    return _absolute(product.path, root)


def _deep(value: object, root: str) -> object:
    if isinstance(value, Mapping):
        return _Named({name: _deep(inner, root) for name, inner in value.items()})
    # the name of a thing that is no file stays a name
    if (
        not isinstance(value, str)
        or isinstance(value, Relation)
        or not os.path.lexists(os.path.join(root, value))
    ):
        return value
    return _absolute(value, root)


def _absolute(path: str, root: str) -> str:
    return os.path.normpath(os.path.join(root, path))


def _globals() -> dict[str, Callable[..., object]]:
    """Return what templates may call besides Jinja's own: ``get_key``, and the dialect's classes of products."""
    return {"get_key": _key_of, "File": str, **dict.fromkeys(RELATIONS, _relation)}


def _relation(parts: Iterable[str]) -> Relation:
    *schema, name, kind = parts
    return Relation(name, schema[0] if schema and schema[0] else None, kind)


def _key_of(path: str | os.PathLike[str], key: str) -> object:
    """Return the value of a key in a JSON or YAML file."""
    suffix = os.path.splitext(str(path))[1]
    if suffix not in (".json", ".yaml", ".yml"):
        raise SpecError(f"get_key reads .json and .yaml files, and {path} is neither")
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - watched as any other
        text = file.read()
    return (json.loads(text) if suffix == ".json" else yaml.safe_load(text))[key]
