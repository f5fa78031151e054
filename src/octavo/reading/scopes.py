"""Track Python scopes while reading a cell: which names are local, which come from outside."""

from __future__ import annotations


class Cell:
    """The top level of a cell: statements run in order, bindings stay for the next cells."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.ever: set[str] = set()
        self.declared: set[str] = set()
        self.uses: set[str] = set()
        self.later: set[str] = set()

    def load(self, name: str) -> None:
        if name not in self.bound:
            self.uses.add(name)

    def store(self, name: str) -> None:
        self.bound.add(name)
        self.ever.add(name)

    def delete(self, name: str) -> None:
        self.load(name)
        self.bound.discard(name)

    def unbind(self, name: str) -> None:
        self.bound.discard(name)

    def defer(self, name: str) -> None:
        self.later.add(name)

    def declare(self, name: str) -> None:
        self.declared.add(name)
        self.ever.add(name)


class Function:
    """The body of a function: runs later, and a name bound anywhere in it is local everywhere in it."""

    def __init__(self, outer: Scope, cell: Cell) -> None:
        self.outer, self.cell = outer, cell
        self.loads: set[str] = set()
        self.stores: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()

    def load(self, name: str) -> None:
        self.loads.add(name)

    def store(self, name: str) -> None:
        self.stores.add(name)

    delete = store
    defer = load

    def unbind(self, name: str) -> None:
        """Leave the name local: it stays so after the handler."""

    def close(self) -> None:
        for name in self.loads & self.globals:
            self.cell.defer(name)
        for name in self.stores & self.globals:
            self.cell.declare(name)
        local = self.stores - self.nonlocals
        for name in self.loads - local - self.globals:
            self.outer.defer(name)


class Class:
    """The body of a class: runs at once, and is invisible to the functions in it."""

    def __init__(self, outer: Scope) -> None:
        self.outer = outer
        self.bound: set[str] = set()

    def load(self, name: str) -> None:
        if name not in self.bound:
            self.outer.load(name)

    def store(self, name: str) -> None:
        self.bound.add(name)

    def delete(self, name: str) -> None:
        self.bound.discard(name)

    unbind = delete

    def defer(self, name: str) -> None:
        self.outer.defer(name)


class Comprehension:
    """A comprehension: runs at once, its targets are its own."""

    def __init__(self, outer: Scope) -> None:
        self.outer: Scope = outer.outer if isinstance(outer, Class) else outer
        self.bound: set[str] = set()

    def load(self, name: str) -> None:
        if name not in self.bound:
            self.outer.load(name)

    def store(self, name: str) -> None:
        self.bound.add(name)

    delete = unbind = store

    def defer(self, name: str) -> None:
        if name not in self.bound:
            self.outer.defer(name)


Scope = Cell | Function | Class | Comprehension
