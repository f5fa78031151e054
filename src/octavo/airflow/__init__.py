"""An operator for Airflow 2.11 and 3, where octavo is installed beside it: a notebook, or tasks of a project.

    from octavo.airflow import OctavoOperator

    day = {"day": "{{ ds }}"}
    OctavoOperator(task_id="report", input_nb="in.ipynb", output_nb="out-{{ ds }}.ipynb", parameters=day)
    OctavoOperator(task_id="sales", project="/srv/sales", targets=["report"], parameters=day)

Only DAG files load this module: Airflow is there. What it runs is octavo in a process of its own, so a notebook that
takes all memory, or that is stopped by hand, ends without the worker that has started it.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress

try:
    from airflow.sdk import BaseOperator
except ImportError:  # Airflow 2
    from airflow.models import BaseOperator
from airflow.exceptions import AirflowException, AirflowFailException

from ..errors import Error

#: Exit codes of what another attempt would not mend: the user has to change something, or it is octavo's mistake.
_FINAL = (2, 70)
#: Seconds that a run has to end, once it was told to.
_PATIENCE = 15.0


class OctavoOperator(BaseOperator):  # type: ignore[misc]  # no types where Airflow is not installed
    """Run a notebook, with the arguments of ``PapermillOperator``, or build ``targets`` of a ``project``.

    ``options`` are more words for ``octavo run`` or ``octavo build``, such as ``["--memory", "4GB"]``; ``octavo``
    is the command, by default that of the interpreter which Airflow runs in. It returns the executed notebook's path.
    """

    template_fields: Sequence[str] = (
        "input_nb",
        "output_nb",
        "parameters",
        "kernel_name",
        "language_name",
        "project",
        "targets",
        "options",
    )
    template_fields_renderers: Mapping[str, str] = {"parameters": "json"}
    ui_color = "#e8f2ef"

    def __init__(
        self,
        *,
        input_nb: object = None,
        output_nb: object = None,
        parameters: Mapping[str, object] | None = None,
        kernel_name: str | None = None,
        language_name: str | None = None,
        kernel_conn_id: str | None = None,
        log_output: bool = False,
        nbconvert: bool = False,
        nbconvert_args: Sequence[str] | None = None,
        project: str | None = None,
        targets: Sequence[str] = (),
        options: Sequence[str] = (),
        octavo: str | None = None,
        **words: object,
    ) -> None:
        super().__init__(**words)
        if kernel_conn_id:
            raise Error("octavo starts kernels itself: there is no kernel_conn_id", hint="kernel_name=NAME")
        if nbconvert or nbconvert_args:
            raise Error("output_nb says the format", hint='output_nb="report.html" is exported')
        if (project is None) == (input_nb is None):
            raise Error("an OctavoOperator runs a notebook or a project", hint="input_nb=, or project=")
        if project is None and (not output_nb or targets):
            hint = "output_nb=PATH" if not output_nb else "a notebook has no targets: project=FOLDER has"
            raise Error("a notebook needs input_nb and output_nb", hint=hint)
        if project is not None and (output_nb or kernel_name or language_name):
            raise Error(
                "pipeline.yaml says the products and kernels of a project",
                hint="parameters= sets what it asks",
            )
        self.input_nb = getattr(input_nb, "url", input_nb)
        self.output_nb = getattr(output_nb, "url", output_nb)
        # papermill's operator takes them from a NoteBook, if it is given one
        self.parameters = parameters if parameters is not None else getattr(input_nb, "parameters", None)
        self.kernel_name = kernel_name
        self.language_name = language_name
        self.log_output = log_output
        self.project = project
        self.targets = [*targets]
        self.options = [*options]
        self.octavo = octavo
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: object) -> str | None:
        """Run octavo, and show what it prints in the log of the task."""
        with tempfile.TemporaryDirectory(prefix="octavo-") as folder:
            path = os.path.join(folder, "parameters.json")
            with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - for one that is removed
                json.dump(dict(self.parameters or {}), file, default=str)
            code = self._run([*self._words(), "--parameters-file", path])
        if code:
            words = f"octavo ended with exit code {code}: the log says why"
            raise (AirflowFailException if code in _FINAL else AirflowException)(words)
        return None if self.output_nb is None else str(self.output_nb)

    def on_kill(self) -> None:
        """End the run: octavo ends what it has started."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):  # a signal may have come while it was waited for
                process.wait(_PATIENCE)

    def _words(self) -> list[str]:
        command = shlex.split(self.octavo) if self.octavo else [sys.executable, "-P", "-m", "octavo"]
        if self.project is not None:
            return [
                *command,
                "build",
                *self.targets,
                "--no-progress-bar",
                *self._shown("--verbose"),
                *self.options,
            ]
        words = [
            *command,
            "run",
            str(self.input_nb),
            str(self.output_nb),
            "--report-mode",
            "--no-progress-bar",
        ]
        words += ["--kernel", self.kernel_name] if self.kernel_name else []
        words += ["--language", self.language_name] if self.language_name else []
        return [*words, *self._shown("--log-output"), *self.options]

    def _shown(self, option: str) -> list[str]:
        return [option] if self.log_output else []

    def _run(self, words: Sequence[str]) -> int:
        """Run a command to its end, which may be that of this task, and return its exit code."""
        self._process = subprocess.Popen(
            words,
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            for line in self._process.stdout or ():
                self.log.info("%s", line.rstrip("\n"))
            return self._process.wait()
        finally:
            self.on_kill()
