"""Transcripts of the command line: what a user types, what octavo must answer, and with which exit code.

A transcript has lines ``$ octavo build``, each followed by what is printed (output and errors, as a terminal mixes
them) and by ``[2]`` where the exit code is not 0. The commands are run by sh, so that files can be arranged in between.
What differs between runs and machines is replaced by words: see ``settled``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_TIMEOUT = 120

#: What varies, and the words that stand for it in a transcript.
_VARYING = (
    (r"\b\d+ h( \d+ min)?\b|\b\d+ min( \d+ s)?\b|\b\d+\.\d+ s\b", "TIME"),
    (r"\b\d\d:\d\d:\d\d\b", "CLOCK"),
    (r"process \d+ on \S+", "process PID on HOST"),
    (r"(?<=installed: )[^\n]*", "KERNELS"),
    (r"(?<=commands: )[^\n]*", "COMMANDS"),
    (r"/\S*/interactiveshell.py:\d+", "IPYTHON"),
    (r"0x[0-9a-f]{6,}", "ADDRESS"),
    (r"(?<=PYTHON/ctypes/__init__.py:)\d+", "LINE"),  # of Python's own library: another one in each version
)


def settled(text: str, project: Path) -> str:
    """Return what was printed with everything replaced that another run would say differently."""
    text = text.replace(str(project), "PROJECT").replace(str(Path(os.__file__).parent), "PYTHON")
    for pattern, word in _VARYING:
        text = re.sub(pattern, word, text)
    return text


def commands(transcript: str) -> list[str]:
    """Return the command lines of a transcript."""
    return [line[2:] for line in transcript.splitlines() if line.startswith("$ ")]


def play(transcript: str, project: Path, bin: Path) -> str:
    """Run the commands of a transcript in a project and return the transcript as it is now.

    ``bin`` is a folder for the command ``octavo``.
    """
    shim = bin / "octavo"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m octavo "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    environ = {name: value for name, value in os.environ.items() if name not in _UNSAFE}
    environ |= {"PATH": f"{bin}{os.pathsep}{environ['PATH']}", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    environ |= {"LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    return "".join(_played(commands(transcript), project, environ))


_UNSAFE = ("FORCE_COLOR", "PLOOMBER_ENV_FILENAME", "PYTHONWARNINGS")


def _played(lines: list[str], project: Path, environ: dict[str, str]) -> Iterator[str]:
    for line in lines:
        ran = subprocess.run(
            ["sh", "-c", line],
            cwd=project,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT,
            check=False,
        )
        said = settled(ran.stdout.decode("utf-8", "replace"), project)
        yield f"$ {line}\n{said}"
        if ran.returncode:
            yield f"[{ran.returncode}]\n"
