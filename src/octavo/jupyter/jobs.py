"""Run the jobs of jupyter-scheduler: notebooks in octavo's workers, and pipelines, which are built where they are."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from jupyter_scheduler.executors import DefaultExecutionManager

from .. import project as projects
from ..errors import Error, Errors, each
from ..process.signals import at_most
from ..products import writing
from ..show import graph_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..report import Report

_PIPELINES = (".yaml", ".yml")
#: What a job may say in ``runtime_environment_parameters``.
_OPTIONS = ("pipeline", "targets", "timeout", "retries", "memory")


class OctavoExecutionManager(DefaultExecutionManager):
    """The execution manager: ``c.Scheduler.execution_manager_class = "octavo.jupyter.jobs.OctavoExecutionManager"``."""

    def execute(self) -> None:
        """Run the job; what is raised is the message of a job that failed."""
        options = dict(self.model.runtime_environment_parameters or {})
        if unknown := sorted(options.keys() - {*_OPTIONS}):
            raise Error(f"a job has no option {', '.join(unknown)}", hint=f"options: {', '.join(_OPTIONS)}")
        values = {name: _value(text) for name, text in (self.model.parameters or {}).items()}
        work = self._pipeline if self.staging_paths["input"].endswith(_PIPELINES) else self._notebook
        try:
            work(values, options)
        except Errors as errors:
            raise Error("\n".join(map(str, each(errors)))) from None

    def supported_features(cls) -> dict[object, bool]:
        """Return what jobs may ask for: what the default manager says, who has no word for the options of ours."""
        features: dict[object, bool] = DefaultExecutionManager.supported_features(DefaultExecutionManager)
        return features

    def validate(cls, input_path: str) -> bool:
        """Return whether a file can be a job: every notebook that octavo runs, and pipelines."""
        return input_path.endswith((*_PIPELINES, ".ipynb", ".py", ".md", ".Rmd", ".qmd"))

    def _notebook(self, values: Mapping[str, object], options: Mapping[str, object]) -> None:
        if wrong := {"pipeline", "targets"} & options.keys():
            raise Error(f"{' and '.join(sorted(wrong))} are for jobs of a pipeline")
        source = Path(self.staging_paths["input"])
        made = source.with_name(f".{source.stem}.executed.ipynb")
        timeout, memory = _seconds(options), options.get("memory")

        def attempt() -> Report:
            return projects.run(
                source,
                made,
                parameters=values,
                cwd=source.parent,
                timeout=timeout,
                memory=None if memory is None else str(memory),
            )

        try:
            failed = _tried(attempt, options)
            if made.exists():
                notebook = nbformat.read(made, as_version=4)
                made.unlink()
                self.add_side_effects_files(str(source.parent))
                self.create_output_files(self.model, notebook)
        finally:
            made.unlink(missing_ok=True)
        if failed:
            raise Error(failed)

    def _pipeline(self, values: Mapping[str, object], options: Mapping[str, object]) -> None:
        formats = [*(self.model.output_formats or ())]
        if formats not in ([], ["html"]):
            raise Error(
                "a pipeline's products stay in their places; the only output of its job is html, its graph"
            )
        if "memory" in options:
            raise Error("memory is for jobs of a notebook", hint="the tasks of a pipeline have their own")
        # the copy of the file that jobs get is not among its sources
        path = os.path.join(self.root_dir, str(options.get("pipeline", self.model.input_filename)))
        if not os.path.isfile(path):
            hint = 'say where it is: runtime_environment_parameters = {"pipeline": "folder/pipeline.yaml"}'
            raise Error(f"there is no pipeline {path}", hint=hint)
        targets = str(options.get("targets", "")).split()
        with projects.load(path, params=values) as project:
            seconds = _seconds(options)
            # a job has a process, and its main thread, to itself
            with at_most(seconds, lambda: Error(f"the pipeline took longer than {seconds:g} s")):
                failed = _tried(lambda: project.build(targets), options)
            if formats:
                page = graph_page.html(project.status(targets), project.root.name)
                writing.write(Path(self.staging_paths["html"]), [page.encode()])
        if failed:
            raise Error(failed)


def _tried(attempt: Callable[[], Report], options: Mapping[str, object]) -> str:
    """Try as often as the job says; return why it failed in the end, "" if it did not."""
    try:
        retries = int(str(options.get("retries", 0)))
    except ValueError:
        raise Error(f"retries is {options['retries']!r}, which is no whole number") from None
    for _ in range(retries + 1):
        report = attempt()
        if not report.exit_code:
            return ""
    return "\n".join(
        f"{name}: {event.failure.kind}: {event.failure.message}" if event.failure else f"{name} failed"
        for name, event in report.failures.items()
    )


def _seconds(options: Mapping[str, object]) -> float | None:
    try:
        seconds = None if "timeout" not in options else float(str(options["timeout"]))
    except ValueError:
        seconds = 0.0
    if seconds is not None and not seconds > 0:
        raise Error(f"timeout is {options['timeout']!r}, which is no number of seconds")
    return seconds


def _value(text: str) -> object:
    """Return the value of a parameter, which is written as Python writes it; anything else is a text."""
    try:
        found: object = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return found
