"""What Dask's workers call: a command in a process of its own, whose exit code is the result."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence

#: The exit code of what is worth another attempt, how many there are, and the seconds between them.
_TRANSIENT, _TRIES, _PAUSE = 75, 3, 10.0
#: The variable that says whose child a task is: where that has gone, nobody waits for it, and another runs it.
PARENT = "OCTAVO_PARENT"


def step(command: Sequence[str], environ: Mapping[str, str], *before: int) -> int:
    """Run a command if all before it ended well, and return its exit code; -1: it was not run.

    Nothing is raised: an exit of the process itself would end the worker, with all that it runs.
    """
    if any(before):
        return -1
    try:
        child = {**os.environ, **environ, PARENT: str(os.getpid())}
        for attempt in range(1, _TRIES + 1):
            code = subprocess.run(command, env=child, stdin=subprocess.DEVNULL, check=False).returncode
            if code >= 0 and code != _TRANSIENT:
                break
            time.sleep(_PAUSE if attempt < _TRIES else 0)
        return abs(code)
    except OSError as error:
        raise RuntimeError(f"{command[0]}: {error.strerror}") from error
