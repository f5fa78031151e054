"""testbook's API, in the process of the test: change the import, and tests that were written for it run."""

from __future__ import annotations

import functools
import inspect
import json
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any
from unittest import mock

from .. import notebook as documents
from ..errors import NotebookError
from ..model import Json
from ..notebook.cells import Notebook
from ..notebook.inject import runs, tags
from . import in_process
from .references import (
    TestbookCellTagNotFoundError,
    TestbookError,
    TestbookExecuteResultNotFoundError,
    TestbookObjectReference,
    TestbookSerializeError,
    copied,
    is_json,
    plain,
    runtime_error,
)


class AttributeCell(dict[str, object]):
    """A cell of nbformat whose keys are attributes, too, and what it has shown."""

    def __getattr__(self, name: str) -> object:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def output_text(self) -> str:
        """What it has printed and shown."""
        return TestbookNotebookClient._output_text(self)

    @property
    def execute_result(self) -> list[Json]:
        """Its values, by MIME type."""
        return TestbookNotebookClient._execute_result(self)


class TestbookNotebookClient:
    """A notebook that is run in this process, cell by cell, as testbook's client has it."""

    __test__ = False

    def __init__(self, nb: object, allow_errors: bool = False) -> None:
        match nb:
            case Notebook():
                document = nb
            case str() | Path():
                document = documents.read(nb, name=str(nb))
            case Mapping():
                document = Notebook(json.loads(json.dumps(nb)))
            case _:  # a file that is open
                read = getattr(nb, "read", None)
                if read is None:
                    raise TypeError("a notebook is a path, an open file, or a mapping of nbformat")
                document = documents.loads(_bytes(read()), str(getattr(nb, "name", "notebook.ipynb")))
        path = Path(document.path) if document.path else None
        self.nb = AttributeCell(document.data)
        self.nb["cells"] = [AttributeCell(cell) for cell in document.cells]
        self.allow_errors = allow_errors
        self._name = str(path.resolve()) if path else "notebook"
        self._module = ModuleType("__main__")
        folder = path.resolve().parent if path else Path.cwd()
        self._shell = in_process.InProcessShell(self._module, str(folder))
        self.code_cells_executed = 0

    # ── values

    def ref(self, name: str) -> Any:
        """Return the value of an expression: as it is where it is JSON, else a reference to the object."""
        with self.guarded():
            return self.given(eval(name, vars(self._module)))

    get = __getitem__ = ref

    def value(self, code: str) -> object:
        """Run code and return the value of its last line, which must be JSON."""
        result = self._value(dedent(code).strip())
        if result is None:
            raise TestbookExecuteResultNotFoundError("code provided does not produce execute_result")
        if not is_json(result):
            raise TestbookSerializeError("could not JSON serialize output")
        return copied(result)

    def _value(self, code: str) -> object:
        try:
            expression = compile(code, f"{self._name}::value", "eval")
        except SyntaxError:  # several lines, or IPython's syntax
            _, error = self._shell.run(code, f"{self._name}::value", 1)
            if error is not None:
                raise runtime_error(in_process.raised(error)) from error
            return self._shell.last()
        with self.guarded():
            return eval(expression, vars(self._module))

    def given(self, value: object) -> object:
        """Return a value as a test gets it."""
        return copied(value) if is_json(value) else TestbookObjectReference(self, value)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Let what the notebook raises meanwhile be testbook's error."""
        try:
            with self._shell.within():
                yield
        except TestbookError:
            raise
        except Exception as error:
            raise runtime_error(error) from error

    # ── cells

    @property
    def cells(self) -> list[AttributeCell]:
        """The cells of the notebook."""
        found: list[AttributeCell] = self.nb["cells"]  # type: ignore[assignment]
        return found

    def _cell_index(self, tag: int | str) -> int:
        if isinstance(tag, int):
            return tag
        if not isinstance(tag, str):
            raise TypeError("expected tag as str")
        for index, cell in enumerate(self.cells):
            if tag in tags(cell):
                return index
        raise TestbookCellTagNotFoundError(f"Cell tag '{tag}' not found")

    def execute_cell(self, cell: object) -> AttributeCell | list[AttributeCell]:
        """Run a cell by its index or tag, or several: a slice (its end, too), a range or a list."""
        if isinstance(cell, slice):
            if cell.step is not None:
                raise TestbookError("testbook does not support step argument")
            wanted: Sequence[int] = range(self._cell_index(cell.start), self._cell_index(cell.stop) + 1)
        elif isinstance(cell, int | str):
            wanted = [self._cell_index(cell)]
        else:
            wanted = [self._cell_index(one) for one in cell]  # type: ignore[attr-defined]
        done = [self._execute(index) for index in wanted]
        return done[0] if len(done) == 1 else done

    def execute(self) -> None:
        """Run all cells."""
        for index in range(len(self.cells)):
            self._execute(index)

    def _execute(self, index: int) -> AttributeCell:
        cell = self.cells[index]
        if cell.get("cell_type") == "code" and runs(cell):
            self._ran(cell, str(cell["source"]), f"cell {index}")
        return cell

    def _ran(self, cell: AttributeCell, source: str, name: str) -> None:
        shown, error = self._shell.run(source, f"{self._name}::{name}", 1)
        self.code_cells_executed += 1
        cell["outputs"], cell["execution_count"] = (
            [AttributeCell(one) for one in shown.outputs],
            self.code_cells_executed,
        )
        if error is None:
            return
        lines = traceback.format_exception(error)
        failed = {"output_type": "error", "ename": type(error).__name__, "evalue": str(error)}
        cell["outputs"].append(AttributeCell({**failed, "traceback": lines}))  # type: ignore[attr-defined]
        if not self.allow_errors and "raises-exception" not in tags(cell):
            raise runtime_error(in_process.raised(error)) from error

    @staticmethod
    def _execute_result(cell: Mapping[str, object]) -> list[Json]:
        outputs: list[Json] = cell["outputs"]  # type: ignore[assignment]
        return [one["data"] for one in outputs if one["output_type"] == "execute_result"]

    @staticmethod
    def _output_text(cell: Mapping[str, object]) -> str:
        if "outputs" not in cell:
            raise ValueError("cell must be a code cell")
        outputs: list[Json] = cell["outputs"]  # type: ignore[assignment]
        return "".join(
            str(one["text"] if "text" in one else one.get("data", {}).get("text/plain", ""))
            for one in outputs
        ).strip()

    def cell_output_text(self, cell: int | str) -> str:
        """Return what a cell has printed and shown."""
        return self._output_text(self.cells[self._cell_index(cell)])

    def cell_execute_result(self, cell: int | str) -> list[Json]:
        """Return the values of a cell, by MIME type."""
        return self._execute_result(self.cells[self._cell_index(cell)])

    # ── what a test adds

    def inject(
        self,
        code: str | Callable[..., object],
        args: Sequence[object] | None = None,
        kwargs: Mapping[str, object] | None = None,
        run: bool = True,
        before: str | int | None = None,
        after: str | int | None = None,
        pop: bool = False,
    ) -> AttributeCell:
        """Add a cell with code, or a function that is called with arguments, and run it."""
        if isinstance(code, str):
            source = dedent(code).strip("\n")
        elif callable(code):
            source = dedent(inspect.getsource(code))
            if run:
                given = [plain(one) for one in args or ()], {k: plain(v) for k, v in (kwargs or {}).items()}
                vars(self._module)["_testbook_arguments"] = given
                source += f"\n{code.__name__}(*_testbook_arguments[0], **_testbook_arguments[1])"
        else:
            raise TypeError("can only inject function or code block as str")
        if after is not None and before is not None:
            raise ValueError("pass either before or after as kwargs")
        at = len(self.cells)
        if before is not None:
            at = self._cell_index(before)
        elif after is not None:
            at = self._cell_index(after) + 1
        cell = AttributeCell(
            {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        )
        self.cells.insert(at, cell)
        if run:
            self._ran(cell, source, f"injected {self.code_cells_executed}")
            if pop:
                self.cells.remove(cell)
        return cell

    @contextmanager
    def patch(self, target: str, *new: object, **kwargs: object) -> Iterator[Any]:
        """Replace an object by its dotted path for a while; see ``unittest.mock.patch``."""
        with self._shell.within():
            patcher = mock.patch(target, *new, **kwargs)  # type: ignore[call-overload]
            made = patcher.start()
        try:
            yield TestbookObjectReference(self, made)
        finally:
            patcher.stop()

    @contextmanager
    def patch_dict(
        self, in_dict: str, values: object = (), clear: bool = False, **kwargs: object
    ) -> Iterator[object]:
        """Change a dictionary by its dotted path for a while; see ``unittest.mock.patch.dict``."""
        with self._shell.within():
            patcher = mock.patch.dict(in_dict, values, clear, **kwargs)
            made = patcher.start()
        try:
            yield TestbookObjectReference(self, made)
        finally:
            patcher.stop()


def _bytes(data: object) -> bytes:
    return data.encode() if isinstance(data, str) else data if isinstance(data, bytes) else b""


class testbook:
    """Run a notebook for a test: a decorator, which passes the client first, or a context manager.

    ``execute``: True for all cells, or a tag, an index, a slice or a list of them. ``timeout`` and ``kernel_name`` are
    testbook's: code runs in this process, which nothing interrupts.
    """

    def __init__(
        self,
        nb: object,
        execute: object = None,
        timeout: float = 60,
        kernel_name: str = "python3",
        allow_errors: bool = False,
    ) -> None:
        if kernel_name not in ("python3", "python"):
            words = f'code runs in this very process, not in the kernel "{kernel_name}"'
            raise NotebookError(words, str(nb) if isinstance(nb, str | Path) else None)
        self._arguments = (nb, allow_errors)
        self._execute = execute
        del timeout
        self.client: TestbookNotebookClient | None = None

    def _begun(self) -> TestbookNotebookClient:
        client = self.client = TestbookNotebookClient(*self._arguments)
        if self._execute is True:
            client.execute()
        elif self._execute not in (None, False):
            client.execute_cell(self._execute)
        return client

    def __enter__(self) -> TestbookNotebookClient:
        return self._begun()

    def __exit__(self, *_: object) -> None:
        self.client = None

    def __call__(self, function: Callable[..., object]) -> Callable[..., object]:
        """Return a test that gets the client as its first argument."""

        @functools.wraps(function)
        def test(*args: object, **kwargs: object) -> object:
            with self as client:
                return function(client, *args, **kwargs)

        first, *rest = inspect.signature(function).parameters.values()
        del first
        test.__signature__ = inspect.Signature(rest)  # type: ignore[attr-defined]  # for pytest's fixtures
        return test
