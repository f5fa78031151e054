"""Find which files a notebook reads and writes, by reading its code."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from ..dataclass import dataclass
from ..reading import magics
from .file_calls import (
    ENDINGS,
    KEYWORDS,
    MODULES_WITH_THE_PATH_SECOND,
    NO_FILE,
    READERS,
    SECOND,
    SQL_ASKS,
    SQL_CHANGES,
    SURELY_PATHS,
    WRITERS,
)
from .paths import Constants, Function, Values, last_name, local

_SQL_READS = re.compile(r"(?:from|join|read_\w+\s*\()\s*\[?\s*'([^']+\.\w+)'", re.IGNORECASE)
_SQL_WRITES = re.compile(r"\bto\s+'([^']+\.\w+)'", re.IGNORECASE)
_R_READS = re.compile(
    r"\b(?:read[._]\w+|readRDS|read_\w+|fread|load|source|vroom|readLines|st_read)\(\s*(?:file\s*=\s*)?[\"']([^\"']+)[\"']"
)
_R_WRITES = re.compile(
    r"\b(?:write[._]\w+|saveRDS|fwrite|save|st_write|writeLines)\([^\"'()]*(?:\([^()]*\)[^\"'()]*)*[\"']([^\"']+)[\"']"
    r"|\b(?:ggsave|png|pdf|svg|jpeg|sink)\(\s*(?:filename\s*=\s*|file\s*=\s*)?[\"']([^\"']+)[\"']"
)
_REDIRECT = re.compile(r"(?<![0-9&>])>{1,2}\s*([\w./-]+)")
_DOWNLOAD = re.compile(r"\b(?:wget\b.*?\s-[a-zA-Z]*O\s*|curl\b.*?\s(?:-[a-zA-Z]*o|--output)\s+)([\w./-]+)")


@dataclass(frozen=True, slots=True)
class Flow:
    """The files of one notebook, relative to the project; patterns where the text does not tell all.

    ``writes`` are those that each run writes; ``may_write`` those behind a condition, or in a function nobody calls.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    may_write: tuple[str, ...] = ()


#: Returns the text of a module of the project; None for one of elsewhere.
Modules = Callable[[str], str | None]


def flow(
    cells: Sequence[str],
    language: str = "python",
    folder: str = "",
    file: str = "",
    modules: Modules | None = None,
) -> Flow:
    """Return the files that the code of a notebook reads and writes when it runs in ``folder``.

    ``file`` is the path of a script from there; ``modules`` reads what it imports of the project.
    """
    if language.lower() == "r":
        text = "\n".join(cells)
        return _sorted(_R_READS.findall(text), [a or b for a, b in _R_WRITES.findall(text)], (), folder)
    if language != "python":
        return Flow()
    reader = _Reader(file, modules)
    for cell in cells:
        try:
            tree = magics.parse(cell)
        except SyntaxError:
            continue  # the build will say so, with its place
        reader.note(tree)
    reader.finish()
    return _sorted(reader.reads, reader.writes, reader.may_write, folder)


def _sorted(reads: Iterable[str], writes: Iterable[str], may_write: Iterable[str], folder: str) -> Flow:
    def here(texts: Iterable[str]) -> tuple[str, ...]:
        found = (local(text, folder) for text in texts)
        return tuple(dict.fromkeys(path for path in found if path and path.strip("*/.")))

    written = here(writes)
    rest = tuple(path for path in here(may_write) if path not in written)
    return Flow(here(reads), written, rest)


class _Reader(ast.NodeVisitor):
    """Follows the statements of a notebook in order, and then the functions that they called."""

    def __init__(self, file: str = "", modules: Modules | None = None, within: Collection[str] = ()) -> None:
        self.reads: list[str] = []
        self.writes: list[str] = []
        self.may_write: list[str] = []
        self._constants = Constants(file)
        self._modules, self._within = modules, within
        self._certain = True
        self._functions: dict[str, Function] = {}
        #: Files of databases that were connected to, and whether SQL changes or asks something.
        self._databases: list[str] = []
        self._changes = self._asks = False
        self._calls: list[tuple[str, dict[str, Values], bool]] = []
        self._done: set[str] = set()

    def note(self, tree: ast.Module) -> None:
        """Take in one cell."""
        self.visit(tree)

    def finish(self) -> None:
        """Follow the functions: those that were called with what they were given, the rest as mere possibilities."""
        while self._calls:
            name, given, certain = self._calls.pop(0)
            key = f"{name} {sorted(given.items())} {certain}"
            if key not in self._done and len(self._done) < 500:
                self._done |= {key, name}
                self._follow(self._functions[name], given, certain)
        # to follow one may find others, defined inside
        while rest := [name for name in self._functions if name not in self._done and "." not in name]:
            self._done.update(rest)
            for name in rest:
                self._follow(self._functions[name], {}, False)
        # a database that is only filled is not read, and one that is only asked is not written
        if self._asks or not self._changes:
            self._read(self._databases)
        if self._changes or not self._asks:
            self._write(self._databases, certain=False)

    def _follow(self, definition: Function, given: dict[str, Values], certain: bool) -> None:
        arguments = [*definition.args.posonlyargs, *definition.args.args]
        defaults = dict(zip([a.arg for a in arguments[::-1]], definition.args.defaults[::-1], strict=False))
        defaults |= {
            a.arg: value
            for a, value in zip(definition.args.kwonlyargs, definition.args.kw_defaults, strict=True)
            if value is not None
        }
        more = [definition.args.vararg] if definition.args.vararg else []
        for argument in (*arguments, *more, *definition.args.kwonlyargs):
            values = given.get(argument.arg) or (
                self._constants.values(defaults[argument.arg]) if argument.arg in defaults else ()
            )
            elements: list[ast.expr] = [ast.Constant(text) for text in values]
            self._constants.assign(ast.Name(argument.arg), ast.Tuple(elements) if elements else None)
        was, self._certain = self._certain, certain
        for statement in definition.body:
            self.visit(statement)
        self._certain = was

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._functions[node.name] = node
        self._constants.define(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._functions[node.name] = node

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._constants.define(node)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(alias.name, alias.asname or alias.name.rpartition(".")[2], {})

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        names = {alias.name: alias.asname or alias.name for alias in node.names}
        self._import(node.module or "", "", names)
        for name, here in names.items():  # from package import module
            self._import(f"{node.module}.{name}" if node.module else name, here, {})

    def _import(self, module: str, here: str, names: Mapping[str, str]) -> None:
        """Take in what a module of the project assigns and defines, and the files that its import reads and writes."""
        text = self._modules(module) if self._modules and module not in self._within else None
        if text is None:
            return
        other = _Reader(modules=self._modules, within={*self._within, module})
        try:
            other.note(ast.parse(text))
        except (SyntaxError, ValueError):
            return
        if "*" in names:
            names = {name: name for name in (*other._functions, *other._constants.names())}
        self._constants.bring(other._constants, here, names)
        for name, function in other._functions.items():
            self._functions.setdefault(names.get(name, f"{here or module}.{name}"), function)
        self._read(other.reads)
        self._write(other.writes)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._constants.assign(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
        self._constants.assign(node.target, node.value)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self._constants.loop(node.target, node.iter)
        for statement in (*node.body, *node.orelse):
            self.visit(statement)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._constants.loop(node.target, node.iter)
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        for part in node.generators:  # before what is made of each
            self.visit(part)
        self.generic_visit(node)

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        was = self._certain
        self._certain = was and "__main__" in ast.dump(node.test)
        for statement in (*node.body, *node.orelse):
            self.visit(statement)
        self._certain = was

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        was, self._certain = self._certain, False
        self.generic_visit(node)
        self._certain = was

    def visit_Call(self, node: ast.Call) -> None:
        name, owner = last_name(node.func), node.func.value if isinstance(node.func, ast.Attribute) else None
        if name in ("system", "getoutput", "run_line_magic", "run_cell_magic") and owner is not None:
            self._magic(name, [a.value for a in node.args if isinstance(a, ast.Constant)])
        elif (called := f"{last_name(owner)}.{name}" if owner is not None else name) in self._functions:
            self._calls.append((called, self._given(self._functions[called], node), self._certain))
        else:
            self._passed(node, name)
            self._files(node, name, owner)
        self.generic_visit(node)

    def _passed(self, node: ast.Call, name: str) -> None:
        """Take functions that are passed to others as called: ``df.pipe(save, path)``, ``map(load, paths)``.

        What stands behind one is what it gets: in ``pipe`` after what that is called on, in ``delayed(f)(path)`` in the
        next brackets.
        """
        for number, argument in enumerate(node.args):
            if isinstance(argument, ast.Name) and argument.id in self._functions:
                lead: list[ast.expr] = [ast.Constant(None)] if name == "pipe" else []
                call = ast.Call(argument, [*lead, *node.args[number + 1 :]], node.keywords)
                self._calls.append(
                    (argument.id, self._given(self._functions[argument.id], call), self._certain)
                )
        match node.func:
            case ast.Call(args=[ast.Name(id=inner), *first]) if inner in self._functions:
                call = ast.Call(node.func, [*first, *node.args], node.keywords)
                self._calls.append((inner, self._given(self._functions[inner], call), self._certain))

    def visit_Constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, str) or " " not in node.value:
            return
        self._changes = self._changes or SQL_CHANGES.match(node.value.strip()) is not None
        self._asks = self._asks or SQL_ASKS.search(node.value) is not None
        if "'" in node.value:
            self._read(_SQL_READS.findall(node.value))
            if re.search(r"\bcopy\b", node.value, re.IGNORECASE):
                self._write(_SQL_WRITES.findall(node.value))

    def _given(self, definition: Function, call: ast.Call) -> dict[str, Values]:
        names = [argument.arg for argument in (*definition.args.posonlyargs, *definition.args.args)]
        given = {name: self._constants.values(value) for name, value in zip(names, call.args, strict=False)}
        if definition.args.vararg:
            rest = ast.Tuple(call.args[len(names) :])
            given[definition.args.vararg.arg] = self._constants.values(rest)
        return given | {k.arg: self._constants.values(k.value) for k in call.keywords if k.arg}

    def _files(self, node: ast.Call, name: str, owner: ast.expr | None) -> None:
        """Note what one call reads or writes."""
        if name in ("open", "File", "ZipFile", "Dataset") and not (
            owner and last_name(owner) in ("webbrowser",)
        ):
            self._opened(node, owner)
        elif name in ("copy", "copyfile", "copy2", "copytree", "move", "rename", "replace") and last_name(
            owner
        ) in (
            "shutil",
            "os",
        ):
            self._read(self._path(node.args[:1]))
            self._write(self._path(node.args[1:2]))
        elif name == "urlretrieve":
            self._write(self._path(node.args[1:2]) or self._path(_keyword(node, "filename")))
        elif name == "connect" and last_name(owner) in ("sqlite3", "duckdb"):
            self._databases += self._path(node.args[:1])
        elif name == "create_engine":
            urls = [text for one in node.args[:1] for text in self._constants.values(one)]
            self._databases += [
                url.partition(":///")[2] for url in urls if url.startswith(("sqlite", "duckdb"))
            ]
        elif name == "to_sql":
            self._changes = True
        elif name == "extractall":
            self._write(self._argument(node, 0))
        elif name == "unpack_archive":
            self._read(self._argument(node, 0))
            self._write(self._path(node.args[1:2], True) or self._path(_keyword(node, "extract_dir"), True))
        elif name in ("glob", "iglob", "rglob"):
            self._read(self._constants.values(node))
        elif name in ("read_text", "read_bytes", "iterdir") and owner is not None:
            self._read(self._constants.values(owner))
        elif name in ("write_text", "write_bytes") and owner is not None:
            self._write(self._constants.values(owner))
        elif name.startswith(("read_", "scan_")) or name in READERS:
            self._read(self._argument(node, 0))
        elif name in SECOND or (
            name == "save" and last_name(owner) in MODULES_WITH_THE_PATH_SECOND and len(node.args) > 1
        ):
            self._write(self._argument(node, 1))
        elif name not in NO_FILE and (name.startswith(("to_", "write_", "save_")) or name in WRITERS):
            found = self._argument(node, 0)
            end = ENDINGS.get(name, "") if last_name(owner) in ("np", "numpy") else ""
            self._write(text if text.endswith(end) else text + end for text in found)

    def _argument(self, node: ast.Call, position: int) -> Values:
        name = last_name(node.func)
        sure = name in SURELY_PATHS or (
            name == "save" and last_name(getattr(node.func, "value", None)) == "np"
        )
        return self._path(node.args[position : position + 1], sure) or self._path(
            [k.value for k in node.keywords if k.arg in KEYWORDS], sure
        )

    def _path(self, nodes: Sequence[ast.expr], sure: bool = False) -> Values:
        texts = (text for node in nodes for text in self._constants.values(node))
        return tuple(text for text in texts if text and (sure or _like_a_path(text)))

    def _opened(self, node: ast.Call, owner: ast.expr | None) -> None:
        """Note a file that is opened, by its mode: ``open(path, "w")``, ``path.open("w")``."""
        is_method = owner is not None and bool(self._constants.values(owner))
        found = self._constants.values(owner) if owner is not None and is_method else self._argument(node, 0)
        modes = node.args[0 if is_method else 1 :][:1] or _keyword(node, "mode")
        mode = next(iter(self._constants.values(modes[0])), "r") if modes else "r"
        if any(sign in mode for sign in "wax"):
            self._read(found if "a" in mode else ())
            self._write(found)
        else:
            self._read(found)
            if "+" in mode:
                self._write(found)

    def _magic(self, method: str, words: list[object]) -> None:
        texts = [str(word) for word in words]
        if method in ("system", "getoutput") and texts:
            self._write((*_REDIRECT.findall(texts[0]), *_DOWNLOAD.findall(texts[0])))
        elif method == "run_cell_magic" and len(texts) > 1:
            if texts[0] in ("writefile", "file"):
                self._write(texts[1].split()[-1:])
            elif texts[0] in ("bash", "sh", "script") and len(texts) > 2:
                self._write((*_REDIRECT.findall(texts[2]), *_DOWNLOAD.findall(texts[2])))

    def _read(self, found: Iterable[str]) -> None:
        # what the notebook itself has written before is no input
        self.reads += [path for path in found if path not in self.writes]

    def _write(self, found: Iterable[str], certain: bool = True) -> None:
        (self.writes if self._certain and certain else self.may_write).extend(found)


def _keyword(node: ast.Call, name: str) -> list[ast.expr]:
    return [keyword.value for keyword in node.keywords if keyword.arg == name]


def _like_a_path(text: str) -> bool:
    """Return whether a text can be the path of a file, and no name of something else (``load("en_core")``)."""
    return "/" in text or "." in text.strip(".")
