"""Give a message to a command: its text as standard input, what it is about as environment variables."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from ..errors import Error

if TYPE_CHECKING:
    from .message import Message

_PATIENCE = 60


def run(line: str, found: Message, root: str) -> None:
    """Run a line of shell in the folder of the project; raise an error if it fails or does not end."""
    failed = ",".join(str(it["task"]) for it in found.facts.get("failures", ()))
    about = {
        "OCTAVO_SUBJECT": found.subject,
        "OCTAVO_OUTCOME": found.outcome,
        "OCTAVO_RUN": str(found.facts.get("run", "")),
        "OCTAVO_FAILED": failed,
    }
    try:
        ended = subprocess.run(
            line,
            shell=True,
            cwd=root,
            input=found.text.encode("utf-8", "replace"),
            env={**os.environ, **about},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Error(f"{line}: it did not end within {_PATIENCE} s") from None
    if ended.returncode:
        said = ended.stdout.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
        raise Error(f"{line}: exit code {ended.returncode}{f': {said}' if said else ''}")
