"""Measure with coverage.py which lines notebooks run: their own, and those of the project's modules."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from ..lazy import lazy_imports
from ..model import Json
from ..notebook.cells import Notebook
from ..products.scratch import Scratch
from ..reading import magics
from ..verifying.again import Ran
from .stepwise import REWOUND

with lazy_imports():
    import coverage
    from coverage import exceptions, parser

if TYPE_CHECKING:
    from coverage import Coverage, CoverageData
    from pytest import TerminalReporter

#: What runs before the cells. The code of a cell is a file to Python, which has its name here.
_PRELUDE = """\
def _octavo_measure():
    import atexit, os, coverage
    shell, here = get_ipython(), os.getcwd()
    os.chdir({root!r})
    measured = coverage.Coverage({data!r}, **{options!r})
    measured._warn_unimported_source = measured._warn_no_data = False  # the session says so, of all of it
    def get_code_name(raw, code, number):
        kind = "After" if raw.endswith({rewound!r}) else "In"
        return os.path.join({cells!r}, f"{{kind}}_{{number}}.py")
    shell.compile.get_code_name = get_code_name
    def end():
        measured.stop()
        measured.save()
    atexit.register(end)
    measured.start()
    os.chdir(here)
_octavo_measure(); del _octavo_measure"""


@dataclass(frozen=True, slots=True)
class Covered:
    """The statements of a cell, and which of them were not run; lines of the cell."""

    notebook: str
    cell: str
    statements: int
    missing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Traced:
    """The lines of a file that were run, and the steps between them where branches are measured."""

    lines: Sequence[int] = ()
    arcs: Sequence[tuple[int, int]] | None = None


class Measured:
    """What the notebooks of a session have run, where coverage.py measures the session."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._scratch: Scratch | None = None
        self._run = 0
        self.covered: list[Covered] = []

    @property
    def on(self) -> bool:
        """Whether coverage.py measures this process."""
        return current() is not None

    def prelude(self) -> str:
        """Return the code that runs before the cells of a notebook, "" where nothing is measured."""
        measuring = current()
        if measuring is None:
            return ""
        if self._scratch is None:
            self._scratch = Scratch()
        self._run += 1
        folder = self._folder()
        cells = folder / "cells"
        cells.mkdir(parents=True)
        code = _PRELUDE.format(
            root=os.getcwd(),
            data=str(folder / "data"),
            options=options_of(measuring, str(cells)),
            cells=str(cells),
            rewound=REWOUND,
        )
        return code + REWOUND

    def _folder(self) -> Path:
        assert self._scratch is not None
        return Path(self._scratch.path).resolve() / str(self._run)

    def take(self, notebook: Notebook, ran: Ran, names: Iterable[tuple[int, int, str]]) -> None:
        """Add what the last run has measured to the session's data; its cells are told apart."""
        measuring = current()
        if measuring is None or self._scratch is None:
            return
        folder = self._folder()
        own: dict[str, Traced] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pytest's own process may have run nothing that is measured
            data = measuring.get_data()
        for file, traced in traced_in(sorted(folder.glob("data*"))):
            if Path(file).parent == folder / "cells":
                own[Path(file).stem] = traced
            elif os.path.isfile(file):
                add(data, file, traced)
        self.cells(notebook, ran.counts, names, own)
        add_script(data, measuring, notebook, ran.counts, own)

    def cells(
        self,
        notebook: Notebook,
        counts: Mapping[int, int | None],
        names: Iterable[tuple[int, int, str]],
        own: Mapping[str, Traced],
    ) -> None:
        """Note of each cell what was not run; ``own`` is what was run of each, by its number in ``counts``."""
        where = os.path.relpath(notebook.path)
        for index, _, name in names:
            code = notebook.cells[index]["source"]
            if (found := _statements(code)) is None:
                continue
            statements, first = found
            traced = own.get(f"In_{counts.get(index)}", Traced())
            run = {first(line) for line in traced.lines}
            missing = tuple(sorted(statements - run))
            self.covered.append(Covered(where, name, len(statements), missing))

    def close(self) -> None:
        """Remove what was measured for a moment."""
        if self._scratch is not None:
            self._scratch.remove()
            self._scratch = None

    def show(self, to: TerminalReporter) -> None:
        """Show how much of the notebooks was run, by notebook and cell."""
        if not self.covered:
            return
        to.section("coverage of notebooks, by cell", "-")
        widest = max(len(one.notebook) for one in self.covered)
        widest = max(widest, *(len(one.cell) + 2 for one in self.covered))
        to.write_line(f"{'Name':<{widest}}  Stmts   Miss  Cover   Missing")
        of: dict[str, list[Covered]] = {}
        for one in self.covered:
            of.setdefault(one.notebook, []).append(one)
        for notebook in sorted(of):
            whole = of[notebook]
            statements, missing = sum(c.statements for c in whole), sum(len(c.missing) for c in whole)
            to.write_line(_line(notebook, widest, statements, missing))
            for one in whole:
                if one.missing:
                    row = _line(f"  {one.cell}", widest, one.statements, len(one.missing))
                    to.write_line(f"{row}   {', '.join(_ranges(one.missing))}")

    def sent(self) -> list[tuple[str, str, int, list[int]]]:
        """Return what a process of pytest-xdist tells the one that shows it."""
        return [(one.notebook, one.cell, one.statements, list(one.missing)) for one in self.covered]

    def received(self, found: Iterable[tuple[str, str, int, list[int]]]) -> None:
        """Add what another process has sent."""
        self.covered += [
            Covered(notebook, cell, count, tuple(lines)) for notebook, cell, count, lines in found
        ]


def current() -> Coverage | None:
    """Return what measures this process."""
    if "coverage" not in sys.modules:
        return None
    found: Coverage | None = coverage.Coverage.current()
    return found


def options_of(measuring: Coverage, cells: str | None = None) -> Json:
    """Return the arguments that make another one measure the same, and the cells."""
    config = measuring.config
    found: Json = {"config_file": config.config_file or False, "branch": config.branch}
    found["omit"] = list(config.run_omit or ())
    if config.source or config.source_pkgs or config.source_dirs:
        named = [*(config.source or ()), *(config.source_dirs or ())]
        found["source"] = [os.path.abspath(one) if os.path.isdir(one) else one for one in named]
        found["source"] += [cells] if cells else []
        found["source_pkgs"] = list(config.source_pkgs or ())
    elif config.run_include:
        found["include"] = [*config.run_include, *([f"{cells}/*"] if cells else [])]
    return found


def traced_in(paths: Iterable[Path]) -> Iterator[tuple[str, Traced]]:
    """Yield the files that a run has measured; what a process that was killed has half written is left out."""
    for path in paths:
        found = coverage.CoverageData(basename=str(path))
        try:
            found.read()
            steps = found.has_arcs()
            whole = [
                (file, Traced(found.lines(file) or [], (found.arcs(file) or []) if steps else None))
                for file in found.measured_files()
            ]
        except exceptions.CoverageException:
            continue
        yield from whole


def add(data: CoverageData, file: str, traced: Traced) -> None:
    """Add what was run of a file, in the way in which the session measures."""
    if traced.arcs is not None:
        data.add_arcs({file: traced.arcs})
    else:
        data.add_lines({file: traced.lines})


def add_script(
    data: CoverageData,
    measuring: Coverage,
    notebook: Notebook,
    counts: Mapping[int, int | None],
    own: Mapping[str, Traced],
) -> None:
    """Add a script's own lines by their numbers in its file."""
    file = os.path.abspath(notebook.path)
    if notebook.origin is None or not file.endswith(".py") or not own:
        return
    possible = None
    if measuring.config.branch:
        try:
            known = parser.PythonParser(filename=file)
            known.parse_source()
            possible = set(known.arcs())
        except exceptions.CoverageException:
            return  # it has magics
    lines: list[int] = []
    arcs: list[tuple[int, int]] = []
    for index, count in counts.items():
        start, traced = notebook.line(index), own.get(f"In_{count}", Traced())
        lines += [start + line - 1 for line in traced.lines if start]
        if start and possible is not None:
            spans = _spans(notebook.cells[index]["source"], start)
            arcs += _moved(traced.arcs or (), start - 1, spans, possible)
    add(data, file, Traced(lines, None if possible is None else arcs))


def _spans(code: str, start: int) -> list[range]:
    """Return the lines of each statement of a cell, as its script counts them."""
    try:
        body = magics.parse(code).body
    except SyntaxError:
        return []
    first = (
        min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))]) for node in body
    )
    return [
        range(start + at - 1, start + (node.end_lineno or at)) for at, node in zip(first, body, strict=True)
    ]


def _moved(
    arcs: Iterable[tuple[int, int]], offset: int, spans: Sequence[range], possible: Set[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Yield the steps between lines that a cell took as those of its script, in which one statement follows another.

    ``possible`` are the steps that the script can take. Negative numbers are entries and exits: IPython runs each
    statement of a cell by itself.
    """
    for before, after in arcs:
        here = before + offset if before > 0 else before - offset
        there = after + offset if after > 0 else after - offset
        if (here, there) in possible:
            yield here, there
        elif before > 0 > after:
            span = next((one for one in spans if here in one), range(0))
            yield from ((one, other) for one, other in possible if one == here and other not in span)


def _statements(code: str) -> tuple[set[int], Callable[[int], int]] | None:
    """Return the first lines of a cell's statements, and what leads from any line to that; None for no Python."""
    try:
        found = parser.PythonParser(text=magics.python(code) + "\n")
        found.parse_source()
    except (exceptions.CoverageException, SyntaxError, ValueError):
        return None
    return set(found.statements), found.first_line


def _line(name: str, widest: int, statements: int, missing: int) -> str:
    share = 100 if not statements else int(100 * (statements - missing) / statements)
    return f"{name:<{widest}}  {statements:>5}  {missing:>5}  {share:>4}%"


def _ranges(lines: Sequence[int]) -> Iterator[str]:
    """Yield 4-6 for 4, 5, 6."""
    first = last = lines[0]
    for line in (*lines[1:], -1):
        if line != last + 1:
            yield str(first) if first == last else f"{first}-{last}"
            first = line
        last = line
