"""Let Jupyter clients attach to the kernel of a worker."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable

import zmq
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from ipykernel.zmqshell import ZMQInteractiveShell
from tornado.ioloop import IOLoop

from ..products.scratch import Scratch

#: Seconds that the thread which has answered the last request has to end.
_LAST = 5.0


def serve(shell: ZMQInteractiveShell, loop: asyncio.AbstractEventLoop, ready: Callable[[str], None]) -> None:
    """Serve the shell of a native kernel until a client shuts it down; ``ready`` is told the connection file.

    The shell stays the same object, with its variables, magics and history; kernel and application, which speak to
    clients, are new.
    """
    scratch = Scratch(
        sockets=True
    )  # locked until this process ends; who reads of it in the driver removes it
    folder = scratch.path
    streams = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
    IPKernelApp.clear_instance()
    IPythonKernel.clear_instance()
    app = IPKernelApp.instance(
        connection_file=os.path.join(folder, f"kernel-{os.getpid()}.json"),
        transport="ipc" if zmq.has("ipc") else "tcp",
        ip=f"{folder}/k" if zmq.has("ipc") else "127.0.0.1",
        log=logging.getLogger("octavo.kernel"),
        log_level=logging.CRITICAL,
        parent_handle=0,  # the driver ends us
        exec_PYTHONSTARTUP=False,
        hide_initial_ns=False,
        quiet=True,
        user_ns=shell.user_ns,
    )
    path = list(sys.path)
    app.ipython_dir = folder  # nothing is read from the user's profile
    asyncio.set_event_loop(loop)  # the notebook's own, for its background tasks
    IOLoop.current()
    app.initialize([])
    sys.path[:] = path
    shell.kernel = app.kernel
    shell.exit_now = False
    try:
        ready(app.abs_connection_file)
        app.start()
    finally:
        if (control := app.control_thread) is not None:
            # its last words go to IOPub, which ``close`` ends first, and then waits for it, for ever
            control.stop()
            control.join(_LAST)
        app.close()
        sys.stdout, sys.stderr = streams[:2]
        sys.__stdout__, sys.__stderr__ = streams[2:]  # type: ignore[misc]
