"""End what a build has started, whatever became of it: sessions of their own and double forks are no way out.

The guard is the parent of the first warm server, and on Linux the one to whom the orphans below it fall
(PR_SET_CHILD_SUBREAPER), so that all that tasks start stays its descendant. When the driver closes its end of a pipe,
or dies, the guard kills them. A process that shall live on says so in its environment: ``OCTAVO_DAEMON=1``.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time

from ..process.family import descendants

#: What a process has in the environment that it was started with, if the end of the build is not to be its own.
DAEMON = b"OCTAVO_DAEMON="
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
#: Seconds in which all must be gone; what is still there then cannot be killed.
_PATIENCE = 5.0


def begin(lifeline: int) -> None:
    """Go on in a child of this process, which becomes its guard; ``lifeline`` is the end of a pipe from the driver.

    On other systems than Linux there is no guard.
    """
    if not sys.platform.startswith("linux"):
        return
    control = ctypes.CDLL(None, use_errno=True).prctl
    if control(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        return  # a sandbox that forbids it: the server and its workers watch the driver themselves
    guard = os.getpid()
    if os.fork() == 0:
        control(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != guard:
            os._exit(70)
        os.close(lifeline)
        return
    try:
        _watch(lifeline)
    finally:
        os._exit(0)


def _watch(lifeline: int) -> None:
    """Bury what ends, and when the lifeline is cut, end the rest. Without a descendant there is nothing to guard."""
    wake, woken = os.pipe()
    for end in (wake, woken):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    # what is printed, and what the driver waits for, is the server's
    for descriptor in os.listdir("/proc/self/fd"):
        if int(descriptor) not in (lifeline, wake, woken):
            try:
                os.close(int(descriptor))
            except OSError:
                pass
    poll = select.poll()
    poll.register(lifeline, 0)  # only its end is reported
    poll.register(wake, select.POLLIN)
    while _bury():
        if lifeline in [descriptor for descriptor, _ in poll.poll()]:
            break
        try:
            os.read(wake, 4096)
        except BlockingIOError:
            pass
    end_all(os.getpid())


def _bury() -> bool:
    """Wait for the children that have ended; return whether there are others."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def end_all(pid: int) -> None:
    """Kill the descendants of a process that bury itself what falls to it, except for daemons, until none is left."""
    until = time.monotonic() + _PATIENCE
    while (left := [one for one in descendants(pid) if not _daemon(one)]) and time.monotonic() < until:
        for one in left:
            try:
                os.kill(one, signal.SIGKILL)
            except OSError:
                pass
        _bury()
        time.sleep(0.005)


def _daemon(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as environment:  # noqa: PTH123
            return any(
                entry.startswith(DAEMON) and entry != DAEMON + b"0"
                for entry in environment.read().split(b"\0")
            )
    except OSError:
        return False
