"""Clients that run code with a command."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from .. import plugins
from ..errors import Error
from ..products.scratch import Scratch
from .remembered import Client

#: What stands for the file that holds the code.
_PLACE = "path_to_code"


class ShellClient(Client):
    """A client that runs code in a shell.

    ``run_template`` is the command, with ``{{path_to_code}}`` for the file that holds the code.
    ``subprocess_run_kwargs`` are what ``subprocess.run`` takes besides; without them what the command prints is
    shown as it comes.
    """

    def __init__(
        self,
        run_template: str = "bash {{path_to_code}}",
        subprocess_run_kwargs: Mapping[str, Any] | None = None,  # what subprocess.run takes
    ) -> None:
        self.run_template = run_template
        self.subprocess_run_kwargs = dict(subprocess_run_kwargs or {})

    @property
    def connection(self) -> NoReturn:
        raise NotImplementedError("a shell has no connection")

    def command(self, path: str) -> list[str]:
        """Return the command's words for a file of code."""
        text = plugins.load("jinja2:Template")(self.run_template).render({_PLACE: shlex.quote(path)})
        if shlex.quote(path) not in text:
            raise Error(
                f"the run_template {self.run_template!r} has no placeholder for the code",
                hint=f"add {{{{{_PLACE}}}}}",
            )
        return shlex.split(text)

    def execute(self, code: str) -> None:
        """Run code; an exit code other than 0 raises RuntimeError with what was printed, where that was captured."""
        with Scratch() as scratch:
            path = Path(scratch.path, "code.sh")
            path.write_text(code, encoding="utf-8")
            ended = subprocess.run(self.command(str(path)), check=False, **self.subprocess_run_kwargs)
        if ended.returncode:
            output = [_text(stream).strip() for stream in (ended.stdout, ended.stderr)]
            raise RuntimeError(
                "\n".join([f"the command ended with exit code {ended.returncode}", *filter(None, output)])
            )


def _text(printed: bytes | str | None) -> str:
    return printed.decode("utf-8", "replace") if isinstance(printed, bytes) else printed or ""
