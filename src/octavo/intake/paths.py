"""Evaluate expressions that make paths, as far as the text tells: literals, joins, f-strings, constants.

A value is the tuple of texts that it may be; what the text does not tell is ``*`` in it, so that
``f"data/{city}.csv"`` is ``data/*.csv``. An empty tuple: nothing is known.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Mapping
from itertools import product as combinations

Values = tuple[str, ...]
Function = ast.FunctionDef | ast.AsyncFunctionDef

#: How many texts one expression may be before the rest is dropped: a loop over a few files, not a grid.
_MOST = 24

_SAME = frozenset(("resolve", "absolute", "expanduser", "as_posix", "strip", "rstrip", "lower", "joinpath"))
_PATHS = frozenset(
    ("Path", "PurePath", "PosixPath", "str", "fspath", "abspath", "realpath", "expanduser", "normpath")
)


class Constants:
    """The names of a notebook that stand for texts, as its cells assign them one after another."""

    def __init__(self, file: str = "") -> None:
        self._names: dict[str, Values] = {"__file__": (file,)} if file else {}
        #: What stands in mappings, classes, their objects and modules, by name.
        self._members: dict[str, dict[str, Values]] = {}
        self._functions: dict[str, Function] = {}
        self._depth = 0

    def assign(self, target: ast.expr, value: ast.expr | None) -> None:
        """Take in an assignment; what is assigned twice may be either."""
        if isinstance(target, ast.Name):
            found = self.values(value) if value is not None else ()
            self._members[target.id] = self._parts(value)
            self._names[target.id] = found
        elif isinstance(target, ast.Subscript | ast.Attribute) and isinstance(target.value, ast.Name):
            if value is not None and (key := _key(target)):
                self._members.setdefault(target.value.id, {})[key] = self.values(value)
        elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
            for one, other in zip(target.elts, value.elts, strict=False):
                self.assign(one, other)

    def define(self, node: Function | ast.ClassDef, name: str = "") -> None:
        """Take in a function, for what it returns, or a class, for what it assigns."""
        if not isinstance(node, ast.ClassDef):
            self._functions[name or node.name] = node
            return
        members = self._members.setdefault(node.name, {})
        for one in node.body:
            targets = (
                one.targets
                if isinstance(one, ast.Assign)
                else [one.target]
                if isinstance(one, ast.AnnAssign)
                else []
            )
            if isinstance(one, ast.Assign | ast.AnnAssign) and one.value is not None:
                members |= {t.id: self.values(one.value) for t in targets if isinstance(t, ast.Name)}

    def names(self) -> list[str]:
        """Return the names that were assigned."""
        return [*self._names]

    def bring(self, other: Constants, module: str, names: Mapping[str, str]) -> None:
        """Take in an imported module: as ``module``, and ``names`` of it as what they are called here."""
        # its functions read its own names when they are followed here
        self._names = {**other._names, **self._names}
        self._members = {**other._members, **self._members}
        if module:
            self._members[module] = dict(other._names)
        for name, here in names.items():
            self._names[here] = other._names.get(name, ())
            self._members[here] = other._members.get(name, {})
            if name in other._functions:
                self._functions[here] = other._functions[name]

    def loop(self, target: ast.expr, over: ast.expr) -> None:
        """Take in ``for target in over``: the name may be each of the elements."""
        if not isinstance(target, ast.Name):
            return
        if isinstance(over, ast.Constant):
            self._names[target.id] = _few(str(over.value))  # the letters of a text
        elif isinstance(over, ast.List | ast.Tuple | ast.Set):
            self._names[target.id] = _few(text for item in over.elts for text in self.values(item))
        elif (
            isinstance(over, ast.Call)
            and last_name(over.func) in ("sorted", "list", "tqdm", "reversed")
            and over.args
        ):
            self.loop(target, over.args[0])
        else:
            self._names[target.id] = self.values(over)

    def values(self, node: ast.expr) -> Values:
        """Return the texts that an expression may be."""
        match node:
            case ast.Constant(value=str(text)):
                return (text,)
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return (str(number),)
            case ast.Name(id=name):
                return self._names.get(name, ())
            case ast.Starred(value=inner):
                return self.values(inner)
            case ast.BinOp(op=ast.Div()):
                return self._joined(node.left, node.right)
            case ast.BinOp(op=ast.Add()):
                return _few(a + b for a, b in combinations(self._or_any(node.left), self._or_any(node.right)))
            case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
                return (re.sub(r"%(?:\(\w*\))?[-+#0-9.]*[a-zA-Z]", "*", text),)
            case ast.JoinedStr():
                return self._format(node)
            case ast.IfExp():
                return _few((*self.values(node.body), *self.values(node.orelse)))
            case ast.List() | ast.Tuple() | ast.Set():
                return _few(text for item in node.elts for text in self.values(item))
            case ast.Dict():
                return _few(text for item in node.values for text in self.values(item))
            case ast.ListComp(elt=inner) | ast.GeneratorExp(elt=inner) | ast.SetComp(elt=inner):
                for part in node.generators:
                    self.loop(part.target, part.iter)
                return self.values(inner)
            case ast.Subscript() | ast.Attribute(value=ast.Name()) if (
                found := self._member(node)
            ) is not None:
                return found
            case ast.Subscript():
                return self.values(node.value)
            case ast.Attribute(value=value, attr="parent"):
                return tuple(_parent(text) for text in self.values(value))
            case ast.Attribute(value=value, attr="name"):
                return tuple(posixpath.basename(text) for text in self.values(value))
            case ast.Attribute(value=value, attr="stem"):
                return tuple(posixpath.splitext(posixpath.basename(text))[0] for text in self.values(value))
            case ast.Call():
                return self._call(node)
        return ()

    def _or_any(self, node: ast.expr) -> Values:
        return self.values(node) or ("*",)

    def _joined(self, *nodes: ast.expr) -> Values:
        if not self.values(nodes[0]):
            return ()
        return _few(posixpath.join(*parts) for parts in combinations(*(self._or_any(node) for node in nodes)))

    def _format(self, node: ast.JoinedStr) -> Values:
        pieces = [
            self._or_any(part.value) if isinstance(part, ast.FormattedValue) else self.values(part)
            for part in node.values
        ]
        return _few("".join(parts) for parts in combinations(*pieces))

    def _member(self, node: ast.Subscript | ast.Attribute) -> Values | None:
        """Return what a known mapping, class, object or module has under a name: ``files["raw"]``, ``config.RAW``."""
        if not isinstance(node.value, ast.Name):
            return None
        return self._members.get(node.value.id, {}).get(_key(node))

    def _parts(self, value: ast.expr | None) -> dict[str, Values]:
        """Return the elements of a mapping, or the attributes of an object, by name."""
        if isinstance(value, ast.Dict):
            pairs = zip(value.keys, value.values, strict=True)
            return {str(key.value): self.values(one) for key, one in pairs if isinstance(key, ast.Constant)}
        if isinstance(value, ast.Name):
            return self._members.get(value.id, {})
        if isinstance(value, ast.Call):
            given = {word.arg: self.values(word.value) for word in value.keywords if word.arg}
            return {**self._members.get(last_name(value.func), {}), **given}
        return {}

    def _returned(self, node: ast.Call, function: Function) -> Values:
        """Return what a function of the notebook may return when it is called so."""
        if self._depth > 4:
            return ()
        self._depth += 1
        names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        given = dict(zip(names, map(self.values, node.args), strict=False))
        given |= {word.arg: self.values(word.value) for word in node.keywords if word.arg}
        was, self._names = self._names, {**self._names, **dict.fromkeys(names, ()), **given}
        found: list[str] = []
        for one in ast.walk(function):
            if isinstance(one, ast.Assign):
                for target in one.targets:
                    self.assign(target, one.value)
            elif isinstance(one, ast.Return) and one.value is not None:
                found += self.values(one.value)
        self._names = was
        self._depth -= 1
        return _few(found)

    def _call(self, node: ast.Call) -> Values:
        name = last_name(node.func)
        called = (
            name
            if isinstance(node.func, ast.Name)
            else f"{last_name(getattr(node.func, 'value', None))}.{name}"
        )
        if called in self._functions:
            return self._returned(node, self._functions[called])
        if isinstance(node.func, ast.Attribute):
            found = self._method(node, name, node.func.value)
            if found is not None:
                return found
        if name == "getenv" and len(node.args) == 2:
            return self.values(node.args[1])
        if name in ("glob", "iglob") and node.args:
            return self.values(node.args[0])
        if name in _PATHS:
            return self._joined(*node.args) if node.args else (".",)
        if name == "sorted" and node.args:
            return self.values(node.args[0])
        if name == "dirname" and node.args:
            return tuple(_parent(text) for text in self.values(node.args[0]))
        if name == "basename" and node.args:
            return tuple(posixpath.basename(text) for text in self.values(node.args[0]))
        return ()

    def _method(self, node: ast.Call, name: str, owner: ast.expr) -> Values | None:
        """Return what a method of a path, a text or a mapping gives; None for any other."""
        if (name == "join" and last_name(owner) == "path") or (
            name == "join" and last_name(owner) in ("os", "osp")
        ):
            return self._joined(*node.args) if node.args else ()
        if name == "cwd" or name == "getcwd":
            return (".",)
        if name == "joinpath":
            return self._joined(owner, *node.args)
        if name in _SAME:
            return self.values(owner)
        if name == "with_suffix" and node.args:
            return _few(
                posixpath.splitext(text)[0] + end
                for text in self.values(owner)
                for end in self.values(node.args[0])
            )
        if name == "with_name" and node.args:
            return _few(
                posixpath.join(posixpath.dirname(text), end)
                for text in self.values(owner)
                for end in self.values(node.args[0])
            )
        if name == "format":
            return tuple(re.sub(r"\{[^{}]*\}", "*", text) for text in self.values(owner))
        if name in ("glob", "rglob") and node.args and last_name(owner) not in ("glob",):
            deep = "**/" if name == "rglob" else ""
            return _few(
                posixpath.join(folder, deep + text)
                for folder in self.values(owner)
                for text in self.values(node.args[0])
            )
        if name == "get" and node.args and isinstance(owner, ast.Name) and owner.id in self._members:
            key = node.args[0].value if isinstance(node.args[0], ast.Constant) else ""
            return self._members[owner.id].get(str(key), ())
        if name == "get" and len(node.args) == 2:  # os.environ.get("DATA", "data")
            return self.values(node.args[1])
        return None


def _key(node: ast.Subscript | ast.Attribute) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return str(node.slice.value) if isinstance(node.slice, ast.Constant) else ""


def _parent(text: str) -> str:
    """Return the folder above a path, of the working directory too: "." is in ".."."""
    above = posixpath.normpath(posixpath.join(text, ".."))
    return above if above != text else "."


def absolute(path: str) -> bool:
    """Return whether a path is absolute, on Windows or elsewhere."""
    return path.startswith("/") or re.match(r"[A-Za-z]:/", path) is not None


def local(text: str, folder: str) -> str | None:
    """Return a path as the project sees it, for code that runs in ``folder``; None for a URL or another place.

    An absolute path stays as it is: it tells the order, and is no product of a project that others check out.
    """
    if not text or "://" in text or "\n" in text or len(text) > 500 or text.startswith(("~", "$")):
        return None
    text = text.replace("\\", "/")
    if absolute(text):
        return posixpath.normpath(text)
    found = posixpath.normpath(posixpath.join(folder, text))
    return None if found.startswith("../") or found == ".." else found


def last_name(node: ast.expr | None) -> str:
    """Return the last name of a dotted one, "" for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _few(texts: Iterable[str]) -> Values:
    found: dict[str, None] = {}
    for text in texts:
        found[text] = None
        if len(found) >= _MOST:
            break
    return tuple(found)
