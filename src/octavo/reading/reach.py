"""Find what calling a function runs of its module: what it names, or all of it unless that is proven to be enough.

A definition that importing the module only binds to its name, and that no code names which runs, does not run itself.
Where code gets hold of all names (``globals()``, ``eval``, frames, an import of its own module), any may be meant. What
takes names from the module as an object, as other modules and pickles do, is seen when it happens, in the worker.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

_Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = _Function | ast.ClassDef

#: Built-in functions that lead from a text to a name, or to all names.
_BUILTIN = frozenset(
    ["__builtins__", "__import__", "__loader__", "__spec__", "compile", "eval", "exec", "globals"]
)
#: Those that do so when they are called without an argument.
_BARE = frozenset(["dir", "locals", "vars"])
#: Functions and attributes of the standard library and others that lead to a module, or to the names of a caller.
_LEADING = frozenset(
    [
        *(
            "__globals__",
            "f_globals",
            "f_back",
            "_getframe",
            "currentframe",
            "getouterframes",
            "import_module",
        ),
        *("getmodule", "getmodulename", "getclosurevars", "get_objects", "get_referrers", "get_referents"),
        *("run_module", "run_path", "resolve_name", "testmod", "Fire", "eval", "query", "__subclasses__"),
    ]
)
#: Of these, names that mean nothing else where they stand in a text, as for ``operator.attrgetter``.
_SPELLED = frozenset(name for name in _LEADING if name[0] in "_f" and "_" in name)
_WORD = re.compile(r"[^\W\d]\w*")
#: What is called, or marked, in a text that is code to somebody: in a formula, a query, a program.
_CALLED = re.compile(r"@?\b([^\W\d]\w*)\s*\(|@([^\W\d]\w*)")
#: What makes a type of texts that are annotations.
_TYPING = frozenset(
    [
        *("ForwardRef", "NamedTuple", "NewType", "TypeAdapter", "TypeAliasType", "TypeVar", "TypedDict"),
        *("create_model", "make_dataclass"),
    ]
)
_GENERIC = frozenset(["dict", "frozenset", "list", "set", "tuple", "type"])


def reached(tree: ast.Module, name: str, module: str) -> list[ast.stmt]:
    """Return the statements of a module that importing it and calling the function ``name`` runs, in their order.

    ``module`` is the last part of the module's own name. What only running it as a program does is not among them.
    """
    body = [node for node in tree.body if not _is_program(node)]
    definitions: dict[str, list[Definition]] = {}
    counted: set[int] = set()
    waiting: list[ast.stmt] = []
    for node in body:
        if isinstance(node, Definition):
            definitions.setdefault(node.name, []).append(node)
        if not (isinstance(node, Definition) and _inert(node)) or node.name in (
            name,
            "__getattr__",
            "__dir__",
        ):
            waiting.append(node)
    while waiting:
        node = waiting.pop()
        if id(node) in counted:
            continue
        counted.add(id(node))
        words = _words(node, module)
        if words is None:
            return tree.body
        for word in words & definitions.keys():
            waiting.extend(definitions[word])
    return [node for node in body if id(node) in counted]


def _is_program(node: ast.AST) -> bool:
    """Return whether a statement is ``if __name__ == "__main__":``, which an import does not enter."""
    match node:
        case ast.If(
            test=ast.Compare(
                left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]
            ),
            orelse=[],
        ):
            return True
    return False


# ── what a definition does when it is run


def _inert(node: Definition) -> bool:
    """Return whether a definition does no more than bind its name: it calls nothing, and nothing is told of it."""
    if node.decorator_list:
        return False
    if isinstance(node, _Function):
        return _still(node)
    bases = all(isinstance(base, ast.Name) and base.id == "object" for base in node.bases)
    return bases and not node.keywords and all(map(_inert_in_class, node.body))


def _inert_in_class(node: ast.stmt) -> bool:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return _still(node) and all(
                isinstance(decorator, ast.Name)
                and decorator.id in ("classmethod", "property", "staticmethod")
                for decorator in node.decorator_list
            )
        case ast.Assign(targets=targets, value=value):
            return all(isinstance(part, ast.Name) for part in targets) and _made_of(value, _CONSTANT)
        case ast.AnnAssign(target=ast.Name(), annotation=annotation, value=value):
            return _made_of(annotation, _CALM) and (value is None or _made_of(value, _CONSTANT))
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
    return False


_CONSTANT = (
    *(ast.Constant, ast.UnaryOp, ast.unaryop, ast.Tuple, ast.List, ast.Set, ast.Dict),
    ast.expr_context,
)
#: Expressions that call nothing of the project, as defaults and annotations are.
_CALM = (*_CONSTANT, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.BinOp, ast.operator)


def _still(node: _Function) -> bool:
    """Return whether the defaults and annotations of a function call nothing."""
    args = node.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    given = [*args.defaults, *args.kw_defaults, node.returns, *(arg.annotation for arg in every if arg)]
    return all(part is None or _made_of(part, _CALM) for part in given)


def _made_of(node: ast.expr, kinds: tuple[type[ast.AST], ...]) -> bool:
    return all(isinstance(part, kinds) for part in ast.walk(node))


# ── what code can name


def _words(node: ast.stmt, module: str) -> set[str] | None:
    """Return the words by which code may mean something in its module; None if these can be any."""
    found: set[str] = set()
    called: dict[int, ast.Call] = {}
    alone: set[int] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            called[id(part.func)] = part
        elif isinstance(part, ast.Expr):
            alone.add(id(part.value))  # a docstring, say
    for part in ast.walk(node):
        match part:
            case ast.Name(id=name):
                call = called.get(id(part))
                if name in _BUILTIN or name in _LEADING or (name in _BARE and not (call and call.args)):
                    return None
                found.add(name)
            case ast.Attribute(attr=attr):
                # sys.modules is no method, as that of a network is
                if attr in _LEADING or (attr == "modules" and id(part) not in called):
                    return None
            case ast.Import(names=aliases):
                if any(module in alias.name.split(".") for alias in aliases):
                    return None
            case ast.ImportFrom(module=source, names=aliases):
                names = {alias.name for alias in aliases}
                if module in (source or "").split(".") or names & {module, "modules", *_LEADING}:
                    return None
            case ast.arg(annotation=annotation) | ast.AnnAssign(annotation=annotation):
                found |= _quoted(annotation)
            case ast.FunctionDef(returns=annotation) | ast.AsyncFunctionDef(returns=annotation):
                found |= _quoted(annotation)
            case ast.Subscript(value=value, slice=inner) if _is_type(value):
                found |= _quoted(inner)
            case ast.Call(func=value) if _last(value) in _TYPING:
                found |= _quoted(part)
            case ast.Constant(value=str(text)) if id(part) not in alone:
                if text in _SPELLED:
                    return None
                found.update(word for pair in _CALLED.findall(text) for word in pair)
    return found


def _last(node: ast.expr) -> str:
    """Return the last name of a dotted one."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_type(node: ast.expr) -> bool:
    """Return whether what is subscripted looks like a type that takes others: ``list``, ``typing.Optional``."""
    name = _last(node)
    return name in _GENERIC or (name[:1].isupper() and not name[1:].isupper())


def _quoted(annotation: ast.expr | None) -> set[str]:
    """Return the words in the texts of an annotation, or of what makes a type."""
    texts = ast.walk(annotation) if annotation else ()
    return {
        word
        for part in texts
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
        for word in _WORD.findall(part.value)
    }


def definitions(body: Sequence[ast.AST]) -> Iterator[Definition]:
    """Yield the functions and classes of a module, within ``if`` and ``try`` too; the last one first."""
    for node in reversed(body):
        if isinstance(node, Definition):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            for block in ("finalbody", "orelse", "handlers", "body"):
                yield from definitions(getattr(node, block, ()))
