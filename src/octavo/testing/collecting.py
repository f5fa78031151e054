"""Find the notebooks and pipelines that pytest is asked to test, and keep what their tests share."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .. import project as projects
from ..lazy import lazy_imports
from ..reading import folders
from ..reading.facts import facts
from . import pipelines
from .cells import CellItem, NotebookFile, NotebookItem
from .measured import Measured
from .settings import TestSettings
from .stepwise import WarmKernels
from .telling import is_tested

with lazy_imports():
    from . import together

if TYPE_CHECKING:
    from _pytest.debugging import PdbInvoke

_PIPELINE = "pipeline.yaml"
_OURS = (NotebookItem, CellItem, pipelines.TaskItem)


class Notebooks:
    """The plugin once it is asked for."""

    def __init__(self, config: pytest.Config, settings: TestSettings) -> None:
        self.config, self.settings = config, settings
        self.measured = Measured(str(config.rootpath))
        self.pause: Mapping[str, object] | None = _terminal() if config.getoption("usepdb", False) else None
        self._warm: WarmKernels | None = None
        self._modules: dict[str, None] = {}
        self._projects: dict[Path, projects.Project] = {}
        self._tasks: dict[Path, set[Path]] = {}

    # ── what is collected

    @pytest.hookimpl
    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Return the tests of a file: of a pipeline, of the tasks that run it, or of a notebook."""
        named = parent.session.isinitpath(file_path)
        if file_path.name == _PIPELINE and self.settings.pipelines and not self.settings.foreign:
            return self._of_source(file_path, file_path, parent)
        if file_path.suffix == ".py" and (named or self._is_pythons(file_path)):
            return None  # pytest asks for a module, below
        return self._notebook(file_path, parent, named)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(
        self, module_path: Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        """Return the tests of a script with cells that a person has named: as a module its code would run at once."""
        if self._is_pythons(module_path):
            return None
        return self._notebook(module_path, parent, parent.session.isinitpath(module_path))

    def _is_pythons(self, path: Path) -> bool:
        patterns = [*self.config.getini("python_files"), "conftest.py", "__init__.py"]
        return any(path.match(pattern) for pattern in patterns)

    def _notebook(self, path: Path, parent: pytest.Collector, named: bool) -> pytest.Collector | None:
        if not is_tested(path, named=named) or (self.settings.foreign and path.suffix != ".ipynb"):
            return None
        if not named and not self._wanted(path):
            return None
        if self.settings.pipelines and not self.settings.foreign:
            for pipeline in self._around(path):
                if path.resolve() in self._of_tasks(pipeline):
                    return self._of_source(pipeline, path, parent) if named else None
        file: NotebookFile = NotebookFile.from_parent(parent, path=path)
        file.octavo = self
        return file

    def _wanted(self, path: Path) -> bool:
        patterns = self.settings.notebooks
        if not patterns:
            return True
        try:
            relative = path.relative_to(self.config.rootpath)
        except ValueError:
            return False
        return any(relative.match(pattern) for pattern in patterns)

    def _around(self, path: Path) -> Iterator[Path]:
        """Yield the pipelines in the folders around a file, below the root of the tests."""
        for folder in path.parents:
            if (folder / _PIPELINE).is_file():
                yield folder / _PIPELINE
            if folder == self.config.rootpath:
                return

    def _of_tasks(self, pipeline: Path) -> set[Path]:
        if pipeline not in self._tasks:
            try:
                self._tasks[pipeline] = pipelines.notebooks(self.project(pipeline))
            except Exception:  # its own tests say why
                self._tasks[pipeline] = set()
        return self._tasks[pipeline]

    def _of_source(self, pipeline: Path, path: Path, parent: pytest.Collector) -> pytest.Collector:
        made: pipelines.PipelineFile = pipelines.PipelineFile.from_parent(parent, path=path)
        made.octavo, made.pipeline = self, pipeline
        return made

    # ── what tests share

    def project(self, pipeline: Path) -> projects.Project:
        """Return a pipeline, which is loaded once."""
        if pipeline not in self._projects:
            self._projects[pipeline] = projects.load(pipeline, params=self.settings.params)
        return self._projects[pipeline]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what the notebooks import: a process that has it starts the kernels of all of them."""
        files = {item.parent for item in session.items if isinstance(item, (NotebookItem, CellItem))}
        if len(files) > 1 and not self.measured.on:
            root = str(self.config.rootpath)
            for file in files:
                for name in facts(file.notebook).imports:
                    if not _is_own(name, (root, str(file.path.parent))):
                        self._modules[name] = None

    def warm(self) -> WarmKernels:
        """Return the executor of all notebooks."""
        if self._warm is None:
            self._warm = WarmKernels(str(self.config.rootpath), tuple(self._modules))
        return self._warm

    def now(self) -> float:
        """Return the time by which times of today are told in outputs."""
        return time.time()

    @contextmanager
    def talking(self) -> Iterator[None]:
        """Let a debugger have the terminal, where one is asked for."""
        capture = self.config.pluginmanager.getplugin("capturemanager") if self.pause else None
        if capture is None:
            yield
            return
        capture.suspend_global_capture(in_=True)
        try:
            yield
        finally:
            capture.resume_global_capture()

    # ── hooks

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Let octavo's debugger, which stands in the cell, be the only one for its tests."""
        manager = self.config.pluginmanager
        if self.pause and (theirs := manager.unregister(name="pdbinvoke")) is not None:
            manager.register(_Pdb(theirs), "pdbinvoke")

    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """End a notebook after the last of its tests."""
        file = item.parent
        if isinstance(file, NotebookFile) and (nextitem is None or nextitem.parent is not file):
            file.done()

    def pytest_sessionfinish(self) -> None:
        """End the processes of the session, and let the process that shows it know what was covered."""
        self.measured.close()
        output = getattr(self.config, "workeroutput", None)  # of a process of pytest-xdist
        if output is not None:
            output["octavo"] = self.measured.sent()
        if self._warm is not None:
            self._warm.close()
        for project in self._projects.values():
            project.close()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take what a process of pytest-xdist has to tell."""
        self.measured.received(getattr(node, "workeroutput", {}).get("octavo", ()))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: object) -> object:
        """Keep the cells of a notebook together where xdist would scatter them."""
        if self.settings.cells and config.getoption("dist", "no") in ("load", "worksteal"):
            return together.Together(config, log)
        return None

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the slowest cells with --durations, and how much of the notebooks was covered."""
        reports = [each for found in terminalreporter.stats.values() for each in found]
        if (most := self.config.getoption("durations")) is not None:
            least = self.config.getoption("durations_min", None)
            _slowest(terminalreporter, reports, most, 0.005 if least is None else least)
        self.measured.show(terminalreporter)


class _Pdb:
    """Pytest's debugger for all tests but those that had octavo's."""

    def __init__(self, theirs: PdbInvoke) -> None:
        self._theirs = theirs

    def pytest_exception_interact(
        self, node: pytest.Item, call: pytest.CallInfo[object], report: pytest.TestReport
    ) -> None:
        if not isinstance(node, _OURS):
            self._theirs.pytest_exception_interact(node, call, report)

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self._theirs.pytest_internalerror(excinfo)


def _terminal() -> dict[str, object] | None:
    """Return how a failed cell waits for a person, at the terminal of this process."""
    for stream in (sys.__stdin__, sys.__stderr__):
        try:
            if stream is not None and stream.isatty():
                return {"debug": os.ttyname(stream.fileno()), "term": os.environ.get("TERM", "")}
        except (OSError, ValueError):
            continue
    return None


def _is_own(module: str, roots: Iterable[str]) -> bool:
    """Return whether a module is the project's own, which must be imported by each notebook, or Python's."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return True
    for root in roots:
        found = folders.find_package(top, root)
        if found is not None:
            return folders.edited(os.path.realpath(found))
    return True


def _slowest(to: pytest.TerminalReporter, reports: Iterable[object], most: int, least: float) -> None:
    found = [
        (value, report.nodeid, name)
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if isinstance(value, float) and value >= least
        if report.nodeid.rpartition("::")[2] != name
    ]
    if not found:
        return
    found.sort(reverse=True)
    to.section(f"slowest {most} cells" if most else "slowest cells")
    for seconds, node, name in found[: most or None]:
        to.write_line(f"{seconds:.2f}s {node.rpartition('::')[0]}::{name}")
