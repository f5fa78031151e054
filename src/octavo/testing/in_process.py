"""Run cells in the process of a test: in a module of their own, with an IPython shell that keeps what they show."""

from __future__ import annotations

import ast
import linecache
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, TextIO

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from ..dataclass import dataclass
from ..executed.outputs import same_stream
from ..model import Json

if TYPE_CHECKING:
    from types import TracebackType

#: Tests replace the functions of a module by mocks, for the notebook: here the real ones are needed.
_getcwd, _chdir = os.getcwd, os.chdir
_FIGURES = ("image/png", "application/vnd.plotly.v1+json", "application/vnd.vegalite.v5+json")


@dataclass(frozen=True, slots=True)
class CellShown:
    """What a cell has shown: its outputs, as in a notebook's file, and the objects of its figures."""

    outputs: list[Json]
    figures: list[object]


class InProcessShell:
    """Runs the cells of one notebook in a module. What runs meanwhile sees it as ``__main__``."""

    def __init__(self, module: ModuleType, folder: str) -> None:
        self._module, self._folder = module, folder
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.cache_size = 0
        with self._within():
            self._shell = InteractiveShell(
                user_module=module, user_ns=vars(module), config=config, displayhook_class=_Hook
            )
        self._shell.showtraceback = lambda *_, **__: None  # it is raised, and pytest shows it
        self._shell.showsyntaxerror = lambda *_, **__: None
        publisher = _KeptDisplays()
        self._shell.display_pub = publisher
        self._publisher, self._hook = publisher, self._shell.displayhook
        self._format = self._shell.display_formatter.format
        self._shell.display_formatter.format = self._formatted
        self._now = CellShown([], [])
        self._last: object = None

    def run(self, code: str, path: str, start: int) -> tuple[CellShown, BaseException | None]:
        """Run code that begins at a line of a file, and return what it shows and what it raises."""
        self._now = now = CellShown([], [])
        self._publisher.outputs = self._hook.outputs = now.outputs
        moved = _Moved(start - 1)
        compiler = self._shell.compile
        compiler.get_code_name = lambda *_: path
        self._shell.ast_transformers.append(moved)
        try:
            with self._within(), self._known(), _streams(now.outputs):
                result = self._shell.run_cell(code, store_history=True)
                self._flush()
        finally:
            self._shell.ast_transformers.remove(moved)
            if os.path.isfile(path):
                linecache.cache.pop(path, None)  # the file has it, with all its lines
        self._last = result.result
        return now, result.error_before_exec or result.error_in_exec

    def last(self) -> object:
        """Return the value of the last line of what has run last."""
        return self._last

    @contextmanager
    def within(self) -> Iterator[None]:
        """Let what runs meanwhile find the notebook as ``__main__``, and what stands in its folder."""
        with self._within():
            yield

    @contextmanager
    def _within(self) -> Iterator[None]:
        before, here, path = sys.modules["__main__"], _getcwd(), list(sys.path)
        hooks = sys.displayhook, sys.excepthook
        sys.modules["__main__"] = self._module
        _chdir(self._folder)
        sys.path.insert(0, self._folder)
        try:
            yield
        finally:
            sys.modules["__main__"] = before
            sys.displayhook, sys.excepthook = hooks
            _chdir(here)
            if sys.path[:1] == [self._folder]:
                del sys.path[0]
            else:
                sys.path[:] = path

    @contextmanager
    def _known(self) -> Iterator[None]:
        """Let ``display`` and ``get_ipython`` find this shell, and plots be shown nowhere else."""
        classes = list(type(self._shell)._walk_mro())
        before = [known._instance for known in classes]
        for known in classes:
            known._instance = self._shell
        backend = os.environ.get("MPLBACKEND")
        os.environ.setdefault("MPLBACKEND", "agg")
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*non-interactive.*cannot be shown", UserWarning)
                yield
        finally:
            for known, instance in zip(classes, before, strict=True):
                known._instance = instance
            if backend is None:
                os.environ.pop("MPLBACKEND", None)

    def _formatted(self, value: object, *args: object, **more: object) -> tuple[Json, Json]:
        data, metadata = self._format(value, *args, **more)
        if any(kind in data for kind in _FIGURES) or _is_figure(value):
            self._now.figures.append(value)
        return data, metadata

    def _flush(self) -> None:
        """Show the plots that are open, as Jupyter does at the end of a cell."""
        plots = sys.modules.get("matplotlib.pyplot")
        if plots is None:
            return
        for number in plots.get_fignums():
            figure = plots.figure(number)
            if not any(figure is known for known in self._now.figures):
                self._now.figures.append(figure)
                data = {"text/plain": repr(figure)}
                self._now.outputs.append({"output_type": "display_data", "metadata": {}, "data": data})
            plots.close(number)


def _is_figure(value: object) -> bool:
    return type(value).__name__ == "Figure" and type(value).__module__.partition(".")[0] in (
        "matplotlib",
        "plotly",
    )


class _Moved(ast.NodeTransformer):
    """Counts the lines of a cell as its file does."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def visit(self, node: ast.AST) -> ast.AST:
        return ast.increment_lineno(node, self._offset) if self._offset > 0 else node


class _KeptDisplays(DisplayPublisher):  # type: ignore[misc]  # IPython is read without its types
    """Keeps what is displayed."""

    outputs: list[Json]

    def publish(self, data: Json, metadata: Json | None = None, **more: object) -> None:
        if not more.get("update"):
            self.outputs.append({"output_type": "display_data", "data": data, "metadata": metadata or {}})

    def clear_output(self, wait: bool = False) -> None:
        self.outputs.clear()


class _Hook(DisplayHook):  # type: ignore[misc]
    """Keeps the value of the last line."""

    outputs: list[Json]

    def write_output_prompt(self) -> None:
        """Show none."""

    def write_format_data(self, format_dict: Json, md_dict: Json | None = None) -> None:
        count = self.shell.execution_count
        self.outputs.append(
            {"output_type": "execute_result", "execution_count": count}
            | {"data": format_dict, "metadata": md_dict or {}}
        )

    def finish_displayhook(self) -> None:
        """Print no line after it."""
        self._is_active = False


class _Tee:
    """A stream that is kept as outputs, and passed on to where the test's own output goes."""

    def __init__(self, name: str, to: TextIO, outputs: list[Json]) -> None:
        self._name, self._to, self._outputs = name, to, outputs

    def write(self, text: str) -> int:
        output: Json = {"output_type": "stream", "name": self._name, "text": text}
        if text and self._outputs and same_stream(self._outputs[-1], output):
            self._outputs[-1]["text"] += text
        elif text:
            self._outputs.append(output)
        return self._to.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._to, name)


@contextmanager
def _streams(outputs: list[Json]) -> Iterator[None]:
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Tee("stdout", before[0], outputs), _Tee("stderr", before[1], outputs)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def raised(error: BaseException) -> BaseException:
    """Return an error with the calls in the notebook alone, without those of IPython that led there."""
    inside = f"{os.sep}IPython{os.sep}core{os.sep}"
    trace: TracebackType | None = error.__traceback__
    while trace is not None and (
        inside in trace.tb_frame.f_code.co_filename or trace.tb_frame.f_code.co_filename == __file__
    ):
        trace = trace.tb_next
    return error.with_traceback(trace or error.__traceback__)
