"""The process of a Jupyter kernel: command, environment, signals, last output and exit."""

from __future__ import annotations

import os
import re
import signal
import string
import subprocess
import sys
import time
from collections import deque

from ..errors import KernelError, MissingExtra
from ..lazy import lazy_imports
from .specs import Kernelspec

with lazy_imports():
    # 20 ms that only an interrupt should cost; ipykernel brings it
    import psutil  # type: ignore[import-untyped, unused-ignore]


class Process:
    """The process of a kernel. What it prints itself is no output of any cell: its end is kept for error messages."""

    def __init__(self, spec: Kernelspec, folder: str) -> None:
        self.printed, write = os.pipe()
        os.set_blocking(self.printed, False)
        self._tail: deque[bytes] = deque(maxlen=32)
        try:
            # JPY_PARENT_PID: ipykernel ends by itself when this process is gone
            self._popen = subprocess.Popen(
                _command(spec, folder),
                stdin=subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                env=_environment(spec) | {"JPY_PARENT_PID": str(os.getpid())},
            )
        except OSError as error:
            os.close(self.printed)
            message = f'the kernel "{spec.name}" cannot be started: {error.strerror}: {spec.argv[0]}'
            raise KernelError(message, hint=f"its kernelspec is {spec.folder}") from None
        finally:
            os.close(write)

    def poll(self) -> int | None:
        """Return how it ended, as subprocess does; None while it runs."""
        return self._popen.poll()

    def listen(self) -> bool:
        """Take what was printed; return False when nothing more can come."""
        try:
            while data := os.read(self.printed, 1 << 16):
                self._tail.append(data[-4096:])
        except BlockingIOError:
            return True
        return False

    def last_words(self, lines: int) -> list[str]:
        self.listen()
        return b"".join(self._tail).decode("utf-8", "replace").splitlines()[-lines:]

    def wait(self, timeout: float = 5.0) -> int:
        """Wait for its end without letting it block on its own output; return 0 when it does not come."""
        deadline = time.monotonic() + timeout
        while (code := self._popen.poll()) is None and time.monotonic() < deadline:
            self.listen()
            time.sleep(0.003)
        return code or 0

    def send_signal(self, number: int) -> None:
        """Send a signal to it and to those of its children that a signal of a terminal would reach."""
        for pid in [*_children(self._popen.pid), self._popen.pid]:
            try:
                os.kill(pid, number)
            except OSError:
                pass

    def used(self) -> tuple[float | None, int | None]:
        """Return its processor seconds and its peak of memory in bytes; None for what the system does not tell."""
        try:
            with open(f"/proc/{self._popen.pid}/stat", encoding="ascii", errors="replace") as stat:  # noqa: PTH123
                # the command's name, in parentheses, may hold anything
                ticks = stat.read().rpartition(")")[2].split()[11:13]
            with open(f"/proc/{self._popen.pid}/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123
                peak = next((line.split()[1] for line in status if line.startswith("VmHWM:")), None)
        except OSError:
            return None, None
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"), int(peak) * 1024 if peak else None

    def end(self) -> None:
        """Kill it, if it still runs, with its children."""
        if self._popen.poll() is None:
            self.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self._popen.wait()
        os.close(self.printed)


def _children(pid: int) -> list[int]:
    """Return the processes below one in its process group, those below them first."""
    try:
        group = os.getpgid(pid)
        below = [child.pid for child in psutil.Process(pid).children(recursive=True)]
        return [child for child in reversed(below) if os.getpgid(child) == group]
    except MissingExtra:
        return []
    except (OSError, psutil.Error):
        return []


def _command(spec: Kernelspec, folder: str) -> list[str]:
    known = {
        "connection_file": os.path.join(folder, "kernel.json"),
        "resource_dir": spec.folder,
        "prefix": sys.prefix,
    }
    command = [re.sub(r"\{(\w+)\}", lambda match: known.get(match[1], match[0]), part) for part in spec.argv]
    command[0] = os.path.expanduser(command[0])
    if command[0] in ("python", "python3", f"python3.{sys.version_info[1]}"):
        command[0] = sys.executable  # as Jupyter does: the environment may not be the one on the PATH
    if (at := _runs_ipykernel(command)) is not None:
        command[at : at + 2] = ["-c", _IPYKERNEL.format(folders=_folders())]
    if any("ipykernel" in part for part in command):
        command.append("--HistoryManager.hist_file=:memory:")  # kernels in parallel would wait for one file
    return command


#: What ``python -m ipykernel_launcher`` does, with the project's modules after the standard library, as for kernels
#: in the worker, and never before it: Python would look for its own in the folder that it starts in.
_IPYKERNEL = """\
import sys; sys.path[:1] == [''] and sys.path.pop(0)
at = next((n for n, path in enumerate(sys.path) if '-packages' in path), len(sys.path)); sys.path[at:at] = {folders!r}
import runpy; runpy.run_module('ipykernel_launcher', run_name='__main__', alter_sys=True)
"""


def _runs_ipykernel(command: list[str]) -> int | None:
    """Return where ``-m ipykernel_launcher`` stands in a command; None where it does not."""
    return next((n for n in range(len(command)) if command[n : n + 2] == ["-m", "ipykernel_launcher"]), None)


def _folders() -> list[str]:
    """Return where this worker looks for modules after the standard library, but for the folder that it works in."""
    first = next((n for n, path in enumerate(sys.path) if "-packages" in path), len(sys.path))
    standard = os.path.dirname(os.path.dirname(os.__file__)) + os.sep
    known = {"", os.getcwd(), *os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    return [path for path in sys.path[:first] if path not in known and not path.startswith(standard)]


def _environment(spec: Kernelspec) -> dict[str, str]:
    env = dict(os.environ)
    env |= {name: string.Template(value).safe_substitute(env) for name, value in spec.env.items()}
    if spec.language.lower() == "python":
        env.pop("PYTHONEXECUTABLE", None)
    return env


def ending(code: int) -> str:
    """Return how a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"{name}: the system ran out of memory, or somebody killed it" if name == "SIGKILL" else name
